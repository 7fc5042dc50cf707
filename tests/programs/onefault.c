/* onefault: two nodes, one page fault, one futex: the least that shared memory must do.
 *
 * Main writes a number into a page and starts a thread, which Lisse places on another node. The
 * thread reads the page (one remote fault), answers in another page, and wakes main, which waits
 * in the kernel. stdout is the same everywhere; stderr tells the nodes and the time. */
/* lisse-cc: -pthread */
#include "lib/lisse.h"

#include <pthread.h>
#include <stdio.h>
#include <time.h>

#define FUTEX_WAIT 0
#define FUTEX_WAKE 1

static volatile int question __attribute__((aligned(4096)));
static volatile int answer __attribute__((aligned(4096)));
static int ready __attribute__((aligned(4096)));      /* the futex word: 0, then 1 */
static struct {
    int node;
    long fault_us;
} thread_saw __attribute__((aligned(4096)));

static long now_us(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (long)t.tv_sec * 1000000L + t.tv_nsec / 1000;
}

static void *thread_main(void *unused)
{
    long start_us = now_us();
    int seen = question;

    thread_saw.fault_us = now_us() - start_us;
    thread_saw.node = lisse_node();
    answer = seen + 1;
    __atomic_store_n(&ready, 1, __ATOMIC_SEQ_CST);
    (void)syscall(SYS_futex, &ready, FUTEX_WAKE, 1, NULL, NULL, 0);
    return unused;
}

int main(void)
{
    pthread_t thread;
    int main_node = lisse_node();

    question = 41;
    printf("main: wrote %d\n", question);
    if (pthread_create(&thread, NULL, thread_main, NULL) != 0) {
        printf("main: no thread\n");
        return 1;
    }
    while (__atomic_load_n(&ready, __ATOMIC_SEQ_CST) == 0) {
        (void)syscall(SYS_futex, &ready, FUTEX_WAIT, 0, NULL, NULL, 0);
    }
    printf("main: woken, the thread read 41 and answered %d\n", answer);
    if (pthread_join(thread, NULL) != 0) {
        printf("main: no join\n");
        return 1;
    }
    fprintf(stderr, "main ran on node %d, the thread on node %d; its page fault took %ld us\n",
            main_node, thread_saw.node, thread_saw.fault_us);
    printf("done\n");
    return answer == 42 ? 0 : 1;
}
