/* Matrix Market reader: every format, every way to be wrong, bytes that are no matrix at all. */
/* sources: apps/mgs/mm.c apps/mgs/mm_text.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "apps/mgs/mm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REAL_GENERAL "%%MatrixMarket matrix coordinate real general\n"
#define ARRAY_REAL   "%%MatrixMarket matrix array real general\n"

static char error[MM_ERROR_MAX];

static int read_bytes(const char *bytes, size_t length, struct mm_matrix *m)
{
    FILE *in = length > 0 ? fmemopen((void *)(uintptr_t)bytes, length, "r")
                          : fopen("/dev/null", "r");
    int result;

    assert_non_null(in);
    error[0] = '\0';
    result = mm_read(in, "m.mtx", m, error);
    (void)fclose(in);
    return result;
}

static void expect_matrix(const char *text, uint32_t rows, uint32_t cols, const double *elements)
{
    struct mm_matrix m;

    if (read_bytes(text, strlen(text), &m) != 0) {
        fail_msg("refused: %s", error);
    }
    assert_int_equal(m.rows, rows);
    assert_int_equal(m.cols, cols);
    for (uint32_t i = 0; i < rows * cols; i++) {
        assert_true(m.values[i] == elements[i]);
    }
    mm_free(&m);
}

/* The text is refused, and the message has both parts in it (file and line, what was seen). */
static void expect_error(const char *text, const char *where, const char *what)
{
    struct mm_matrix m = { .values = NULL };

    if (read_bytes(text, strlen(text), &m) != -1) {
        fail_msg("accepted: %s", text);
    }
    if (strncmp(error, where, strlen(where)) != 0 || strstr(error, what) == NULL) {
        fail_msg("expected \"%s ... %s\", got \"%s\"", where, what, error);
    }
    assert_null(strchr(error, '\n'));
    assert_null(m.values);
}

static void test_formats(void **state)
{
    static const double general[] = { 1, 0, 0, -2.5, 0, 300 };
    static const double ones[] = { 1, 1, 0, 1 };
    static const double symmetric[] = { 1, 2, 3, 2, 4, 5, 3, 5, 6 };
    static const double skew[] = { 0, 2, 3, -2, 0, 5, -3, -5, 0 };

    (void)state;
    expect_matrix(REAL_GENERAL "2 3 3\n1 1 1\n2 2 -2.5\n2 3 3e2\n", 2, 3, general);
    expect_matrix(ARRAY_REAL "2 3\n1\n0\n0\n-2.5\n0.\n3.00E+2\n", 2, 3, general);
    expect_matrix("%%MatrixMarket matrix coordinate pattern general\n2 2 3\n1 1\n2 1\n2 2\n",
                  2, 2, ones);
    expect_matrix("%%MatrixMarket matrix coordinate integer symmetric\n"
                  "3 3 6\n1 1 1\n2 1 2\n3 1 3\n2 2 4\n3 2 +5\n3 3 6\n", 3, 3, symmetric);
    expect_matrix("%%MatrixMarket matrix array real symmetric\n3 3\n1\n2\n3\n4\n5\n6\n",
                  3, 3, symmetric);
    expect_matrix("%%MatrixMarket matrix coordinate real skew-symmetric\n"
                  "3 3 3\n3 2 5\n2 1 2\n3 1 3\n", 3, 3, skew);
    expect_matrix("%%MatrixMarket matrix array integer skew-symmetric\n3 3\n2\n3\n5\n", 3, 3, skew);
    expect_matrix("%%MatrixMarket matrix array double general\n1 1\n1", 1, 1, ones);
    expect_matrix("%%MatrixMarket matrix array real skew-symmetric\n1 1\n", 1, 1, skew);
    expect_matrix("%%MatrixMarket matrix coordinate pattern symmetric\n2 2 0\n",
                  2, 2, (const double[]){ 0, 0, 0, 0 });
}

