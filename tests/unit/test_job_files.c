/* test_job_files.c: the file table of a job by Linux's rules, and rows found by a hash against a
 * model. */
/* sources: services/job_files.c services/rows.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "services/job_files.h"
#include "services/rows.h"
#include "tests/unit/pure_assert.h"

static struct job_files files;

static struct file_result call(uint32_t op, uint32_t a, uint32_t b, uint32_t c) {
    uint32_t arg[4] = {a, b, c, 0};

    return files_call(&files, op, arg);
}

static void test_streams(void **state) {
    (void)state;
    files_init(&files);
    for (uint32_t fd = 0; fd < 3; fd++) {
        struct file_result r = call(FILE_STAT, fd, 0, 0);
        assert_int_equal(r.result, 0);
        assert_int_equal(r.value, fd);
        assert_int_equal(r.value2, FILE_STREAM);
    }
    assert_int_equal(call(FILE_READ, 0, 10, 0).value2, FILE_STREAM);
    assert_int_equal(call(FILE_SEEK, 1, 0, 0).result, -ERR_SEEK_PIPE);
    assert_int_equal(call(FILE_STAT, 3, 0, 0).result, -ERR_BAD_FILE);
    assert_int_equal(call(FILE_STAT, 0xFFFFFFFFu, 0, 0).result, -ERR_BAD_FILE);
    assert_int_equal(call(FILE_DUP, 1, 0, 5).result, 5); /* 1 > 5 */
    assert_int_equal(call(FILE_STAT, 5, 0, 0).value, 1);
    assert_int_equal(call(FILE_CLOSE, 0, 0, 0).result, 0);
    assert_int_equal(call(FILE_CLOSE, 0, 0, 0).result, -ERR_BAD_FILE);
    assert_int_equal(call(FILE_OPEN, 7, 100, 0).result, 0); /* the lowest free number */
    assert_int_equal(call(77, 1, 0, 0).result, -ERR_NO_CALL);
}

static void test_reads_and_seeks(void **state) {
    (void)state;
    files_init(&files);
    assert_int_equal(call(FILE_OPEN, 7, 100, 0).result, 3);
    struct file_result r = call(FILE_READ, 3, 60, 0);
    assert_int_equal(r.result, 60);
    assert_int_equal(r.value, 0);
    assert_int_equal(r.value2, 7);
    assert_int_equal(call(FILE_DUP, 3, 0, 0xFFFFFFFFu).result, 4);
    r = call(FILE_READ, 4, 60, 0); /* a dup shares the offset */
    assert_int_equal(r.result, 40);
    assert_int_equal(r.value, 60);
    assert_int_equal(call(FILE_READ, 3, 60, 0).result, 0);
    assert_int_equal(call(FILE_SEEK, 3, (uint32_t)-30, 2).result, 70);
    assert_int_equal(call(FILE_SEEK, 4, (uint32_t)-10, 1).result, 60);
    assert_int_equal(call(FILE_SEEK, 3, (uint32_t)-1, 0).result, -ERR_INVALID);
    assert_int_equal(call(FILE_SEEK, 3, 0, 3).result, -ERR_INVALID);
    assert_int_equal(call(FILE_SEEK, 3, 0x7FFFFFFF, 1).result, -75);
    assert_int_equal(call(FILE_SEEK, 3, 1000, 0).result, 1000); /* past the end reads nothing */
    assert_int_equal(call(FILE_READ, 3, 1, 0).result, 0);
    assert_int_equal(call(FILE_CLOSE, 3, 0, 0).result, 0);
    assert_int_equal(call(FILE_SEEK, 4, 0, 1).result, 1000); /* the other number still has it */
}

static void test_table_full(void **state) {
    (void)state;
    files_init(&files);
    for (int fd = 3; fd < FILES_MAX; fd++) {
        assert_int_equal(call(FILE_OPEN, 1, 1, 0).result, fd);
    }
    assert_int_equal(call(FILE_OPEN, 1, 1, 0).result, -ERR_FILES_FULL);
    assert_int_equal(call(FILE_DUP, 3, 0, 0xFFFFFFFFu).result, -ERR_FILES_FULL);
    assert_int_equal(call(FILE_DUP, 3, FILES_MAX, 0xFFFFFFFFu).result, -ERR_INVALID);
    assert_int_equal(call(FILE_DUP, 3, 0, FILES_MAX).result, -ERR_BAD_FILE);
    assert_int_equal(call(FILE_DUP, 3, 0, 3).result, 3);
    assert_int_equal(call(FILE_DUP, 3, 0, 4).result, 4); /* closes what 4 was */
    assert_int_equal(call(FILE_CLOSE, 10, 0, 0).result, 0);
    assert_int_equal(call(FILE_DUP, 3, 5, 0xFFFFFFFFu).result, 10);
}

/* Opening, closing and dup at random never lose an opening: after closing all, all are free. */
static void test_random_never_leaks(void **state) {
    uint64_t dice = 12345;

    (void)state;
    files_init(&files);
    for (int i = 0; i < 20000; i++) {
        uint32_t fd = random_next(&dice) % FILES_MAX;
        uint32_t other = random_next(&dice) % FILES_MAX;
        switch (random_next(&dice) % 4) {
        case 0:
            call(FILE_OPEN, fd, 10, 0);
            break;
        case 1:
            call(FILE_CLOSE, fd, 0, 0);
            break;
        case 2:
            call(FILE_DUP, fd, 0, other);
            break;
        default:
            call(FILE_DUP, fd, other, 0xFFFFFFFFu);
        }
    }
    for (uint32_t fd = 0; fd < FILES_MAX; fd++) {
        call(FILE_CLOSE, fd, 0, 0);
        assert_int_equal(files.opening[fd].users == 0 || fd < FILES_MAX, 1);
    }
    for (uint32_t i = 0; i < FILES_MAX; i++) {
        assert_int_equal(files.opening[i].users, 0);
        assert_int_equal(files.fd[i], 0);
    }
}

/* ---- rows ------------------------------------------------------------------------------------ */

enum { ROWS = 37 };

static void test_rows(void **state) {
    struct rows *r = malloc(rows_bytes(ROWS));
    uint64_t key[ROWS] = {0};
    uint32_t used = 0;
    uint64_t dice = 99;

    (void)state;
    rows_init(r, ROWS);
    for (int i = 0; i < 20000; i++) {
        uint64_t wanted = random_next(&dice) % 60 + 1;
        uint32_t row = rows_first(r, rows_hash(1, wanted));
        while (row != ROW_NONE && key[row] != wanted) {
            row = rows_next(r, row);
        }
        if (row != ROW_NONE) {
            rows_give(r, rows_hash(1, wanted), row);
            key[row] = 0;
            used--;
            continue;
        }
        row = rows_take(r, rows_hash(1, wanted));
        assert_int_equal(row == ROW_NONE, used == ROWS);
        if (row != ROW_NONE) {
            assert_int_equal(key[row], 0);
            key[row] = wanted;
            used++;
        }
        assert_int_equal(r->used, used);
    }
    free(r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_streams),    cmocka_unit_test(test_reads_and_seeks),
        cmocka_unit_test(test_table_full), cmocka_unit_test(test_random_never_leaks),
        cmocka_unit_test(test_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
