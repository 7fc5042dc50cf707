/* hammer: four threads on one word, as fast as they can: the sum is exact, and it ends.
 *
 * `hammer [TURNS]`: each thread does TURNS (1000) of each kind: an atomic addition; a
 * compare-and-swap until it succeeds; a plain increment under a mutex, in the page of the mutex.
 * Main is the first thread, so that on 4 nodes each has one. Exit code 1 when a sum is wrong. */
/* lisse-cc: -pthread */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define THREADS 4

static struct {
    unsigned added;
    unsigned swapped;
    pthread_mutex_t mutex;
    volatile unsigned locked;
} word __attribute__((aligned(4096))) = { .mutex = PTHREAD_MUTEX_INITIALIZER };

static unsigned turns = 1000;

static void *hammer(void *unused)
{
    for (unsigned i = 0; i < turns; i++) {
        (void)__atomic_fetch_add(&word.added, 1, __ATOMIC_SEQ_CST);
    }
    for (unsigned i = 0; i < turns; i++) {
        unsigned seen = __atomic_load_n(&word.swapped, __ATOMIC_RELAXED);

        while (!__atomic_compare_exchange_n(&word.swapped, &seen, seen + 1, 0, __ATOMIC_SEQ_CST,
                                            __ATOMIC_SEQ_CST)) {
        }
    }
    for (unsigned i = 0; i < turns; i++) {
        (void)pthread_mutex_lock(&word.mutex);
        word.locked++;
        (void)pthread_mutex_unlock(&word.mutex);
    }
    return unused;
}

static int judge(const char *what, unsigned sum)
{
    printf("%-16s %u of %u\n", what, sum, turns * THREADS);
    return sum == turns * THREADS ? 0 : 1;
}

int main(int argc, char **argv)
{
    pthread_t thread[THREADS];
    int wrong = 0;

    if (argc > 1) {
        turns = (unsigned)strtoul(argv[1], NULL, 10);
    }
    for (int i = 1; i < THREADS; i++) {
        if (pthread_create(&thread[i], NULL, hammer, NULL) != 0) {
            printf("no thread\n");
            return 1;
        }
    }
    (void)hammer(NULL);
    for (int i = 1; i < THREADS; i++) {
        (void)pthread_join(thread[i], NULL);
    }
    wrong |= judge("atomic add", word.added);
    wrong |= judge("compare and swap", word.swapped);
    wrong |= judge("under a mutex", word.locked);
    return wrong;
}
