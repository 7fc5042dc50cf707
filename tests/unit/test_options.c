/* Boot options: every key with good and bad values, unknown ones with the nearest key, quotes,
 * noise. */
/* sources: kernel/options.c kernel/nearest.c kernel/format.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "kernel/nearest.h"
#include "kernel/options.h"
#include "tests/unit/fake_sink.h"

static struct options o;
static struct fake_sink said;

static uint32_t parse(const char *text) {
    fake_sink_clear(&said);
    return options_parse(&o, text, &said.sink);
}

static void defaults(void **state) {
    assert_int_equal(parse("  "), 0);
    assert_string_equal(o.cluster, "lisse");
    assert_string_equal(o.name, "");
    assert_int_equal(o.expect, 0);
    assert_int_equal(o.locator, OPTIONS_LOCATOR_TREE);
    assert_int_equal(o.join, OPTIONS_JOIN_AUTO);
    assert_int_equal(o.consoles, PRINT_SERIAL | PRINT_SCREEN);
    assert_string_equal(said.text, "");
}

static void all_good(void **state) {
    const char *line = "cluster=lab key=00ffA0 expect=3 name=n1 join=manual locator=stat "
                       "cell=rack-2 nic=00:03.0 ip=10.0.2.15/24 quorum=witness pxe=on "
                       "console=serial mem=64M "
                       "run=\"mgs -n 64 --check\"";
    assert_int_equal(parse(line), 0);
    assert_string_equal(said.text, "");
    assert_string_equal(o.cluster, "lab");
    assert_int_equal(o.key_bytes, 3);
    assert_memory_equal(o.key, ((uint8_t[]){0x00, 0xFF, 0xA0, 0}), 4);
    assert_int_equal(o.expect, 3);
    assert_string_equal(o.name, "n1");
    assert_int_equal(o.join, OPTIONS_JOIN_MANUAL);
    assert_int_equal(o.locator, OPTIONS_LOCATOR_STAT);
    assert_string_equal(o.cell, "rack-2");
    assert_string_equal(o.nic, "00:03.0");
    assert_int_equal(o.ip, OPTIONS_IP_STATIC);
    assert_int_equal(o.ip_address, 0x0A00020F);
    assert_int_equal(o.ip_bits, 24);
    assert_int_equal(o.quorum, OPTIONS_QUORUM_WITNESS);
    assert_true(o.pxe);
    assert_int_equal(o.consoles, PRINT_SERIAL);
    assert_true(o.mem_bytes == 64 << 20);
    assert_string_equal(o.run, "mgs -n 64 --check");
}

static void bad_values_are_reported_and_ignored(void **state) {
    static const char *const bad[] = {
        "expect=0",
        "expect=257",
        "expect=3x",
        "expect=",
        "expect",
        "expect=99999999999999999999",
        "name=",
        "name=has/slash",
        "name=sixteen-letters-x",
        "join=maybe",
        "join=",
        "locator=Tree",
        "key=",
        "key=0",
        "key=0g",
        "key=000",
        "key=0000000000000000000000000000000000000000000000000000000000000000ff",
        "ip=10.0.0.1",
        "ip=10.0.0.256/8",
        "ip=10.0.0/8",
        "ip=10.0.0.1/33",
        "ip=10.0.0.1/",
        "ip=DHCP",
        "pxe=yes",
        "console=vga",
        "mem=64",
        "mem=7M",
        "mem=M",
        "mem=",
        "mem=99999999G",
        "run=",
        "quorum=x",
        "cell=\"a b\"",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(parse(bad[i]), 1);
        assert_non_null(strstr(said.text, "bad value"));
        assert_int_equal(said.text[said.length - 1], '\n');
        assert_int_equal(o.expect, 0);
        assert_string_equal(o.name, "");
    }
    assert_int_equal(parse("expect=4 locator=foo name=n2"), 1);
    assert_int_equal(o.expect, 4);
    assert_string_equal(o.name, "n2");
    assert_string_equal(said.text, "boot option 'locator=foo' has a bad value and is ignored; "
                                   "locator= wants tree or stat\n");
}

static void unknown_ones_name_the_nearest(void **state) {
    assert_int_equal(parse("expct=3 lcator=stat nmae=n1 quiet"), 4);
    assert_string_equal(said.text,
                        "boot option 'expct=3' is unknown and ignored; did you mean 'expect='?\n"
                        "boot option 'lcator=stat' is unknown and ignored; did you mean "
                        "'locator='?\n"
                        "boot option 'nmae=n1' is unknown and ignored; did you mean 'name='?\n"
                        "boot option 'quiet' is unknown and ignored; there are: cluster= key= "
                        "expect= name= join= locator= cell= nic= ip= quorum= pxe= "
                        "console= mem= run=\n");
    assert_int_equal(o.expect, 0);
    assert_int_equal(parse("=3"), 1);
    assert_int_equal(parse("Expect=3"), 1);
    assert_non_null(strstr(said.text, "did you mean 'expect='"));
}

static void distances(void **state) {
    assert_int_equal(nearest_distance("", ""), 0);
    assert_int_equal(nearest_distance("abc", ""), 3);
    assert_int_equal(nearest_distance("", "abc"), 3);
    assert_int_equal(nearest_distance("name", "nmae"), 1);
    assert_int_equal(nearest_distance("kitten", "sitting"), 3);
    assert_int_equal(nearest_distance("help", "hepl"), 1);
    assert_int_equal(nearest_distance("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "b"), NEAREST_FAR);
}

static void long_words_and_noise(void **state) {
    static char line[4096];
    memset(line, 'a', sizeof line - 1);
    memcpy(line, "run=", 4);
    assert_int_equal(parse(line), 1);
    memset(line, ' ', sizeof line - 1);
    assert_int_equal(parse(line), 0);
    uint64_t seed = 7;
    static const char letters[] = "expctname=\"' 039af./\\\n\t\x80";
    for (uint32_t round = 0; round < 3000; round++) {
        for (uint32_t i = 0; i < 100; i++) {
            seed = seed * 6364136223846793005ull + 1442695040888963407ull;
            line[i] = letters[(seed >> 33) % (sizeof letters - 1)];
        }
        line[100] = '\0';
        parse(line);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(all_good),
        cmocka_unit_test(bad_values_are_reported_and_ignored),
        cmocka_unit_test(unknown_ones_name_the_nearest),
        cmocka_unit_test(distances),
        cmocka_unit_test(long_words_and_noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
