/* services/dsm_requester.c services/dsm_publish.c: a fault becomes a request, the answer and its
 * acks become a right; what a broken or late peer may say meanwhile [P 8.1, 8.6, 9.2]. */
/* sources: tests/unit/dsm_world.c tests/unit/dsm_doubles.c services/dsm_manager.c
            services/dsm_owner.c services/dsm_requester.c services/dsm_publish.c services/dsm_hold.c
            services/dsm_page.c services/dsm_service.c adapt/msg.c */
#include "tests/unit/dsm_world.h"

enum { P = FIRST_PAGE, C = 5 }; /* a page; another node's seat */

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

static void hear_ack(page_no page, uint32_t op) {
    struct msg m = message(MSG_DSM_INV_ACK, page, SELF, op);

    hear(C, &m);
}

static const struct sent *asked(enum msg_type type, page_no page) {
    const struct sent *s = sent_to(type, MANAGER);

    assert_int_equal(dw.sent_count, 1);
    assert_int_equal(s->m.head.key, key_make(SERVICE_DSM, JOB, page));
    assert_int_equal(s->m.head.seat, SELF);
    assert_int_equal(s->m.head.op, op_of(page));
    assert_int_not_equal(s->m.head.op, 0);
    assert_int_equal(s->m.head.generation, GENERATION);
    assert_int_equal(s->m.dsm.birth, BIRTH);
    return s;
}

static void told_done(uint32_t op, uint32_t version) {
    const struct sent *s = sent_to(MSG_DSM_DONE, MANAGER);

    assert_int_equal(s->m.head.op, op);
    assert_int_equal(s->m.head.version, version);
    assert_int_equal(s->m.dsm.birth, BIRTH);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static void test_asks(void **state) {
    (void)state;
    fault(0, P, ACCESS_READ);
    assert_int_equal(asked(MSG_DSM_READ_REQ, P)->m.dsm.flags, 0);
    assert_int_equal(state_of(P), PAGE_WAIT_READ);
    fault(1, P + 1, ACCESS_WRITE);
    assert_int_equal(asked(MSG_DSM_WRITE_REQ, P + 1)->m.dsm.flags, 0);
    assert_int_equal(state_of(P + 1), PAGE_WAIT_WRITE);
    page_bring(P + 2, PAGE_READ);
    fault(2, P + 2, ACCESS_WRITE);
    assert_int_equal(asked(MSG_DSM_WRITE_REQ, P + 2)->m.dsm.flags, DSM_HAS_COPY);
    assert_int_equal(state_of(P + 2), PAGE_READ_WAIT);
    page_bring(P + 3, PAGE_OWNED);
    fault(3, P + 3, ACCESS_WRITE);
    assert_int_equal(asked(MSG_DSM_WRITE_REQ, P + 3)->m.dsm.flags, DSM_HAS_COPY);
    assert_int_equal(state_of(P + 3), PAGE_OWNED_WAIT);
    assert_int_equal(dw.fx.count, 0);
}

static void test_area_is_asked_first(void **state) {
    (void)state;
    dw.area = AREA_ASKED;
    fault(0, P, ACCESS_READ);
    sent_nothing();
    assert_int_equal(state_of(P), PAGE_FREE);
    area_learnt(P); /* another area of the job: asked again */
    assert_int_equal(dw.area_asks, 1);
    dw.area = AREA_YES;
    dw.birth = BIRTH;
    area_learnt(P);
    asked(MSG_DSM_READ_REQ, P);
}

/* The map does not allow it: the thread hears so, once, and wants nothing any more. */
static void test_area_denied(void **state) {
    (void)state;
    dw.area = AREA_ASKED;
    fault(0, P, ACCESS_READ);
    fault(0, P + 1, ACCESS_READ);
    fault(1, P + 1, ACCESS_WRITE);
    dw.area = AREA_NO;
    area_learnt(P);
    sent_nothing();
    assert_true(woken(0, -ERR_FAULT));
    assert_true(woken(1, -ERR_FAULT));
    assert_int_equal(effects_of(FX_WAKE), 2);
    assert_int_equal(dw.reports[REPORT_JOB_FAULT], 2);
    fault(2, 0, ACCESS_READ); /* refused at once */
    assert_true(woken(2, -ERR_FAULT));
    area_learnt(P);
    assert_int_equal(dw.fx.count, 0);
}

/* A page that came for the set of a call that failed is simply here. */
static void test_area_denied_in_a_set(void **state) {
    (void)state;
    fault(0, P, ACCESS_READ);
    uint32_t op = op_of(P);
    dw.area = AREA_NO;
    fault(0, P + 1, ACCESS_WRITE);
    assert_true(woken(0, -ERR_FAULT));
    hear_page(P, op, ACCESS_READ, 0);
    assert_int_equal(effects_of(FX_WAKE), 0);
    assert_int_equal(state_of(P), PAGE_READ);
}

static void test_served_at_once(void **state) {
    static const enum page_state held[] = {PAGE_READ, PAGE_OWNED, PAGE_WRITE};

    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        page_bring(P + i, held[i]);
        fault(1, P + i, ACCESS_READ);
        sent_nothing();
        assert_true(woken(1, 0));
        ran(1);
    }
    fault(1, P + 2, ACCESS_WRITE);
    sent_nothing();
    assert_true(woken(1, 0));
}

