/* churn: memory allocated, moved and freed by many threads, each other's too; big maps; brk.
 *
 * `churn [ROUNDS] [THREADS]` (120, 4). Every block is filled with a pattern of its own that is
 * checked when it moves or goes. Exit code 1 when a byte is wrong. */
/* lisse-cc: -pthread */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define THREADS_MAX 16
#define SHELF       48

struct block {
    unsigned char *bytes;
    size_t size;
    unsigned char mark;
};

static struct block shelf[SHELF]; /* blocks change hands here */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static unsigned rounds = 120, threads = 4;
static unsigned wrong;

static void bad(unsigned count, const char *what)
{
    if (count != 0) {
        printf("%s: %u wrong\n", what, count);
        (void)__atomic_add_fetch(&wrong, count, __ATOMIC_SEQ_CST);
    }
}

static unsigned differs(const unsigned char *bytes, size_t size, unsigned char mark)
{
    unsigned count = 0;

    for (size_t i = 0; i < size; i++) {
        count += bytes[i] != mark;
    }
    return count;
}

static size_t size_of(uint32_t *state)
{
    static const size_t kind[] = { 1, 7, 24, 100, 500, 3000, 5000, 20000 };

    *state = *state * 1664525u + 1013904223u;
    return kind[*state >> 29] + (*state >> 16 & 63);
}

/* A new block by one of the four ways to get one. */
static struct block block_new(uint32_t *state)
{
    struct block b = { NULL, size_of(state), (unsigned char)(*state >> 8) };
    void *aligned = NULL;

    switch (*state >> 12 & 3) {
    case 0:
        b.bytes = calloc(b.size, 1);
        bad(differs(b.bytes, b.size, 0), "calloc");
        break;
    case 1:
        bad(posix_memalign(&aligned, 256, b.size) != 0 || (uintptr_t)aligned % 256 != 0, "align");
        b.bytes = aligned;
        break;
    default:
        b.bytes = malloc(b.size);
    }
    bad(malloc_usable_size(b.bytes) < b.size, "usable size");
    memset(b.bytes, b.mark, b.size);
    return b;
}

static void block_grow(struct block *b, uint32_t *state)
{
    size_t size = size_of(state);
    size_t common = size < b->size ? size : b->size;

    b->bytes = realloc(b->bytes, size);
    bad(differs(b->bytes, common, b->mark), "realloc");
    b->size = size;
    memset(b->bytes, b->mark, size);
}

static void *heap_body(void *arg)
{
    uint32_t state = (uint32_t)(uintptr_t)arg * 77u + 1;

    for (unsigned i = 0; i < rounds; i++) {
        struct block b = block_new(&state), taken;
        unsigned place = (state >> 20) % SHELF;

        if (i % 3 == 0) {
            block_grow(&b, &state);
        }
        (void)pthread_mutex_lock(&mutex);
        taken = shelf[place];
        shelf[place] = b;
        (void)pthread_mutex_unlock(&mutex);
        bad(differs(taken.bytes, taken.bytes == NULL ? 0 : taken.size, taken.mark), "shelf");
        free(taken.bytes);
    }
    return NULL;
}

/* Maps of 1 MB, touched here and there; what is mapped again must be zero. */
static void *map_body(void *arg)
{
    size_t size = 1 << 20, step = 37 * 1024;
    unsigned char mark = (unsigned char)((uintptr_t)arg + 1);

    for (unsigned i = 0; i < 4; i++) {
        unsigned char *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                                  -1, 0);

        if (map == MAP_FAILED) {
            bad(1, "mmap");
            return NULL;
        }
        for (size_t at = 0; at < size; at += step) {
            bad(map[at] != 0, "a new map");
            map[at] = mark;
        }
        bad(munmap(map + size / 2, size / 4) != 0, "munmap of a part");
        bad(map[0] != mark || map[(size / step) * step] != mark, "beside the part");
        bad(madvise(map, size / 2, MADV_DONTNEED) != 0 || map[0] != 0, "MADV_DONTNEED");
        bad(munmap(map, size / 2) != 0 || munmap(map + size / 4 * 3, size / 4) != 0, "munmap");
    }
    return NULL;
}

static void all(void *(*body)(void *))
{
    pthread_t thread[THREADS_MAX];

    for (uintptr_t i = 0; i < threads; i++) {
        bad(pthread_create(&thread[i], NULL, body, (void *)i) != 0, "thread");
    }
    for (unsigned i = 0; i < threads; i++) {
        (void)pthread_join(thread[i], NULL);
    }
}

/* 512 MB are only addresses; one page in each 16 MB becomes memory. */
static void big_map(void)
{
    size_t size = (size_t)512 << 20, step = (size_t)16 << 20;
    unsigned *map = mmap(NULL, size, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    volatile size_t too_much = (size_t)-8192;
    unsigned sum = 0;

    bad(map == MAP_FAILED, "a big map");
    for (size_t at = 0; at < size; at += step) {
        map[at / sizeof(*map)] = (unsigned)(at / step);
    }
    for (size_t at = 0; at < size; at += step) {
        sum += map[at / sizeof(*map)];
    }
    bad(munmap(map, size) != 0, "munmap of a big map");
    printf("big map: sum %u\n", sum);
    errno = 0;
    bad(malloc(too_much) != NULL || errno != ENOMEM, "too much");
}

int main(int argc, char **argv)
{
    rounds = argc > 1 ? (unsigned)atoi(argv[1]) : rounds;
    threads = argc > 2 ? (unsigned)atoi(argv[2]) : threads;
    all(heap_body);
    for (unsigned i = 0; i < SHELF; i++) {
        bad(differs(shelf[i].bytes, shelf[i].bytes == NULL ? 0 : shelf[i].size, shelf[i].mark),
            "last shelf");
        free(shelf[i].bytes);
    }
    printf("heap: %u rounds of %u threads\n", rounds, threads);
    all(map_body);
    printf("maps: %u threads\n", threads);
    big_map();
    printf("%u wrong\n", wrong);
    return wrong != 0;
}
