/* Files over COM2: begun, sent by credit, checked, seen by their program alone, gone with it; and
 * the area that they lie in, when it is full of holes. */
/* sources: kernel/console/launcher_files.c kernel/file.c kernel/format.c net/link_crc.c
            tests/unit/fake_panic.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/serial.h"
#include "kernel/console/launcher_files.h"
#include "kernel/file.h"
#include "kernel/print.h"
#include "mm/frame.h"
#include "net/link.h"

enum { AREA_BYTES = 40000 };
static uint8_t area[AREA_BYTES];
static struct boot_info boot;
static char why[128];

/* ---- what kernel/file.c stands on ------------------------------------------------------------ */

void *frame_pointer(paddr_t frame) {
    return (void *)(uintptr_t)("module bytes" + frame);
}

uint32_t frame_total_count(void) {
    return 0;
}

bool serial_present(enum serial_port port) {
    return port == SERIAL_COM1;
}

void *pool_alloc_boot(uint32_t bytes) {
    fail_msg("%u bytes of a pool that is not there", bytes);
    return NULL;
}

static int setup(void **state) {
    (void)state;
    for (uint32_t stream = 1; stream < 256; stream++) {
        launcher_files_drop((uint8_t)stream);
    }
    memset(&boot, 0, sizeof(boot));
    boot.modules_count = 1;
    boot.modules[0] = (struct boot_module){.start = 0, .end = 12, .name = "module"};
    file_start_with(&boot, area, sizeof(area));
    return 0;
}

static bool ask(uint8_t type, uint8_t stream, const void *bytes, uint32_t count) {
    struct channel_frame f = {type, stream, (uint16_t)count, bytes};

    return launcher_files_request(&f, why);
}

static bool begin_file(uint8_t stream, const char *name, uint32_t size) {
    uint8_t payload[100];

    memcpy(payload, &size, 4);
    memcpy(payload + 4, name, strlen(name));
    return ask(CHANNEL_FILE_BEGIN, stream, payload, 4 + (uint32_t)strlen(name));
}

/* Bytes of credit that the node tells now; 0: none. */
static uint32_t credit(uint8_t stream) {
    struct channel_frame f;
    uint8_t payload[4];
    uint32_t bytes;

    if (!launcher_files_take(&f, payload)) {
        return 0;
    }
    assert_int_equal(f.type, CHANNEL_FILE_CREDIT);
    assert_int_equal(f.stream, stream);
    assert_int_equal(f.payload_bytes, 4);
    memcpy(&bytes, f.payload, 4);
    return bytes;
}

