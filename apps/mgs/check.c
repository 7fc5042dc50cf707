/* Condition estimate and judgement. Contract: check.h. Runs in main alone.
 *
 * Theory. MGS in precision u yields A + E = QR with |E| small against |A| column by column, and
 * |QtQ - I| <= c k u with k the condition of A [BJ]; c grows slowly with the size. Scaling columns
 * changes neither Q nor, but for rounding, the loss, so k may be taken after scaling the columns
 * to norm 1, which is within sqrt(n) of the best scaling [VS]; we allow the smaller of the two.
 *
 * The condition is estimated from R, which has A's singular values up to E: the largest by power
 * iteration on RtR, the smallest by inverse iteration (two triangular solves a step). Both come
 * from inside the interval, so the estimate is at most the true condition, in practice within
 * 10 % of it: the judgement errs on the strict side.
 *
 * [BJ] Bjoerck: Solving linear least squares problems by Gram-Schmidt orthogonalization, BIT 7,
 * 1967. [VS] van der Sluis: Condition numbers and equilibration of matrices, Numerische Mathematik
 * 14, 1969. */
#include "apps/mgs/check.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_MIN 6           /* of an iteration: the first ones may dwell on a plateau        */
#define STEPS_MAX 30          /* it stops when a step changes less than STEP_SMALL             */
#define STEP_SMALL 0.003
#define LOSS_FACTOR(rows) (10.0 + sqrt((double)(rows)))       /* c: roundings of a dot product */
#define RESIDUAL_FACTOR(cols) (10.0 + sqrt((double)(cols)))   /* one rounding a subtraction    */

/* R with its columns scaled, and the vector of an iteration. */
struct triangle {
    const struct mgs *m;
    double *scale;            /* R's column j counts scale[j] times                            */
    double *x;                /* the vector, norm 1                                            */
    double *y;                /* half a step later                                             */
};

static double vector_dot(const struct mgs *m, const double *a, double *b, uint32_t n)
{
    struct kernel_block block = { .q = a, .column = { b }, .columns = 1, .rows = n };

    kernel_dot(m->path, &block);
    return block.factor[0];
}

static void vector_subtract(const struct mgs *m, const double *a, double *from, uint32_t n,
                            double factor)
{
    struct kernel_block block = { .q = a, .column = { from }, .factor = { factor },
                                  .columns = 1, .rows = n };

    kernel_subtract(m->path, &block);
}

/* x = Rt R x */
static void step_forward(const struct triangle *t)
{
    const struct mgs *m = t->m;

    memset(t->y, 0, m->cols * sizeof(double));
    for (uint32_t j = 0; j < m->cols; j++) {
        vector_subtract(m, mgs_r(m, j), t->y, j + 1, -t->scale[j] * t->x[j]);
    }
    for (uint32_t j = 0; j < m->cols; j++) {
        t->x[j] = t->scale[j] * vector_dot(m, mgs_r(m, j), t->y, j + 1);
    }
}

/* x = (Rt R)^-1 x: first Rt y = x from the top, then R x = y from the bottom. */
static void step_inverse(const struct triangle *t)
{
    const struct mgs *m = t->m;

    for (uint32_t j = 0; j < m->cols; j++) {
        const double *r = mgs_r(m, j);
        double known = j > 0 ? vector_dot(m, r, t->y, j) : 0.0;

        t->y[j] = (t->x[j] / t->scale[j] - known) / r[j];
    }
    for (uint32_t j = m->cols; j-- > 0;) {
        const double *r = mgs_r(m, j);
        double z = t->y[j] / r[j];

        if (j > 0) {
            vector_subtract(m, r, t->y, j, z);
        }
        t->x[j] = z / t->scale[j];
    }
}

/* The dominant eigenvalue of a step, from a start that no structure is likely to be normal to. */
static double iterate(const struct triangle *t, void (*step)(const struct triangle *))
{
    uint32_t n = t->m->cols;
    double value = 0.0;
    double before;

    for (uint32_t j = 0; j < n; j++) {
        t->x[j] = (double)(j * 2654435761u >> 8) * 0x1p-24 + 0.5;
    }
    for (int i = 0; i <= STEPS_MAX; i++) {
        double norm = sqrt(vector_dot(t->m, t->x, t->x, n));

        before = value;
        value = norm;
        if (!isfinite(norm) || norm <= 0.0) {
            return INFINITY;
        }
        if (i > STEPS_MIN && fabs(value - before) < STEP_SMALL * value) {
            break;
        }
        for (uint32_t j = 0; j < n; j++) {
            t->x[j] /= norm;
        }
        step(t);
    }
    return value;
}

/* The condition of R with its columns scaled; infinite when it cannot be told from that. */
static double condition(const struct triangle *t)
{
    double largest = iterate(t, step_forward);
    double smallest_inverse = iterate(t, step_inverse);

    return sqrt(largest) * sqrt(smallest_inverse);
}

static void conditions_estimate(const struct mgs *m, struct check *c)
{
    double *memory = malloc(3 * m->cols * sizeof(double));
    struct triangle t = { .m = m, .scale = memory, .x = memory + m->cols,
                          .y = memory + 2 * m->cols };

    c->cond = INFINITY;
    c->cond_scaled = INFINITY;
    if (memory == NULL) {
        return;
    }
    for (uint32_t j = 0; j < m->cols; j++) {
        t.scale[j] = 1.0;
    }
    c->cond = condition(&t);
    for (uint32_t j = 0; j < m->cols; j++) {
        t.scale[j] = 1.0 / sqrt(vector_dot(m, mgs_r(m, j), mgs_r(m, j), j + 1));
    }
    c->cond_scaled = condition(&t);
    free(memory);
}

static const char *judge(const struct check *c)
{
    if (!(c->residual <= c->residual_max)) {
        return "the residual is larger than rounding explains";
    }
    if (!(c->loss_max < 1.0)) {
        return "the matrix is singular to working precision, nothing can be said about Q";
    }
    if (!(c->loss <= c->loss_max)) {
        return "the loss of orthogonality is larger than the condition explains";
    }
    return NULL;
}

void check_judge(const struct mgs *m, struct check *c)
{
    uint16_t control = kernel_begin();
    double cond;

    for (uint32_t i = 0; i < m->threads; i++) {
        c->loss = mgs_larger(m->workers[i].loss, c->loss);
        c->residual = mgs_larger(m->workers[i].residual, c->residual);
    }
    if (m->verify >= MGS_VERIFY_ALL) {
        conditions_estimate(m, c);
        cond = c->cond < c->cond_scaled ? c->cond : c->cond_scaled;
        c->loss_max = LOSS_FACTOR(m->rows) * cond * DBL_EPSILON;
        c->residual_max = RESIDUAL_FACTOR(m->cols) * DBL_EPSILON;
        c->reason = judge(c);
    }
    kernel_end(control);
}
