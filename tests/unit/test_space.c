/* Address spaces: rights, replacement, TLB flushes exactly when needed, no frame lost, out of
 * memory. */
/* sources: mm/space.c tests/unit/fake_panic.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "mm/frame.h"
#include "mm/paging.h"
#include "mm/paging_bits.h"
#include "tests/unit/fake_panic.h"

/* ---- the rest of mm/, faked
 * -------------------------------------------------------------------- */

enum { FRAMES = 64 };

uint32_t paging_kernel_directory[PAGING_ENTRIES];
static uint8_t frames[FRAMES][FRAME_BYTES];
static bool taken[FRAMES];
static uint32_t taken_count, frames_max, flushes, last_flush, loads;
static paddr_t loaded;

paddr_t frame_alloc(void) {
    for (uint32_t i = 1; i < FRAMES && taken_count < frames_max; i++) {
        if (!taken[i]) {
            taken[i] = true;
            taken_count++;
            memset(frames[i], 0xEE, FRAME_BYTES);
            return i * FRAME_BYTES;
        }
    }
    return 0;
}

void frame_free(paddr_t frame) {
    assert_true(taken[frame / FRAME_BYTES]);
    taken[frame / FRAME_BYTES] = false;
    taken_count--;
}

uint32_t frame_free_count(void) {
    return frames_max - taken_count;
}

void *frame_pointer(paddr_t frame) {
    return frames[frame / FRAME_BYTES];
}

paddr_t kernel_paddr(const void *bytes) {
    assert_ptr_equal(bytes, paging_kernel_directory);
    return 0xABC000;
}

void paging_flush(uint32_t address) {
    flushes++;
    last_flush = address;
}

void paging_load(paddr_t directory) {
    loads++;
    loaded = directory;
}

static int start(void **state) {
    frames_max = FRAMES;
    flushes = loads = 0;
    return 0;
}

static int end(void **state) {
    space_activate(NULL);
    return taken_count == 0 ? 0 : -1; /* every frame came back */
}

/* ---- tests
 * -------------------------------------------------------------------------------------- */

static void rights(void **state) {
    static const uint32_t addresses[] = {0x110000, 0x3FF000, 0x400000, 0x8048000, 0xBFFFF000};
    struct space *s;
    assert_int_equal(space_create(&s), 0);
    for (size_t i = 0; i < 5; i++) {
        uint32_t v = addresses[i];
        assert_int_equal(space_right(s, v), RIGHT_NONE);
        assert_int_equal(space_paddr(s, v), 0);
        assert_int_equal(space_map(s, v, 0x700000, RIGHT_READ), 0);
        assert_int_equal(space_right(s, v + 123), RIGHT_READ);
        assert_int_equal(space_map(s, v, 0x701000, RIGHT_WRITE), 0);
        assert_int_equal(space_right(s, v), RIGHT_WRITE);
        assert_int_equal(space_paddr(s, v + 0xFFF), 0x701000);
        assert_int_equal(space_map(s, v, 0, RIGHT_NONE), 0);
        assert_int_equal(space_right(s, v), RIGHT_NONE);
    }
    assert_int_equal(flushes, 0); /* it was never active */
    assert_int_equal(space_right(s, 0xC0000000u), RIGHT_NONE);
    assert_int_equal(space_paddr(s, UINT32_MAX), 0);
    space_unmap(s, 0xC0000000u);
    space_destroy(s);
}

static void flushes_when_active(void **state) {
    struct space *s, *other;
    assert_int_equal(space_create(&s), 0);
    assert_int_equal(space_create(&other), 0);
    space_activate(s);
    space_activate(s);
    assert_int_equal(loads, 1);
    assert_int_equal(space_map(s, 0x115000, 0x9000, RIGHT_READ), 0);
    assert_int_equal(flushes, 0); /* nothing was there */
    assert_int_equal(space_map(other, 0x115000, 0xA000, RIGHT_WRITE), 0);
    space_unmap(other, 0x115000);
    assert_int_equal(flushes, 0);
    assert_int_equal(space_map(s, 0x115000, 0x9000, RIGHT_WRITE), 0);
    assert_int_equal(flushes, 1);
    assert_int_equal(last_flush, 0x115000);
    space_unmap(s, 0x115000);
    assert_int_equal(flushes, 2);
    space_unmap(s, 0x115000);
    space_unmap(s, 0x80000000u);
    assert_int_equal(flushes, 2);
    space_destroy(s); /* the kernel's map takes over */
    assert_int_equal(loads, 2);
    assert_int_equal(loaded, 0xABC000);
    space_destroy(other);
    assert_int_equal(loads, 2);
}

