/* ending: the program ends while its threads are in the middle of something.
 *
 * `ending HOW CODE`: threads wait for a condition, a mutex, a semaphore, a join, a barrier, a
 * sleep, compute, fault pages in all the time, create threads, or write to stderr; then:
 *   main     main returns CODE             thread   the youngest thread calls exit(CODE)
 *   quick    _exit(CODE), nothing flushed  abort    the youngest thread calls abort()
 *   fault    the youngest thread writes to address 0
 *   last     all threads but main end, main last, by pthread_exit */
/* lisse-cc: -pthread */
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGES 64

static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static sem_t empty;
static volatile char page[PAGES][4096] __attribute__((aligned(4096)));
static const char *how = "main";
static int code;
static pthread_t sleeper;
static unsigned begun;
static int *volatile nowhere;

static void begin(void)
{
    (void)__atomic_add_fetch(&begun, 1, __ATOMIC_SEQ_CST);
}

static void *wait_condition(void *unused)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

    begin();
    (void)pthread_mutex_lock(&mutex);
    for (;;) {
        (void)pthread_cond_wait(&never, &mutex);
    }
    return unused;
}

static void *wait_mutex(void *unused)
{
    begin();
    (void)pthread_mutex_lock(&held);
    return unused;
}

static void *wait_semaphore(void *unused)
{
    begin();
    (void)sem_wait(&empty);
    return unused;
}

static void *wait_join(void *unused)
{
    begin();
    (void)pthread_join(sleeper, NULL);
    return unused;
}

static void *wait_barrier(void *unused)
{
    begin();
    (void)pthread_barrier_wait(&barrier);
    return unused;
}

static void *wait_sleep(void *unused)
{
    begin();
    (void)sleep(1000);
    return unused;
}

static void *compute(void *unused)
{
    begin();
    for (volatile unsigned i = 0;; i++) {
    }
    return unused;
}

static void *fault(void *arg)
{
    begin();
    for (unsigned i = 0;; i++) {
        page[i * 7 % PAGES][(uintptr_t)arg]++;
    }
    return NULL;
}

static void *nothing(void *arg)
{
    return arg;
}

static void *create(void *unused)
{
    begin();
    for (;;) {
        pthread_t thread;

        if (pthread_create(&thread, NULL, nothing, NULL) == 0) {
            (void)pthread_join(thread, NULL);
        }
    }
    return unused;
}

static void *scribble(void *unused)
{
    begin();
    for (;;) {
        (void)fprintf(stderr, "a line of noise\n");
        (void)usleep(2000);
    }
    return unused;
}

static void *youngest(void *unused)
{
    while (__atomic_load_n(&begun, __ATOMIC_SEQ_CST) < 12) {
        (void)usleep(1000);
    }
    (void)usleep(20000);
    if (strcmp(how, "abort") == 0) {
        abort();
    } else if (strcmp(how, "fault") == 0) {
        *nowhere = 1;
    } else if (strcmp(how, "thread") == 0) {
        exit(code);
    } else if (strcmp(how, "quick") == 0) {
        _exit(code);
    }
    return unused;
}

static void end_last(void)
{
    pthread_t thread;

    for (int i = 0; i < 6; i++) {
        (void)pthread_create(&thread, NULL, nothing, NULL);
        (void)pthread_detach(thread);
    }
    printf("main ends\n");
    pthread_exit(NULL);
}

int main(int argc, char **argv)
{
    void *(*const body[])(void *) = { wait_condition, wait_mutex, wait_semaphore, wait_join,
                                      wait_barrier,   compute,    fault,          fault,
                                      fault,          create,     scribble };
    pthread_t thread;

    how = argc > 1 ? argv[1] : how;
    code = argc > 2 ? atoi(argv[2]) : 0;
    (void)setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    printf("%s %d\n", how, code);
    if (strcmp(how, "last") == 0) {
        end_last();
    }
    (void)pthread_barrier_init(&barrier, NULL, 2);
    (void)sem_init(&empty, 0, 0);
    (void)pthread_mutex_lock(&held);
    (void)pthread_create(&sleeper, NULL, wait_sleep, NULL);
    for (uintptr_t i = 0; i < sizeof(body) / sizeof(body[0]); i++) {
        (void)pthread_create(&thread, NULL, body[i], (void *)i);
    }
    (void)pthread_create(&thread, NULL, youngest, NULL);
    (void)pthread_join(strcmp(how, "main") == 0 ? thread : sleeper, NULL);
    return code;
}
