/* stencil: heat on a square plate, five points, rows dealt out to threads, a barrier each step.
 *
 * `stencil [SIDE] [STEPS] [THREADS]` (200, 30, 4). Prints checksums of the bits of the plate after
 * each third of the steps: addition and multiplication only, so they are the same everywhere. */
/* lisse-cc: -pthread */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS_MAX 64

static unsigned side = 200, steps = 30, threads = 4;
static double *plate[2];
static pthread_barrier_t barrier;
static double largest[THREADS_MAX];

static double *row(unsigned which, unsigned y)
{
    return plate[which] + (size_t)y * side;
}

static double step_rows(unsigned from, unsigned to, unsigned which)
{
    double most = 0;

    for (unsigned y = from; y < to; y++) {
        const double *above = row(which, y - 1), *here = row(which, y), *below = row(which, y + 1);
        double *next = row(!which, y);

        for (unsigned x = 1; x + 1 < side; x++) {
            double change = (above[x] + below[x] + here[x - 1] + here[x + 1]) * 0.25 - here[x];

            next[x] = here[x] + change;
            most = change > most ? change : most;
        }
    }
    return most;
}

static void tell(unsigned step)
{
    uint64_t sum = 1469598103934665603u, bits;
    double most = 0;

    for (size_t i = 0; i < (size_t)side * side; i++) {
        memcpy(&bits, &plate[step % 2][i], sizeof(bits));
        sum = (sum ^ bits) * 1099511628211u;
    }
    for (unsigned i = 0; i < threads; i++) {
        most = largest[i] > most ? largest[i] : most;
    }
    printf("step %3u: %016llx, largest change %.12f\n", step, (unsigned long long)sum, most);
}

static void *work(void *arg)
{
    unsigned self = (unsigned)(uintptr_t)arg;
    unsigned from = 1 + self * (side - 2) / threads, to = 1 + (self + 1) * (side - 2) / threads;

    for (unsigned step = 0; step < steps; step++) {
        largest[self] = step_rows(from, to, step % 2);
        if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD &&
            (step + 1) % (steps / 3) == 0) {
            tell(step + 1);
        }
        (void)pthread_barrier_wait(&barrier);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t thread[THREADS_MAX];

    side = argc > 1 ? (unsigned)atoi(argv[1]) : side;
    steps = argc > 2 ? (unsigned)atoi(argv[2]) : steps;
    threads = argc > 3 ? (unsigned)atoi(argv[3]) : threads;
    if (side < 3 || steps < 3 || threads < 1 || threads > THREADS_MAX) {
        return 2;
    }
    for (int i = 0; i < 2; i++) {
        plate[i] = calloc((size_t)side * side, sizeof(double));
        for (unsigned x = 0; x < side; x++) {
            row((unsigned)i, 0)[x] = 100.0;
            row((unsigned)i, side - 1)[x] = (double)x;
        }
    }
    (void)pthread_barrier_init(&barrier, NULL, threads);
    for (uintptr_t i = 1; i < threads; i++) {
        (void)pthread_create(&thread[i], NULL, work, (void *)i);
    }
    (void)work(NULL);
    for (unsigned i = 1; i < threads; i++) {
        (void)pthread_join(thread[i], NULL);
    }
    free(plate[0]);
    free(plate[1]);
    return 0;
}
