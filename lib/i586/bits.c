/* The lowest set bit's position, which the compiler calls for ffs(), free of i686 instructions.
 *
 * Replaces _ffssi2 and _ffsdi2 of libgcc. [libgcc: "Bit operations", GCC internals manual]
 */
#include <stdint.h>

int __ffssi2(int x);
int __ffsdi2(int64_t x);

int __ffssi2(int x)
{
    return x == 0 ? 0 : __builtin_ctz((unsigned)x) + 1;
}

int __ffsdi2(int64_t x)
{
    uint32_t low = (uint32_t)(uint64_t)x;
    uint32_t high = (uint32_t)((uint64_t)x >> 32);

    if (low != 0) {
        return __builtin_ctz(low) + 1;
    }
    return high == 0 ? 0 : __builtin_ctz(high) + 33;
}
