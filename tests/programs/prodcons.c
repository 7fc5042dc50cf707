/* prodcons: producers, two stages of workers and a collector on bounded queues with condvars.
 *
 * `prodcons [ITEMS] [SLOTS]` (400, 3). Queues close when their last producer ends; the sums are
 * the same whoever did the work. Exit code 1 when an item is lost or doubled. */
/* lisse-cc: -pthread */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define PRODUCERS 3
#define WORKERS   3
#define STAGES    2

struct queue {
    pthread_mutex_t mutex;
    pthread_cond_t not_empty, not_full;
    unsigned first, count, slots, producers;
    uint32_t *item;
};

static struct queue queue[STAGES + 1];
static unsigned items = 400, slots = 3;
static uint64_t sum, mixed;
static unsigned char *seen;

static void queue_open(struct queue *q, unsigned producers)
{
    (void)pthread_mutex_init(&q->mutex, NULL);
    (void)pthread_cond_init(&q->not_empty, NULL);
    (void)pthread_cond_init(&q->not_full, NULL);
    q->slots = slots;
    q->producers = producers;
    q->item = calloc(slots, sizeof(*q->item));
}

static void queue_put(struct queue *q, uint32_t item)
{
    (void)pthread_mutex_lock(&q->mutex);
    while (q->count == q->slots) {
        (void)pthread_cond_wait(&q->not_full, &q->mutex);
    }
    q->item[(q->first + q->count++) % q->slots] = item;
    (void)pthread_cond_signal(&q->not_empty);
    (void)pthread_mutex_unlock(&q->mutex);
}

/* 0: the queue is empty and closed. */
static int queue_get(struct queue *q, uint32_t *item)
{
    int there;

    (void)pthread_mutex_lock(&q->mutex);
    while (q->count == 0 && q->producers > 0) {
        (void)pthread_cond_wait(&q->not_empty, &q->mutex);
    }
    there = q->count > 0;
    if (there) {
        *item = q->item[q->first];
        q->first = (q->first + 1) % q->slots;
        q->count--;
        (void)pthread_cond_signal(&q->not_full);
    }
    (void)pthread_mutex_unlock(&q->mutex);
    return there;
}

static void queue_close(struct queue *q)
{
    (void)pthread_mutex_lock(&q->mutex);
    if (--q->producers == 0) {
        (void)pthread_cond_broadcast(&q->not_empty);
    }
    (void)pthread_mutex_unlock(&q->mutex);
}

static void *produce(void *arg)
{
    for (unsigned i = (unsigned)(uintptr_t)arg; i < items; i += PRODUCERS) {
        queue_put(&queue[0], i);
    }
    queue_close(&queue[0]);
    return NULL;
}

static void *work(void *arg)
{
    unsigned stage = (unsigned)(uintptr_t)arg;
    uint32_t item;

    while (queue_get(&queue[stage], &item)) {
        queue_put(&queue[stage + 1], item * 2 + 1);
    }
    queue_close(&queue[stage + 1]);
    return NULL;
}

static void *collect(void *unused)
{
    uint32_t item;

    while (queue_get(&queue[STAGES], &item)) {
        seen[item / 4]++; /* two stages: item = 4 i + 3 */
        sum += item;
        mixed ^= item * 0x9E3779B97F4A7C15u;
    }
    return unused;
}

int main(int argc, char **argv)
{
    pthread_t thread[PRODUCERS + STAGES * WORKERS + 1];
    unsigned threads = 0, wrong = 0;

    items = argc > 1 ? (unsigned)atoi(argv[1]) : items;
    slots = argc > 2 ? (unsigned)atoi(argv[2]) : slots;
    seen = calloc(items, 1);
    for (unsigned stage = 0; stage <= STAGES; stage++) {
        queue_open(&queue[stage], stage == 0 ? PRODUCERS : WORKERS);
    }
    (void)pthread_create(&thread[threads++], NULL, collect, NULL);
    for (uintptr_t i = 0; i < STAGES * WORKERS; i++) {
        (void)pthread_create(&thread[threads++], NULL, work, (void *)(i % STAGES));
    }
    for (uintptr_t i = 0; i < PRODUCERS; i++) {
        (void)pthread_create(&thread[threads++], NULL, produce, (void *)i);
    }
    while (threads > 0) {
        (void)pthread_join(thread[--threads], NULL);
    }
    for (unsigned i = 0; i < items; i++) {
        wrong += seen[i] != 1;
    }
    printf("%u items, %u wrong, sum %llu, mixed %016llx\n", items, wrong,
           (unsigned long long)sum, (unsigned long long)mixed);
    return wrong != 0;
}
