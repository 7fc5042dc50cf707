/* Membership against hostile bytes, and the rules of vote, view and door one by one [P 7.2-7.9]. */
/* sources: tests/unit/member_world.c adapt/member.c adapt/member_hello.c adapt/member_seen.c
            adapt/member_found.c adapt/member_newcomers.c adapt/member_propose.c
            adapt/member_accept.c adapt/supervisor.c adapt/supervisor_stable.c adapt/view.c
            adapt/view_parse.c adapt/locator.c adapt/format.c adapt/trace.c adapt/report.c
            adapt/msg.c */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "member_world.h"

/* ---- hostile bytes --------------------------------------------------------------------------- */

/* Each datagram is followed by a damaged twin that passes the door: nothing breaks. */
static void test_damaged(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct member_world *w = world_new(5, seed);
        w->mutate = true;
        w->loss_permille = 50;
        world_boot_all(w, 0);
        world_run(w, 10000000);
        world_free(w);
    }
}

/* Bytes that nobody sent: random ones of every direct type, from members and strangers. */
static void test_random_messages(void **state) {
    struct member_world *w = world_settled(3, 4, 13);
    uint64_t random = 99;

    (void)state;
    world_boot(w, 3, w->now_us + 1000);
    for (uint32_t k = 0; k < 200000; k++) {
        struct msg m;
        for (uint32_t i = 0; i < sizeof(m.head) + 200; i++) {
            ((uint8_t *)&m)[i] = (uint8_t)random_next(&random);
        }
        uint32_t to = random_next(&random) % 4;
        const struct node *n = world_n(w, to);
        m.head.type = (uint8_t)(MSG_HELLO + random_next(&random) % 10);
        m.head.late = 0;
        m.head.size = (uint16_t)msg_body_bytes(m.head.type);
        m.head.key = random_next(&random) % 6;
        m.hello.mac = 0x525400000001ull + random_next(&random) % 8;
        if (m.head.type == MSG_HELLO) {
            memcpy(m.hello.cluster, n->self.cluster, NAME_BYTES);
            m.hello.build_id = random_next(&random) % 4 ? 77 : 1;
            m.hello.epoch = random_next(&random) % 3;
        } else if (random_next(&random) % 2) {
            m.decree.nonce = m.refuse.nonce = n->self.nonce;
        }
        if (m.head.type >= MSG_ACCEPT && m.head.type <= MSG_COMMITTED) {
            m.head.size = offsetof(struct body_decree, view) + 100;
            m.decree.bytes = 100;
            m.decree.pieces = (uint16_t)(random_next(&random) % 4);
            m.decree.piece = (uint16_t)(random_next(&random) % 4);
            m.decree.digest_from = n->member.digest;
            m.decree.nonce = n->self.nonce;
        }
        world_hear(w, to, m.hello.mac, &m);
        if (k % 100 == 0) {
            world_run(w, w->now_us + 1000);
        }
    }
    world_run(w, w->now_us + 20000000);
    assert_true(node_is_stable(world_n(w, 1)));
    world_free(w);
}

/* A COMMIT for node `to` as a proposer would send it; 1 piece. */
static void make_commit(struct msg *m, const struct node *to, const struct view *v) {
    memset(m, 0, sizeof(*m));
    m->head.type = MSG_COMMIT;
    m->head.key = v->epoch;
    m->head.size = (uint16_t)(offsetof(struct body_decree, view) + view_bytes(v));
    m->decree.digest_from = to->member.digest;
    m->decree.digest_to = view_digest(v);
    m->decree.nonce = to->self.nonce;
    m->decree.pieces = 1;
    m->decree.bytes = (uint16_t)view_bytes(v);
    memcpy(m->decree.view, v, view_bytes(v));
}

