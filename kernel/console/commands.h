/* The table of console commands. A command prints to the sink that it is given (this console, or
 * the launcher's channel) and returns 0 or an error status. To add commands: a file of your own
 * with a struct command_table, and its name in the list in commands.c. */
#pragma once

#include <stdint.h>

#include "kernel/print.h"

enum {
    COMMAND_ARGS_MAX = 32,
    COMMAND_LINE_BYTES = 512, /* with its final zero */
    COMMAND_UNKNOWN = 127,    /* statuses, as shells have them */
    COMMAND_USAGE = 2,
};

struct command {
    const char *name;
    const char *usage; /* arguments, as "[LINES]"; "" for none */
    const char *help;  /* one line; NULL: hidden from `help` and from completion */
    int (*run)(int argc, char **argv, struct print_sink *out);
};

struct command_table {
    const struct command *commands;
    uint32_t count;
};

/* Tables: ours, and the one of kernel/console/commands_core.c (nodes, view, locate, run, jobs,
 * …), which is empty and weak until that file is linked. */
extern const struct command_table commands_basic;
extern const struct command_table commands_core;

/* Split a line into words ("…" and '…' quote) and run it. An unknown command names its nearest.
 * Returns the command's status. Empty line: 0. */
int console_execute(const char *line, struct print_sink *out);

/* The next command that is not hidden, from *index on, which moves; NULL after the last. */
const struct command *commands_next_visible(uint32_t *index);

/* Names for completion: the index-th name that is not hidden, NULL after the last. */
const char *commands_name(uint32_t index);
