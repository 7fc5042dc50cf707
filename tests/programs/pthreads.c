/* pthreads: an ordinary pthreads program that uses nearly all of the interface; no word of Lisse.
 *
 * `pthreads FILE [ROUNDS]` (20). Four threads (main is one of them) go through the sections below
 * one after the other; each prints one line that is the same on every machine, and ends the
 * program with exit code 1 when something is not as POSIX says. */
/* lisse-cc: -pthread */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define THREADS 4

static int rounds = 20;
static const char *file_name;

#define CHECK(condition) check((condition) != 0, #condition, __LINE__)

static void check(int good, const char *what, int line)
{
    if (!good) {
        printf("FAIL line %d: %s\n", line, what);
        exit(1);
    }
}

/* Runs body(0) here and body(1..3) in threads; returns the sum of what they return. */
static long run(void *(*body)(void *))
{
    static int number[THREADS] = { 0, 1, 2, 3 };
    pthread_t thread[THREADS];
    long sum;

    for (int i = 1; i < THREADS; i++) {
        CHECK(pthread_create(&thread[i], NULL, body, &number[i]) == 0);
    }
    sum = (long)(intptr_t)body(&number[0]);
    for (int i = 1; i < THREADS; i++) {
        void *result = NULL;

        CHECK(pthread_join(thread[i], &result) == 0);
        sum += (long)(intptr_t)result;
    }
    return sum;
}

static int index_of(const void *arg)
{
    return *(const int *)arg;
}

/* ---- mutex: normal, recursive, error-checking ------------------------------------------------ */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t recursive;
static pthread_mutex_t strict;
static long guarded;
static long nested;

static void *mutex_body(void *arg)
{
    for (int i = 0; i < rounds; i++) {
        CHECK(pthread_mutex_lock(&mutex) == 0);
        guarded += index_of(arg) + 1;
        CHECK(pthread_mutex_unlock(&mutex) == 0);
        CHECK(pthread_mutex_lock(&recursive) == 0);
        CHECK(pthread_mutex_lock(&recursive) == 0);
        nested++;
        CHECK(pthread_mutex_unlock(&recursive) == 0);
        CHECK(pthread_mutex_unlock(&recursive) == 0);
    }
    CHECK(pthread_mutex_lock(&strict) == 0);
    CHECK(pthread_mutex_lock(&strict) == EDEADLK);
    CHECK(pthread_mutex_unlock(&strict) == 0);
    CHECK(pthread_mutex_unlock(&strict) == EPERM);
    return NULL;
}

static void mutex_section(void)
{
    pthread_mutexattr_t attributes;

    CHECK(pthread_mutexattr_init(&attributes) == 0);
    CHECK(pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE) == 0);
    CHECK(pthread_mutex_init(&recursive, &attributes) == 0);
    CHECK(pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK) == 0);
    CHECK(pthread_mutex_init(&strict, &attributes) == 0);
    (void)run(mutex_body);
    CHECK(pthread_mutex_trylock(&mutex) == 0);
    CHECK(pthread_mutex_trylock(&mutex) == EBUSY);
    CHECK(pthread_mutex_unlock(&mutex) == 0);
    printf("mutex: %ld, %ld\n", guarded, nested);
    CHECK(guarded == 10L * rounds && nested == (long)THREADS * rounds);
}

/* ---- condition variables: a buffer of two places, two producers, two consumers --------------- */

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t not_full, not_empty, opened;
    int item[2];
    int count;
    int open;
} buffer = { .mutex = PTHREAD_MUTEX_INITIALIZER, .not_full = PTHREAD_COND_INITIALIZER,
             .not_empty = PTHREAD_COND_INITIALIZER, .opened = PTHREAD_COND_INITIALIZER };

static void buffer_put(int item)
{
    (void)pthread_mutex_lock(&buffer.mutex);
    while (buffer.count == 2) {
        (void)pthread_cond_wait(&buffer.not_full, &buffer.mutex);
    }
    buffer.item[buffer.count++] = item;
    (void)pthread_cond_signal(&buffer.not_empty);
    (void)pthread_mutex_unlock(&buffer.mutex);
}

static int buffer_get(void)
{
    int item;

    (void)pthread_mutex_lock(&buffer.mutex);
    while (buffer.count == 0) {
        (void)pthread_cond_wait(&buffer.not_empty, &buffer.mutex);
    }
    item = buffer.item[--buffer.count];
    (void)pthread_cond_signal(&buffer.not_full);
    (void)pthread_mutex_unlock(&buffer.mutex);
    return item;
}

static void *cond_body(void *arg)
{
    int index = index_of(arg);
    long sum = 0;

    (void)pthread_mutex_lock(&buffer.mutex);
    if (index == THREADS - 1) {
        buffer.open = 1;
        (void)pthread_cond_broadcast(&buffer.opened);
    }
    while (!buffer.open) {
        (void)pthread_cond_wait(&buffer.opened, &buffer.mutex);
    }
    (void)pthread_mutex_unlock(&buffer.mutex);
    for (int i = 1; i <= rounds; i++) {
        if (index % 2 == 0) {
            buffer_put(i);
        } else {
            sum += buffer_get();
        }
    }
    return (void *)(intptr_t)sum;
}

