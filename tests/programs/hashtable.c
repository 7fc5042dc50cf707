/* hashtable: a chained hash table with one lock a bucket, nodes from malloc, moved by all threads.
 *
 * `hashtable [TURNS] [THREADS]` (600, 4). Each thread puts, finds and removes its own keys and
 * counts words of a shared set; a thread frees what another has allocated. What stands in the table
 * at the end does not depend on the order. Exit code 1 when something is missing. */
/* lisse-cc: -pthread */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS     61
#define WORDS       16
#define THREADS_MAX 32

struct entry {
    struct entry *next;
    unsigned count;
    char key[];
};
static struct {
    pthread_mutex_t mutex;
    struct entry *first;
} bucket[BUCKETS];

static unsigned turns = 600, threads = 4, wrong;

static unsigned hash(const char *key)
{
    unsigned h = 5381;

    while (*key != 0) {
        h = h * 33 + (unsigned char)*key++;
    }
    return h % BUCKETS;
}

/* Adds to the entry's count, makes it or removes it (count 0); returns the new count. */
static unsigned table_add(const char *key, int change)
{
    unsigned b = hash(key), count;
    struct entry **at, *e;

    (void)pthread_mutex_lock(&bucket[b].mutex);
    for (at = &bucket[b].first; *at != NULL && strcmp((*at)->key, key) != 0; at = &(*at)->next) {
    }
    e = *at;
    if (e == NULL) {
        e = malloc(sizeof(*e) + strlen(key) + 1);
        e->next = NULL;
        e->count = 0;
        strcpy(e->key, key);
        *at = e;
    }
    e->count += (unsigned)change;
    count = e->count;
    if (count == 0) {
        *at = e->next;
        free(e);
    }
    (void)pthread_mutex_unlock(&bucket[b].mutex);
    return count;
}

static void *work(void *arg)
{
    unsigned self = (unsigned)(uintptr_t)arg, bad = 0;
    char key[64];

    for (unsigned i = 0; i < turns; i++) {
        (void)snprintf(key, sizeof(key), "own-%u-%u", self, i);
        bad += table_add(key, 1) != 1;
        (void)snprintf(key, sizeof(key), "word-%u", (i * 7 + self) % WORDS);
        bad += table_add(key, 1) == 0;
        if (i >= 10) { /* all but the last ten go again */
            (void)snprintf(key, sizeof(key), "own-%u-%u", self, i - 10);
            bad += table_add(key, -1) != 0;
        }
    }
    (void)__atomic_add_fetch(&wrong, bad, __ATOMIC_SEQ_CST);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t thread[THREADS_MAX];
    unsigned entries = 0, own = 0, total = 0;

    turns = argc > 1 ? (unsigned)atoi(argv[1]) : turns;
    threads = argc > 2 ? (unsigned)atoi(argv[2]) : threads;
    for (unsigned i = 0; i < BUCKETS; i++) {
        (void)pthread_mutex_init(&bucket[i].mutex, NULL);
    }
    for (uintptr_t i = 0; i < threads; i++) {
        (void)pthread_create(&thread[i], NULL, work, (void *)i);
    }
    for (unsigned i = 0; i < threads; i++) {
        (void)pthread_join(thread[i], NULL);
    }
    for (unsigned i = 0; i < BUCKETS; i++) {
        while (bucket[i].first != NULL) {
            struct entry *e = bucket[i].first;

            bucket[i].first = e->next;
            entries++;
            own += e->key[0] == 'o';
            total += e->key[0] == 'w' ? e->count : 0;
            free(e);
        }
    }
    printf("%u entries, %u own ones, %u words, %u wrong\n", entries, own, total, wrong);
    return wrong != 0 || own != 10 * threads || total != turns * threads;
}
