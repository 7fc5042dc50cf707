/* test_job_map.c: the map of a job against a model of one byte per page, and Linux's rules one by
 * one. */
/* sources: services/job_map.c services/job_area.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "services/job_map.h"
#include "tests/unit/pure_assert.h"

enum { MODEL_PAGES = USER_END_PAGE, UNMAPPED = 0xFF };

static struct job_map map;
static struct map_plan plan;
static uint8_t model[MODEL_PAGES];
static uint32_t born[MODEL_PAGES]; /* birth of the area that holds the page */

static int fresh(void **state) {
    (void)state;
    map_init(&map);
    memset(model, UNMAPPED, sizeof(model));
    memset(born, 0, sizeof(born));
    return 0;
}

static int32_t call(uint32_t op, uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
    uint32_t arg[4] = {a, b, c, d};

    return map_begin(&map, op, arg, &plan);
}

static bool is_error(int32_t result) {
    return result < 0 && result > -4096;
}

/* The lists are sorted, without overlap, inside user space, and neighbours that could be one are
 * one. */
static void check_list(const struct area_list *l) {
    page_no end = 0;

    assert_true(l->count <= AREAS_MAX);
    for (uint32_t i = 0; i < l->count; i++) {
        const struct area *a = &l->area[i];
        assert_true(a->pages > 0 && a->first >= end);
        assert_true(a->first + a->pages <= USER_END_PAGE);
        if (i > 0 && end == a->first) {
            const struct area *b = &l->area[i - 1];
            assert_true(a->prot != b->prot || a->birth != b->birth);
        }
        end = a->first + a->pages;
    }
}

static void check_model(void) {
    page_no page = 0;

    check_list(&map.areas);
    for (uint32_t i = 0; i <= map.areas.count; i++) {
        const struct area *a = i < map.areas.count ? &map.areas.area[i] : NULL;
        page_no first = a != NULL ? a->first : USER_END_PAGE;
        for (; page < first; page++) {
            assert_int_equal(model[page], UNMAPPED);
        }
        for (; a != NULL && page < a->first + a->pages; page++) {
            assert_int_equal(model[page], a->prot);
        }
    }
}

static void model_set(page_no first, uint32_t pages, uint8_t prot) {
    memset(&model[first], prot, pages);
}

/* ---- rules ----------------------------------------------------------------------------------- */

static void test_mmap_rules(void **state) {
    (void)state;
    assert_int_equal(call(MAP_MMAP, 0, 0, 3, 0), -ERR_INVALID);
    assert_int_equal(call(MAP_MMAP, 0x1001, 4096, 3, MAP_FLAG_FIXED), -ERR_INVALID);
    assert_int_equal(call(MAP_MMAP, 0, 4096, 3, MAP_FLAG_FIXED), -ERR_PERMISSION);
    assert_int_equal(call(MAP_MMAP, 0xC0000000u, 4096, 3, MAP_FLAG_FIXED), -ERR_NO_MEMORY);
    assert_int_equal(call(MAP_MMAP, 0xBFFFF000u, 8192, 3, MAP_FLAG_FIXED), -ERR_NO_MEMORY);
    assert_int_equal(call(MAP_MMAP, 0, 0xFFFFFFFFu, 3, 0), -ERR_NO_MEMORY);
    assert_int_equal(map.areas.count, 0);
    assert_int_equal((uint32_t)call(MAP_MMAP, 0, 1, 3, 0), 0xAFFFF000u);
    assert_int_equal((uint32_t)call(MAP_MMAP, 0, 4097, 3, 0), 0xAFFFD000u);
    assert_int_equal(map.areas.count, 1); /* growth after growth is one area */
    assert_int_equal((uint32_t)call(MAP_MMAP, 0x50000123u, 4096, 1, 0), 0x50000000u);
    assert_int_equal((uint32_t)call(MAP_MMAP, 0x50000000u, 4096, 1, 0), 0xAFFFC000u);
    assert_int_equal(call(MAP_MMAP, 0x50000000u, 4096, 1, MAP_FLAG_NOREPLACE), -ERR_EXISTS);
    assert_int_equal(plan.pages, 0);
    assert_int_equal((uint32_t)call(MAP_MMAP, 0xBFFFF000u, 4096, 3, MAP_FLAG_FIXED), 0xBFFFF000u);
    check_list(&map.areas);
}

