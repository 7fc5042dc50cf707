/* The link's edges: wrap-around, reboots, stale and hostile datagrams. */
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

/* ---- numbers --------------------------------------------------------------------------------- */

/* The test's hook: both ends start just below 2^32. */
static void start_at(struct world *w, uint32_t sequence) {
    for (uint32_t i = 0; i < ENDS * ENDS; i++) {
        struct link_peer *p = peer_of(&w->end[i / ENDS], i % ENDS);
        p->base = p->want = sequence;
        p->order = p->acked_order = sequence + 7;
    }
}

static void test_sequences_wrap(void **state) {
    (void)state;
    for (uint32_t loss = 0; loss <= 50; loss += 10) {
        struct world *w = world_new(loss, plenty);
        world_open(w);
        start_at(w, 0xFFFFFFE0u);
        expected = 0;
        w->on_deliver = in_order;
        w->faults.loss = loss;
        w->faults.reorder = loss;
        w->faults.reorder_us = 5000;
        for (uint32_t i = 0; i < 200; i++) {
            world_send(&w->end[0], 1, (uint8_t)i, 30, i + 1);
        }
        world_run(w, w->now_us + 30000000);
        assert_int_equal(expected, 200);
        assert_int_equal(w->end[0].acked[1], 200);
        assert_int_equal(peer_of(&w->end[0], 1)->base, 0xFFFFFFE0u + 200);
        assert_int_equal(link_counters(w->end[1].ls, 0).bad, 0);
        world_free(w);
    }
}

/* ---- boots ----------------------------------------------------------------------------------- */

static void test_reboot_with_another_nonce(void **state) {
    struct world *w = world_new(2, plenty);
    struct end *a = &w->end[0], *b = &w->end[1];

    (void)state;
    world_open(w);
    world_send(a, 1, 0, 30, 1);
    world_run(w, w->now_us + 10000);
    w->cut = 1ull << (0 * 8 + 1);
    for (uint32_t i = 0; i < 50; i++) {
        world_send(a, 1, (uint8_t)i, i % 2 ? 30 : 600, i + 1); /* 32 in flight, 18 queued */
    }
    assert_int_equal(a->ls->small_used + a->ls->big_used, 50);

    /* b boots again: its links are new, and every one learns its nonce from the view */
    uint64_t old = b->nonce;
    b->nonce = mix64(4711);
    link_set_self(b->ls, b->nonce);
    link_drop_peer(b->ls, 0, b);
    link_set_peer(b->ls, 0, a->nonce, b);
    link_set_peer(a->ls, 1, old, a); /* the same as before: no-op */
    assert_int_equal(a->lost[1], 0);
    link_set_peer(a->ls, 1, b->nonce, a);
    assert_int_equal(a->lost[1], 50);
    assert_int_equal(a->ls->small_used + a->ls->big_used, 0);
    assert_false(link_is_open(a->ls, 1));

    w->cut = 0;
    expected = 100;
    w->on_deliver = in_order;
    world_send(a, 1, 100, 30, 9);
    world_run(w, w->now_us + 100000);
    assert_int_equal(expected, 101);
    assert_int_equal(a->last_cookie, 9);
    world_free(w);
}

static uint32_t make(uint8_t *d, struct datagram_head head, const void *body, uint32_t bytes) {
    memcpy(d, &head, sizeof(head));
    memcpy(d + sizeof(head), body, bytes);
    link_seal(d, (uint32_t)sizeof(head) + bytes, NULL, 0);
    return (uint32_t)sizeof(head) + bytes;
}

static void test_stale_handshakes_are_ignored(void **state) {
    struct world *w = world_new(3, plenty);
    struct end *a = &w->end[0];
    uint8_t d[LINK_DATAGRAM_BYTES];
    uint64_t wrong[3][2] = {{w->end[1].nonce ^ 1, a->nonce},
                            {w->end[1].nonce, a->nonce ^ 1},
                            {a->nonce, w->end[1].nonce}};

    (void)state;
    for (uint32_t i = 0; i < 6; i++) {
        struct datagram_head head = {.kind = i % 2 ? KIND_OPEN : KIND_OPENED};
        world_arrive(a, 1, d, make(d, head, wrong[i / 2], 16));
    }
    uint64_t right[2] = {w->end[1].nonce, a->nonce};
    world_arrive(a, 1, d, make(d, (struct datagram_head){.kind = KIND_OPEN}, right, 15));
    world_arrive(a, 1, d, make(d, (struct datagram_head){.kind = KIND_OPENED}, right, 16));
    assert_false(link_is_open(a->ls, 1)); /* an OPENED that nobody asked for opens nothing */
    assert_int_equal(w->logged, 0);
    assert_int_equal(link_counters(a->ls, 1).bad, 7);
    world_arrive(a, 1, d, make(d, (struct datagram_head){.kind = KIND_OPEN}, right, 16));
    assert_true(link_is_open(a->ls, 1));
    assert_int_equal(world_sent(w, KIND_OPENED, 0, 1), 1);
    world_arrive(a, 1, d, make(d, (struct datagram_head){.kind = KIND_OPEN}, right, 16));
    assert_int_equal(world_sent(w, KIND_OPENED, 0, 1), 2); /* a repeated one changes nothing */
    world_free(w);
}

