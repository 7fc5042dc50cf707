/* test_sync.c: each race of futexes by hand, message by message [P 9.3, 9.4].
 * Three nodes; the manager of every key is node 2, the threads live on nodes 0 and 1. */
/* sources: tests/unit/jobs_world.c tests/unit/jobs_cast.c adapt/msg.c services/services.c
   services/rows.c services/job_service.c services/job_local.c services/job_run.c
   services/job_cache.c services/job_manager.c services/job_place.c services/job_call.c
   services/job_stream.c services/job_bytes.c services/job_map.c services/job_area.c
   services/job_files.c services/threads.c services/threads_clone.c services/threads_exit.c
   services/threads_manager.c services/sync_service.c services/sync_table.c services/sync_futex.c
   services/sync_barrier.c services/sync_requester.c */
#include "tests/unit/jobs_cast.h"

enum { MANAGER = 2, WORD = 0x8000, THREADS = 12 };

static int begin(void **state) {
    (void)state;
    cast_fresh(MANAGER);
    cast_start(THREADS);
    return 0;
}

static int end(void **state) {
    (void)state;
    cast_end();
    return 0;
}

static void wait_until(uint32_t i, uint64_t deadline_us, uint32_t bitset) {
    t[i].result = NOTHING;
    world_call(t[i].node, &(struct event_call){.op = CALL_FUTEX_WAIT,
                                               .token = t[i].token,
                                               .arg = {WORD, bitset},
                                               .deadline_us = deadline_us});
}

static void wait_on(uint32_t i) {
    wait_until(i, 0, 0xFFFFFFFFu);
}

static void compared(uint32_t i, bool equal) {
    CALL(t[i].node, CALL_FUTEX_COMPARED, t[i].token, equal);
}

/* Queued, compared equal, asleep. */
static void sleep_on(uint32_t i) {
    wait_on(i);
    world_settle();
    compared(i, true);
    world_settle();
    assert_int_equal(t[i].result, NOTHING);
}

static void wake(uint32_t i, int32_t how_many) {
    t[i].result = NOTHING;
    CALL(t[i].node, CALL_FUTEX_WAKE, t[i].token, WORD, (uint32_t)how_many, 0xFFFFFFFFu);
}

static int32_t woken(uint32_t i, int32_t how_many) {
    wake(i, how_many);
    world_settle();
    return t[i].result;
}

static void deliver_all(uint32_t from, uint32_t to) {
    while (world_deliver(from, to)) {
    }
}

/* ---- futex ----------------------------------------------------------------------------------- */

static void test_wait_and_wake(void **state) {
    uint32_t a = cast_on(0, 1), b = cast_on(1, 0);

    (void)state;
    assert_int_equal(woken(b, 1), 0); /* nobody there */
    sleep_on(a);
    assert_int_equal(sync_counts(&w.node[MANAGER]).waiting, 1);
    assert_int_equal(woken(b, 1), 1);
    assert_int_equal(t[a].result, 0);
    assert_int_equal(sync_counts(&w.node[MANAGER]).entries, 0);
    assert_int_equal(woken(b, 1), 0);
}

static void test_first_come_first_woken(void **state) {
    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        sleep_on(cast_on(0, i + 1));
    }
    assert_int_equal(woken(cast_on(1, 0), 2), 2);
    assert_int_equal(t[cast_on(0, 1)].result, 0);
    assert_int_equal(t[cast_on(0, 2)].result, 0);
    assert_int_equal(t[cast_on(0, 3)].result, NOTHING);
    assert_int_equal(woken(cast_on(1, 0), INT32_MAX), 1);
}

static void test_word_changed(void **state) {
    uint32_t a = cast_on(0, 1), b = cast_on(1, 0);

    (void)state;
    wait_on(a);
    world_settle();
    compared(a, false);
    assert_int_equal(t[a].result, NOTHING); /* the answer waits for CANCELLED */
    world_settle();
    assert_int_equal(t[a].result, -ERR_AGAIN);
    assert_int_equal(woken(b, 1), 0);
    wait_on(a);
    world_settle();
    CALL(t[a].node, CALL_FUTEX_COMPARED, t[a].token, 0, ERR_FAULT);
    world_settle();
    assert_int_equal(t[a].result, -ERR_FAULT); /* the word's page is gone */
}

/* A wake that comes while the world looks at the word is recorded and wins, whatever the word
 * says. */
static void test_wake_during_the_comparison(void **state) {
    uint32_t a = cast_on(0, 1), b = cast_on(1, 0);

    (void)state;
    for (int equal = 0; equal < 2; equal++) {
        wait_on(a);
        world_settle();
        assert_int_equal(t[a].compares, equal + 1);
        assert_int_equal(woken(b, 1), 1);
        assert_int_equal(t[a].result, NOTHING);
        uint64_t sent = w.sent[MSG_FUTEX_CANCEL];
        compared(a, equal != 0);
        assert_int_equal(t[a].result, 0);
        assert_int_equal(w.sent[MSG_FUTEX_CANCEL], sent);
    }
}

