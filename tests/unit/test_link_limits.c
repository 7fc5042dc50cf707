/* The link's limits: held messages, full pools, most peers, callbacks that end their own link. */
/* sources: net/link.c net/link_slot.c net/link_send.c net/link_receive.c net/link_crc.c
            tests/unit/link_world.c */
#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>

#include "link_world.h"

static const struct link_config plenty = {.peers = 8, .small = 512, .big = 128};

static uint32_t expected; /* first byte of the next message, counted */

static bool in_order(struct end *e, seat_id from, const uint8_t *bytes, uint32_t size) {
    (void)e;
    (void)from;
    assert_true(size > 0);
    assert_int_equal(bytes[0], (uint8_t)expected);
    expected++;
    return true;
}

static struct link_peer *peer_of(struct end *e, uint32_t seat) {
    return link_peer_at(e->ls, seat);
}

/* ---- held messages --------------------------------------------------------------------------- */

static bool hold;

static bool unless_held(struct end *e, seat_id from, const uint8_t *bytes, uint32_t size) {
    return !hold && in_order(e, from, bytes, size);
}

static void test_held_message(void **state) {
    struct world *w = world_new(5, plenty);
    struct end *a = &w->end[0], *b = &w->end[1];

    (void)state;
    world_open(w);
    w->on_deliver = unless_held;
    expected = 0;
    hold = true;
    for (uint32_t i = 0; i < 60; i++) {
        world_send(a, 1, (uint8_t)i, 30, i + 1);
    }
    world_run(w, w->now_us + 5000000);
    assert_int_equal(a->acked[1], 0);
    assert_int_equal(b->delivered[0], 0);
    assert_int_equal(peer_of(b, 0)->received, 0xFFFFFFFFu); /* one window is kept */
    assert_int_equal(b->ls->early_used, 32);
    assert_int_equal(link_counters(a->ls, 1).in_flight, 32);
    assert_true(link_counters(a->ls, 1).resent < 20); /* only the first, with back-off */

    world_send(b, 0, 0, 30, 1); /* the other way goes on; so do links to others */
    world_send(b, 2, 1, 30, 1);
    hold = false;
    world_run(w, w->now_us + 2000);
    assert_int_equal(expected, 2);
    assert_int_equal(b->delivered[0], 0);

    expected = 0;
    world_resume(b, 0);
    assert_int_equal(b->delivered[0], 32);
    world_run(w, w->now_us + 10000);
    assert_int_equal(b->delivered[0], 60);
    assert_int_equal(a->acked[1], 60);
    assert_int_equal(b->ls->early_used, 0);
    world_resume(b, 0); /* nothing is held: no-op */
    world_free(w);
}

static bool all_but_second(struct end *e, seat_id from, const uint8_t *bytes, uint32_t size) {
    (void)e;
    (void)from;
    (void)size;
    return bytes[0] != 1;
}

/* The oldest in flight is known to be there, held; the next is lost: no timer runs wild. */
static void test_loss_behind_a_held_message(void **state) {
    struct world *w = world_new(16, plenty);
    struct end *a = &w->end[0];

    (void)state;
    world_open(w);
    w->on_deliver = all_but_second;
    w->lose = 1;
    for (uint32_t i = 0; i < 3; i++) {
        world_send(a, 1, (uint8_t)i, 30, 1);
    }
    world_run(w, w->now_us + 100000);
    assert_int_equal(a->acked[1], 1);
    assert_int_equal(peer_of(a, 1)->sacked, 3);
    w->cut = 1ull << (0 * 8 + 1);
    world_send(a, 1, 3, 30, 1);
    w->logged = 0;
    world_run(w, w->now_us + 1000000);
    assert_true(w->logged < 20);
    world_free(w);
}

static void test_held_without_room(void **state) {
    struct world *w = world_new(6, (struct link_config){.peers = 4, .small = 64, .big = 2});
    struct end *a = &w->end[0], *b = &w->end[1], *c = &w->end[2];

    (void)state;
    world_open(w);
    w->on_deliver = unless_held;
    hold = true;
    world_send(c, 1, 0, 30, 1); /* takes the one early slot */
    world_run(w, w->now_us + 1000);
    world_send(a, 1, 0, 30, 1);
    world_run(w, w->now_us + 1000);
    assert_int_equal(b->ls->early_used, 1);
    assert_int_equal(peer_of(b, 0)->received, 0);
    assert_true(link_counters(b->ls, 0).dropped_full > 0);
    world_send(b, 0, 0, 600, 1); /* the other half is for what goes out */
    hold = false;
    expected = 0;
    world_resume(b, 0);
    assert_int_equal(expected, 0); /* it was dropped, but never acked: it comes again */
    w->on_deliver = NULL;
    world_run(w, w->now_us + 100000);
    assert_int_equal(b->delivered[0], 1);
    assert_int_equal(a->acked[1], 1);
    world_free(w);
}