static void cond_section(void)
{
    struct timespec deadline;
    long sum = run(cond_body);

    (void)clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_nsec += 30000000;
    deadline.tv_sec += deadline.tv_nsec / 1000000000;
    deadline.tv_nsec %= 1000000000;
    (void)pthread_mutex_lock(&buffer.mutex);
    CHECK(pthread_cond_timedwait(&buffer.opened, &buffer.mutex, &deadline) == ETIMEDOUT);
    (void)pthread_mutex_unlock(&buffer.mutex);
    printf("cond: %ld\n", sum);
    CHECK(sum == (long)rounds * (rounds + 1));
}

/* ---- barrier --------------------------------------------------------------------------------- */

static pthread_barrier_t barrier;
static int arrived[THREADS];

static void *barrier_body(void *arg)
{
    int index = index_of(arg);
    long serial = 0;

    for (int i = 1; i <= rounds; i++) {
        int result;

        arrived[index] = i;
        result = pthread_barrier_wait(&barrier);
        CHECK(result == 0 || result == PTHREAD_BARRIER_SERIAL_THREAD);
        serial += result == PTHREAD_BARRIER_SERIAL_THREAD;
        for (int j = 0; j < THREADS; j++) {
            CHECK(arrived[j] == i);
        }
        (void)pthread_barrier_wait(&barrier);
    }
    return (void *)(intptr_t)serial;
}

static void barrier_section(void)
{
    long serial;

    CHECK(pthread_barrier_init(&barrier, NULL, THREADS) == 0);
    serial = run(barrier_body);
    CHECK(pthread_barrier_destroy(&barrier) == 0);
    printf("barrier: %ld serial threads\n", serial);
    CHECK(serial == rounds);
}

/* ---- semaphores: a ring in which each thread passes the turn on ------------------------------ */

static sem_t turn[THREADS];
static char order[THREADS * 3 + 1];

static void *semaphore_body(void *arg)
{
    int index = index_of(arg);

    for (int i = 0; i < 3; i++) {
        CHECK(sem_wait(&turn[index]) == 0);
        order[i * THREADS + index] = (char)('a' + index);
        CHECK(sem_post(&turn[(index + 1) % THREADS]) == 0);
    }
    return NULL;
}

static void semaphore_section(void)
{
    struct timespec past = { .tv_sec = 1 };
    int value = -1;

    for (int i = 0; i < THREADS; i++) {
        CHECK(sem_init(&turn[i], 0, i == 0 ? 1 : 0) == 0);
    }
    (void)run(semaphore_body);
    CHECK(sem_getvalue(&turn[0], &value) == 0 && value == 1);
    CHECK(sem_trywait(&turn[1]) == -1 && errno == EAGAIN);
    CHECK(sem_timedwait(&turn[1], &past) == -1 && errno == ETIMEDOUT);
    printf("semaphore: %s\n", order);
    CHECK(strcmp(order, "abcdabcdabcd") == 0);
}

/* ---- readers and writers: two values that are equal whenever nobody writes ------------------- */

static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static volatile long left, right;

static void *rwlock_body(void *arg)
{
    long reads = 0;

    for (int i = 0; i < rounds; i++) {
        if ((i + index_of(arg)) % 4 == 0) {
            CHECK(pthread_rwlock_wrlock(&rwlock) == 0);
            left++;
            right++;
        } else {
            CHECK(pthread_rwlock_rdlock(&rwlock) == 0);
            CHECK(left == right);
            reads++;
        }
        CHECK(pthread_rwlock_unlock(&rwlock) == 0);
    }
    return (void *)(intptr_t)reads;
}

static void rwlock_section(void)
{
    long reads = run(rwlock_body);

    CHECK(pthread_rwlock_rdlock(&rwlock) == 0);
    CHECK(pthread_rwlock_trywrlock(&rwlock) == EBUSY);
    CHECK(pthread_rwlock_unlock(&rwlock) == 0);
    printf("rwlock: %ld reads, %ld writes\n", reads, left);
    CHECK(reads + left == (long)rounds * THREADS && left == right);
}

/* ---- atomics of four and of eight bytes ------------------------------------------------------ */

static unsigned narrow;
static uint64_t wide;
static unsigned spin;
static unsigned spun;

static void *atomic_body(void *unused)
{
    for (int i = 0; i < rounds * 10; i++) {
        (void)__atomic_fetch_add(&narrow, 1, __ATOMIC_SEQ_CST);
        (void)__atomic_fetch_add(&wide, 0x100000001u, __ATOMIC_SEQ_CST);
    }
    for (int i = 0; i < rounds; i++) {
        while (__atomic_exchange_n(&spin, 1, __ATOMIC_ACQUIRE) != 0) {
        }
        spun++;
        __atomic_store_n(&spin, 0, __ATOMIC_RELEASE);
    }
    (void)unused;
    return NULL;
}

