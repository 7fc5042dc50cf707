/* The link on bad days, one fault at a time: what is sent again, when, and what it costs. */
/* sources: net/link.c net/link_slot.c net/link_send.c net/link_receive.c net/link_crc.c
            tests/unit/link_world.c */
#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>

#include "link_world.h"

static const struct link_config plenty = {.peers = 16, .small = 1024, .big = 256};

enum { BYTES = 5 };

/* So many messages in one step. */
static void send_burst(struct end *e, seat_id to, uint32_t count) {
    uint8_t message[34] = {BYTES};

    for (uint32_t i = 0; i < count; i++) {
        link_send(e->ls, to, message, sizeof(message), (struct frame_ref){FRAME_NONE, 0, 0}, 1);
    }
    world_flush(e);
}

/* Open links with one measured round trip: the RTO of 0 -> 1 is at its minimum. */
static struct world *world_measured(uint64_t seed) {
    struct world *w = world_new(seed, plenty);

    world_open(w);
    send_burst(&w->end[0], 1, 1);
    world_run(w, w->now_us + 10000);
    assert_int_equal(link_counters(w->end[0].ls, 1).rto_us, LINK_RTO_MIN_US);
    w->logged = 0;
    return w;
}

static void test_lost_part_of_a_page(void **state) {
    struct world *w = world_new(9, plenty);

    (void)state;
    world_open(w);
    world_send(&w->end[1], 0, BYTES, 20, 0); /* one measurement: RTO is at its minimum */
    world_run(w, w->now_us + 10000);
    assert_int_equal(link_counters(w->end[1].ls, 0).rto_us, LINK_RTO_MIN_US);
    w->logged = 0;
    w->lose = 2; /* the middle one */
    uint64_t start = w->now_us;
    send_burst(&w->end[1], 0, 3);
    world_run(w, start + 1500);
    assert_int_equal(w->end[0].delivered[1], 2);
    assert_int_equal(w->end[1].acked[0], 1);
    world_run(w, start + LINK_RTO_MIN_US + 300);
    assert_int_equal(w->end[1].acked[0], 3); /* the end of the gap is acked at once */
    world_run(w, start + 20000);
    assert_int_equal(w->end[0].delivered[1], 4);
    assert_int_equal(world_sent(w, KIND_DATA, 1, 0), 4);
    assert_int_equal(world_sent(w, KIND_ACK, 0, 1), 2); /* of the gap, of its end */
    assert_true(w->log[4].kind == KIND_DATA);
    assert_true(w->log[4].at_us <= start + LINK_RTO_MIN_US + 300);
    assert_int_equal(link_counters(w->end[1].ls, 0).resent, 1);
    assert_int_equal(w->end[1].acked[0], 3);
    world_free(w);
}

static void test_fast_retransmit(void **state) {
    (void)state;
    for (uint32_t i = 0; i < 2; i++) {
        struct world *w = world_measured(10);
        struct link_peer *p = link_peer_at(w->end[0].ls, 1);
        p->order = p->acked_order = i == 0 ? 5 : 0xFFFFFFFCu; /* transmissions wrap, too */
        w->lose = 1;
        uint64_t start = w->now_us;
        send_burst(&w->end[0], 1, 8);
        world_run(w, start + 1000);
        assert_int_equal(w->end[1].delivered[0], 9); /* long before the RTO of 4 ms */
        assert_int_equal(world_sent(w, KIND_DATA, 0, 1), 9);
        world_run(w, start + 50000);
        assert_int_equal(world_sent(w, KIND_DATA, 0, 1), 9); /* and not once more */
        world_free(w);
    }
}

static void test_lost_ack_costs_nothing_when_more_follow(void **state) {
    struct world *w = world_new(11, plenty);

    (void)state;
    world_open(w);
    send_burst(&w->end[0], 1, 16);
    w->lose = 1; /* the ack of the first eight; the second covers it */
    world_run(w, w->now_us + 50000);
    assert_int_equal(w->logged, 16 + 2);
    assert_int_equal(link_counters(w->end[0].ls, 1).in_flight, 0);
    world_free(w);
}

/* A delay far above the first RTO: the echoes teach the true RTT although all is sent twice. */
static void test_long_delay_is_learnt(void **state) {
    struct world *w = world_new(12, plenty);

    (void)state;
    w->faults.delay_us = 200000;
    world_open(w);
    world_run(w, w->now_us + 3000000);
    for (uint32_t i = 0; i < 40; i++) {
        world_send(&w->end[0], 1, BYTES, 20, 0);
        world_run(w, w->now_us + 450000);
    }
    assert_int_equal(w->end[1].delivered[0], 40);
    assert_in_range(link_counters(w->end[0].ls, 1).rtt_us, 400000, 402000);
    assert_in_range(link_counters(w->end[0].ls, 1).resent, 1, 8); /* the first message only */
    world_free(w);
}

