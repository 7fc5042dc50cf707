/* How a seed fails: a checker, the core's ASSERT, or the clock of the host that says a seed hangs.
 * The reason and the command line that replays it go to stdout; then the next seed runs. */
#pragma once

#include <setjmp.h>
#include <stdint.h>

/* Where a failed seed goes on; set by main.c around each seed. */
extern jmp_buf failure_exit;
/* Who fails, for the report: name of the scenario, what it decided (kept by the caller). */
void failure_begin(uint64_t seed, const char *scenario, const char *details);
/* The checker `who` has found this wrong. */
void sim_fail(const char *who, const char *format, ...)
    __attribute__((noreturn, format(printf, 2, 3)));
/* The seed's last trace lines, of all nodes; tracing.c. */
void tracing_last_lines(void);
