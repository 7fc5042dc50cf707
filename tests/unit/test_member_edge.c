/* Membership among strangers: other builds and clusters, twins, reboots, options, names [D 6]. */
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

/* ---- builds and clusters --------------------------------------------------------------------- */

static void test_other_build_joins(void **state) {
    struct member_world *w = world_settled(2, 3, 1);

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
    struct member_world *w = world_settled(1, 2, 5);

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
    struct member_world *w = world_settled(3, 3, 7);

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
    struct member_world *w = world_settled(2, 3, 8);

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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