static void test_spellings(void **state)
{
    static const double two[] = { 1, 2 };

    (void)state;
    expect_matrix("%%matrixmarket MATRIX Array REAL General\r\n% c\r\n\r\n  \t\r\n"
                  "%\r\n\t2  1 \r\n%x\r\n1\r\n\r\n\t2\r\n% end\r\n\r\n", 2, 1, two);
    expect_matrix(REAL_GENERAL "%\n2 1 2\n2   1\t+2e0\n1 1 .1e1\n", 2, 1, two);
    expect_matrix(REAL_GENERAL "2 1 2\n002 1 2\n1 01 1.", 2, 1, two);
}

static void test_long_comment(void **state)
{
    char text[8000] = REAL_GENERAL;
    size_t used = strlen(text);

    (void)state;
    text[used] = '%';
    memset(text + used + 1, 'x', 5000);
    strcpy(text + used + 5001, "\n1 1 1\n1 1 3\n");
    expect_matrix(text, 1, 1, (const double[]){ 3 });
    text[used] = ' ';
    expect_error(text, "m.mtx:2: ", "5001 characters");
}

static void test_bad_banners(void **state)
{
    (void)state;
    expect_error("", "m.mtx: ", "empty");
    expect_error("\n", "m.mtx:1: ", "a blank one");
    expect_error("1 1 1\n", "m.mtx:1: ", "found \"1\"");
    expect_error("%MatrixMarket matrix coordinate real general\n", "m.mtx:1: ",
                 "\"%MatrixMarket\"");
    expect_error("%%MatrixMarketX matrix array real general\n", "m.mtx:1: ", "X\"");
    expect_error("%%MatrixMarket\n", "m.mtx:1: ", "found only \"%%MatrixMarket\"");
    expect_error("%%MatrixMarket matrix coordinate real\n", "m.mtx:1: ", "found 4 words");
    expect_error("%%MatrixMarket matrix coordinate real general x y z\n", "m.mtx:1: ", "6 or more");
    expect_error("%%MatrixMarket vector coordinate real general\n", "m.mtx:1: ", "\"vector\"");
    expect_error("%%MatrixMarket matrix dense real general\n", "m.mtx:1: ", "\"dense\"");
    expect_error("%%MatrixMarket matrix array float general\n", "m.mtx:1: ", "\"float\"");
    expect_error("%%MatrixMarket matrix array real upper\n", "m.mtx:1: ", "\"upper\"");
    expect_error("%%MatrixMarket matrix array complex general\n", "m.mtx:1: ", "complex");
    expect_error("%%MatrixMarket matrix coordinate complex hermitian\n", "m.mtx:1: ", "complex");
    expect_error("%%MatrixMarket matrix coordinate real hermitian\n", "m.mtx:1: ", "complex");
    expect_error("%%MatrixMarket matrix array pattern general\n", "m.mtx:1: ", "contradicts");
    expect_error("%%MatrixMarket matrix coordinate pattern skew-symmetric\n", "m.mtx:1: ",
                 "contradicts");
    expect_error("\x1b[31m%%MatrixMarket\n", "m.mtx:1: ", "\"\\x1b[31m");
}

static void test_bad_sizes(void **state)
{
    (void)state;
    expect_error(REAL_GENERAL, "m.mtx:1: ", "ends before the size line");
    expect_error(REAL_GENERAL "%\n%\n", "m.mtx:3: ", "ends before the size line");
    expect_error(REAL_GENERAL "3 3\n", "m.mtx:2: ", "found 2 words");
    expect_error(ARRAY_REAL "3 3 9\n", "m.mtx:2: ", "found 3 words");
    expect_error(REAL_GENERAL "0 3 0\n", "m.mtx:2: ", "found \"0\"");
    expect_error(REAL_GENERAL "-1 3 0\n", "m.mtx:2: ", "found \"-1\"");
    expect_error(REAL_GENERAL "3 x 1\n", "m.mtx:2: ", "found \"x\"");
    expect_error(REAL_GENERAL "3 3 1.0\n", "m.mtx:2: ", "found \"1.0\"");
    expect_error(REAL_GENERAL "65537 1 1\n", "m.mtx:2: ", "from 1 to 65536");
    expect_error(REAL_GENERAL "4294967297 1 1\n", "m.mtx:2: ", "\"4294967297\"");
    expect_error(REAL_GENERAL "18446744073709551617 1 1\n", "m.mtx:2: ", "a number of rows");
    expect_error(REAL_GENERAL "1 1 99999999999999999999999\n", "m.mtx:2: ", "number of entries");
    expect_error(REAL_GENERAL "65536 65536 1\n", "m.mtx:2: ", "more than the limit of 16777216");
    expect_error(REAL_GENERAL "3 3 10\n", "m.mtx:2: ", "10 entries are promised");
    expect_error("%%MatrixMarket matrix array real symmetric\n2 3\n", "m.mtx:2: ", "square");
    expect_error("%%MatrixMarket matrix coordinate real symmetric\n3 3 7\n", "m.mtx:2: ",
                 "room for 6");
    expect_error("%%MatrixMarket matrix coordinate real skew-symmetric\n3 3 4\n", "m.mtx:2: ",
                 "room for 3");
}

