/* test_threads.c: births, places, ends and signals of threads, and their races with the end of the
 * job [P 9.6]. */
/* sources: tests/unit/jobs_world.c adapt/msg.c services/services.c services/rows.c
   services/job_service.c services/job_local.c services/job_run.c services/job_cache.c
   services/job_manager.c services/job_place.c services/job_call.c services/job_stream.c
   services/job_bytes.c services/job_map.c services/job_area.c services/job_files.c
   services/threads.c services/threads_clone.c services/threads_exit.c services/threads_manager.c
   services/sync_service.c services/sync_table.c services/sync_futex.c services/sync_barrier.c
   services/sync_requester.c */
#include "tests/unit/jobs_world.h"

enum { THREADS = 160, NOTHING = -9999 };

static struct {
    uint32_t node, starts, stops;
    token_no token;
    thread_id tid, child; /* child: of its clone, told before that goes anywhere */
    int32_t result;
    uint8_t first_byte;
} t[THREADS];
static uint32_t count, per_node[NODES_MAX];
static job_id job;
static int32_t status;
static uint32_t exits;
static seat_id keys_at = SEAT_NONE; /* manager of every key in the next world */

static uint32_t number_of(struct node *n, token_no token) {
    for (uint32_t i = count; i > 0; i--) {
        if (t[i - 1].node == n->index && t[i - 1].token == token && t[i - 1].stops == 0) {
            return i - 1;
        }
    }
    fail_msg("no thread");
    return 0;
}

static void on_effect(struct node *n, const struct effect *e) {
    switch (e->type) {
    case FX_JOB_STARTED:
        job = e->job;
        break;
    case FX_JOB_EXIT:
        exits++;
        status = e->result;
        break;
    case FX_THREAD_START:
        assert_int_equal(e->job, job);
        t[count].node = n->index;
        t[count].token = e->token;
        t[count].tid = e->value;
        t[count].first_byte = e->size != 0 ? e->bytes[0] : 0;
        t[count++].result = NOTHING;
        per_node[n->index]++;
        break;
    case FX_THREAD_STOP:
        t[number_of(n, e->token)].stops++;
        per_node[n->index]--;
        break;
    case FX_WAKE:
        t[number_of(n, e->token)].result = e->result;
        break;
    case FX_CLONE_TID:
        t[number_of(n, e->token)].child = e->value;
        break;
    default:
        break;
    }
}

static void begin(uint32_t nodes, uint32_t slots) {
    memset(t, 0, sizeof(t));
    memset(per_node, 0, sizeof(per_node));
    count = exits = 0;
    status = NOTHING;
    world_start(nodes, slots, 99);
    w.all_keys_at = keys_at;
    w.on_effect = on_effect;
    CALL(0, CALL_RUN, TOKEN_NONE, 1);
    world_settle();
    assert_int_equal(count, 1);
    assert_int_equal(t[0].tid, job); /* the main thread's tid is the pid is the job */
}

static void end(void) {
    world_settle();
    assert_int_equal(exits, 1);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(t[i].stops, 1);
    }
    world_check_empty();
    assert_int_equal(w.refused, 0);
    world_end();
    keys_at = SEAT_NONE;
}

static void clone_with(uint32_t parent, uint32_t wants_tid) {
    uint8_t record[RECORD_BYTES_MAX] = {(uint8_t)count};

    t[parent].result = NOTHING;
    t[parent].child = 0;
    world_call(t[parent].node, &(struct event_call){.op = CALL_CLONE,
                                                    .token = t[parent].token,
                                                    .arg = {wants_tid},
                                                    .bytes = record,
                                                    .size = sizeof(record)});
}

static void clone(uint32_t parent) {
    clone_with(parent, 0);
}

static void leave(uint32_t i, uint32_t with) {
    CALL(t[i].node, CALL_EXIT, t[i].token, with, 0);
}

static void kill_job(void) {
    CALL(0, CALL_KILL, TOKEN_NONE, job, 9);
}

