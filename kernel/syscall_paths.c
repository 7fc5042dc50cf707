/* System calls of descriptors and paths: open, close, seek, dup, stat, access, poll. Files are
 * those of the job at its origin, found by the last component of a path: there are no
 * directories. */
#include <string.h>

#include "kernel/job.h"
#include "kernel/syscall.h"
#include "kernel/syscall_bytes.h"
#include "kernel/syscall_stat.h"

enum { PATH_BYTES = 256 };
enum path_step { PATH_FIND, PATH_ASKED };

/* ---- open ----------------------------------------------------------------------------------- */

/* [open(2)] */
enum {
    O_ACCMODE_ = 3,
    O_CREAT_ = 0x40,
    O_TRUNC_ = 0x200,
    O_APPEND_ = 0x400,
    O_DIRECTORY_ = 0x10000,
};

/* The file that the path at this address names: 1 in *r; 0 not known yet, return *wait; else
 * -errno. Takes the answers of its own questions: a handler that asks more has another step. */
static int find_path(struct thread *t, uint32_t address, struct file_record *r,
                     struct outcome *wait) {
    char path[PATH_BYTES];
    const char *name = path;
    int there = syscall_read_string(t, address, path, PATH_BYTES);

    if (there == 0) {
        *wait = syscall_fault(t);
    }
    if (there <= 0) {
        return there == -ERR_RANGE ? -36 /* ENAMETOOLONG */ : there;
    }
    for (const char *c = path; *c != 0; c++) {
        name = *c == '/' ? c + 1 : name;
    }
    return syscall_file_find(t, name, r, wait);
}

static struct outcome open_path(struct thread *t, uint32_t address, uint32_t flags) {
    struct event_call call = {.op = CALL_FILE};
    struct file_record r;
    struct outcome wait;

    if (t->step == PATH_ASKED) {
        return syscall_done(syscall_answer(t)->result);
    }
    int found = find_path(t, address, &r, &wait);
    if (found == 0) {
        return wait;
    }
    if (found < 0 || (flags & O_DIRECTORY_)) {
        bool makes = found == -ERR_NO_ENTRY && (flags & O_CREAT_) != 0;
        return syscall_done(found > 0 ? -SYSCALL_ENOTDIR : makes ? -SYSCALL_EROFS : found);
    }
    if ((flags & O_ACCMODE_) != 0 || (flags & (O_TRUNC_ | O_APPEND_))) {
        return syscall_done(-SYSCALL_EROFS);
    }
    call.arg[0] = FILE_OPEN;
    call.arg[1] = r.number;
    call.arg[2] = r.size;
    return syscall_ask(t, &call, PATH_ASKED);
}

static struct outcome sys_open(struct thread *t, const uint32_t arg[6]) {
    return open_path(t, arg[0], arg[1]);
}

static struct outcome sys_openat(struct thread *t, const uint32_t arg[6]) {
    return open_path(t, arg[1], arg[2]);
}

/* ---- descriptors ---------------------------------------------------------------------------- */

static struct outcome file_once(struct thread *t, enum file_op op, uint32_t a, uint32_t b,
                                uint32_t c) {
    return syscall_ask_once(t, CALL_FILE, (const uint32_t[5]){op, a, b, c});
}

/* Whatever descriptor 1 or 2 is from now on, the manager must be asked (kernel/syscall_files.c). */
static void note_moved(const struct thread *t, uint32_t fd) {
    uint32_t bit = fd == 1 || fd == 2 ? 1u << fd : 0;

    if (bit & ~t->job->settings.moved) {
        t->job->settings.moved |= bit;
        t->job->settings.version++;
    }
}

static struct outcome sys_close(struct thread *t, const uint32_t arg[6]) {
    note_moved(t, arg[0]);
    return file_once(t, FILE_CLOSE, arg[0], 0, 0);
}

static struct outcome sys_lseek(struct thread *t, const uint32_t arg[6]) {
    return file_once(t, FILE_SEEK, arg[0], arg[1], arg[2]);
}

/* 64-bit result through memory; files are shorter than 2 GB. */
static struct outcome sys_llseek(struct thread *t, const uint32_t arg[6]) {
    bool fits = arg[1] == 0 ? (int32_t)arg[2] >= 0 : arg[1] == UINT32_MAX && (int32_t)arg[2] < 0;

