/* Frames that run out: copies give way, faults wait for frames that are about to be free, and a job
 * whose pages this node cannot hold ends [P 8.6]. */
/* sources: tests/unit/dsm_world.c tests/unit/dsm_doubles.c services/dsm_manager.c
            services/dsm_owner.c services/dsm_requester.c services/dsm_publish.c services/dsm_hold.c
            services/dsm_page.c services/dsm_service.c adapt/msg.c */
#include "tests/unit/dsm_world.h"

enum { P = FIRST_PAGE, B = 4 }; /* a page; the seat of another node */

static int start(void **state) {
    (void)state;
    dsm_world_start(8);
    return 0;
}

static int end(void **state) {
    (void)state;
    dsm_world_end();
    return 0;
}

static void take(enum msg_type type, page_no page, enum access access) {
    struct msg m = message(type, page, B, 66);

    m.dsm.access = (uint8_t)access;
    hear(MANAGER, &m);
}

/* The page comes for that thread, which has not run yet. */
static void come(token_no token, page_no page, enum access access) {
    fault(token, page, access);
    if (op_of(page) != 0) {
        hear_page(page, op_of(page), access, 0);
    }
    assert_true(woken(token, 0));
}

static void test_copies_go_first(void **state) {
    (void)state;
    for (uint32_t i = 0; i < 7; i++) {
        page_bring(P + i, PAGE_WRITE);
    }
    page_bring(P + 7, PAGE_READ);
    assert_int_equal(frames_used(), 8);
    fault(0, P + 8, ACCESS_WRITE);
    assert_int_equal(state_of(P + 7), PAGE_FREE);
    assert_int_equal(effect_only(FX_UNMAP)->page, P + 7);
    sent_to(MSG_DSM_WRITE_REQ, MANAGER); /* the manager is not told of the copy */
    assert_int_equal(dsm_counters(&dw.node).dropped_copies, 1);
    take(MSG_DSM_INVALIDATE, P + 7, ACCESS_WRITE); /* it thinks that there is one */
    sent_to(MSG_DSM_INV_ACK, B);
    assert_int_equal(dw.ended, 0);
}

/* Owned pages stay for ever: when all frames have one, the job has no memory left here. */
static void test_out_of_frames(void **state) {
    (void)state;
    for (uint32_t i = 0; i < 8; i++) {
        page_bring(P + i, i % 2 ? PAGE_OWNED : PAGE_WRITE);
    }
    fault(2, P + 8, ACCESS_READ);
    assert_int_equal(dw.reports[REPORT_NO_MEMORY], 1);
    assert_int_equal(dw.ended, 1);
    assert_int_equal(dw.end_status, 9);
    sent_nothing();
    assert_int_equal(dw.fx.count, 0);
}

/* An instruction that needs two pages, and one frame that is not owned: waiting for itself would
 * last for ever. */
static void test_out_of_frames_for_two(void **state) {
    (void)state;
    for (uint32_t i = 0; i < 7; i++) {
        page_bring(P + i, PAGE_WRITE);
    }
    come(2, P + 7, ACCESS_READ);
    fault(2, P + 8, ACCESS_READ);
    assert_int_equal(dw.reports[REPORT_NO_MEMORY], 1);
    assert_int_equal(dw.ended, 1);
}

/* Pages on their way and copies that are used may give way soon: the fault waits for that. */
static void test_frames_may_come(void **state) {
    (void)state;
    for (uint32_t i = 0; i < 5; i++) {
        page_bring(P + i, i % 2 ? PAGE_OWNED : PAGE_WRITE);
    }
    page_bring(P + 5, PAGE_WAIT_READ);
    page_bring(P + 6, PAGE_READ_WAIT);
    come(1, P + 7, ACCESS_READ);
    fault(2, P + 8, ACCESS_READ);
    sent_nothing();
    assert_int_equal(dw.fx.count + dw.ended + dw.reports[REPORT_NO_MEMORY], 0);
    tick_at(deadline());
    sent_nothing();
    ran(1); /* not held any more */
    sent_nothing();
    tick_at(deadline());
    sent_to(MSG_DSM_READ_REQ, MANAGER);
    assert_int_equal(state_of(P + 7), PAGE_FREE);
    assert_int_equal(dw.ended, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_copies_go_first, start, end),
        cmocka_unit_test_setup_teardown(test_out_of_frames, start, end),
        cmocka_unit_test_setup_teardown(test_out_of_frames_for_two, start, end),
        cmocka_unit_test_setup_teardown(test_frames_may_come, start, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
