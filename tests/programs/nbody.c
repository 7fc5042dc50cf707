/* nbody: gravity between bodies; positions are read by all threads, each writes its own bodies.
 *
 * `nbody [BODIES] [STEPS] [THREADS]` (96, 12, 4). Prints energy and momentum with all their digits
 * (long double sums), so that one wrong bit shows. */
/* lisse-cc: -pthread */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define THREADS_MAX 32

struct body {
    double at[3], speed[3], mass;
};

static struct body *body;
static unsigned bodies = 96, steps = 12, threads = 4;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t all_there = PTHREAD_COND_INITIALIZER;
static unsigned waiting, generation;

/* A barrier of the program's own: a mutex, a condition and a generation. */
static void all_wait(void)
{
    unsigned mine;

    (void)pthread_mutex_lock(&mutex);
    mine = generation;
    if (++waiting == threads) {
        waiting = 0;
        generation++;
        (void)pthread_cond_broadcast(&all_there);
    }
    while (mine == generation) {
        (void)pthread_cond_wait(&all_there, &mutex);
    }
    (void)pthread_mutex_unlock(&mutex);
}

static void pull(struct body *a, const struct body *b, double dt)
{
    double d[3], square = 0.01, root = 1.0, force;

    for (int k = 0; k < 3; k++) {
        d[k] = b->at[k] - a->at[k];
        square += d[k] * d[k];
    }
    for (int i = 0; i < 8; i++) { /* Newton: QEMU's FSQRT lacks the C1 that musl's sqrt() reads */
        root = 0.5 * (root + square / root);
    }
    force = b->mass / (square * root) * dt;
    for (int k = 0; k < 3; k++) {
        a->speed[k] += d[k] * force;
    }
}

static void *work(void *arg)
{
    unsigned self = (unsigned)(uintptr_t)arg;

    for (unsigned step = 0; step < steps; step++) {
        for (unsigned i = self; i < bodies; i += threads) {
            for (unsigned j = 0; j < bodies; j++) {
                pull(&body[i], &body[j], 0.01);
            }
        }
        all_wait();
        for (unsigned i = self; i < bodies; i += threads) {
            for (int k = 0; k < 3; k++) {
                body[i].at[k] += body[i].speed[k] * 0.01;
            }
        }
        all_wait();
    }
    return NULL;
}

static void tell(const char *when)
{
    long double energy = 0, momentum[3] = { 0, 0, 0 };

    for (unsigned i = 0; i < bodies; i++) {
        for (int k = 0; k < 3; k++) {
            long double speed = body[i].speed[k];

            energy += 0.5L * body[i].mass * speed * speed;
            momentum[k] += body[i].mass * speed;
        }
    }
    printf("%s: energy %.21Lg, momentum %.18Le %.18Le %La\n", when, energy, momentum[0],
           momentum[1], momentum[2]);
}

int main(int argc, char **argv)
{
    pthread_t thread[THREADS_MAX];
    uint32_t state = 7;

    bodies = argc > 1 ? (unsigned)atoi(argv[1]) : bodies;
    steps = argc > 2 ? (unsigned)atoi(argv[2]) : steps;
    threads = argc > 3 ? (unsigned)atoi(argv[3]) : threads;
    body = calloc(bodies, sizeof(*body));
    for (unsigned i = 0; i < bodies * 7; i++) {
        state = state * 1664525u + 1013904223u;
        ((double *)&body[i / 7])[i % 7] = (double)(state >> 8) / 16777216.0;
    }
    tell("before");
    for (uintptr_t i = 1; i < threads; i++) {
        (void)pthread_create(&thread[i], NULL, work, (void *)i);
    }
    (void)work(NULL);
    for (unsigned i = 1; i < threads; i++) {
        (void)pthread_join(thread[i], NULL);
    }
    tell("after");
    return 0;
}
