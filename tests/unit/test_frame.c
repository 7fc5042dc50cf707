/* Frames: what is RAM, what is taken, runs, the user pool; for small and big PCs. frame.c has
 * static state, so each machine is a child process. */
/* sources: mm/frame.c tests/unit/fake_direct.c tests/unit/fake_panic.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "boot/bootinfo.h"
#include "mm/frame.h"
#include "tests/unit/fake_panic.h"

#define MB (1ull << 20)

static struct boot_info info;

static void region(uint64_t base, uint64_t length, uint32_t type) {
    info.regions[info.regions_count++] = (struct boot_region){base, length, type};
}

static void module(paddr_t start, paddr_t end) {
    info.modules[info.modules_count++] = (struct boot_module){.start = start, .end = end};
}

/* A PC as QEMU shows it, with so much memory below the PCI hole. */
static void machine(uint64_t bytes) {
    region(0, 0x9FC00, BOOT_REGION_RAM);
    region(0xF0000, 0x10000, BOOT_REGION_RESERVED);
    region(MB, bytes - MB - 0x20000, BOOT_REGION_RAM);
    region(bytes - 0x20000, 0x20000, BOOT_REGION_RESERVED);
    region(4096 * MB - 0x40000, 0x40000, BOOT_REGION_RESERVED);
}

/* Run the body in a child; it leaves by _exit(0) when all is well. */
#define MACHINE(body)                                                                              \
    do {                                                                                           \
        pid_t child = fork();                                                                      \
        if (child == 0) {                                                                          \
            body;                                                                                  \
            _exit(0);                                                                              \
        }                                                                                          \
        int status;                                                                                \
        assert_int_equal(waitpid(child, &status, 0), child);                                       \
        assert_int_equal(status, 0);                                                               \
    } while (0)

/* In the child: cmocka's jumps belong to the parent. */
#define CHECK(cond)                                                                                \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            dprintf(2, "%s:%d: %s\n", __FILE__, __LINE__, #cond);                                  \
            _exit(1);                                                                              \
        }                                                                                          \
    } while (0)

static void small_body(void) {
    machine(64 * MB);
    module(0x200800, 0x201801); /* three frames, not aligned */
    frame_init(&info);
    uint32_t expected = (64 - 1) * 256 - 0x20 - (0x181 - 0x100) - 2;
    CHECK(frame_free_count() == expected && frame_total_count() == expected);
    CHECK(direct_map_end() == 64 * MB - 0x20000);
    static uint8_t seen[16384];
    for (uint32_t i = 0; i < expected; i++) {
        paddr_t f = frame_alloc();
        CHECK(f >= 0x181000 && f < direct_map_end() && f % FRAME_BYTES == 0);
        CHECK(f + FRAME_BYTES <= 0x200000 || f >= 0x202000);
        CHECK(!seen[f / FRAME_BYTES]++);
    }
    CHECK(frame_alloc() == 0 && frame_free_count() == 0);
    frame_free(0x300000);
    CHECK(frame_alloc() == 0x300000);
}

static void small_machine(void **state) {
    MACHINE(small_body());
}

static void runs_body(void) {
    machine(64 * MB);
    module(0x400000, 0x500000);
    frame_init(&info);
    paddr_t paddr;
    uint8_t *bytes = pool_alloc_boot(3 << 20); /* does not fit before the module */
    CHECK(kernel_paddr(bytes) == 0x500000);
    for (uint32_t i = 0; i < 3 << 20; i++) {
        CHECK(bytes[i] == 0);
    }
    CHECK(dma_alloc(5000, 65536, &paddr) != NULL && paddr == 0x190000);
    CHECK(dma_alloc(1, 16, &paddr) == frame_pointer(0x181000) && paddr == 0x181000);
    CHECK(pool_bytes() == (3 << 20) + 3 * FRAME_BYTES);
    CHECK(frame_alloc() == 0x182000);
}

static void runs(void **state) {
    MACHINE(runs_body());
}

static void user_pool_body(void) {
    machine(3072 * MB);
    module(0x80000000u, 0x80001001u); /* above the direct map */
    frame_init(&info);
    CHECK(direct_map_end() == DIRECT_MAP_BYTES);
    uint32_t before = frame_free_count(), total = frame_total_count();
    CHECK(total == (3072 - 1) * 256 - 0x20 - 0x81 - 2);
    uint32_t count = frame_user_reserve(UINT32_MAX);
    CHECK(count == frame_user_count() && frame_free_count() == 4096); /* 16 MB for the kernel */
    CHECK(count + 4096 + pool_bytes() / FRAME_BYTES == total && before > 4096);
    uint32_t high = 0;
    uint8_t *seen = calloc(1, 1 << 20);
    for (uint32_t i = 0; i < count; i++) {
        paddr_t f = frame_user(i);
        CHECK(f != 0x80000000u && f != 0x80001000u && !seen[f / FRAME_BYTES]++);
        CHECK(f < DIRECT_MAP_BYTES || i == high);
        high += f >= DIRECT_MAP_BYTES ? 1 : 0; /* those come first */
    }
    CHECK(high == (3072 - 768) * 256 - 0x20 - 2);
    free(seen);
}

static void user_pool(void **state) {
    MACHINE(user_pool_body());
}

static void user_pool_small_body(void) {
    machine(16 * MB);
    frame_init(&info);
    CHECK(frame_user_reserve(1000) == 1000);
    CHECK(frame_user(0) == 16 * MB - 0x21000); /* from the top */
}

static void user_pool_small(void **state) {
    MACHINE(user_pool_small_body());
}

/* RAM above 4 GB, overlapping areas, areas that are not page-aligned, an area of nothing but
 * edges. */
static void odd_map_body(void) {
    region(4096 * MB, 4096 * MB, BOOT_REGION_RAM);
    region(MB + 1, 31 * MB - 2, BOOT_REGION_RAM);
    region(MB, 16 * MB, BOOT_REGION_RAM);
    region(8 * MB + 100, 1, BOOT_REGION_RESERVED);
    region(40 * MB + 100, 3900, BOOT_REGION_RAM);
    region((1ull << 52) - 1, 1, BOOT_REGION_RESERVED);
    frame_init(&info);
    CHECK(frame_total_count() == 31 * 256 - 1 - 0x81 - 1);
    CHECK(direct_map_end() == 32 * MB - FRAME_BYTES);
}

static void odd_map(void **state) {
    MACHINE(odd_map_body());
}

static void too_little_body(void) {
    machine(8 * MB);
    fake_panic_expected = true;
    if (setjmp(fake_panic_return) == 0) {
        frame_init(&info);
        _exit(1);
    }
    CHECK(strstr(fake_panic_text, "add memory") != NULL);
}

static void too_little(void **state) {
    MACHINE(too_little_body());
}

static void double_free_body(void) {
    machine(64 * MB);
    frame_init(&info);
    paddr_t f = frame_alloc();
    frame_free(f);
    fake_panic_expected = true;
    if (setjmp(fake_panic_return) == 0) {
        frame_free(f);
        _exit(1);
    }
}

static void double_free(void **state) {
    MACHINE(double_free_body());
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_machine),   cmocka_unit_test(runs),    cmocka_unit_test(user_pool),
        cmocka_unit_test(user_pool_small), cmocka_unit_test(odd_map), cmocka_unit_test(too_little),
        cmocka_unit_test(double_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