static void kernel_part_is_shared(void **state) {
    struct space *s;
    memset(paging_kernel_directory, 0, sizeof paging_kernel_directory);
    paging_kernel_directory[PAGING_KERNEL_FIRST] = 0x1003;
    assert_int_equal(space_create(&s), 0);
    space_activate(s);
    const uint32_t *directory = frame_pointer(loaded);
    assert_int_equal(directory[PAGING_KERNEL_FIRST], 0x1003);
    for (uint32_t i = 0; i < PAGING_KERNEL_FIRST; i++) {
        assert_int_equal(directory[i], 0);
    }
    paging_kernel_directory[1000] = 0x2003;
    space_share_kernel(1000);
    assert_int_equal(directory[1000], 0x2003);
    space_destroy(s);
}

static void out_of_memory(void **state) {
    struct space *s, *t;
    frames_max = SPACES_MAX + 1; /* all directories and one page table */
    assert_int_equal(space_create(&s), 0);
    assert_int_equal(space_map(s, 0x110000, 0x9000, RIGHT_READ), 0);
    assert_int_equal(space_map(s, 0x400000, 0x9000, RIGHT_READ), PAGING_NO_MEMORY);
    assert_int_equal(space_prepare(s, 0x400000), PAGING_NO_MEMORY);
    assert_int_equal(space_prepare(s, 0x3FF000), 0);
    assert_int_equal(space_map(s, 0x111000, 0x9000, RIGHT_WRITE), 0);
    assert_int_equal(space_create(&t), 0);
    space_destroy(t);
    frames_max = SPACES_MAX + 2;
    assert_int_equal(space_prepare(s, 0x400000), 0);
    assert_int_equal(space_map(s, 0x400000, 0x9000, RIGHT_READ), 0);
    space_destroy(s);
}

static void so_many_spaces(void **state) {
    struct space *s[SPACES_MAX], *more;
    for (uint32_t i = 0; i < SPACES_MAX; i++) {
        assert_int_equal(space_create(&s[i]), 0);
        assert_int_equal(space_map(s[i], 0x110000, (i + 1) * FRAME_BYTES, RIGHT_READ), 0);
    }
    assert_int_equal(space_create(&more), PAGING_NO_MEMORY);
    for (uint32_t i = 0; i < SPACES_MAX; i++) {
        assert_int_equal(space_paddr(s[i], 0x110000), (i + 1) * FRAME_BYTES);
        space_destroy(s[i]);
    }
}

static void our_own_mistakes_panic(void **state) {
    struct space *s;
    assert_int_equal(space_create(&s), 0);
    PANIC_EXPECTED(space_map(s, 0x110001, 0x9000, RIGHT_READ));
    PANIC_EXPECTED(space_map(s, 0x0, 0x9000, RIGHT_READ));
    PANIC_EXPECTED(space_map(s, 0xC0000000u, 0x9000, RIGHT_READ));
    PANIC_EXPECTED(space_map(s, 0x110000, 0x9001, RIGHT_READ));
    space_destroy(s);
    PANIC_EXPECTED(space_destroy(s));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rights, start, end),
        cmocka_unit_test_setup_teardown(flushes_when_active, start, end),
        cmocka_unit_test_setup_teardown(kernel_part_is_shared, start, end),
        cmocka_unit_test_setup_teardown(out_of_memory, start, end),
        cmocka_unit_test_setup_teardown(so_many_spaces, start, end),
        cmocka_unit_test_setup_teardown(our_own_mistakes_panic, start, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
