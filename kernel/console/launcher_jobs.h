/* Programs that the launcher runs over COM2: one row for each, found by the host's stream
 * number. Output waits in the row's own queue, whose room the core is told, so a host that
 * does not read makes the program wait in write and loses nothing. Private to
 * kernel/console/launcher*.c. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "kernel/console/channel.h"

/* How the end of the program is told. */
enum launcher_ending {
    LAUNCHER_EXIT,     /* asked for by RUN: EXIT, or ERROR if it never started */
    LAUNCHER_EXEC_END, /* asked for by a command: EXEC_END */
};

/* Starts a program for that stream. 0, or -ERR_* with a text in why. strings as job_run(). */
int launcher_jobs_run(uint8_t stream, enum launcher_ending ending, const char *strings,
                      uint32_t bytes, uint32_t argc, uint32_t envc, char why[128]);
bool launcher_jobs_has(uint8_t stream);

/* Requests for a stream; one that has ended already is no error. */
void launcher_jobs_stdin(uint8_t stream, const uint8_t *bytes, uint32_t count);
void launcher_jobs_stdin_end(uint8_t stream);
void launcher_jobs_signal(uint8_t stream, uint32_t signal);
/* While held, nothing of the stream's output is sent: the program waits in write when its queue is
 * full. */
void launcher_jobs_hold(uint8_t stream, bool held);

/* Gives the core what has come meanwhile: stdin, signals, room for output. */
void launcher_jobs_poll(void);

/* The next frame to send, one program after the other; payload: CHANNEL_PAYLOAD_MAX bytes for
 * its contents. */
bool launcher_jobs_take(struct channel_frame *frame, uint8_t *payload);
