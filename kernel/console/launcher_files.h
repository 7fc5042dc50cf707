/* Files that the launcher sends over COM2 for a program that it will RUN: they come on the
 * program's stream before RUN, one after the other, and are gone when the stream ends. The set
 * number of kernel/file.h is the stream's. Private to kernel/console/launcher*.c. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "kernel/console/channel.h"

/* Requests FILE_BEGIN, FILE_DATA, FILE_END. False: refused, the text is in why, and nothing of
 * the stream is left. DATA and END of a file that never began are the rest of a refused one:
 * ignored. */
bool launcher_files_request(const struct channel_frame *f, char why[128]);

/* A file of the stream has begun and not ended. */
bool launcher_files_coming(uint8_t stream);
/* The stream has ended: its files go. May be called within an effect. */
void launcher_files_drop(uint8_t stream);

/* The next frame to send; payload: 4 bytes for its contents. */
bool launcher_files_take(struct channel_frame *frame, uint8_t *payload);
