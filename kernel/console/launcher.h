/* The launcher's channel (COM2), kernel side: what ./lisse asks of this node, and what the
 * node tells it. docs/launcher-channel.md is the contract, channel.h the frames. Nobody at the
 * other end: nothing happens.
 *
 * Called from the kernel's one loop. launcher_report() is called from within effects and only
 * records. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "kernel/print.h"

/* One turn: bytes of COM2 become requests, and are done; then what waits goes out as COM2 has
 * room. True: more could go out at once, so the loop must not halt. */
bool launcher_poll(void);

/* A line for the person: kept until it was sent, the oldest gives way. */
void launcher_report(const char *line);

/* A command that the launcher had executed (EXEC) wants to start a program whose output and
 * end go to that command's stream. False: `out` is no such command's. strings as job_run();
 * status: of the command, if it could not start. */
bool launcher_command_run(struct print_sink *out, const char *strings, uint32_t bytes,
                          uint32_t argc, int *status);

struct launcher_counters {
    uint32_t frames_in, damaged, unknown, reports_lost, output_cut_bytes;
};
struct launcher_counters launcher_counters(void);
