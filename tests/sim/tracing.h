/* The readable trace: what every node's core has recorded, in the order of virtual time, in the one
 * grammar of adapt/trace.h. */
#pragma once

#include "tests/sim/world.h"

/* What is printed of each new record; the last ones are kept for a failure anyway. */
enum tracing {
    TRACING_OFF,
    TRACING_TIMED, /* world time, PC, line */
    TRACING_PLAIN, /* the line alone */
};
void tracing_begin(const struct world *w, enum tracing how);
/* New records of this node; called after each of its steps. */
void tracing_step(struct world *w, struct pc *pc);
/* The hash of the seed: all trace hashes and all results. */
uint64_t tracing_hash(const struct world *w);