static void test_fixed_replaces_in_two_steps(void **state) {
    (void)state;
    call(MAP_MMAP, 0x50000000u, 0x4000, 3, MAP_FLAG_FIXED);
    uint32_t birth = map.areas.area[0].birth;
    assert_int_equal((uint32_t)call(MAP_MMAP, 0x50001000u, 0x2000, 1, MAP_FLAG_FIXED), 0x50001000u);
    assert_int_equal(plan.first, 0x50001);
    assert_int_equal(plan.pages, 2);
    assert_true(plan.gone);
    assert_null(area_find(&map.areas, 0x50001));
    map_finish(&map, &plan);
    const struct area *a = area_find(&map.areas, 0x50002);
    assert_non_null(a);
    assert_int_equal(a->prot, 1);
    assert_true(a->birth > map.gone_at && a->birth > birth);
    assert_int_equal(area_find(&map.areas, 0x50003)->birth, birth);
}

static void test_brk_rules(void **state) {
    (void)state;
    assert_int_equal(call(MAP_BRK, 0x5000, 0, 0, 0), 0); /* no heap yet */
    assert_int_equal(call(MAP_SEGMENT, 0x08048010u, 0x1000, 3, 1), 0x08048000);
    assert_int_equal(call(MAP_BRK, 0, 0, 0, 0), 0x0804A000);
    assert_int_equal(call(MAP_BRK, 0x0804A123u, 0, 0, 0), 0x0804A123);
    assert_non_null(area_find(&map.areas, 0x0804A));
    uint32_t birth = area_find(&map.areas, 0x0804A)->birth;
    assert_int_equal(call(MAP_BRK, 0x0804B000u, 0, 0, 0), 0x0804B000); /* within the page */
    assert_int_equal(call(MAP_BRK, 0x0804E000u, 0, 0, 0), 0x0804E000);
    assert_int_equal(area_find(&map.areas, 0x0804D)->birth, birth);
    assert_int_equal(call(MAP_BRK, 0x0804C001u, 0, 0, 0), 0x0804C001);
    assert_int_equal(plan.first, 0x0804D);
    assert_int_equal(plan.pages, 1);
    assert_int_equal(call(MAP_BRK, 0x0804E000u, 0, 0, 0), 0x0804E000);
    assert_true(area_find(&map.areas, 0x0804D)->birth > birth); /* zero again, and told apart */
    assert_int_equal(call(MAP_BRK, 0x08000000u, 0, 0, 0), 0x0804E000); /* below the start */
    assert_int_equal(call(MAP_BRK, 0xC0000001u, 0, 0, 0), 0x0804E000);
    call(MAP_MMAP, 0x08050000u, 4096, 3, MAP_FLAG_FIXED);
    assert_int_equal(call(MAP_BRK, 0x08051000u, 0, 0, 0), 0x0804E000); /* something is in the way */
    assert_int_equal(call(MAP_BRK, 0x08050000u, 0, 0, 0), 0x08050000);
}

static void test_munmap_rules(void **state) {
    (void)state;
    assert_int_equal(call(MAP_MUNMAP, 0x1001, 4096, 0, 0), -ERR_INVALID);
    assert_int_equal(call(MAP_MUNMAP, 0x1000, 0, 0, 0), -ERR_INVALID);
    assert_int_equal(call(MAP_MUNMAP, 0xBFFFF000u, 8192, 0, 0), -ERR_INVALID);
    assert_int_equal(call(MAP_MUNMAP, 0x1000, 4096, 0, 0), 0); /* nothing there: nothing to do */
    assert_int_equal(plan.pages, 0);
    call(MAP_MMAP, 0x50000000u, 0x3000, 3, MAP_FLAG_FIXED);
    assert_int_equal(call(MAP_MUNMAP, 0x4FFFF000u, 0x2000, 0, 0), 0);
    assert_int_equal(plan.pages, 2);
    assert_int_equal(map.areas.area[0].first, 0x50001);
}