static void test_bad_entries(void **state)
{
    (void)state;
    expect_error(REAL_GENERAL "3 3 1\n0 1 1\n", "m.mtx:3: ", "a row from 1 to 3, found \"0\"");
    expect_error(REAL_GENERAL "3 2 1\n\n% x\n3 3 1\n", "m.mtx:5: ", "a column from 1 to 2");
    expect_error(REAL_GENERAL "3 3 1\n4 1 1\n", "m.mtx:3: ", "found \"4\"");
    expect_error(REAL_GENERAL "3 3 1\n1 1\n", "m.mtx:3: ", "found 2 words");
    expect_error(REAL_GENERAL "3 3 1\n1 1 1 1\n", "m.mtx:3: ", "found 4 words");
    expect_error(REAL_GENERAL "3 3 1\n1 1 1 1 1 1 1 1\n", "m.mtx:3: ", "found 6 or more");
    expect_error(REAL_GENERAL "3 3 1\n1 1 abc\n", "m.mtx:3: ", "\"abc\"");
    expect_error(REAL_GENERAL "3 3 1\n1 1 1.5x\n", "m.mtx:3: ", "\"1.5x\"");
    expect_error(REAL_GENERAL "3 3 1\n1 1 1e\n", "m.mtx:3: ", "\"1e\"");
    expect_error(REAL_GENERAL "3 3 1\n1 1 1.0D+02\n", "m.mtx:3: ", "\"1.0D+02\"");
    expect_error(REAL_GENERAL "3 3 1\n1 1 0x10\n", "m.mtx:3: ", "\"0x10\"");
    expect_error(REAL_GENERAL "3 3 1\n1 1 nan\n", "m.mtx:3: ", "\"nan\"");
    expect_error(REAL_GENERAL "3 3 1\n1 1 -inf\n", "m.mtx:3: ", "\"-inf\"");
    expect_error(REAL_GENERAL "3 3 1\n1 1 1e999\n", "m.mtx:3: ", "too large");
    expect_error(REAL_GENERAL "3 3 1\n1 1 --1\n", "m.mtx:3: ", "\"--1\"");
    expect_error("%%MatrixMarket matrix array integer general\n1 1\n1.5\n", "m.mtx:3: ",
                 "a whole number");
    expect_error("%%MatrixMarket matrix coordinate pattern general\n1 1 1\n1 1 1\n", "m.mtx:3: ",
                 "found 3 words");
    expect_error(ARRAY_REAL "2 1\n1 2\n", "m.mtx:3: ", "one value on a line");
    expect_error(REAL_GENERAL "2 2 3\n1 1 1\n2 2 1\n1 1 1\n", "m.mtx:5: ",
                 "(1, 1) is given a second");
    expect_error("%%MatrixMarket matrix coordinate real symmetric\n2 2 1\n1 2 1\n", "m.mtx:3: ",
                 "(1, 2) is above the diagonal");
    expect_error("%%MatrixMarket matrix coordinate real skew-symmetric\n2 2 1\n2 2 1\n",
                 "m.mtx:3: ", "(2, 2) is on the diagonal");
    expect_error(REAL_GENERAL "1 1 1\n"
                 "1 1 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
                 "m.mtx:3: ", "aaaa...\"");
}

