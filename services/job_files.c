/* Open files of a job, with Linux's rules for numbers (always the lowest free one) and offsets. */
#include "services/job_files.h"

void files_init(struct job_files *f) {
    memset(f, 0, sizeof(*f));
    for (uint32_t i = 0; i < 3; i++) {
        f->opening[i] = (struct job_opening){.users = 1, .file = FILE_STREAM, .size = i};
        f->fd[i] = (uint8_t)(i + 1);
    }
}

static struct job_opening *opening_of(struct job_files *f, uint32_t fd) {
    return fd < FILES_MAX && f->fd[fd] != 0 ? &f->opening[f->fd[fd] - 1] : NULL;
}

static uint32_t lowest_free(const struct job_files *f, uint32_t from) {
    while (from < FILES_MAX && f->fd[from] != 0) {
        from++;
    }
    return from;
}

static int32_t file_open(struct job_files *f, uint32_t file, uint32_t size) {
    uint32_t fd = lowest_free(f, 0);
    uint32_t i = 0;

    if (fd >= FILES_MAX) {
        return -ERR_FILES_FULL;
    }
    while (f->opening[i].users != 0) {
        i++; /* as many openings as numbers: one is free */
    }
    f->opening[i] = (struct job_opening){.users = 1, .file = file, .size = size};
    f->fd[fd] = (uint8_t)(i + 1);
    return (int32_t)fd;
}

static int32_t file_close(struct job_files *f, uint32_t fd) {
    struct job_opening *o = opening_of(f, fd);

    if (o == NULL) {
        return -ERR_BAD_FILE;
    }
    o->users--;
    f->fd[fd] = 0;
    return 0;
}

static int32_t file_dup(struct job_files *f, uint32_t fd, uint32_t lowest, uint32_t exact) {
    const struct job_opening *o = opening_of(f, fd);
    uint32_t to = exact != 0xFFFFFFFFu ? exact : lowest_free(f, lowest);

    if (o == NULL) {
        return -ERR_BAD_FILE;
    }
    if (to >= FILES_MAX) {
        if (exact != 0xFFFFFFFFu) {
            return -ERR_BAD_FILE;
        }
        return lowest >= FILES_MAX ? -ERR_INVALID : -ERR_FILES_FULL;
    }
    if (to == fd) {
        return (int32_t)fd;
    }
    if (f->fd[to] != 0) {
        file_close(f, to);
    }
    f->fd[to] = f->fd[fd];
    f->opening[f->fd[to] - 1].users++;
    return (int32_t)to;
}

static struct file_result file_read(struct job_opening *o, uint32_t bytes) {
    struct file_result r = {.result = 0, .value = o->offset, .value2 = o->file};

    if (o->file == FILE_STREAM) {
        r.value = o->size;
        return r;
    }
    uint32_t left = o->offset < o->size ? o->size - o->offset : 0;
    uint32_t granted = bytes < left ? bytes : left;

    granted = granted < 0x7FFFF000u ? granted : 0x7FFFF000u; /* Linux's longest read */
    o->offset += granted;
    r.result = (int32_t)granted;
    return r;
}

static int32_t file_seek(struct job_opening *o, uint32_t offset, uint32_t whence) {
    int64_t base = whence == 0 ? 0 : whence == 1 ? (int64_t)o->offset : (int64_t)o->size;
    int64_t to = base + (int32_t)offset;

    if (o->file == FILE_STREAM) {
        return -ERR_SEEK_PIPE;
    }
    if (whence > 2 || to < 0) {
        return -ERR_INVALID;
    }
    if (to > INT32_MAX) {
        return -75; /* EOVERFLOW, as Linux's lseek with 32-bit offsets */
    }
    o->offset = (uint32_t)to;
    return (int32_t)to;
}

struct file_result files_call(struct job_files *f, uint32_t op, const uint32_t arg[4]) {
    struct file_result r = {.result = -ERR_NO_CALL};
    struct job_opening *o = opening_of(f, arg[0]);

    if (op == FILE_OPEN) {
        r.result = file_open(f, arg[0], arg[1]);
        return r;
    }
    if (o == NULL) {
        r.result = -ERR_BAD_FILE;
        return r;
    }
    switch (op) {
    case FILE_CLOSE:
        r.result = file_close(f, arg[0]);
        break;
    case FILE_READ:
        r = file_read(o, arg[1]);
        break;
    case FILE_SEEK:
        r.result = file_seek(o, arg[1], arg[2]);
        break;
    case FILE_STAT:
        r = (struct file_result){.result = 0, .value = o->size, .value2 = o->file};
        break;
    case FILE_DUP:
        r.result = file_dup(f, arg[0], arg[1], arg[2]);
        break;
    default:
        break;
    }
    return r;
}
