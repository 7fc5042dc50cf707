/* Gives each call and each answer to the checkers that understand it, and keeps the shadow in step
 * with the map: what a thread has unmapped is zero when it is mapped again [P 9.2]. */
#include "services/job_map.h"
#include "tests/sim/check.h"
#include "tests/sim/failure.h"

void check_call(struct world *w, struct sim_thread *t, const struct event_call *call) {
    struct sim_job *job = world_job(w, t->job);

    switch (call->op) {
    case CALL_BARRIER:
        check_barrier_call(w, t, call);
        break;
    case CALL_EXIT_GROUP:
        break;
    case CALL_MAP:
        job->unmaps += call->arg[0] == MAP_MUNMAP || call->arg[0] == MAP_MMAP;
        break;
    default:
        break;
    }
}

static void check_map_answer(struct world *w, struct sim_thread *t) {
    struct sim_job *job = world_job(w, t->job);
    page_no first = (uint32_t)t->reg[1] / PAGE_BYTES;
    uint32_t pages = ((uint32_t)t->reg[2] + PAGE_BYTES - 1) / PAGE_BYTES;
    bool failed = t->result < 0 && t->result > -4096;

    job->unmaps -= t->reg[0] == MAP_MUNMAP || t->reg[0] == MAP_MMAP;
    if (failed) {
        sim_fail("map", "thread %u of job %x: map operation %d gives %d", t->number, t->job,
                 t->reg[0], t->result);
    }
    if (t->reg[1] == REPLACED) {
        return; /* others use it all the time */
    }
    if (t->reg[0] == MAP_MUNMAP || t->reg[0] == MAP_MMAP) {
        check_rights_gone(w, t->job, first, pages, ACCESS_NONE);
        shadow_clear(&job->shadow, first, pages);
    } else if (t->reg[0] == MAP_MPROTECT) {
        check_rights_gone(w, t->job, first, pages, area_most((uint8_t)t->reg[3]));
    }
}

static void check_clone_answer(struct world *w, struct sim_thread *t) {
    const struct model *m = world_job(w, t->job)->model;
    uint32_t number = (uint32_t)t->reg[1];

    if (t->result == -ERR_AGAIN) {
        return;
    }
    if (t->result <= 0 || m->started[number] != 1 || m->tid[number] != (thread_id)t->result) {
        sim_fail("place", "clone of thread %u of job %x gives %d; it has started %u times", number,
                 t->job, t->result, m->started[number]);
    }
}

static void check_sleep_answer(struct world *w, struct pc *pc, const struct sim_thread *t) {
    uint64_t now = node_cluster_us(pc->node, pc_clock_us(w, pc));

    if (now < t->deadline_us) {
        sim_fail("sleep", "thread %u of job %x wakes %llu us early", t->number, t->job,
                 (unsigned long long)(t->deadline_us - now));
    }
}

void check_answer(struct world *w, struct pc *pc, struct sim_thread *t, uint32_t op) {
    struct model *m = world_job(w, t->job)->model;

    switch (op) {
    case CALL_BARRIER: check_barrier_answer(w, t); break;
    case CALL_FUTEX_WAIT: check_futex_answer(w, pc, t); break;
    case CALL_MAP: check_map_answer(w, t); break;
    case CALL_CLONE: check_clone_answer(w, t); break;
    case CALL_SLEEP: check_sleep_answer(w, pc, t); break;
    case CALL_FILE: check_file_answer(t); break;
    case CALL_FILE_GET: check_file_got(t); break;
    case CALL_READ_IN: check_input_answer(w, t); break;
    case CALL_FUTEX_WAKE:
        check_wake_answer(w, t);
        break;
    case CALL_WRITE_OUT:
        t->written -= t->result == 0; /* nothing was taken: the same once more */
        m->written[t->number] = t->written;
        break;
    default:
        break;
    }
}
