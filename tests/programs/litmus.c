/* litmus: small races with outcomes that sequential consistency forbids, many rounds of each.
 *
 * `litmus [--expect-sc] [--fence] [ROUNDS]` (50). A node has one CPU and memory is coherent by the
 * page, so on Lisse no forbidden outcome may ever be seen, without any fence: --expect-sc makes
 * one an error (exit code 1). A PC's own CPUs let stores wait in a buffer, so on Linux SB and
 * Peterson may well show it, unless --fence puts a fence behind each store.
 *
 * Each race runs with its variables in pages of their own and with all of them in one page.
 * Before each round every thread reads all variables, so that there are copies to go stale. Main
 * is thread 0, so that threads 0 and 1 are on different nodes from 2 nodes on.
 * Names as in Alglave, Maranget, Tautschnig: Herding Cats, TOPLAS 36, 2014. */
/* lisse-cc: -pthread */
#include "lib/lisse.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS   4
#define VARIABLES 4
#define SPREAD    4096  /* bytes between variables in pages of their own */
#define CLOSE     64    /* ... and in one page                           */

struct litmus {
    const char *name;
    void (*body)(int thread, volatile int *seen);  /* seen: two registers */
    int (*is_forbidden)(void);
};

struct registers {
    volatile int seen[2];
} __attribute__((aligned(4096)));

static char memory[VARIABLES * SPREAD] __attribute__((aligned(4096)));
static struct registers registers[THREADS];
static struct lisse_barrier barrier;

/* Written before the threads start, or by thread 0 between two barriers. */
static struct {
    int distance;
    int rounds;
    int fence;
    unsigned forbidden;
    const struct litmus *litmus;
} now __attribute__((aligned(4096))) = { .rounds = 50 };

static volatile int *variable(int i)
{
    return (volatile int *)(void *)(memory + i * now.distance);
}

#define X (*variable(0))
#define Y (*variable(1))

static void fence(void)
{
    if (now.fence) {
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
    }
}

/* Store buffering: each stores one and loads the other; one of them must see a store. */
static void sb_body(int thread, volatile int *seen)
{
    if (thread == 0) {
        X = 1;
        fence();
        seen[0] = Y;
    } else if (thread == 1) {
        Y = 1;
        fence();
        seen[0] = X;
    }
}

static int sb_is_forbidden(void)
{
    return registers[0].seen[0] == 0 && registers[1].seen[0] == 0;
}

/* Message passing: who sees the flag (y) sees the message (x). Threads 1 and 2 look once,
 * thread 3 waits for the flag. */
static void mp_body(int thread, volatile int *seen)
{
    if (thread == 0) {
        X = 1;
        fence();
        Y = 1;
        return;
    }
    do {
        seen[0] = Y;
    } while (thread == 3 && seen[0] == 0);
    seen[1] = X;
}

static int mp_is_forbidden(void)
{
    int forbidden = 0;

    for (int i = 1; i < THREADS; i++) {
        forbidden |= registers[i].seen[0] == 1 && registers[i].seen[1] == 0;
    }
    return forbidden;
}

/* Load buffering: not both can see what the other stores afterwards. */
static void lb_body(int thread, volatile int *seen)
{
    if (thread == 0) {
        seen[0] = X;
        Y = 1;
    } else if (thread == 1) {
        seen[0] = Y;
        X = 1;
    }
}

static int lb_is_forbidden(void)
{
    return registers[0].seen[0] == 1 && registers[1].seen[0] == 1;
}

/* Coherence: two loads of one variable never see it going back. */
static void corr_body(int thread, volatile int *seen)
{
    if (thread == 0) {
        X = 1;
        X = 2;
    } else {
        seen[0] = X;
        seen[1] = X;
    }
}

static int corr_is_forbidden(void)
{
    int forbidden = 0;

    for (int i = 1; i < THREADS; i++) {
        forbidden |= registers[i].seen[0] > registers[i].seen[1];
    }
    return forbidden;
}

