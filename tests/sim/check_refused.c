/* Checker: all nodes of this world are honest, so none may ever refuse a message, find one
 * malformed, or report what only a broken peer or a broken program causes. */
#include <stdio.h>

#include "tests/sim/check.h"
#include "tests/sim/failure.h"

void check_refused(struct world *w, struct pc *pc) {
    const struct node_counters *c = &pc->node->counters;

    (void)w;
    if (c->refused != 0 || c->bad_message != 0) {
        const struct trace_record *r = trace_at(node_trace(pc->node), 0);
        sim_fail("refused", "n%u has refused %llu messages, %llu malformed (last trace record: %u)",
                 pc->index + 1, (unsigned long long)c->refused,
                 (unsigned long long)c->bad_message, r != NULL ? r->what : 0);
    }
}

void check_report(struct world *w, struct pc *pc, const struct effect *e) {
    char line[200];

    switch (e->value) {
    case REPORT_TWO_CLUSTERS:
        pc->two_clusters = true;
        return;
    case REPORT_REFUSED_BUILD:
    case REPORT_REFUSED_FULL:
    case REPORT_REFUSED_MAC:
    case REPORT_TWIN:
    case REPORT_VIEW_REFUSED:
        report_format(line, sizeof(line), (enum report)e->value, e->arg, (const char *)e->bytes);
        sim_fail("report", "n%u says: %s", pc->index + 1, line);
    case REPORT_NO_MEMORY:
    case REPORT_NO_ENTRIES:
        if (w->plan.starved) {
            world_job(w, (job_id)e->arg[0])->killed = true;
            return;
        }
        report_format(line, sizeof(line), (enum report)e->value, e->arg, (const char *)e->bytes);
        sim_fail("report", "n%u says: %s", pc->index + 1, line);
    default:
        world_hash(w, e->value);
    }
}
