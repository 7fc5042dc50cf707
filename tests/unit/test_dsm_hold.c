/* services/dsm_hold.c: a page that has come stays until the thread ran or its time is over; the set
 * of a call; growth with failures [P 8.3]. And ranges that go [P 9.2]. */
/* sources: tests/unit/dsm_world.c tests/unit/dsm_doubles.c services/dsm_manager.c
            services/dsm_owner.c services/dsm_requester.c services/dsm_publish.c services/dsm_hold.c
            services/dsm_page.c services/dsm_service.c adapt/msg.c */
#include "tests/unit/dsm_world.h"

enum { P = FIRST_PAGE, B = 4, C = 5 }; /* a page; seats of two other nodes */

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

/* ---- one page -------------------------------------------------------------------------------- */

static void test_obeyed_after_ran(void **state) {
    (void)state;
    come(0, P, ACCESS_READ);
    take(MSG_DSM_INVALIDATE, P, ACCESS_WRITE);
    sent_nothing();
    assert_int_equal(state_of(P), PAGE_READ);
    assert_int_equal(dsm_counters(&dw.node).held, 1);
    ran(1); /* another thread */
    sent_nothing();
    ran(0);
    sent_to(MSG_DSM_INV_ACK, B);
    assert_int_equal(state_of(P), PAGE_FREE);
    tick_at(deadline()); /* of a hold that is over: nothing */
    sent_nothing();
    assert_int_equal(deadline(), UINT64_MAX);
}

static void test_fetches_wait(void **state) {
    static const enum access wanted[] = {ACCESS_READ, ACCESS_WRITE};
    static const enum page_state after[] = {PAGE_OWNED, PAGE_FREE};

    (void)state;
    for (uint32_t i = 0; i < 2; i++) {
        come(0, P + i, ACCESS_WRITE);
        take(MSG_DSM_FETCH, P + i, wanted[i]);
        sent_nothing();
        assert_int_equal(state_of(P + i), PAGE_WRITE);
        ran(0);
        assert_int_equal(sent_of(MSG_DSM_PAGE), PAGE_PARTS);
        assert_int_equal(dw.sent[0].to, B);
        assert_int_equal(dw.sent[0].m.head.op, 66);
        assert_int_equal(dw.sent[0].m.dsm.access, wanted[i]);
        assert_int_equal(state_of(P + i), after[i]);
    }
}

/* A page that nobody was woken for, or whose thread has run, is not held. */
static void test_not_held(void **state) {
    (void)state;
    come(0, P, ACCESS_READ);
    ran(0);
    take(MSG_DSM_INVALIDATE, P, ACCESS_WRITE);
    sent_to(MSG_DSM_INV_ACK, B);
    fault(1, P + 1, ACCESS_READ);
    uint32_t op = op_of(P + 1);
    token_gone(1);
    hear_page(P + 1, op, ACCESS_READ, 0);
    take(MSG_DSM_INVALIDATE, P + 1, ACCESS_WRITE);
    sent_to(MSG_DSM_INV_ACK, B);
}

static void test_time_is_over(void **state) {
    (void)state;
    come(0, P, ACCESS_READ);
    uint64_t now = dw.node.now_us, at = deadline();
    assert_in_range(at - now, HOLD_MIN_US, HOLD_MAX_US);
    take(MSG_DSM_INVALIDATE, P, ACCESS_WRITE);
    tick_at(at - 1);
    sent_nothing();
    tick_at(at);
    sent_to(MSG_DSM_INV_ACK, B);
    assert_int_equal(dsm_counters(&dw.node).forced, 1);
    assert_int_equal(deadline(), UINT64_MAX);
    tick_at(at + 1000000);
    sent_nothing();
}

/* The span of the hold in microseconds, of a page that comes now. */
static uint64_t span(token_no token, page_no page) {
    uint64_t now = dw.node.now_us;

    come(token, page, ACCESS_READ);
    uint64_t until = dsm_threads(dsm_of(&dw.node))[token].hold_until_us;
    assert_true(deadline() <= until);
    return until - now;
}

/* Doubled with each failure of the thread, 16 times at most; anew when it ran. */
static void test_growth(void **state) {
    (void)state;
    for (uint32_t failures = 0; failures < 8; failures++) {
        uint32_t factor = 1u << (failures < 4 ? failures : 4);
        uint64_t us = span(0, P);
        assert_in_range(us, HOLD_MIN_US * factor, HOLD_MAX_US * factor);
        tick_at(dw.node.now_us + us);
        take(MSG_DSM_INVALIDATE, P, ACCESS_WRITE);
        assert_int_equal(state_of(P), PAGE_FREE);
    }
    assert_in_range(span(1, P + 1), HOLD_MIN_US, HOLD_MAX_US); /* its own failures only */
    ran(1);
    ran(0);
    assert_in_range(span(0, P), HOLD_MIN_US, HOLD_MAX_US);
}

