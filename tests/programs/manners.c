/* manners: keys and their destructors, once, cleanup handlers, all kinds of mutexes, barriers, spin
 * locks, rwlocks and semaphores as threads on many nodes meet them.
 *
 * `manners [ROUNDS]` (25). Prints one line for each part; exit code 1 when something is wrong. */
/* lisse-cc: -pthread */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define THREADS 6
#define KEYS    40

#define CHECK(condition) check((condition) != 0, #condition, __LINE__)
#define ADD(sum, value)  __atomic_add_fetch(&(sum), (value), __ATOMIC_SEQ_CST)

static unsigned rounds = 25;

static void check(int good, const char *what, int line)
{
    if (!good) {
        printf("FAIL line %d: %s (errno %d)\n", line, what, errno);
        exit(1);
    }
}

static uintptr_t run(void *(*body)(void *))
{
    pthread_t thread[THREADS];
    uintptr_t sum = 0;

    for (uintptr_t i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&thread[i], NULL, body, (void *)i) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        void *result;

        CHECK(pthread_join(thread[i], &result) == 0);
        sum += (uintptr_t)result;
    }
    return sum;
}

/* ---- keys, once, cleanup --------------------------------------------------------------------- */

static pthread_key_t key[KEYS];
static pthread_once_t once = PTHREAD_ONCE_INIT;
static unsigned destroyed, once_runs, cleaned;

static void destroy(void *value)
{
    unsigned *left = value;

    (void)ADD(destroyed, 1);
    if (*left > 0) {
        (*left)--;
        CHECK(pthread_setspecific(key[0], left) == 0); /* again in the next round */
    } else {
        free(left);
    }
}

static void run_once(void)
{
    (void)usleep(3000); /* the others wait */
    (void)ADD(once_runs, 1);
}

static void cleanup(void *arg)
{
    (void)ADD(cleaned, (unsigned)(uintptr_t)arg);
}

static void *leave(void *arg)
{
    pthread_cleanup_push(cleanup, (void *)1);
    pthread_cleanup_push(cleanup, (void *)10);
    if ((uintptr_t)arg % 2 == 0) {
        pthread_exit((void *)100);
    }
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(1);
    return (void *)1;
}

static void *key_body(void *arg)
{
    unsigned *left = malloc(sizeof(*left));

    CHECK(pthread_once(&once, run_once) == 0 && once_runs == 1);
    *left = 2;
    CHECK(pthread_getspecific(key[0]) == NULL && pthread_setspecific(key[0], left) == 0);
    for (unsigned i = 1; i < KEYS; i++) {
        CHECK(pthread_setspecific(key[i], (char *)arg + i) == 0);
    }
    (void)sched_yield();
    for (unsigned i = 1; i < KEYS; i++) {
        CHECK(pthread_getspecific(key[i]) == (char *)arg + i);
    }
    return leave(arg);
}

static void keys(void)
{
    uintptr_t sum;

    for (unsigned i = 0; i < KEYS; i++) {
        CHECK(pthread_key_create(&key[i], i == 0 ? destroy : NULL) == 0);
    }
    sum = run(key_body);
    printf("keys: %u destroyed, %u once, %u cleaned, %u\n", destroyed, once_runs, cleaned,
           (unsigned)sum);
    for (unsigned i = 0; i < KEYS; i++) {
        CHECK(pthread_key_delete(key[i]) == 0);
    }
}

/* ---- mutexes of all types, trylock ----------------------------------------------------------- */

static pthread_mutex_t mutex[4];
static unsigned guarded[4];

static void *mutex_body(void *arg)
{
    for (unsigned i = 0; i < rounds; i++) {
        unsigned type = (i + (unsigned)(uintptr_t)arg) % 4;

        while (type == 3 && pthread_mutex_trylock(&mutex[3]) == EBUSY) {
            (void)sched_yield();
        }
        CHECK(type == 3 || pthread_mutex_lock(&mutex[type]) == 0);
        if (type == 1) {
            CHECK(pthread_mutex_lock(&mutex[1]) == 0 && pthread_mutex_unlock(&mutex[1]) == 0);
        }
        guarded[type]++;
        CHECK(pthread_mutex_unlock(&mutex[type]) == 0);
    }
    return NULL;
}

static void mutexes(void)
{
    static const int type[] = { PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_RECURSIVE,
                                PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_DEFAULT };
    pthread_mutexattr_t attributes;

    CHECK(pthread_mutexattr_init(&attributes) == 0);
    for (int i = 0; i < 4; i++) {
        CHECK(pthread_mutexattr_settype(&attributes, type[i]) == 0);
        CHECK(pthread_mutexattr_setpshared(&attributes, i % 2) == 0);
        CHECK(pthread_mutex_init(&mutex[i], &attributes) == 0);
    }
    (void)run(mutex_body);
    printf("mutexes: %u\n", guarded[0] + guarded[1] + guarded[2] + guarded[3]);
    for (int i = 0; i < 4; i++) {
        CHECK(pthread_mutex_destroy(&mutex[i]) == 0);
    }
}

/* ---- barriers that are made and destroyed, spin locks, rwlocks, semaphores ------------------- */

static pthread_barrier_t barrier[2];
static pthread_spinlock_t spin;
static pthread_rwlock_t rwlock;
static sem_t room;
static unsigned serial, spun, inside, most, written;

static void *meet(void *unused)
{
    for (unsigned i = 0; i < rounds; i++) {
        if (pthread_barrier_wait(&barrier[i % 2]) == PTHREAD_BARRIER_SERIAL_THREAD) {
            serial++; /* nobody else comes here before the next barrier of this kind */
            CHECK(pthread_barrier_destroy(&barrier[i % 2]) == 0);
            CHECK(pthread_barrier_init(&barrier[i % 2], NULL, THREADS) == 0);
        }
        CHECK(pthread_spin_lock(&spin) == 0);
        spun++;
        CHECK(pthread_spin_unlock(&spin) == 0);
    }
    return unused;
}

static void *share(void *arg)
{
    for (unsigned i = 0; i < rounds; i++) {
        unsigned now;

        CHECK(sem_wait(&room) == 0);
        now = ADD(inside, 1);
        CHECK(now <= 3);
        if (i % 5 == (uintptr_t)arg % 5) {
            CHECK(pthread_rwlock_wrlock(&rwlock) == 0);
            written++;
        } else {
            CHECK(pthread_rwlock_rdlock(&rwlock) == 0);
        }
        most = now > most ? now : most;
        CHECK(pthread_rwlock_unlock(&rwlock) == 0);
        (void)ADD(inside, -1u);
        CHECK(sem_post(&room) == 0);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    rounds = argc > 1 ? (unsigned)atoi(argv[1]) : rounds;
    keys();
    mutexes();
    CHECK(pthread_barrier_init(&barrier[0], NULL, THREADS) == 0);
    CHECK(pthread_barrier_init(&barrier[1], NULL, THREADS) == 0);
    CHECK(pthread_spin_init(&spin, 0) == 0);
    (void)run(meet);
    printf("barriers: %u serial, %u spun\n", serial, spun);
    CHECK(sem_init(&room, 0, 3) == 0 && pthread_rwlock_init(&rwlock, NULL) == 0);
    (void)run(share);
    printf("shared: %u written, at most 3 inside: %s\n", written, most <= 3 ? "yes" : "no");
    return 0;
}
