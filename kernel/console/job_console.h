/* Programs that a person runs on this node's console: one in the foreground has the terminal
 * (lines to its stdin, Ctrl-C to it), others run behind the prompt with an empty stdin. Also
 * the boot option run=, which starts one program when the cluster is stable. Called from the
 * kernel's one loop. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum job_console_place { JOB_FOREGROUND, JOB_BACKGROUND };

/* Starts a program; strings as job_run(). 0, or -ERR_* with a text in why. */
int job_console_run(enum job_console_place place, const char *strings, uint32_t bytes,
                    uint32_t argc, char why[128]);

/* One turn: what the jobs told, what was typed, the option run=. */
void job_console_poll(void);
