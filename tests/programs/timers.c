/* timers: every wait with a time limit, and clocks that agree with cause and effect.
 *
 * `timers`. Durations are judged here (never too early; too late only beyond LATE_MS, since hosts
 * are slow), not printed. Exit code 1 when one is wrong. */
/* lisse-cc: -pthread */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SPAN_MS 30
#define LATE_MS 3000

#define CHECK(condition) check((condition) != 0, #condition, __LINE__)

static void check(int good, const char *what, int line)
{
    if (!good) {
        printf("FAIL line %d: %s (errno %d)\n", line, what, errno);
        exit(1);
    }
}

static int64_t now_us(clockid_t clock)
{
    struct timespec t;

    CHECK(clock_gettime(clock, &t) == 0);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static struct timespec at_us(int64_t us)
{
    return (struct timespec){ .tv_sec = us / 1000000, .tv_nsec = (long)(us % 1000000) * 1000 };
}

static struct timespec after_ms(clockid_t clock, int ms)
{
    return at_us(now_us(clock) + ms * 1000);
}

/* The wait that began then was as long as it should be. */
static int was_span(int64_t since)
{
    int64_t took = now_us(CLOCK_MONOTONIC) - since;

    return took >= SPAN_MS * 1000 - 1 && took < LATE_MS * 1000;
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
static pthread_cond_t steady;
static sem_t empty;

static void sleeps(void)
{
    struct timespec span = at_us(SPAN_MS * 1000), end, left, bad = { 0, 1000000000 };
    int64_t since = now_us(CLOCK_MONOTONIC);

    CHECK(nanosleep(&span, &left) == 0 && was_span(since));
    since = now_us(CLOCK_MONOTONIC);
    CHECK(clock_nanosleep(CLOCK_MONOTONIC, 0, &span, NULL) == 0 && was_span(since));
    since = now_us(CLOCK_MONOTONIC);
    end = after_ms(CLOCK_MONOTONIC, SPAN_MS);
    CHECK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL) == 0 && was_span(since));
    since = now_us(CLOCK_MONOTONIC);
    end = after_ms(CLOCK_REALTIME, SPAN_MS);
    CHECK(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &end, NULL) == 0 && was_span(since));
    since = now_us(CLOCK_MONOTONIC);
    CHECK(usleep(SPAN_MS * 1000) == 0 && was_span(since));
    CHECK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &span, NULL) == 0); /* long past */
    CHECK(nanosleep(&bad, NULL) == -1 && errno == EINVAL);
}

static void timed_conditions(void)
{
    int64_t since = now_us(CLOCK_MONOTONIC);
    struct timespec end = after_ms(CLOCK_REALTIME, SPAN_MS);
    struct timespec past = { 1, 0 }, bad = { 1, -1 };

    CHECK(pthread_mutex_lock(&mutex) == 0);
    while (pthread_cond_timedwait(&never, &mutex, &end) == 0) {
    }
    CHECK(was_span(since));
    since = now_us(CLOCK_MONOTONIC);
    end = after_ms(CLOCK_MONOTONIC, SPAN_MS);
    while (pthread_cond_timedwait(&steady, &mutex, &end) == 0) {
    }
    CHECK(was_span(since));
    CHECK(pthread_cond_timedwait(&never, &mutex, &past) == ETIMEDOUT);
    CHECK(pthread_cond_timedwait(&never, &mutex, &bad) == EINVAL);
    CHECK(pthread_mutex_unlock(&mutex) == 0);
}

