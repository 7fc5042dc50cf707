/* hello: the smallest program worth running: says hello from each thread, and what it was given.
 *
 * An ordinary pthreads program; on Lisse the threads are spread over the nodes. Prints threads,
 * arguments, environment and (--file) the beginning of a file, always in the same order.
 * Exit code 0; 1 a thread or the file failed; 2 a bad option. */
/* lisse-cc: -pthread */
#include "lib/lisse.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS_MAX 256
#define FILE_LINES  3       /* of the file are shown */

/* What a thread found out; a page each, since each is written on another node. */
struct greeting {
    int node;               /* 0: not on Lisse */
} __attribute__((aligned(4096)));

static struct greeting greeting[THREADS_MAX];
static struct lisse_barrier all_here;

static void *thread_main(void *arg)
{
    struct greeting *g = arg;

    g->node = lisse_node();
    (void)lisse_barrier_wait(&all_here); /* a thread that had ended would not count for the next */
    return NULL;
}

static int threads_default(void)
{
    cpu_set_t set;
    int count = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

    return count > THREADS_MAX ? THREADS_MAX : count;
}

/* The main thread is the first. The barrier's count is set when it is known how many there are. */
static int threads_start(pthread_t *thread, int threads)
{
    lisse_barrier_init(&all_here, (uint32_t)threads);
    for (int i = 1; i < threads; i++) {
        int error = pthread_create(&thread[i], NULL, thread_main, &greeting[i]);

        if (error != 0) {
            fprintf(stderr, "hello: cannot start thread %d: %s\n", i + 1, strerror(error));
            return -1;
        }
    }
    return 0;
}

static int threads_greet(int threads)
{
    pthread_t thread[THREADS_MAX];

    if (threads_start(thread, threads) != 0) {
        return -1;
    }
    (void)thread_main(&greeting[0]);
    for (int i = 0; i < threads; i++) {
        if (i > 0) {
            (void)pthread_join(thread[i], NULL);
        }
        printf("hello from thread %d of %d", i + 1, threads);
        if (greeting[i].node != 0) {
            printf(" on node %d", greeting[i].node);
        }
        printf("\n");
    }
    return 0;
}

static int file_show(const char *path)
{
    FILE *in = fopen(path, "r");
    long bytes = 0;
    int lines = 0;
    int c;

    if (in == NULL) {
        fprintf(stderr, "hello: %s: %s; bring it along with: ./lisse run --with FILE\n", path,
                strerror(errno));
        return -1;
    }
    printf("file %s:\n", path);
    while ((c = getc(in)) != EOF) {
        if (lines < FILE_LINES) {
            putchar(c);
        }
        lines += c == '\n';
        bytes++;
    }
    printf("%ld bytes, %d lines\n", bytes, lines);
    (void)fclose(in);
    return 0;
}

static int usage(void)
{
    fprintf(stderr, "usage: hello [-t THREADS] [--file FILE] [--env] [ARGUMENTS]\n"
            "THREADS: 1 to %d\n", THREADS_MAX);
    return 2;
}

int main(int argc, char **argv, char **envp)
{
    int threads = threads_default();
    const char *file = NULL;
    int show_env = 0;
    int i = 1;

    for (; i < argc && argv[i][0] == '-'; i++) {
        if (strcmp(argv[i], "-t") == 0 && i + 1 < argc) {
            threads = atoi(argv[++i]);
        } else if (strcmp(argv[i], "--file") == 0 && i + 1 < argc) {
            file = argv[++i];
        } else if (strcmp(argv[i], "--env") == 0) {
            show_env = 1;
        } else {
            return usage();
        }
    }
    if (threads < 1 || threads > THREADS_MAX) {
        return usage();
    }
    if (threads_greet(threads) != 0) {
        return EXIT_FAILURE;
    }
    for (int first = i; i < argc; i++) {
        printf("argument %d: %s\n", i - first + 1, argv[i]);
    }
    for (; show_env && *envp != NULL; envp++) {
        printf("environment: %s\n", *envp);
    }
    return file == NULL || file_show(file) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
