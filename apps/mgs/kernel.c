/* The x87 inner loops and the choice of the path. Contract: kernel.h.
 *
 * Runs in every thread, between kernel_begin() and kernel_end(). The path is chosen once, in main,
 * from what the whole job has, and handed down: asking the CPU here would make results depend on
 * the node. [IA32-1 8.1.5] the x87 control word. */
#include "apps/mgs/kernel.h"

#include <link.h>
#include <stddef.h>

#define HWCAP_SSE2        (1ul << 26) /* AT_HWCAP is CPUID.1:EDX; bit 26 = SSE2 [IA32-2A CPUID] */
#define X87_PRECISION     0x0300u     /* precision control field         [IA32-1 8.1.5.2]       */
#define   X87_DOUBLE      0x0200u     /*   53 bits of significand                               */

static double x87_dot(const double *q, const double *a, uint32_t rows)
{
    double even = 0.0;
    double odd = 0.0;
    uint32_t i;

    for (i = 0; i + 1 < rows; i += 2) {
        even += q[i] * a[i];
        odd += q[i + 1] * a[i + 1];
    }
    even += odd;
    return i < rows ? even + q[i] * a[i] : even;
}

static void x87_subtract(const double *q, double *a, uint32_t rows, double factor)
{
    for (uint32_t i = 0; i < rows; i++) {
        a[i] -= factor * q[i];
    }
}

void kernel_dot(enum kernel_path path, struct kernel_block *b)
{
    if (path == KERNEL_SSE2) {
        kernel_sse2_dot(b);
        return;
    }
    for (uint32_t c = 0; c < b->columns; c++) {
        b->factor[c] = x87_dot(b->q, b->column[c], b->rows);
    }
}

void kernel_subtract(enum kernel_path path, const struct kernel_block *b)
{
    if (path == KERNEL_SSE2) {
        kernel_sse2_subtract(b);
        return;
    }
    for (uint32_t c = 0; c < b->columns; c++) {
        x87_subtract(b->q, b->column[c], b->rows, b->factor[c]);
    }
}

void kernel_divide(enum kernel_path path, double *v, uint32_t rows, double divisor)
{
    if (path == KERNEL_SSE2) {
        kernel_sse2_divide(v, rows, divisor);
        return;
    }
    for (uint32_t i = 0; i < rows; i++) {
        v[i] /= divisor;
    }
}

/* The vector behind the environment, and not getauxval(), which glibc answers with bits of its
 * own making. Nothing may have been added to the environment yet. */
int kernel_has_sse2(char *const *envp)
{
    const ElfW(auxv_t) *aux;

    while (*envp != NULL) {
        envp++;
    }
    aux = (const ElfW(auxv_t) *)(const void *)(envp + 1);
    for (; aux->a_type != AT_NULL; aux++) {
        if (aux->a_type == AT_HWCAP) {
            return (aux->a_un.a_val & HWCAP_SSE2) != 0;
        }
    }
    return 0;
}

uint16_t kernel_begin(void)
{
    uint16_t before;
    uint16_t control;

    __asm__ volatile("fnstcw %0" : "=m"(before));
    control = (uint16_t)((before & ~X87_PRECISION) | X87_DOUBLE);
    __asm__ volatile("fldcw %0" : : "m"(control) : "memory");
    return before;
}

void kernel_end(uint16_t control)
{
    __asm__ volatile("fldcw %0" : : "m"(control) : "memory");
}
