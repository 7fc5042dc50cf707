/* services/dsm_manager.c: one transaction of a page at a time, in order; who is fetched from,
 * invalidated, or gets rights only; what a broken peer may say [P 8.1]. */
/* sources: tests/unit/dsm_world.c tests/unit/dsm_doubles.c services/dsm_manager.c
            services/dsm_owner.c services/dsm_requester.c services/dsm_publish.c services/dsm_hold.c
            services/dsm_page.c services/dsm_service.c adapt/msg.c */
#include "tests/unit/dsm_world.h"

enum { P = FIRST_PAGE, A = 3, B = 4, C = 5 }; /* a page; seats of three nodes */

static int start(void **state) {
    (void)state;
    dsm_world_start(16);
    dw.manager = SELF;
    return 0;
}

static int end(void **state) {
    (void)state;
    dsm_world_end();
    return 0;
}

static void ask(enum msg_type type, seat_id seat, uint32_t op, uint8_t flags) {
    struct msg m = message(type, P, seat, op);

    m.dsm.access = type == MSG_DSM_WRITE_REQ ? ACCESS_WRITE : ACCESS_READ;
    m.dsm.flags = flags;
    m.head.version = entry_of(P) != NULL ? entry_of(P)->version : 0; /* of its copy */
    hear(seat, &m);
}

static void ask_read(seat_id seat, uint32_t op) {
    ask(MSG_DSM_READ_REQ, seat, op, 0);
}

static void ask_write(seat_id seat, uint32_t op) {
    ask(MSG_DSM_WRITE_REQ, seat, op, 0);
}

static void ask_rights(seat_id seat, uint32_t op) {
    ask(MSG_DSM_WRITE_REQ, seat, op, DSM_HAS_COPY);
}

static void done(seat_id seat, uint32_t op) {
    struct msg m = message(MSG_DSM_DONE, P, seat, op);

    hear(seat, &m);
}

static void owns(seat_id seat) {
    ask_write(seat, 1);
    done(seat, 1);
    assert_int_equal(entry_of(P)->owner, seat);
}

static void reads(seat_id seat) {
    ask_read(seat, 1);
    done(seat, 1);
}

static bool has_copy(seat_id seat) {
    return (entry_of(P)->copies[seat / 32] >> seat % 32 & 1) != 0;
}

static uint32_t copies(void) {
    uint32_t count = 0;

    for (uint32_t i = 0; i < SEATS_MAX / 32; i++) {
        count += (uint32_t)__builtin_popcount(entry_of(P)->copies[i]);
    }
    return count;
}

/* ---- what a request leads to ----------------------------------------------------------------- */

/* Nobody touched the page: the first one gets it as zeroes and owns it, whatever it asked for. */
static void test_untouched(void **state) {
    (void)state;
    ask_read(A, 9);
    const struct sent *s = sent_to(MSG_DSM_GRANT, A);
    assert_int_equal(dw.sent_count, 1);
    assert_int_equal(s->m.dsm.flags, DSM_ZERO);
    assert_int_equal(s->m.dsm.access, ACCESS_WRITE);
    assert_int_equal(s->m.dsm.acks, 0);
    assert_int_equal(s->m.dsm.birth, BIRTH);
    assert_int_equal(s->m.head.op, 9);
    assert_int_equal(s->m.head.seat, A);
    assert_int_equal(s->m.head.version, 1);
    assert_int_equal(s->m.head.generation, GENERATION);
    assert_int_equal(entry_of(P)->owner, SEAT_NONE);
    done(A, 9);
    sent_nothing();
    assert_int_equal(entry_of(P)->owner, A);
    assert_int_equal(entry_of(P)->version, 1);
    assert_int_equal(copies(), 0);
}

static void test_read(void **state) {
    (void)state;
    owns(A);
    ask_read(B, 2);
    const struct sent *s = sent_to(MSG_DSM_FETCH, A);
    assert_int_equal(dw.sent_count, 1);
    assert_int_equal(s->m.head.seat, B);
    assert_int_equal(s->m.head.op, 2);
    assert_int_equal(s->m.head.version, 1); /* reading makes no new version */
    assert_int_equal(s->m.dsm.access, ACCESS_READ);
    assert_int_equal(s->m.dsm.acks, 0);
    assert_true(has_copy(B)); /* recorded before it is sent */
    done(B, 2);
    assert_int_equal(entry_of(P)->owner, A);
    assert_int_equal(entry_of(P)->version, 1);
    assert_int_equal(copies(), 1);
}

