/* Address -> name: exact, inside, before the first, behind the last. */
/* sources: kernel/symbols.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel/symbols.h"

const struct symbol symbol_table[] = {{0x100, 0}, {0x110, 4}, {0x200, 8}};
const uint32_t symbol_count = 3;
const char symbol_names[] = "one\0two\0three";

static void found(void **state) {
    static const struct {
        uint32_t address;
        const char *name;
        uint32_t offset;
    } cases[] = {
        {0, "?", 0},         {0xFF, "?", 0},
        {0x100, "one", 0},   {0x10F, "one", 0xF},
        {0x110, "two", 0},   {0x1FF, "two", 0xEF},
        {0x200, "three", 0}, {UINT32_MAX, "three", UINT32_MAX - 0x200},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t offset = 77;
        assert_string_equal(symbol_find(cases[i].address, &offset), cases[i].name);
        assert_int_equal(offset, cases[i].offset);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(found)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
