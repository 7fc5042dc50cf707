/* The checkers of the simulated world, one file each: what must hold at every effect, at every
 * answer, and at the end [P, Checkers and mutants]. Each fails the seed by sim_fail(). */
#pragma once

#include "tests/sim/world.h"

/* check_view.c: one view per epoch of a cluster, epochs only rise, this node is in it. */
void check_view(struct world *w, struct pc *pc);
/* … and at the end of a founding: all PCs in stable clusters, in one unless the LAN hid them. */
void check_founded(struct world *w);
bool world_is_stable(const struct world *w);

/* check_refused.c: a node never refuses what an honest peer sent. */
void check_refused(struct world *w, struct pc *pc);
void check_report(struct world *w, struct pc *pc, const struct effect *e);

/* check_rights.c: a single writer or many readers, over all page tables, at every change. */
void check_rights(struct world *w, struct pc *pc, job_id job, page_no page, enum access right);
/* No PC has more than this right to the range. */
void check_rights_gone(struct world *w, job_id job, page_no first, uint32_t pages,
                       enum access most);

/* check_read.c: every read returns the last write. */
void check_read(struct world *w, const struct pc *pc, const struct sim_thread *t, uint32_t address,
                uint32_t value);

/* check_entries.c: a page's entry stands at its manager alone; idle ones agree with the owner. */
void check_entries(struct world *w);

/* check_place.c: each thread runs in exactly one place, once. */
void check_thread_started(struct world *w, struct pc *pc, struct sim_job *job,
                          struct sim_thread *t);
void check_thread_stopped(struct world *w, struct pc *pc, const struct sim_thread *t);
void check_job_asked(struct world *w, struct sim_job *job);
void check_job_refused(struct world *w, struct sim_job *job);
void check_job_opened(struct world *w, struct pc *pc, job_id job);
void check_job_closed(struct world *w, struct pc *pc, job_id job);
void check_job_over(struct world *w, struct sim_job *job);

/* check_sync.c: critical sections, barriers all or none, futexes and sleeps in time. */
void check_section(struct world *w, const struct sim_thread *t, const struct instr *i);
void check_barrier_call(struct world *w, struct sim_thread *t, const struct event_call *call);
void check_barrier_answer(struct world *w, struct sim_thread *t);
void check_futex_answer(struct world *w, struct pc *pc, struct sim_thread *t);
void check_wake_answer(struct world *w, struct sim_thread *t);
void check_clock(struct world *w, const struct pc *pc, const struct sim_thread *t, uint32_t last);
void check_sync_over(struct world *w, struct sim_job *job);

/* check_stream.c: stdout, stdin and files: every byte once, in order. */
uint32_t stream_write(struct sim_thread *t, uint8_t *bytes, uint32_t size);
void check_output(struct world *w, const struct effect *e);
uint32_t stream_input(struct world *w, struct sim_job *job, uint8_t *bytes, uint32_t most);
void check_input_answer(struct world *w, struct sim_thread *t);
void check_file_answer(struct sim_thread *t);
/* Bytes of the world's one file: how many. */
uint32_t file_bytes(uint8_t *bytes, uint32_t offset, uint32_t most);
void check_file_part(struct sim_thread *t, const struct effect *e);
void check_file_got(struct sim_thread *t);
void check_streams_over(struct sim_job *job);

/* check_call.c: what a call asks and answers, given to the checkers above. */
void check_call(struct world *w, struct sim_thread *t, const struct event_call *call);
void check_answer(struct world *w, struct pc *pc, struct sim_thread *t, uint32_t op);

/* check_alive.c: what waits, wakes; what has begun, ends, within a bound of virtual time. */
void check_alive(struct world *w);

/* check_leftover.c: after the last job nothing of it is left anywhere. */
void check_leftover(struct world *w);

/* What a job's calls have done so far, as the checkers know it. */
enum { BARRIERS_MAX = 4, CHUNKS_MAX = 64 };
struct model {
    uint8_t started[THREADS_EVER_MAX];  /* how often */
    uint8_t running[THREADS_EVER_MAX];  /* PC + 1 */
    thread_id tid[THREADS_EVER_MAX];
    uint32_t inside[SECTIONS_MAX];
    struct {
        uint32_t address, generation, arrived;
        uint8_t released[4], serials[4]; /* by generation mod 4 */
    } barrier[BARRIERS_MAX];
    uint64_t wakes, woken, cancelled;   /* told to wakers, to waiters; waits given up */
    uint32_t written[THREADS_EVER_MAX], output[THREADS_EVER_MAX];
    uint32_t chunks, given, taken;      /* of stdin */
    uint8_t chunk_taken[CHUNKS_MAX];
    uint32_t open;                      /* PCs that have it open */
};