/* Independent reads of independent writes: both readers see the two stores in one order. */
static void iriw_body(int thread, volatile int *seen)
{
    switch (thread) {
    case 0:
        X = 1;
        break;
    case 1:
        Y = 1;
        break;
    case 2:
        seen[0] = X;
        seen[1] = Y;
        break;
    default:
        seen[0] = Y;
        seen[1] = X;
        break;
    }
}

static int iriw_is_forbidden(void)
{
    return registers[2].seen[0] == 1 && registers[2].seen[1] == 0
        && registers[3].seen[0] == 1 && registers[3].seen[1] == 0;
}

/* Peterson's mutual exclusion of threads 0 and 1, and a count that only it protects.
 * Variables: 0 and 1 who wants to enter, 2 whose turn it is to wait, 3 the count. */
static void peterson_body(int thread, volatile int *seen)
{
    int other = 1 - thread;

    if (thread > 1) {
        return;
    }
    for (int i = 0; i < 4; i++) {
        *variable(thread) = 1;
        *variable(2) = thread;
        fence();
        while (*variable(other) != 0 && *variable(2) == thread) {
        }
        seen[0] = *variable(3);
        *variable(3) = seen[0] + 1;
        *variable(thread) = 0;
    }
}

static int peterson_is_forbidden(void)
{
    return *variable(3) != 8;
}

static const struct litmus litmuses[] = {
    { "SB", sb_body, sb_is_forbidden },
    { "MP", mp_body, mp_is_forbidden },
    { "LB", lb_body, lb_is_forbidden },
    { "CoRR", corr_body, corr_is_forbidden },
    { "IRIW", iriw_body, iriw_is_forbidden },
    { "Peterson", peterson_body, peterson_is_forbidden },
};

static void variables_clear(void)
{
    for (int i = 0; i < VARIABLES; i++) {
        *variable(i) = 0;
    }
}

static void copies_fetch(int thread)
{
    registers[thread].seen[0] = 0;
    for (int i = 0; i < VARIABLES; i++) {
        registers[thread].seen[1] = *variable(i);
    }
}

static void all_wait(void)
{
    int result = lisse_barrier_wait(&barrier);

    if (result < 0) {
        printf("the barrier failed: %s\n", strerror(-result));
        exit(1);
    }
}

static void rounds_run(int thread)
{
    for (int round = 0; round < now.rounds; round++) {
        if (thread == 0) {
            variables_clear();
        }
        all_wait();
        copies_fetch(thread);
        all_wait();
        now.litmus->body(thread, registers[thread].seen);
        all_wait();
        if (thread == 0 && now.litmus->is_forbidden()) {
            now.forbidden++;
        }
    }
}

static void *thread_main(void *arg)
{
    rounds_run((int)((struct registers *)arg - registers));
    return NULL;
}

static unsigned litmus_run(const struct litmus *litmus, int distance)
{
    pthread_t thread[THREADS];

    now.litmus = litmus;
    now.distance = distance;
    now.forbidden = 0;
    for (int i = 1; i < THREADS; i++) {
        if (pthread_create(&thread[i], NULL, thread_main, &registers[i]) != 0) {
            printf("no thread\n");
            exit(1);
        }
    }
    rounds_run(0);
    for (int i = 1; i < THREADS; i++) {
        (void)pthread_join(thread[i], NULL);
    }
    printf("%-8s  %-14s  %d rounds, forbidden %u\n", litmus->name,
           distance == SPREAD ? "separate pages" : "one page", now.rounds, now.forbidden);
    return now.forbidden;
}

int main(int argc, char **argv)
{
    int expect_sc = 0;
    unsigned forbidden = 0;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--expect-sc") == 0) {
            expect_sc = 1;
        } else if (strcmp(argv[i], "--fence") == 0) {
            now.fence = 1;
        } else {
            now.rounds = atoi(argv[i]);
        }
    }
    lisse_barrier_init(&barrier, THREADS);
    for (size_t i = 0; i < sizeof(litmuses) / sizeof(litmuses[0]); i++) {
        forbidden += litmus_run(&litmuses[i], SPREAD);
        forbidden += litmus_run(&litmuses[i], CLOSE);
    }
    printf("%s\n", forbidden == 0 ? "sequentially consistent" : "not sequentially consistent");
    return expect_sc && forbidden != 0 ? 1 : 0;
}
