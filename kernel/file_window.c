/* Windows onto files of other nodes; see file_window.h. The least recently used free window gives
 * way. How much is asked for: pages around what is wanted; a whole window when the file is read on
 * from where another window ends. */
#include "kernel/file_window.h"

#include <string.h>

#include "kernel/file.h"
#include "kernel/job.h"
#include "kernel/panic.h"
#include "kernel/thread.h"
#include "mm/frame.h"

_Static_assert(FILE_ROWS * sizeof(struct file_record) <= FILE_WINDOW_BYTES,
               "the list of files fits a window");

enum { OWNER_NONE = -1 };

struct window {
    uint32_t job; /* 0: nothing is in it */
    uint32_t file, offset;
    uint32_t want, got; /* bytes */
    bool whole;
    int32_t owner;      /* token of the thread that fills it or still needs it */
    uint32_t used;      /* when it was last of use: a count */
};

static struct window windows[FILE_WINDOWS];
static uint8_t *room; /* FILE_WINDOWS x FILE_WINDOW_BYTES */
static uint32_t uses;
static bool waits[THREADS_MAX]; /* by token: for a free window */

void file_window_start(void) {
    room = pool_alloc_boot(FILE_WINDOWS * FILE_WINDOW_BYTES);
    for (uint32_t i = 0; i < FILE_WINDOWS; i++) {
        windows[i].owner = OWNER_NONE;
    }
}

static uint8_t *bytes_of(const struct window *w) {
    return room + (uint32_t)(w - windows) * FILE_WINDOW_BYTES;
}

static bool is_of(const struct window *w, const struct thread *t, uint32_t file) {
    return w->whole && w->job == t->job->id && w->file == file;
}

const uint8_t *file_window_find(const struct thread *t, uint32_t file, uint32_t offset,
                                uint32_t *bytes) {
    for (uint32_t i = 0; i < FILE_WINDOWS; i++) {
        struct window *w = &windows[i];
        if (is_of(w, t, file) && offset - w->offset < w->got) {
            uint32_t left = w->got - (offset - w->offset);
            *bytes = *bytes < left ? *bytes : left;
            w->used = ++uses;
            return bytes_of(w) + (offset - w->offset);
        }
    }
    return NULL;
}

static bool goes_on(const struct thread *t, uint32_t file, uint32_t offset) {
    for (uint32_t i = 0; i < FILE_WINDOWS; i++) {
        if (is_of(&windows[i], t, file) && windows[i].offset + windows[i].got == offset) {
            return true;
        }
    }
    return false;
}

static struct file_span span_for(const struct thread *t, uint32_t file, struct file_span wanted) {
    uint32_t first = wanted.offset & ~(uint32_t)(FRAME_BYTES - 1);
    uint32_t before = wanted.offset - first;
    uint32_t bytes = FILE_WINDOW_BYTES;

    if (wanted.bytes < FILE_WINDOW_BYTES - before && file != FILE_DIRECTORY &&
        !goes_on(t, file, first)) {
        bytes = (before + wanted.bytes + FRAME_BYTES - 1) & ~(uint32_t)(FRAME_BYTES - 1);
    }
    return (struct file_span){first, bytes};
}

static struct window *window_of(const struct thread *t) {
    for (uint32_t i = 0; i < FILE_WINDOWS; i++) {
        if (windows[i].owner == (int32_t)t->token) {
            return &windows[i];
        }
    }
    return NULL;
}

static struct window *oldest_free(void) {
    struct window *best = NULL;

    for (uint32_t i = 0; i < FILE_WINDOWS; i++) {
        struct window *w = &windows[i];
        if (w->owner == OWNER_NONE && (best == NULL || w->used < best->used)) {
            best = w;
        }
    }
    return best;
}

bool file_window_take(struct thread *t, uint32_t file, struct file_span wanted,
                      struct file_span *ask) {
    struct window *w = window_of(t);

    w = w != NULL ? w : oldest_free();
    if (w == NULL) {
        waits[t->token] = true;
        return false;
    }
    *ask = span_for(t, file, wanted);
    *w = (struct window){.job = t->job->id,
                         .file = file,
                         .offset = ask->offset,
                         .want = ask->bytes,
                         .owner = (int32_t)t->token,
                         .used = ++uses};
    return true;
}

void file_window_part(const struct thread *t, uint32_t at, const uint8_t *bytes, uint32_t size) {
    struct window *w = window_of(t);

    if (w != NULL && at == w->got && size <= w->want - w->got) {
        memcpy(bytes_of(w) + at, bytes, size);
        w->got += size;
    }
}

void file_window_whole(const struct thread *t) {
    struct window *w = window_of(t);

    PANIC_UNLESS(w != NULL);
    w->whole = true;
}

static void wake_waiters(void) {
    for (uint32_t token = 0; token < THREADS_MAX; token++) {
        if (waits[token]) {
            waits[token] = false;
            thread_ready(thread_at(token));
        }
    }
}

void file_window_leave(struct thread *t) {
    struct window *w = window_of(t);

    waits[t->token] = false;
    if (w != NULL) {
        w->owner = OWNER_NONE;
        wake_waiters();
    }
}

void file_window_job_over(uint32_t job) {
    for (uint32_t i = 0; i < FILE_WINDOWS; i++) {
        if (windows[i].job == job) {
            windows[i] = (struct window){.owner = OWNER_NONE};
        }
    }
}
