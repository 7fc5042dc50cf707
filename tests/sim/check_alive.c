/* Checker: when faults have stopped, every thread that waits for a page or an answer that is
 * nobody's free decision gets it, and everything ends within the plan's bound of virtual time. */
#include <stdio.h>

#include "tests/sim/check.h"
#include "tests/sim/failure.h"

enum { PAGE_WAIT_MAX_US = 4000000 }; /* ours: LINK_RTO_MAX_US a few times, holds of 64 ms */

static const char *describe(const struct world *w, char *text, uint32_t size) {
    uint32_t used = 0;

    text[0] = '\0';
    for (uint32_t i = 0; i < w->plan.pcs; i++) {
        const struct cpu *c = &w->pc[i].cpu;
        for (uint32_t k = 0; k < c->slots && used < size; k++) {
            const struct sim_thread *t = &c->thread[k];
            if (t->state == SIM_EMPTY || used + 200 > size) {
                continue;
            }
            int n = snprintf(text + used, size - used,
                             "\n    n%u slot %u: thread %u of job %x %s since %llu us, at %u",
                             i + 1, k, t->number, t->job,
                             t->state == SIM_FAULT ? "waits for a page"
                             : t->state == SIM_CALL ? "is in a call" : "is ready",
                             (unsigned long long)t->since_us, t->at);
            used += n > 0 ? (uint32_t)n : 0;
        }
    }
    return text;
}

static void check_thread(const struct world *w, const struct pc *pc, const struct sim_thread *t) {
    uint64_t from = t->since_us > w->plan.faults_end_us ? t->since_us : w->plan.faults_end_us;
    char text[4000];

    if (t->state == SIM_FAULT && w->now_us > from + PAGE_WAIT_MAX_US) {
        sim_fail("alive", "n%u: thread %u of job %x has waited for a page since %llu us%s",
                 pc->index + 1, t->number, t->job, (unsigned long long)t->since_us,
                 describe(w, text, sizeof(text)));
    }
}

void check_alive(struct world *w) {
    char text[4000];

    if (w->now_us > w->plan.faults_end_us + w->plan.end_by_us) {
        sim_fail("alive", "not over %llu ms after the faults ended: stable %u, job %u started %u "
                 "over %u%s", (unsigned long long)w->plan.end_by_us / 1000, world_is_stable(w),
                 w->job[0].wanted, w->job[0].started, w->job[0].over,
                 describe(w, text, sizeof(text)));
    }
    for (uint32_t i = 0; i < w->plan.pcs; i++) {
        for (uint32_t k = 0; k < w->pc[i].cpu.slots; k++) {
            check_thread(w, &w->pc[i], &w->pc[i].cpu.thread[k]);
        }
    }
}
