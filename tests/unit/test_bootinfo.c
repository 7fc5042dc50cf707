/* Boot information of both Multiboot versions: what loaders really give, then truncated, hostile
 * and random tables. Memory is a heap block of exact size, so that a read outside is seen by
 * ASan. */
/* sources: boot/bootinfo.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "boot/bootinfo.h"

enum { MEMORY_BYTES = 4096, INFO = 256 };

static struct boot_info info;

static void u32_put(uint8_t *at, uint32_t value) {
    for (int i = 0; i < 4; i++) {
        at[i] = (uint8_t)(value >> 8 * i);
    }
}

static void u64_put(uint8_t *at, uint64_t value) {
    u32_put(at, (uint32_t)value);
    u32_put(at + 4, (uint32_t)(value >> 32));
}

static void text_put(uint8_t *at, const char *text) {
    memcpy(at, text, strlen(text) + 1);
}

/* ---- version 1: as QEMU makes it
 * -------------------------------------------------------------- */

static void mb1_region(uint8_t *at, uint64_t base, uint64_t length, uint32_t type) {
    u32_put(at, 20);
    u64_put(at + 4, base);
    u64_put(at + 12, length);
    u32_put(at + 20, type);
}

static uint8_t *mb1_memory(void) {
    uint8_t *m = calloc(1, MEMORY_BYTES);
    u32_put(m + INFO, 1 | 4 | 8 | 64 | 512);
    u32_put(m + INFO + 16, 1024); /* options */
    text_put(m + 1024, "/x/lisse.elf  name=n1 expect=3");
    u32_put(m + INFO + 20, 2); /* modules */
    u32_put(m + INFO + 24, 1280);
    u32_put(m + 1280, 0x200000);
    u32_put(m + 1284, 0x200123);
    u32_put(m + 1288, 1400);
    text_put(m + 1400, "../apps/mgs -n 64 --check");
    u32_put(m + 1296, 0x201000);
    u32_put(m + 1300, 0x201000);
    u32_put(m + 1304, 1440);
    text_put(m + 1440, "empty");
    u32_put(m + INFO + 44, 3 * 24); /* map */
    u32_put(m + INFO + 48, 1600);
    mb1_region(m + 1600, 0, 0x9FC00, 1);
    mb1_region(m + 1624, 0x9FC00, 0x400, 2);
    mb1_region(m + 1648, 0x100000, 0x3EE0000, 1);
    u32_put(m + INFO + 64, 1500);
    text_put(m + 1500, "qemu");
    return m;
}

static void mb1_as_qemu_gives_it(void **state) {
    uint8_t *m = mb1_memory();
    assert_int_equal(boot_info_parse_mb1(&info, m, MEMORY_BYTES, INFO), 0);
    assert_string_equal(info.options, "name=n1 expect=3");
    assert_string_equal(info.loader, "qemu");
    assert_int_equal(info.regions_count, 3);
    assert_int_equal(info.regions[1].type, BOOT_REGION_RESERVED);
    assert_true(info.regions[2].base == 0x100000 && info.regions[2].length == 0x3EE0000);
    assert_int_equal(info.modules_count, 2);
    assert_string_equal(info.modules[0].name, "mgs");
    assert_string_equal(info.modules[0].args, "-n 64 --check");
    assert_int_equal(info.modules[0].end - info.modules[0].start, 0x123);
    assert_string_equal(info.modules[1].name, "empty");
    assert_string_equal(info.modules[1].args, "");
    assert_true(info.text_screen);
    assert_ptr_equal(boot_info_module(&info, "mgs"), &info.modules[0]);
    assert_null(boot_info_module(&info, "mg"));
    assert_true(boot_info_ram_bytes(&info) == 0x9FC00 + 0x3EE0000);
    free(m);
}

/* GRUB 2 leaves the kernel's path out, others put it first, with or without '='. */
static void mb1_path_is_dropped(void **state) {
    static const char *const lines[][2] = {
        {"expect=3 name=a", "expect=3 name=a"},  {"lisse.elf", ""},
        {"/a=b/lisse.elf expect=2", "expect=2"}, {"http://h/k?x=y expect=2", "expect=2"},
        {"Lisse=x expect=2", "expect=2"},        {"", ""},
        {"placeholder key=00", "key=00"},
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        uint8_t *m = mb1_memory();
        text_put(m + 1024, lines[i][0]);
        assert_int_equal(boot_info_parse_mb1(&info, m, MEMORY_BYTES, INFO), 0);
        assert_string_equal(info.options, lines[i][1]);
        free(m);
    }
}

static void mb1_without_a_map(void **state) {
    uint8_t *m = mb1_memory();
    u32_put(m + INFO, 1);
    u32_put(m + INFO + 8, 64 * 1024 - 1024);
    assert_int_equal(boot_info_parse_mb1(&info, m, MEMORY_BYTES, INFO), 0);
    assert_int_equal(info.regions_count, 1);
    assert_true(info.regions[0].base == 1 << 20 && info.regions[0].length == 63 << 20);
    u32_put(m + INFO, 4 | 8);
    assert_int_equal(boot_info_parse_mb1(&info, m, MEMORY_BYTES, INFO), -1);
    free(m);
}

