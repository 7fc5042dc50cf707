/* Words of console commands as numbers and signals. */
/* sources: kernel/console/arguments.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel/console/arguments.h"

static void numbers(void **state) {
    static const struct {
        const char *text;
        bool good;
        uint64_t value;
    } cases[] = {
        {"0", true, 0},
        {"42", true, 42},
        {"007", true, 7},
        {"0x1F", true, 31},
        {"0XffffFFFFffffFFFF", true, UINT64_MAX},
        {"18446744073709551615", true, UINT64_MAX},
        {"18446744073709551616", false, 0},
        {"0x10000000000000000", false, 0},
        {"", false, 0},
        {"0x", false, 0},
        {"-1", false, 0},
        {"+1", false, 0},
        {"1 ", false, 0},
        {"12a", false, 0},
        {"0x1G", false, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t value;
        assert_int_equal(argument_number(cases[i].text, &value), cases[i].good);
        if (cases[i].good) {
            assert_true(value == cases[i].value);
        }
    }
}

static void small_numbers(void **state) {
    uint32_t value = 5;

    (void)state;
    assert_true(argument_small("65535", 65535, &value) && value == 65535);
    assert_false(argument_small("65536", 65535, &value));
    assert_false(argument_small("4294967297", UINT32_MAX, &value));
    assert_int_equal(value, 65535);
}

static void signals(void **state) {
    uint32_t value;

    (void)state;
    assert_true(argument_signal("TERM", &value) && value == 15);
    assert_true(argument_signal("SIGKILL", &value) && value == 9);
    assert_true(argument_signal("SYS", &value) && value == 31);
    assert_true(argument_signal("64", &value) && value == 64);
    assert_false(argument_signal("0", &value));
    assert_false(argument_signal("65", &value));
    assert_false(argument_signal("?", &value));
    assert_false(argument_signal("SIG", &value));
    assert_false(argument_signal("term", &value));
    assert_false(argument_signal("", &value));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),
        cmocka_unit_test(small_numbers),
        cmocka_unit_test(signals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
