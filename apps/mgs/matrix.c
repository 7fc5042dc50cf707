/* Where the vectors lie and what is in them at the start.
 *
 * Main creates; each thread fills its own columns, so that each page is first touched on the node
 * that will write it. A column's contents depend on seed and column alone. */
#include "apps/mgs/mgs.h"

#include <string.h>
#include <sys/mman.h>

/* Zeroed pages that share no page with anything else. */
static void *pages_create(size_t bytes)
{
    void *p = mmap(NULL, (bytes + MGS_PAGE - 1) / MGS_PAGE * MGS_PAGE, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return p == MAP_FAILED ? NULL : p;
}

static size_t stride_of(const struct mgs *m, uint32_t rows)
{
    size_t per_page = MGS_PAGE / sizeof(double);

    return m->packed ? rows : (rows + per_page - 1) / per_page * per_page;
}

/* Columns of `rows` doubles. Packed ones begin 16 bytes into the page, as plain malloc's do. */
static double *columns_create(const struct mgs *m, size_t stride)
{
    size_t shift_bytes = m->packed ? 16 : 0;
    char *p = pages_create(m->cols * stride * sizeof(double) + shift_bytes);

    return p == NULL ? NULL : (double *)(void *)(p + shift_bytes);
}

static int workers_create(struct mgs *m)
{
    size_t own = (m->cols + m->threads - 1) / m->threads;

    m->workers = pages_create(m->threads * sizeof(struct mgs_worker));
    for (uint32_t i = 0; m->workers != NULL && i < m->threads; i++) {
        struct mgs_worker *w = &m->workers[i];

        w->mgs = m;
        w->index = i;
        w->crc = pages_create(own * 2 * sizeof(uint32_t));
        w->scratch = pages_create(KERNEL_BLOCK * stride_of(m, m->rows) * sizeof(double));
        if (w->crc == NULL || w->scratch == NULL) {
            return -1;
        }
    }
    return m->workers != NULL ? 0 : -1;
}

struct mgs *mgs_create(const struct mgs *wanted)
{
    struct mgs *m = pages_create(sizeof(struct mgs));

    if (m == NULL) {
        return NULL;
    }
    *m = *wanted;
    m->stride = stride_of(m, m->rows);
    m->r_stride = stride_of(m, m->cols);
    m->q = columns_create(m, m->stride);
    m->r = columns_create(m, m->r_stride);
    m->barrier = pages_create(sizeof(struct lisse_barrier));
    if (m->q == NULL || m->r == NULL || m->barrier == NULL || workers_create(m) != 0) {
        return NULL;
    }
    lisse_barrier_init(m->barrier, m->threads);
    m->publish = lisse_publish(m->barrier, MGS_PAGE) != -ENOSYS;
    return m;
}

/* A 64-bit counter, scrambled: Steele, Lea, Flood: Fast Splittable Pseudorandom Number
 * Generators, OOPSLA 2014 (SplitMix64). */
static uint64_t random_next(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;

    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

/* Numbers from -1 up to 1 in steps of 2^-31: exact in a double on every path. */
static void random_fill(uint64_t seed, uint32_t column, uint32_t rows, double *out)
{
    uint64_t state = seed;

    state = random_next(&state) + column;
    state = random_next(&state);
    for (uint32_t i = 0; i < rows; i++) {
        out[i] = (double)(int32_t)(random_next(&state) >> 32) * 0x1p-31;
    }
}

void mgs_fill_column(const struct mgs *m, uint32_t column, double *out)
{
    if (m->file != NULL) {
        memcpy(out, m->file + (size_t)column * m->rows, m->rows * sizeof(double));
    } else {
        random_fill(m->seed, column, m->rows, out);
    }
}