/* ---- places ---------------------------------------------------------------------------------- */

/* The node of thread 0 is node 0; with 4 nodes its turn comes when all others have more threads. */
static void test_spread_over_nodes(void **state) {
    static const uint32_t places[12] = {0, 1, 2, 3, 1, 2, 3, 0, 1, 2, 3, 0};

    (void)state;
    begin(4, 16);
    for (uint32_t i = 1; i < 12; i++) {
        clone(0);
        world_settle();
        assert_int_equal(count, i + 1);
        assert_int_equal(t[0].result, t[i].tid);
        assert_int_equal(t[i].first_byte, i);
        assert_int_equal(t[i].node, places[i]);
    }
    assert_int_equal(per_node[0], 3);
    leave(2, 0); /* its place is the next one */
    world_settle();
    uint32_t node = t[2].node;
    clone(5);
    world_settle();
    assert_int_equal(t[count - 1].node, node);
    kill_job();
    end();
}

static void test_one_node(void **state) {
    (void)state;
    begin(1, 4);
    for (uint32_t i = 1; i < 4; i++) {
        clone(0);
        world_settle();
        assert_int_equal(t[0].result, t[i].tid);
    }
    clone(0);
    world_settle();
    assert_int_equal(t[0].result, -ERR_AGAIN);
    leave(1, 0);
    world_settle();
    clone(0);
    world_settle();
    assert_true(t[0].result > 0);
    kill_job();
    end();
}

/* Another job has all slots of a node: its refusal leads to another place, the last refusal to
 * EAGAIN. */
static void test_full_hosts(void **state) {
    (void)state;
    begin(3, 4);
    for (token_no token = 0; token < 4; token++) { /* taken by nobody in particular */
        threads_slot(&w.node[1], token)->state = SLOT_BOOKED;
    }
    for (uint32_t i = 1; i < 8; i++) {
        clone(0);
        world_settle();
        assert_int_equal(t[0].result, t[i].tid);
        assert_int_not_equal(t[i].node, 1);
    }
    clone(0);
    world_settle();
    assert_int_equal(t[0].result, -ERR_AGAIN);
    assert_int_equal(count, 8);
    for (token_no token = 0; token < 4; token++) {
        threads_slot(&w.node[1], token)->state = SLOT_FREE;
    }
    clone(0);
    world_settle();
    assert_int_equal(t[count - 1].node, 1);
    kill_job();
    end();
}

/* The parent's memory has the tid before the child is anywhere; a second host gets another one. */
static void test_tid_before_the_child(void **state) {
    (void)state;
    begin(3, 4);
    for (token_no token = 0; token < 4; token++) {
        threads_slot(&w.node[1], token)->state = SLOT_BOOKED;
    }
    clone_with(0, 1); /* its place is on node 1, which turns out to be full */
    world_settle();
    assert_int_equal(count, 1);
    assert_int_equal(t[0].result, NOTHING);
    assert_int_not_equal(t[0].child, 0);
    thread_id refused = t[0].child;
    CALL(0, CALL_CLONE_GO, t[0].token, 0);
    world_settle();
    assert_int_equal(count, 1);
    assert_int_not_equal(t[0].child, refused);
    CALL(0, CALL_CLONE_GO, t[0].token, 0);
    world_settle();
    assert_int_equal(count, 2);
    assert_int_equal(t[1].node, 2);
    assert_int_equal(t[1].tid, t[0].child);
    assert_int_equal(t[0].result, t[1].tid);
    CALL(0, CALL_CLONE_GO, t[0].token, 0); /* nothing waits for it */
    assert_int_equal(w.refused, 1);
    w.refused = 0;
    for (token_no token = 0; token < 4; token++) {
        threads_slot(&w.node[1], token)->state = SLOT_FREE;
    }
    clone_with(1, 1);
    world_settle();
    kill_job(); /* while the world writes the tid */
    end();
}