static void test_mprotect_rules(void **state) {
    (void)state;
    call(MAP_MMAP, 0x50000000u, 0x4000, 0, MAP_FLAG_FIXED);
    assert_int_equal(call(MAP_MPROTECT, 0x50000001u, 4096, 3, 0), -ERR_INVALID);
    assert_int_equal(call(MAP_MPROTECT, 0x50000000u, 4096, 8, 0), -ERR_INVALID);
    assert_int_equal(call(MAP_MPROTECT, 0x50000000u, 0, 3, 0), 0);
    assert_int_equal(call(MAP_MPROTECT, 0x50000000u, 0x5000, 3, 0), -ERR_NO_MEMORY);
    assert_int_equal(call(MAP_MPROTECT, 0x50001000u, 0x3000, 3, 0), 0);
    assert_int_equal(plan.pages, 0); /* looser: nodes learn it when they fault */
    assert_int_equal(map.areas.count, 2);
    assert_int_equal(call(MAP_MPROTECT, 0x50001000u, 0x1000, 4, 0), 0);
    assert_int_equal(plan.pages, 1);
    assert_false(plan.gone);
    assert_int_equal(plan.prot, 4);
    assert_int_equal(call(MAP_MPROTECT, 0x50000000u, 0x4000, 0, 0), 0);
    assert_int_equal(plan.pages, 4);
    assert_int_equal(map.areas.count, 1); /* births are equal: one area again */
}

static void test_mremap_rules(void **state) {
    (void)state;
    call(MAP_MMAP, 0x50000000u, 0x4000, 3, MAP_FLAG_FIXED);
    call(MAP_MMAP, 0x50006000u, 0x1000, 3, MAP_FLAG_FIXED);
    assert_int_equal(call(MAP_MREMAP, 0x50000001u, 4096, 8192, 0), -ERR_INVALID);
    assert_int_equal(call(MAP_MREMAP, 0x50000000u, 4096, 0, 0), -ERR_INVALID);
    assert_int_equal(call(MAP_MREMAP, 0x60000000u, 4096, 8192, 0), -ERR_FAULT);
    assert_int_equal(call(MAP_MREMAP, 0x50000000u, 0x5000, 0x6000, 0), -ERR_FAULT);
    assert_int_equal(call(MAP_MREMAP, 0x50000000u, 0x4000, 0x6000, 0), 0x50000000);
    assert_int_equal(call(MAP_MREMAP, 0x50000000u, 0x6000, 0x7000, 0), -ERR_NO_MEMORY);
    assert_int_equal(call(MAP_MREMAP, 0x50000000u, 0x6000, 0x1000, 0), 0x50000000);
    assert_int_equal(plan.first, 0x50001);
    assert_int_equal(plan.pages, 5);
    assert_int_equal(call(MAP_MREMAP, 0x50000000u, 0x1000, 0x1000, 0), 0x50000000);
    assert_int_equal(call(99, 0, 0, 0, 0), -ERR_NO_CALL);
}

/* Every second page mapped: the list is full, and every call says so and changes nothing. */
static void test_full_list(void **state) {
    (void)state;
    for (uint32_t i = 0; i < AREAS_MAX; i++) {
        assert_false(
            is_error(call(MAP_MMAP, 0x10000000u + i * 0x8000u, 0x3000, 3, MAP_FLAG_FIXED)));
    }
    struct job_map before = map;
    assert_int_equal(call(MAP_MMAP, 0, 4096, 1, 0), -ERR_NO_MEMORY);
    assert_int_equal(call(MAP_MUNMAP, 0x10001000u, 4096, 0, 0), -ERR_NO_MEMORY);
    assert_int_equal(call(MAP_MPROTECT, 0x10001000u, 4096, 1, 0), -ERR_NO_MEMORY);
    assert_int_equal(call(MAP_MMAP, 0x10001000u, 4096, 1, MAP_FLAG_FIXED), -ERR_NO_MEMORY);
    assert_memory_equal(&before, &map, sizeof(map));
    assert_int_equal(call(MAP_MUNMAP, 0x10000000u, 0x3000, 0, 0), 0);
    assert_int_equal(call(MAP_MUNMAP, 0x10009000u, 0x1000, 0, 0), 0); /* the split fits now */
    check_list(&map.areas);
}

