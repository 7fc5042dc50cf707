/* Words of a command line as numbers, jobs and so on. Pure but for commands that ask the core. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Decimal, or hexadecimal with 0x; false when text is anything else or does not fit. */
bool argument_number(const char *text, uint64_t *number);
/* The same, at most `most`. */
bool argument_small(const char *text, uint32_t most, uint32_t *number);
/* A signal by number or name (TERM, SIGTERM); false: no signal. */
bool argument_signal(const char *text, uint32_t *signal);
