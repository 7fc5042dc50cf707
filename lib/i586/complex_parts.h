/* Complex product and quotient by parts, for the functions that the compiler calls.
 *
 * Both work in long double, so that float and double results are right to the last bit of range:
 * nothing overflows between. Infinities and NaNs follow Annex G of C11: a product or quotient
 * with an infinite operand is infinite although its formula gives NaN.
 */
#pragma once

struct complex_parts {
    long double re;
    long double im;
};

/* (a + ib)(c + id) */
struct complex_parts lisse_complex_product(long double a, long double b, long double c,
                                           long double d);

/* (a + ib) / (c + id) */
struct complex_parts lisse_complex_quotient(long double a, long double b, long double c,
                                            long double d);
