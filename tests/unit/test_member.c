/* Membership with friendly and lossy networks: founding, joining, phases, stable [D 6, P 7.10]. */
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

static uint32_t founders(struct member_world *w) {
    uint32_t count = 0;

    for (uint32_t i = 0; i < w->count; i++) {
        count += w->node[i].reports[REPORT_FOUNDED];
    }
    return count;
}

/* ---- founding -------------------------------------------------------------------------------- */

static void test_alone(void **state) {
    struct member_world *w = world_new(1, 1);

    (void)state;
    world_boot(w, 0, 1000);
    world_run(w, 500000);
    assert_int_equal(world_n(w, 0)->member.view.epoch, 0);
    assert_string_equal(member_state_name(world_n(w, 0)), "listening");
    world_run(w, 502000);
    assert_int_equal(world_n(w, 0)->member.view.epoch, 1);
    assert_true(node_is_stable(world_n(w, 0)));
    assert_string_equal(member_state_name(world_n(w, 0)), "member");
    assert_string_equal(w->node[0].last_report[REPORT_FOUNDED],
                        "founded cluster \"test\" alone (epoch 1)");
    world_free(w);
}

/* Booted together without expect: the lowest MAC founds, the others come in one view. */
static void test_together(void **state) {
    (void)state;
    for (uint32_t count = 2; count <= 16; count++) {
        for (uint64_t seed = 0; seed < 3; seed++) {
            struct member_world *w = world_new(count, seed);
            world_boot_all(w, 0);
            world_settle(w, count, 3000000);
            const struct view *v = &world_n(w, 0)->member.view;
            assert_int_equal(founders(w), 1);
            assert_int_equal(v->epoch, 3);
            assert_int_equal(view_in_role(v, ROLE_MEMBER), count);
            for (uint32_t i = 0; i < count; i++) {
                assert_int_equal(v->member[i].mac, world_n(w, i)->self.mac);
                assert_int_equal(v->member[i].id, i + 1);
                assert_int_equal(v->member[i].incarnation, i == 0 ? 1 : 2);
                assert_int_equal(w->node[i].reports[REPORT_STABLE], i == 0 ? 2 : 1);
            }
            uint32_t odd = count < 7 ? count - (count % 2 == 0) : 7;
            assert_int_equal(view_voters(v), odd);
            world_free(w);
        }
    }
}

static void test_expect(void **state) {
    (void)state;
    for (uint32_t count = 1; count <= 16; count++) {
        struct member_world *w = world_new(count, count);
        world_boot_all(w, (uint16_t)count);
        uint64_t took = world_settle(w, count, 400000);
        assert_int_equal(founders(w), 1);
        assert_true(took < 400000);
        assert_int_equal(world_n(w, 0)->member.view.epoch, count == 1 ? 1 : 3);
        world_free(w);
    }
}

/* Nobody founds before N are there, and each second a line says who is missing. */
static void test_expect_waits(void **state) {
    struct member_world *w = world_new(4, 9);

    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        world_n(w, i)->self.expect = 3;
    }
    world_boot(w, 1, 1000);
    world_boot(w, 2, 2000);
    world_run(w, 4500000);
    assert_int_equal(founders(w), 0);
    assert_int_equal(w->node[1].reports[REPORT_WAITING], 4);
    assert_int_equal(member_missing(world_n(w, 1)), 1);
    assert_string_equal(w->node[1].last_report[REPORT_WAITING],
                        "waiting for 1 more of 3 nodes (expect=3); here: n2 n3");
    world_boot(w, 0, w->now_us + 1);
    world_run(w, w->now_us + 700000);
    assert_true(node_is_stable(world_n(w, 0)));
    assert_int_equal(world_n(w, 0)->member.view.count, 3);
    assert_int_equal(world_n(w, 0)->member.view.epoch, 3);
    world_boot(w, 3, w->now_us + 1); /* beyond N: joins as well */
    world_settle(w, 4, 1000000);
    assert_int_equal(founders(w), 1);
    world_free(w);
}

