/* Scenarios: what a seed and a name decide before anything runs. */
#pragma once

#include "tests/sim/world.h"

/* The plan of this seed. name NULL or "default": the seed picks the scenario too. *chosen becomes
 * its name. False: there is no scenario of that name. */
bool scenario_plan(uint64_t seed, const char *name, struct plan *plan, const char **chosen);
/* The names, one a line, on stdout. */
void scenario_list(void);