/* A writer without a copy: every copy goes, the owner sends the page, the writer waits for acks. */
static void test_write(void **state) {
    (void)state;
    owns(A);
    reads(C);
    reads(7);
    ask_write(B, 2);
    assert_int_equal(sent_of(MSG_DSM_INVALIDATE), 2);
    assert_int_equal(dw.sent[0].to + dw.sent[1].to, C + 7);
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(dw.sent[i].m.head.type, MSG_DSM_INVALIDATE);
        assert_int_equal(dw.sent[i].m.head.seat, B);
        assert_int_equal(dw.sent[i].m.head.op, 2);
    }
    const struct sent *s = sent_to(MSG_DSM_FETCH, A);
    assert_int_equal(s->m.head.version, 2);
    assert_int_equal(s->m.dsm.access, ACCESS_WRITE);
    assert_int_equal(s->m.dsm.acks, 2);
    done(B, 2);
    assert_int_equal(entry_of(P)->owner, B);
    assert_int_equal(entry_of(P)->version, 2);
    assert_int_equal(copies(), 0);
}

/* A reader that becomes writer gets rights, not contents; the old owner's page is one more copy. */
static void test_rights(void **state) {
    (void)state;
    owns(A);
    reads(B);
    reads(C);
    ask_rights(B, 2);
    assert_int_equal(sent_of(MSG_DSM_FETCH), 0);
    assert_int_equal(sent_of(MSG_DSM_INVALIDATE), 2);
    assert_int_equal(dw.sent[0].to, A);
    assert_int_equal(dw.sent[1].to, C);
    const struct sent *s = sent_to(MSG_DSM_GRANT, B);
    assert_int_equal(s->m.dsm.flags, 0);
    assert_int_equal(s->m.dsm.acks, 2);
    assert_int_equal(s->m.head.version, 2);
    done(B, 2);
    assert_int_equal(entry_of(P)->owner, B);
    assert_int_equal(copies(), 0);
}

/* The owner that lent its page wants to write again; it need not say that it has a copy. */
static void test_rights_of_owner(void **state) {
    (void)state;
    owns(A);
    reads(B);
    ask_write(A, 2);
    sent_to(MSG_DSM_INVALIDATE, B);
    assert_int_equal(sent_to(MSG_DSM_GRANT, A)->m.dsm.acks, 1);
    assert_int_equal(dw.sent_count, 2);
    done(A, 2);
    assert_int_equal(entry_of(P)->owner, A);
    assert_int_equal(entry_of(P)->version, 2);
}

/* It asked while it had a copy; a writer that came before has taken it: it needs the contents. */
static void test_stale_copy(void **state) {
    (void)state;
    owns(A);
    reads(B);
    ask_write(C, 2);
    ask_rights(B, 3);
    sent_nothing();
    done(C, 2);
    const struct sent *s = sent_to(MSG_DSM_FETCH, C);
    assert_int_equal(dw.sent_count, 1);
    assert_int_equal(s->m.head.seat, B);
    assert_int_equal(s->m.dsm.acks, 0);
}

/* In the copy set, but the copy was dropped under pressure: contents, and no invalidation of it. */
static void test_dropped_copy(void **state) {
    (void)state;
    owns(A);
    reads(B);
    ask_write(B, 2);
    assert_int_equal(sent_of(MSG_DSM_INVALIDATE), 0);
    assert_int_equal(sent_to(MSG_DSM_FETCH, A)->m.dsm.acks, 0);
    done(B, 2);
    assert_int_equal(copies(), 0);
    ask_read(A, 5);
    done(A, 5);
    ask_read(A, 6); /* dropped and asked again: still one copy */
    sent_to(MSG_DSM_FETCH, B);
    assert_int_equal(copies(), 1);
}

static void test_every_seat(void **state) {
    (void)state;
    owns(A);
    for (seat_id seat = 0; seat < MEMBERS_MAX; seat++) {
        if (seat != A) {
            reads(seat);
        }
    }
    ask_rights(B, 2);
    assert_int_equal(sent_of(MSG_DSM_INVALIDATE), MEMBERS_MAX - 1);
    assert_int_equal(sent_to(MSG_DSM_GRANT, B)->m.dsm.acks, MEMBERS_MAX - 1);
}

/* ---- one at a time --------------------------------------------------------------------------- */

static void test_queue_order(void **state) {
    (void)state;
    owns(A);
    ask_write(B, 2);
    ask_read(C, 3);
    sent_nothing();
    ask_write(7, 4);
    ask_read(A, 5);
    sent_nothing();
    done(B, 2);
    assert_int_equal(sent_to(MSG_DSM_FETCH, B)->m.head.seat, C);
    assert_int_equal(dw.sent_count, 1);
    done(C, 3);
    sent_to(MSG_DSM_INVALIDATE, C);
    assert_int_equal(sent_to(MSG_DSM_FETCH, B)->m.head.seat, 7);
    done(7, 4);
    assert_int_equal(sent_to(MSG_DSM_FETCH, 7)->m.head.seat, A);
    done(A, 5);
    sent_nothing();
    assert_int_equal(entry_of(P)->owner, 7);
}

