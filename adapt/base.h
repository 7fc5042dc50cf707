/* The words that every pure file speaks: scalar ids, keys, access rights, frame references, ASSERT.
 * Included by adapt/, services/, net/link.* and by the worlds that run them. No code but inline
 * arithmetic; nothing here has a size that differs between a 32-bit and a 64-bit build. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint16_t seat_id;   /* index of a member in the view; header field, copy-set bit */
typedef uint32_t node_id;   /* small number given by the cluster, never reused; 0 = none */
typedef uint32_t page_no;   /* virtual address / PAGE_BYTES, within a job */
typedef uint32_t frame_no;  /* index in the node's pool of user frames, 0 … limits.frames - 1 */
typedef uint32_t token_no;  /* local thread slot, 0 … limits.threads - 1 (TOKEN_NONE: nobody) */
typedef uint16_t job_id;    /* origin's seat << 8 | count; 0 = none */
typedef uint32_t thread_id; /* Linux tid of a program's thread; unique in its job, 0 = none */

enum {
    PAGE_BYTES = 4096,
    SEAT_NONE = 0xFFFF,
};
#define FRAME_NONE 0xFFFFFFFFu
#define TOKEN_NONE 0xFFFFFFFFu

/* Rights of a page table entry and of a copy; a bigger value includes the smaller ones. */
enum access { ACCESS_NONE = 0, ACCESS_READ = 1, ACCESS_WRITE = 2 };

/* Failures that a caller may meet, returned negative. Values are Linux's errno for i386 wherever a
 * program can see them, so that a system call passes them on unchanged [D 10]. */
enum err {
    ERR_PERMISSION = 1,     /* EPERM */
    ERR_NO_ENTRY = 2,       /* ENOENT */
    ERR_NO_PROCESS = 3,     /* ESRCH */
    ERR_INTERRUPTED = 4,    /* EINTR */
    ERR_IO = 5,             /* EIO */
    ERR_BAD_FILE = 9,       /* EBADF */
    ERR_AGAIN = 11,         /* EAGAIN */
    ERR_NO_MEMORY = 12,     /* ENOMEM */
    ERR_FAULT = 14,         /* EFAULT */
    ERR_BUSY = 16,          /* EBUSY */
    ERR_INVALID = 22,       /* EINVAL */
    ERR_FILES_FULL = 24,    /* EMFILE */
    ERR_NO_SPACE = 28,      /* ENOSPC */
    ERR_RANGE = 34,         /* ERANGE */
    ERR_NO_CALL = 38,       /* ENOSYS */
    ERR_TIMED_OUT = 110,    /* ETIMEDOUT */
};

/* A program's key of a directory entry: service:8, job:16, index:40 bits [D 1]. */
enum service_no {
    SERVICE_NONE = 0,
    SERVICE_JOB = 1,     /* index 0: the job entry */
    SERVICE_DSM = 2,     /* index: page number */
    SERVICE_SYNC = 3,    /* index: user address / 4, kind in bit 32 (0 futex, 1 barrier) */
    SERVICE_THREADS = 4, /* index: thread id */
    SERVICES = 5,
};

static inline uint64_t key_make(enum service_no service, job_id job, uint64_t index) {
    return (uint64_t)service << 56 | (uint64_t)job << 40 | (index & 0xFFFFFFFFFFull);
}
static inline enum service_no key_service(uint64_t key) {
    return (enum service_no)(key >> 56);
}
static inline job_id key_job(uint64_t key) {
    return (job_id)(key >> 40);
}
static inline uint64_t key_index(uint64_t key) {
    return key & 0xFFFFFFFFFFull;
}

/* 64-bit finaliser (ours, because a slot must depend on every bit of a key): two rounds of
 * multiply and xor-shift with odd constants, a bijection. */
static inline uint64_t mix64(uint64_t x) {
    x ^= x >> 32;
    x *= 0xD6E8FEB86659FD93ull;
    x ^= x >> 32;
    x *= 0xD6E8FEB86659FD93ull;
    x ^= x >> 32;
    return x;
}

/* Bytes of a user frame that travel behind a message's header, handed over by reference: the core
 * never sees them [D 4]. bytes == 0: nothing. */
struct frame_ref {
    frame_no frame;
    uint16_t offset; /* in bytes from the start of the frame */
    uint16_t bytes;
};

/* One xorshift64* generator per node, seeded by its nonce: the core has no other randomness. */
static inline uint32_t random_next(uint64_t *state) {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (uint32_t)(*state * 0x2545F4914F6CDD1Dull >> 32);
}

/* A broken invariant of ours. On in every build; the world prints where, with the trace. */
void assert_failed(const char *what, const char *file, int line) __attribute__((noreturn));
#define ASSERT(cond)                                     \
    do {                                                 \
        if (!(cond)) {                                   \
            assert_failed(#cond, __FILE__, __LINE__);    \
        }                                                \
    } while (0)
