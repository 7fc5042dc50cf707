/* Prints traces in virtual-time order; see tracing.h. Steps are made one after the other, so the
 * order of printing is the order of time. */
#include "tests/sim/tracing.h"

#include <stdio.h>

#include "services/dsm_private.h"
#include "services/job_private.h"
#include "services/threads.h"
#include "tests/sim/failure.h"

_Static_assert(SLOT_STATES == 17 && LOCAL_STATES == 5 && ENTRY_STATES == 4 && PAGE_STATES == 8,
               "a state more or less: its word in adapt/traces.def, then this number");

enum { LAST_LINES = 40, LINE_BYTES = 160 };

static const struct world *world_now;
static enum tracing how_now;
static struct {
    uint32_t pc;
    node_id id;
    struct trace_record record;
} last[LAST_LINES];
static uint64_t lasts;

void tracing_begin(const struct world *w, enum tracing how) {
    world_now = w;
    how_now = how;
    lasts = 0;
}

/* Announcements come on their own time, not because of a command. */
static bool is_noise(const struct trace_record *r) {
    return how_now == TRACING_PLAIN && (r->what == TR_SEND || r->what == TR_RECV) &&
           r->a == MSG_HELLO;
}

static void print_record(uint32_t pc, node_id id, const struct trace_record *r, uint64_t now_us) {
    char line[LINE_BYTES];

    trace_format(line, sizeof(line), id, r);
    if (how_now == TRACING_PLAIN) {
        printf("%s\n", line);
    } else {
        printf("%9.3f n%u %s\n", (double)now_us / 1000.0, pc + 1, line);
    }
}

void tracing_step(struct world *w, struct pc *pc) {
    const struct trace_ring *ring = node_trace(pc->node);
    uint64_t fresh = ring->count - pc->trace_seen;

    if (how_now != TRACING_OFF && fresh > TRACE_RECORDS) {
        printf("          n%u … %llu lines\n", pc->index + 1,
               (unsigned long long)(fresh - TRACE_RECORDS));
    }
    fresh = fresh < TRACE_RECORDS ? fresh : TRACE_RECORDS;
    while (fresh-- != 0) {
        const struct trace_record *r = trace_at(ring, (uint32_t)fresh);
        if (how_now != TRACING_OFF && !is_noise(r)) {
            print_record(pc->index, node_self_id(pc->node), r, w->now_us);
        }
        last[lasts % LAST_LINES].pc = pc->index;
        last[lasts % LAST_LINES].id = node_self_id(pc->node);
        last[lasts++ % LAST_LINES].record = *r;
    }
    pc->trace_seen = ring->count;
}

void tracing_last_lines(void) {
    uint64_t from = lasts > LAST_LINES ? lasts - LAST_LINES : 0;

    if (how_now != TRACING_OFF || world_now == NULL) {
        return;
    }
    for (uint64_t i = from; i < lasts; i++) {
        print_record(last[i % LAST_LINES].pc, last[i % LAST_LINES].id,
                     &last[i % LAST_LINES].record, world_now->now_us);
    }
}

uint64_t tracing_hash(const struct world *w) {
    uint64_t hash = w->hash ^ w->now_us;

    for (uint32_t i = 0; i < w->plan.pcs; i++) {
        hash = mix64(hash ^ node_trace(w->pc[i].node)->hash);
    }
    return hash;
}
