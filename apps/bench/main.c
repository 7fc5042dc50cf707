/* Threads, samples and the conversation with the launcher of the bench program; see bench.h. */
/* lisse-cc: -pthread */
#include "apps/bench/bench.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include "lib/lisse.h"

enum { AREAS = 6, THREADS_TRIED = 3 * NODES };

static struct lisse_barrier everybody;
static uint32_t rounds = 16, batch = 16;
static uint8_t *areas;
static uint64_t ticks_at_start, ns_at_start;
static volatile int hosts[THREADS_TRIED + 1] __attribute__((aligned(4096)));
static volatile uint32_t chosen[NODES + 1] __attribute__((aligned(4096)));
static struct lisse_barrier placed;

static uint64_t now_ns(void) {
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void bench_meet(void) {
    lisse_barrier_wait(&everybody);
}

double bench_ticks_per_us(void) {
    uint64_t ns = now_ns() - ns_at_start;

    return (double)(bench_ticks() - ticks_at_start) * 1000.0 / (double)ns;
}

void bench_spin_us(uint32_t us) {
    uint64_t end = bench_ticks() + (uint64_t)(us * bench_ticks_per_us());

    while (bench_ticks() < end) {
    }
}

void samples_add(struct samples *s, uint64_t ticks) {
    if (s->count < SAMPLES_MAX) {
        s->ticks[s->count++] = ticks < UINT32_MAX ? (uint32_t)ticks : UINT32_MAX;
    }
}

static int compare(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

void samples_print(struct samples *s) {
    double scale = bench_ticks_per_us();

    if (s->count == 0) {
        return;
    }
    qsort(s->ticks, s->count, sizeof(s->ticks[0]), compare);
    printf("us %s %.1f %.1f\n", s->name, s->ticks[s->count / 2] / scale,
           s->ticks[(uint64_t)s->count * 99 / 100] / scale);
    fflush(stdout);
}

void bench_wait(const char *what) {
    char line[16];

    printf("wait %s\n", what);
    fflush(stdout);
    if (fgets(line, sizeof(line), stdin) == NULL) {
        exit(1); /* the launcher is gone */
    }
}

volatile uint32_t *bench_page(uint32_t area, uint32_t i) {
    uint8_t *page = areas + (size_t)area * PAGES_MAX * NODES * BENCH_PAGE;

    page += ((1u - (uintptr_t)page / BENCH_PAGE) % NODES) * BENCH_PAGE; /* page number % 4 = 1 */
    return (volatile uint32_t *)(void *)(page + (size_t)i * NODES * BENCH_PAGE);
}

static void script(int node) {
    bench_faults(node, rounds, batch);
    bench_cpu(node, PAGES_MAX);
    bench_barriers(node, 400);
    bench_futex(node, rounds * 16);
    bench_sequential(node, PAGES_MAX, rounds < 4 ? 1 : 4);
}

/* Each thread says where it runs; one of each node stays. */
static void *thread_main(void *arg) {
    uint32_t number = (uint32_t)(uintptr_t)arg;
    int node = lisse_node();

    hosts[number] = node;
    lisse_barrier_wait(&placed);
    lisse_barrier_wait(&placed);
    if (node >= 1 && node <= NODES && chosen[node] == number) {
        script(node);
    }
    return NULL;
}

/* 0: main; chosen[node] = number of the thread that plays it. */
static bool choose(void) {
    for (uint32_t i = THREADS_TRIED + 1; i-- > 0;) {
        if (hosts[i] >= 1 && hosts[i] <= NODES) {
            chosen[hosts[i]] = i;
        }
    }
    for (int node = 2; node <= NODES; node++) {
        if (chosen[node] == 0) {
            fprintf(stderr, "bench: no thread was placed on node %d; it needs 4 nodes\n", node);
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv) {
    pthread_t threads[THREADS_TRIED];

    rounds = argc > 1 ? (uint32_t)atoi(argv[1]) : rounds;
    batch = argc > 2 ? (uint32_t)atoi(argv[2]) : batch;
    ns_at_start = now_ns();
    ticks_at_start = bench_ticks();
    areas = mmap(NULL, (size_t)AREAS * PAGES_MAX * NODES * BENCH_PAGE, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (areas == MAP_FAILED || lisse_node() != 1) {
        fprintf(stderr, "bench: no memory, or not started on node 1\n");
        return 1;
    }
    lisse_barrier_init(&everybody, NODES);
    lisse_barrier_init(&placed, THREADS_TRIED + 1);
    hosts[0] = 1;
    for (uintptr_t i = 1; i <= THREADS_TRIED; i++) {
        if (pthread_create(&threads[i - 1], NULL, thread_main, (void *)i) != 0) {
            fprintf(stderr, "bench: no thread could be made\n");
            return 1;
        }
    }
    lisse_barrier_wait(&placed);
    if (!choose()) {
        return 1;
    }
    chosen[1] = 0;
    lisse_barrier_wait(&placed);
    script(1);
    for (uint32_t i = 0; i < THREADS_TRIED; i++) {
        pthread_join(threads[i], NULL);
    }
    printf("end\n");
    return 0;
}
