/* Where a thread finds its job's files: at the origin in memory, on another node through windows
 * that are filled by the origin (kernel/file_window.h). Names are looked up in the list of files,
 * which is read like a file. */
#include "kernel/syscall_bytes.h"

#include <string.h>

#include "kernel/job.h"

_Static_assert((uint32_t)FILE_WINDOW_BYTES == (uint32_t)FILE_GET_MAX, "one call fills one window");

static bool is_origin(const struct thread *t) {
    return t->job->owner != NULL;
}

/* Asks for what fills a window, or waits for a window. The handler's step stays as it is. */
static struct outcome ask(struct thread *t, uint32_t file, struct file_span wanted) {
    struct event_call call = {.op = CALL_FILE_GET};
    struct file_span span;

    if (!file_window_take(t, file, wanted, &span)) {
        thread_wait(t);
        return SYSCALL_WAIT;
    }
    call.arg[0] = file;
    call.arg[1] = span.offset;
    call.arg[2] = span.bytes;
    return syscall_ask(t, &call, t->step);
}

static int bytes_from_afar(struct thread *t, uint32_t file, struct file_span *wanted,
                           const uint8_t **from, struct outcome *wait) {
    bool answered = t->answered;

    if (answered) {
        int32_t result = syscall_answer(t)->result;
        if (result < 0) {
            return result;
        }
        file_window_whole(t);
    }
    *from = file_window_find(t, file, wanted->offset, &wanted->bytes);
    if (*from != NULL) {
        return 1;
    }
    if (answered) {
        return -ERR_IO; /* the file ends before what its size promised */
    }
    *wait = ask(t, file, *wanted);
    return 0;
}

int syscall_file_bytes(struct thread *t, uint32_t file, struct file_span *wanted,
                       const uint8_t **from, struct outcome *wait) {
    if (!is_origin(t)) {
        return bytes_from_afar(t, file, wanted, from, wait);
    }
    const struct file *f = file_at(t->job->owner->files, file);

    if (f == NULL || wanted->offset >= f->size) {
        return -ERR_IO;
    }
    uint32_t left = f->size - wanted->offset;
    wanted->bytes = wanted->bytes < left ? wanted->bytes : left;
    *from = f->bytes + wanted->offset;
    return 1;
}

/* ---- names ---------------------------------------------------------------------------------- */

static int find_here(const struct thread *t, const char *name, struct file_record *r) {
    uint32_t number = file_find(t->job->owner->files, name);
    const struct file *f = file_at(t->job->owner->files, number);

    if (f == NULL) {
        return -ERR_NO_ENTRY;
    }
    r->number = number;
    r->size = f->size;
    return 1;
}

/* The whole list is in one window (asserted in file_window.c); where it ends nothing more comes. */
int syscall_file_find(struct thread *t, const char *name, struct file_record *r,
                      struct outcome *wait) {
    if (is_origin(t)) {
        return find_here(t, name, r);
    }
    struct file_span wanted = {0, FILE_WINDOW_BYTES};
    const uint8_t *list;
    int there = bytes_from_afar(t, FILE_DIRECTORY, &wanted, &list, wait);

    if (there <= 0) {
        return there == -ERR_IO ? -ERR_NO_ENTRY : there;
    }
    for (uint32_t at = 0; at + sizeof(*r) <= wanted.bytes; at += sizeof(*r)) {
        memcpy(r, list + at, sizeof(*r));
        if (memchr(r->name, 0, sizeof(r->name)) != NULL && strcmp(r->name, name) == 0) {
            return 1;
        }
    }
    return -ERR_NO_ENTRY;
}
