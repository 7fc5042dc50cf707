/* The inner loops, once for the x87 and once for SSE2, and the choice between them.
 *
 * Both add up in the same order (even elements, odd elements, their sum, the last element of an
 * odd count) whatever the number of columns in a block, and round every operation to double
 * (kernel_begin). So a result depends neither on who computes which column nor, short of overflow
 * and underflow, on the path. */
#pragma once

#include <stdint.h>

#define KERNEL_BLOCK 4u /* columns at once: 4 sums, q and a product fit the 8 SSE registers */

enum kernel_path { KERNEL_X87, KERNEL_SSE2 };

/* One vector q against up to KERNEL_BLOCK columns. */
struct kernel_block {
    const double *q;
    double *column[KERNEL_BLOCK];
    double factor[KERNEL_BLOCK];
    uint32_t columns;           /* 1 to KERNEL_BLOCK                         */
    uint32_t rows;              /* elements of q and of each column          */
};

/* factor[i] = q . column[i] */
void kernel_dot(enum kernel_path path, struct kernel_block *b);

/* column[i] -= factor[i] * q */
void kernel_subtract(enum kernel_path path, const struct kernel_block *b);

/* v /= divisor */
void kernel_divide(enum kernel_path path, double *v, uint32_t rows, double divisor);

/* Whether this job's CPUs have SSE2: AT_HWCAP, which every node shows alike. From main's envp. */
int kernel_has_sse2(char *const *envp);

/* Makes the calling thread's x87 round to double, until kernel_end() restores what begin returned.
 * Between the two, printf and strtod of floating point are wrong: libc counts on long double. */
uint16_t kernel_begin(void);
void kernel_end(uint16_t control);

/* The SSE2 half, for kernel.c only. */
void kernel_sse2_dot(struct kernel_block *b);
void kernel_sse2_subtract(const struct kernel_block *b);
void kernel_sse2_divide(double *v, uint32_t rows, double divisor);