static void test_a_silent_peer_hurts_nobody(void **state) {
    struct world *w = world_new(13, plenty);

    (void)state;
    world_open(w);
    w->cut = 1ull << (0 * 8 + 1) | 1ull << (1 * 8 + 0);
    for (uint32_t i = 0; i < 200; i++) {
        world_send(&w->end[0], 1, BYTES, 20, 1);
    }
    for (uint32_t i = 0; i < 100; i++) {
        uint32_t before = w->end[2].delivered[0];
        world_send(&w->end[0], 2, BYTES, 20, 1);
        world_run(w, w->now_us + 100);
        assert_int_equal(w->end[2].delivered[0], before + 1); /* one way of the LAN, no more */
        world_run(w, w->now_us + 200000);
    }
    assert_int_equal(w->end[0].silent[1], 1);
    assert_int_equal(w->end[0].silent[2], 0);
    assert_int_equal(w->end[1].delivered[0], 0);
    /* 20 s: a burst at each doubled RTO, then once a second; far from a flood */
    assert_true(link_counters(w->end[0].ls, 1).resent < 30 * LINK_RESEND_BURST);
    w->cut = 0;
    world_run(w, w->now_us + 2000000);
    assert_int_equal(w->end[0].silent[1], 0);
    assert_int_equal(w->end[1].delivered[0], 200);
    assert_int_equal(w->end[0].acked[1], 200);
    world_free(w);
}

/* ---- acks ------------------------------------------------------------------------------------ */

static void test_ack_is_delayed_from_the_first(void **state) {
    struct world *w = world_measured(20);
    uint64_t start = w->now_us;

    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        send_burst(&w->end[0], 1, 1);
        world_run(w, w->now_us + 900);
    }
    /* the acks left 1 ms after the first message, and after the third */
    world_run(w, w->now_us + 10000);
    assert_int_equal(world_sent(w, KIND_ACK, 1, 0), 2);
    assert_int_equal(w->log[2].kind, KIND_ACK);
    assert_true(w->log[2].at_us == start + w->faults.delay_us + LINK_ACK_DELAY_US);
    world_free(w);
}

static void test_acks_of_a_stream_with_a_gap(void **state) {
    struct world *w = world_measured(21);

    (void)state;
    w->cut = 1ull << (1 * 8 + 0);
    w->lose = 1;
    send_burst(&w->end[0], 1, 32);
    world_run(w, w->now_us + 150);
    assert_int_equal(world_sent(w, KIND_ACK, 1, 0), 31 / LINK_LOST_AFTER);
    world_free(w);
}

/* An ack that was lost and comes again with other bytes is no measurement. */
static void test_late_news_is_not_measured(void **state) {
    struct world *w = world_measured(22);
    uint32_t rtt_us = link_counters(w->end[0].ls, 1).rtt_us;

    (void)state;
    assert_in_range(rtt_us, 1200, 1210);
    send_burst(&w->end[0], 1, 1);
    w->lose = 1; /* the ack */
    world_run(w, w->now_us + 3000);
    assert_int_equal(world_sent(w, KIND_ACK, 1, 0), 1);
    send_burst(&w->end[1], 0, 1);
    world_run(w, w->now_us + 10000);
    assert_int_equal(w->end[0].acked[1], 2);
    assert_int_equal(link_counters(w->end[0].ls, 1).resent, 0);
    assert_int_equal(link_counters(w->end[0].ls, 1).rtt_us, rtt_us);
    world_free(w);
}

static void test_unknown_echo_is_not_measured(void **state) {
    struct world *w = world_measured(27);
    struct end *a = &w->end[0];
    struct datagram_head head = {.kind = KIND_ACK, .ack = 3, .tag = link_peer_at(a->ls, 1)->tag};

    (void)state;
    uint32_t rtt_us = link_counters(a->ls, 1).rtt_us;
    send_burst(a, 1, 1);
    head.flags = DATAGRAM_ECHO;
    head.echo = (uint8_t)(link_peer_at(a->ls, 1)->order - SENT_TIMES);
    w->now_us += 50;
    link_on_datagram(a->ls, 1, (uint8_t *)&head, sizeof(head), w->now_us, a);
    assert_int_equal(a->acked[1], 2);
    assert_int_equal(link_counters(a->ls, 1).rtt_us, rtt_us);
    world_free(w);
}

