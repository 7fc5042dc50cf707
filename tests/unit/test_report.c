/* Reports: the effect that carries one, and its line. */
/* sources: adapt/report.c adapt/format.c */
#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>

#include "adapt/report.h"
#include "adapt/service.h"
#include "pure_assert.h"

static struct effect effect;
static uint8_t room[1024];

struct effect *node_effect(struct node *n, enum effect_type type) {
    (void)n;
    memset(&effect, 0, sizeof(effect));
    effect.type = (uint8_t)type;
    return &effect;
}

void node_effect_bytes(struct node *n, struct effect *e, const void *bytes, uint32_t size) {
    (void)n;
    assert_true(size <= sizeof(room));
    memcpy(room, bytes, size);
    e->bytes = room;
    e->size = (uint16_t)size;
}

static void test_effect(void **state) {
    char text[] = "abc";
    char line[200];

    (void)state;
    node_report(NULL, REPORT_JOINED, 7, 6, 2, text);
    text[0] = 'x'; /* copied already */
    assert_int_equal(effect.type, FX_REPORT);
    assert_int_equal(effect.value, REPORT_JOINED);
    assert_string_equal((const char *)effect.bytes, "abc");
    assert_int_equal(effect.size, 4);
    report_format(line, sizeof(line), (enum report)effect.value, effect.arg,
                  (const char *)effect.bytes);
    assert_string_equal(line, "joined cluster \"abc\" as node #7, seat 6 (epoch 2)");
    node_report(NULL, REPORT_STABLE, 3, 4, 0, NULL);
    assert_null(effect.bytes);
    report_format(line, sizeof(line), (enum report)effect.value, effect.arg, NULL);
    assert_string_equal(line, "stable: epoch 3, 4 members");
}

static void test_long_text(void **state) {
    char text[400];

    (void)state;
    memset(text, 'y', sizeof(text));
    text[399] = '\0';
    node_report(NULL, REPORT_WAITING, 1, 2, 0, text);
    assert_int_equal(effect.size, REPORT_TEXT_BYTES_MAX);
    assert_int_equal(strlen((const char *)effect.bytes), REPORT_TEXT_BYTES_MAX - 1);
}

/* Every row makes a line that says something, and an unknown code does no harm. */
static void test_all_rows(void **state) {
    const uint32_t arg[4] = {1, 2, 3, 4};
    char line[400];

    (void)state;
    for (uint32_t code = 1; code < REPORTS; code++) {
        uint32_t length = report_format(line, sizeof(line), (enum report)code, arg, "n1");
        assert_in_range(length, 10, 300);
        assert_null(strchr(line, '%'));
    }
    assert_true(report_format(line, sizeof(line), REPORTS, arg, NULL) > 0);
    assert_int_equal(report_format(line, 1, REPORT_STABLE, arg, NULL), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_effect),
        cmocka_unit_test(test_long_text),
        cmocka_unit_test(test_all_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
