/* The program of `lisse bench`: one thread on each node, all of them going through the same script,
 * role by node number. tools/launcher/bench.py runs it, reads its lines and says when to go on.
 *
 * Lines on stdout: `wait WHAT` (a line on stdin lets it go on), `us NAME P50 P99` and
 * `mb_s NAME VALUE`. Times are taken with RDTSC around one instruction or call. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
    NODES = 4,          /* the script's roles; node i has the i-th seat of a fresh cluster */
    BENCH_PAGE = 4096,
    PAGES_MAX = 512,    /* of one kind */
    SAMPLES_MAX = 8192, /* of one figure */
};

struct samples {
    const char *name;
    uint32_t count;
    uint32_t ticks[SAMPLES_MAX];
};

static inline uint64_t bench_ticks(void) {
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

/* All nodes meet. */
void bench_meet(void);
void samples_add(struct samples *s, uint64_t ticks);
/* `us NAME P50 P99`; node 1 only. */
void samples_print(struct samples *s);
/* Tells the launcher and waits for its line; node 1 only. */
void bench_wait(const char *what);
/* Busy for so long: keeps what was sent before out of the next sample. */
void bench_spin_us(uint32_t us);
double bench_ticks_per_us(void);
/* The i-th page whose manager is node 2 (locator=stat deals pages in turn). */
volatile uint32_t *bench_page(uint32_t area, uint32_t i);

/* The parts; node: 1 … NODES. */
void bench_faults(int node, uint32_t rounds, uint32_t batch);
void bench_cpu(int node, uint32_t pages);
void bench_barriers(int node, uint32_t count);
void bench_futex(int node, uint32_t count);
void bench_sequential(int node, uint32_t pages, uint32_t rounds);
