/* Checker: when the last job is over and the LAN is quiet, no node has a frame, an entry, a slot,
 * a waiter or a message of it left. */
#include "net/link.h"
#include "services/dsm.h"
#include "services/job.h"
#include "services/sync.h"
#include "services/threads.h"
#include "tests/sim/check.h"
#include "tests/sim/failure.h"

static void nothing(const struct pc *pc, const char *what, uint64_t left) {
    if (left != 0) {
        sim_fail("leftover", "n%u: %llu %s are left after the last job", pc->index + 1,
                 (unsigned long long)left, what);
    }
}

static void check_jobs(const struct pc *pc) {
    struct job_row row;

    for (uint32_t i = 0; job_row(pc->node, i, &row); i++) {
        nothing(pc, "jobs", row.job);
    }
}

void check_leftover(struct world *w) {
    for (uint32_t i = 0; i < w->plan.pcs; i++) {
        const struct pc *pc = &w->pc[i];
        struct dsm_counters dsm = dsm_counters(pc->node);
        struct sync_counts sync = sync_counts(pc->node);
        const struct link_set *ls =
            (const void *)((const uint8_t *)pc->node + pc->node->link_offset);
        struct link_counters link = link_counters(ls, SEAT_NONE);

        nothing(pc, "frames", dsm.frames_used);
        nothing(pc, "owned pages", dsm.pages_owned);
        nothing(pc, "page entries", dsm.entries);
        nothing(pc, "futexes and barriers", sync.entries);
        nothing(pc, "waiting threads", sync.waiting);
        nothing(pc, "last operations", sync.known);
        nothing(pc, "threads", threads_hosted(pc->node, 0));
        nothing(pc, "messages in flight", link.in_flight);
        nothing(pc, "queued messages", link.queued);
        check_jobs(pc);
    }
}
