/* kernel/elf.c: programs that may run, and every other file that somebody might give: each reason,
 * each truncation, each field at its limits, seeded damage. Files are exact-size copies, so a byte
 * read behind the end is found. */
/* sources: kernel/elf.c */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "adapt/base.h"
#include "kernel/elf.h"

/* Offsets of the file's fields [TIS ELF 1.2], apart from kernel/elf.c's own structs. */
enum {
    AT_CLASS = 4, AT_DATA = 5, AT_TYPE = 16, AT_MACHINE = 18, AT_ENTRY = 24, AT_PHOFF = 28,
    AT_PHENTSIZE = 42, AT_PHNUM = 44, HEADER = 52, ROW = 32,
    P_TYPE = 0, P_OFFSET = 4, P_VADDR = 8, P_FILESZ = 16, P_MEMSZ = 20, P_FLAGS = 24,
    LOAD = 1, DYNAMIC = 2, INTERP = 3, NOTE = 4, TLS = 7, GNU_STACK = 0x6474E551,
    X = 1, W = 2, R = 4,
    TEXT = 0x08048000, FILE_BYTES = 0x3000, ROWS = 6,
};
#define FIRST 0x110000u
#define LIMIT 0xBF7FF000u

static uint8_t file[FILE_BYTES];
static struct elf_image image;

static void put16(uint32_t at, uint32_t value) {
    file[at] = (uint8_t)value;
    file[at + 1] = (uint8_t)(value >> 8);
}

static void put32(uint32_t at, uint32_t value) {
    put16(at, value & 0xFFFF);
    put16(at + 2, value >> 16);
}

static uint32_t row_at(uint32_t row) {
    return HEADER + row * ROW;
}

static void put_row(uint32_t row, uint32_t type, uint32_t offset, uint32_t vaddr, uint32_t filesz,
                    uint32_t memsz, uint32_t flags) {
    const uint32_t word[8] = {type, offset, vaddr, vaddr, filesz, memsz, flags, 0x1000};

    for (uint32_t i = 0; i < 8; i++) {
        put32(row_at(row) + i * 4, word[i]);
    }
}

/* What lisse-cc makes: headers and text, constants, data with bss, thread-locals, a stack mark. */
static int make(void **state) {
    (void)state;
    for (uint32_t i = 0; i < FILE_BYTES; i++) {
        file[i] = (uint8_t)(i * 7);
    }
    memset(file, 0, HEADER + ROWS * ROW);
    memcpy(file, "\177ELF\1\1\1", 7);
    put16(AT_TYPE, 2);
    put16(AT_MACHINE, 3);
    put32(20, 1);
    put32(AT_ENTRY, TEXT + 0x800);
    put32(AT_PHOFF, HEADER);
    put16(40, HEADER);
    put16(AT_PHENTSIZE, ROW);
    put16(AT_PHNUM, ROWS);
    put_row(0, LOAD, 0, TEXT, 0x1500, 0x1500, R | X);
    put_row(1, LOAD, 0x1500, TEXT + 0x2500, 0x300, 0x300, R);
    put_row(2, LOAD, 0x1F00, TEXT + 0x3F00, 0x1000, 0x5000, R | W);
    put_row(3, NOTE, 0x1500, TEXT + 0x2500, 0x20, 0x20, R);
    put_row(4, TLS, 0x1F00, TEXT + 0x3F00, 0x10, 0x20, R);
    put_row(5, GNU_STACK, 0, 0, 0, 0, R | W);
    return 0;
}

/* Parses a copy of exactly `size` bytes. */
static const char *parse(uint32_t size, uint32_t limit) {
    uint8_t *copy = malloc(size != 0 ? size : 1);

    assert_non_null(copy);
    memcpy(copy, file, size);
    memset(&image, 0xEE, sizeof(image));
    const char *reason = elf_parse(&image, copy, size, limit);
    free(copy);
    return reason;
}