/* The wake chose a waiter whose cancel is on the way: the next waiter gets it [P 9.4]. */
static void test_wake_meets_a_cancel(void **state) {
    uint32_t a = cast_on(0, 1), b = cast_on(1, 0), c = cast_on(0, 2);

    (void)state;
    wait_on(a);
    world_settle(); /* queued; the world compares */
    sleep_on(c);
    wake(b, 1);
    deliver_all(1, MANAGER); /* chosen: a; its WOKEN is on the way */
    compared(a, false);      /* … and so is its CANCEL */
    world_settle();
    assert_int_equal(t[a].result, -ERR_AGAIN);
    assert_int_equal(t[a].wakes, 1);
    assert_int_equal(t[b].result, 1);
    assert_int_equal(t[c].result, 0);
    assert_int_equal(sync_counts(&w.node[MANAGER]).waiting, 0);
}

/* The other order: the CANCEL is there first, so the wake takes the next waiter at once. */
static void test_cancel_before_the_wake(void **state) {
    uint32_t a = cast_on(0, 1), b = cast_on(1, 0), c = cast_on(0, 2);

    (void)state;
    wait_on(a);
    world_settle();
    sleep_on(c);
    compared(a, false);
    deliver_all(0, MANAGER);
    assert_int_equal(woken(b, 1), 1);
    assert_int_equal(t[a].result, -ERR_AGAIN);
    assert_int_equal(t[c].result, 0);
}

/* A wake that finds nobody else is over: the caller whose wait was cancelled saw the new value
 * anyway. */
static void test_cancelled_wake_without_another_waiter(void **state) {
    uint32_t a = cast_on(0, 1), b = cast_on(1, 0);

    (void)state;
    wait_on(a);
    world_settle();
    wake(b, 1);
    deliver_all(1, MANAGER);
    compared(a, false);
    world_settle();
    assert_int_equal(t[a].result, -ERR_AGAIN);
    assert_int_equal(t[b].result, 1);
    sleep_on(a); /* and the futex works on */
    assert_int_equal(woken(b, 1), 1);
}

/* CANCEL told twice must hand the wake on once. */
static void test_cancel_sent_again_passes_on_once(void **state) {
    uint32_t a = cast_on(0, 1), b = cast_on(1, 0), c = cast_on(0, 2), d = cast_on(0, 3);

    (void)state;
    wait_on(a);
    world_settle();
    sleep_on(c);
    sleep_on(d);
    wake(b, 1);
    deliver_all(1, MANAGER);
    compared(a, false);
    world_resend(0);
    world_resend(0);
    world_settle();
    assert_int_equal(t[a].result, -ERR_AGAIN);
    assert_int_equal(t[c].result, 0);
    assert_int_equal(t[d].result, NOTHING);
}

/* WAIT told again after the wake is answered like the first time, and queues nobody. */
static void test_wait_sent_again_after_its_wake(void **state) {
    uint32_t a = cast_on(0, 1), b = cast_on(1, 0);

    (void)state;
    sleep_on(a);
    wake(b, 1);
    deliver_all(1, MANAGER);
    world_resend(0);
    world_settle();
    assert_int_equal(t[a].result, 0);
    assert_int_equal(t[a].wakes, 1);
    assert_int_equal(sync_counts(&w.node[MANAGER]).waiting, 0);
}

static void test_wake_sent_again_counts_once(void **state) {
    uint32_t b = cast_on(1, 0);

    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        sleep_on(cast_on(0, i + 1));
    }
    wake(b, 1);
    world_resend(1);
    world_resend(1);
    world_settle();
    assert_int_equal(t[b].result, 1);
    assert_int_equal(t[cast_on(0, 2)].result, NOTHING);
}

/* The result of a wait was forgotten by its manager, the wait is told again: nobody may be left
 * queued. */
static void test_forgotten_wait_leaves_no_waiter(void **state) {
    uint32_t a = cast_on(0, 1), b = cast_on(1, 0);
    struct sync *s = sync_of(&w.node[MANAGER]);

    (void)state;
    sleep_on(a);
    wake(b, 1);
    deliver_all(1, MANAGER);
    world_resend(0);
    uint32_t row = sync_row_find(s, told.job, threads_slot(&w.node[0], t[a].token)->tid);
    sync_rows(s)[row].op = 0; /* as good as forgotten */
    world_settle();
    assert_int_equal(t[a].result, 0);
    assert_int_equal(sync_counts(&w.node[MANAGER]).waiting, 0);
}

/* As in Linux, where the first waiter is woken before the count is looked at. */
static void test_wake_of_none_wakes_one(void **state) {
    (void)state;
    for (uint32_t i = 1; i < 4; i++) {
        sleep_on(i);
    }
    assert_int_equal(woken(0, 0), 1);
    assert_int_equal(woken(0, -5), 1);
}

