/* Conversions from floating point to integers that the compiler calls, free of i686 instructions.
 *
 * Replaces _fixunssfsi, _fixunsdfsi, _fixunsxfsi (to uint32_t), _fixunsxfdi (to uint64_t),
 * _fixsfdi, _fixdfdi, _fixxfdi (to int64_t) and _truncdfsf2 of libgcc. The x87 converts to int64_t
 * by itself, so the casts to int64_t here are instructions, not calls.
 * [libgcc: "Conversion functions", GCC internals manual]
 */
#include <stdint.h>

#define TWO_TO_63 9223372036854775808.0L

uint32_t __fixunssfsi(float x);
uint32_t __fixunsdfsi(double x);
uint32_t __fixunsxfsi(long double x);
uint64_t __fixunsxfdi(long double x);
int64_t __fixsfdi(float x);
int64_t __fixdfdi(double x);
int64_t __fixxfdi(long double x);
float __truncdfsf2(double x);

uint32_t __fixunsxfsi(long double x)
{
    return (uint32_t)(int64_t)x;
}

uint32_t __fixunsdfsi(double x)
{
    return (uint32_t)(int64_t)x;
}

uint32_t __fixunssfsi(float x)
{
    return (uint32_t)(int64_t)x;
}

uint64_t __fixunsxfdi(long double x)
{
    if (x >= TWO_TO_63) {
        return (uint64_t)(int64_t)(x - TWO_TO_63) ^ (UINT64_C(1) << 63);
    }
    return (uint64_t)(int64_t)x;
}

int64_t __fixxfdi(long double x)
{
    return (int64_t)x;
}

int64_t __fixdfdi(double x)
{
    return (int64_t)x;
}

int64_t __fixsfdi(float x)
{
    return (int64_t)x;
}

float __truncdfsf2(double x)
{
    return (float)x;
}
