/* What the bench program measures: faults, barriers, futexes, reading in sequence; see bench.h. */
#include "apps/bench/bench.h"

#include <limits.h>
#include <stdio.h>

#include "lib/lisse.h"

enum { GAP_US = 300 }; /* between two samples: what the last one left behind is done by then */

enum kind { READ_2, READ_3, WRITE_0, WRITE_1, WRITE_3, KINDS };

static struct samples figures[KINDS] = {
    {.name = "fault_read_2hop"}, {.name = "fault_read_3hop"}, {.name = "fault_write_0"},
    {.name = "fault_write_1"},   {.name = "fault_write_3"},
};

static void write_all(enum kind kind, uint32_t batch, uint32_t value) {
    for (uint32_t i = 0; i < batch; i++) {
        *bench_page(kind, i) = value;
    }
}

static void read_all(enum kind kind, uint32_t batch) {
    for (uint32_t i = 0; i < batch; i++) {
        (void)*bench_page(kind, i);
    }
}

/* Who has what before node 1 faults. Manager of all: node 2. */
static void prepare(int node, uint32_t batch, uint32_t round) {
    if (node == 2) {
        write_all(READ_2, batch, round);
        write_all(WRITE_0, batch, round);
    } else if (node == 3) {
        write_all(READ_3, batch, round);
    } else if (node == 1) {
        write_all(WRITE_1, batch, round);
        write_all(WRITE_3, batch, round);
    }
    bench_meet();
    if (node == 3) {
        read_all(WRITE_1, batch);
    }
    if (node >= 2) {
        read_all(WRITE_3, batch);
    }
    bench_meet();
}

static void sample_all(uint32_t batch) {
    for (uint32_t i = 0; i < batch; i++) {
        for (enum kind kind = READ_2; kind < KINDS; kind++) {
            volatile uint32_t *page = bench_page(kind, i);
            bench_spin_us(GAP_US);
            uint64_t from = bench_ticks();
            if (kind <= READ_3) {
                (void)*page;
            } else {
                *page = i;
            }
            samples_add(&figures[kind], bench_ticks() - from);
        }
    }
}

void bench_faults(int node, uint32_t rounds, uint32_t batch) {
    for (uint32_t round = 0; round < rounds; round++) {
        prepare(node, batch, round);
        if (node == 1) {
            bench_wait("round");
            sample_all(batch);
        }
        bench_meet();
    }
    for (enum kind kind = READ_2; node == 1 && kind < KINDS; kind++) {
        samples_print(&figures[kind]);
    }
}

/* Faults in a row, nothing else: the launcher reads the VMs' CPU seconds before and after. */
void bench_cpu(int node, uint32_t pages) {
    if (node == 2) {
        write_all(READ_2, pages, 1);
    }
    bench_meet();
    if (node == 1) {
        printf("count %u\n", pages);
        bench_wait("cpu");
        read_all(READ_2, pages);
        bench_wait("cpu_end");
    }
    bench_meet();
}

/* ---- barriers -------------------------------------------------------------------------------- */

/* First without any: the messages of the frame around them. */

void bench_barriers(int node, uint32_t count) {
    static struct lisse_barrier some[NODES + 1];
    static struct samples figure;
    static const char *const names[NODES + 1] = {"", "barrier_none", "barrier_2", "barrier_3",
                                                 "barrier_4"};

    for (int members = 1; members <= NODES; members++) {
        if (node == 1) {
            lisse_barrier_init(&some[members], (uint32_t)members);
            figure = (struct samples){.name = names[members]};
            printf("count %u\n", count);
            bench_wait("barrier");
        }
        bench_meet();
        for (uint32_t i = 0; members > 1 && node <= members && i < count; i++) {
            uint64_t from = bench_ticks();
            lisse_barrier_wait(&some[members]);
            if (node == 1) {
                samples_add(&figure, bench_ticks() - from);
            }
        }
        bench_meet();
        if (node == 1) {
            bench_wait("barrier_end");
            samples_print(&figure);
        }
    }
}

/* ---- futex ---------------------------------------------------------------------------------- */

enum { FUTEX_WAIT = 0, FUTEX_WAKE = 1 };

static void wait_on(volatile uint32_t *word) {
    (void)syscall(SYS_futex, word, FUTEX_WAIT, 0, NULL, NULL, 0);
}

/* Until there was somebody to wake. */
static void wake(volatile uint32_t *word) {
    while (syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0) != 1) {
    }
}

/* Nodes 1 and 2 wake each other in turn; half a turn is one wake. The words never change, so that
 * no page moves. */
void bench_futex(int node, uint32_t count) {
    static volatile uint32_t words[2 * BENCH_PAGE / 4] __attribute__((aligned(4096)));
    static struct samples figure = {.name = "futex_wake"};

    (void)words[0];
    bench_meet();
    for (uint32_t i = 0; node <= 2 && i < count; i++) {
        uint64_t from = bench_ticks();
        if (node == 1) {
            wake(&words[0]);
            wait_on(&words[BENCH_PAGE / 4]);
            samples_add(&figure, (bench_ticks() - from) / 2);
        } else {
            wait_on(&words[0]);
            wake(&words[BENCH_PAGE / 4]);
        }
    }
    bench_meet();
    if (node == 1) {
        samples_print(&figure);
    }
}

/* ---- reading in sequence --------------------------------------------------------------------- */

static volatile uint32_t *sequential_page(uint32_t i) {
    return bench_page(KINDS, 0) + (size_t)i * (BENCH_PAGE / 4);
}

static uint64_t read_bytes(uint32_t pages) {
    uint32_t sum = 0;
    uint64_t from = bench_ticks();

    for (uint32_t i = 0; i < pages; i++) {
        volatile uint32_t *page = sequential_page(i);
        for (uint32_t k = 0; k < BENCH_PAGE / 4; k += 16) {
            sum += page[k];
        }
    }
    (void)sum;
    return bench_ticks() - from;
}

/* Node 2 has written the pages; published, they are on their way before node 1 reads. */
static bool write_sequence(uint32_t pages, uint32_t value, bool publish) {
    for (uint32_t i = 0; i < pages; i++) {
        *sequential_page(i) = value;
    }
    return publish && lisse_publish((const void *)(uintptr_t)sequential_page(0),
                                    (unsigned long)pages * BENCH_PAGE) == 0;
}

/* Without and with publish; nothing is printed for what the kernel does not have. */
void bench_sequential(int node, uint32_t pages, uint32_t rounds) {
    static const char *const names[2] = {"seq_read", "seq_read_publish"};
    static volatile uint32_t published __attribute__((aligned(4096)));

    for (uint32_t kind = 0; kind < 2; kind++) {
        uint64_t ticks = 0;
        for (uint32_t round = 0; round < rounds; round++) {
            if (node == 2) {
                published = write_sequence(pages, kind * rounds + round, kind == 1);
            }
            bench_meet();
            ticks += node == 1 ? read_bytes(pages) : 0;
            bench_meet();
        }
        if (node == 1 && (kind == 0 || published)) {
            double us = (double)ticks / bench_ticks_per_us();
            printf("mb_s %s %.2f\n", names[kind], (double)rounds * pages * BENCH_PAGE / us);
            fflush(stdout);
        }
    }
}
