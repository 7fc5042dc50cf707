/* The job service: what other services, the console and the node may ask of it [P 9.1, 9.2].
 *
 * One program that runs = one job = one address space, spread over all members. Its entry (map,
 * files, threads, exit state) lives once, at the manager of key_make(SERVICE_JOB, job, 0); every
 * node has a row with the areas that it has learnt so far. Growth of the map is learnt lazily, by
 * asking; shrinking waits for every node.
 *
 *   who           calls it answers by CALL_*
 *   job           RUN KILL INPUT | MAP FILE WRITE_OUT READ_IN EXIT_GROUP (kill: JOB_END)
 *   threads       CLONE EXIT KILL_THREAD SLEEP (services/threads.h)
 *   sync          FUTEX_* BARRIER (services/sync.h)
 *
 * A message of a job that is not open here, or of another generation of it, is a straggler: dropped
 * quietly. */
#pragma once

#include "adapt/service.h"

extern const struct service_ops job_service;

/* Linux's bits of an area's protection; the rest is refused with EINVAL. */
enum { PROT_BIT_READ = 1, PROT_BIT_WRITE = 2, PROT_BIT_EXEC = 4 };

/* ---- for the DSM
 * -------------------------------------------------------------------------------- */

/* What a node knows of an area. */
struct area_info {
    page_no first;
    uint32_t pages;
    uint16_t birth; /* map version that made it: carry it in DSM messages; an entry or a message of
                       a page with an older birth (job_birth_is_older) belongs to an unmapped area:
                       drop it */
    uint8_t prot;   /* PROT_BIT_* */
    uint8_t
        most; /* enum access that prot allows: i386 has no write without read, no execute right */
};

enum area_answer {
    AREA_YES,   /* `info` holds the area, and it allows this access */
    AREA_NO,    /* the manager has just said so, for this very fault: SIGSEGV */
    AREA_ASKED, /* not known here: the manager is asked (once per page in flight); dsm_on_area(n,
                   job, page) comes with the answer, and this is to be called again. Also when the
                   job is not open: then nothing ever comes but on_job_close */
};

/* May a thread of the job here access the page? AREA_NO is only ever given inside dsm_on_area(),
 * because a refusal must be younger than the fault: the area may have been mapped elsewhere a
 * moment ago. (Pages outside user space are refused at once.) */
enum area_answer job_area_check(struct node *n, job_id job, page_no page, enum access access,
                                struct area_info *info);

/* An area of this birth that held the page was unmapped here just now, and perhaps not everywhere
 * yet: a request of its page is a straggler, whose node asks anew when it has unmapped too. */
bool job_page_is_gone(const struct node *n, job_id job, page_no page, uint16_t birth);

/* 16-bit map versions, compared round the corner. */
static inline bool job_birth_is_older(uint16_t birth, uint16_t than) {
    return (int16_t)(uint16_t)(birth - than) < 0;
}

/* ---- for every service
 * -------------------------------------------------------------------------- */

/* Generation of the job as open on this node; 0: not open here (no generation is 0). Put it into
 * msg.head.generation of every message about the job. */
uint16_t job_generation(const struct node *n, job_id job);
/* False: a straggler of a job that is over, or of another generation; the receiver drops it. */
bool job_is_current(const struct node *n, const struct msg *m);
/* The job that the thread in this slot belongs to; 0: the slot is empty. */
job_id job_of_token(const struct node *n, token_no token);
/* An empty message (msg_begin) with the generation of the key's job filled in. */
void job_msg_begin(struct node *n, struct msg *m, enum msg_type type, uint64_t key);
/* Ends the job with this wait(2) status; the first status counts. Nothing if it is not open
 * here. */
void job_end(struct node *n, job_id job, uint32_t status);

/* Sends what the thread in this slot wants to write (CALL_WRITE_OUT, kept in the slot) to the job's
 * origin, or holds it: threads_long_take(). */
void job_write(struct node *n, token_no token);

/* ---- for the console
 * ---------------------------------------------------------------------------- */

struct job_row {
    job_id job;
    uint16_t generation;
    seat_id origin, manager;
    uint32_t areas_known; /* in this node's cache */
    uint32_t threads;     /* hosted here */
    const char *state;
};
/* Local row `index`: false past the end; job 0: the row is free. */
bool job_row(const struct node *n, uint32_t index, struct job_row *row);