static void mb1_hostile_tables(void **state) {
    uint8_t *m = mb1_memory();
    u32_put(m + INFO + 20, UINT32_MAX);           /* four billion modules */
    mb1_region(m + 1624, UINT64_MAX - 5, 100, 1); /* wraps */
    u32_put(m + 1648, 0x7FFFFFFF);                /* entry longer than the map */
    assert_int_equal(boot_info_parse_mb1(&info, m, MEMORY_BYTES, INFO), 0);
    assert_int_equal(info.regions_count, 2);
    u32_put(m + 1284, 0x1FFFFF); /* module ends before it begins */
    u32_put(m + INFO + 20, 2);
    u32_put(m + INFO + 16, 0xFFFFFFF0); /* options outside memory */
    u32_put(m + 1304, MEMORY_BYTES - 1);
    m[MEMORY_BYTES - 1] = 'x'; /* a string that never ends */
    assert_int_equal(boot_info_parse_mb1(&info, m, MEMORY_BYTES, INFO), 0);
    assert_int_equal(info.modules_count, 1);
    assert_string_equal(info.modules[0].name, "x");
    assert_string_equal(info.options, "");
    assert_int_equal(boot_info_parse_mb1(&info, m, MEMORY_BYTES, MEMORY_BYTES - 51), -1);
    assert_int_equal(boot_info_parse_mb1(&info, m, MEMORY_BYTES, UINT32_MAX), -1);
    free(m);
}

static void options_too_long_are_cut(void **state) {
    uint8_t *m = mb1_memory();
    memset(m + 2048, 'a', 2000);
    m[2048] = '/';
    m[2050] = ' ';
    u32_put(m + INFO + 16, 2048);
    assert_int_equal(boot_info_parse_mb1(&info, m, MEMORY_BYTES, INFO), 0);
    assert_true(info.options_cut);
    assert_int_equal(strlen(info.options), BOOT_OPTIONS_BYTES - 1 - 3);
    free(m);
}

static void too_many_modules_are_left_out(void **state) {
    uint8_t *m = mb1_memory();
    for (uint32_t i = 0; i < 70; i++) {
        u32_put(m + 2048 + 16 * i, 0x200000 + 4096 * i);
        u32_put(m + 2048 + 16 * i + 4, 0x200010 + 4096 * i);
    }
    u32_put(m + INFO + 20, 70);
    u32_put(m + INFO + 24, 2048);
    assert_int_equal(boot_info_parse_mb1(&info, m, MEMORY_BYTES, INFO), 0);
    assert_int_equal(info.modules_count, BOOT_MODULES_MAX);
    assert_true(info.modules_cut);
    assert_string_equal(info.modules[63].name, "module63");
    free(m);
}

/* ---- version 2: as GRUB makes it
 * --------------------------------------------------------------- */

static uint32_t mb2_end;

static uint8_t *mb2_tag(uint8_t *m, uint32_t type, uint32_t bytes) {
    uint8_t *tag = m + mb2_end;
    u32_put(tag, type);
    u32_put(tag + 4, bytes);
    mb2_end += (bytes + 7) & ~7u;
    u32_put(m + INFO, mb2_end - INFO);
    return tag;
}

static uint8_t *mb2_memory(void) {
    uint8_t *m = calloc(1, MEMORY_BYTES);
    mb2_end = INFO + 8;
    text_put(mb2_tag(m, 1, 8 + 9) + 8, "expect=2");
    text_put(mb2_tag(m, 2, 8 + 10) + 8, "GRUB 2.06");
    uint8_t *module = mb2_tag(m, 3, 16 + 9);
    u32_put(module + 8, 0x300000);
    u32_put(module + 12, 0x300040);
    text_put(module + 16, "dir/a  b");
    uint8_t *map = mb2_tag(m, 6, 16 + 2 * 24);
    u32_put(map + 8, 24);
    u64_put(map + 16 + 8, 0x9F000);
    u32_put(map + 16 + 16, 1);
    u64_put(map + 40, 0x100000);
    u64_put(map + 40 + 8, 0x1000000);
    u32_put(map + 40 + 16, 1);
    mb2_tag(m, 8, 32)[29] = 2;
    mb2_tag(m, 77, 9);
    mb2_tag(m, 0, 8);
    return m;
}

static void mb2_as_grub_gives_it(void **state) {
    uint8_t *m = mb2_memory();
    assert_int_equal(boot_info_parse_mb2(&info, m, MEMORY_BYTES, INFO), 0);
    assert_string_equal(info.options, "expect=2");
    assert_string_equal(info.loader, "GRUB 2.06");
    assert_int_equal(info.modules_count, 1);
    assert_string_equal(info.modules[0].name, "a");
    assert_string_equal(info.modules[0].args, "b");
    assert_int_equal(info.regions_count, 2);
    assert_true(info.regions[1].length == 0x1000000);
    assert_true(info.text_screen);
    free(m);
}