/* Whatever was accepted can be loaded: inside the file, below the limit, in order, apart. */
static void check_image(uint32_t size, uint32_t limit) {
    uint64_t end = FIRST;
    bool inside = false;

    assert_in_range(image.count, 1, ELF_SEGMENTS_MAX);
    for (uint32_t i = 0; i < image.count; i++) {
        const struct elf_segment *s = &image.segment[i];
        uint64_t last = (uint64_t)s->address + s->memory_bytes;
        assert_true(s->memory_bytes > 0 && s->file_bytes <= s->memory_bytes);
        assert_true((uint64_t)s->offset + s->file_bytes <= size);
        assert_true((s->address & ~0xFFFu) >= end && last <= limit);
        inside = inside || (s->executable && image.entry >= s->address && image.entry < last);
        end = (last + 0xFFF) & ~0xFFFull;
    }
    assert_true(inside);
}

static void accepted(void) {
    assert_null(parse(FILE_BYTES, LIMIT));
    check_image(FILE_BYTES, LIMIT);
}

/* Refused with a reason that has these words; the next step is in it too. */
static void refused(const char *words) {
    const char *reason = parse(FILE_BYTES, LIMIT);

    assert_non_null(reason);
    if (strstr(reason, words) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", reason, words);
    }
}

static void total(uint32_t size, uint32_t limit) {
    if (parse(size, limit) == NULL) {
        check_image(size, limit);
    }
}

/* ---- sound ----------------------------------------------------------------------------------- */

static void test_sound(void **state) {
    (void)state;
    accepted();
    assert_int_equal(image.entry, TEXT + 0x800);
    assert_int_equal(image.headers, TEXT + HEADER);
    assert_int_equal(image.header_count, ROWS);
    assert_int_equal(image.count, 3);
    const struct elf_segment *text = &image.segment[0], *data = &image.segment[2];
    assert_int_equal(text->address, TEXT);
    assert_true(text->readable && text->executable && !text->writable);
    assert_int_equal(data->address, TEXT + 0x3F00);
    assert_int_equal(data->offset, 0x1F00);
    assert_int_equal(data->file_bytes, 0x1000);
    assert_int_equal(data->memory_bytes, 0x5000);
    assert_true(data->readable && data->writable && !data->executable);
}

static void test_smallest(void **state) {
    (void)state;
    put16(AT_PHNUM, 1);
    put_row(0, LOAD, 0, FIRST, HEADER + ROW, HEADER + ROW, X);
    put32(AT_ENTRY, FIRST);
    assert_null(parse(HEADER + ROW, LIMIT));
    assert_int_equal(image.headers, FIRST + HEADER);
    put_row(0, LOAD, HEADER + ROW, LIMIT - 1, 0, 1, X); /* the last byte, of no bytes in the file */
    put32(AT_ENTRY, LIMIT - 1);
    assert_null(parse(HEADER + ROW, LIMIT));
    assert_int_equal(image.headers, 0); /* not in a segment */
}

/* ---- other kinds of files -------------------------------------------------------------------- */

static void test_other_files(void **state) {
    (void)state;
    memcpy(file, "#!/bin/sh\n", 10);
    refused("not an ELF file");
    make(NULL);
    file[3] ^= 1;
    refused("not an ELF file");
    make(NULL);
    file[AT_CLASS] = 2;
    refused("64-bit");
    put16(AT_MACHINE, 62);
    refused("64-bit");
    make(NULL);
    file[AT_CLASS] = 0;
    refused("another processor");
    make(NULL);
    file[AT_DATA] = 2;
    refused("another processor");
    make(NULL);
    put16(AT_MACHINE, 40); /* ARM */
    refused("another processor");
    make(NULL);
    put16(AT_TYPE, 3);
    refused("dynamic or position-independent");
    put16(AT_TYPE, 1);
    refused("object file");
    put16(AT_TYPE, 4);
    refused("object file");
}

static void test_dynamic(void **state) {
    (void)state;
    put32(row_at(3) + P_TYPE, INTERP);
    refused("-static");
    make(NULL);
    put32(row_at(5) + P_TYPE, DYNAMIC);
    refused("-static");
}

/* ---- truncated ------------------------------------------------------------------------------- */

static void test_truncated(void **state) {
    (void)state;
    for (uint32_t size = 0; size < FILE_BYTES; size++) {
        const char *reason = parse(size, LIMIT);
        if (size >= 0x1F00 + 0x1000) {
            assert_null(reason); /* only what nobody loads is missing */
            continue;
        }
        assert_non_null(reason);
        const char *words = size < HEADER ? "shorter than an ELF header" : "truncated";
        assert_non_null(strstr(reason, words));
    }
}

