/* Modified Gram-Schmidt: what each thread does. [RR 5]
 *
 * One barrier for each vector. In step k vector k is finished; every thread subtracts its part
 * from its own later columns. The owner of vector k + 1 begins with that one and finishes it, so
 * that it is ready at the barrier that ends the step. */
#include "apps/mgs/mgs.h"

#include "apps/mgs/crc32.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The barrier. Going on without it would give wrong numbers, so that is the end. */
static void all_wait(const struct mgs *m)
{
    int result = lisse_barrier_wait(m->barrier);

    if (result < 0) {
        fprintf(stderr, "mgs: the barrier of %u threads failed: %s\n", (unsigned)m->threads,
                strerror(-result));
        exit(1);
    }
}

static int is_own(const struct mgs_worker *w, uint32_t column)
{
    return column % w->mgs->threads == w->index;
}

/* The first own column from `column` on. */
static uint32_t own_from(const struct mgs_worker *w, uint32_t column)
{
    uint32_t threads = w->mgs->threads;

    return column + (w->index + threads - column % threads) % threads;
}

/* Divides column k by its norm, R's diagonal element. A norm that is no positive number leaves the
 * column as it is; main tells about it when all is done. */
static void column_finish(struct mgs_worker *w, uint32_t k)
{
    const struct mgs *m = w->mgs;
    struct kernel_block b = { .q = mgs_q(m, k), .column = { mgs_q(m, k) },
                              .columns = 1, .rows = m->rows };
    double norm;

    kernel_dot(m->path, &b);
    norm = sqrt(b.factor[0]);
    mgs_r(m, k)[k] = norm;
    if (norm > 0.0 && isfinite(norm)) {
        kernel_divide(m->path, b.column[0], m->rows, norm);
    } else if (w->failed == 0) {
        w->failed = k + 1;
        w->failed_zero = norm <= 0.0;
    }
    if (m->publish) {
        (void)lisse_publish(b.q, m->rows * sizeof(double));
    }
}

/* Subtracts the part of vector k from the own columns from `first` on, up to `limit` of them. */
static uint32_t columns_project(const struct mgs_worker *w, uint32_t k, uint32_t first,
                                uint32_t limit)
{
    const struct mgs *m = w->mgs;
    struct kernel_block b = { .q = mgs_q(m, k), .rows = m->rows };
    uint32_t j = first;

    for (; b.columns < limit && j < m->cols; j += m->threads) {
        b.column[b.columns++] = mgs_q(m, j);
    }
    kernel_dot(m->path, &b);
    kernel_subtract(m->path, &b);
    for (uint32_t c = 0; c < b.columns; c++) {
        mgs_r(m, first + c * m->threads)[k] = b.factor[c];
    }
    return j;
}

static void progress_show(const struct mgs_worker *w, uint32_t k)
{
    const struct mgs *m = w->mgs;

    if (w->index == 0 && m->cols >= 256 && k > 0 && k % (m->cols / 8) == 0) {
        fprintf(stderr, "mgs: %u of %u vectors\n", (unsigned)k, (unsigned)m->cols);
    }
}

static void columns_factor(struct mgs_worker *w)
{
    const struct mgs *m = w->mgs;

    if (is_own(w, 0)) {
        column_finish(w, 0);
    }
    all_wait(m);
    for (uint32_t k = 0; k + 1 < m->cols; k++) {
        uint32_t j = own_from(w, k + 1);

        if (j == k + 1) {
            j = columns_project(w, k, j, 1);
            column_finish(w, k + 1);
        }
        while (j < m->cols) {
            j = columns_project(w, k, j, KERNEL_BLOCK);
        }
        progress_show(w, k);
        all_wait(m);
    }
}

/* The checksums of the own columns of Q and R, R's with the zeros below the diagonal. */
static void columns_checksum(struct mgs_worker *w)
{
    static const double zeros[64];
    const struct mgs *m = w->mgs;
    struct crc32_table table;

    crc32_table_init(&table);
    for (uint32_t j = w->index, i = 0; j < m->cols; j += m->threads, i++) {
        uint32_t crc = crc32_add(&table, 0, mgs_r(m, j), (j + 1) * sizeof(double));

        for (uint32_t left = m->cols - j - 1; left > 0;) {
            uint32_t part = left < 64 ? left : 64;

            crc = crc32_add(&table, crc, zeros, part * sizeof(double));
            left -= part;
        }
        w->crc[2 * i] = crc32_add(&table, 0, mgs_q(m, j), m->rows * sizeof(double));
        w->crc[2 * i + 1] = crc;
    }
}

static double seconds_now(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

void mgs_worker_run(struct mgs_worker *w)
{
    const struct mgs *m = w->mgs;
    uint16_t control = kernel_begin();
    double start;

    w->node = (uint32_t)lisse_node();
    for (uint32_t j = w->index; j < m->cols; j += m->threads) {
        mgs_fill_column(m, j, mgs_q(m, j));
    }
    all_wait(m);
    start = seconds_now();
    columns_factor(w);
    w->seconds = seconds_now() - start;
    columns_checksum(w);
    if (m->verify >= MGS_VERIFY_LOSS) {
        mgs_measure_loss(w);
    }
    if (m->verify >= MGS_VERIFY_ALL) {
        mgs_measure_residual(w);
    }
    kernel_end(control);
}