static void test_data_needs_an_open_link_and_its_tag(void **state) {
    struct world *w = world_new(4, plenty);
    struct end *a = &w->end[0];
    uint8_t d[LINK_DATAGRAM_BYTES];
    struct datagram_head head = {.kind = KIND_DATA, .sequence = 1, .ack = 1};

    (void)state;
    head.tag = peer_of(a, 1)->tag;
    assert_int_equal(head.tag, peer_of(&w->end[1], 0)->tag); /* symmetric */
    assert_int_not_equal(head.tag, peer_of(a, 2)->tag);
    world_arrive(a, 1, d, make(d, head, "x", 1));
    assert_int_equal(a->delivered[1], 0);
    world_open(w);
    world_arrive(a, 1, d, make(d, head, "x", 1));
    assert_int_equal(a->delivered[1], 1);
    head.sequence = 2;
    head.tag ^= 1;
    world_arrive(a, 1, d, make(d, head, "x", 1));
    assert_int_equal(a->delivered[1], 1);
    assert_int_equal(link_counters(a->ls, 1).bad, 2);
    world_arrive(a, 7, d, make(d, head, "x", 1));  /* nobody sits there */
    world_arrive(a, 99, d, make(d, head, "x", 1)); /* no such seat */
    world_free(w);
}

/* ---- hostile datagrams ----------------------------------------------------------------------- */

static void test_acks_of_what_was_never_sent(void **state) {
    struct world *w = world_new(7, plenty);
    struct end *a = &w->end[0];
    uint8_t d[LINK_DATAGRAM_BYTES];

    (void)state;
    world_open(w);
    w->cut = 1ull << (0 * 8 + 1);
    for (uint32_t i = 0; i < 5; i++) {
        world_send(a, 1, 0, 30, 1);
    }
    struct datagram_head head = {.kind = KIND_ACK, .tag = peer_of(a, 1)->tag};
    const uint32_t acks[][2] = {{7, 0},        {100, 0}, {0x80000000u, 0}, {1, 1u << 4},
                                {1, 1u << 31}, {5, 1},   {6, 1},           {3, 0xFFFFFFFFu}};
    for (uint32_t i = 0; i < sizeof(acks) / sizeof(acks[0]); i++) {
        head.ack = acks[i][0];
        head.sack = acks[i][1];
        world_arrive(a, 1, d, make(d, head, "", 0));
    }
    assert_int_equal(link_counters(a->ls, 1).bad, 8);
    assert_int_equal(a->acked[1], 0);
    head.kind = KIND_DATA; /* nor is its message believed */
    head.sequence = 1;
    world_arrive(a, 1, d, make(d, head, "x", 1));
    assert_int_equal(a->delivered[1], 0);
    head.ack = 0xFFFFFFFFu; /* an old ack says nothing, its message counts */
    world_arrive(a, 1, d, make(d, head, "x", 1));
    assert_int_equal(a->delivered[1], 1);
    head = (struct datagram_head){.kind = KIND_ACK, .tag = head.tag, .ack = 1, .sack = 0xF};
    world_arrive(a, 1, d, make(d, head, "", 0)); /* the most that can be true */
    head.ack = 6;
    head.sack = 0;
    world_arrive(a, 1, d, make(d, head, "", 0));
    assert_int_equal(a->acked[1], 5);
    assert_int_equal(a->ls->small_used, 0);
    world_free(w);
}

/* Any fields, the right tag and CRC: whatever it does to its own link, nothing asserts, nothing is
 * written where it should not (ASan), and the pools are whole after the link's end. */
static void test_random_datagrams(void **state) {
    struct world *w = world_new(8, plenty);
    struct end *a = &w->end[0];
    uint8_t d[LINK_DATAGRAM_BYTES];

    (void)state;
    world_open(w);
    for (uint32_t i = 0; i < 60000; i++) {
        uint32_t size = world_random(w, i % 4 ? 120 : LINK_DATAGRAM_BYTES + 1);
        for (uint32_t j = 0; j < size; j++) {
            d[j] = (uint8_t)world_random(w, 256);
        }
        if (size >= sizeof(struct datagram_head)) {
            struct datagram_head *head = (struct datagram_head *)(void *)d;
            head->kind = (uint8_t)(world_random(w, 2) ? KIND_DATA : world_random(w, 7));
            head->tag = peer_of(a, 1)->tag;
            head->ack = peer_of(a, 1)->base + world_random(w, 40) - 4;
            head->sack = world_random(w, 3) ? 0 : head->sack & head->crc;
            head->sequence = peer_of(a, 1)->want + world_random(w, world_random(w, 2) ? 2 : 40) - 1;
            link_seal(d, size, NULL, 0);
        }
        link_on_datagram(a->ls, 1, d, size, w->now_us, a);
        if (a->ls->small_used < 400) {
            world_send(a, 1, 0, 1 + world_random(w, 100), 1);
        }
        w->now_us += world_random(w, 2000);
        link_tick(a->ls, w->now_us, a);
        world_flush(a);
        w->on_way = 0;
    }
    assert_true(a->delivered[1] > 1000);
    assert_true(a->acked[1] > 1000);
    link_drop_peer(a->ls, 1, a);
    assert_int_equal(a->ls->small_used + a->ls->big_used + a->ls->early_used, 0);
    world_free(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sequences_wrap),
        cmocka_unit_test(test_reboot_with_another_nonce),
        cmocka_unit_test(test_stale_handshakes_are_ignored),
        cmocka_unit_test(test_data_needs_an_open_link_and_its_tag),
        cmocka_unit_test(test_acks_of_what_was_never_sent),
        cmocka_unit_test(test_random_datagrams),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
