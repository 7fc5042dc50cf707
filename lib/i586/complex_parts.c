/* Complex product and quotient with the special cases of C11 Annex G.
 *
 * Here because the compiler's own library has conditional moves in these functions, which a
 * Pentium lacks. No function of this file may use a complex type: that would call itself.
 * Sources: ISO C11 G.5.1 (the rules for infinities and NaNs).
 */
#include "lib/i586/complex_parts.h"

/* An infinity becomes 1 and everything else 0, with the sign kept: the direction it points to. */
static long double direction(long double x)
{
    return __builtin_copysignl(__builtin_isinf(x) ? 1.0L : 0.0L, x);
}

static long double zero_if_nan(long double x)
{
    return __builtin_isnan(x) ? __builtin_copysignl(0.0L, x) : x;
}

static int is_infinite(long double re, long double im)
{
    return __builtin_isinf(re) || __builtin_isinf(im);
}

struct complex_parts lisse_complex_product(long double a, long double b, long double c,
                                           long double d)
{
    struct complex_parts p = {a * c - b * d, a * d + b * c};
    int recover = 0;

    if (!__builtin_isnan(p.re) || !__builtin_isnan(p.im)) {
        return p;
    }
    if (is_infinite(a, b)) {
        a = direction(a);
        b = direction(b);
        c = zero_if_nan(c);
        d = zero_if_nan(d);
        recover = 1;
    }
    if (is_infinite(c, d)) {
        c = direction(c);
        d = direction(d);
        a = zero_if_nan(a);
        b = zero_if_nan(b);
        recover = 1;
    }
    if (!recover && (__builtin_isinf(a * c) || __builtin_isinf(b * d) || __builtin_isinf(a * d) ||
                     __builtin_isinf(b * c))) {
        a = zero_if_nan(a);
        b = zero_if_nan(b);
        c = zero_if_nan(c);
        d = zero_if_nan(d);
        recover = 1;
    }
    if (recover) {
        p.re = __builtin_infl() * (a * c - b * d);
        p.im = __builtin_infl() * (a * d + b * c);
    }
    return p;
}

/* The quotient of finite numbers: dividing by the larger part first keeps c² + d² out of it. */
static struct complex_parts plain_quotient(long double a, long double b, long double c,
                                           long double d)
{
    struct complex_parts q;

    if (__builtin_fabsl(c) < __builtin_fabsl(d)) {
        long double ratio = c / d;
        long double denominator = c * ratio + d;
        q.re = (a * ratio + b) / denominator;
        q.im = (b * ratio - a) / denominator;
    } else {
        long double ratio = d / c;
        long double denominator = c + d * ratio;
        q.re = (a + b * ratio) / denominator;
        q.im = (b - a * ratio) / denominator;
    }
    return q;
}

struct complex_parts lisse_complex_quotient(long double a, long double b, long double c,
                                            long double d)
{
    struct complex_parts q = plain_quotient(a, b, c, d);

    if (!__builtin_isnan(q.re) || !__builtin_isnan(q.im)) {
        return q;
    }
    if (c == 0.0L && d == 0.0L && (!__builtin_isnan(a) || !__builtin_isnan(b))) {
        q.re = __builtin_copysignl(__builtin_infl(), c) * a;
        q.im = __builtin_copysignl(__builtin_infl(), c) * b;
    } else if (is_infinite(a, b) && __builtin_isfinite(c) && __builtin_isfinite(d)) {
        a = direction(a);
        b = direction(b);
        q.re = __builtin_infl() * (a * c + b * d);
        q.im = __builtin_infl() * (b * c - a * d);
    } else if (is_infinite(c, d) && __builtin_isfinite(a) && __builtin_isfinite(b)) {
        c = direction(c);
        d = direction(d);
        q.re = 0.0L * (a * c + b * d);
        q.im = 0.0L * (b * c - a * d);
    }
    return q;
}