static void test_records_without_sense(void **state) {
    uint8_t record[RECORD_BYTES_MAX + 1] = {0};

    (void)state;
    begin(2, 4);
    world_call(0, &(struct event_call){.op = CALL_CLONE, .token = t[0].token});
    assert_int_equal(t[0].result, -ERR_INVALID);
    world_call(0,
               &(struct event_call){
                   .op = CALL_CLONE, .token = t[0].token, .bytes = record, .size = sizeof(record)});
    assert_int_equal(t[0].result, -ERR_INVALID);
    kill_job();
    end();
}

/* ---- ends ------------------------------------------------------------------------------------ */

/* Main goes first; the last thread's status is the job's. */
static void test_last_thread_ends_the_job(void **state) {
    (void)state;
    begin(3, 8);
    for (uint32_t i = 1; i < 5; i++) {
        clone(0);
        world_settle();
    }
    for (uint32_t i = 0; i < 5; i++) {
        assert_int_equal(exits, 0);
        leave(i, i << 8);
        world_settle();
    }
    assert_int_equal(status, 4 << 8);
    end();
}

static void test_exit_wakes_its_joiner(void **state) {
    (void)state;
    begin(3, 8);
    clone(0);
    world_settle();
    t[0].result = NOTHING;
    CALL(0, CALL_FUTEX_WAIT, t[0].token, 0x8000, 0xFFFFFFFFu);
    world_settle();
    CALL(0, CALL_FUTEX_COMPARED, t[0].token, 1);
    CALL(t[1].node, CALL_EXIT, t[1].token, 0, 0x8000);
    world_settle();
    assert_int_equal(t[0].result, 0);
    assert_int_equal(t[1].stops, 1);
    CALL(0, CALL_EXIT_GROUP, t[0].token, 3 << 8);
    end();
    assert_int_equal(status, 3 << 8);
}

static void test_end_sent_again(void **state) {
    (void)state;
    begin(3, 8);
    clone(0);
    world_settle();
    leave(1, 0);
    for (uint32_t i = 0; i < 3; i++) {
        world_resend(i);
    }
    world_settle();
    assert_int_equal(t[1].stops, 1);
    assert_int_equal(exits, 0); /* main is alive: END twice was counted once */
    leave(0, 6 << 8);
    end();
    assert_int_equal(status, 6 << 8);
}

/* The first status counts. */
static void test_two_ends(void **state) {
    (void)state;
    begin(3, 8);
    clone(0);
    world_settle();
    CALL(t[1].node, CALL_EXIT_GROUP, t[1].token, 5 << 8);
    world_settle();
    CALL(0, CALL_KILL, TOKEN_NONE, job, 9);
    end();
    assert_int_equal(status, 5 << 8);
    assert_int_equal(w.reported[REPORT_NO_JOB], 1);
}

/* Two reasons at once from two nodes: whichever comes first at the job's manager. */
static void test_two_ends_at_once(void **state) {
    (void)state;
    for (uint32_t first = 0; first < 2; first++) {
        keys_at = 2;
        begin(3, 8);
        clone(0);
        world_settle();
        assert_int_equal(t[1].node, 1);
        CALL(1, CALL_EXIT_GROUP, t[1].token, 5 << 8);
        kill_job();
        world_deliver(first, keys_at);
        world_deliver(1 - first, keys_at);
        end();
        assert_int_equal(status, first == 1 ? 5 << 8 : 9);
    }
}

/* A kill at every point of a clone, whatever overtakes what: no thread is left, none starts
 * twice. */
static void test_kill_in_the_middle_of_a_clone(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 40; seed++) {
        for (uint32_t moment = 0; moment < 14; moment++) {
            begin(3, 8);
            w.dice = mix64(seed + 1) | 1;
            clone(0);
            for (uint32_t i = 0; i < moment; i++) {
                world_deliver_any();
            }
            CALL((uint32_t)seed % 3, CALL_KILL, TOKEN_NONE, job, 9);
            end();
            assert_int_equal(status, 9);
            assert_true(count <= 2);
        }
    }
}