/* A view of three voters decides by majority; the newcomer is told the truth by everybody. */
static void test_late(void **state) {
    struct member_world *w = world_new(16, 3);

    (void)state;
    for (uint32_t i = 0; i < 5; i++) {
        world_boot(w, i, 1000 + i);
    }
    world_settle(w, 5, 2000000);
    for (uint32_t i = 5; i < 16; i++) {
        uint32_t before = world_n(w, 1)->member.view.epoch;
        world_boot(w, i, w->now_us + 5000000);
        world_run(w, w->now_us + 5000000);
        world_settle(w, i + 1, 1000000);
        assert_int_equal(world_n(w, 1)->member.view.epoch, before + 2);
        assert_true(w->node[0].sent[MSG_ACCEPT] > 0);
        assert_true(w->node[1].sent[MSG_ACCEPTED] > 0);
    }
    assert_int_equal(founders(w), 1);
    world_free(w);
}

static void test_full(void **state) {
    struct member_world *w = world_new(18, 5);

    (void)state;
    for (uint32_t i = 0; i < 16; i++) {
        world_n(w, i)->self.expect = 16;
        world_boot(w, i, 1000 + i);
    }
    world_settle(w, 16, 1000000);
    world_boot(w, 16, w->now_us + 1000);
    world_boot(w, 17, w->now_us + 1000);
    world_run(w, w->now_us + 20000000);
    assert_true(world_is_settled(w, 16));
    for (uint32_t i = 16; i < 18; i++) {
        assert_int_equal(world_n(w, i)->member.view.epoch, 0);
        assert_int_equal(w->node[i].reports[REPORT_FULL_HERE], 1);
    }
    assert_int_equal(w->node[0].reports[REPORT_REFUSED_FULL], 2);
    world_free(w);
}

/* More than there is room for at once: the lowest come in. */
static void test_overfull_batch(void **state) {
    struct member_world *w = world_new(20, 6);

    (void)state;
    world_boot_all(w, 0);
    world_settle(w, 16, 3000000);
    world_run(w, w->now_us + 10000000);
    assert_true(world_is_settled(w, 16));
    for (uint32_t i = 16; i < 20; i++) {
        assert_int_equal(w->node[i].reports[REPORT_FULL_HERE], 1);
    }
    world_free(w);
}

/* ---- a bad network --------------------------------------------------------------------------- */

static void test_any_one_lost(void **state) {
    (void)state;
    for (uint16_t expect = 0; expect <= 3; expect = (uint16_t)(expect + 3)) {
        uint32_t sends = 1;
        for (uint32_t nth = 0; nth < sends; nth++) {
            struct member_world *w = world_new(3, 11);
            w->drop_nth = nth;
            world_boot_all(w, expect);
            world_settle(w, 3, 4000000);
            assert_int_equal(founders(w), 1);
            sends = w->sends;
            world_free(w);
        }
        assert_true(sends >= 20);
    }
}

static void test_every_one_doubled(void **state) {
    struct member_world *w = world_new(6, 12);

    (void)state;
    w->double_permille = 1000;
    w->delay_us = 30000;
    world_boot_all(w, 6);
    world_settle(w, 6, 4000000);
    assert_int_equal(world_n(w, 0)->member.view.epoch, 3);
    assert_int_equal(founders(w), 1);
    world_run(w, w->now_us + 20000000);
    assert_true(world_is_settled(w, 6));
    world_free(w);
}

static void test_seeds(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 60; seed++) {
        uint32_t count = 2 + (uint32_t)(seed % 5);
        struct member_world *w = world_new(count, seed);
        w->loss_permille = (uint32_t)(seed * 9);
        w->double_permille = 100;
        w->delay_us = 20000;
        world_boot_all(w, (uint16_t)count);
        world_settle(w, count, 60000000);
        assert_int_equal(founders(w), 1);
        world_free(w);
    }
}