static void test_spans_differ(void **state) {
    uint64_t least = UINT64_MAX, most = 0;

    (void)state;
    for (uint32_t i = 0; i < 200; i++) {
        uint64_t us = span(0, P);
        least = us < least ? us : least;
        most = us > most ? us : most;
        ran(0);
        take(MSG_DSM_INVALIDATE, P, ACCESS_WRITE);
    }
    assert_true(least < HOLD_MIN_US + 200 && most > HOLD_MAX_US - 200);
}

/* ---- several threads, several pages ---------------------------------------------------------- */

static void test_two_threads(void **state) {
    (void)state;
    fault(0, P, ACCESS_READ);
    fault(1, P, ACCESS_READ);
    hear_page(P, op_of(P), ACCESS_READ, 0);
    come(2, P, ACCESS_READ);
    take(MSG_DSM_INVALIDATE, P, ACCESS_WRITE);
    ran(1);
    ran(0);
    sent_nothing();
    ran(2);
    sent_to(MSG_DSM_INV_ACK, B);
}

/* Two pages of one instruction: the first stays while the second is on its way, and a fault of the
 * same instruction on another page is no progress. */
static void test_set(void **state) {
    (void)state;
    fault(0, P, ACCESS_READ);
    hear_page(P, op_of(P), ACCESS_READ, 0);
    take(MSG_DSM_INVALIDATE, P, ACCESS_WRITE);
    uint64_t first = deadline();
    dw.node.now_us += 400;
    fault(0, P + 1, ACCESS_WRITE);
    sent_to(MSG_DSM_WRITE_REQ, MANAGER);
    dw.node.now_us = first - 1;
    hear_page(P + 1, op_of(P + 1), ACCESS_WRITE, 0);
    assert_in_range(dsm_threads(dsm_of(&dw.node))[0].hold_until_us, first - 1 + HOLD_MIN_US,
                    first - 1 + HOLD_MAX_US); /* the time runs anew */
    tick_at(first); /* of a time that was moved: nothing */
    sent_nothing();
    assert_true(deadline() > first);
    take(MSG_DSM_FETCH, P + 1, ACCESS_WRITE);
    sent_nothing();
    ran(0);
    assert_int_equal(sent_of(MSG_DSM_INV_ACK), 1);
    assert_int_equal(sent_of(MSG_DSM_PAGE), PAGE_PARTS);
}

/* The hold protects one instruction's set; a greater right for the same page is asked anew. */
static void test_more_right_of_a_held_page(void **state) {
    (void)state;
    come(0, P, ACCESS_READ);
    take(MSG_DSM_INVALIDATE, P, ACCESS_WRITE);
    fault(0, P, ACCESS_WRITE);
    sent_to(MSG_DSM_INV_ACK, B); /* another writer is first: the copy goes */
    assert_int_equal(sent_to(MSG_DSM_WRITE_REQ, MANAGER)->m.dsm.flags, 0);
    assert_int_equal(state_of(P), PAGE_WAIT_WRITE);
    come(1, P + 1, ACCESS_READ);
    fault(1, P + 1, ACCESS_WRITE);
    assert_int_equal(sent_to(MSG_DSM_WRITE_REQ, MANAGER)->m.dsm.flags, DSM_HAS_COPY);
}

static void test_thread_ends(void **state) {
    (void)state;
    come(0, P, ACCESS_WRITE);
    take(MSG_DSM_FETCH, P, ACCESS_WRITE);
    token_gone(0);
    assert_int_equal(sent_of(MSG_DSM_PAGE), PAGE_PARTS);
    assert_int_equal(state_of(P), PAGE_FREE);
    dw.area = AREA_ASKED;
    fault(1, P + 1, ACCESS_READ);
    token_gone(1);
    dw.area = AREA_YES;
    area_learnt(P + 1);
    sent_nothing();
}

/* A manager has one transaction of a page at a time; the first one is kept. */
static void test_second_is_refused(void **state) {
    (void)state;
    come(0, P, ACCESS_WRITE);
    take(MSG_DSM_FETCH, P, ACCESS_READ);
    struct msg m = message(MSG_DSM_FETCH, P, C, 67);
    m.dsm.access = ACCESS_WRITE;
    hear(MANAGER, &m);
    assert_int_equal(dw.refused, 1);
    ran(0);
    assert_int_equal(dw.sent[0].to, B);
    assert_int_equal(state_of(P), PAGE_OWNED);
}

/* ---- ranges ---------------------------------------------------------------------------------- */

