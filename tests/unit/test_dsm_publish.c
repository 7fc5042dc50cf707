/* services/dsm_publish.c: a page that goes to all members unasked, as one transaction [P 8.5]. */
/* sources: tests/unit/dsm_world.c tests/unit/dsm_doubles.c services/dsm_manager.c
            services/dsm_owner.c services/dsm_requester.c services/dsm_publish.c services/dsm_hold.c
            services/dsm_page.c services/dsm_service.c adapt/msg.c */
#include "tests/unit/dsm_world.h"

enum { P = FIRST_PAGE, A = 3, B = 4 }; /* a page; seats of two nodes */
#define PUBLISHED_OP 0x80000007u

static int start(void **state) {
    (void)state;
    dsm_world_start(4);
    return 0;
}

static int end(void **state) {
    (void)state;
    dsm_world_end();
    return 0;
}

static void hear_ok(uint32_t op, uint32_t seats) {
    struct msg m = message(MSG_DSM_PUBLISH_OK, P, SELF, op);

    memset(m.bytes, 0, sizeof(struct body_publish));
    m.publish.birth = BIRTH;
    m.publish.seats[0] = seats;
    hear(dw.manager, &m);
}

static void hear_published(uint16_t part, uint16_t birth) {
    struct msg m = message(MSG_DSM_PAGE, P, SELF, PUBLISHED_OP);

    m.head.version = 9;
    m.dsm.birth = birth;
    m.dsm.access = ACCESS_READ;
    m.dsm.flags = DSM_PUBLISHED;
    m.dsm.part = part;
    hear(OWNER, &m);
}

/* ---- owner
 * -------------------------------------------------------------------------------------- */

static void test_owner_asks_sends_and_is_done_when_all_have_it(void **state) {
    (void)state;
    page_bring(P, PAGE_WRITE);
    call_publish(P, 1);
    assert_true(woken(0, 0));
    uint32_t op = sent_to(MSG_DSM_PUBLISH, MANAGER)->m.head.op;

    hear_ok(op, 1u << A | 1u << B);
    assert_int_equal(sent_of(MSG_DSM_PAGE), 2 * PAGE_PARTS);
    assert_int_equal(state_of(P), PAGE_OWNED); /* others read it: no write without their leave */
    assert_int_equal(effect_only(FX_MAP)->right, ACCESS_READ);
    uint32_t cookie = dw.sent[0].cookie;

    for (uint32_t i = 1; i < 2 * PAGE_PARTS; i++) {
        acked(cookie, false);
        assert_int_equal(sent_of(MSG_DSM_DONE), 0);
    }
    acked(cookie, false);
    assert_int_equal(sent_to(MSG_DSM_DONE, MANAGER)->m.head.op, op);
}

static void test_nobody_needs_it(void **state) {
    (void)state;
    page_bring(P, PAGE_WRITE);
    call_publish(P, 1);
    hear_ok(sent_to(MSG_DSM_PUBLISH, MANAGER)->m.head.op, 0);
    sent_nothing();
    assert_int_equal(state_of(P), PAGE_WRITE);
    call_publish(P, 1); /* … and it can be published again */
    assert_int_equal(sent_of(MSG_DSM_PUBLISH), 1);
}

static void test_only_the_owner_publishes_and_once_at_a_time(void **state) {
    (void)state;
    page_bring(P, PAGE_READ);
    call_publish(P, HOLD_MAX);
    sent_nothing();
    page_bring(P + 1, PAGE_WRITE);
    call_publish(P, 2);
    call_publish(P, 2);
    sent_nothing();
}

static void test_ok_for_an_unmapped_page_is_a_straggler(void **state) {
    (void)state;
    page_bring(P, PAGE_WRITE);
    call_publish(P, 1);
    uint32_t op = sent_to(MSG_DSM_PUBLISH, MANAGER)->m.head.op;

    unmap(P, 1);
    hear_ok(op, 1u << A);
    sent_nothing();
}

/* ---- manager
 * ------------------------------------------------------------------------------------ */

static void says(enum msg_type type, seat_id seat, uint32_t op) {
    struct msg m = message(type, P, seat, op);

    hear(seat, &m);
}

static void owned_by_a(void) {
    dw.manager = SELF;
    says(MSG_DSM_WRITE_REQ, A, 1);
    says(MSG_DSM_DONE, A, 1);
}

