/* test_jobs_fuzz.c: messages that a broken peer could send (sound at the door, senseless otherwise)
 * while a job runs: no assert, no access outside the tables, and the node stays alive [D 4]. */
/* sources: tests/unit/jobs_world.c tests/unit/jobs_cast.c adapt/msg.c services/services.c
   services/rows.c services/job_service.c services/job_local.c services/job_run.c
   services/job_cache.c services/job_manager.c services/job_place.c services/job_call.c
   services/job_stream.c services/job_bytes.c services/job_map.c services/job_area.c
   services/job_files.c services/threads.c services/threads_clone.c services/threads_exit.c
   services/threads_manager.c services/sync_service.c services/sync_table.c services/sync_futex.c
   services/sync_barrier.c services/sync_requester.c */
#include "tests/unit/jobs_world.h"

enum { SEEDS = 150, ACTIONS = 1500, NODES = 3 };

static job_id jobs[16];
static uint32_t job_count;

static void on_effect(struct node *n, const struct effect *e) {
    (void)n;
    if (e->type == FX_JOB_STARTED && e->result == 0 && job_count < 16) {
        jobs[job_count++] = e->job;
    }
}

/* A number that is likely to mean something: a slot, a tid, an address, a page, a size. */
static uint32_t number(void) {
    static const uint32_t known[] = {0,       1,       2,       3,          0x10001,
                                     0x10002, 0x10003, 0x8000,  0x1000,     0x20000,
                                     0x50000, 0xBFFFF, 0xC0000, 0xFFFFFFFF, 4096,
                                     64,      17,      512,     0x80000000, 0x7FFFFFFF};

    return world_dice(4) == 0 ? world_dice(UINT32_MAX)
                              : known[world_dice(sizeof(known) / sizeof(known[0]))];
}

static uint64_t key_for(uint8_t type) {
    bool is_barrier = type == MSG_BARRIER_ARRIVE || type == MSG_BARRIER_RELEASE;
    uint64_t index = number();

    index = msg_service(type) == SERVICE_JOB ? 0 : index;
    return key_make(
        msg_service(type),
        job_count != 0 ? jobs[world_dice(8) == 0 ? world_dice(job_count) : job_count - 1] : 1,
        index | (is_barrier ? SYNC_KIND_BARRIER : 0));
}

static void set_tail(struct msg *m) {
    uint32_t fixed = msg_body_bytes(m->head.type);

    if (fixed == sizeof(struct body_call)) {
        m->call.size = world_dice(CALL_BYTES_MAX + 1);
        m->head.size = (uint16_t)(offsetof(struct body_call, bytes) + m->call.size);
    } else if (fixed == sizeof(struct body_answer)) {
        m->answer.size = world_dice(CALL_BYTES_MAX + 1);
        m->head.size = (uint16_t)(offsetof(struct body_answer, bytes) + m->answer.size);
    } else if (fixed == sizeof(struct body_thread)) {
        m->thread.size = world_dice(RECORD_BYTES_MAX + 1);
        m->head.size = (uint16_t)(offsetof(struct body_thread, record) + m->thread.size);
    }
}

static void inject(void) {
    uint8_t type = (uint8_t)(MSG_JOB_NEW + world_dice(MSG_SYNC_ANSWER - MSG_JOB_NEW + 1));
    uint32_t node = world_dice(NODES);
    struct msg m;

    memset(&m, 0, sizeof(m));
    m.head = (struct msg_head){.type = type,
                               .size = (uint16_t)msg_body_bytes(type),
                               .seat = (uint16_t)world_dice(NODES),
                               .key = key_for(type),
                               .version = world_dice(3) == 0 ? number() : world_dice(8),
                               .op = world_dice(3) == 0 ? number() : world_dice(12)};
    m.head.generation =
        world_dice(10) == 0 ? 7 : job_generation(&w.node[node], key_job(m.head.key));
    for (uint32_t i = 0; i < 30; i++) {
        uint32_t value = number();
        memcpy(&m.bytes[i * 4], &value, sizeof(value));
    }
    set_tail(&m);
    bool ends_all = type == MSG_JOB_CLOSE || type == MSG_JOB_CLOSED || type == MSG_JOB_END ||
                    type == MSG_THREAD_END || type == MSG_THREAD_SIGNAL;
    if (ends_all && world_dice(40) != 0) {
        return; /* else there would soon be no job left to disturb */
    }
    if (msg_invalid(&m, 0) == NULL) {
        world_inject(world_dice(NODES), node, &m);
    }
}

static void call(void) {
    static const uint32_t ops[] = {
        CALL_MAP,   CALL_FILE,           CALL_WRITE_OUT,  CALL_READ_IN, CALL_CLONE,
        CALL_EXIT,  CALL_FUTEX_WAIT,     CALL_FUTEX_WAKE, CALL_BARRIER, CALL_KILL_THREAD,
        CALL_SLEEP, CALL_FUTEX_COMPARED, CALL_INPUT,      CALL_FILE_GET, CALL_FILE_BYTES};
    uint8_t bytes[CALL_BYTES_MAX] = {0};
    struct event_call c = {.op = ops[world_dice(sizeof(ops) / sizeof(ops[0]))],
                           .token = world_dice(10),
                           .bytes = bytes,
                           .size = world_dice(CALL_BYTES_MAX + 1)};

    c.deadline_us = world_dice(2) == 0 ? 0 : w.now_us + w.ahead_us + world_dice(1000);
    c.arg[0] = c.op == CALL_MAP || c.op == CALL_FILE ? 1 + world_dice(7) : number();
    for (uint32_t i = 1; i < 5; i++) {
        c.arg[i] = number();
    }
    world_call(world_dice(NODES), &c);
}

/* A job with a few threads to disturb. */
static void begin_job(uint32_t node) {
    uint8_t record[64] = {1};

    CALL(node, CALL_RUN, TOKEN_NONE, 1);
    for (uint32_t i = 0; i < 4; i++) {
        world_settle();
        world_call(node,
                   &(struct event_call){.op = CALL_CLONE, .token = 0, .bytes = record, .size = 64});
    }
}

static void happen(void) {
    uint32_t dice = world_dice(100);

    if (dice < 15) {
        inject();
    } else if (dice < 40) {
        call();
    } else if (dice == 40 && world_dice(10) == 0) {
        begin_job(world_dice(NODES));
    } else if (dice == 41) {
        world_resend(world_dice(NODES));
    } else if (!world_deliver_any()) {
        world_sleep();
    }
}

static void test_senseless_messages(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        job_count = 0;
        world_start(NODES, 8, seed);
        w.on_effect = on_effect;
        begin_job(0);
        for (uint32_t i = 0; i < ACTIONS; i++) {
            happen();
        }
        world_end();
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_senseless_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