/* In each state; long ranges walk the table, short ones look each page up. Who waits asks for the
 * area anew, and only its answer refuses: something else may be mapped there by now. */
static void test_unmap_in_each_state(void **state) {
    (void)state;
    for (enum page_state held = PAGE_WAIT_READ; held < PAGE_STATES; held++) {
        for (uint32_t pages = 1; pages <= 64; pages *= 64) {
            dw.area = AREA_YES;
            page_bring(P, held);
            uint32_t op = op_of(P);
            dw.area = AREA_ASKED;
            unmap(P, pages);
            assert_int_equal(state_of(P), PAGE_FREE);
            assert_int_equal(effect_only(FX_LIMIT)->value, pages);
            assert_int_equal(dw.fx.count, 1);
            assert_int_equal(dw.area_asks, op != 0);
            hear_page(P, op, ACCESS_WRITE, 0);
            hear_grant(P, op, 0, 0);
            sent_nothing();
            assert_int_equal(dw.fx.count + dw.refused, 0);
            assert_int_equal(dsm_counters(&dw.node).pages_owned, 0);
            dw.area = AREA_NO;
            area_learnt(P);
            assert_int_equal(effects_of(FX_WAKE), op != 0);
            assert_true(op == 0 || woken(0, -ERR_FAULT));
        }
    }
}

/* The range is mapped anew at once: the thread's wish goes on, for a page of the new area. */
static void test_unmap_and_map(void **state) {
    (void)state;
    fault(0, P, ACCESS_READ);
    fault(1, P, ACCESS_WRITE);
    uint32_t op = op_of(P);
    dw.birth = BIRTH + 1;
    unmap(P, 1);
    assert_int_equal(effects_of(FX_WAKE), 0);
    assert_int_equal(dw.sent_count, 1);
    assert_int_equal(dw.sent[0].m.dsm.birth, BIRTH + 1);
    assert_true(op_of(P) != op);
    hear_grant(P, op, DSM_ZERO, 0); /* of the page before */
    assert_int_equal(effects_of(FX_WAKE), 0);
    struct msg m = message(MSG_DSM_GRANT, P, SELF, op_of(P));
    m.dsm.birth = BIRTH + 1;
    m.dsm.flags = DSM_ZERO;
    hear(MANAGER, &m);
    assert_true(woken(0, 0) && woken(1, 0));
}

/* Two pages of a call are awaited, one is unmapped: the thread hears of it once. */
static void test_unmap_one_of_a_set(void **state) {
    (void)state;
    fault(0, P, ACCESS_READ);
    fault(0, P + 1, ACCESS_READ);
    fault(1, P + 1, ACCESS_READ);
    uint32_t op = op_of(P + 1);
    dw.area = AREA_NO;
    unmap(P, 1);
    assert_int_equal(effects_of(FX_WAKE), 1);
    assert_true(woken(0, -ERR_FAULT));
    hear_page(P + 1, op, ACCESS_READ, 0);
    assert_int_equal(effects_of(FX_WAKE), 1);
    assert_true(woken(1, 0));
    dw.area = AREA_YES;
    fault(0, P + 2, ACCESS_READ);
    fault(0, P + 3, ACCESS_READ);
    dw.area = AREA_NO;
    unmap(P, 8); /* both of them */
    assert_int_equal(effects_of(FX_WAKE), 1);
}

/* What waits for a held page goes with the page: its requester loses it too. */
static void test_unmap_held(void **state) {
    (void)state;
    come(0, P, ACCESS_WRITE);
    take(MSG_DSM_FETCH, P, ACCESS_WRITE);
    come(1, P + 1, ACCESS_READ);
    take(MSG_DSM_INVALIDATE, P + 1, ACCESS_WRITE);
    fault(1, P + 2, ACCESS_READ); /* waits for this one, holds that one */
    dw.area = AREA_NO;
    unmap(P, 3);
    sent_nothing();
    assert_int_equal(effects_of(FX_WAKE), 1);
    assert_true(woken(1, -ERR_FAULT));
    assert_int_equal(frames_used(), 0);
    ran(0);
    ran(1);
    sent_nothing();
}

/* The failure of a thread lets go of what it holds elsewhere. */
static void test_unmap_releases_other_holds(void **state) {
    (void)state;
    come(0, P + 5, ACCESS_WRITE);
    take(MSG_DSM_FETCH, P + 5, ACCESS_WRITE);
    fault(0, P, ACCESS_READ);
    dw.area = AREA_NO;
    unmap(P, 1);
    assert_true(woken(0, -ERR_FAULT));
    assert_int_equal(sent_of(MSG_DSM_PAGE), PAGE_PARTS);
}