/* ---- answers --------------------------------------------------------------------------------- */

static void test_read_page(void **state) {
    (void)state;
    fault(0, P, ACCESS_READ);
    uint32_t op = op_of(P);
    uint32_t row = (uint32_t)(page_row(P) - dsm_pages(dsm_of(&dw.node)));
    for (uint16_t part = 0; part < PAGE_PARTS; part++) {
        hear_part(P, op, ACCESS_READ, part, 0);
        const struct effect *e = effect_only(FX_COPY_IN);
        assert_int_equal(e->frame, row);
        assert_int_equal(e->offset, part * PAGE_PART_BYTES);
        assert_ptr_equal(e->bytes, dw.contents + e->offset);
        assert_int_equal(e->size, part < 2 ? PAGE_PART_BYTES : PAGE_BYTES - 2 * PAGE_PART_BYTES);
        assert_int_equal(effects_of(FX_WAKE), part == 2);
    }
    told_done(op, 4);
    assert_int_equal(effect_only(FX_MAP)->right, ACCESS_READ);
    assert_int_equal(effect_only(FX_MAP)->frame, row);
    assert_true(woken(0, 0));
    assert_int_equal(state_of(P), PAGE_READ);
    assert_int_equal(op_of(P), 0);
}

/* Parts of one page come over one link: never out of order, never twice. */
static void test_parts_out_of_order(void **state) {
    (void)state;
    fault(0, P, ACCESS_READ);
    uint32_t op = op_of(P);
    hear_part(P, op, ACCESS_READ, 1, 0);
    assert_int_equal(dw.refused, 1);
    assert_int_equal(dw.fx.count, 0);
    hear_part(P, op, ACCESS_READ, 0, 0);
    hear_part(P, op, ACCESS_READ, 0, 0);
    assert_int_equal(dw.refused, 1);
    hear_part(P, op, ACCESS_READ, 2, 0);
    assert_int_equal(dw.refused, 1);
    hear_grant(P, op, DSM_ZERO, 0); /* in the middle of contents */
    assert_int_equal(dw.refused, 1);
    hear_part(P, op, ACCESS_READ, 1, 0);
    hear_part(P, op, ACCESS_READ, 2, 0);
    assert_true(woken(0, 0));
    hear_part(P, op, ACCESS_READ, 0, 0); /* a fourth: not awaited */
    sent_nothing();
    assert_int_equal(dw.fx.count, 0);
}

static void test_strays(void **state) {
    (void)state;
    fault(0, P, ACCESS_WRITE);
    uint32_t op = op_of(P);
    hear_page(P, op + 1, ACCESS_WRITE, 0); /* another request */
    hear_page(P + 1, op, ACCESS_WRITE, 0); /* another page */
    hear_grant(P, op - 1, DSM_ZERO, 0);
    hear_ack(P, op + 1);
    struct msg m = message(MSG_DSM_GRANT, P, SELF, op);
    m.dsm.birth = BIRTH - 1; /* the area before */
    m.dsm.flags = DSM_ZERO;
    hear(MANAGER, &m);
    m = message(MSG_DSM_GRANT, P, SELF, op);
    m.head.generation--; /* another run */
    m.dsm.flags = DSM_ZERO;
    hear(MANAGER, &m);
    assert_int_equal(dw.refused, 0);
    assert_int_equal(dw.fx.count, 0);
    assert_int_equal(state_of(P), PAGE_WAIT_WRITE);
    assert_int_equal(page_row(P)->parts, 0);
    assert_int_equal(page_row(P)->acks_got, 0);
}

