/* The readable trace: what every node's core has recorded, in the order of virtual time, in the one
 * grammar of adapt/trace.h. */
#pragma once

#include "tests/sim/world.h"

/* on: lines are printed as they come; else only hashed, and the last ones kept for a failure. */
void tracing_begin(const struct world *w, bool on);
/* New records of this node; called after each of its steps. */
void tracing_step(struct world *w, struct pc *pc);
/* The hash of the seed: all trace hashes and all results. */
uint64_t tracing_hash(const struct world *w);
