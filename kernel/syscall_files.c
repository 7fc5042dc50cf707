/* System calls of files and streams. The file table is the job's, at its manager [P 9.1]: every use
 * of a descriptor is an operation there, so offsets are shared by threads on all nodes. Bytes come
 * from the job's origin (syscall_bytes.c); stdin, stdout and stderr go there. */
#include <string.h>

#include "kernel/job.h"
#include "kernel/syscall.h"
#include "kernel/syscall_bytes.h"
#include "kernel/syscall_stat.h"
#include "mm/layout.h"

enum {
    /* iovecs gathered into one write: 2 pages each at most, of THREAD_NEED_MAX */
    PIECES_MAX = 6,
    IOV_MAX_ = 1024, /* [writev(2)] */
    OUT_BYTES = THREAD_BYTES_MAX,
};
enum file_step { FILE_ASK, FILE_COPY, FILE_STREAM_IN };

struct iovec {
    uint32_t base, bytes;
};

/* ---- read ----------------------------------------------------------------------------------- */

/* scratch: 0 bytes granted, 1 offset, 2 file. The byte at position p goes to buffer + p, up to
 * position `end`. Copies in pieces of a call's page set. */
static struct outcome copy_granted(struct thread *t, uint32_t buffer, uint32_t end) {
    uint32_t granted = end < t->scratch[0] ? end : t->scratch[0];
    struct file_span wanted = {t->scratch[1] + t->done_bytes, granted - t->done_bytes};
    uint32_t address = buffer + t->done_bytes;
    uint32_t most = (THREAD_NEED_MAX - 1) * FRAME_BYTES;
    struct outcome wait;
    const uint8_t *from;

    if (wanted.bytes == 0) {
        return syscall_done((int32_t)t->done_bytes);
    }
    wanted.bytes = wanted.bytes < most ? wanted.bytes : most;
    int there = syscall_file_bytes(t, t->scratch[2], &wanted, &from, &wait);
    if (there <= 0) {
        return there == 0 ? wait
                          : syscall_done(t->done_bytes != 0 ? (int32_t)t->done_bytes : there);
    }
    if (!syscall_need(t, address, wanted.bytes, ACCESS_WRITE)) {
        return syscall_fault(t);
    }
    syscall_write_user(address, from, wanted.bytes);
    t->done_bytes += wanted.bytes;
    return SYSCALL_AGAIN;
}

/* So many bytes of the file may be read from that offset on; whether they are there is seen when
 * they are copied. */
static struct outcome grant(struct thread *t, uint32_t file, uint32_t offset, uint32_t bytes) {
    t->scratch[0] = bytes;
    t->scratch[1] = offset;
    t->scratch[2] = file;
    t->step = FILE_COPY;
    return SYSCALL_AGAIN;
}

/* The manager's answer to FILE_READ: a piece of a file, or "a stream". */
static struct outcome take_grant(struct thread *t, uint32_t bytes) {
    const struct thread_answer *a = syscall_answer(t);

    if (a->result < 0) {
        return syscall_done(a->result);
    }
    if (a->value2 == FILE_STREAM) {
        struct event_call call = {.op = CALL_READ_IN};
        call.arg[0] = bytes < CALL_BYTES_MAX ? bytes : CALL_BYTES_MAX;
        return a->value == 0 ? syscall_ask(t, &call, FILE_STREAM_IN) : syscall_done(-ERR_BAD_FILE);
    }
    return a->result == 0 ? syscall_done(0)
                          : grant(t, a->value2, a->value, (uint32_t)a->result);
}

/* Bytes of stdin wait in the thread's answer until the buffer's pages are there. */
static struct outcome take_input(struct thread *t, uint32_t buffer) {
    const struct thread_answer *a = &t->answer;

    if (!syscall_need(t, buffer, a->size, ACCESS_WRITE)) {
        return syscall_fault(t);
    }
    syscall_write_user(buffer, a->bytes, a->size);
    return syscall_done(a->result);
}

/* first: where the bytes go, or the beginning of it when there are more pieces; bytes: of all. */
static struct outcome read_into(struct thread *t, uint32_t fd, struct iovec first, uint32_t bytes) {
    struct event_call call = {.op = CALL_FILE};
    uint32_t begin = first.bytes < FRAME_BYTES ? first.bytes : FRAME_BYTES;

    if (t->step == FILE_STREAM_IN) {
        return take_input(t, first.base);
    }
    if (t->answered) {
        return take_grant(t, first.bytes);
    }
    if (!syscall_need(t, first.base, begin, ACCESS_WRITE)) {
        return syscall_fault(t); /* a bad buffer is told before the offset moves */
    }
    call.arg[0] = FILE_READ;
    call.arg[1] = fd;
    call.arg[2] = bytes < INT32_MAX ? bytes : INT32_MAX;
    return syscall_ask(t, &call, FILE_ASK);
}