/* ---- signals --------------------------------------------------------------------------------- */

static int32_t signal_to(uint32_t from, thread_id tid, uint32_t signal) {
    t[from].result = NOTHING;
    CALL(t[from].node, CALL_KILL_THREAD, t[from].token, tid, signal);
    world_settle();
    return t[from].result;
}

static void test_signals(void **state) {
    (void)state;
    begin(3, 8);
    for (uint32_t i = 1; i < 4; i++) {
        clone(0);
        world_settle();
    }
    assert_int_equal(signal_to(1, t[2].tid, 0), 0);
    assert_int_equal(signal_to(1, t[2].tid, 17), 0); /* ignored by default */
    assert_int_equal(signal_to(1, t[2].tid, 65), -ERR_INVALID);
    assert_int_equal(signal_to(1, 12345, 9), -ERR_NO_PROCESS);
    assert_int_equal(signal_to(1, 0, 9), -ERR_NO_PROCESS);
    leave(2, 0);
    world_settle();
    assert_int_equal(signal_to(1, t[2].tid, 0), -ERR_NO_PROCESS);
    leave(0, 0);
    world_settle();
    assert_int_equal(signal_to(1, job, 0), 0); /* the process is there as long as one thread */
    signal_to(3, t[1].tid, 6);
    end();
    assert_int_equal(status, 6);
}

/* The child's host has told the thread's manager nothing yet: the job's manager knows the child. */
static void test_signal_to_a_newborn(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 60; seed++) {
        begin(4, 8);
        w.dice = mix64(seed + 1) | 1;
        clone(0);
        while (t[0].result == NOTHING) {
            assert_true(world_deliver_any());
        }
        CALL(0, CALL_KILL_THREAD, t[0].token, (uint32_t)t[0].result, 0);
        t[0].result = NOTHING;
        world_settle();
        assert_int_equal(t[0].result, 0);
        kill_job();
        end();
    }
}

/* ---- long messages --------------------------------------------------------------------------- */

/* More clones and writes at once than long messages may wait in the link. */
static void test_long_messages_take_turns(void **state) {
    uint8_t bytes[CALL_BYTES_MAX] = {0};
    uint32_t before;

    (void)state;
    begin(2, 80);
    while (count < 150) {
        clone(0);
        world_settle();
    }
    before = count;
    for (uint32_t i = 0; i < before; i++) {
        t[i].result = NOTHING;
        world_call(t[i].node, &(struct event_call){.op = CALL_WRITE_OUT,
                                                   .token = t[i].token,
                                                   .arg = {1},
                                                   .bytes = bytes,
                                                   .size = sizeof(bytes)});
        assert_true(threads_of(&w.node[0])->long_used <= LONG_MAX);
        assert_true(threads_of(&w.node[1])->long_used <= LONG_MAX);
    }
    world_settle();
    for (uint32_t i = 0; i < before; i++) {
        assert_int_equal(t[i].result, CALL_BYTES_MAX);
    }
    kill_job();
    end();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spread_over_nodes),
        cmocka_unit_test(test_one_node),
        cmocka_unit_test(test_full_hosts),
        cmocka_unit_test(test_tid_before_the_child),
        cmocka_unit_test(test_records_without_sense),
        cmocka_unit_test(test_last_thread_ends_the_job),
        cmocka_unit_test(test_exit_wakes_its_joiner),
        cmocka_unit_test(test_end_sent_again),
        cmocka_unit_test(test_two_ends),
        cmocka_unit_test(test_two_ends_at_once),
        cmocka_unit_test(test_kill_in_the_middle_of_a_clone),
        cmocka_unit_test(test_signals),
        cmocka_unit_test(test_signal_to_a_newborn),
        cmocka_unit_test(test_long_messages_take_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
