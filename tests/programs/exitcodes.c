/* exitcodes: ends in the way that its argument names, so that the exit code can be compared.
 *
 * exit N       main calls exit(N)             return N   main returns N
 * _exit N      without flushing stdio         thread N   another thread calls exit(N)
 * pthread_exit main ends, a thread goes on and prints; the exit code is 0
 * running N    main returns N while a thread runs for ever */
/* lisse-cc: -pthread */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int code;

static void *exit_main(void *unused)
{
    (void)unused;
    exit(code);
}

static void *late_main(void *unused)
{
    usleep(50000);
    printf("the thread outlives main\n");
    return unused;
}

static void *busy_main(void *arg)
{
    volatile int *busy = arg;

    while (*busy) {
    }
    return NULL;
}

static void at_exit(void)
{
    printf("atexit ran\n");
}

static void thread_start(void *(*run)(void *), void *arg)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, run, arg) != 0) {
        printf("no thread\n");
        _exit(99);
    }
}

int main(int argc, char **argv)
{
    static int busy = 1;
    const char *how = argc > 1 ? argv[1] : "return";

    code = argc > 2 ? atoi(argv[2]) : 0;
    (void)atexit(at_exit);
    printf("%s %d\n", how, code);
    if (strcmp(how, "exit") == 0) {
        exit(code);
    } else if (strcmp(how, "_exit") == 0) {
        (void)fflush(stdout);
        printf("this is never flushed\n");
        _exit(code);
    } else if (strcmp(how, "thread") == 0) {
        thread_start(exit_main, NULL);
        for (;;) {
            (void)pause();
        }
    } else if (strcmp(how, "pthread_exit") == 0) {
        thread_start(late_main, NULL);
        pthread_exit(NULL);
    } else if (strcmp(how, "running") == 0) {
        thread_start(busy_main, &busy);
    }
    return code;
}