static void atomic_section(void)
{
    (void)run(atomic_body);
    printf("atomic: %u, %llx, %u\n", narrow, (unsigned long long)wide, spun);
    CHECK(narrow == (unsigned)rounds * 40 && spun == (unsigned)rounds * 4);
    CHECK(wide == (uint64_t)rounds * 40 * 0x100000001u);
}

/* ---- malloc: each frees what its neighbour allocated ----------------------------------------- */

#define PIECES 16

static unsigned char *piece[THREADS][PIECES];

static size_t piece_size(int index, int i)
{
    return (size_t)(1 + (index * 37 + i * 1913) % 9000); /* some below, some above a page */
}

static void *malloc_body(void *arg)
{
    int index = index_of(arg);
    int neighbour = (index + 1) % THREADS;
    long bytes = 0;

    for (int i = 0; i < PIECES; i++) {
        piece[index][i] = malloc(piece_size(index, i));
        CHECK(piece[index][i] != NULL);
        memset(piece[index][i], index * PIECES + i, piece_size(index, i));
    }
    (void)pthread_barrier_wait(&barrier);
    for (int i = 0; i < PIECES; i++) {
        size_t size = piece_size(neighbour, i);
        unsigned char *grown = realloc(piece[neighbour][i], size + 5000);

        CHECK(grown != NULL);
        for (size_t j = 0; j < size; j++) {
            CHECK(grown[j] == neighbour * PIECES + i);
        }
        bytes += (long)size;
        free(grown);
    }
    return (void *)(intptr_t)bytes;
}

static void malloc_section(void)
{
    CHECK(pthread_barrier_init(&barrier, NULL, THREADS) == 0);
    printf("malloc: %ld bytes\n", run(malloc_body));
}

/* ---- thread-local variables, keys with destructors, once ------------------------------------- */

static __thread int local = 7;
static __thread char local_zero[100];
static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int once_count;
static int destroyed;

static void once_body(void)
{
    once_count++;
}

static void key_destroy(void *value)
{
    (void)__atomic_fetch_add(&destroyed, *(int *)value, __ATOMIC_SEQ_CST);
    free(value);
}

static void *local_body(void *arg)
{
    int index = index_of(arg);
    int *own = malloc(sizeof(int));

    CHECK(pthread_once(&once, once_body) == 0 && once_count == 1);
    CHECK(own != NULL && pthread_getspecific(key) == NULL);
    *own = index;
    CHECK(pthread_setspecific(key, own) == 0);
    CHECK(local == 7 && local_zero[99] == 0);
    local += index;
    local_zero[99] = (char)index;
    errno = index;
    (void)pthread_barrier_wait(&barrier);
    CHECK(local == 7 + index && local_zero[99] == index && errno == index);
    CHECK(pthread_getspecific(key) == own);
    return (void *)(intptr_t)local;
}

static void local_section(void)
{
    long sum;

    CHECK(pthread_key_create(&key, key_destroy) == 0);
    sum = run(local_body);
    printf("thread-local: %ld, destroyed %d, once %d\n", sum, destroyed, once_count);
    CHECK(sum == 28 + 6 && destroyed == 6 && once_count == 1);
}

/* ---- printf from all threads, in turn -------------------------------------------------------- */

static int speaker;

static void *printf_body(void *arg)
{
    int index = index_of(arg);

    (void)pthread_mutex_lock(&buffer.mutex);
    while (speaker != index) {
        (void)pthread_cond_wait(&buffer.opened, &buffer.mutex);
    }
    printf("printf: thread %d, %5.3f, %s, %#llx\n", index, 1.0 / (index + 1), "text",
           0x123456789ull << index);
    speaker++;
    (void)pthread_cond_broadcast(&buffer.opened);
    (void)pthread_mutex_unlock(&buffer.mutex);
    return NULL;
}

/* ---- a file that all threads read ------------------------------------------------------------ */

static void *file_body(void *arg)
{
    FILE *in = fopen(file_name, "r");
    unsigned long sum = 5381;
    char again[32] = "";
    char first[32];
    int c;

    (void)arg;
    CHECK(in != NULL);
    CHECK(fgets(first, sizeof(first), in) != NULL);
    rewind(in);
    while ((c = getc(in)) != EOF) {
        sum = (sum * 33 + (unsigned)c) & 0xffffff;
    }
    CHECK(fseek(in, 0, SEEK_SET) == 0 && fgets(again, sizeof(again), in) != NULL);
    CHECK(strcmp(first, again) == 0);
    CHECK(fclose(in) == 0);
    return (void *)(intptr_t)sum;
}

static void file_section(void)
{
    long sum = run(file_body);

    printf("file: %ld, %ld\n", sum / THREADS, sum % THREADS);
    CHECK(open("no-such-file", O_RDONLY) == -1 && errno == ENOENT);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: pthreads FILE [ROUNDS]\n");
        return 2;
    }
    file_name = argv[1];
    if (argc > 2) {
        rounds = atoi(argv[2]);
    }
    mutex_section();
    cond_section();
    barrier_section();
    semaphore_section();
    rwlock_section();
    atomic_section();
    malloc_section();
    local_section();
    (void)run(printf_body);
    file_section();
    printf("all done\n");
    return 0;
}