/* The same seed gives the same trace, twice. */
static void test_deterministic(void **state) {
    uint64_t hash[2];

    (void)state;
    for (uint32_t i = 0; i < 2; i++) {
        struct member_world *w = world_new(4, 99);
        w->loss_permille = 200;
        world_boot_all(w, 0);
        world_run(w, 10000000);
        hash[i] = world_hash(w);
        world_free(w);
    }
    assert_true(hash[0] == hash[1]);
    assert_true(hash[0] != 0);
}

/* A partition while the cluster forms delays it, and nothing else. */
static void test_cut(void **state) {
    struct member_world *w = world_new(3, 21);

    (void)state;
    world_boot_all(w, 3);
    world_run(w, 45000); /* seen each other; the decree is under way */
    for (uint32_t i = 0; i < 3; i++) {
        w->cut[i][2] = i != 2;
        w->cut[2][i] = i != 2;
    }
    world_run(w, 7000000);
    assert_false(world_is_settled(w, 3));
    memset(w->cut, 0, sizeof(w->cut));
    world_settle(w, 3, 8000000);
    assert_int_equal(founders(w), 1);
    world_free(w);
}

/* ---- jobs ------------------------------------------------------------------------------------ */

static void test_waits_for_job(void **state) {
    struct member_world *w = world_new(3, 31);

    (void)state;
    world_boot(w, 0, 1000);
    world_boot(w, 1, 1000);
    world_settle(w, 2, 2000000);
    w->node[0].jobs = true;
    world_boot(w, 2, w->now_us + 1000);
    world_run(w, w->now_us + 30000000);
    assert_true(world_is_settled(w, 2));
    assert_int_equal(w->node[0].reports[REPORT_JOIN_WAITS], 1);
    assert_int_equal(w->node[2].reports[REPORT_CLUSTER_SILENT], 0);
    assert_string_equal(member_state_name(world_n(w, 2)), "asking");
    w->node[0].jobs = false;
    world_settle(w, 3, 3000000);
    world_free(w);
}

/* A job that has a part on another member only: found out by asking everybody. */
static void test_job_elsewhere(void **state) {
    struct member_world *w = world_new(4, 32);

    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        world_boot(w, i, 1000);
    }
    world_settle(w, 3, 2000000);
    w->node[2].jobs = true;
    world_boot(w, 3, w->now_us + 1000);
    world_run(w, w->now_us + 10500000);
    assert_int_equal(world_n(w, 0)->member.view.epoch, 3);
    world_settle(w, 3, 500000); /* jobs may start again between the questions */
    assert_true(w->node[0].reports[REPORT_JOIN_WAITS] == 1);
    w->node[2].jobs = false;
    world_settle(w, 4, 3000000);
    assert_int_equal(world_n(w, 0)->member.view.epoch, 5);
    world_free(w);
}

/* A member that is gone stops the admission, not the others' stability. */
static void test_silent_member(void **state) {
    struct member_world *w = world_new(4, 33);

    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        world_boot(w, i, 1000);
    }
    world_settle(w, 3, 2000000);
    w->node[2].up = false;
    w->node[2].boot_us = UINT64_MAX;
    world_boot(w, 3, w->now_us + 1000);
    world_run(w, w->now_us + 5800000);
    assert_int_equal(world_n(w, 0)->member.view.epoch, 3);
    assert_true(w->node[0].reports[REPORT_NOT_ANSWERING] >= 1);
    assert_true(node_is_stable(world_n(w, 0)));
    assert_true(node_is_stable(world_n(w, 1)));
    world_free(w);
}