/* Each thing that makes a COMMIT no news, alone; then the sound one. */
static void test_commit_rules(void **state) {
    struct member_world *w = world_settled(2, 3, 14);
    struct node *n = world_n(w, 1);
    const struct change add = {.kind = CHANGE_ADD, .mac = 5, .nonce = 6};
    const struct change gone = {.kind = CHANGE_REMOVE, .id = 2};
    uint64_t from = world_n(w, 0)->self.mac;
    struct view next, bad;
    struct msg m;

    (void)state;
    w->cut[0][1] = w->cut[1][0] = true;
    assert_int_equal(view_apply(&n->member.view, &add, 1, &next), 0);
    assert_int_equal(next.epoch, 4);

    make_commit(&m, n, &next);
    m.decree.nonce ^= 1; /* of another boot */
    world_hear(w, 1, from, &m);
    make_commit(&m, n, &next);
    m.decree.digest_from ^= 1;
    world_hear(w, 1, from, &m);
    make_commit(&m, n, &next);
    m.decree.digest_to ^= 1;
    world_hear(w, 1, from, &m);
    make_commit(&m, n, &next);
    m.decree.view[60] ^= 1; /* a slot */
    world_hear(w, 1, from, &m);
    make_commit(&m, n, &next);
    world_hear(w, 1, 0x77, &m); /* from nobody in it */
    m.head.key = 3; /* an old epoch */
    world_hear(w, 1, from, &m);
    bad = next;
    bad.uuid[3] ^= 1;
    make_commit(&m, n, &bad);
    world_hear(w, 1, from, &m);
    assert_int_equal(view_apply(&n->member.view, &gone, 1, &bad), 0);
    make_commit(&m, n, &bad); /* without this node */
    world_hear(w, 1, from, &m);
    assert_int_equal(n->member.view.epoch, 3);
    assert_true(n->counters.refused >= 5);
    assert_true(w->node[1].reports[REPORT_VIEW_REFUSED] >= 1);

    make_commit(&m, n, &next);
    uint32_t before = w->node[1].sent[MSG_COMMITTED];
    world_hear(w, 1, from, &m);
    assert_int_equal(n->member.view.epoch, 4);
    world_hear(w, 1, from, &m); /* again: the same answer */
    assert_int_equal(w->node[1].sent[MSG_COMMITTED], before + 2);
    world_free(w);
}

/* A node in no cluster that asked nobody takes no view [D 6: one join outstanding]. */
static void test_commit_uninvited(void **state) {
    struct member_world *w = world_settled(2, 3, 15);
    const struct change add = {.kind = CHANGE_ADD,
                               .mac = world_n(w, 2)->self.mac,
                               .nonce = world_n(w, 2)->self.nonce};
    struct view next;
    struct msg m;

    (void)state;
    w->cut[0][2] = true;
    world_n(w, 2)->self.expect = 9;
    world_boot(w, 2, w->now_us + 1000);
    world_run(w, w->now_us + 100000);
    assert_int_equal(view_apply(&world_n(w, 0)->member.view, &add, 1, &next), 0);
    make_commit(&m, world_n(w, 2), &next);
    world_hear(w, 2, world_n(w, 0)->self.mac, &m);
    assert_int_equal(world_n(w, 2)->member.view.epoch, 0);
    world_free(w);
}

/* ---- the parts ------------------------------------------------------------------------------- */

static void test_pieces(void **state) {
    struct view_pieces p = {0};
    struct msg a = {0}, b = {0};

    (void)state;
    a.head.key = b.head.key = 7;
    a.decree.digest_to = b.decree.digest_to = 70;
    a.decree.pieces = b.decree.pieces = 2;
    a.decree.bytes = VIEW_PIECE_BYTES;
    b.decree.piece = 1;
    b.decree.bytes = 160;
    memset(a.decree.view, 'a', VIEW_PIECE_BYTES);
    memset(b.decree.view, 'b', 160);
    assert_false(pieces_put(&p, &b));
    assert_false(pieces_put(&p, &b));
    assert_true(pieces_put(&p, &a));
    assert_int_equal(p.bytes, VIEW_PIECE_BYTES + 160);
    assert_int_equal(p.view[VIEW_PIECE_BYTES], 'b');
    assert_int_equal(p.view[VIEW_PIECE_BYTES - 1], 'a');
    b.decree.digest_to = 71; /* of another decree: begins anew */
    assert_false(pieces_put(&p, &b));
    assert_int_equal(p.have, 2);
    a.decree.digest_to = 71;
    a.decree.bytes = 100; /* only the last may be short */
    assert_false(pieces_put(&p, &a));
    a.decree.pieces = VIEW_PIECES_MAX + 1;
    assert_false(pieces_put(&p, &a));
    a.decree.pieces = 0;
    assert_false(pieces_put(&p, &a));
    a.decree.pieces = 2;
    a.decree.piece = 2;
    assert_false(pieces_put(&p, &a));
    assert_int_equal(p.have, 2);
}

