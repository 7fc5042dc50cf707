/* test_job_areas.c: the map of a job on every node: shrinking, and what nodes learn [P 9.2]. */
/* sources: tests/unit/jobs_world.c tests/unit/jobs_cast.c adapt/msg.c services/services.c
   services/rows.c services/job_service.c services/job_local.c services/job_run.c
   services/job_cache.c services/job_manager.c services/job_place.c services/job_call.c
   services/job_stream.c services/job_bytes.c services/job_map.c services/job_area.c
   services/job_files.c services/threads.c services/threads_clone.c services/threads_exit.c
   services/threads_manager.c services/sync_service.c services/sync_table.c services/sync_futex.c
   services/sync_barrier.c services/sync_requester.c */
#include "tests/unit/jobs_cast.h"

enum { NODES = 3, MANAGER = 2, FIXED = MAP_FLAG_FIXED };

static int begin(void **state) {
    (void)state;
    cast_fresh(MANAGER);
    cast_start(6);
    return 0;
}

static int end(void **state) {
    (void)state;
    cast_end();
    return 0;
}

static void map(uint32_t i, uint32_t op, uint32_t a, uint32_t b, uint32_t c) {
    t[i].result = NOTHING;
    CALL(t[i].node, CALL_MAP, t[i].token, op, a, b, c, FIXED);
}

static int32_t mapped(uint32_t i, uint32_t op, uint32_t a, uint32_t b, uint32_t c) {
    map(i, op, a, b, c);
    world_settle();
    return t[i].result;
}

static int32_t file(uint32_t i, uint32_t op, uint32_t a, uint32_t b, uint32_t c) {
    t[i].result = NOTHING;
    CALL(t[i].node, CALL_FILE, t[i].token, op, a, b, c);
    world_settle();
    return t[i].result;
}

/* ---- the map --------------------------------------------------------------------------------- */

static void test_growth_is_answered_at_once(void **state) {
    (void)state;
    assert_int_equal(mapped(0, MAP_SEGMENT, 0x08048000, 0x2000, 5), 0x08048000);
    assert_int_equal(mapped(1, MAP_MMAP, 0x50000000, 0x3000, 3), 0x50000000);
    assert_int_equal(mapped(2, MAP_MREMAP, 0x50000000, 0x3000, 0x4000), 0x50000000);
    assert_int_equal(mapped(2, MAP_MPROTECT, 0x08048000, 0x1000, 7), 0);
    assert_int_equal(w.sent[MSG_JOB_SHRINK], 0);
}

/* munmap is answered when every node has dropped the range, not before. */
static void test_munmap_waits_for_every_node(void **state) {
    (void)state;
    mapped(0, MAP_MMAP, 0x50000000, 0x4000, 3);
    map(1, MAP_MUNMAP, 0x50001000, 0x2000, 0);
    while (world_deliver(t[1].node, MANAGER) || world_deliver(MANAGER, 0)) {
    }
    while (world_deliver(0, MANAGER)) {
    }
    assert_int_equal(told.unmapped, 2 * 2); /* the manager and node 0 */
    assert_int_equal(t[1].result, NOTHING);
    map(0, MAP_MMAP, 0x60000000, 0x1000, 3); /* map calls wait behind it, none is refused */
    assert_int_equal(file(3, FILE_STAT, 0, 0, 0), 0); /* (delivers everything) */
    assert_int_equal(told.unmapped, 3 * 2);
    assert_int_equal(t[1].result, 0);
    assert_int_equal(t[0].result, 0x60000000);
}

static void test_mprotect_tightens_everywhere(void **state) {
    (void)state;
    mapped(0, MAP_MMAP, 0x50000000, 0x4000, 3);
    assert_int_equal(mapped(4, MAP_MPROTECT, 0x50000000, 0x3000, 1), 0);
    assert_int_equal(told.protected, 3 * NODES);
    assert_int_equal(mapped(4, MAP_MPROTECT, 0x50000000, 0x3000, 3), 0);
    assert_int_equal(told.protected, 3 * NODES);
}

static void test_fixed_over_existing(void **state) {
    (void)state;
    mapped(0, MAP_MMAP, 0x50000000, 0x4000, 3);
    assert_int_equal(mapped(1, MAP_MMAP, 0x50000000, 0x4000, 1), 0x50000000);
    assert_int_equal(told.unmapped, 4 * NODES);
}

/* Six threads unmap and map at the same time, told again at random: each call happens once, in some
 * order. */
