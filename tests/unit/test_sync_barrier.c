/* test_sync_barrier.c: barriers by hand, message by message [P 9.10].
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

static void deliver_all(uint32_t from, uint32_t to) {
    while (world_deliver(from, to)) {
    }
}

static void arrive(uint32_t i, uint32_t wanted) {
    t[i].result = NOTHING;
    CALL(t[i].node, CALL_BARRIER, t[i].token, WORD, wanted);
}

static void test_barrier(void **state) {
    (void)state;
    for (uint32_t round = 0; round < 3; round++) {
        uint64_t sent = world_sent_all();
        int32_t sum = 0;
        for (uint32_t i = 0; i < THREADS; i++) {
            assert_int_equal(sync_counts(&w.node[MANAGER]).waiting, i);
            arrive(i, THREADS);
            world_settle();
        }
        for (uint32_t i = 0; i < THREADS; i++) {
            assert_true(t[i].result == 0 || t[i].result == 1);
            sum += t[i].result;
        }
        assert_int_equal(sum, 1);
        assert_int_equal(t[THREADS - 1].result, 1); /* the last that came */
        assert_int_equal(world_sent_all() - sent,
                         8 + 2); /* 8 threads of other nodes, one release each */
    }
}

/* N nodes with a thread each: at most 2 (N - 1) messages [D 14]. */
static void test_barrier_messages(void **state) {
    uint64_t sent = world_sent_all();

    (void)state;
    for (uint32_t node = 0; node < 3; node++) {
        arrive(cast_on(node, 0), 3);
    }
    world_settle();
    assert_int_equal(world_sent_all() - sent, 4);
}

static void test_arrival_sent_again_counts_once(void **state) {
    uint32_t a = cast_on(0, 1), b = cast_on(1, 0);

    (void)state;
    arrive(a, 2);
    world_resend(0);
    world_resend(0);
    world_settle();
    assert_int_equal(t[a].result, NOTHING);
    arrive(b, 2);
    deliver_all(1, MANAGER); /* released; then both arrivals are told again */
    world_resend(0);
    world_resend(1);
    world_settle();
    assert_int_equal(t[a].result, 0);
    assert_int_equal(t[b].result, 1);
    assert_int_equal(t[a].wakes + t[b].wakes, 2);
    assert_int_equal(sync_counts(&w.node[MANAGER]).waiting, 0);
}

/* A thread of the next generation that shares the node with released ones stays. */
static void test_release_names_its_threads(void **state) {
    uint32_t a = cast_on(0, 1), b = cast_on(0, 2), c = cast_on(0, 3);

    (void)state;
    arrive(a, 2);
    arrive(b, 2);
    deliver_all(0, MANAGER); /* released */
    arrive(c, 2);
    world_settle();
    assert_int_equal(t[a].result, 0);
    assert_int_equal(t[b].result, 1);
    assert_int_equal(t[c].result, NOTHING);
}

static void test_barrier_of_two_minds(void **state) {
    uint32_t a = cast_on(0, 1), b = cast_on(1, 0), c = cast_on(1, 1);

    (void)state;
    arrive(a, 2);
    world_settle();
    arrive(b, 3);
    world_settle();
    assert_int_equal(t[b].result, -ERR_INVALID);
    assert_int_equal(w.reported[REPORT_BARRIER_COUNT], 1);
    assert_int_equal(t[a].result, NOTHING);
    arrive(c, 2);
    world_settle();
    assert_int_equal(t[a].result, 0);
    arrive(b, 1); /* an empty barrier may change its count */
    world_settle();
    assert_int_equal(t[b].result, 1);
}

static void test_generation_is_remembered(void **state) {
    const struct sync *s = sync_of(&w.node[0]);

    (void)state;
    for (uint32_t round = 1; round < 4; round++) {
        arrive(cast_on(0, 1), 1);
        world_settle();
        assert_int_equal(s->seen[0].generation, round);
    }
    for (uint32_t i = 0; i < 100; i++) { /* more barriers than a node remembers */
        CALL(0, CALL_BARRIER, t[0].token, 0x10000 + i * 4, 1);
        world_settle();
        assert_int_equal(t[0].result, 1);
    }
}

static void test_many_idle_barriers_give_way(void **state) {
    uint32_t capacity = sync_entries_index(sync_of(&w.node[MANAGER]))->capacity;

    (void)state;
    for (uint32_t i = 0; i < capacity + 20; i++) {
        CALL(0, CALL_BARRIER, t[0].token, 0x10000 + i * 4, 1);
        world_settle();
        assert_int_equal(t[0].result, 1);
    }
    assert_true(sync_counts(&w.node[MANAGER]).entries <= capacity);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_barrier),
        TEST(test_barrier_messages),
        TEST(test_arrival_sent_again_counts_once),
        TEST(test_release_names_its_threads),
        TEST(test_barrier_of_two_minds),
        TEST(test_generation_is_remembered),
        TEST(test_many_idle_barriers_give_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
