/* print_to() against the C library's printf, where the formats are the same. */
/* sources: kernel/format.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "kernel/print.h"
#include "tests/unit/fake_sink.h"

static struct fake_sink out;
static char expected[2048];

#define SAME(...)                                                                                  \
    do {                                                                                           \
        fake_sink_clear(&out);                                                                     \
        print_to(&out.sink, __VA_ARGS__);                                                          \
        snprintf(expected, sizeof expected, __VA_ARGS__);                                          \
        assert_string_equal(out.text, expected);                                                   \
    } while (0)

static void numbers(void **state) {
    static const int values[] = {0, 1, -1, 9, 10, 42, -4711, INT_MAX, INT_MIN};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        int v = values[i];
        SAME("%d|%i|%u|%x|%X", v, v, (unsigned)v, (unsigned)v, (unsigned)v);
        SAME("%5d|%-5d|%05d|%12d|%012d|%-12d|", v, v, v, v, v, v);
        SAME("%2x|%08x|%-10x|%10X", (unsigned)v, (unsigned)v, (unsigned)v, (unsigned)v);
        SAME("%lld|%llu|%llx", v * (1ll << 31), (unsigned long long)v << 31,
             (unsigned long long)v << 32);
    }
    SAME("%llu %llx %lld", ULLONG_MAX, ULLONG_MAX, LLONG_MIN);
    SAME("%lu %ld %zu", ULONG_MAX, LONG_MIN, SIZE_MAX);
    SAME("%020llu|%20lld", 123456789012345ull, -5ll);
}

static void text(void **state) {
    SAME("%s", "");
    SAME("%s and %s", "one", "two");
    SAME("%10s|%-10s|%.2s|%10.2s|%-4.1s|", "abc", "abc", "abc", "abc", "abc");
    SAME("%c%c%3c|%-3c|", 'a', 'b', 'c', 'd');
    SAME("100%% of %s", "it");
    fake_sink_clear(&out);
    const char *volatile nothing = NULL; /* the compiler would complain */
    print_to(&out.sink, "%s", nothing);
    assert_string_equal(out.text, "(null)");
    fake_sink_clear(&out);
    print_to(&out.sink, "%p", (void *)0x1234);
    assert_string_equal(out.text, "00001234");
}

static void long_output_in_pieces(void **state) {
    char big[1500];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    SAME("<%s>", big);
    SAME("%255d|", 7);
}

/* What printf would warn about: shown, not guessed. Through a variable, since the compiler
 * looks. */
static void bad_formats(void **state) {
    static const char *const formats[][2] = {{"%", ""}, {"a%", "a"}, {"%5", ""}, {"%y", "%y"}};
    for (size_t i = 0; i < 4; i++) {
        fake_sink_clear(&out);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-security"
        print_to(&out.sink, formats[i][0]);
#pragma GCC diagnostic pop
        assert_string_equal(out.text, formats[i][1]);
    }
}

static void into_a_buffer(void **state) {
    char buffer[8] = "zzzzzzz";
    assert_int_equal(print_text(buffer, sizeof buffer, "%d", 12345), 5);
    assert_string_equal(buffer, "12345");
    assert_int_equal(print_text(buffer, sizeof buffer, "%s", "too long for it"), 15);
    assert_string_equal(buffer, "too lon");
    assert_int_equal(print_text(buffer, 1, "abc"), 3);
    assert_string_equal(buffer, "");
    assert_int_equal(print_text(NULL, 0, "abc"), 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),       cmocka_unit_test(text),
        cmocka_unit_test(bad_formats),   cmocka_unit_test(long_output_in_pieces),
        cmocka_unit_test(into_a_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