/* ---- when to send again ---------------------------------------------------------------------- */

static void test_burst_after_the_rto(void **state) {
    struct world *w = world_measured(23);
    uint64_t start = w->now_us;

    (void)state;
    w->lose = 0xFFFFFFFFu;
    send_burst(&w->end[0], 1, 12);
    w->lose = 0;
    world_run(w, start + LINK_RTO_MIN_US);
    assert_int_equal(w->logged, 12 + LINK_RESEND_BURST);
    world_run(w, start + LINK_RTO_MIN_US + 1000); /* the acks of these tell that the rest is lost */
    assert_int_equal(w->end[1].delivered[0], 1 + 12);
    assert_int_equal(link_counters(w->end[0].ls, 1).resent, 12);
    world_free(w);
}

static void test_backoff_ends_with_news(void **state) {
    struct world *w = world_measured(24);

    (void)state;
    w->lose = 0x1F; /* the message five times: 4, 8, 16, 32, 64 ms */
    send_burst(&w->end[0], 1, 1);
    world_run(w, w->now_us + 4000 * (1 + 2 + 4 + 8 + 16) + 10000);
    assert_int_equal(world_sent(w, KIND_DATA, 0, 1), 6);
    w->lose = 1;
    uint64_t start = w->now_us;
    send_burst(&w->end[0], 1, 1);
    world_run(w, w->now_us + 100000);
    assert_int_equal(world_sent(w, KIND_DATA, 0, 1), 8);
    assert_true(w->log[8].at_us <= start + 2 * LINK_RTO_MIN_US);
    world_free(w);
}

static void test_wild_reordering_is_no_flood(void **state) {
    struct world *w = world_new(25, plenty);

    (void)state;
    w->faults.reorder = 100;
    w->faults.reorder_us = 200000;
    w->faults.one_way = true; /* acks are quick, and each tells of others that seem lost */
    world_open(w);
    world_run(w, w->now_us + 5000000);
    for (uint32_t i = 0; i < 20; i++) {
        send_burst(&w->end[0], 1, 32);
        world_run(w, w->now_us + 1000000);
    }
    assert_int_equal(w->end[1].delivered[0], 640);
    assert_true(link_counters(w->end[0].ls, 1).resent < 1000);
    world_free(w);
}

/* Two datagrams before one flush: what the first marks as lost, the second may ack. */
static void test_ack_after_the_mark(void **state) {
    struct world *w = world_measured(26);
    struct end *a = &w->end[0];
    uint8_t d[sizeof(struct datagram_head)];
    struct datagram_head head = {.kind = KIND_ACK, .ack = 2, .tag = link_peer_at(a->ls, 1)->tag};

    (void)state;
    w->cut = 1ull << (0 * 8 + 1);
    send_burst(a, 1, 8); /* sequences 2 … 9, stamps alike */
    w->now_us += 300;
    for (uint32_t i = 0; i < 3; i++) {
        const uint32_t acks[3][2] = {{2, 1u << 5}, {2, 1u << 5 | 1u << 1}, {3, 1u << 4 | 1u}};
        head.ack = acks[i][0];
        head.sack = acks[i][1];
        head.echo = 8;
        memcpy(d, &head, sizeof(head));
        link_on_datagram(a->ls, 1, d, sizeof(d), w->now_us, a);
    }
    /* the first marks 2 … 5, which left long before 8; the second has 4 too, the third 2 */
    world_flush(a);
    assert_int_equal(link_counters(a->ls, 1).resent, 2);
    assert_int_equal(w->log[8].sequence, 3);
    assert_int_equal(w->log[9].sequence, 5);
    world_free(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lost_part_of_a_page),
        cmocka_unit_test(test_fast_retransmit),
        cmocka_unit_test(test_lost_ack_costs_nothing_when_more_follow),
        cmocka_unit_test(test_long_delay_is_learnt),
        cmocka_unit_test(test_a_silent_peer_hurts_nobody),
        cmocka_unit_test(test_ack_is_delayed_from_the_first),
        cmocka_unit_test(test_acks_of_a_stream_with_a_gap),
        cmocka_unit_test(test_late_news_is_not_measured),
        cmocka_unit_test(test_unknown_echo_is_not_measured),
        cmocka_unit_test(test_burst_after_the_rto),
        cmocka_unit_test(test_backoff_ends_with_news),
        cmocka_unit_test(test_wild_reordering_is_no_flood),
        cmocka_unit_test(test_ack_after_the_mark),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