static void test_pages_are_independent(void **state) {
    (void)state;
    owns(A);
    ask_write(B, 2);
    struct msg m = message(MSG_DSM_READ_REQ, P + 1, C, 2);
    hear(C, &m);
    sent_to(MSG_DSM_GRANT, C);
}

/* The same operation again, after a view change: nothing happens twice [P 9.10]. */
static void test_repeated(void **state) {
    (void)state;
    owns(A);
    ask_write(B, 2);
    ask_read(C, 3);
    ask_write(B, 2);
    sent_nothing();
    ask_read(C, 3);
    sent_nothing();
    assert_int_equal(dw.refused, 0);
    done(B, 2);
    sent_to(MSG_DSM_FETCH, B);
    done(C, 3);
    sent_nothing();
}

/* The owner has the page: it never asks to read it. The next in the queue has its turn. */
static void test_owner_reads(void **state) {
    (void)state;
    owns(A);
    ask_read(A, 2);
    assert_int_equal(dw.refused, 1);
    sent_nothing();
    ask_write(B, 3);
    ask_read(C, 4);
    ask_read(B, 5);
    assert_int_equal(dw.refused, 1); /* a second request of B */
    done(B, 3);
    sent_to(MSG_DSM_FETCH, B);
}

/* ---- peers' mistakes ------------------------------------------------------------------------- */

static void test_forged_requests(void **state) {
    (void)state;
    owns(A);
    struct msg m = message(MSG_DSM_WRITE_REQ, P, C, 2);
    hear(B, &m); /* in C's name */
    sent_nothing();
    assert_int_equal(dw.refused, 1);
    ask_write(B, 2);
    ask_write(B, 3); /* the first one is not done */
    sent_nothing();
    assert_int_equal(dw.refused, 1);
    ask_read(C, 4);
    ask_write(C, 5); /* is queued already */
    assert_int_equal(dw.refused, 1);
    m = message(MSG_DSM_READ_REQ, P, 7, 2);
    m.head.generation = GENERATION + 1;
    hear(7, &m); /* of another run */
    m.head.key = key_make(SERVICE_DSM, JOB + 1, P);
    hear(7, &m);
    done(B, 2);
    assert_int_equal(sent_to(MSG_DSM_FETCH, B)->m.head.seat, C);
    done(C, 4);
    sent_nothing();
}

static void test_forged_done(void **state) {
    (void)state;
    done(A, 1); /* of a page that nobody has touched */
    assert_int_equal(dw.refused, 0);
    owns(A);
    done(A, 1); /* said twice */
    assert_int_equal(dw.refused, 1);
    ask_write(B, 2);
    done(C, 2);
    assert_int_equal(dw.refused, 1);
    done(B, 3);
    assert_int_equal(dw.refused, 1);
    struct msg m = message(MSG_DSM_DONE, P, C, 2);
    m.head.version = 0xFFFFFFFF;
    m.dsm.access = 0xFF;
    m.dsm.acks = 0xFFFF;
    hear(B, &m); /* from B, whatever it says of the requester: it is B's */
    assert_int_equal(entry_of(P)->owner, B);
    assert_int_equal(entry_of(P)->version, 2);
    m = message(MSG_DSM_DONE, P, B, 2);
    m.dsm.birth = BIRTH + 1;
    ask_read(C, 9);
    hear(C, &m);
    assert_int_equal(dw.refused, 0); /* of another area: a straggler */
    assert_int_equal(entry_of(P)->busy, ACCESS_READ);
}

/* ---- areas ----------------------------------------------------------------------------------- */

/* The page was unmapped and mapped anew: what is known of it is over, older requests are late. */
static void test_births(void **state) {
    (void)state;
    owns(A);
    reads(B);
    ask_write(C, 2);
    ask_read(7, 3);
    struct msg m = message(MSG_DSM_READ_REQ, P, B, 4);
    m.dsm.birth = BIRTH + 1;
    hear(B, &m);
    assert_int_equal(sent_to(MSG_DSM_GRANT, B)->m.dsm.flags, DSM_ZERO);
    assert_int_equal(copies(), 0);
    assert_int_equal(entry_of(P)->first, NIL);
    done(C, 2);
    assert_int_equal(dw.refused, 0);
    ask_write(A, 5);
    sent_nothing();
    assert_int_equal(entry_of(P)->busy_seat, B);
    entry_of(P);
    m = message(MSG_DSM_DONE, P, B, 4);
    m.dsm.birth = BIRTH + 1;
    hear(B, &m);
    assert_int_equal(entry_of(P)->owner, B);
    assert_int_equal(entry_of(P)->version, 1);
}

