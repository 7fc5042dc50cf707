/* A tiny world for the DSM of one node alone (seat 0): its messages are kept, its effects are kept,
 * peers are the test. The node's functions (adapt/service.h) and the job service are doubles,
 * defined in dsm_world.c; after each event every table of the DSM is checked. */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "adapt/report.h"
#include "services/dsm_private.h"

enum { SELF = 0, MANAGER = 1, OWNER = 2, SENT_MAX = 4096, WORLD_THREADS = 40 };
enum { JOB = 0x0001, GENERATION = 7, BIRTH = 5, FIRST_PAGE = 0x100 };

struct sent {
    seat_id to;
    struct msg m;
    struct frame_ref ref;
    uint32_t cookie;
};

struct node {
    uint64_t now_us;
};

struct dsm_world {
    struct node node;
    struct limits limits;
    uint64_t random;
    uint8_t *state;
    seat_id manager;          /* of every key */
    uint16_t generation;      /* of JOB here; 0: it is not open */
    job_id job_of[WORLD_THREADS];
    enum area_answer area;    /* of every page */
    uint16_t birth;
    enum access most;
    bool gone;                /* every area of the birth above was unmapped just now */
    uint32_t area_asks;
    /* what the last event did */
    uint32_t sent_count;
    struct sent sent[SENT_MAX];
    struct effects fx;
    uint32_t refused, ended, reports[REPORTS];
    uint32_t end_status;
    uint8_t contents[PAGE_BYTES];
};
extern struct dsm_world dw;

void dsm_world_start(uint32_t frames);
void dsm_world_start_with(const struct limits *limits);
void dsm_world_end(void);

/* ---- events; each clears what the one before did, and ends with dsm_world_check() ---- */
void fault(token_no token, page_no page, enum access access);
void call_publish(page_no first, uint32_t pages); /* of thread 0 */
void ran(token_no token);
void tick_at(uint64_t now_us);
void token_gone(token_no token);
void acked(uint32_t cookie, bool lost);
void area_learnt(page_no page);
void unmap(page_no first, uint32_t pages);
void protect(page_no first, uint32_t pages, enum access most);
void job_close(void);
void resend(void);
/* A message about a page, sound as the door lets it in; the test changes what it wants. */
struct msg message(enum msg_type type, page_no page, seat_id requester, uint32_t op);
void hear(seat_id from, const struct msg *m);
/* One part of a page's contents, or all of them; so many acks are to be waited for. */
void hear_part(page_no page, uint32_t op, enum access access, uint16_t part, uint16_t acks);
void hear_page(page_no page, uint32_t op, enum access access, uint16_t acks);
void hear_grant(page_no page, uint32_t op, uint8_t flags, uint16_t acks);

/* ---- what came of it ---- */
uint32_t sent_of(enum msg_type type);
/* The only message of that type that was sent, which went to that seat. */
const struct sent *sent_to(enum msg_type type, seat_id to);
void sent_nothing(void);
uint32_t effects_of(enum effect_type type);
const struct effect *effect_only(enum effect_type type); /* the only one of that type */
bool woken(token_no token, int32_t result);
struct dsm_page *page_row(page_no page);   /* NULL: none */
enum page_state state_of(page_no page);    /* PAGE_FREE: no row */
const struct dsm_entry *entry_of(page_no page); /* NULL: none */
uint32_t op_of(page_no page);              /* of the request under way */
uint64_t deadline(void);
uint32_t frames_used(void);

/* Brings a page into a state by the shortest honest way; threads that asked have run since. */
void page_bring(page_no page, enum page_state state);

/* Every table of the DSM agrees with every other. */
void dsm_world_check(void);
