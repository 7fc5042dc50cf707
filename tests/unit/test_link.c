/* The link's good days: handshake, and what common patterns cost in datagrams, counted exactly. */
/* sources: net/link.c net/link_slot.c net/link_send.c net/link_receive.c net/link_crc.c
            tests/unit/link_world.c */
#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>

#include "link_world.h"

static const struct link_config plenty = {.peers = 16, .small = 1024, .big = 256};

enum { REQUEST = 1, FETCH, PAGE, DONE, BYTES };

/* ---- handshake ------------------------------------------------------------------------------- */

static void test_first_message_opens(void **state) {
    struct world *w = world_new(1, plenty);

    (void)state;
    assert_false(link_is_open(w->end[0].ls, 1));
    world_send(&w->end[0], 1, BYTES, 20, 7);
    world_run(w, w->now_us + 150);
    assert_false(link_is_open(w->end[0].ls, 1)); /* OPENED is on its way */
    assert_true(link_is_open(w->end[1].ls, 0));
    world_run(w, w->now_us + 10000);
    assert_true(link_is_open(w->end[0].ls, 1));
    assert_int_equal(w->end[1].delivered[0], 1);
    assert_int_equal(w->end[0].acked[1], 1);
    assert_int_equal(w->end[0].last_cookie, 7);
    assert_int_equal(w->logged, 4);                            /* OPEN, OPENED, DATA, ACK */
    assert_true(link_deadline_us(w->end[0].ls) == UINT64_MAX); /* idle: no timer runs */
    assert_true(link_deadline_us(w->end[1].ls) == UINT64_MAX);
    world_free(w);
}

static void test_simultaneous_opens(void **state) {
    struct world *w = world_new(2, plenty);

    (void)state;
    world_send(&w->end[0], 1, BYTES, 20, 1);
    world_send(&w->end[1], 0, BYTES, 20, 1);
    world_run(w, w->now_us + 10000);
    assert_int_equal(w->end[0].delivered[1], 1);
    assert_int_equal(w->end[1].delivered[0], 1);
    assert_int_equal(world_sent(w, KIND_OPEN, SEAT_NONE, SEAT_NONE), 2);
    assert_int_equal(world_sent(w, KIND_OPENED, SEAT_NONE, SEAT_NONE), 2);
    world_free(w);
}

static void test_open_is_repeated_with_backoff(void **state) {
    struct world *w = world_new(3, plenty);

    (void)state;
    w->cut = 1ull << (0 * 8 + 1);
    link_open(w->end[0].ls, 1);
    world_flush(&w->end[0]);
    world_run(w, w->now_us + 5000000);
    /* 0, 20, 60, 140, 300, 620 ms, 1.26 s (the step is capped at 1 s), 2.26, 3.26, 4.26 s */
    assert_int_equal(world_sent(w, KIND_OPEN, 0, 1), 10);
    w->cut = 0;
    world_run(w, w->now_us + 1000000);
    assert_true(link_is_open(w->end[0].ls, 1));
    world_free(w);
}

/* What is sent meanwhile must not push the next OPEN away for ever. */
static void test_sending_does_not_postpone_open(void **state) {
    struct world *w = world_new(14, plenty);

    (void)state;
    w->lose = 1;
    for (uint32_t i = 0; i < 30; i++) {
        world_send(&w->end[0], 1, BYTES, 20, 0);
        world_run(w, w->now_us + 1000);
    }
    assert_int_equal(world_sent(w, KIND_OPEN, 0, 1), 2);
    assert_int_equal(w->end[1].delivered[0], 30);
    world_free(w);
}

/* ---- patterns -------------------------------------------------------------------------------- */

static void send_page(struct end *e, seat_id to) {
    uint8_t head[34] = {PAGE};

    for (uint16_t part = 0; part < 3; part++) {
        uint16_t bytes = part < 2 ? 1368 : 1360;
        struct frame_ref ref = {0, (uint16_t)(part * 1368), bytes};
        link_send(e->ls, to, head, sizeof(head), ref, 1);
    }
}

static void send_short(struct end *e, seat_id to, uint8_t what) {
    uint8_t message[34] = {what};

    link_send(e->ls, to, message, sizeof(message), (struct frame_ref){FRAME_NONE, 0, 0}, 0);
}

static uint32_t parts_seen, pages_seen, faults_left;

/* The page fault of DSM between requester 0 and a manager 1 that is the owner too. */
static bool two_hops(struct end *e, seat_id from, const uint8_t *bytes, uint32_t size) {
    if (bytes[0] == REQUEST) {
        send_page(e, from);
    } else if (bytes[0] == PAGE && ++parts_seen % 3 == 0) {
        assert_true(size > 1360);
        pages_seen++;
        send_short(e, from, DONE);
        if (faults_left != 0) {
            faults_left--;
            send_short(e, from, REQUEST);
        }
    }
    return true;
}