static void mb2_graphics_mode_is_no_text_screen(void **state) {
    uint8_t *m = mb2_memory();
    mb2_end -= 8 + 16 + 32;
    mb2_tag(m, 8, 32)[29] = 1;
    assert_int_equal(boot_info_parse_mb2(&info, m, MEMORY_BYTES, INFO), 0);
    assert_false(info.text_screen);
    free(m);
}

static void mb2_hostile_tables(void **state) {
    uint8_t *m = mb2_memory();
    u32_put(m + INFO, MEMORY_BYTES); /* longer than memory */
    assert_int_equal(boot_info_parse_mb2(&info, m, MEMORY_BYTES, INFO), -1);
    u32_put(m + INFO, 0);
    assert_int_equal(boot_info_parse_mb2(&info, m, MEMORY_BYTES, INFO), -1);
    assert_int_equal(boot_info_parse_mb2(&info, m, MEMORY_BYTES, MEMORY_BYTES - 4), -1);
    free(m);
    for (uint32_t bytes = 0; bytes < 16; bytes++) { /* a map tag without room for its fields */
        m = mb2_memory();
        mb2_end = INFO + 8;
        u32_put(mb2_tag(m, 6, bytes) + 8, 24);
        u32_put(m + INFO, 8 + bytes);
        assert_int_equal(boot_info_parse_mb2(&info, m, MEMORY_BYTES, INFO), -1);
        free(m);
    }
    m = mb2_memory();
    mb2_end = INFO + 8;
    u32_put(mb2_tag(m, 6, 64) + 8, UINT32_MAX); /* entries longer than the tag */
    assert_int_equal(boot_info_parse_mb2(&info, m, MEMORY_BYTES, INFO), -1);
    free(m);
}

/* ---- both: every truncation, and noise
 * ---------------------------------------------------------- */

typedef int parse_function(struct boot_info *, const uint8_t *, uint32_t, paddr_t);

static void every_truncation(void **state) {
    uint8_t *whole[2] = {mb1_memory(), mb2_memory()};
    parse_function *const parse[2] = {boot_info_parse_mb1, boot_info_parse_mb2};
    for (int v = 0; v < 2; v++) {
        for (uint32_t size = 0; size < MEMORY_BYTES; size += size < 1700 ? 1 : 97) {
            uint8_t *m = malloc(size > 0 ? size : 1);
            memcpy(m, whole[v], size);
            parse[v](&info, m, size, INFO);
            assert_true(info.modules_count <= BOOT_MODULES_MAX);
            free(m);
        }
        free(whole[v]);
    }
}

static void noise(void **state) {
    uint64_t seed = 88172645463325252ull;
    uint8_t *m = malloc(MEMORY_BYTES);
    for (uint32_t round = 0; round < 4000; round++) {
        uint8_t *start = round & 1 ? mb1_memory() : mb2_memory();
        memcpy(m, start, MEMORY_BYTES);
        free(start);
        for (uint32_t i = 0; i < 1 + round % 40; i++) {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            m[seed % MEMORY_BYTES] = (uint8_t)(seed >> 40);
            m[INFO + (seed >> 20) % 72] = (uint8_t)(seed >> 48);
        }
        boot_info_parse_mb1(&info, m, MEMORY_BYTES, INFO);
        boot_info_parse_mb2(&info, m, MEMORY_BYTES, INFO);
        for (uint32_t i = 0; i < info.regions_count; i++) {
            assert_true(info.regions[i].base + info.regions[i].length > info.regions[i].base);
        }
    }
    free(m);
}

static void limit_cuts_ram_only(void **state) {
    uint8_t *m = mb1_memory();
    assert_int_equal(boot_info_parse_mb1(&info, m, MEMORY_BYTES, INFO), 0);
    boot_info_limit(&info, 16 << 20);
    assert_true(info.regions[2].length == 15 << 20);
    boot_info_limit(&info, 0x9FD00);
    assert_true(info.regions[2].length == 0);
    assert_true(info.regions[0].length == 0x9FC00 && info.regions[1].length == 0x400);
    info.regions[0] = (struct boot_region){3ull << 30, 4ull << 30, BOOT_REGION_RAM};
    assert_true(boot_info_ram_bytes(&info) == 1ull << 30);
    free(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mb1_as_qemu_gives_it),
        cmocka_unit_test(mb1_path_is_dropped),
        cmocka_unit_test(mb1_without_a_map),
        cmocka_unit_test(mb1_hostile_tables),
        cmocka_unit_test(options_too_long_are_cut),
        cmocka_unit_test(too_many_modules_are_left_out),
        cmocka_unit_test(mb2_as_grub_gives_it),
        cmocka_unit_test(mb2_graphics_mode_is_no_text_screen),
        cmocka_unit_test(mb2_hostile_tables),
        cmocka_unit_test(every_truncation),
        cmocka_unit_test(noise),
        cmocka_unit_test(limit_cuts_ram_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