/* A whole file as the host sends it. */
static void send_file(uint8_t stream, const char *name, const uint8_t *bytes, uint32_t size) {
    uint32_t crc = crc32_update(0, bytes, size), allowed = 0, sent = 0;

    assert_true(begin_file(stream, name, size));
    assert_true(launcher_files_coming(stream));
    while (sent < size) {
        allowed += credit(stream);
        uint32_t count = size - sent < 1000 ? size - sent : 1000;
        count = count < allowed ? count : allowed;
        assert_int_not_equal(count, 0);
        assert_true(ask(CHANNEL_FILE_DATA, stream, bytes + sent, count));
        sent += count;
        allowed -= count;
    }
    assert_true(ask(CHANNEL_FILE_END, stream, &crc, 4));
    assert_false(launcher_files_coming(stream));
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void files_are_their_sets(void **state) {
    uint8_t bytes[20000];
    char got[8] = "";

    (void)state;
    for (uint32_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(i * 7 + i / 256);
    }
    send_file(9, "prog", bytes, 17);
    send_file(9, "data", bytes, sizeof(bytes));
    assert_int_equal(file_find(0, "data"), FILE_NONE);
    assert_int_equal(file_find(8, "data"), FILE_NONE);
    uint32_t number = file_find(9, "data");
    assert_null(file_at(8, number));
    assert_null(file_at(9, FILE_NONE));
    assert_non_null(file_at(9, number));
    assert_memory_equal(file_at(9, number)->bytes, bytes, sizeof(bytes));
    assert_int_equal(file_read(9, number, 3, got, 4), 4);
    assert_memory_equal(got, bytes + 3, 4);
    assert_int_equal(file_read(9, number, sizeof(bytes) - 1, got, 4), 1);
    assert_int_equal(file_read(9, number, sizeof(bytes), got, 4), 0);
    assert_int_equal(file_read(8, number, 0, got, 4), -1);
    launcher_files_drop(9);
    assert_int_equal(file_area_free_bytes(), AREA_BYTES);
}

static void modules_are_everybodys_and_give_way(void **state) {
    char got[8] = "";

    (void)state;
    assert_int_equal(file_find(0, "module"), 0);
    assert_int_equal(file_find(3, "module"), 0);
    assert_int_equal(file_read(3, 0, 7, got, 8), 5);
    assert_memory_equal(got, "bytes", 5);
    send_file(3, "module", (const uint8_t *)"mine", 4);
    assert_int_not_equal(file_find(3, "module"), 0);
    assert_int_equal(file_find(4, "module"), 0);
    assert_false(begin_file(3, "module", 4)); /* twice the same name, and all of the set goes */
    assert_int_equal(file_find(3, "module"), 0);
}

/* The list is read like a file, in pieces of any length. */
static void the_list_of_files(void **state) {
    struct file_record whole[4], pieces[4];
    uint32_t at = 0;
    int32_t count;

    (void)state;
    send_file(3, "a", (const uint8_t *)"12", 2);
    send_file(4, "hidden", (const uint8_t *)"123", 3);
    send_file(3, "b", (const uint8_t *)"", 0);
    count = file_read(3, FILE_DIRECTORY, 0, whole, sizeof(whole));
    assert_int_equal(count, 3 * sizeof(whole[0]));
    assert_string_equal(whole[0].name, "b");
    assert_string_equal(whole[1].name, "a");
    assert_int_equal(whole[1].size, 2);
    assert_int_equal(whole[1].number, file_find(3, "a"));
    assert_string_equal(whole[2].name, "module");
    do {
        count = file_read(3, FILE_DIRECTORY, at, (uint8_t *)pieces + at, 1 + at % 7);
        at += (uint32_t)count;
    } while (count > 0);
    assert_int_equal(at, 3 * sizeof(whole[0]));
    assert_memory_equal(whole, pieces, at);
}

static void files_are_checked(void **state) {
    uint32_t wrong = 1;

    (void)state;
    assert_false(begin_file(3, "big", AREA_BYTES + 1));
    assert_memory_equal(why, "big (40 KB) does not fit: 39 of 39 KB", 37);
    assert_true(ask(CHANNEL_FILE_DATA, 3, "rest", 4)); /* of what was refused: ignored */
    assert_true(ask(CHANNEL_FILE_END, 3, &wrong, 4));
    assert_false(begin_file(3, "", 5));
    assert_false(begin_file(3, "a name of 64 bytes "
                               "---------------------------------------------", 5));
    assert_true(begin_file(3, "x", 10));
    assert_false(begin_file(3, "y", 10)); /* inside another one */
    assert_true(begin_file(3, "x", 10));
    assert_false(ask(CHANNEL_FILE_DATA, 3, "0", 1)); /* before the first credit */
    assert_true(begin_file(3, "x", 10));
    assert_int_equal(credit(3), 16384);
    assert_int_equal(credit(3), 0);
    assert_false(ask(CHANNEL_FILE_DATA, 3, "0123456789a", 11)); /* more than announced */
    assert_true(begin_file(3, "x", 10));
    assert_int_equal(credit(3), 16384);
    assert_true(ask(CHANNEL_FILE_DATA, 3, "01234", 5));
    assert_int_equal(file_find(3, "x"), FILE_NONE); /* not yet */
    wrong = crc32_update(0, (const uint8_t *)"01234", 5); /* half of it was lost */
    assert_false(ask(CHANNEL_FILE_END, 3, &wrong, 4));
    assert_memory_equal(why, "a file was damaged", 18);
    assert_int_equal(file_area_free_bytes(), AREA_BYTES);
}

static void programs_and_rows_are_few(void **state) {
    char name[8];

    (void)state;
    for (uint8_t stream = 1; stream <= 8; stream++) {
        assert_true(begin_file(stream, "x", 1));
    }
    assert_false(begin_file(9, "x", 1));
    setup(state);
    for (uint32_t i = 0; i < FILES_SENT_MAX; i++) {
        print_text(name, sizeof(name), "f%u", i);
        send_file((uint8_t)(1 + i % 4), name, (const uint8_t *)"1", 1);
    }
    assert_false(begin_file(5, "one more", 1));
    launcher_files_drop(2);
    assert_true(begin_file(5, "one more", 1));
}

/* Sets come and go in any order; each keeps its bytes, and what fits is taken. */
static void an_area_full_of_holes(void **state) {
    static uint8_t bytes[256][12000];
    uint32_t sizes[256] = {0}, packed = 0;

    (void)state;
    srand(5);
    for (uint32_t round = 0; round < 3000; round++) {
        uint8_t set = (uint8_t)(1 + rand() % 9);
        if (sizes[set] != 0) {
            const struct file *f = file_at(set, file_find(set, "file"));
            assert_non_null(f);
            assert_int_equal(f->size, sizes[set]);
            assert_memory_equal(f->bytes, bytes[set], sizes[set]);
            launcher_files_drop(set);
            sizes[set] = 0;
            continue;
        }
        uint32_t size = 1 + (uint32_t)rand() % 12000;
        bool fits = ((size + 15) & ~15u) <= file_area_free_bytes();
        for (uint32_t i = 0; i < size; i++) {
            bytes[set][i] = (uint8_t)rand();
        }
        if (!fits) {
            assert_false(begin_file(set, "file", size));
            continue;
        }
        send_file(set, "file", bytes[set], size);
        sizes[set] = size;
        packed++;
    }
    assert_true(packed > 500);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(files_are_their_sets, setup),
        cmocka_unit_test_setup(modules_are_everybodys_and_give_way, setup),
        cmocka_unit_test_setup(the_list_of_files, setup),
        cmocka_unit_test_setup(files_are_checked, setup),
        cmocka_unit_test_setup(programs_and_rows_are_few, setup),
        cmocka_unit_test_setup(an_area_full_of_holes, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
