/* services/dsm_owner.c: giving a page away, dropping a copy, frames that stay frozen until their
 * bytes have arrived; what a broken peer may ask [P 7.4, 8.1]. */
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

static void fetch(seat_id requester, uint32_t op, enum access access, uint16_t acks) {
    struct msg m = message(MSG_DSM_FETCH, P, requester, op);

    m.head.version = 9;
    m.dsm.access = (uint8_t)access;
    m.dsm.acks = acks;
    hear(MANAGER, &m);
}

static void invalidate(seat_id requester, uint32_t op) {
    struct msg m = message(MSG_DSM_INVALIDATE, P, requester, op);

    m.dsm.access = ACCESS_WRITE;
    hear(MANAGER, &m);
}

/* The three parts of a page, to that seat, from that frame. */
static uint32_t sent_page(seat_id to, uint32_t op, enum access access, uint16_t acks) {
    assert_int_equal(sent_of(MSG_DSM_PAGE), PAGE_PARTS);
    uint32_t at = 0, row = dw.sent[0].ref.frame;

    for (uint16_t i = 0; i < PAGE_PARTS; i++) {
        const struct sent *s = &dw.sent[i];
        assert_int_equal(s->m.head.type, MSG_DSM_PAGE);
        assert_int_equal(s->to, to);
        assert_int_equal(s->m.head.seat, to);
        assert_int_equal(s->m.head.op, op);
        assert_int_equal(s->m.head.version, 9);
        assert_int_equal(s->m.head.generation, GENERATION);
        assert_int_equal(s->m.dsm.birth, BIRTH);
        assert_int_equal(s->m.dsm.access, access);
        assert_int_equal(s->m.dsm.acks, acks);
        assert_int_equal(s->m.dsm.part, i);
        assert_int_equal(s->ref.frame, row);
        assert_int_equal(s->ref.offset, at);
        assert_int_equal(s->cookie, row + 1);
        at += s->ref.bytes;
    }
    assert_int_equal(at, PAGE_BYTES);
    return row;
}

/* ---- fetch ----------------------------------------------------------------------------------- */

static void test_read_of_written(void **state) {
    (void)state;
    page_bring(P, PAGE_WRITE);
    fetch(B, 6, ACCESS_READ, 0);
    sent_page(B, 6, ACCESS_READ, 0);
    assert_int_equal(state_of(P), PAGE_OWNED);
    const struct effect *e = effect_only(FX_MAP); /* it may only read now */
    assert_int_equal(e->right, ACCESS_READ);
    assert_int_equal(e->page, P);
    assert_int_equal(dw.fx.count, 1);
    fetch(C, 7, ACCESS_READ, 0); /* and a second reader */
    sent_page(C, 7, ACCESS_READ, 0);
    assert_int_equal(state_of(P), PAGE_OWNED);
    assert_int_equal(dw.fx.count, 0);
}

/* Ownership leaves: no access from now on, the frame stays frozen until all parts are acked. */
static void test_write_takes_all(void **state) {
    (void)state;
    page_bring(P, PAGE_WRITE);
    fetch(B, 6, ACCESS_WRITE, 3);
    uint32_t row = sent_page(B, 6, ACCESS_WRITE, 3);
    assert_int_equal(effect_only(FX_UNMAP)->page, P);
    assert_int_equal(state_of(P), PAGE_FREE);
    assert_int_equal(frames_used(), 1);
    for (uint32_t i = 0; i < PAGE_PARTS; i++) {
        assert_int_equal(dsm_pages(dsm_of(&dw.node))[row].state, PAGE_FROZEN);
        acked(row + 1, false);
    }
    assert_int_equal(frames_used(), 0);
    sent_nothing();
}

