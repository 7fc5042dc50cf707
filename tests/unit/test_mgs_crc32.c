/* CRC-32 in pieces, as mgs's checksum is made: known values, every split, every alignment. */
/* sources: apps/mgs/crc32.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "apps/mgs/crc32.h"

#include <string.h>

static struct crc32_table table;

static void test_known(void **state)
{
    (void)state;
    assert_int_equal(crc32_add(&table, 0, "", 0), 0);
    assert_int_equal(crc32_add(&table, 0, "123456789", 9), 0xCBF43926u); /* the usual check value */
    assert_int_equal(crc32_add(&table, 0, "a", 1), 0xE8B7BE43u);
}

static void test_pieces(void **state)
{
    uint8_t bytes[300];
    uint32_t whole;

    (void)state;
    for (uint32_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(i * i * 31 + 7);
    }
    whole = crc32_add(&table, 0, bytes, sizeof(bytes));
    for (uint32_t cut = 0; cut <= sizeof(bytes); cut++) {
        uint32_t a = crc32_add(&table, 0, bytes, cut);
        uint32_t b = crc32_add(&table, 0, bytes + cut, sizeof(bytes) - cut);

        assert_int_equal(crc32_add(&table, a, bytes + cut, sizeof(bytes) - cut), whole);
        assert_int_equal(crc32_join(a, b, crc32_shift(sizeof(bytes) - cut)), whole);
    }
}

/* Appending 2^32 + 5 zero bytes, by arithmetic, is appending 2^32 and then 5. */
static void test_long_shift(void **state)
{
    uint32_t crc = 0x12345678u;
    uint32_t once = crc32_join(crc, 0, crc32_shift(0x100000005ull));
    uint32_t twice = crc32_join(crc32_join(crc, 0, crc32_shift(0x100000000ull)), 0, crc32_shift(5));

    (void)state;
    assert_int_equal(once, twice);
    assert_int_equal(crc32_join(crc, 0, crc32_shift(0)), crc);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_long_shift),
    };

    crc32_table_init(&table);
    return cmocka_run_group_tests_name("mgs_crc32", tests, NULL, NULL);
}