    if (!fits) {
        return syscall_done(-ERR_INVALID);
    }
    if (!syscall_need(t, arg[3], sizeof(uint64_t), ACCESS_WRITE)) {
        return syscall_fault(t);
    }
    if (!t->answered) {
        struct event_call call = {.op = CALL_FILE, .arg = {FILE_SEEK, arg[0], arg[2], arg[4]}};
        return syscall_ask(t, &call, 0);
    }
    int32_t result = syscall_answer(t)->result;
    uint64_t offset = (uint32_t)result;
    if (result < 0) {
        return syscall_done(result);
    }
    syscall_write_user(arg[3], &offset, sizeof(offset));
    return syscall_done(0);
}

static struct outcome sys_dup(struct thread *t, const uint32_t arg[6]) {
    return file_once(t, FILE_DUP, arg[0], 0, UINT32_MAX);
}

static struct outcome sys_dup2(struct thread *t, const uint32_t arg[6]) {
    if (arg[1] == UINT32_MAX) { /* means "any" to the manager */
        return syscall_done(-ERR_BAD_FILE);
    }
    note_moved(t, arg[1]);
    return file_once(t, FILE_DUP, arg[0], 0, arg[1]);
}

static struct outcome sys_dup3(struct thread *t, const uint32_t arg[6]) {
    return arg[0] == arg[1] ? syscall_done(-ERR_INVALID) : sys_dup2(t, arg);
}

/* [fcntl(2)] */
enum {
    F_DUPFD_ = 0,
    F_GETFD_ = 1,
    F_SETFD_ = 2,
    F_GETFL_ = 3,
    F_SETFL_ = 4,
    F_DUPFD_CLOEXEC_ = 1030
};

static struct outcome sys_fcntl64(struct thread *t, const uint32_t arg[6]) {
    switch (arg[1]) {
    case F_DUPFD_:
    case F_DUPFD_CLOEXEC_:
        return file_once(t, FILE_DUP, arg[0], arg[2], UINT32_MAX);
    case F_GETFD_:
    case F_SETFD_:
    case F_GETFL_:
    case F_SETFL_:
        return file_once(t, FILE_STAT, arg[0], 0, 0); /* 0, or -EBADF */
    default:
        return syscall_done(-ERR_INVALID);
    }
}

static struct outcome sys_ioctl(struct thread *t, const uint32_t arg[6]) {
    (void)t;
    (void)arg;
    return syscall_done(-SYSCALL_ENOTTY);
}

/* ---- stat ----------------------------------------------------------------------------------- */

/* [stat(2)] struct stat64 of i386, 96 bytes, and the part of struct statx that musl reads, 256
 * bytes. */
struct stat64 {
    uint64_t dev;
    uint32_t pad0, ino_low, mode, nlink, uid, gid;
    uint64_t rdev;
    uint32_t pad1;
    uint32_t size_low, size_high;
    uint32_t blksize, blocks_low, blocks_high;
    uint32_t atime, atime_ns, mtime, mtime_ns, ctime, ctime_ns;
    uint32_t ino, ino_high;
};
_Static_assert(sizeof(struct stat64) == 96, "[stat(2)] i386");
struct statx {
    uint32_t mask, blksize;
    uint64_t attributes;
    uint32_t nlink, uid, gid;
    uint16_t mode, pad;
    uint64_t ino, size, blocks;
    uint8_t rest[200];
};
_Static_assert(sizeof(struct statx) == 256, "[statx(2)]");
enum {
    S_IFREG_READ = 0100444,
    S_IFCHR_RW = 0020666,
    STATX_BASIC_ = 0x7FF,
    AT_EMPTY_PATH_ = 0x1000,
};
enum stat_kind { STAT_64, STAT_X };

