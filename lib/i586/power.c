/* x to the power of an int, which the compiler calls for __builtin_powi, free of i686 instructions.
 *
 * Replaces _powisf2, _powidf2 and _powixf2 of libgcc. Repeated squaring in long double; a negative
 * exponent inverts at the end. [libgcc: "Arithmetic functions", GCC internals manual]
 */
float __powisf2(float x, int exponent);
double __powidf2(double x, int exponent);
long double __powixf2(long double x, int exponent);

long double __powixf2(long double x, int exponent)
{
    /* Negated as unsigned: the smallest int has no positive counterpart. */
    unsigned left = exponent < 0 ? 0u - (unsigned)exponent : (unsigned)exponent;
    long double result = 1.0L;

    while (left != 0) {
        if (left & 1u) {
            result *= x;
        }
        x *= x;
        left >>= 1;
    }
    return exponent < 0 ? 1.0L / result : result;
}

double __powidf2(double x, int exponent)
{
    return (double)__powixf2(x, exponent);
}

float __powisf2(float x, int exponent)
{
    return (float)__powixf2(x, exponent);
}
