/* rwcache: a cache behind a rwlock, read by many, filled by whoever misses, invalidated by writers.
 *
 * `rwcache [TURNS] [THREADS]` (150, 4). A value is a function of (key, version), so a reader sees
 * at once when it got half of another one; versions only rise. The number of writes is fixed, the
 * number of fills is not, and is not printed. */
/* lisse-cc: -pthread */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINES       24
#define LINE_WORDS  40
#define THREADS_MAX 16

struct line {
    unsigned version; /* of the key; rises with each write */
    int filled;
    uint32_t word[LINE_WORDS];
};

static pthread_rwlock_t lock;
static struct line line[LINES];
static unsigned turns = 150, threads = 4, wrong, writes;

static uint32_t value(unsigned key, unsigned version, unsigned i)
{
    return (key * 1000003u + version) * 2654435761u + i * 40503u;
}

static void fill(unsigned key)
{
    for (unsigned i = 0; i < LINE_WORDS; i++) {
        line[key].word[i] = value(key, line[key].version, i);
    }
    line[key].filled = 1;
}

/* Number of words that are not of the line's version. */
static unsigned bad_words(unsigned key)
{
    unsigned bad = 0;

    for (unsigned i = 0; i < LINE_WORDS; i++) {
        bad += line[key].word[i] != value(key, line[key].version, i);
    }
    return bad;
}

static unsigned read_line(unsigned key, unsigned *version)
{
    unsigned bad = 0;

    (void)pthread_rwlock_rdlock(&lock);
    while (!line[key].filled) {
        (void)pthread_rwlock_unlock(&lock);
        (void)pthread_rwlock_wrlock(&lock);
        if (!line[key].filled) {
            fill(key);
        }
        (void)pthread_rwlock_unlock(&lock);
        (void)pthread_rwlock_rdlock(&lock);
    }
    bad += bad_words(key);
    bad += line[key].version < *version;
    *version = line[key].version;
    (void)pthread_rwlock_unlock(&lock);
    return bad;
}

static void write_line(unsigned key)
{
    while (pthread_rwlock_trywrlock(&lock) == EBUSY) {
        (void)pthread_rwlock_rdlock(&lock); /* waits behind the others without spinning */
        (void)pthread_rwlock_unlock(&lock);
        if (pthread_rwlock_wrlock(&lock) == 0) {
            break;
        }
    }
    line[key].version++;
    line[key].filled = 0;
    writes++;
    (void)pthread_rwlock_unlock(&lock);
}

static void *work(void *arg)
{
    unsigned self = (unsigned)(uintptr_t)arg, bad = 0, version[LINES] = { 0 };

    for (unsigned i = 0; i < turns; i++) {
        unsigned key = (i * 5 + self * 3) % LINES;

        bad += read_line(key, &version[key]);
        if (i % 10 == self % 10) {
            write_line((key + 1) % LINES);
        }
    }
    (void)__atomic_add_fetch(&wrong, bad, __ATOMIC_SEQ_CST);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t thread[THREADS_MAX];
    unsigned versions = 0;

    turns = argc > 1 ? (unsigned)atoi(argv[1]) : turns;
    threads = argc > 2 ? (unsigned)atoi(argv[2]) : threads;
    (void)pthread_rwlock_init(&lock, NULL);
    for (uintptr_t i = 0; i < threads; i++) {
        (void)pthread_create(&thread[i], NULL, work, (void *)i);
    }
    for (unsigned i = 0; i < threads; i++) {
        (void)pthread_join(thread[i], NULL);
    }
    for (unsigned i = 0; i < LINES; i++) {
        versions += line[i].version;
    }
    printf("%u writes, versions sum to %u, %u wrong\n", writes, versions, wrong);
    return wrong != 0 || versions != writes;
}