/* The link to the receiver is gone: the frozen page is of no use any more [P 7.4]. */
static void test_lost_link(void **state) {
    (void)state;
    page_bring(P, PAGE_WRITE);
    fetch(B, 6, ACCESS_WRITE, 0);
    uint32_t row = sent_page(B, 6, ACCESS_WRITE, 0);
    acked(row + 1, false);
    acked(row + 1, true);
    assert_int_equal(frames_used(), 1);
    acked(row + 1, true);
    assert_int_equal(frames_used(), 0);
}

/* A reader's parts are still on their way when a writer takes the page: all six must arrive. */
static void test_frozen_until_all_acked(void **state) {
    (void)state;
    page_bring(P, PAGE_WRITE);
    fetch(B, 6, ACCESS_READ, 0);
    fetch(C, 7, ACCESS_WRITE, 1);
    uint32_t row = sent_page(C, 7, ACCESS_WRITE, 1);
    for (uint32_t i = 0; i < 2 * PAGE_PARTS; i++) {
        assert_int_equal(frames_used(), 1);
        acked(row + 1, false);
    }
    assert_int_equal(frames_used(), 0);
}

/* A frozen frame is nobody's: the same page comes back into another frame. */
static void test_frozen_is_not_found(void **state) {
    (void)state;
    page_bring(P, PAGE_WRITE);
    fetch(B, 6, ACCESS_WRITE, 0);
    uint32_t row = sent_page(B, 6, ACCESS_WRITE, 0);
    fetch(C, 8, ACCESS_READ, 0); /* not the owner any more: a straggler */
    sent_nothing();
    page_bring(P, PAGE_READ);
    assert_int_equal(frames_used(), 2);
    assert_ptr_not_equal(page_row(P), &dsm_pages(dsm_of(&dw.node))[row]);
    unmap(P, 1);
    acked(row + 1, false);
    assert_int_equal(frames_used(), 1);
}

/* A thread here waits to write; another writer is first: the wish stays, the contents go. */
static void test_owner_that_wants_to_write(void **state) {
    (void)state;
    page_bring(P, PAGE_OWNED_WAIT);
    uint32_t op = op_of(P);
    fetch(C, 6, ACCESS_READ, 0);
    assert_int_equal(state_of(P), PAGE_OWNED_WAIT);
    fetch(B, 7, ACCESS_WRITE, 1);
    uint32_t row = sent_page(B, 7, ACCESS_WRITE, 1);
    assert_int_equal(dw.sent_count, PAGE_PARTS); /* the request is at the manager already */
    assert_int_equal(effect_only(FX_UNMAP)->page, P);
    assert_int_equal(state_of(P), PAGE_WAIT_WRITE);
    assert_int_equal(op_of(P), op);
    for (uint32_t i = 0; i < 2 * PAGE_PARTS; i++) {
        acked(row + 1, false);
    }
    assert_int_equal(state_of(P), PAGE_WAIT_WRITE); /* its frame waits for the answer */
    hear_page(P, op, ACCESS_WRITE, 0);
    assert_int_equal(state_of(P), PAGE_WRITE);
    assert_true(woken(0, 0));
}

/* ---- invalidate ------------------------------------------------------------------------------ */

static void inv_acked(seat_id to, uint32_t op) {
    const struct sent *s = sent_to(MSG_DSM_INV_ACK, to);

    assert_int_equal(dw.sent_count, 1);
    assert_int_equal(s->m.head.op, op);
    assert_int_equal(s->m.head.seat, to);
    assert_int_equal(s->m.dsm.birth, BIRTH);
}

static void test_invalidate_copy(void **state) {
    static const enum page_state held[] = {PAGE_READ, PAGE_OWNED};

    (void)state;
    for (uint32_t i = 0; i < 2; i++) {
        page_bring(P, held[i]);
        invalidate(B, 20 + i);
        inv_acked(B, 20 + i);
        assert_int_equal(effect_only(FX_UNMAP)->page, P);
        assert_int_equal(state_of(P), PAGE_FREE);
        assert_int_equal(frames_used(), 0);
    }
}

