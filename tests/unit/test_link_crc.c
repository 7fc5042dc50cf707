/* CRC-32 and the seal of datagrams, against known vectors and the definition bit by bit. */
/* sources: net/link_crc.c */
#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>

#include "net/link.h"

void assert_failed(const char *what, const char *file, int line) {
    mock_assert(0, what, file, line);
    abort();
}

/* The definition: one bit at a time [IEEE 802.3 3.2.9]. */
static uint32_t crc_bitwise(uint32_t crc, const uint8_t *bytes, uint32_t size) {
    crc = ~crc;
    for (uint32_t bit = 0; bit < size * 8; bit++) {
        uint32_t in = (crc ^ (uint32_t)(bytes[bit / 8] >> bit % 8)) & 1;
        crc = crc >> 1 ^ (in ? 0xEDB88320u : 0);
    }
    return ~crc;
}

static void fill(uint8_t *bytes, uint32_t size, uint64_t seed) {
    uint64_t state = mix64(seed) | 1;

    for (uint32_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)random_next(&state);
    }
}

static uint32_t crc_of(const char *text) {
    return crc32_update(0, (const uint8_t *)text, (uint32_t)strlen(text));
}

static void test_known_vectors(void **state) {
    uint8_t zeroes[32] = {0}, ones[32];

    (void)state;
    memset(ones, 0xFF, sizeof(ones));
    assert_int_equal(crc_of(""), 0);
    assert_int_equal(crc_of("123456789"), 0xCBF43926u);
    assert_int_equal(crc_of("a"), 0xE8B7BE43u);
    assert_int_equal(crc_of("The quick brown fox jumps over the lazy dog"), 0x414FA339u);
    assert_int_equal(crc32_update(0, zeroes, 32), 0x190A55ADu);
    assert_int_equal(crc32_update(0, ones, 32), 0xFF6CAB0Bu);
}

static void test_every_table_entry(void **state) {
    (void)state;
    for (uint32_t place = 0; place < 8; place++) {
        for (uint32_t value = 0; value < 256; value++) {
            uint8_t bytes[8] = {0};
            bytes[place] = (uint8_t)value;
            assert_int_equal(crc32_update(0, bytes, 8), crc_bitwise(0, bytes, 8));
        }
    }
}

static void test_every_length_and_alignment(void **state) {
    uint8_t bytes[80];

    (void)state;
    fill(bytes, sizeof(bytes), 1);
    for (uint32_t at = 0; at < 8; at++) {
        for (uint32_t size = 0; size + at <= sizeof(bytes); size++) {
            assert_int_equal(crc32_update(7, bytes + at, size), crc_bitwise(7, bytes + at, size));
        }
    }
}

static void test_continued(void **state) {
    uint8_t bytes[LINK_DATAGRAM_BYTES];

    (void)state;
    fill(bytes, sizeof(bytes), 2);
    uint32_t whole = crc_bitwise(0, bytes, sizeof(bytes));
    assert_int_equal(crc32_update(0, bytes, sizeof(bytes)), whole);
    for (uint32_t cut = 0; cut <= sizeof(bytes); cut += 7) {
        uint32_t crc = crc32_update(0, bytes, cut);
        assert_int_equal(crc32_update(crc, bytes + cut, (uint32_t)sizeof(bytes) - cut), whole);
    }
}

static void test_seal_and_check(void **state) {
    uint8_t d[LINK_DATAGRAM_BYTES + 1], contents[1000];

    (void)state;
    fill(d, sizeof(d), 3);
    fill(contents, sizeof(contents), 4);
    link_seal(d, 78, contents, sizeof(contents));
    memcpy(d + 78, contents, sizeof(contents));
    assert_true(link_check(d, 1078));
    assert_false(link_check(d, 1077));
    assert_false(link_check(d, 1079));
    link_seal(d, 44, NULL, 0);
    assert_true(link_check(d, 44));
    link_seal(d, sizeof(d), NULL, 0);
    assert_false(link_check(d, sizeof(d))); /* right, but longer than a datagram can be */
    for (uint32_t size = 0; size < 44; size++) {
        assert_false(link_check(d, size));
    }
    expect_assert_failure(link_seal(d, 43, NULL, 0));
}

static void test_each_flipped_bit_is_seen(void **state) {
    uint8_t d[200];

    (void)state;
    fill(d, sizeof(d), 5);
    link_seal(d, sizeof(d), NULL, 0);
    for (uint32_t bit = 0; bit < sizeof(d) * 8; bit++) {
        d[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(link_check(d, sizeof(d)));
        d[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_true(link_check(d, sizeof(d)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_vectors),
        cmocka_unit_test(test_every_table_entry),
        cmocka_unit_test(test_every_length_and_alignment),
        cmocka_unit_test(test_continued),
        cmocka_unit_test(test_seal_and_check),
        cmocka_unit_test(test_each_flipped_bit_is_seen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