static void test_protect(void **state) {
    (void)state;
    page_bring(P, PAGE_WRITE);
    page_bring(P + 1, PAGE_READ);
    protect(P, 2, ACCESS_READ);
    assert_int_equal(dw.fx.count, 1); /* one effect, however many pages */
    assert_int_equal(effect_only(FX_LIMIT)->right, ACCESS_READ);
    assert_int_equal(effect_only(FX_LIMIT)->value, 2);
    assert_int_equal(state_of(P), PAGE_WRITE); /* still the only holder */
    dw.most = ACCESS_READ;
    fault(0, P, ACCESS_READ);
    assert_int_equal(effects_of(FX_MAP), 0); /* mapped so already */
    protect(P, PAGES - P, ACCESS_NONE);
    dw.most = ACCESS_WRITE; /* loosened: learnt by the next fault */
    fault(1, P, ACCESS_WRITE);
    sent_nothing();
    assert_int_equal(effect_only(FX_MAP)->right, ACCESS_WRITE);
}

/* The right is what both the area and the DSM allow. */
static void test_read_only_area(void **state) {
    (void)state;
    dw.most = ACCESS_READ;
    fault(0, P, ACCESS_READ);
    hear_grant(P, op_of(P), DSM_ZERO, 0);
    assert_int_equal(effect_only(FX_MAP)->right, ACCESS_READ);
    assert_int_equal(state_of(P), PAGE_WRITE);
}

/* More pages than a step may have effects: still few effects. */
static void test_many_pages(void **state) {
    (void)state;
    dsm_world_end();
    dsm_world_start(3000);
    for (uint32_t i = 0; i < 3000; i++) {
        struct dsm *d = dsm_of(&dw.node);
        uint32_t row = dsm_page_new(&dw.node, JOB, P + i);
        dsm_pages(d)[row].most = ACCESS_WRITE;
        dsm_pages(d)[row].birth = BIRTH;
        dsm_page_set(&dw.node, row, PAGE_WAIT_WRITE);
        dsm_page_set(&dw.node, row, PAGE_WRITE);
        dw.fx.count = 0;
        dsm_page_map(&dw.node, row);
    }
    protect(P, 3000, ACCESS_READ);
    assert_int_equal(dw.fx.count, 1);
    unmap(P, 1500);
    assert_int_equal(dw.fx.count, 1);
    job_close();
    assert_int_equal(dw.fx.count, 1);
    assert_int_equal(frames_used(), 0);
}

/* ---- the job's end --------------------------------------------------------------------------- */

static void test_job_close(void **state) {
    (void)state;
    come(0, P, ACCESS_WRITE);
    take(MSG_DSM_FETCH, P, ACCESS_WRITE);
    fault(1, P + 1, ACCESS_READ);
    page_bring(P + 2, PAGE_OWNED_WAIT);
    dw.area = AREA_ASKED;
    fault(2, P + 3, ACCESS_READ);
    for (token_no token = 0; token < WORLD_THREADS; token++) {
        token_gone(token); /* the threads service closes first */
    }
    job_close();
    assert_int_equal(effects_of(FX_WAKE), 0);
    assert_int_equal(frames_used(), 1); /* obeyed on the way out: frozen until it has arrived */
    area_learnt(P + 3);
    sent_nothing();
    assert_int_equal(dw.fx.count, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_obeyed_after_ran, start, end),
        cmocka_unit_test_setup_teardown(test_fetches_wait, start, end),
        cmocka_unit_test_setup_teardown(test_not_held, start, end),
        cmocka_unit_test_setup_teardown(test_time_is_over, start, end),
        cmocka_unit_test_setup_teardown(test_growth, start, end),
        cmocka_unit_test_setup_teardown(test_spans_differ, start, end),
        cmocka_unit_test_setup_teardown(test_two_threads, start, end),
        cmocka_unit_test_setup_teardown(test_set, start, end),
        cmocka_unit_test_setup_teardown(test_more_right_of_a_held_page, start, end),
        cmocka_unit_test_setup_teardown(test_thread_ends, start, end),
        cmocka_unit_test_setup_teardown(test_second_is_refused, start, end),
        cmocka_unit_test_setup_teardown(test_unmap_in_each_state, start, end),
        cmocka_unit_test_setup_teardown(test_unmap_and_map, start, end),
        cmocka_unit_test_setup_teardown(test_unmap_one_of_a_set, start, end),
        cmocka_unit_test_setup_teardown(test_unmap_held, start, end),
        cmocka_unit_test_setup_teardown(test_unmap_releases_other_holds, start, end),
        cmocka_unit_test_setup_teardown(test_protect, start, end),
        cmocka_unit_test_setup_teardown(test_read_only_area, start, end),
        cmocka_unit_test_setup_teardown(test_many_pages, start, end),
        cmocka_unit_test_setup_teardown(test_job_close, start, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
