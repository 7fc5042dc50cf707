/* Bytes of files that lie on other nodes (the origins of their jobs): a few windows onto them, each
 * filled by one CALL_FILE_GET of the thread that took it. A file does not change, so a window that
 * is whole serves every later read of the job until its place is needed. A thread keeps its window
 * until its call is over, so that it always gets on; one that finds none free waits for it.
 * Called from the kernel's one loop. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct thread;

enum {
    FILE_WINDOWS = 8,            /* 8 x 16 KB: threads of this node that read at once */
    FILE_WINDOW_BYTES = 16384,   /* = FILE_GET_MAX of adapt/limits.h */
};

void file_window_start(void);

/* Bytes of the thread's job's file from that offset: where they are, and in *bytes (wanted before)
 * how many of them; NULL: they are not here. Good until the next event of the core. */
const uint8_t *file_window_find(const struct thread *t, uint32_t file, uint32_t offset,
                                uint32_t *bytes);

/* What a thread is to ask for. */
struct file_span {
    uint32_t offset, bytes;
};
/* A window for these bytes is the thread's now: it is to ask for the span. False: all are in use;
 * the thread is woken (thread_ready) when one may be free. */
bool file_window_take(struct thread *t, uint32_t file, struct file_span wanted,
                      struct file_span *ask);
/* Bytes have come for the window of the thread. */
void file_window_part(const struct thread *t, uint32_t at, const uint8_t *bytes, uint32_t size);
void file_window_whole(const struct thread *t);
/* The call of the thread is over, or the thread: no-op if it has no window and waits for none. */
void file_window_leave(struct thread *t);
/* The job is over on this node. */
void file_window_job_over(uint32_t job);