/* [P 7.5] one value a ballot, never a smaller ballot than promised, a new epoch starts anew. */
static void test_acceptor(void **state) {
    struct member_world *w = world_settled(1, 1, 16);
    struct node *n = world_n(w, 0);

    (void)state;
    assert_true(acceptor_take(n, 2, 0, 100));
    assert_true(acceptor_take(n, 2, 0, 100));
    assert_false(acceptor_take(n, 2, 0, 101));
    assert_true(acceptor_take(n, 2, 5, 101));
    assert_false(acceptor_take(n, 2, 0, 100));
    assert_false(acceptor_take(n, 2, 4, 101));
    assert_int_equal(n->member.acceptor.accepted_digest, 101);
    assert_true(acceptor_take(n, 3, 0, 102));
    assert_int_equal(n->member.acceptor.promised, 0);
    world_free(w);
}

static void cut_off(struct member_world *w, uint32_t node, bool cut) {
    for (uint32_t i = 0; i < w->count; i++) {
        w->cut[node][i] = w->cut[i][node] = cut && i != node;
    }
}

/* ACCEPTED of the decree that node 0 proposes, as node `from` would send it. */
static void hear_accepted(struct member_world *w, uint32_t from, uint64_t nonce) {
    const struct proposer *p = &world_n(w, 0)->member.proposer;
    struct msg m = {0};

    m.head.type = MSG_ACCEPTED;
    m.head.key = p->next.epoch;
    m.head.size = offsetof(struct body_decree, view);
    m.decree.digest_from = p->digest_from;
    m.decree.digest_to = p->digest_to;
    m.decree.nonce = nonce;
    world_hear(w, 0, world_n(w, from)->self.mac, &m);
}

/* Four members, three voters: one vote is no majority, a member without a vote or another boot does
 * not count, the second vote decides [P 7.5, 7.7, 7.9]. */
static void test_majority(void **state) {
    struct member_world *w = world_settled(4, 5, 18);
    struct node *n = world_n(w, 0);

    (void)state;
    assert_int_equal(view_voters(&n->member.view), 3);
    world_boot(w, 4, w->now_us + 1000);
    while (n->member.proposer.step != PROPOSER_ACCEPT) {
        world_run(w, w->now_us + 20);
    }
    cut_off(w, 0, true);
    memset(w->flight, 0, sizeof(w->flight));
    world_run(w, w->now_us + 3000000);
    hear_accepted(w, 3, world_n(w, 3)->self.nonce);
    hear_accepted(w, 1, world_n(w, 1)->self.nonce ^ 1);
    hear_accepted(w, 4, world_n(w, 4)->self.nonce);
    assert_int_equal(n->member.view.epoch, 3);
    hear_accepted(w, 1, world_n(w, 1)->self.nonce);
    assert_int_equal(n->member.view.epoch, 4);
    cut_off(w, 0, false);
    world_settle(w, 5, 3000000);
    world_free(w);
}

/* A member without a vote answers no ACCEPT; nobody answers one of a node that may not propose. */
static void test_accept_rules(void **state) {
    struct member_world *w = world_settled(4, 4, 19);
    const struct change add = {.kind = CHANGE_ADD, .mac = 5, .nonce = 6};
    struct view next;
    struct msg m;

    (void)state;
    assert_int_equal(view_apply(&world_n(w, 0)->member.view, &add, 1, &next), 0);
    for (uint32_t i = 1; i < 4; i++) {
        make_commit(&m, world_n(w, i), &next);
        m.head.type = MSG_ACCEPT;
        world_hear(w, i, world_n(w, i == 1 ? 2 : 1)->self.mac, &m);
        assert_int_equal(w->node[i].sent[MSG_ACCEPTED], 0);
        world_hear(w, i, world_n(w, 0)->self.mac, &m);
        assert_int_equal(w->node[i].sent[MSG_ACCEPTED], i != 3); /* the fourth has no vote */
        m.decree.ballot = 9;
        world_hear(w, i, world_n(w, 0)->self.mac, &m); /* GAP: no takeover yet */
        assert_int_equal(w->node[i].sent[MSG_ACCEPTED], i != 3);
    }
    world_free(w);
}

