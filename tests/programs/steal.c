/* steal: work stealing with atomics alone: the queens problem, tasks on Chase-Lev deques.
 *
 * `steal [QUEENS] [THREADS]` (8, 4). No lock: 32-bit and 64-bit atomics (the tasks are 64 bits
 * wide), spinning with sched_yield when there is nothing to steal. Exit code 1 when the number of
 * solutions is not the one that one thread finds. */
/* lisse-cc: -pthread -Wno-psabi */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define THREADS_MAX 16
#define DEQUE       1024

/* A task: 4 bits of depth, then three masks of 20 bits. */
struct deque {
    atomic_int top, bottom;
    _Atomic uint64_t task[DEQUE];
} __attribute__((aligned(4096)));

static struct deque deque[THREADS_MAX];
static unsigned queens = 8, threads = 4, split = 3;
static atomic_int open_tasks;
static _Atomic uint64_t solutions, tasks_done;

static uint64_t task_make(unsigned depth, uint64_t columns, uint64_t left, uint64_t right)
{
    return depth | columns << 4 | left << 24 | right << 44;
}

static int push(struct deque *d, uint64_t task)
{
    int bottom = atomic_load(&d->bottom);

    if (bottom - atomic_load(&d->top) >= DEQUE - 1) {
        return 0;
    }
    atomic_store(&d->task[bottom % DEQUE], task);
    atomic_store(&d->bottom, bottom + 1);
    return 1;
}

static int pop(struct deque *d, uint64_t *task)
{
    int bottom = atomic_load(&d->bottom) - 1, top, won = 1;

    atomic_store(&d->bottom, bottom);
    top = atomic_load(&d->top);
    if (top > bottom) {
        atomic_store(&d->bottom, bottom + 1);
        return 0;
    }
    *task = atomic_load(&d->task[bottom % DEQUE]);
    if (top == bottom) {
        won = atomic_compare_exchange_strong(&d->top, &top, top + 1);
        atomic_store(&d->bottom, bottom + 1);
    }
    return won;
}

static int steal(struct deque *d, uint64_t *task)
{
    int top = atomic_load(&d->top);

    if (top >= atomic_load(&d->bottom)) {
        return 0;
    }
    *task = atomic_load(&d->task[top % DEQUE]);
    return atomic_compare_exchange_strong(&d->top, &top, top + 1);
}

static unsigned count(unsigned depth, unsigned columns, unsigned left, unsigned right)
{
    unsigned found = 0;
    unsigned free_columns = ~(columns | left | right) & ((1u << queens) - 1);

    if (depth == queens) {
        return 1;
    }
    while (free_columns != 0) {
        unsigned bit = free_columns & -free_columns;

        free_columns ^= bit;
        found += count(depth + 1, columns | bit, (left | bit) << 1, (right | bit) >> 1);
    }
    return found;
}

static void expand(struct deque *own, uint64_t task)
{
    unsigned depth = task & 15, columns = task >> 4 & 0xFFFFF, left = task >> 24 & 0xFFFFF;
    unsigned right = (unsigned)(task >> 44);
    unsigned free_columns = ~(columns | left | right) & ((1u << queens) - 1);

    if (depth >= split) {
        atomic_fetch_add(&solutions, count(depth, columns, left, right));
        return;
    }
    while (free_columns != 0) {
        unsigned bit = free_columns & -free_columns;
        uint64_t child = task_make(depth + 1, columns | bit, (left | bit) << 1 & 0xFFFFF,
                                   (right | bit) >> 1);

        free_columns ^= bit;
        atomic_fetch_add(&open_tasks, 1);
        if (!push(own, child)) {
            expand(own, child);
            atomic_fetch_sub(&open_tasks, 1);
        }
    }
}

static void *work(void *arg)
{
    unsigned self = (unsigned)(uintptr_t)arg, victim = self;
    uint64_t task;

    while (atomic_load(&open_tasks) > 0) {
        if (pop(&deque[self], &task) || steal(&deque[victim = (victim + 1) % threads], &task)) {
            expand(&deque[self], task);
            atomic_fetch_add(&tasks_done, 1);
            atomic_fetch_sub(&open_tasks, 1);
        } else {
            (void)sched_yield();
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t thread[THREADS_MAX];
    unsigned alone;

    queens = argc > 1 ? (unsigned)atoi(argv[1]) : queens;
    threads = argc > 2 ? (unsigned)atoi(argv[2]) : threads;
    atomic_store(&open_tasks, 1);
    (void)push(&deque[0], task_make(0, 0, 0, 0));
    for (uintptr_t i = 0; i < threads; i++) {
        (void)pthread_create(&thread[i], NULL, work, (void *)i);
    }
    for (unsigned i = 0; i < threads; i++) {
        (void)pthread_join(thread[i], NULL);
    }
    alone = count(0, 0, 0, 0);
    printf("%u queens: %llu solutions, alone %u, %llu tasks\n", queens,
           (unsigned long long)atomic_load(&solutions), alone,
           (unsigned long long)atomic_load(&tasks_done));
    return atomic_load(&solutions) != alone;
}
