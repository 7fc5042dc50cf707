/* The trace ring, its hash and its lines; the formatter behind them. */
/* sources: adapt/trace.c adapt/format.c adapt/msg.c */
#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>

#include "adapt/format.h"
#include "adapt/node.h"
#include "pure_assert.h"

static struct node node;

static void test_ring(void **state) {
    (void)state;
    memset(&node, 0, sizeof(node));
    assert_null(trace_at(&node.trace, 0));
    for (uint32_t i = 0; i < TRACE_RECORDS + 10; i++) {
        node.now_us = i;
        trace(&node, TR_FAULT, i, 2, 3, 4);
    }
    assert_int_equal(node.trace.count, TRACE_RECORDS + 10);
    assert_int_equal(trace_at(&node.trace, 0)->a, TRACE_RECORDS + 9);
    assert_int_equal(trace_at(&node.trace, TRACE_RECORDS - 1)->a, 10);
    assert_null(trace_at(&node.trace, TRACE_RECORDS));
}

static uint64_t hash_of(uint64_t us, uint32_t what, uint32_t a, uint32_t d) {
    struct trace_ring ring = {0};
    struct trace_record r = {.us = us, .what = what, .a = a, .b = 5, .c = 6, .d = d};

    trace_add(&ring, &r);
    return ring.hash;
}

/* Fixed values: a 32-bit build must make the same ones. */
static void test_hash(void **state) {
    struct trace_ring ring[2] = {{0}, {0}};
    struct trace_record r = {.us = 1, .what = TR_FAULT, .a = 1};
    struct trace_record s = {.us = 1, .what = TR_FAULT, .a = 2};

    (void)state;
    assert_true(hash_of(1, 2, 3, 4) == 0x5fbcebcafc814232ull);
    assert_true(hash_of(1, 2, 3, 4) != hash_of(2, 2, 3, 4));
    assert_true(hash_of(1, 2, 3, 4) != hash_of(1, 3, 3, 4));
    assert_true(hash_of(1, 2, 3, 4) != hash_of(1, 2, 2, 4));
    assert_true(hash_of(1, 2, 3, 4) != hash_of(1, 2, 3, 5));
    trace_add(&ring[0], &r);
    trace_add(&ring[0], &s);
    trace_add(&ring[1], &s);
    trace_add(&ring[1], &r);
    assert_true(ring[0].hash != ring[1].hash); /* order counts */
}

static void test_line(void **state) {
    struct trace_record r = {.us = 12345678, .what = TR_FAULT, .a = 2, .b = 0x804a, .c = 3};
    char line[100];

    (void)state;
    uint32_t length = trace_format(line, sizeof(line), 2, &r);
    assert_string_equal(line, "[  12345ms] #2 > write fault on page 804a, slot 3");
    assert_int_equal(length, strlen(line));
    assert_int_equal(trace_format(line, 10, 2, &r), 9); /* cut, never overrun */
    assert_string_equal(line, "[  12345m");
    assert_int_equal(trace_format(line, 1, 2, &r), 0);
    r.what = TRACES + 5; /* a record from elsewhere */
    trace_format(line, sizeof(line), 2, &r);
    assert_string_equal(line, "[  12345ms] #2 > nothing");
    for (uint32_t what = 1; what < TRACES; what++) {
        r.what = what;
        assert_true(trace_format(line, sizeof(line), 2, &r) > 14);
    }
}

static void test_format(void **state) {
    const uint32_t arg[4] = {0, 4294967295u, 0xdead, 7};
    char text[80];
    struct line l;

    (void)state;
    line_begin(&l, text, sizeof(text));
    line_add_pattern(&l, "%a %b %C %d%% %s %x %A %", arg, "me");
    assert_string_equal(text, "0 4294967295 dead 7% me %x 0 ");
    line_begin(&l, text, sizeof(text));
    line_add_pattern(&l, "%[zero|one]a %[zero|one]d %[a||c]d%[x]", arg, NULL);
    assert_string_equal(text, "zero 7 7]");
    line_begin(&l, text, sizeof(text));
    line_add_pattern(&l, "%s", arg, NULL);
    assert_string_equal(text, "?");
    line_begin(&l, text, sizeof(text));
    line_add_decimal(&l, UINT64_MAX, 0);
    line_add_char(&l, ' ');
    line_add_hex(&l, UINT64_MAX);
    line_add_decimal(&l, 5, 3);
    assert_string_equal(text, "18446744073709551615 ffffffffffffffff  5");
    line_begin(&l, text, MAC_TEXT_BYTES);
    line_add_mac(&l, 0x525400ab0cffull);
    assert_string_equal(text, "52:54:00:ab:0c:ff");
    line_add_text(&l, "more than fits");
    assert_string_equal(text, "52:54:00:ab:0c:ff");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ring),
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_line),
        cmocka_unit_test(test_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