static void test_bad_counts(void **state)
{
    (void)state;
    expect_error(REAL_GENERAL "2 2 2\n1 1 1\n", "m.mtx:3: ",
                 "after 1 of the 2 entries that line 2");
    expect_error(REAL_GENERAL "2 2 1\n1 1 1\n\n2 2 7\n", "m.mtx:5: ", "after the last of the 1");
    expect_error(ARRAY_REAL "2 2\n1\n2\n3\n", "m.mtx:5: ", "after 3 of the 4");
    expect_error(ARRAY_REAL "2 2\n1\n2\n3\n4\n5\n", "m.mtx:7: ", "found \"5\" after the last");
    expect_error(ARRAY_REAL "2 2\n", "m.mtx:2: ", "after 0 of the 4");
}

static void test_not_text(void **state)
{
    static const char zero[] = REAL_GENERAL "1 1 1\n1 1 \0001\n";
    static const char elf[] = "\177ELF\1\1\1\0\0\0";
    struct mm_matrix m;

    (void)state;
    assert_int_equal(read_bytes(zero, sizeof(zero) - 1, &m), -1);
    assert_non_null(strstr(error, "zero byte"));
    assert_int_equal(read_bytes(elf, sizeof(elf) - 1, &m), -1);
    assert_non_null(strstr(error, "zero byte"));
    assert_int_equal(mm_load("/", &m, error), -1);
    assert_int_equal(mm_load("/no/such/file.mtx", &m, error), -1);
    assert_non_null(strstr(error, "--with"));
}

/* A valid file with random bytes changed, cut, doubled: a matrix or one message, nothing else. */
static void test_random_bytes(void **state)
{
    static const char good[] = "%%MatrixMarket matrix coordinate real symmetric\n% c\n4 4 5\n"
        "1 1 1.5\n2 1 -2e-3\n3 3 7\n4 1 0.25\n4 4 1\n";
    static const char letters[] = "0123456789 -+.eE\n\r\t%ax\0\377";
    uint32_t random = 1;

    (void)state;
    for (int turn = 0; turn < 20000; turn++) {
        char text[sizeof(good)];
        size_t length = sizeof(good) - 1;
        struct mm_matrix m;

        memcpy(text, good, sizeof(good));
        for (int change = turn % 5; change >= 0; change--) {
            random = random * 1664525u + 1013904223u;
            text[(random >> 8) % length] = letters[(random >> 20) % (sizeof(letters) - 1)];
        }
        if (turn % 7 == 0) {
            length = (random >> 5) % length;
        }
        if (read_bytes(text, length, &m) == 0) {
            mm_free(&m);
        } else {
            assert_memory_equal(error, "m.mtx:", 6);
            assert_null(strchr(error, '\n'));
        }
    }
}

static void test_shipped(void **state)
{
    struct mm_matrix m;
    uint32_t entries = 0;

    (void)state;
    assert_int_equal(mm_load("apps/data/ash219.mtx", &m, error), 0);
    assert_int_equal(m.rows, 219);
    assert_int_equal(m.cols, 85);
    for (uint32_t i = 0; i < m.rows * m.cols; i++) {
        entries += m.values[i] == 1.0;
    }
    assert_int_equal(entries, 438);
    mm_free(&m);
    assert_int_equal(mm_load("apps/data/west0479.mtx", &m, error), 0);
    assert_int_equal(m.rows, 479);
    assert_int_equal(m.cols, 479);
    assert_true(m.values[24] == 1.0 && m.values[30] == -.03764813);
    mm_free(&m);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats),      cmocka_unit_test(test_spellings),
        cmocka_unit_test(test_long_comment), cmocka_unit_test(test_bad_banners),
        cmocka_unit_test(test_bad_sizes),    cmocka_unit_test(test_bad_entries),
        cmocka_unit_test(test_bad_counts),   cmocka_unit_test(test_not_text),
        cmocka_unit_test(test_random_bytes), cmocka_unit_test(test_shipped),
    };

    return cmocka_run_group_tests_name("mm", tests, NULL, NULL);
}