/* An idle page awaits nothing: no request has number 0. */
static void test_operation_zero(void **state) {
    static const enum page_state held[] = {PAGE_READ, PAGE_OWNED, PAGE_WRITE};

    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        page_bring(P + i, held[i]);
        hear_ack(P + i, 0);
        hear_page(P + i, 0, ACCESS_WRITE, 0);
        hear_grant(P + i, 0, 0, 0);
        sent_nothing();
        assert_int_equal(dw.fx.count + dw.refused, 0);
        assert_int_equal(state_of(P + i), held[i]);
    }
    dsm_of(&dw.node)->next_op = UINT32_MAX - 1;
    fault(0, P + 3, ACCESS_READ);
    assert_int_equal(op_of(P + 3), UINT32_MAX);
    fault(0, P + 4, ACCESS_READ);
    assert_int_equal(op_of(P + 4), 1);
}

static void test_zero_page(void **state) {
    (void)state;
    fault(0, P, ACCESS_READ);
    hear_grant(P, op_of(P), DSM_ZERO, 0);
    assert_int_equal(dw.fx.list[0].type, FX_ZERO); /* before anybody can see it */
    assert_int_equal(effect_only(FX_MAP)->right, ACCESS_WRITE);
    assert_true(woken(0, 0));
    assert_int_equal(sent_of(MSG_DSM_DONE), 1);
    assert_int_equal(state_of(P), PAGE_WRITE);
    fault(0, P + 1, ACCESS_WRITE);
    hear_grant(P + 1, op_of(P + 1), DSM_ZERO, 0);
    assert_int_equal(state_of(P + 1), PAGE_WRITE);
}

static void test_rights(void **state) {
    static const enum page_state held[] = {PAGE_READ_WAIT, PAGE_OWNED_WAIT};

    (void)state;
    for (uint32_t i = 0; i < 2; i++) {
        page_bring(P + i, held[i]);
        uint32_t op = op_of(P + i);
        hear_grant(P + i, op, DSM_ZERO, 0);
        assert_int_equal(dw.refused, 1);
        hear_page(P + i, op, ACCESS_WRITE, 0);
        assert_int_equal(dw.refused, 1);
        hear_grant(P + i, op, 0, 0);
        assert_int_equal(effects_of(FX_COPY_IN) + effects_of(FX_ZERO), 0);
        assert_int_equal(effect_only(FX_MAP)->right, ACCESS_WRITE);
        told_done(op, 4);
        assert_true(woken(0, 0));
        assert_int_equal(state_of(P + i), PAGE_WRITE);
    }
    fault(0, P + 2, ACCESS_WRITE); /* no copy here: rights to nothing */
    hear_grant(P + 2, op_of(P + 2), 0, 0);
    assert_int_equal(dw.refused, 1);
    assert_int_equal(state_of(P + 2), PAGE_WAIT_WRITE);
}

/* ---- acks ------------------------------------------------------------------------------------ */

static void test_acks_after(void **state) {
    (void)state;
    fault(0, P, ACCESS_WRITE);
    uint32_t op = op_of(P);
    hear_page(P, op, ACCESS_WRITE, 2);
    sent_nothing();
    assert_int_equal(effects_of(FX_WAKE) + effects_of(FX_MAP), 0);
    hear_ack(P, op);
    sent_nothing();
    hear_ack(P, op);
    told_done(op, 4);
    assert_true(woken(0, 0));
    assert_int_equal(state_of(P), PAGE_WRITE);
}

static void test_acks_before(void **state) {
    (void)state;
    page_bring(P, PAGE_READ_WAIT);
    uint32_t op = op_of(P);
    hear_ack(P, op);
    hear_ack(P, op);
    assert_int_equal(state_of(P), PAGE_READ_WAIT);
    hear_grant(P, op, 0, 3);
    sent_nothing();
    hear_grant(P, op, 0, 0); /* a second one changes nothing */
    assert_int_equal(dw.refused, 1);
    hear_ack(P, op);
    assert_true(woken(0, 0));
    hear_ack(P, op);
    assert_int_equal(dw.fx.count + dw.sent_count + dw.refused, 0);
}