/* The founder of a counted cluster runs nothing alone while the others are about to join. */
static void test_founder_holds_back(void **state) {
    struct member_world *w = world_new(2, 34);

    (void)state;
    world_boot_all(w, 2);
    while (world_n(w, 0)->member.view.epoch == 0) {
        world_run(w, w->now_us + 100);
    }
    assert_false(node_is_stable(world_n(w, 0)));
    w->node[1].up = false;
    w->node[1].boot_us = UINT64_MAX;
    world_run(w, w->now_us + 4900000);
    assert_false(node_is_stable(world_n(w, 0)));
    world_run(w, w->now_us + 200000);
    assert_true(node_is_stable(world_n(w, 0))); /* they are not coming */
    world_free(w);
}

/* ---- what the console shows ------------------------------------------------------------------ */

static void test_phases(void **state) {
    struct member_world *w = world_new(3, 41);

    (void)state;
    world_boot_all(w, 3);
    world_settle(w, 3, 1000000);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(supervisor_state(world_n(w, i)), SUPERVISOR_STABLE);
        assert_int_equal(world_n(w, i)->member.supervisor.phases.now, PHASES);
    }
    const struct change_record *add = supervisor_change(world_n(w, 0), 0);
    assert_int_equal(add->cause, CAUSE_ADD);
    assert_int_equal(add->epoch, 2);
    assert_int_equal(add->node, 3);
    assert_true(add->us[PHASE_PHYS] >= 1000);
    assert_int_equal(supervisor_change(world_n(w, 0), 1)->node, 2);
    assert_int_equal(supervisor_change(world_n(w, 0), 2)->cause, CAUSE_FOUND);
    assert_null(supervisor_change(world_n(w, 0), 3));
    const struct change_record *own = supervisor_change(world_n(w, 2), 0);
    assert_int_equal(own->node, 3);
    assert_true(own->us[PHASE_PHYS] >= 1000);
    assert_string_equal(phase_name(PHASE_SETTING), "SETTING");
    assert_string_equal(supervisor_state_name(SUPERVISOR_ADDITION), "addition");
    assert_string_equal(change_cause_name(CAUSE_ADD), "add");
    world_free(w);
}

/* 0, 50, 100, 200, 400 ms +- 25 %, then each second; the proposer alone once stable [D 6]. */
static void test_hello_schedule(void **state) {
    struct member_world *w = world_new(2, 51);
    static const struct {
        uint64_t by_us;
        uint32_t hellos;
    } steps[] = {{1001, 1}, {64000, 2}, {126000, 3}, {251000, 4}, {501001, 5}, {1760000, 6}};

    (void)state;
    world_n(w, 0)->self.expect = 2;
    world_boot(w, 0, 1000);
    for (uint32_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        world_run(w, steps[i].by_us);
        assert_int_equal(w->node[0].sent[MSG_HELLO], steps[i].hellos);
    }
    world_n(w, 1)->self.expect = 2;
    world_boot(w, 1, w->now_us + 1000);
    world_settle(w, 2, 1000000);
    world_run(w, w->now_us + 1000000);
    uint32_t proposer = w->node[0].sent[MSG_HELLO], other = w->node[1].sent[MSG_HELLO];
    world_run(w, w->now_us + 50000000);
    assert_int_equal(w->node[1].sent[MSG_HELLO], other);
    assert_in_range(w->node[0].sent[MSG_HELLO] - proposer, 8, 14);
    world_free(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alone),
        cmocka_unit_test(test_together),
        cmocka_unit_test(test_expect),
        cmocka_unit_test(test_expect_waits),
        cmocka_unit_test(test_late),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_overfull_batch),
        cmocka_unit_test(test_any_one_lost),
        cmocka_unit_test(test_every_one_doubled),
        cmocka_unit_test(test_seeds),
        cmocka_unit_test(test_deterministic),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_waits_for_job),
        cmocka_unit_test(test_job_elsewhere),
        cmocka_unit_test(test_silent_member),
        cmocka_unit_test(test_founder_holds_back),
        cmocka_unit_test(test_phases),
        cmocka_unit_test(test_hello_schedule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
