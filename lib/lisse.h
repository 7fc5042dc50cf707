/* What a program may ask Lisse beyond Linux: barrier, node number, publish.
 *
 * Header only, ordinary C for any libc. The same program file runs on Linux: there each call's
 * number is unknown (ENOSYS) and the fallback beside it does the work.
 *
 * Contract with the kernel. The numbers lie far above those of Linux's i386 table and begin with
 * the letters "LS" (ours, no source). Arguments as in Linux's `int 0x80`: EBX, ECX; result in
 * EAX, 0 or more, or -errno. No call returns EINTR; no call reads or writes the caller's memory:
 * an address given here only names something.
 *
 *   EAX         EBX      ECX      result
 *   0x4C530001  address  count    barrier: 1 for exactly one thread of a round, 0 for the others;
 *                                 EINVAL address not a multiple of 4, count 0 or not the count
 *                                 that the threads already waiting gave
 *   0x4C530002  -        -        number of the node that runs the caller (1, 2, ...); it may
 *                                 have moved by the time the caller looks at it
 *   0x4C530003  address  length   publish: 0; EINVAL the range is not the program's
 */
#pragma once

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LISSE_CALL_BARRIER 0x4C530001L
#define LISSE_CALL_NODE    0x4C530002L
#define LISSE_CALL_PUBLISH 0x4C530003L

/* A barrier for a fixed number of threads; page-sized, so that nothing else shares its page (on
 * Lisse its address is all that is used). Zero is no valid barrier: call lisse_barrier_init(). */
struct lisse_barrier {
    uint32_t count;    /* threads of a round, from init                       */
    uint32_t arrived;  /* Linux only: threads that wait in this round         */
    uint32_t round;    /* Linux only: rounds completed; the futex word        */
    uint32_t unused[1021];
} __attribute__((aligned(4096)));
_Static_assert(sizeof(struct lisse_barrier) == 4096, "a page");

/* count > 0. Before any thread waits; not while one does. */
static inline void lisse_barrier_init(struct lisse_barrier *b, uint32_t count)
{
    b->count = count;
    b->arrived = 0;
    b->round = 0;
}

/* The barrier without the service: the last one to arrive opens the next round. Waiters compare
 * the round they came in, so a thread that is already in the next round disturbs nobody. */
static inline int lisse_barrier_wait_futex(struct lisse_barrier *b)
{
    uint32_t round = __atomic_load_n(&b->round, __ATOMIC_SEQ_CST);

    if (__atomic_add_fetch(&b->arrived, 1, __ATOMIC_SEQ_CST) == b->count) {
        b->arrived = 0;
        __atomic_store_n(&b->round, round + 1, __ATOMIC_SEQ_CST);
        (void)syscall(SYS_futex, &b->round, 1 /* FUTEX_WAKE */, INT_MAX, 0, 0, 0);
        return 1;
    }
    while (__atomic_load_n(&b->round, __ATOMIC_SEQ_CST) == round) {
        (void)syscall(SYS_futex, &b->round, 0 /* FUTEX_WAIT */, round, 0, 0, 0);
    }
    return 0;
}

/* Waits until `count` threads wait here. What a thread wrote before, all see afterwards.
 *   out   1 for one of the threads, 0 for the others
 *   fails -EINVAL when the threads disagree about the count */
static inline int lisse_barrier_wait(struct lisse_barrier *b)
{
    long result = syscall(LISSE_CALL_BARRIER, b, (long)b->count);

    if (result >= 0) {
        return (int)result;
    }
    return errno == ENOSYS ? lisse_barrier_wait_futex(b) : -errno;
}

/* The number of the node that runs this thread; 0 when this is not Lisse. */
static inline int lisse_node(void)
{
    long result = syscall(LISSE_CALL_NODE);

    return result > 0 ? (int)result : 0;
}

/* A hint: the bytes at addr are complete and all nodes with threads of the program will read
 * them, so send them now. The program means the same without it.
 *   out   0, or -errno, which may be ignored (-ENOSYS: nobody here does it, stop asking) */
static inline int lisse_publish(const void *addr, unsigned long length_bytes)
{
    return syscall(LISSE_CALL_PUBLISH, addr, length_bytes) < 0 ? -errno : 0;
}