static struct outcome sys_read(struct thread *t, const uint32_t arg[6]) {
    struct iovec buffer = {arg[1], arg[2]};

    return t->step == FILE_COPY ? copy_granted(t, arg[1], arg[2])
                                : read_into(t, arg[0], buffer, arg[2]);
}

/* One iovec that is not empty, from *index on: 1 found, 0 pages are missing, -1 none. */
static int next_piece(struct thread *t, uint32_t vector, uint32_t count, uint32_t *index,
                      struct iovec *piece) {
    for (; *index < count; (*index)++) {
        uint32_t address = vector + *index * (uint32_t)sizeof(*piece);
        if (!syscall_need(t, address, sizeof(*piece), ACCESS_READ)) {
            return 0;
        }
        syscall_read_user(address, piece, sizeof(*piece));
        if (piece->bytes != 0) {
            return 1;
        }
    }
    return -1;
}

/* Bytes of all iovecs together; -1: pages are missing, or more than a call may move. */
static int64_t vector_bytes(struct thread *t, uint32_t vector, uint32_t count) {
    int64_t sum = 0;
    struct iovec piece;

    for (uint32_t i = 0; i < count; i++) {
        int found = next_piece(t, vector, count, &i, &piece);
        if (found == 0) {
            return -1;
        }
        sum += found > 0 ? piece.bytes : 0;
    }
    return sum;
}

/* The piece that holds position `at` of the vector, cut down to what is behind it. As next_piece().
 */
static int piece_at(struct thread *t, const uint32_t arg[6], uint32_t at, struct iovec *piece) {
    for (uint32_t i = 0; i < arg[2]; i++) {
        int found = next_piece(t, arg[1], arg[2], &i, piece);
        if (found <= 0 || at < piece->bytes) {
            piece->base += at;
            piece->bytes -= at;
            return found;
        }
        at -= piece->bytes;
    }
    return -1;
}

/* Bytes of a file were granted for the whole vector: one piece of them a run. */
static struct outcome copy_to_vector(struct thread *t, const uint32_t arg[6]) {
    struct iovec piece;
    int found = t->done_bytes < t->scratch[0] ? piece_at(t, arg, t->done_bytes, &piece) : -1;

    if (found == 0) {
        return syscall_fault(t);
    }
    return found < 0 ? syscall_done((int32_t)t->done_bytes)
                     : copy_granted(t, piece.base - t->done_bytes, t->done_bytes + piece.bytes);
}

/* Of a file the whole vector is read, as Linux does; of a stream its first piece that is not empty:
 * a short read is allowed [readv(2)]. */
static struct outcome sys_readv(struct thread *t, const uint32_t arg[6]) {
    struct iovec piece;

    if (arg[2] > IOV_MAX_) {
        return syscall_done(-ERR_INVALID);
    }
    if (t->step == FILE_COPY) {
        return copy_to_vector(t, arg);
    }
    int64_t bytes = vector_bytes(t, arg[1], arg[2]);
    int found = bytes > 0 ? piece_at(t, arg, 0, &piece) : -1;
    if (bytes < 0 || found == 0) {
        return syscall_fault(t);
    }
    if (bytes > INT32_MAX) {
        return syscall_done(-ERR_INVALID);
    }
    return found < 0 ? syscall_done(0) : read_into(t, arg[0], piece, (uint32_t)bytes);
}

/* ---- write ---------------------------------------------------------------------------------- */

/* Sends `bytes` of out; how many went is the core's answer. */
static struct outcome send_out(struct thread *t, uint32_t fd, const uint8_t *out, uint32_t bytes) {
    struct event_call call = {.op = CALL_WRITE_OUT, .bytes = out, .size = bytes};

    call.arg[0] = fd;
    return syscall_ask(t, &call, FILE_COPY);
}

/* Collects up to OUT_BYTES from position t->done_bytes of the iovecs: bytes there, or -1 (pages are
 * missing). */
static int32_t gather(struct thread *t, uint32_t vector, uint32_t count, uint8_t *out) {
    uint32_t skip = t->done_bytes, filled = 0, pieces = 0;
    struct iovec piece;

    for (uint32_t i = 0; i < count && filled < OUT_BYTES && pieces < PIECES_MAX; i++) {
        int found = next_piece(t, vector, count, &i, &piece);
        if (found <= 0) {
            return found == 0 ? -1 : (int32_t)filled;
        }
        if (skip >= piece.bytes) {
            skip -= piece.bytes;
            continue;
        }
        uint32_t bytes = piece.bytes - skip;
        bytes = bytes < OUT_BYTES - filled ? bytes : OUT_BYTES - filled;
        if (!syscall_need(t, piece.base + skip, bytes, ACCESS_READ)) {
            return -1;
        }
        syscall_read_user(piece.base + skip, out + filled, bytes);
        filled += bytes;
        skip = 0;
        pieces++;
    }
    return (int32_t)filled;
}