static void test_many_shrinks_at_once(void **state) {
    (void)state;
    for (uint32_t i = 0; i < 6; i++) {
        mapped(i, MAP_MMAP, 0x50000000 + i * 0x10000, 0x4000, 3);
    }
    for (uint32_t i = 0; i < 6; i++) {
        map(i, i % 2 == 0 ? MAP_MUNMAP : MAP_MMAP, 0x50000000 + i * 0x10000, 0x2000, 1);
    }
    for (uint32_t i = 0; i < 40; i++) {
        world_resend(world_dice(NODES));
        world_deliver_any();
    }
    world_settle();
    for (uint32_t i = 0; i < 6; i++) {
        assert_int_equal(t[i].result, i % 2 == 0 ? 0 : 0x50000000 + (int32_t)i * 0x10000);
    }
    assert_int_equal(told.unmapped, 6 * 2 * NODES);
}

/* ---- what a node knows ----------------------------------------------------------------------- */

static enum area_answer last_answer;
static page_no asked_page;
static enum access asked_access;
static struct area_info info;

static void ask_inside(struct node *n) {
    last_answer = job_area_check(n, told.job, asked_page, asked_access, &info);
}

static enum area_answer ask(uint32_t node, page_no page, enum access access) {
    asked_page = page;
    asked_access = access;
    w.on_dsm_tick = ask_inside;
    world_tick(node);
    w.on_dsm_tick = NULL;
    return last_answer;
}

static void ask_again(struct node *n, job_id of, page_no page) {
    (void)of;
    told.areas++;
    if (page == asked_page) {
        last_answer = job_area_check(n, told.job, asked_page, asked_access, &info);
    }
}

static void test_areas_are_learnt(void **state) {
    (void)state;
    mapped(0, MAP_MMAP, 0x50000000, 0x4000, 1);
    w.on_area = ask_again;
    assert_int_equal(ask(1, 0x50001, ACCESS_READ), AREA_ASKED);
    world_settle();
    assert_int_equal(last_answer, AREA_YES);
    assert_int_equal(info.first, 0x50000);
    assert_int_equal(info.pages, 4);
    assert_int_equal(info.most, ACCESS_READ);
    assert_int_equal(ask(1, 0x50003, ACCESS_READ), AREA_YES); /* no message any more */
    assert_int_equal(w.sent[MSG_JOB_QUERY], 1);
    assert_int_equal(ask(1, 0x50003, ACCESS_WRITE), AREA_ASKED);
    world_settle();
    assert_int_equal(last_answer, AREA_NO);
    assert_int_equal(ask(1, 0x60000, ACCESS_READ), AREA_ASKED);
    world_settle();
    assert_int_equal(last_answer, AREA_NO);
    assert_int_equal(ask(1, 0, ACCESS_READ), AREA_NO);
    assert_int_equal(ask(1, USER_END_PAGE, ACCESS_READ), AREA_NO);
    mapped(0, MAP_MUNMAP, 0x50002000, 0x1000, 0);
    assert_int_equal(ask(1, 0x50001, ACCESS_READ), AREA_YES);
    assert_int_equal(ask(1, 0x50002, ACCESS_READ), AREA_ASKED);
    world_settle();
    assert_int_equal(last_answer, AREA_NO);
}

/* A fault joins a question whose refusal is older than the mmap that it relies on: no SIGSEGV. */
static void test_refusal_is_younger_than_the_fault(void **state) {
    (void)state;
    w.on_area = ask_again;
    assert_int_equal(ask(1, 0x50001, ACCESS_READ), AREA_ASKED);
    while (world_deliver(1, MANAGER)) {
    } /* refused; the answer is on its way */
    map(5, MAP_MMAP, 0x50000000, 0x4000, 3);
    while (world_deliver(t[5].node, MANAGER)) {
    }
    assert_int_equal(ask(1, 0x50001, ACCESS_READ), AREA_ASKED);
    world_settle();
    assert_int_equal(last_answer, AREA_YES);
    assert_int_equal(told.areas, 1);
}

/* A page of a range that is being mapped anew is no hole. */
static void test_question_during_fixed_mmap(void **state) {
    (void)state;
    mapped(0, MAP_MMAP, 0x50000000, 0x4000, 1);
    w.on_area = ask_again;
    map(0, MAP_MMAP, 0x50000000, 0x4000, 3);
    while (world_deliver(0, MANAGER) || world_deliver(MANAGER, 1)) {
    }
    assert_int_equal(ask(1, 0x50001, ACCESS_WRITE), AREA_ASKED);
    while (world_deliver(1, MANAGER)) {
    }
    assert_int_equal(w.way[MANAGER][1].count, 0);
    world_settle();
    assert_int_equal(last_answer, AREA_YES);
    assert_int_equal(t[0].result, 0x50000000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_growth_is_answered_at_once),
        TEST(test_munmap_waits_for_every_node),
        TEST(test_mprotect_tightens_everywhere),
        TEST(test_fixed_over_existing),
        TEST(test_many_shrinks_at_once),
        TEST(test_areas_are_learnt),
        TEST(test_refusal_is_younger_than_the_fault),
        TEST(test_question_during_fixed_mmap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
