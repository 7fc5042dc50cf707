/* Membership against strangers: other builds and clusters, twins, options, hostile bytes; and the
 * rules of the vote and of the door one by one [D 6, P 7.2, 7.5, 7.9]. */
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

static struct member_world *settled(uint32_t members, uint32_t nodes, uint64_t seed) {
    struct member_world *w = world_new(nodes, seed);

    for (uint32_t i = 0; i < members; i++) {
        world_n(w, i)->self.expect = (uint16_t)members;
        world_boot(w, i, 1000 + i);
    }
    world_settle(w, members, 2000000);
    return w;
}

/* ---- builds and clusters --------------------------------------------------------------------- */

static void test_other_build_joins(void **state) {
    struct member_world *w = settled(2, 3, 1);

    (void)state;
    world_n(w, 2)->self.build_id = 78;
    world_boot(w, 2, w->now_us + 1000);
    world_run(w, w->now_us + 20000000);
    assert_true(world_is_settled(w, 2));
    assert_int_equal(world_n(w, 2)->member.view.epoch, 0);
    assert_int_equal(w->node[0].reports[REPORT_REFUSED_BUILD], 1);
    assert_int_equal(w->node[2].reports[REPORT_BUILD_HERE], 1);
    assert_int_equal(w->node[2].reports[REPORT_FOUNDED], 0);
    assert_string_equal(w->node[2].last_report[REPORT_BUILD_HERE],
                        "this node is refused: its build (protocol 4e) is not the cluster's (4d): "
                        "boot the same image on every node");
    world_free(w);
}

/* The odd one out does not count for expect, and both consoles say why. */
static void test_other_build_founding(void **state) {
    struct member_world *w = world_new(3, 2);

    (void)state;
    world_n(w, 1)->self.build_id = 78;
    world_boot_all(w, 3);
    world_run(w, 5000000);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(world_n(w, i)->member.view.epoch, 0);
        assert_int_equal(w->node[i].reports[REPORT_REFUSED_BUILD], i == 1 ? 2 : 1);
    }
    assert_int_equal(member_missing(world_n(w, 0)), 1);
    assert_int_equal(member_missing(world_n(w, 1)), 2);
    world_free(w);
}

static void test_other_cluster_name(void **state) {
    struct member_world *w = world_new(4, 3);

    (void)state;
    for (uint32_t i = 2; i < 4; i++) {
        memcpy(world_n(w, i)->self.cluster, "other", 6);
    }
    world_boot_all(w, 2);
    world_run(w, 12000000);
    for (uint32_t i = 0; i < 4; i++) {
        assert_true(node_is_stable(world_n(w, i)));
        assert_int_equal(world_n(w, i)->member.view.count, 2);
        assert_true(world_n(w, i)->counters.bad_cluster > 0);
        assert_int_equal(w->node[i].reports[REPORT_TWO_CLUSTERS], 0);
    }
    world_free(w);
}

/* Two of one name that could not hear each other: both say so, and stay apart. */
static void test_two_clusters_meet(void **state) {
    struct member_world *w = world_new(4, 4);

    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        for (uint32_t k = 0; k < 4; k++) {
            w->cut[i][k] = (i < 2) != (k < 2);
        }
        world_n(w, i)->self.expect = 2;
        world_boot(w, i, 1000);
    }
    world_run(w, 3000000);
    memset(w->cut, 0, sizeof(w->cut));
    world_run(w, 30000000);
    for (uint32_t i = 0; i < 4; i++) {
        assert_true(node_is_stable(world_n(w, i)));
        assert_int_equal(world_n(w, i)->member.view.count, 2);
        assert_int_equal(w->node[i].reports[REPORT_TWO_CLUSTERS], 1);
    }
    world_free(w);
}

/* A cluster that dies while a node asks it: that node listens anew, and founds. */
static void test_cluster_silent(void **state) {
    struct member_world *w = settled(1, 2, 5);

    (void)state;
    w->node[0].jobs = true;
    world_boot(w, 1, w->now_us + 1000);
    world_run(w, w->now_us + 3000000);
    assert_string_equal(member_state_name(world_n(w, 1)), "asking");
    w->node[0].up = false;
    world_run(w, w->now_us + 40000000);
    assert_int_equal(w->node[1].reports[REPORT_CLUSTER_SILENT], 1);
    assert_int_equal(w->node[1].reports[REPORT_FOUNDED], 1);
    world_free(w);
}

/* ---- MACs ------------------------------------------------------------------------------------ */

static void test_twins_outside(void **state) {
    struct member_world *w = world_new(3, 6);

    (void)state;
    world_n(w, 2)->self.mac = world_n(w, 1)->self.mac;
    world_boot_all(w, 3);
    world_run(w, 3000000);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(world_n(w, i)->member.view.epoch, 0);
        assert_int_equal(w->node[i].reports[REPORT_TWIN], 1);
    }
    assert_string_equal(w->node[1].last_report[REPORT_TWIN],
                        "two nodes have the MAC 52:54:00:00:00:02 at the same time: give one of "
                        "them another (a VM: its mac= option)");
    world_free(w);
}