/* ---- limits ---------------------------------------------------------------------------------- */

static void test_full_pools_assert(void **state) {
    struct world *w = world_new(9, (struct link_config){.peers = 4, .small = 40, .big = 6});
    struct end *a = &w->end[0];
    const struct frame_ref none = {FRAME_NONE, 0, 0};
    uint8_t m[LINK_MESSAGE_BYTES + 1] = {0};

    (void)state;
    for (uint32_t i = 0; i < 40; i++) {
        link_send(a->ls, 1, m, LINK_SMALL_BYTES, none, 0);
    }
    for (uint32_t i = 0; i < 6; i++) {
        link_send(a->ls, 2, m, LINK_SMALL_BYTES + 1, none, 0);
    }
    expect_assert_failure(link_send(a->ls, 1, m, 1, none, 0));
    expect_assert_failure(link_send(a->ls, 1, m, LINK_SMALL_BYTES + 1, none, 0));
    expect_assert_failure(link_send(a->ls, 1, m, LINK_MESSAGE_BYTES + 1, none, 0));
    expect_assert_failure(link_send(a->ls, 1, m, 100, (struct frame_ref){0, 0, 1309}, 0));
    expect_assert_failure(link_send(a->ls, 3, m, 1, none, 0));
    expect_assert_failure(link_send(a->ls, 4, m, 1, none, 0));
    world_flush(a);
    world_run(w, w->now_us + 100000);
    assert_int_equal(w->end[1].delivered[0], 40);
    assert_int_equal(w->end[2].delivered[0], 6);
    assert_int_equal(a->ls->small_used + a->ls->big_used, 0);
    world_free(w);
}

static void test_early_datagrams_take_half_at_most(void **state) {
    struct world *w = world_new(10, (struct link_config){.peers = 4, .small = 200, .big = 16});
    struct end *b = &w->end[1];

    (void)state;
    world_open(w);
    w->lose = 1;
    for (uint32_t i = 0; i < 20; i++) {
        world_send(&w->end[0], 1, 0, 30, 0);
    }
    w->lose = 1;
    for (uint32_t i = 0; i < 20; i++) {
        world_send(&w->end[2], 1, 0, 30, 0);
    }
    while (b->ls->early_used < 8) {
        assert_true(world_next(w, w->now_us + 200));
    }
    for (uint32_t i = 0; i < 8; i++) {
        world_send(b, 0, 0, 900, 0); /* eight long ones still go out */
    }
    assert_int_equal(b->ls->big_used, 16);
    world_run(w, w->now_us + 1000000);
    assert_int_equal(b->delivered[0], 20);
    assert_int_equal(b->delivered[2], 20);
    assert_true(link_counters(b->ls, SEAT_NONE).dropped_full > 0);
    assert_int_equal(b->ls->big_used, 0);
    world_free(w);
}

static void test_early_datagram_finds_no_room(void **state) {
    struct world *w = world_new(15, (struct link_config){.peers = 4, .small = 200, .big = 4});
    struct end *b = &w->end[1];

    (void)state;
    world_open(w);
    for (uint32_t i = 0; i < 4; i++) {
        world_send(b, 2, 0, 900, 0); /* what goes out may take it all */
    }
    w->lose = 1;
    world_send(&w->end[0], 1, 0, 30, 0);
    world_send(&w->end[0], 1, 0, 30, 0);
    world_run(w, w->now_us + 101);
    assert_int_equal(link_counters(b->ls, 0).dropped_full, 1);
    world_run(w, w->now_us + 100000);
    assert_int_equal(b->delivered[0], 2);
    world_free(w);
}