/* Descriptors 1 and 2 are streams as the job began; others are asked for at the manager
 * (scratch[3]: stream + 1). */
static struct outcome resolve_stream(struct thread *t, uint32_t fd) {
    struct event_call call = {.op = CALL_FILE};

    if (!t->answered) {
        call.arg[0] = FILE_STAT;
        call.arg[1] = fd;
        return syscall_ask(t, &call, FILE_ASK);
    }
    const struct thread_answer *a = syscall_answer(t);
    if (a->result < 0 || a->value2 != FILE_STREAM || a->value == 0) {
        return syscall_done(-ERR_BAD_FILE); /* files are read-only */
    }
    t->scratch[3] = a->value + 1;
    return SYSCALL_AGAIN;
}

/* The write side of both calls. single: the one buffer of write(2); NULL: iovecs in the program's
 * memory. */
static struct outcome write_pieces(struct thread *t, const uint32_t arg[6],
                                   const struct iovec *single) {
    uint8_t out[OUT_BYTES];
    int32_t bytes;

    bool usual = arg[0] == 1 || arg[0] == 2;
    if (t->scratch[3] == 0 && usual && !(t->job->settings.moved & 1u << arg[0])) {
        t->scratch[3] = arg[0] + 1;
    }
    if (t->scratch[3] == 0) {
        return resolve_stream(t, arg[0]);
    }
    if (t->answered) {
        const struct thread_answer *a = syscall_answer(t);
        if (a->result < 0) {
            return syscall_done(t->done_bytes != 0 ? (int32_t)t->done_bytes : a->result);
        }
        t->done_bytes += (uint32_t)a->result; /* 0: the origin had no room, and has now: again */
    }
    if (single == NULL) {
        bytes = gather(t, arg[1], arg[2], out);
    } else {
        uint32_t left = single->bytes - t->done_bytes;
        bytes = (int32_t)(left < OUT_BYTES ? left : OUT_BYTES);
        if (!syscall_need(t, single->base + t->done_bytes, (uint32_t)bytes, ACCESS_READ)) {
            bytes = -1;
        } else {
            syscall_read_user(single->base + t->done_bytes, out, (uint32_t)bytes);
        }
    }
    if (bytes < 0) {
        bool bad = t->need_failed != 0 && t->done_bytes != 0;
        return bad ? syscall_done((int32_t)t->done_bytes) : syscall_fault(t);
    }
    return bytes == 0 ? syscall_done((int32_t)t->done_bytes)
                      : send_out(t, t->scratch[3] - 1, out, (uint32_t)bytes);
}

static struct outcome sys_write(struct thread *t, const uint32_t arg[6]) {
    struct iovec single = {arg[1], arg[2] < INT32_MAX ? arg[2] : INT32_MAX};

    return write_pieces(t, arg, &single);
}

static struct outcome sys_writev(struct thread *t, const uint32_t arg[6]) {
    return arg[2] > IOV_MAX_ ? syscall_done(-ERR_INVALID) : write_pieces(t, arg, NULL);
}

/* ---- pread: no shared offset ---------------------------------------------------------------- */

static struct outcome sys_pread64(struct thread *t, const uint32_t arg[6]) {
    struct event_call call = {.op = CALL_FILE};

    if (t->step == FILE_COPY) {
        return copy_granted(t, arg[1], arg[2]);
    }
    if (!t->answered) {
        call.arg[0] = FILE_STAT;
        call.arg[1] = arg[0];
        return syscall_ask(t, &call, FILE_ASK);
    }
    const struct thread_answer *a = syscall_answer(t);
    if (a->result < 0 || a->value2 == FILE_STREAM) {
        return syscall_done(a->result < 0 ? a->result : -SYSCALL_ESPIPE);
    }
    if ((int32_t)arg[4] < 0) {
        return syscall_done(-ERR_INVALID);
    }
    uint32_t left = arg[4] == 0 && arg[3] < a->value ? a->value - arg[3] : 0;
    uint32_t bytes = arg[2] < left ? arg[2] : left;
    return bytes == 0 ? syscall_done(0) : grant(t, a->value2, arg[3], bytes);
}

static const struct syscall_row rows[] = {
    {3, "read", sys_read},       {4, "write", sys_write},       {145, "readv", sys_readv},
    {146, "writev", sys_writev}, {180, "pread64", sys_pread64},
};
const struct syscall_table syscalls_files = {rows, sizeof(rows) / sizeof(rows[0])};
