/* waves: more than a hundred threads in waves, joined and detached, on stacks of their own sizes.
 *
 * `waves [WAVES] [THREADS]` (4, 30): threads of a wave live at the same time. Each goes as deep as
 * its stack allows; some create a thread themselves. Prints sums that do not depend on the
 * order. */
/* lisse-cc: -pthread */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define THREADS_MAX 512
#define FRAME_BYTES 1024 /* a level of the recursion is a little more */

static unsigned waves = 4, threads = 30;
static sem_t detached_done;
static unsigned detached_sum;
static pthread_barrier_t together;

#define CHECK(condition) check((condition) != 0, #condition, __LINE__)

static void check(int good, const char *what, int line)
{
    if (!good) {
        printf("FAIL line %d: %s (errno %d)\n", line, what, errno);
        exit(1);
    }
}

/* Fills its frame on the way down, reads it on the way up. */
static unsigned __attribute__((noinline)) dive(unsigned depth, unsigned mark)
{
    volatile unsigned char frame[FRAME_BYTES];
    unsigned below, bad = 0;

    for (unsigned i = 0; i < FRAME_BYTES; i += 64) {
        frame[i] = (unsigned char)(mark + depth + i);
    }
    below = depth == 0 ? 0 : dive(depth - 1, mark);
    for (unsigned i = 0; i < FRAME_BYTES; i += 64) {
        bad += frame[i] != (unsigned char)(mark + depth + i);
    }
    return below + (bad == 0);
}

static unsigned stack_kb(unsigned number)
{
    static const unsigned kb[] = { 16, 64, 128, 300, 1024 };

    return kb[number % 5];
}

static void *leaf(void *arg)
{
    return (void *)((uintptr_t)arg + 1);
}

static void *body(void *arg)
{
    unsigned number = (unsigned)(uintptr_t)arg;
    unsigned depth = (stack_kb(number) * 1024 - 8192) / (FRAME_BYTES + 128);
    void *result = NULL;

    CHECK(dive(depth, number) == depth + 1);
    (void)pthread_barrier_wait(&together);
    if (number % 6 == 0) {
        pthread_t child;

        CHECK(pthread_create(&child, NULL, leaf, arg) == 0);
        CHECK(pthread_join(child, &result) == 0 && result == (void *)((uintptr_t)arg + 1));
    }
    return (void *)(uintptr_t)(number * 3 + (result != NULL));
}

static void *detached_body(void *arg)
{
    (void)__atomic_add_fetch(&detached_sum, (unsigned)(uintptr_t)arg, __ATOMIC_SEQ_CST);
    CHECK(sem_post(&detached_done) == 0);
    return NULL;
}

/* Every fifth on a stack that the program gives. */
static void create(pthread_t *thread, unsigned number, void **own_stack)
{
    size_t bytes = stack_kb(number) * 1024;
    pthread_attr_t attributes;

    CHECK(pthread_attr_init(&attributes) == 0);
    if (number % 5 == 3) {
        *own_stack = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(*own_stack != MAP_FAILED);
        CHECK(pthread_attr_setstack(&attributes, *own_stack, bytes) == 0);
    } else {
        CHECK(pthread_attr_setstacksize(&attributes, bytes) == 0);
        CHECK(pthread_attr_setguardsize(&attributes, number % 2 ? 0 : 8192) == 0);
    }
    CHECK(pthread_create(thread, &attributes, body, (void *)(uintptr_t)number) == 0);
    CHECK(pthread_attr_destroy(&attributes) == 0);
}

static unsigned joined_wave(void)
{
    static pthread_t thread[THREADS_MAX];
    static void *stack[THREADS_MAX];
    unsigned sum = 0;

    CHECK(pthread_barrier_init(&together, NULL, threads) == 0);
    for (unsigned i = 0; i < threads; i++) {
        create(&thread[i], i, &stack[i]);
    }
    for (unsigned i = 0; i < threads; i++) {
        void *result;

        CHECK(pthread_join(thread[i], &result) == 0);
        sum += (unsigned)(uintptr_t)result;
        if (stack[i] != NULL) {
            CHECK(munmap(stack[i], stack_kb(i) * 1024) == 0);
            stack[i] = NULL;
        }
    }
    return sum;
}

static void detached_wave(void)
{
    pthread_attr_t attributes;
    pthread_t thread;

    CHECK(pthread_attr_init(&attributes) == 0);
    CHECK(pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED) == 0);
    for (uintptr_t i = 0; i < threads; i++) {
        CHECK(pthread_create(&thread, i % 2 ? &attributes : NULL, detached_body, (void *)i) == 0);
        if (i % 2 == 0) {
            CHECK(pthread_detach(thread) == 0);
        }
    }
    for (unsigned i = 0; i < threads; i++) {
        CHECK(sem_wait(&detached_done) == 0);
    }
}

int main(int argc, char **argv)
{
    waves = argc > 1 ? (unsigned)atoi(argv[1]) : waves;
    threads = argc > 2 ? (unsigned)atoi(argv[2]) : threads;
    CHECK(threads <= THREADS_MAX && sem_init(&detached_done, 0, 0) == 0);
    for (unsigned wave = 0; wave < waves; wave++) {
        printf("wave %u: %u\n", wave, joined_wave());
        detached_wave();
    }
    printf("detached: %u\n", detached_sum);
    return 0;
}