static void test_most_peers(void **state) {
    struct link_config config = {.peers = LINK_PEERS_MAX, .small = 300, .big = 2};
    struct world *w = world_new(11, config);
    struct end *a = &w->end[0];

    (void)state;
    for (seat_id seat = 3; seat < LINK_PEERS_MAX; seat++) {
        link_set_peer(a->ls, seat, seat, a);
        link_open(a->ls, seat);
    }
    w->faults.loss = 100;
    link_flush(a->ls, w->now_us, a);
    assert_int_equal(w->logged, LINK_PEERS_MAX - 3);
    assert_true(link_deadline_us(a->ls) == w->now_us + LINK_RTO_FIRST_US);
    for (seat_id seat = 3; seat < LINK_PEERS_MAX; seat++) {
        link_drop_peer(a->ls, seat, a);
    }
    world_flush(a);
    assert_true(link_deadline_us(a->ls) == UINT64_MAX);
    config.peers++;
    expect_assert_failure(link_size(&config));
    world_free(w);
}

/* ---- callbacks that change links ------------------------------------------------------------- */

static bool drop_on_third(struct end *e, seat_id from, const uint8_t *bytes, uint32_t size) {
    if (in_order(e, from, bytes, size) && expected == 3) {
        link_drop_peer(e->ls, from, e);
    }
    return true;
}

static void test_delivery_may_end_its_link(void **state) {
    (void)state;
    for (uint32_t lost = 0; lost < 4; lost++) { /* the third comes in order, or from early slots */
        struct world *w = world_new(12, plenty);
        world_open(w);
        w->on_deliver = drop_on_third;
        expected = 0;
        w->lose = lost ? 1u << (lost - 1) : 0;
        for (uint32_t i = 0; i < 10; i++) {
            world_send(&w->end[0], 1, (uint8_t)i, 30, 0);
        }
        world_run(w, w->now_us + 30000);
        assert_int_equal(expected, 3);
        assert_int_equal(w->end[1].ls->early_used, 0);
        assert_false(link_is_open(w->end[1].ls, 0));
        world_free(w);
    }
}

static bool reboot_and_hold(struct end *e, seat_id from, const uint8_t *bytes, uint32_t size) {
    (void)bytes;
    (void)size;
    link_set_peer(e->ls, from, 4321, e);
    return false;
}

static void test_not_now_of_a_link_that_is_gone(void **state) {
    struct world *w = world_new(14, plenty);

    (void)state;
    world_open(w);
    w->on_deliver = reboot_and_hold;
    world_send(&w->end[0], 1, 0, 30, 0);
    world_run(w, w->now_us + 1000);
    assert_int_equal(peer_of(&w->end[1], 0)->held, 0); /* the new link holds nothing */
    assert_int_equal(peer_of(&w->end[1], 0)->state, LINK_CLOSED);
    world_free(w);
}

static void drop_on_ack(struct end *e, seat_id from, uint32_t cookie, bool lost) {
    if (cookie == 2 && !lost) {
        link_set_peer(e->ls, from, 12345, e);
    } else if (lost) {
        uint8_t again = 1;
        link_send(e->ls, from, &again, 1, (struct frame_ref){FRAME_NONE, 0, 0}, 0);
    }
}

static void test_ack_may_replace_its_peer(void **state) {
    struct world *w = world_new(13, plenty);
    struct end *a = &w->end[0];

    (void)state;
    world_open(w);
    w->on_acked = drop_on_ack;
    for (uint32_t i = 0; i < 40; i++) {
        world_send(a, 1, (uint8_t)i, 30, i + 1);
    }
    w->cut = 1ull << (1 * 8 + 0);
    world_run(w, w->now_us + 500);
    w->cut = 0;
    world_send(&w->end[1], 0, 0, 30, 0); /* brings the first ack */
    world_run(w, w->now_us + 150);
    assert_int_equal(a->acked[1], 2);
    assert_int_equal(a->delivered[1], 0); /* it was for the link that is gone */
    assert_int_equal(a->lost[1], 38);
    assert_int_equal(link_counters(a->ls, 1).queued, 38); /* all sent again to the new peer */
    assert_int_equal(a->ls->small_used, 38);
    assert_int_equal(peer_of(a, 1)->state, LINK_OPENING);
    world_free(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_held_message),
        cmocka_unit_test(test_loss_behind_a_held_message),
        cmocka_unit_test(test_held_without_room),
        cmocka_unit_test(test_full_pools_assert),
        cmocka_unit_test(test_early_datagrams_take_half_at_most),
        cmocka_unit_test(test_early_datagram_finds_no_room),
        cmocka_unit_test(test_most_peers),
        cmocka_unit_test(test_delivery_may_end_its_link),
        cmocka_unit_test(test_not_now_of_a_link_that_is_gone),
        cmocka_unit_test(test_ack_may_replace_its_peer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
