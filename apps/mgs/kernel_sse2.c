/* The SSE2 inner loops. Contract: kernel.h.
 *
 * Called only after kernel.c has found SSE2; the rest of the program is for a Pentium, so the
 * instruction set is asked for function by function. Unaligned loads, because --packed vectors
 * begin anywhere; on aligned ones they cost the same. */
#include "apps/mgs/kernel.h"

#include <emmintrin.h>

#define SSE2 __attribute__((target("sse2")))

/* Both halves of a sum, and the element that has no partner. */
SSE2 static double sum_close(__m128d sum, const double *q, const double *a, uint32_t rows)
{
    double total = _mm_cvtsd_f64(sum) + _mm_cvtsd_f64(_mm_unpackhi_pd(sum, sum));

    return (rows & 1u) != 0 ? total + q[rows - 1] * a[rows - 1] : total;
}

SSE2 static void dot_four(struct kernel_block *b)
{
    const double *q = b->q;
    const double *a0 = b->column[0], *a1 = b->column[1], *a2 = b->column[2], *a3 = b->column[3];
    __m128d s0 = _mm_setzero_pd(), s1 = s0, s2 = s0, s3 = s0;

    #pragma GCC unroll 4
    for (uint32_t i = 0; i + 1 < b->rows; i += 2) {
        __m128d v = _mm_loadu_pd(q + i);

        s0 = _mm_add_pd(s0, _mm_mul_pd(_mm_loadu_pd(a0 + i), v));
        s1 = _mm_add_pd(s1, _mm_mul_pd(_mm_loadu_pd(a1 + i), v));
        s2 = _mm_add_pd(s2, _mm_mul_pd(_mm_loadu_pd(a2 + i), v));
        s3 = _mm_add_pd(s3, _mm_mul_pd(_mm_loadu_pd(a3 + i), v));
    }
    b->factor[0] = sum_close(s0, q, a0, b->rows);
    b->factor[1] = sum_close(s1, q, a1, b->rows);
    b->factor[2] = sum_close(s2, q, a2, b->rows);
    b->factor[3] = sum_close(s3, q, a3, b->rows);
}

SSE2 static double dot_one(const double *q, const double *a, uint32_t rows)
{
    __m128d sum = _mm_setzero_pd();

    #pragma GCC unroll 4
    for (uint32_t i = 0; i + 1 < rows; i += 2) {
        sum = _mm_add_pd(sum, _mm_mul_pd(_mm_loadu_pd(a + i), _mm_loadu_pd(q + i)));
    }
    return sum_close(sum, q, a, rows);
}

SSE2 void kernel_sse2_dot(struct kernel_block *b)
{
    if (b->columns == KERNEL_BLOCK) {
        dot_four(b);
        return;
    }
    for (uint32_t c = 0; c < b->columns; c++) {
        b->factor[c] = dot_one(b->q, b->column[c], b->rows);
    }
}

SSE2 static void subtract_four(const struct kernel_block *b)
{
    const double *q = b->q;
    double *a0 = b->column[0], *a1 = b->column[1], *a2 = b->column[2], *a3 = b->column[3];
    __m128d f0 = _mm_set1_pd(b->factor[0]), f1 = _mm_set1_pd(b->factor[1]);
    __m128d f2 = _mm_set1_pd(b->factor[2]), f3 = _mm_set1_pd(b->factor[3]);
    uint32_t pairs_end = b->rows & ~1u;

    #pragma GCC unroll 4
    for (uint32_t i = 0; i < pairs_end; i += 2) {
        __m128d v = _mm_loadu_pd(q + i);

        _mm_storeu_pd(a0 + i, _mm_sub_pd(_mm_loadu_pd(a0 + i), _mm_mul_pd(f0, v)));
        _mm_storeu_pd(a1 + i, _mm_sub_pd(_mm_loadu_pd(a1 + i), _mm_mul_pd(f1, v)));
        _mm_storeu_pd(a2 + i, _mm_sub_pd(_mm_loadu_pd(a2 + i), _mm_mul_pd(f2, v)));
        _mm_storeu_pd(a3 + i, _mm_sub_pd(_mm_loadu_pd(a3 + i), _mm_mul_pd(f3, v)));
    }
    if (pairs_end < b->rows) {
        for (uint32_t c = 0; c < KERNEL_BLOCK; c++) {
            b->column[c][pairs_end] -= b->factor[c] * q[pairs_end];
        }
    }
}

SSE2 static void subtract_one(const double *q, double *a, uint32_t rows, double factor)
{
    __m128d f = _mm_set1_pd(factor);
    uint32_t pairs_end = rows & ~1u;

    #pragma GCC unroll 4
    for (uint32_t i = 0; i < pairs_end; i += 2) {
        _mm_storeu_pd(a + i, _mm_sub_pd(_mm_loadu_pd(a + i), _mm_mul_pd(f, _mm_loadu_pd(q + i))));
    }
    if (pairs_end < rows) {
        a[pairs_end] -= factor * q[pairs_end];
    }
}

SSE2 void kernel_sse2_subtract(const struct kernel_block *b)
{
    if (b->columns == KERNEL_BLOCK) {
        subtract_four(b);
        return;
    }
    for (uint32_t c = 0; c < b->columns; c++) {
        subtract_one(b->q, b->column[c], b->rows, b->factor[c]);
    }
}

SSE2 void kernel_sse2_divide(double *v, uint32_t rows, double divisor)
{
    __m128d d = _mm_set1_pd(divisor);
    uint32_t pairs_end = rows & ~1u;

    for (uint32_t i = 0; i < pairs_end; i += 2) {
        _mm_storeu_pd(v + i, _mm_div_pd(_mm_loadu_pd(v + i), d));
    }
    if (pairs_end < rows) {
        v[pairs_end] /= divisor;
    }
}
