/* How good Q and R are: the loss of orthogonality and the residual, each thread its columns.
 *
 * Runs after the last barrier of the factorisation, when Q is only read any more. Nearly all of Q
 * is on every node by then, and R's columns are where they are needed, so this costs arithmetic
 * (as much as the factorisation itself) but few pages. Four own columns at a time stay in the
 * cache while the vectors of Q pass by. */
#include "apps/mgs/mgs.h"

#include <math.h>

/* Vector i against the own columns of one block, those from i on; first is the block's first. */
static double block_loss(const struct mgs_worker *w, uint32_t i, const struct kernel_block *all,
                         uint32_t first)
{
    const struct mgs *m = w->mgs;
    struct kernel_block b = { .q = mgs_q(m, i), .rows = m->rows };
    double loss = 0.0;
    uint32_t skipped = 0;

    while (skipped < all->columns && first + skipped * m->threads < i) {
        skipped++;
    }
    for (uint32_t c = skipped; c < all->columns; c++) {
        b.column[b.columns++] = all->column[c];
    }
    if (b.columns == 0) {
        return 0.0;
    }
    kernel_dot(m->path, &b);
    for (uint32_t c = 0; c < b.columns; c++) {
        double one = first + (skipped + c) * m->threads == i ? 1.0 : 0.0;

        loss = mgs_larger(fabs(b.factor[c] - one), loss);
    }
    return loss;
}

void mgs_measure_loss(struct mgs_worker *w)
{
    const struct mgs *m = w->mgs;
    uint32_t j = w->index;

    while (j < m->cols) {
        struct kernel_block b = { .columns = 0 };
        uint32_t first = j;
        uint32_t last = j;

        for (; b.columns < KERNEL_BLOCK && j < m->cols; j += m->threads) {
            b.column[b.columns++] = mgs_q(m, j);
            last = j;
        }
        for (uint32_t i = 0; i <= last; i++) {
            w->loss = mgs_larger(block_loss(w, i, &b, first), w->loss);
        }
    }
}

static double norm_of(const struct mgs *m, double *v)
{
    struct kernel_block b = { .q = v, .column = { v }, .columns = 1, .rows = m->rows };

    kernel_dot(m->path, &b);
    return sqrt(b.factor[0]);
}

/* Subtracts vector i times R's elements from the copies of the columns from i on. */
static void block_subtract(const struct mgs_worker *w, uint32_t i, const struct kernel_block *all,
                           uint32_t first)
{
    const struct mgs *m = w->mgs;
    struct kernel_block b = { .q = mgs_q(m, i), .rows = m->rows };

    for (uint32_t c = 0; c < all->columns; c++) {
        uint32_t j = first + c * m->threads;

        if (j >= i) {
            b.column[b.columns] = all->column[c];
            b.factor[b.columns++] = mgs_r(m, j)[i];
        }
    }
    if (b.columns > 0) {
        kernel_subtract(m->path, &b);
    }
}

/* From the last vector to the first: in the factorisation's own order each rounding would repeat
 * itself and cancel, and the residual would look better than it is. */
void mgs_measure_residual(struct mgs_worker *w)
{
    const struct mgs *m = w->mgs;
    uint32_t j = w->index;

    while (j < m->cols) {
        struct kernel_block b = { .columns = 0 };
        double norm[KERNEL_BLOCK];
        uint32_t first = j;

        for (; b.columns < KERNEL_BLOCK && j < m->cols; j += m->threads) {
            b.column[b.columns] = w->scratch + b.columns * m->stride;
            mgs_fill_column(m, j, b.column[b.columns]);
            norm[b.columns] = norm_of(m, b.column[b.columns]);
            b.columns++;
        }
        for (uint32_t i = j - m->threads + 1; i-- > 0;) {
            block_subtract(w, i, &b, first);
        }
        for (uint32_t c = 0; c < b.columns; c++) {
            w->residual = mgs_larger(norm_of(m, b.column[c]) / norm[c], w->residual);
        }
    }
}