/* The copy goes, the wish to write stays: contents will be needed. */
static void test_invalidate_copy_with_wish(void **state) {
    static const enum page_state held[] = {PAGE_READ_WAIT, PAGE_OWNED_WAIT};

    (void)state;
    for (uint32_t i = 0; i < 2; i++) {
        page_bring(P + i, held[i]);
        struct msg m = message(MSG_DSM_INVALIDATE, P + i, B, 20);
        uint32_t op = op_of(P + i);
        hear(MANAGER, &m);
        inv_acked(B, 20);
        assert_int_equal(effect_only(FX_UNMAP)->page, P + i);
        assert_int_equal(state_of(P + i), PAGE_WAIT_WRITE);
        assert_int_equal(op_of(P + i), op);
        hear_page(P + i, op, ACCESS_WRITE, 0);
        assert_true(woken(0, 0));
    }
}

/* Nothing here, or only the wish for it: there is no copy. */
static void test_invalidate_nothing(void **state) {
    static const enum page_state held[] = {PAGE_FREE, PAGE_WAIT_READ, PAGE_WAIT_WRITE};

    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        page_bring(P + i, held[i]);
        struct msg m = message(MSG_DSM_INVALIDATE, P + i, B, 20);
        hear(MANAGER, &m);
        inv_acked(B, 20);
        assert_int_equal(dw.fx.count, 0);
        assert_int_equal(state_of(P + i), held[i]);
    }
}

/* Another area's page has this number now: the copy that is meant is gone, this one stays. */
static void test_other_births(void **state) {
    (void)state;
    page_bring(P, PAGE_WRITE);
    struct msg m = message(MSG_DSM_INVALIDATE, P, B, 20);
    m.dsm.birth = BIRTH - 1;
    hear(MANAGER, &m);
    assert_int_equal(sent_to(MSG_DSM_INV_ACK, B)->m.dsm.birth, BIRTH - 1);
    assert_int_equal(state_of(P), PAGE_WRITE);
    m = message(MSG_DSM_FETCH, P, B, 20);
    m.dsm.birth = BIRTH - 1;
    m.dsm.access = ACCESS_WRITE;
    hear(MANAGER, &m);
    sent_nothing();
    assert_int_equal(state_of(P), PAGE_WRITE);
    m.head.generation++;
    hear(MANAGER, &m);
    sent_nothing();
    assert_int_equal(dw.refused, 0);
}

/* ---- broken peers ---------------------------------------------------------------------------- */

/* Only the owner sends, and the only holder has no copy to lose. */
static void test_wrong_states(void **state) {
    static const enum page_state held[] = {PAGE_WAIT_READ, PAGE_WAIT_WRITE, PAGE_READ,
                                           PAGE_READ_WAIT};
    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        page_bring(P + i, held[i]);
        for (uint8_t access = 0; access < 4; access++) {
            struct msg m = message(MSG_DSM_FETCH, P + i, B, 20);
            m.dsm.access = access;
            hear(MANAGER, &m);
            sent_nothing();
            assert_int_equal(dw.refused, 1);
            assert_int_equal(state_of(P + i), held[i]);
        }
    }
    page_bring(P + 4, PAGE_WRITE);
    struct msg m = message(MSG_DSM_INVALIDATE, P + 4, B, 20);
    hear(MANAGER, &m);
    sent_nothing();
    assert_int_equal(dw.refused, 1);
    assert_int_equal(state_of(P + 4), PAGE_WRITE);
}

/* A manager never names the owner as the one who wants the page. */
static void test_fetch_for_itself(void **state) {
    (void)state;
    page_bring(P, PAGE_WRITE);
    fetch(SELF, 6, ACCESS_READ, 0);
    fetch(SELF, 6, ACCESS_WRITE, 0);
    sent_nothing();
    assert_int_equal(dw.refused, 1);
    assert_int_equal(state_of(P), PAGE_WRITE);
    invalidate(SELF, 6); /* of a copy that is not there, to itself: answered, and a stray */
    assert_int_equal(dw.refused, 1);
}