static struct outcome write_stat(struct thread *t, uint32_t address, enum stat_kind kind,
                                 uint32_t size, uint32_t number) {
    bool stream = number == FILE_STREAM;
    uint32_t mode = stream ? S_IFCHR_RW : S_IFREG_READ;
    uint32_t bytes = kind == STAT_64 ? sizeof(struct stat64) : sizeof(struct statx);

    if (!syscall_need(t, address, bytes, ACCESS_WRITE)) {
        return syscall_fault(t);
    }
    if (kind == STAT_64) {
        struct stat64 s = {.ino_low = number + 1,
                           .ino = number + 1,
                           .mode = mode,
                           .nlink = 1,
                           .size_low = stream ? 0 : size,
                           .blksize = 4096,
                           .blocks_low = stream ? 0 : (size + 511) / 512};
        syscall_write_user(address, &s, sizeof(s));
    } else {
        struct statx s = {.mask = STATX_BASIC_,
                          .blksize = 4096,
                          .nlink = 1,
                          .mode = (uint16_t)mode,
                          .ino = number + 1,
                          .size = stream ? 0 : size,
                          .blocks = stream ? 0 : (size + 511) / 512};
        syscall_write_user(address, &s, sizeof(s));
    }
    return syscall_done(0);
}

static struct outcome stat_path(struct thread *t, uint32_t address, uint32_t buffer,
                                enum stat_kind kind) {
    struct file_record r;
    struct outcome wait;
    int found = find_path(t, address, &r, &wait);

    if (found <= 0) {
        return found == 0 ? wait : syscall_done(found);
    }
    return write_stat(t, buffer, kind, r.size, r.number);
}

/* step 1: the manager's answer is in t->answer, only the buffer's pages may still be missing. */
static struct outcome stat_descriptor(struct thread *t, uint32_t fd, uint32_t buffer,
                                      enum stat_kind kind) {
    if (t->step == 0 && !t->answered) {
        struct event_call call = {.op = CALL_FILE, .arg = {FILE_STAT, fd}};
        return syscall_ask(t, &call, 0);
    }
    t->step = 1;
    if (t->answer.result < 0) {
        return syscall_done(t->answer.result);
    }
    return write_stat(t, buffer, kind, t->answer.value, t->answer.value2);
}

static struct outcome sys_stat64(struct thread *t, const uint32_t arg[6]) {
    return stat_path(t, arg[0], arg[1], STAT_64);
}

static struct outcome sys_fstat64(struct thread *t, const uint32_t arg[6]) {
    return stat_descriptor(t, arg[0], arg[1], STAT_64);
}

static struct outcome sys_fstatat64(struct thread *t, const uint32_t arg[6]) {
    return arg[3] & AT_EMPTY_PATH_ ? stat_descriptor(t, arg[0], arg[2], STAT_64)
                                   : stat_path(t, arg[1], arg[2], STAT_64);
}

static struct outcome sys_statx(struct thread *t, const uint32_t arg[6]) {
    return arg[2] & AT_EMPTY_PATH_ ? stat_descriptor(t, arg[0], arg[4], STAT_X)
                                   : stat_path(t, arg[1], arg[4], STAT_X);
}

/* ---- the rest ------------------------------------------------------------------------------- */

enum { W_OK_ = 2, POLLIN_ = 1, POLLOUT_ = 4, POLLNVAL_ = 32, POLL_MAX = 64 };

static struct outcome access_path(struct thread *t, uint32_t address, uint32_t mode) {
    struct file_record r;
    struct outcome wait;
    int found = find_path(t, address, &r, &wait);

    if (found == 0) {
        return wait;
    }
    return syscall_done(found < 0 ? found : mode & W_OK_ ? -SYSCALL_EROFS : 0);
}

static struct outcome sys_access(struct thread *t, const uint32_t arg[6]) {
    return access_path(t, arg[0], arg[1]);
}

static struct outcome sys_faccessat(struct thread *t, const uint32_t arg[6]) {
    return access_path(t, arg[1], arg[2]);
}

/* There are no links. */
static struct outcome readlink_path(struct thread *t, uint32_t address) {
    struct file_record r;
    struct outcome wait;
    int found = find_path(t, address, &r, &wait);

    if (found == 0) {
        return wait;
    }
    return syscall_done(found < 0 ? found : -ERR_INVALID);
}

static struct outcome sys_readlink(struct thread *t, const uint32_t arg[6]) {
    return readlink_path(t, arg[0]);
}

static struct outcome sys_readlinkat(struct thread *t, const uint32_t arg[6]) {
    return readlink_path(t, arg[1]);
}