/* ---- segments -------------------------------------------------------------------------------- */

static void test_segments(void **state) {
    (void)state;
    put32(row_at(1) + P_VADDR, TEXT + 0x1400);
    refused("overlap");
    put32(row_at(1) + P_VADDR, TEXT + 0x1800); /* the last page of the text */
    refused("share a page");
    put32(row_at(1) + P_VADDR, TEXT - 0x1000);
    refused("out of order");
    put32(row_at(1) + P_VADDR, TEXT + 0x2000);
    accepted();
    put32(row_at(1) + P_VADDR, TEXT); /* twice the same */
    refused("overlap");
    make(NULL);
    put32(row_at(2) + P_FILESZ, 0x5001);
    refused("segment lies behind");
    put32(row_at(2) + P_FILESZ, 0x1000);
    put32(row_at(2) + P_MEMSZ, 0xFFF);
    refused("longer in the file than in memory");
    make(NULL);
    put32(row_at(1) + P_MEMSZ, 0);
    accepted(); /* an empty segment is none */
    assert_int_equal(image.count, 2);
}

static void test_addresses(void **state) {
    static const uint32_t memsz[] = {0x1000, 0xBF000000, 0xFFFFFFFF, LIMIT - TEXT - 0x3F00 + 1};

    (void)state;
    put32(row_at(0) + P_VADDR, 0);
    refused("outside");
    put32(row_at(0) + P_VADDR, FIRST - 1);
    refused("outside");
    make(NULL);
    for (uint32_t i = 1; i < 4; i++) {
        put32(row_at(2) + P_MEMSZ, memsz[i]);
        refused("outside");
    }
    put32(row_at(2) + P_MEMSZ, memsz[0]);
    put32(row_at(2) + P_VADDR, LIMIT);
    refused("outside");
    put32(row_at(2) + P_VADDR, 0xC0000000);
    refused("outside");
    put32(row_at(2) + P_VADDR, 0xFFFFFFFF);
    refused("outside");
    put32(row_at(2) + P_VADDR, LIMIT - 0x1000);
    accepted();
    put32(row_at(2) + P_VADDR, LIMIT - 0xFFF);
    refused("outside");
}

static void test_too_many(void **state) {
    (void)state;
    put16(AT_PHNUM, 17);
    for (uint32_t i = 0; i < 17; i++) {
        put_row(i, LOAD, 0, TEXT + i * 0x1000, 0x100, 0x100, R | X);
    }
    put32(AT_ENTRY, TEXT);
    refused("more than 16 segments");
    put16(AT_PHNUM, 16);
    accepted();
    assert_int_equal(image.count, 16);
}

/* ---- the program headers and the entry ------------------------------------------------------- */

static void test_program_headers(void **state) {
    static const uint32_t phoff[] = {FILE_BYTES, FILE_BYTES + 1, 0xFFFFFFFF, 0x80000000,
                                     FILE_BYTES - ROWS * ROW + 1, (uint32_t)-ROW};
    (void)state;
    for (uint32_t i = 0; i < sizeof(phoff) / sizeof(phoff[0]); i++) {
        put32(AT_PHOFF, phoff[i]);
        refused("program headers lie behind");
    }
    put32(AT_PHOFF, HEADER);
    put16(AT_PHNUM, 0);
    refused("no program headers");
    put16(AT_PHNUM, 0xFFFF);
    refused("program headers lie behind");
    make(NULL);
    put16(AT_PHENTSIZE, 31);
    refused("no program headers");
    make(NULL);
    for (uint32_t i = 0; i < ROWS; i++) {
        put32(row_at(i) + P_TYPE, NOTE);
    }
    refused("begins outside its own code"); /* nothing to load */
}

static void test_entry(void **state) {
    static const uint32_t outside[] = {0, TEXT - 1, TEXT + 0x1500, TEXT + 0x2500, TEXT + 0x3F00,
                                       0xFFFFFFFF, LIMIT};
    (void)state;
    for (uint32_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
        put32(AT_ENTRY, outside[i]);
        refused("begins outside its own code");
    }
    put32(AT_ENTRY, TEXT);
    accepted();
    put32(AT_ENTRY, TEXT + 0x14FF);
    accepted();
}

