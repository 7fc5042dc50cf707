/* falseshare: threads that write words of the same pages all the time, and threads that spin.
 *
 * `falseshare [TURNS] [THREADS]` (2000, 4). Counters of 8, 16, 32 and 64 bits side by side, spin
 * locks, hand-over by spinning with and without sched_yield: a spinning thread must not keep the
 * thread that it waits for from running, on the same node or on another. */
/* lisse-cc: -pthread -Wno-psabi */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define THREADS_MAX 8
#define HANDS       12

static struct {
    volatile uint32_t word[THREADS_MAX];
    volatile uint8_t byte[THREADS_MAX];
    volatile uint16_t half[THREADS_MAX];
    volatile uint64_t wide[THREADS_MAX];
    uint64_t shared;
    pthread_spinlock_t lock;
    unsigned locked;
} near;

static unsigned turns = 2000, threads = 4;
static atomic_uint hand, spins, finished;

static void *count(void *arg)
{
    unsigned self = (unsigned)(uintptr_t)arg;

    for (unsigned i = 0; i < turns; i++) {
        near.word[self]++;
        near.byte[self]++;
        near.half[self] = (uint16_t)(near.half[self] + 3);
        near.wide[self] += 0x100000001u;
        if (i % 16 == 0) {
            (void)__atomic_add_fetch(&near.shared, 0xFFFFFFFFu, __ATOMIC_SEQ_CST);
            (void)pthread_spin_lock(&near.lock);
            near.locked++;
            (void)pthread_spin_unlock(&near.lock);
        }
    }
    return NULL;
}

/* The hand goes round; whoever does not have it spins, even threads without yielding. */
static void *hand_over(void *arg)
{
    unsigned self = (unsigned)(uintptr_t)arg;

    for (unsigned i = 0; i < HANDS; i++) {
        while (atomic_load(&hand) % threads != self) {
            if (self % 2 != 0) {
                (void)sched_yield();
            }
        }
        atomic_fetch_add(&hand, 1);
    }
    return NULL;
}

/* Spins for a thread that is created only now, on whatever node. */
static void *release(void *unused)
{
    atomic_fetch_add(&spins, 1);
    return unused;
}

static void *spin(void *arg)
{
    unsigned before = (unsigned)(uintptr_t)arg;

    while (atomic_load(&spins) == before) {
    }
    atomic_fetch_add(&finished, 1);
    return NULL;
}

static void all(void *(*body)(void *))
{
    pthread_t thread[THREADS_MAX];

    for (uintptr_t i = 0; i < threads; i++) {
        (void)pthread_create(&thread[i], NULL, body, (void *)i);
    }
    for (unsigned i = 0; i < threads; i++) {
        (void)pthread_join(thread[i], NULL);
    }
}

static void spin_for_the_unborn(void)
{
    pthread_t thread[THREADS_MAX], late;

    for (unsigned i = 0; i < threads; i++) {
        (void)pthread_create(&thread[i], NULL, spin, NULL);
    }
    (void)pthread_create(&late, NULL, release, NULL);
    while (atomic_load(&finished) < threads) {
    }
    for (unsigned i = 0; i < threads; i++) {
        (void)pthread_join(thread[i], NULL);
    }
    (void)pthread_join(late, NULL);
}

int main(int argc, char **argv)
{
    turns = argc > 1 ? (unsigned)atoi(argv[1]) : turns;
    threads = argc > 2 ? (unsigned)atoi(argv[2]) : threads;
    (void)pthread_spin_init(&near.lock, PTHREAD_PROCESS_PRIVATE);
    all(count);
    for (unsigned i = 0; i < threads; i++) {
        printf("%u: %u %u %u %llx\n", i, near.word[i], near.byte[i], near.half[i],
               (unsigned long long)near.wide[i]);
    }
    printf("shared %llx, locked %u\n", (unsigned long long)near.shared, near.locked);
    all(hand_over);
    printf("hand %u\n", atomic_load(&hand));
    spin_for_the_unborn();
    printf("spun %u\n", atomic_load(&finished));
    return 0;
}