static void test_page_fault_in_two_hops(void **state) {
    struct world *w = world_new(4, plenty);

    (void)state;
    parts_seen = pages_seen = faults_left = 0;
    w->on_deliver = two_hops;
    world_open(w);
    send_short(&w->end[0], 1, REQUEST);
    world_flush(&w->end[0]);
    world_run(w, w->now_us + 900); /* before any ack is due */
    assert_int_equal(pages_seen, 1);
    assert_int_equal(world_sent(w, KIND_DATA, 0, 1), 2); /* request, DONE */
    assert_int_equal(world_sent(w, KIND_DATA, 1, 0), 3); /* the page, in one burst */
    assert_int_equal(w->logged, 5);                      /* and no ack of its own */
    for (uint32_t i = 1; i <= 3; i++) {
        assert_int_equal(w->log[i].ack, 2); /* the page carries the ack of its request */
        assert_true(w->log[i].at_us == w->log[1].at_us);
    }
    assert_int_equal(w->log[4].ack, 4); /* DONE carries the ack of the page */
    world_run(w, w->now_us + 100000);
    assert_int_equal(w->logged, 6); /* the one ack alone, of DONE */
    assert_int_equal(world_sent(w, KIND_ACK, 1, 0), 1);
    assert_int_equal(link_counters(w->end[1].ls, 0).resent, 0);
    world_free(w);
}

static void test_page_faults_one_after_another(void **state) {
    struct world *w = world_new(5, plenty);

    (void)state;
    parts_seen = pages_seen = 0;
    faults_left = 99;
    w->on_deliver = two_hops;
    world_open(w);
    send_short(&w->end[0], 1, REQUEST);
    world_flush(&w->end[0]);
    world_run(w, w->now_us + 1000000);
    assert_int_equal(pages_seen, 100);
    assert_int_equal(w->logged, 100 * 5 + 1); /* not one ack more than the last */
    assert_int_equal(w->end[1].acked[0], 300);
    world_free(w);
}

static bool three_hops(struct end *e, seat_id from, const uint8_t *bytes, uint32_t size) {
    (void)from;
    (void)size;
    if (bytes[0] == REQUEST) {
        send_short(e, 2, FETCH);
    } else if (bytes[0] == FETCH) {
        send_page(e, 0);
    } else if (bytes[0] == PAGE && ++parts_seen % 3 == 0) {
        send_short(e, 1, DONE);
    }
    return true;
}

static void test_page_fault_in_three_hops(void **state) {
    struct world *w = world_new(6, plenty);

    (void)state;
    parts_seen = 0;
    w->on_deliver = three_hops;
    world_open(w);
    send_short(&w->end[0], 1, REQUEST);
    world_flush(&w->end[0]);
    world_run(w, w->now_us + 100000);
    assert_int_equal(parts_seen, 3);
    assert_int_equal(world_sent(w, KIND_DATA, SEAT_NONE, SEAT_NONE), 6);
    /* each of the three links is used one way only, so each ends with one ack; the acks of the
     * request and of DONE are one when DONE comes within 1 ms, as here */
    assert_int_equal(world_sent(w, KIND_ACK, 1, 0), 1);
    assert_int_equal(world_sent(w, KIND_ACK, 2, 1), 1);
    assert_int_equal(world_sent(w, KIND_ACK, 0, 2), 1);
    assert_int_equal(w->logged, 9);
    world_free(w);
}

static void test_one_way_stream(void **state) {
    struct world *w = world_new(7, plenty);

    (void)state;
    world_open(w);
    for (uint32_t i = 0; i < 320; i++) {
        send_short(&w->end[0], 1, BYTES);
    }
    world_flush(&w->end[0]);
    assert_int_equal(w->logged, LINK_WINDOW);
    assert_int_equal(link_counters(w->end[0].ls, 1).queued, 320 - LINK_WINDOW);
    world_run(w, w->now_us + 100000);
    assert_int_equal(w->end[1].delivered[0], 320);
    assert_int_equal(world_sent(w, KIND_DATA, 0, 1), 320);
    assert_int_equal(world_sent(w, KIND_ACK, 1, 0), 320 / LINK_ACK_EVERY);
    world_free(w);
}

static void test_barrier_round(void **state) {
    struct world *w = world_new(8, plenty);

    (void)state;
    world_open(w);
    for (uint32_t i = 0; i < 50; i++) { /* arrive at 0, release from 0, within 1 ms */
        world_send(&w->end[1], 0, BYTES, 48, 0);
        world_run(w, w->now_us + 200);
        world_send(&w->end[0], 1, BYTES, 48, 0);
        world_run(w, w->now_us + 200);
    }
    assert_int_equal(w->logged, 100); /* 2 (N - 1) each, nothing more */
    world_run(w, w->now_us + 10000);
    assert_int_equal(w->logged, 101);
    world_free(w);
}

static void test_sizes_are_those_of_both_builds(void **state) {
    struct link_config node = {.peers = 16, .small = 2048, .big = 128};

    (void)state;
    assert_int_equal(link_size(&node), 16 * 704 + 136 + 2176 * 32 + 2048 * 176 + 128 * 1456);
    assert_int_equal(sizeof(struct datagram_head), 44);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_message_opens),
        cmocka_unit_test(test_simultaneous_opens),
        cmocka_unit_test(test_open_is_repeated_with_backoff),
        cmocka_unit_test(test_sending_does_not_postpone_open),
        cmocka_unit_test(test_page_fault_in_two_hops),
        cmocka_unit_test(test_page_faults_one_after_another),
        cmocka_unit_test(test_page_fault_in_three_hops),
        cmocka_unit_test(test_one_way_stream),
        cmocka_unit_test(test_barrier_round),
        cmocka_unit_test(test_sizes_are_those_of_both_builds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