/* ---- anything -------------------------------------------------------------------------------- */

/* Every 16-bit and 32-bit field of the headers at every value that may be special. */
static void test_hostile_fields(void **state) {
    static const uint32_t special[] = {
        0, 1, 2, 3, 31, 32, 33, 0x7F, 0x80, 0xFF, 0xFFF, 0x1000, 0x1001, FILE_BYTES - 1, FILE_BYTES,
        FILE_BYTES + 1, 0x7FFF, 0x8000, 0xFFFF, TEXT, TEXT + 0x1500, 0x7FFFFFFF, 0x80000000,
        LIMIT - 1, LIMIT, LIMIT + 1, 0xFFFFF000, 0xFFFFFFF0, 0xFFFFFFFF};
    (void)state;
    for (uint32_t at = 0; at < HEADER + ROWS * ROW; at += 2) {
        for (uint32_t i = 0; i < sizeof(special) / sizeof(special[0]); i++) {
            make(NULL);
            put16(at, special[i] & 0xFFFF);
            total(FILE_BYTES, LIMIT);
            if (at % 4 == 0) {
                put32(at, special[i]);
                total(FILE_BYTES, LIMIT);
                total(HEADER + ROWS * ROW, LIMIT);
            }
        }
    }
}

static void test_every_byte(void **state) {
    (void)state;
    for (uint32_t at = 0; at < HEADER + ROWS * ROW; at++) {
        for (uint32_t value = 0; value < 256; value++) {
            make(NULL);
            file[at] = (uint8_t)value;
            total(FILE_BYTES, LIMIT);
        }
    }
}

/* Damage by seed: 1 to 8 bytes of the headers, any length, other limits. */
static void test_damage(void **state) {
    uint64_t random = 7;
    uint32_t sound = 0;

    (void)state;
    for (uint32_t seed = 0; seed < 60000; seed++) {
        make(NULL);
        for (uint32_t k = 1 + random_next(&random) % 8; k != 0; k--) {
            uint32_t at = random_next(&random) % (HEADER + ROWS * ROW);
            uint32_t flipped = file[at] ^ 1u << k % 8;
            file[at] = (uint8_t)(random_next(&random) % 3 ? random_next(&random) : flipped);
        }
        bool cut = random_next(&random) % 2;
        uint32_t size = cut ? random_next(&random) % (FILE_BYTES + 1) : FILE_BYTES;
        uint32_t limit = random_next(&random) % 4 ? LIMIT : random_next(&random);
        total(size, limit);
        sound += parse(FILE_BYTES, LIMIT) == NULL;
    }
    assert_in_range(sound, 1000, 59000); /* both ways are walked */
}

static void test_noise(void **state) {
    uint64_t random = 11;

    (void)state;
    for (uint32_t seed = 0; seed < 20000; seed++) {
        for (uint32_t i = 0; i < 400; i++) {
            file[i] = (uint8_t)random_next(&random);
        }
        if (seed % 2) {
            memcpy(file, "\177ELF\1\1\1", 7);
            put16(AT_TYPE, 2);
            put16(AT_MACHINE, 3);
            put16(AT_PHENTSIZE, ROW);
            put16(AT_PHNUM, seed % 7);
            put32(AT_PHOFF, random_next(&random) % 300);
        }
        total(random_next(&random) % 400, LIMIT);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_sound, make),
        cmocka_unit_test_setup(test_smallest, make),
        cmocka_unit_test_setup(test_other_files, make),
        cmocka_unit_test_setup(test_dynamic, make),
        cmocka_unit_test_setup(test_truncated, make),
        cmocka_unit_test_setup(test_segments, make),
        cmocka_unit_test_setup(test_addresses, make),
        cmocka_unit_test_setup(test_too_many, make),
        cmocka_unit_test_setup(test_program_headers, make),
        cmocka_unit_test_setup(test_entry, make),
        cmocka_unit_test_setup(test_hostile_fields, make),
        cmocka_unit_test_setup(test_every_byte, make),
        cmocka_unit_test_setup(test_damage, make),
        cmocka_unit_test_setup(test_noise, make),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