/* A member that was reset comes back with another nonce: refused, on both consoles [P 7.9]. */
static void test_member_rebooted(void **state) {
    struct member_world *w = settled(3, 3, 7);

    (void)state;
    world_reboot(w, 2);
    world_run(w, w->now_us + 3000000);
    assert_int_equal(world_n(w, 2)->member.view.epoch, 0);
    assert_int_equal(w->node[0].reports[REPORT_REFUSED_MAC], 1);
    assert_int_equal(w->node[2].reports[REPORT_MAC_HERE], 1);
    assert_int_equal(w->node[2].reports[REPORT_FOUNDED], 0);
    assert_true(node_is_stable(world_n(w, 0)));
    world_free(w);
}

/* A newcomer that reboots while it is being admitted: its old nonce is not its own any more. */
static void test_joiner_rebooted(void **state) {
    struct member_world *w = settled(2, 3, 8);

    (void)state;
    world_boot(w, 2, w->now_us + 1000);
    while (world_n(w, 0)->member.view.count == 2) {
        world_run(w, w->now_us + 100);
    }
    world_reboot(w, 2);
    world_run(w, w->now_us + 12000000);
    assert_int_equal(world_n(w, 2)->member.view.epoch, 0);
    assert_true(w->node[0].reports[REPORT_NOT_ANSWERING] >= 2);
    world_free(w);
}

/* ---- options --------------------------------------------------------------------------------- */

static void test_locator_differs(void **state) {
    struct member_world *w = world_new(2, 9);

    (void)state;
    world_n(w, 0)->self.locator = LOCATOR_STAT;
    world_boot_all(w, 2);
    world_settle(w, 2, 1000000);
    assert_int_equal(world_n(w, 1)->member.view.locator, LOCATOR_STAT);
    assert_int_equal(w->node[0].reports[REPORT_OPTION_DIFFERS], 1);
    assert_true(w->node[1].reports[REPORT_OPTION_DIFFERS] >= 1);
    assert_string_equal(w->node[1].last_report[REPORT_OPTION_DIFFERS],
                        "this node was booted with locator=tree, its cluster with locator=stat; "
                        "the founder's option counts: boot every node of a cluster with the same "
                        "options");
    world_free(w);
}

static void test_expect_differs(void **state) {
    struct member_world *w = world_new(2, 10);

    (void)state;
    world_boot_all(w, 2);
    world_n(w, 1)->self.expect = 5;
    world_settle(w, 2, 1000000);
    assert_string_equal(w->node[0].last_report[REPORT_OPTION_DIFFERS],
                        "n2 (52:54:00:00:00:02) was booted with expect=5, this node with expect=2;"
                        " the founder's option counts: boot every node of a cluster with the same"
                        " options");
    world_free(w);
}

static void test_manual_join(void **state) {
    struct member_world *w = world_new(2, 11);

    (void)state;
    world_n(w, 0)->self.join_manual = 1; /* the lowest MAC, yet it does not found */
    world_boot_all(w, 0);
    world_run(w, 8000000);
    assert_int_equal(world_n(w, 0)->member.view.epoch, 0);
    assert_int_equal(world_n(w, 1)->member.view.epoch, 1);
    assert_int_equal(w->node[0].reports[REPORT_CLUSTER_HERE], 1);
    member_join(world_n(w, 0));
    world_settle(w, 2, 8000000);
    world_free(w);
}

/* Names: none given, one given twice, one that cannot be printed. */
static void test_names(void **state) {
    struct member_world *w = world_new(4, 12);

    (void)state;
    memset(world_n(w, 1)->self.name, 0, NAME_BYTES);
    memcpy(world_n(w, 2)->self.name, "n1", 3);
    memcpy(world_n(w, 3)->self.name, "a\033[2J", 6);
    memset(world_n(w, 0)->self.cluster, 0, NAME_BYTES);
    for (uint32_t i = 1; i < 4; i++) {
        memcpy(world_n(w, i)->self.cluster, "lisse\0\0xyz", 11); /* rubbish behind the zero */
    }
    world_boot_all(w, 4);
    world_settle(w, 4, 1000000);
    const struct view *v = &world_n(w, 3)->member.view;
    assert_string_equal(v->member[0].name, "n1");
    assert_string_equal(v->member[1].name, "n2");
    assert_string_equal(v->member[2].name, "n3");
    assert_string_equal(v->member[3].name, "n4");
    world_free(w);
}

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
    struct member_world *w = settled(3, 4, 13);
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
    struct member_world *w = settled(2, 3, 14);
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
    struct member_world *w = settled(2, 3, 15);
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
    struct member_world *w = settled(1, 1, 16);
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

static enum door judge(struct node *n, uint32_t seat, uint32_t incarnation, uint32_t epoch,
                       uint64_t mac) {
    seat_id s = (seat_id)seat;

    return member_judge(n, &s, incarnation, epoch, mac);
}

static void test_door(void **state) {
    struct member_world *w = settled(3, 4, 17);
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
        cmocka_unit_test(test_other_build_joins),
        cmocka_unit_test(test_other_build_founding),
        cmocka_unit_test(test_other_cluster_name),
        cmocka_unit_test(test_two_clusters_meet),
        cmocka_unit_test(test_cluster_silent),
        cmocka_unit_test(test_twins_outside),
        cmocka_unit_test(test_member_rebooted),
        cmocka_unit_test(test_joiner_rebooted),
        cmocka_unit_test(test_locator_differs),
        cmocka_unit_test(test_expect_differs),
        cmocka_unit_test(test_manual_join),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_random_messages),
        cmocka_unit_test(test_commit_rules),
        cmocka_unit_test(test_commit_uninvited),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_acceptor),
        cmocka_unit_test(test_door),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
