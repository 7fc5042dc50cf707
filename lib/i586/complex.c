/* What the compiler calls for complex multiplication and division, free of i686 instructions.
 *
 * Replaces _mulsc3, _muldc3, _mulxc3, _divsc3, _divdc3 and _divxc3 of libgcc, under the names and
 * with the arguments that gcc expects. [libgcc: "Arithmetic functions", GCC internals manual]
 */
#include "lib/i586/complex_parts.h"

_Complex float __mulsc3(float a, float b, float c, float d);
_Complex double __muldc3(double a, double b, double c, double d);
_Complex long double __mulxc3(long double a, long double b, long double c, long double d);
_Complex float __divsc3(float a, float b, float c, float d);
_Complex double __divdc3(double a, double b, double c, double d);
_Complex long double __divxc3(long double a, long double b, long double c, long double d);

_Complex float __mulsc3(float a, float b, float c, float d)
{
    struct complex_parts p = lisse_complex_product(a, b, c, d);

    return __builtin_complex((float)p.re, (float)p.im);
}

_Complex double __muldc3(double a, double b, double c, double d)
{
    struct complex_parts p = lisse_complex_product(a, b, c, d);

    return __builtin_complex((double)p.re, (double)p.im);
}

_Complex long double __mulxc3(long double a, long double b, long double c, long double d)
{
    struct complex_parts p = lisse_complex_product(a, b, c, d);

    return __builtin_complex(p.re, p.im);
}

_Complex float __divsc3(float a, float b, float c, float d)
{
    struct complex_parts q = lisse_complex_quotient(a, b, c, d);

    return __builtin_complex((float)q.re, (float)q.im);
}

_Complex double __divdc3(double a, double b, double c, double d)
{
    struct complex_parts q = lisse_complex_quotient(a, b, c, d);

    return __builtin_complex((double)q.re, (double)q.im);
}

_Complex long double __divxc3(long double a, long double b, long double c, long double d)
{
    struct complex_parts q = lisse_complex_quotient(a, b, c, d);

    return __builtin_complex(q.re, q.im);
}