static void test_manager_records_copies_and_waits(void **state) {
    (void)state;
    owned_by_a();
    says(MSG_DSM_PUBLISH, A, 5);
    const struct sent *ok = sent_to(MSG_DSM_PUBLISH_OK, A);
    assert_int_equal(ok->m.publish.seats[0], ((1u << MEMBERS_MAX) - 1) & ~(1u << A));
    assert_int_equal(entry_of(P)->copies[0], ok->m.publish.seats[0]);

    says(MSG_DSM_WRITE_REQ, B, 2); /* waits until every copy is where it belongs */
    sent_nothing();
    says(MSG_DSM_WRITE_REQ, A, 6); /* also the owner's own */
    sent_nothing();
    says(MSG_DSM_DONE, A, 5);
    assert_int_equal(sent_of(MSG_DSM_INVALIDATE), MEMBERS_MAX - 2);
    assert_int_equal(sent_of(MSG_DSM_FETCH), 1);
}

static void test_manager_refuses_when_busy_or_not_the_owner(void **state) {
    (void)state;
    owned_by_a();
    says(MSG_DSM_READ_REQ, B, 2);
    says(MSG_DSM_PUBLISH, A, 5);
    assert_int_equal(sent_to(MSG_DSM_PUBLISH_OK, A)->m.publish.seats[0], 0);
    says(MSG_DSM_DONE, B, 2);
    says(MSG_DSM_PUBLISH, B, 7);
    assert_int_equal(sent_to(MSG_DSM_PUBLISH_OK, B)->m.publish.seats[0], 0);
    assert_int_equal(entry_of(P)->busy, ACCESS_NONE);
}

/* A copy that its holder lost while its request was on the way is no right to write: found by the
 * simulator (memory, seed 10). */
static void test_rights_need_the_current_version(void **state) {
    (void)state;
    owned_by_a();
    says(MSG_DSM_PUBLISH, A, 5);
    says(MSG_DSM_DONE, A, 5);
    struct msg m = message(MSG_DSM_WRITE_REQ, P, B, 2);
    m.dsm.flags = DSM_HAS_COPY;
    m.head.version = entry_of(P)->version - 1;
    hear(B, &m);
    assert_int_equal(sent_of(MSG_DSM_FETCH), 1);
    assert_int_equal(sent_of(MSG_DSM_GRANT), 0);
}

/* ---- receiver
 * ----------------------------------------------------------------------------------- */

static void test_receiver_keeps_it_and_a_fault_needs_no_message(void **state) {
    (void)state;
    for (uint16_t part = 0; part < PAGE_PARTS; part++) {
        hear_published(part, BIRTH);
        sent_nothing();
    }
    assert_int_equal(state_of(P), PAGE_READ);
    assert_int_equal(effects_of(FX_MAP), 0); /* its area is not known yet */
    fault(0, P, ACCESS_READ);
    sent_nothing();
    assert_true(woken(0, 0));
    assert_int_equal(effect_only(FX_MAP)->right, ACCESS_READ);
}

static void test_fault_while_it_comes_waits_for_it(void **state) {
    (void)state;
    hear_published(0, BIRTH);
    fault(0, P, ACCESS_READ);
    sent_nothing();
    resend();
    sent_nothing(); /* nothing was asked for */
    hear_published(1, BIRTH);
    hear_published(2, BIRTH);
    assert_true(woken(0, 0));
}

static void test_receiver_that_asked_itself_drops_it(void **state) {
    (void)state;
    fault(0, P, ACCESS_READ);
    hear_published(0, BIRTH);
    assert_int_equal(effects_of(FX_COPY_IN), 0);
    assert_int_equal(state_of(P), PAGE_WAIT_READ);
}

static void test_no_free_frame_no_copy(void **state) {
    (void)state;
    for (page_no page = 1; page <= 4; page++) {
        page_bring(P + page, PAGE_WRITE);
    }
    hear_published(0, BIRTH);
    assert_int_equal(state_of(P), PAGE_FREE);
}

static void test_copy_of_an_unmapped_area_is_not_shown(void **state) {
    (void)state;
    for (uint16_t part = 0; part < PAGE_PARTS; part++) {
        hear_published(part, BIRTH - 1);
    }
    fault(0, P, ACCESS_READ);
    assert_int_equal(sent_of(MSG_DSM_READ_REQ), 1);
    assert_int_equal(effects_of(FX_MAP), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)
int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_owner_asks_sends_and_is_done_when_all_have_it),
        TEST(test_nobody_needs_it),
        TEST(test_only_the_owner_publishes_and_once_at_a_time),
        TEST(test_ok_for_an_unmapped_page_is_a_straggler),
        TEST(test_manager_records_copies_and_waits),
        TEST(test_manager_refuses_when_busy_or_not_the_owner),
        TEST(test_rights_need_the_current_version),
        TEST(test_receiver_keeps_it_and_a_fault_needs_no_message),
        TEST(test_fault_while_it_comes_waits_for_it),
        TEST(test_receiver_that_asked_itself_drops_it),
        TEST(test_no_free_frame_no_copy),
        TEST(test_copy_of_an_unmapped_area_is_not_shown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
