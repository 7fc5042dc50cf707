/* sum: adds the numbers 1 … n with as many threads as the cluster has nodes. Plain pthreads: it
 * also runs on Linux. */
/* lisse-cc: -pthread */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

static long long total;
static long n, threads;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void *add(void *argument)
{
    long long mine = 0;

    for (long i = (long)argument + 1; i <= n; i += threads) {
        mine += i;
    }
    pthread_mutex_lock(&lock);
    total += mine;
    pthread_mutex_unlock(&lock);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t thread[64];
    cpu_set_t set;

    n = argc > 1 ? atol(argv[1]) : 1000000;
    sched_getaffinity(0, sizeof(set), &set);
    threads = CPU_COUNT(&set) < 64 ? CPU_COUNT(&set) : 64;
    for (long i = 0; i < threads; i++) {
        pthread_create(&thread[i], NULL, add, (void *)i);
    }
    for (long i = 0; i < threads; i++) {
        pthread_join(thread[i], NULL);
    }
    printf("1 + … + %ld = %lld\n", n, total);
    return 0;
}