/* The acks of one request are not those of the next. */
static void test_acks_start_anew(void **state) {
    (void)state;
    fault(0, P, ACCESS_READ);
    uint32_t op = op_of(P);
    hear_ack(P, op); /* nobody acks a reader */
    hear_page(P, op, ACCESS_READ, 0);
    fault(1, P, ACCESS_WRITE);
    hear_grant(P, op_of(P), 0, 1);
    assert_int_equal(state_of(P), PAGE_READ_WAIT);
}

static void test_huge_acks(void **state) {
    (void)state;
    fault(0, P, ACCESS_WRITE);
    uint32_t op = op_of(P);
    hear_page(P, op, ACCESS_WRITE, 0xFFFF);
    for (uint32_t i = 0; i < 100; i++) {
        hear_ack(P, op);
    }
    assert_int_equal(state_of(P), PAGE_WAIT_WRITE);
    dw.area = AREA_ASKED;
    unmap(P, 1); /* the way out */
    assert_int_equal(frames_used(), 0);
}

/* Another writer was first: the copy that was to get rights is gone, contents come instead. */
static void test_copy_lost_while_asking(void **state) {
    (void)state;
    page_bring(P, PAGE_READ_WAIT);
    uint32_t op = op_of(P);
    struct msg m = message(MSG_DSM_INVALIDATE, P, C, 55);
    hear(MANAGER, &m);
    sent_to(MSG_DSM_INV_ACK, C);
    assert_int_equal(state_of(P), PAGE_WAIT_WRITE);
    hear_page(P, op, ACCESS_WRITE, 1);
    hear_ack(P, op);
    assert_int_equal(state_of(P), PAGE_WRITE);
    assert_true(woken(0, 0));
}

/* A broken manager gives the page away while its grant waits for acks: refused, no more. */
static void test_taken_while_awaiting_acks(void **state) {
    static const enum page_state held[] = {PAGE_READ_WAIT, PAGE_OWNED_WAIT, PAGE_OWNED_WAIT};
    static const enum msg_type takes[] = {MSG_DSM_INVALIDATE, MSG_DSM_INVALIDATE, MSG_DSM_FETCH};

    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        page_bring(P + i, held[i]);
        uint32_t op = op_of(P + i);
        hear_grant(P + i, op, 0, 1);
        struct msg m = message(takes[i], P + i, C, 55);
        m.dsm.access = ACCESS_WRITE;
        hear(MANAGER, &m);
        assert_int_equal(state_of(P + i), PAGE_WAIT_WRITE);
        hear_ack(P + i, op);
        assert_int_equal(dw.refused, 1);
        assert_int_equal(state_of(P + i), PAGE_WAIT_WRITE);
    }
}

/* ---- several threads, several pages ---------------------------------------------------------- */

static void test_threads_share_an_answer(void **state) {
    (void)state;
    fault(0, P, ACCESS_READ);
    fault(1, P, ACCESS_READ);
    fault(2, P, ACCESS_WRITE);
    sent_nothing();
    uint32_t op = op_of(P);
    hear_page(P, op, ACCESS_READ, 0);
    assert_true(woken(0, 0) && woken(1, 0));
    assert_int_equal(effects_of(FX_WAKE), 2);
    assert_int_equal(sent_of(MSG_DSM_DONE), 1);
    const struct sent *s = sent_to(MSG_DSM_WRITE_REQ, MANAGER); /* for the writer, at once */
    assert_int_equal(s->m.dsm.flags, DSM_HAS_COPY);
    assert_int_not_equal(s->m.head.op, op);
    assert_int_equal(state_of(P), PAGE_READ_WAIT);
    hear_grant(P, op_of(P), 0, 0);
    assert_true(woken(2, 0));
    assert_int_equal(effects_of(FX_WAKE), 1);
}

/* The same thread wants more of a page that is on its way: not woken before it may write. */
static void test_wish_grows(void **state) {
    (void)state;
    fault(0, P, ACCESS_READ);
    fault(0, P, ACCESS_WRITE);
    fault(0, P, ACCESS_READ);
    sent_nothing();
    hear_page(P, op_of(P), ACCESS_READ, 0);
    assert_int_equal(effects_of(FX_WAKE), 0);
    hear_grant(P, op_of(P), 0, 0);
    assert_true(woken(0, 0));
}