static void timed_locks(void)
{
    int64_t since = now_us(CLOCK_MONOTONIC);
    struct timespec end = after_ms(CLOCK_REALTIME, SPAN_MS), past = { 1, 0 };

    CHECK(pthread_mutex_timedlock(&held, &end) == ETIMEDOUT && was_span(since));
    CHECK(pthread_mutex_timedlock(&held, &past) == ETIMEDOUT);
    since = now_us(CLOCK_MONOTONIC);
    end = after_ms(CLOCK_REALTIME, SPAN_MS);
    CHECK(pthread_rwlock_timedrdlock(&rwlock, &end) == ETIMEDOUT && was_span(since));
    since = now_us(CLOCK_MONOTONIC);
    end = after_ms(CLOCK_REALTIME, SPAN_MS);
    CHECK(pthread_rwlock_timedwrlock(&rwlock, &end) == ETIMEDOUT && was_span(since));
    since = now_us(CLOCK_MONOTONIC);
    end = after_ms(CLOCK_REALTIME, SPAN_MS);
    CHECK(sem_timedwait(&empty, &end) == -1 && errno == ETIMEDOUT && was_span(since));
    CHECK(sem_timedwait(&empty, &past) == -1 && errno == ETIMEDOUT);
    CHECK(sem_trywait(&empty) == -1 && errno == EAGAIN);
}

static void *waits(void *arg)
{
    sleeps();
    timed_conditions();
    timed_locks();
    return arg;
}

/* ---- a wake that comes before the time limit ------------------------------------------------- */

static int posted;

static void *post_later(void *unused)
{
    CHECK(usleep(SPAN_MS * 1000) == 0);
    CHECK(pthread_mutex_lock(&mutex) == 0);
    posted = 1;
    CHECK(pthread_cond_signal(&steady) == 0);
    CHECK(pthread_mutex_unlock(&mutex) == 0);
    CHECK(usleep(SPAN_MS * 1000) == 0);
    CHECK(sem_post(&empty) == 0);
    return unused;
}

static void woken_in_time(void)
{
    struct timespec end = after_ms(CLOCK_MONOTONIC, 60000);
    int64_t since = now_us(CLOCK_MONOTONIC);
    pthread_t thread;
    int error = 0;

    CHECK(pthread_create(&thread, NULL, post_later, NULL) == 0);
    CHECK(pthread_mutex_lock(&mutex) == 0);
    while (!posted && error == 0) {
        error = pthread_cond_timedwait(&steady, &mutex, &end);
    }
    CHECK(error == 0 && was_span(since));
    CHECK(pthread_mutex_unlock(&mutex) == 0);
    end = after_ms(CLOCK_REALTIME, 60000);
    CHECK(sem_timedwait(&empty, &end) == 0 && was_span(since + SPAN_MS * 1000));
    CHECK(pthread_join(thread, NULL) == 0);
}

/* ---- clocks: what a thread has seen, the next one must not see earlier ----------------------- */

static int64_t last_seen[2];
static int backwards[2];

static void *look(void *unused)
{
    for (int i = 0; i < 60; i++) {
        int64_t now[2];
        struct timeval day;

        CHECK(pthread_mutex_lock(&mutex) == 0);
        now[0] = now_us(CLOCK_MONOTONIC);
        CHECK(gettimeofday(&day, NULL) == 0);
        now[1] = (int64_t)day.tv_sec * 1000000 + day.tv_usec;
        for (int k = 0; k < 2; k++) {
            backwards[k] += now[k] < last_seen[k];
            last_seen[k] = now[k];
        }
        CHECK(pthread_mutex_unlock(&mutex) == 0);
    }
    return unused;
}

static void all(void *(*body)(void *))
{
    pthread_t thread[4];

    for (int i = 0; i < 4; i++) {
        CHECK(pthread_create(&thread[i], NULL, body, NULL) == 0);
    }
    for (int i = 0; i < 4; i++) {
        CHECK(pthread_join(thread[i], NULL) == 0);
    }
}

int main(void)
{
    pthread_condattr_t attributes;

    CHECK(pthread_condattr_init(&attributes) == 0);
    CHECK(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    CHECK(pthread_cond_init(&steady, &attributes) == 0);
    CHECK(sem_init(&empty, 0, 0) == 0);
    CHECK(pthread_mutex_lock(&held) == 0 && pthread_rwlock_wrlock(&rwlock) == 0);
    all(waits);
    printf("sleeps, conditions, locks and semaphores end in time\n");
    woken_in_time();
    printf("a wake comes before the limit\n");
    all(look);
    printf("backwards: monotonic %d, real %d\n", backwards[0], backwards[1]);
    return backwards[0] != 0 || backwards[1] != 0;
}