/* Unmapped here, not yet at the requester: it asks anew when it has heard of it. */
static void test_gone_area(void **state) {
    (void)state;
    dw.gone = true;
    ask_write(A, 1);
    sent_nothing();
    assert_null(entry_of(P));
    dw.gone = false;
    ask_write(A, 1);
    sent_to(MSG_DSM_GRANT, A);
}

/* Births are compared round the corner. */
static void test_birth_wraps(void **state) {
    (void)state;
    struct msg m = message(MSG_DSM_WRITE_REQ, P, A, 1);
    m.dsm.birth = 0xFFFF;
    hear(A, &m);
    m = message(MSG_DSM_WRITE_REQ, P, B, 1);
    m.dsm.birth = 2;
    hear(B, &m);
    sent_to(MSG_DSM_GRANT, B);
    m.dsm.birth = 0xFFFE;
    m.head.op = 2;
    m.head.seat = C;
    hear(C, &m);
    sent_nothing();
}

static void test_unmapped(void **state) {
    (void)state;
    owns(A);
    ask_write(B, 2);
    ask_read(C, 3);
    unmap(P, 1); /* few pages: by number */
    assert_null(entry_of(P));
    done(B, 2);
    sent_nothing();
    assert_int_equal(dw.refused, 0);
    owns(A);
    ask_write(B, 2);
    ask_read(C, 3);
    unmap(P + 1, 1);
    assert_non_null(entry_of(P));
    unmap(0, PAGES); /* many: by walking the table */
    assert_null(entry_of(P));
    owns(A);
    job_close();
    assert_int_equal(dsm_counters(&dw.node).entries, 0);
    ask_write(B, 2);
    sent_nothing();
}

/* ---- limits ---------------------------------------------------------------------------------- */

static void test_entries_full(void **state) {
    (void)state;
    for (uint32_t i = 0; i < 32; i++) {
        struct msg m = message(MSG_DSM_WRITE_REQ, P + i, A, i + 1);
        hear(A, &m);
        sent_to(MSG_DSM_GRANT, A);
    }
    struct msg m = message(MSG_DSM_WRITE_REQ, P + 32, A, 99);
    hear(A, &m);
    sent_nothing();
    assert_int_equal(dw.reports[REPORT_NO_ENTRIES], 1);
    assert_int_equal(dw.ended, 1);
    assert_int_equal(dw.end_status, 9);
}

/* 64 places in queues: 15 waiting for each of 4 pages, 4 for the fifth. */
static void test_requests_full(void **state) {
    uint32_t asked = 0;

    (void)state;
    for (uint32_t page = 0; page < 5; page++) {
        for (seat_id seat = 0; seat < MEMBERS_MAX && asked < 64 + 5; seat++, asked++) {
            struct msg m = message(MSG_DSM_WRITE_REQ, P + page, seat, 1);
            hear(seat, &m);
        }
    }
    assert_int_equal(dw.ended, 0);
    struct msg m = message(MSG_DSM_WRITE_REQ, P + 4, 9, 1);
    hear(9, &m);
    sent_nothing();
    assert_int_equal(dw.reports[REPORT_NO_REQUESTS], 1);
    assert_int_equal(dw.ended, 1);
    done(0, 1); /* and it goes on, as far as the job's end lets it */
    sent_to(MSG_DSM_FETCH, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_untouched, start, end),
        cmocka_unit_test_setup_teardown(test_read, start, end),
        cmocka_unit_test_setup_teardown(test_write, start, end),
        cmocka_unit_test_setup_teardown(test_rights, start, end),
        cmocka_unit_test_setup_teardown(test_rights_of_owner, start, end),
        cmocka_unit_test_setup_teardown(test_stale_copy, start, end),
        cmocka_unit_test_setup_teardown(test_dropped_copy, start, end),
        cmocka_unit_test_setup_teardown(test_every_seat, start, end),
        cmocka_unit_test_setup_teardown(test_queue_order, start, end),
        cmocka_unit_test_setup_teardown(test_pages_are_independent, start, end),
        cmocka_unit_test_setup_teardown(test_repeated, start, end),
        cmocka_unit_test_setup_teardown(test_owner_reads, start, end),
        cmocka_unit_test_setup_teardown(test_forged_requests, start, end),
        cmocka_unit_test_setup_teardown(test_forged_done, start, end),
        cmocka_unit_test_setup_teardown(test_births, start, end),
        cmocka_unit_test_setup_teardown(test_gone_area, start, end),
        cmocka_unit_test_setup_teardown(test_birth_wraps, start, end),
        cmocka_unit_test_setup_teardown(test_unmapped, start, end),
        cmocka_unit_test_setup_teardown(test_entries_full, start, end),
        cmocka_unit_test_setup_teardown(test_requests_full, start, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