static void test_set_of_a_call(void **state) {
    (void)state;
    dsm_world_end();
    dsm_world_start(32);
    for (uint32_t i = 0; i < HOLD_MAX; i++) {
        fault(0, P + i, i % 2 ? ACCESS_READ : ACCESS_WRITE);
    }
    for (uint32_t i = 0; i < HOLD_MAX; i++) {
        page_no page = P + HOLD_MAX - 1 - i;
        hear_page(page, op_of(page), state_of(page) == PAGE_WAIT_READ ? ACCESS_READ : ACCESS_WRITE,
                  0);
        assert_int_equal(effects_of(FX_WAKE), i == HOLD_MAX - 1);
    }
    fault(0, P + 30, ACCESS_READ); /* a 17th: the oldest hold gives way */
    asked(MSG_DSM_READ_REQ, P + 30);
    assert_int_equal(page_row(P)->holds, 0);
}

static void test_too_many_at_once(void **state) {
    (void)state;
    dsm_world_end();
    dsm_world_start(32);
    for (uint32_t i = 0; i < HOLD_MAX; i++) {
        fault(0, P + i, ACCESS_READ);
    }
    fault(0, P + HOLD_MAX, ACCESS_READ);
    assert_true(woken(0, -ERR_FAULT));
    assert_int_equal(effects_of(FX_WAKE), 1);
    hear_page(P, op_of(P), ACCESS_READ, 0);
    assert_int_equal(effects_of(FX_WAKE), 0);
}

/* ---- resend ---------------------------------------------------------------------------------- */

static void test_resend(void **state) {
    static const enum page_state held[] = {PAGE_WAIT_READ, PAGE_WAIT_WRITE, PAGE_READ_WAIT,
                                           PAGE_OWNED_WAIT, PAGE_READ, PAGE_OWNED, PAGE_WRITE};
    uint32_t op[7];

    (void)state;
    for (uint32_t i = 0; i < 7; i++) {
        page_bring(P + i, held[i]);
        op[i] = op_of(P + i);
    }
    hear_grant(P + 2, op[2], 0, 1); /* granted, not acked: its answer is not whole */
    resend();
    assert_int_equal(dw.sent_count, 4);
    for (uint32_t i = 0; i < 4; i++) {
        uint32_t at = (uint32_t)key_index(dw.sent[i].m.head.key) - P;
        assert_int_equal(dw.sent[i].to, MANAGER);
        assert_int_equal(dw.sent[i].m.head.op, op[at]);
        assert_int_equal(dw.sent[i].m.head.type, at == 0 ? MSG_DSM_READ_REQ : MSG_DSM_WRITE_REQ);
        assert_int_equal(dw.sent[i].m.dsm.flags, at >= 2 ? DSM_HAS_COPY : 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_asks, start, end),
        cmocka_unit_test_setup_teardown(test_area_is_asked_first, start, end),
        cmocka_unit_test_setup_teardown(test_area_denied, start, end),
        cmocka_unit_test_setup_teardown(test_area_denied_in_a_set, start, end),
        cmocka_unit_test_setup_teardown(test_served_at_once, start, end),
        cmocka_unit_test_setup_teardown(test_read_page, start, end),
        cmocka_unit_test_setup_teardown(test_parts_out_of_order, start, end),
        cmocka_unit_test_setup_teardown(test_strays, start, end),
        cmocka_unit_test_setup_teardown(test_operation_zero, start, end),
        cmocka_unit_test_setup_teardown(test_zero_page, start, end),
        cmocka_unit_test_setup_teardown(test_rights, start, end),
        cmocka_unit_test_setup_teardown(test_acks_after, start, end),
        cmocka_unit_test_setup_teardown(test_acks_before, start, end),
        cmocka_unit_test_setup_teardown(test_acks_start_anew, start, end),
        cmocka_unit_test_setup_teardown(test_huge_acks, start, end),
        cmocka_unit_test_setup_teardown(test_copy_lost_while_asking, start, end),
        cmocka_unit_test_setup_teardown(test_taken_while_awaiting_acks, start, end),
        cmocka_unit_test_setup_teardown(test_threads_share_an_answer, start, end),
        cmocka_unit_test_setup_teardown(test_wish_grows, start, end),
        cmocka_unit_test_setup_teardown(test_set_of_a_call, start, end),
        cmocka_unit_test_setup_teardown(test_too_many_at_once, start, end),
        cmocka_unit_test_setup_teardown(test_resend, start, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
