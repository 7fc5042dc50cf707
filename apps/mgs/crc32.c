/* CRC-32 in pieces. Contract: crc32.h. Pure; may run in any thread.
 *
 * A CRC is a polynomial over GF(2), bit 31 the coefficient of x^0. Appending L bytes multiplies it
 * by x^(8L) modulo the generator, so the CRC of a whole follows from those of its parts. */
#include "apps/mgs/crc32.h"

#define CRC32_GENERATOR 0xEDB88320u /* x^32 left out [IEEE 802.3 3.2.9] */
#define CRC32_ONE       0x80000000u /* the polynomial 1 */
#define CRC32_X         0x40000000u /* the polynomial x */

static uint32_t times_x(uint32_t a)
{
    return (a & 1u) != 0 ? a >> 1 ^ CRC32_GENERATOR : a >> 1;
}

void crc32_table_init(struct crc32_table *t)
{
    for (uint32_t b = 0; b < 256; b++) {
        uint32_t crc = b;

        for (int bit = 0; bit < 8; bit++) {
            crc = times_x(crc);
        }
        t->word[0][b] = crc;
    }
    for (int d = 1; d < 4; d++) {
        for (uint32_t b = 0; b < 256; b++) {
            uint32_t crc = t->word[d - 1][b];

            t->word[d][b] = crc >> 8 ^ t->word[0][crc & 255];
        }
    }
}

uint32_t crc32_add(const struct crc32_table *t, uint32_t crc, const void *bytes, size_t length)
{
    const uint8_t *p = bytes;

    crc = ~crc;
    for (; length >= 4; length -= 4, p += 4) {
        crc ^= (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
        crc = t->word[3][crc & 255] ^ t->word[2][crc >> 8 & 255]
            ^ t->word[1][crc >> 16 & 255] ^ t->word[0][crc >> 24];
    }
    for (; length > 0; length--, p++) {
        crc = crc >> 8 ^ t->word[0][(crc ^ *p) & 255];
    }
    return ~crc;
}

static uint32_t multiply(uint32_t a, uint32_t b)
{
    uint32_t product = 0;

    for (uint32_t bit = CRC32_ONE; bit != 0; bit >>= 1) {
        if ((a & bit) != 0) {
            product ^= b;
        }
        b = times_x(b);
    }
    return product;
}

uint32_t crc32_shift(uint64_t length_bytes)
{
    uint32_t power = CRC32_X; /* x^(2^i) */
    uint32_t shift = CRC32_ONE;

    for (uint64_t exponent = length_bytes * 8; exponent != 0; exponent >>= 1) {
        if ((exponent & 1u) != 0) {
            shift = multiply(shift, power);
        }
        power = multiply(power, power);
    }
    return shift;
}

uint32_t crc32_join(uint32_t crc_a, uint32_t crc_b, uint32_t shift)
{
    return multiply(crc_a, shift) ^ crc_b;
}
