/* hostile_limits: takes all there is of something; the kernel has to say no, and the rest goes on.
 *
 * Its argument says of what; exit code 0 and "NAME ok", or as said:
 *   areas     pieces of the address space until ENOMEM, three times
 *   threads   threads until EAGAIN, all alive at once, three times
 *   storm     threads that make threads that make threads
 *   sparse    one byte in every 4 MB of 2 GB
 *   memory    every frame of the cluster                    ended by SIGKILL, 137
 *   race      all threads end the program at once, each in its way: 7, or 139 by a fault */
/* lisse-cc: -pthread */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PAGE = 4096, THREADS_MAX = 3000, STACK = 16384, AREAS_TRIED = 200000, RACERS = 12 };

static void fail(const char *what)
{
    printf("failed: %s (%s)\n", what, strerror(errno));
    exit(1);
}

static char *map(size_t bytes)
{
    return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* Neighbours differ in protection, so each page is an area of its own. */
static int cut(char *at)
{
    for (int i = 1; i < AREAS_TRIED; i += 2) {
        if (mprotect(at + (size_t)i * PAGE, PAGE, PROT_READ) != 0) {
            return i;
        }
    }
    return 0;
}

static void areas(void)
{
    for (int round = 0; round < 3; round++) {
        char *at = map((size_t)AREAS_TRIED * PAGE);
        int count = at != MAP_FAILED ? cut(at) : 0;

        if (count < 100 || errno != ENOMEM) {
            fail("pieces of the address space without end");
        }
        if (map(PAGE) != MAP_FAILED && map(PAGE) == MAP_FAILED) {
            fail("an area that joins its neighbour needs no row");
        }
        if (munmap(at, (size_t)AREAS_TRIED * PAGE) != 0) {
            fail("munmap of many areas");
        }
    }
}

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_t thread[THREADS_MAX];

static void *wait_at_gate(void *unused)
{
    (void)pthread_mutex_lock(&gate);
    (void)pthread_mutex_unlock(&gate);
    return unused;
}

static int start_all(const pthread_attr_t *attr)
{
    int count = 0;

    while (count < THREADS_MAX &&
           (errno = pthread_create(&thread[count], attr, wait_at_gate, NULL)) == 0) {
        count++;
    }
    return count;
}

static void threads(void)
{
    pthread_attr_t attr;

    (void)pthread_attr_init(&attr);
    (void)pthread_attr_setstacksize(&attr, STACK);
    for (int round = 0; round < 3; round++) {
        (void)pthread_mutex_lock(&gate);
        int count = start_all(&attr);
        if (count < 60 || (count < THREADS_MAX && errno != EAGAIN)) {
            fail("threads to the limit");
        }
        (void)pthread_mutex_unlock(&gate);
        while (count-- > 0) {
            (void)pthread_join(thread[count], NULL);
        }
    }
}

static int born, refused;

static void *multiply(void *depth)
{
    pthread_t child[3];
    int children = 0;

    (void)__atomic_add_fetch(&born, 1, __ATOMIC_SEQ_CST);
    for (int i = 0; i < 3 && (intptr_t)depth > 0; i++) {
        void *less = (void *)((intptr_t)depth - 1);
        if (pthread_create(&child[children], NULL, multiply, less) == 0) {
            children++;
        } else {
            (void)__atomic_add_fetch(&refused, 1, __ATOMIC_SEQ_CST);
        }
    }
    while (children-- > 0) {
        (void)pthread_join(child[children], NULL);
    }
    return NULL;
}

static void storm(void)
{
    (void)multiply((void *)4);
    if (born < 60) {
        fail("a storm of threads");
    }
}

static void sparse(void)
{
    size_t step = 4u << 20, bytes = 2040u << 20;
    volatile char *at = map(bytes);

    if (at == MAP_FAILED) {
        fail("2 GB of address space");
    }
    for (size_t i = 0; i < bytes; i += step) {
        at[i] = (char)(i >> 22);
    }
    for (size_t i = 0; i < bytes; i += step) {
        if (at[i] != (char)(i >> 22)) {
            fail("a byte that was written is another");
        }
    }
}

static void memory(void)
{
    size_t bytes = 2040u << 20;
    volatile char *at = map(bytes);

    for (size_t i = 0; at != MAP_FAILED && i < bytes; i += PAGE) {
        at[i] = 1;
    }
}

static void *race_on(void *number)
{
    (void)pthread_mutex_lock(&gate);
    (void)pthread_mutex_unlock(&gate);
    if ((intptr_t)number % 3 == 0) {
        *(volatile int *)number = 1; /* nothing is mapped so low */
    } else if ((intptr_t)number % 3 == 1) {
        _exit(7);
    }
    pthread_exit(NULL);
}

static void race(void)
{
    pthread_t racer;

    (void)pthread_mutex_lock(&gate);
    for (intptr_t i = 0; i < RACERS; i++) {
        if (pthread_create(&racer, NULL, race_on, (void *)i) != 0) {
            fail("pthread_create");
        }
    }
    (void)pthread_mutex_unlock(&gate);
    pthread_exit(NULL);
}

static const struct {
    const char *name;
    void (*run)(void);
} limits[] = {
    { "areas", areas }, { "threads", threads }, { "storm", storm }, { "sparse", sparse },
    { "memory", memory }, { "race", race },
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc == 2 && i < sizeof(limits) / sizeof(limits[0]); i++) {
        if (strcmp(argv[1], limits[i].name) == 0) {
            limits[i].run();
            printf("%s ok\n", limits[i].name);
            return 0;
        }
    }
    fprintf(stderr, "usage: hostile_limits areas|threads|storm|sparse|memory|race\n");
    return 2;
}