static void test_hole(void **state) {
    page_no first;
    uint32_t pages;

    (void)state;
    area_hole(&map.areas, 0x50000, &first, &pages);
    assert_int_equal(first, 0);
    assert_int_equal(pages, USER_END_PAGE);
    call(MAP_MMAP, 0x50000000u, 4096, 3, MAP_FLAG_FIXED);
    call(MAP_MMAP, 0x50003000u, 4096, 3, MAP_FLAG_FIXED);
    area_hole(&map.areas, 0x50002, &first, &pages);
    assert_int_equal(first, 0x50001);
    assert_int_equal(pages, 2);
    area_hole(&map.areas, 0x50004, &first, &pages);
    assert_int_equal(first, 0x50004);
    assert_int_equal(pages, USER_END_PAGE - 0x50004);
}

/* ---- random ---------------------------------------------------------------------------------- */

static uint64_t dice = 88172645463325252ull;

/* What the answered call has done to each page. */
static void follow(uint32_t op, const uint32_t arg[4], int32_t result) {
    page_no first = (page_no)result >> 12;
    uint32_t pages = arg[1] / PAGE_BYTES;

    if (is_error(result)) {
        assert_int_equal(plan.pages, 0);
        return;
    }
    if (op == MAP_MMAP) {
        for (uint32_t i = 0; i < pages && (arg[3] & MAP_FLAG_FIXED) == 0; i++) {
            assert_int_equal(model[first + i], UNMAPPED);
        }
        model_set(first, pages, (uint8_t)arg[2]);
    } else if (op == MAP_MUNMAP) {
        model_set(arg[0] >> 12, pages, UNMAPPED);
    } else if (op == MAP_MPROTECT) {
        model_set(arg[0] >> 12, pages, (uint8_t)arg[2]);
    }
}

/* A page that was unmapped has a birth above every birth it had before [P 9.2]. */
static void check_births(void) {
    for (uint32_t i = 0; i < plan.pages && plan.gone; i++) {
        born[plan.first + i] = map.gone_at;
    }
    for (uint32_t i = 0; i < map.areas.count; i++) {
        const struct area *a = &map.areas.area[i];
        for (page_no page = a->first; page < a->first + a->pages; page++) {
            assert_true(a->birth > born[page]);
        }
    }
}

static void test_random_against_model(void **state) {
    static const uint32_t ops[] = {MAP_MMAP, MAP_MMAP, MAP_MUNMAP, MAP_MPROTECT};
    static const uint32_t flags[] = {0, MAP_FLAG_FIXED, MAP_FLAG_FIXED, MAP_FLAG_NOREPLACE};

    (void)state;
    for (uint32_t round = 0; round < 4000; round++) {
        uint32_t op = ops[random_next(&dice) % 4];
        uint32_t page = 0x40000 + random_next(&dice) % 60;
        uint32_t arg[4] = {page << 12, (random_next(&dice) % 12 + 1) << 12, random_next(&dice) % 4,
                           flags[random_next(&dice) % 4]};
        if (op == MAP_MMAP && arg[3] == 0 && round % 3 == 0) {
            arg[0] = 0;
        }
        int32_t result = map_begin(&map, op, arg, &plan);
        map_finish(&map, &plan);
        follow(op, arg, result);
        check_births();
        if (round % 16 == 0) {
            check_model();
        }
    }
    check_model();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_mmap_rules, fresh),
        cmocka_unit_test_setup(test_fixed_replaces_in_two_steps, fresh),
        cmocka_unit_test_setup(test_brk_rules, fresh),
        cmocka_unit_test_setup(test_munmap_rules, fresh),
        cmocka_unit_test_setup(test_mprotect_rules, fresh),
        cmocka_unit_test_setup(test_mremap_rules, fresh),
        cmocka_unit_test_setup(test_full_list, fresh),
        cmocka_unit_test_setup(test_hole, fresh),
        cmocka_unit_test_setup(test_random_against_model, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