static struct outcome sys_getcwd(struct thread *t, const uint32_t arg[6]) {
    if (arg[1] < 2) {
        return syscall_done(-ERR_RANGE);
    }
    if (!syscall_need(t, arg[0], 2, ACCESS_WRITE)) {
        return syscall_fault(t);
    }
    syscall_write_user(arg[0], "/", 2);
    return syscall_done(2);
}

struct pollfd {
    int32_t fd;
    int16_t events, revents;
};

enum poll_step { POLL_CHECK, POLL_WRITE };

static void read_pollfd(uint32_t address, uint32_t index, struct pollfd *p) {
    syscall_read_user(address + index * (uint32_t)sizeof(*p), p, sizeof(*p));
}

/* Asks the manager whether each descriptor is open, one after another. scratch: 0 index of the one
 * that is asked for, 1 and 2 bits of those that are not open. */
static struct outcome check_descriptors(struct thread *t, const uint32_t arg[6]) {
    struct pollfd p;

    if (t->answered) {
        uint32_t i = t->scratch[0]++;
        bool closed = syscall_answer(t)->result < 0;
        t->scratch[1 + i / 32] |= closed ? 1u << i % 32 : 0;
    }
    for (; t->scratch[0] < arg[1]; t->scratch[0]++) {
        read_pollfd(arg[0], t->scratch[0], &p);
        if (p.fd >= 0) {
            struct event_call call = {.op = CALL_FILE, .arg = {FILE_STAT, (uint32_t)p.fd}};
            return syscall_ask(t, &call, POLL_CHECK);
        }
    }
    t->step = POLL_WRITE;
    return SYSCALL_AGAIN;
}

static int32_t write_ready(const struct thread *t, const uint32_t arg[6]) {
    int32_t ready = 0;

    for (uint32_t i = 0; i < arg[1]; i++) {
        struct pollfd p;
        read_pollfd(arg[0], i, &p);
        bool closed = (t->scratch[1 + i / 32] & 1u << i % 32) != 0;
        p.revents = p.fd < 0 ? 0 : closed ? POLLNVAL_ : (int16_t)(p.events & (POLLIN_ | POLLOUT_));
        ready += p.revents != 0;
        syscall_write_user(arg[0] + i * (uint32_t)sizeof(p), &p, sizeof(p));
    }
    return ready;
}

/* An open descriptor is always "ready": a read of stdin then waits. With none it is a sleep. */
static struct outcome sys_poll(struct thread *t, const uint32_t arg[6]) {
    if (arg[1] > POLL_MAX) {
        return syscall_done(-ERR_INVALID);
    }
    if (arg[1] == 0) {
        struct event_call call = {.op = CALL_SLEEP};
        call.deadline_us = (int32_t)arg[2] < 0 ? UINT64_MAX
                                               : syscall_deadline_us(CLOCK_SPAN, arg[2] * 1000ull);
        return t->answered ? syscall_done(0) : syscall_ask(t, &call, 0);
    }
    if (!syscall_need(t, arg[0], arg[1] * (uint32_t)sizeof(struct pollfd), ACCESS_WRITE)) {
        return syscall_fault(t);
    }
    return t->step == POLL_CHECK ? check_descriptors(t, arg) : syscall_done(write_ready(t, arg));
}

static const struct syscall_row rows[] = {
    {5, "open", sys_open},
    {6, "close", sys_close},
    {19, "lseek", sys_lseek},
    {33, "access", sys_access},
    {41, "dup", sys_dup},
    {54, "ioctl", sys_ioctl},
    {63, "dup2", sys_dup2},
    {85, "readlink", sys_readlink},
    {140, "_llseek", sys_llseek},
    {168, "poll", sys_poll},
    {183, "getcwd", sys_getcwd},
    {195, "stat64", sys_stat64},
    {196, "lstat64", sys_stat64},
    {197, "fstat64", sys_fstat64},
    {221, "fcntl64", sys_fcntl64},
    {295, "openat", sys_openat},
    {300, "fstatat64", sys_fstatat64},
    {305, "readlinkat", sys_readlinkat},
    {307, "faccessat", sys_faccessat},
    {330, "dup3", sys_dup3},
    {383, "statx", sys_statx},
};
const struct syscall_table syscalls_paths = {rows, sizeof(rows) / sizeof(rows[0])};