static void hear_stable(struct member_world *w, uint32_t stable, uint32_t round) {
    const struct node *n = world_n(w, 1);
    struct msg m = {0};

    m.head.type = MSG_STABLE;
    m.head.key = n->member.view.epoch;
    m.head.size = sizeof(m.stable);
    m.stable = (struct body_stable){.epoch = n->member.view.epoch,
                                    .stable = stable,
                                    .digest = n->member.digest,
                                    .nonce = n->self.nonce,
                                    .round = round};
    world_hear(w, 1, world_n(w, 0)->self.mac, &m);
}

/* A late datagram never takes back a newer announcement; a repeated one gets its answer again. */
static void test_stable_rounds(void **state) {
    struct member_world *w = world_settled(2, 2, 20);
    const struct node *n = world_n(w, 1);
    uint32_t round = n->member.round;

    (void)state;
    hear_stable(w, 0, round + 2);
    assert_false(node_is_stable(n));
    uint32_t acks = w->node[1].sent[MSG_STABLE_ACK];
    hear_stable(w, 1, round);
    hear_stable(w, 1, round + 1);
    assert_false(node_is_stable(n));
    assert_int_equal(w->node[1].sent[MSG_STABLE_ACK], acks);
    hear_stable(w, 0, round + 2);
    assert_int_equal(w->node[1].sent[MSG_STABLE_ACK], acks + 1);
    hear_stable(w, 1, round + 3);
    assert_true(node_is_stable(n));
    world_free(w);
}

static enum door judge(struct node *n, uint32_t seat, uint32_t incarnation, uint32_t epoch,
                       uint64_t mac) {
    seat_id s = (seat_id)seat;

    return member_judge(n, &s, incarnation, epoch, mac);
}

static void test_door(void **state) {
    struct member_world *w = world_settled(3, 4, 17);
    struct node *n = world_n(w, 0);
    uint64_t mac = world_n(w, 2)->self.mac; /* seat 2, incarnation 2, view 3 */

    (void)state;
    assert_int_equal(judge(n, 2, 2, 3, mac), DOOR_OK);
    assert_int_equal(judge(n, 2, 2, 2, mac), DOOR_OK); /* late */
    assert_int_equal(judge(n, 2, 2, 4, mac), DOOR_NEWER_EPOCH);
    assert_int_equal(judge(n, 2, 2, 1000, mac), DOOR_NOT_MEMBER); /* noise */
    assert_int_equal(judge(n, 2, 2, 1, mac), DOOR_NOT_MEMBER);    /* before it was admitted */
    assert_int_equal(judge(n, 2, 1, 3, mac), DOOR_OLD_INCARNATION);
    assert_int_equal(judge(n, 2, 3, 3, mac), DOOR_NOT_MEMBER);
    assert_int_equal(judge(n, 1, 2, 3, mac), DOOR_NOT_MEMBER); /* not its seat */
    assert_int_equal(judge(n, SEAT_NONE, 0, 0, mac), DOOR_NOT_MEMBER);
    assert_int_equal(judge(n, 2, 2, 4, mac + 1), DOOR_NOT_MEMBER);
    assert_int_equal(judge(world_n(w, 3), 2, 2, 3, mac), DOOR_NOT_MEMBER);
    world_free(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_random_messages),
        cmocka_unit_test(test_commit_rules),
        cmocka_unit_test(test_commit_uninvited),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_acceptor),
        cmocka_unit_test(test_majority),
        cmocka_unit_test(test_accept_rules),
        cmocka_unit_test(test_stable_rounds),
        cmocka_unit_test(test_door),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