/* Fetched again and again while nobody acks: bounded, and it goes on when the acks come. */
static void test_fetch_flood(void **state) {
    uint32_t row = NIL, sent = 0;

    (void)state;
    page_bring(P, PAGE_WRITE);
    for (uint32_t i = 0; i < 400; i++) {
        fetch(B, 100 + i, ACCESS_READ, 0);
        if (dw.sent_count != 0) {
            row = dw.sent[0].ref.frame;
            sent += dw.sent_count;
        } else {
            assert_int_equal(dw.refused, 1);
        }
    }
    assert_true(sent <= PINS_MAX && sent > PINS_MAX - PAGE_PARTS);
    fetch(C, 6, ACCESS_WRITE, 0);
    assert_int_equal(state_of(P), PAGE_OWNED);
    while (sent-- != 0) {
        acked(row + 1, false);
    }
    fetch(C, 6, ACCESS_WRITE, 0);
    assert_int_equal(sent_page(C, 6, ACCESS_WRITE, 0), row);
}

/* ---- the end --------------------------------------------------------------------------------- */

static void test_unmapped_while_pinned(void **state) {
    (void)state;
    page_bring(P, PAGE_WRITE);
    fetch(B, 6, ACCESS_READ, 0);
    uint32_t row = dw.sent[0].ref.frame;
    unmap(P, 1);
    const struct effect *e = effect_only(FX_LIMIT);
    assert_int_equal(e->page, P);
    assert_int_equal(e->value, 1);
    assert_int_equal(e->right, ACCESS_NONE);
    assert_int_equal(state_of(P), PAGE_FREE);
    assert_int_equal(frames_used(), 1);
    for (uint32_t i = 0; i < PAGE_PARTS; i++) {
        acked(row + 1, false);
    }
    assert_int_equal(frames_used(), 0);
}

static void test_job_closed_while_frozen(void **state) {
    (void)state;
    page_bring(P, PAGE_WRITE);
    fetch(B, 6, ACCESS_WRITE, 0);
    uint32_t row = dw.sent[0].ref.frame;
    page_bring(P + 1, PAGE_OWNED);
    job_close();
    assert_int_equal(frames_used(), 1);
    fetch(C, 7, ACCESS_WRITE, 0);
    invalidate(C, 7);
    sent_nothing();
    for (uint32_t i = 0; i < PAGE_PARTS; i++) {
        acked(row + 1, false);
    }
    assert_int_equal(frames_used(), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_read_of_written, start, end),
        cmocka_unit_test_setup_teardown(test_write_takes_all, start, end),
        cmocka_unit_test_setup_teardown(test_lost_link, start, end),
        cmocka_unit_test_setup_teardown(test_frozen_until_all_acked, start, end),
        cmocka_unit_test_setup_teardown(test_frozen_is_not_found, start, end),
        cmocka_unit_test_setup_teardown(test_owner_that_wants_to_write, start, end),
        cmocka_unit_test_setup_teardown(test_invalidate_copy, start, end),
        cmocka_unit_test_setup_teardown(test_invalidate_copy_with_wish, start, end),
        cmocka_unit_test_setup_teardown(test_invalidate_nothing, start, end),
        cmocka_unit_test_setup_teardown(test_other_births, start, end),
        cmocka_unit_test_setup_teardown(test_wrong_states, start, end),
        cmocka_unit_test_setup_teardown(test_fetch_for_itself, start, end),
        cmocka_unit_test_setup_teardown(test_fetch_flood, start, end),
        cmocka_unit_test_setup_teardown(test_unmapped_while_pinned, start, end),
        cmocka_unit_test_setup_teardown(test_job_closed_while_frozen, start, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
