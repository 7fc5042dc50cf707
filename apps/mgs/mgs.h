/* What the threads of the factorisation share, and what each has for itself.
 *
 * Pages travel between the nodes whole, so nothing that one thread writes often shares a page with
 * what another one uses: the description is written before the threads start and only read
 * afterwards; each thread has a page for its results; a vector begins at a page boundary (unless
 * --packed) and is written by its own thread alone. Column j belongs to thread j mod threads. */
#pragma once

#include "apps/mgs/kernel.h"
#include "lib/lisse.h"

#include <stddef.h>
#include <stdint.h>

#define MGS_PAGE        4096u
#define MGS_COLS_MAX    4096u  /* Q and R: 2 x 4096 x 4096 x 8 bytes = 256 MB                  */
#define MGS_THREADS_MAX 256u   /* as many as a cluster may have nodes                          */

enum mgs_verify { MGS_VERIFY_NONE, MGS_VERIFY_LOSS, MGS_VERIFY_ALL };

/* One thread's page. */
struct mgs_worker {
    struct mgs *mgs;
    uint32_t index;             /* 0 is main                                                   */
    uint32_t node;              /* that ran it at the start; 0: not on Lisse                   */
    uint32_t failed;            /* 1 + the first own column whose norm was not > 0; 0: none    */
    uint32_t failed_zero;       /* 1: that norm was 0; 0: infinite or no number                */
    double loss;                /* max |QtQ - I| over the own columns and all before them      */
    double residual;            /* max |a - Qr| / |a| over the own columns                     */
    double seconds;             /* of the outer loop, barrier to barrier                       */
    uint32_t *crc;              /* of own column i / threads: 2i Q's, 2i + 1 R's; own pages    */
    double *scratch;            /* KERNEL_BLOCK columns; own pages                             */
} __attribute__((aligned(4096)));

/* The description; read-only while threads run. */
struct mgs {
    uint32_t rows, cols;        /* rows >= cols >= 1                                           */
    uint32_t threads;
    enum kernel_path path;
    enum mgs_verify verify;
    int packed;
    int publish;                /* somebody listens to lisse_publish()                         */
    uint64_t seed;
    const double *file;         /* the matrix, column after column; NULL: from the seed        */
    size_t stride;              /* doubles from one column to the next in q                    */
    size_t r_stride;            /* the same in r                                               */
    double *q;                  /* A, in the end Q                                             */
    double *r;                  /* column j has j + 1 elements; the rest stays untouched       */
    struct mgs_worker *workers;
    struct lisse_barrier *barrier;
} __attribute__((aligned(4096)));

static inline double *mgs_q(const struct mgs *m, uint32_t column)
{
    return m->q + column * m->stride;
}

static inline double *mgs_r(const struct mgs *m, uint32_t column)
{
    return m->r + column * m->r_stride;
}

/* The larger of two; what is no number wins, so that it is not lost in a maximum. */
static inline double mgs_larger(double a, double b)
{
    return a >= b || a != a ? a : b;
}

/* matrix.c: memory and contents. mgs_create() takes over the fields from rows to file;
 * NULL: no memory. */
struct mgs *mgs_create(const struct mgs *wanted);
void mgs_fill_column(const struct mgs *m, uint32_t column, double *out);

/* factor.c: all that a thread does, from its first page to its checksums. Never prints but
 * progress (thread 0). */
void mgs_worker_run(struct mgs_worker *w);

/* verify.c, after the factorisation, in every thread: its share of |QtQ - I| and |A - QR|. */
void mgs_measure_loss(struct mgs_worker *w);
void mgs_measure_residual(struct mgs_worker *w);
