/* sorter: a recursive merge sort whose threads create threads; also qsort of parts.
 *
 * `sorter [NUMBERS] [DEPTH]` (60000, 4): 2^DEPTH parts, 2^DEPTH - 1 threads beside main, each
 * created by the one above it. Prints a checksum of the sorted numbers; exit code 1 when they are
 * not sorted or not the same ones. */
/* lisse-cc: -pthread */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct part {
    uint32_t *number, *room;
    size_t count;
    int depth;
    unsigned threads; /* that this part used, the caller's not counted */
};

static int compare(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

    return (left > right) - (left < right);
}

static void merge(const struct part *part, size_t half)
{
    const uint32_t *a = part->number, *b = part->number + half;
    const uint32_t *end_a = b, *end_b = part->number + part->count;
    uint32_t *to = part->room;

    while (a < end_a || b < end_b) {
        *to++ = b == end_b || (a < end_a && *a <= *b) ? *a++ : *b++;
    }
    memcpy(part->number, part->room, part->count * sizeof(*to));
}

static void *sort(void *arg)
{
    struct part *part = arg;
    size_t half = part->count / 2;

    if (part->depth == 0) {
        qsort(part->number, part->count, sizeof(*part->number), compare);
        return NULL;
    }
    struct part left = { part->number, part->room, half, part->depth - 1, 0 };
    struct part right = { part->number + half, part->room + half, part->count - half,
                          part->depth - 1, 0 };
    pthread_t thread;
    int error = pthread_create(&thread, NULL, sort, &left);

    if (error != 0) {
        printf("no thread: %s\n", strerror(error));
        exit(1);
    }
    (void)sort(&right);
    (void)pthread_join(thread, NULL);
    merge(part, half);
    part->threads = 1 + left.threads + right.threads;
    return part;
}

int main(int argc, char **argv)
{
    size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 60000;
    uint32_t *number = malloc(count * sizeof(*number)), *room = malloc(count * sizeof(*room));
    struct part all = { number, room, count, argc > 2 ? atoi(argv[2]) : 4, 0 };
    uint32_t state = 12345, sum = 0, order = 0, unsorted = 0;

    for (size_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        number[i] = state;
        sum += state;
    }
    (void)sort(&all);
    for (size_t i = 0; i < count; i++) {
        unsorted += i > 0 && number[i - 1] > number[i];
        sum -= number[i];
        order = order * 31u + number[i];
    }
    printf("%zu numbers, %u threads, %u unsorted, sum differs by %u, order %08x\n", count,
           all.threads, unsorted, sum, order);
    free(number);
    free(room);
    return unsorted != 0 || sum != 0;
}