static void test_bitsets(void **state) {
    uint32_t a = cast_on(0, 1), b = cast_on(1, 0), c = cast_on(0, 2);

    (void)state;
    wait_until(a, 0, 1);
    wait_until(c, 0, 6);
    world_settle();
    compared(a, true);
    compared(c, true);
    CALL(t[b].node, CALL_FUTEX_WAKE, t[b].token, WORD, 9, 2);
    world_settle();
    assert_int_equal(t[b].result, 1);
    assert_int_equal(t[c].result, 0);
    assert_int_equal(t[a].result, NOTHING);
}

static void test_arguments(void **state) {
    uint32_t a = cast_on(0, 1);

    (void)state;
    wait_until(a, 0, 0);
    assert_int_equal(t[a].result, -ERR_INVALID);
    CALL(t[a].node, CALL_FUTEX_WAIT, t[a].token, WORD + 2, 1);
    assert_int_equal(t[a].result, -ERR_INVALID);
    CALL(t[a].node, CALL_BARRIER, t[a].token, WORD, 0);
    assert_int_equal(t[a].result, -ERR_INVALID);
    assert_int_equal(w.sent[MSG_FUTEX_WAIT], 0);
}

/* ---- time ------------------------------------------------------------------------------------ */

static uint64_t cluster_us(void) {
    return w.now_us + w.ahead_us;
}

static void test_timeout(void **state) {
    uint32_t a = cast_on(0, 1), b = cast_on(1, 0);
    uint64_t deadline = cluster_us() + 5000;

    (void)state;
    wait_until(a, deadline, 0xFFFFFFFFu);
    world_settle();
    compared(a, true);
    world_settle();
    assert_int_equal(t[a].result, NOTHING);
    assert_true(world_sleep());
    assert_int_equal(cluster_us(), deadline);
    world_settle();
    assert_int_equal(t[a].result, -ERR_TIMED_OUT);
    assert_int_equal(woken(b, 1), 0);
    assert_false(world_sleep()); /* no timer is left */
}

/* The time is over before the word was compared. */
static void test_timeout_in_the_past(void **state) {
    uint32_t a = cast_on(0, 1);

    (void)state;
    wait_until(a, 1, 0xFFFFFFFFu);
    world_settle();
    compared(a, false);
    world_settle();
    assert_int_equal(t[a].result, -ERR_AGAIN);
    wait_until(a, 1, 0xFFFFFFFFu);
    world_settle();
    compared(a, true);
    world_settle();
    assert_int_equal(t[a].result, -ERR_TIMED_OUT);
}

static void test_timeout_against_wake(void **state) {
    uint32_t a = cast_on(0, 1), b = cast_on(1, 0), c = cast_on(0, 2);

    (void)state;
    wait_until(a, cluster_us() + 5000, 0xFFFFFFFFu);
    world_settle();
    compared(a, true);
    sleep_on(c);
    wake(b, 1);
    deliver_all(1, MANAGER); /* a is chosen, its WOKEN on the way; then its time is over */
    assert_true(world_sleep());
    world_settle();
    assert_int_equal(t[a].result, -ERR_TIMED_OUT);
    assert_int_equal(t[c].result, 0);
}

static void test_sleep(void **state) {
    uint32_t a = cast_on(0, 1), b = cast_on(0, 2);
    uint64_t late = cluster_us() + 900;

    (void)state;
    world_call(0, &(struct event_call){.op = CALL_SLEEP, .token = t[a].token, .deadline_us = late});
    world_call(
        0, &(struct event_call){.op = CALL_SLEEP, .token = t[b].token, .deadline_us = late - 400});
    assert_true(world_sleep());
    assert_int_equal(t[b].result, 0);
    assert_int_equal(t[a].result, NOTHING);
    assert_true(world_sleep());
    assert_int_equal(t[a].result, 0);
    assert_int_equal(cluster_us(), late);
    assert_false(world_sleep());
}

static void test_wake_of_all(void **state) {
    uint32_t waiters = 0;

    (void)state;
    for (uint32_t i = 1; i < THREADS; i++) {
        sleep_on(i);
        waiters++;
    }
    uint64_t sent = w.sent[MSG_FUTEX_WOKEN];
    assert_int_equal(woken(0, INT32_MAX), waiters);
    assert_int_equal(w.sent[MSG_FUTEX_WOKEN] - sent, 2); /* one for each other node */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_wait_and_wake),
        TEST(test_first_come_first_woken),
        TEST(test_word_changed),
        TEST(test_wake_during_the_comparison),
        TEST(test_wake_meets_a_cancel),
        TEST(test_cancel_before_the_wake),
        TEST(test_cancelled_wake_without_another_waiter),
        TEST(test_cancel_sent_again_passes_on_once),
        TEST(test_wait_sent_again_after_its_wake),
        TEST(test_wake_sent_again_counts_once),
        TEST(test_forgotten_wait_leaves_no_waiter),
        TEST(test_wake_of_none_wakes_one),
        TEST(test_bitsets),
        TEST(test_arguments),
        TEST(test_timeout),
        TEST(test_timeout_in_the_past),
        TEST(test_timeout_against_wake),
        TEST(test_sleep),
        TEST(test_wake_of_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
