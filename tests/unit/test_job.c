/* test_job.c: a job's beginning and end on every node, its files and streams [P 9.1]. */
/* sources: tests/unit/jobs_world.c tests/unit/jobs_cast.c adapt/msg.c services/services.c
   services/rows.c services/job_service.c services/job_local.c services/job_run.c
   services/job_cache.c services/job_manager.c services/job_place.c services/job_call.c
   services/job_stream.c services/job_bytes.c services/job_map.c services/job_area.c
   services/job_files.c services/threads.c services/threads_clone.c services/threads_exit.c
   services/threads_manager.c services/sync_service.c services/sync_table.c services/sync_futex.c
   services/sync_barrier.c services/sync_requester.c */
#include "tests/unit/jobs_cast.h"

enum { NODES = 3, MANAGER = 2 };

static int begin(void **state) {
    (void)state;
    cast_fresh(MANAGER);
    cast_start(6);
    return 0;
}

static int end(void **state) {
    (void)state;
    cast_end();
    return 0;
}

static int32_t file(uint32_t i, uint32_t op, uint32_t a, uint32_t b, uint32_t c) {
    t[i].result = NOTHING;
    CALL(t[i].node, CALL_FILE, t[i].token, op, a, b, c);
    world_settle();
    return t[i].result;
}

/* ---- begin and end --------------------------------------------------------------------------- */

static void test_run_and_exit(void **state) {
    (void)state;
    cast_fresh(MANAGER);
    CALL(1, CALL_RUN, TOKEN_NONE, 7);
    assert_int_equal(count, 0);
    world_settle();
    assert_int_equal(told.started, 0);
    assert_int_equal(told.job, 1 << 8 | 1);
    assert_int_equal(told.opens, NODES);
    assert_int_equal(count, 1);
    assert_int_equal(t[0].node, 1);
    CALL(1, CALL_EXIT_GROUP, t[0].token, 3 << 8);
    world_settle();
    assert_int_equal(told.status, 3 << 8);
    cast_end();
}

static void test_refused_when_unstable(void **state) {
    (void)state;
    cast_fresh(MANAGER);
    w.is_unstable = true;
    CALL(0, CALL_RUN, TOKEN_NONE, 7);
    assert_int_equal(told.started, -ERR_AGAIN);
    assert_int_equal(w.reported[REPORT_RUN_UNSTABLE], 1);
    world_check_empty();
    world_end();
}

static void test_too_many_jobs(void **state) {
    (void)state;
    cast_fresh(MANAGER);
    for (uint32_t i = 0; i < JOBS_MAX; i++) {
        CALL(i % NODES, CALL_RUN, TOKEN_NONE, i);
        world_settle();
        assert_int_equal(told.started, 0);
    }
    CALL(0, CALL_RUN, TOKEN_NONE, 9);
    world_settle();
    assert_int_equal(told.started, -ERR_NO_SPACE);
    assert_int_equal(w.reported[REPORT_RUN_FULL], 1);
    for (uint32_t i = 0; i < JOBS_MAX; i++) {
        CALL(t[i].node, CALL_EXIT_GROUP, t[i].token, 0);
    }
    world_settle();
    assert_int_equal(told.exits, JOBS_MAX);
    world_check_empty();
    world_end();
}

/* All nodes start more jobs at once than there is room for: those refused by a member leave nothing
 * behind. */
static void test_more_jobs_at_once_than_rows(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        cast_fresh(MANAGER);
        w.dice = mix64(seed + 1) | 1;
        for (uint32_t i = 0; i < 12; i++) {
            CALL(i % NODES, CALL_RUN, TOKEN_NONE, i);
        }
        world_settle();
        assert_int_equal(told.starts, 12);
        assert_true(count <= JOBS_MAX);
        assert_int_equal(w.reported[REPORT_RUN_REFUSED] + w.reported[REPORT_RUN_FULL] + count, 12);
        for (uint32_t i = 0; i < count; i++) {
            CALL(t[i].node, CALL_EXIT_GROUP, t[i].token, 0);
        }
        world_settle();
        assert_int_equal(told.exits, count);
        assert_int_equal(told.opens, told.closes);
        world_check_empty();
        world_end();
    }
}

/* A job's number comes again after 255 runs, with another generation. */
static void test_numbers_come_again(void **state) {
    uint16_t generation = 0;
    job_id first = 0;

    (void)state;
    cast_fresh(MANAGER);
    for (uint32_t i = 0; i < 256; i++) {
        count = 0;
        CALL(0, CALL_RUN, TOKEN_NONE, i);
        world_settle();
        if (i == 0) {
            first = told.job;
            generation = job_generation(&w.node[1], told.job);
        } else if (i == 255) {
            assert_int_equal(told.job, first);
            assert_int_not_equal(job_generation(&w.node[1], told.job), generation);
        }
        CALL(0, CALL_EXIT_GROUP, t[0].token, 0);
        world_settle();
    }
    world_check_empty();
    world_end();
}

static void test_kill_of_no_job(void **state) {
    (void)state;
    cast_fresh(MANAGER);
    CALL(0, CALL_KILL, TOKEN_NONE, 0x1234, 9);
    CALL(0, CALL_KILL, TOKEN_NONE, 0xFFFFF, 9);
    assert_int_equal(w.reported[REPORT_NO_JOB], 2);
    world_end();
}

/* Killed while it is still being made: it starts, and ends at once. */
static void test_kill_before_it_started(void **state) {
    (void)state;
    for (uint32_t moment = 0; moment < 12; moment++) {
        for (uint32_t node = 0; node < NODES; node++) {
            cast_fresh(MANAGER);
            CALL(0, CALL_RUN, TOKEN_NONE, 1);
            for (uint32_t i = 0; i < moment; i++) {
                world_deliver_any();
            }
            CALL(node, CALL_KILL, TOKEN_NONE, 1, 2);
            world_settle();
            if (told.exits == 0) { /* that node did not know it yet */
                CALL(0, CALL_KILL, TOKEN_NONE, 1, 2);
                world_settle();
            }
            assert_int_equal(told.starts, 1);
            assert_int_equal(told.status, 2);
            cast_end();
        }
    }
}

/* ---- files and streams ----------------------------------------------------------------------- */

static void test_files_are_the_jobs(void **state) {
    (void)state;
    assert_int_equal(file(0, FILE_OPEN, 9, 1000, 0), 3);
    assert_int_equal(file(1, FILE_READ, 3, 600, 0), 600);
    assert_int_equal(t[1].value, 0);
    assert_int_equal(t[1].value2, 9);
    assert_int_equal(file(2, FILE_READ, 3, 600, 0), 400);
    assert_int_equal(t[2].value, 600);
}

/* A read told again moves the offset once. */
static void test_read_sent_again(void **state) {
    (void)state;
    file(0, FILE_OPEN, 9, 1000, 0);
    CALL(t[1].node, CALL_FILE, t[1].token, FILE_READ, 3, 100);
    world_resend(t[1].node);
    world_resend(t[1].node);
    world_settle();
    assert_int_equal(file(2, FILE_SEEK, 3, 0, 1), 100);
}

static void test_output(void **state) {
    (void)state;
    t[2].result = NOTHING;
    world_call(t[2].node, &(struct event_call){.op = CALL_WRITE_OUT,
                                               .token = t[2].token,
                                               .arg = {2},
                                               .bytes = (const uint8_t *)"hello",
                                               .size = 5});
    world_settle();
    assert_int_equal(told.output_size, 5);
    assert_memory_equal(told.output, "hello", 5);
    assert_int_equal(t[2].result, 5);
    world_call(t[2].node, &(struct event_call){.op = CALL_WRITE_OUT, .token = t[2].token});
    assert_int_equal(t[2].result, 0);
}

static void read_in(uint32_t i, uint32_t most) {
    t[i].result = NOTHING;
    CALL(t[i].node, CALL_READ_IN, t[i].token, most);
    world_settle();
}

static void type(const char *text) {
    uint32_t of = told.ticket;

    told.ticket = 0;
    world_call(0, &(struct event_call){.op = CALL_INPUT,
                                       .token = TOKEN_NONE,
                                       .arg = {of},
                                       .bytes = (const uint8_t *)text,
                                       .size = (uint32_t)strlen(text)});
    world_settle();
}

/* Readers are served in their order, one question to the world at a time; the end of the file is
 * for ever. */
static void test_input(void **state) {
    (void)state;
    read_in(2, 0);
    assert_int_equal(t[2].result, 0);
    read_in(1, 10);
    assert_int_not_equal(told.ticket, 0);
    assert_int_equal(told.ticket_most, 10);
    uint32_t first = told.ticket;
    told.ticket = 0;
    read_in(2, 5000);
    assert_int_equal(told.ticket, 0);
    told.ticket = first;
    type("abc");
    assert_int_equal(t[1].result, 3);
    assert_int_equal(t[1].size, 3);
    assert_memory_equal(t[1].bytes, "abc", 3);
    assert_int_equal(t[2].result, NOTHING);
    assert_int_equal(told.ticket_most, CALL_BYTES_MAX);
    CALL(0, CALL_INPUT, TOKEN_NONE, first); /* an old ticket ends nothing */
    world_settle();
    assert_int_equal(t[2].result, NOTHING);
    read_in(3, 1);
    type("");
    assert_int_equal(t[2].result, 0);
    assert_int_equal(t[3].result, 0);
    read_in(4, 1);
    assert_int_equal(t[4].result, 0);
    assert_int_equal(told.ticket, 0);
}

/* ---- bytes of files ---- */

enum { FILE_BYTES = 20000 };

static uint8_t file_byte(uint32_t file_number, uint32_t offset) {
    return (uint8_t)(file_number * 13 + offset * 7 + offset / 251);
}

/* The world answers what is wanted, oldest first, until nothing is. */
static void serve_files(void) {
    while (told.wants != 0) {
        uint8_t bytes[CALL_BYTES_MAX];
        uint32_t ticket = told.want_ticket[0], number = told.want_file[0];
        uint32_t offset = told.want_offset[0], size = told.want_bytes[0];
        uint32_t left = offset < FILE_BYTES ? FILE_BYTES - offset : 0;
        told.wants--;
        memmove(told.want_ticket, told.want_ticket + 1, sizeof(told.want_ticket) - 4);
        memmove(told.want_file, told.want_file + 1, sizeof(told.want_file) - 4);
        memmove(told.want_offset, told.want_offset + 1, sizeof(told.want_offset) - 4);
        memmove(told.want_bytes, told.want_bytes + 1, sizeof(told.want_bytes) - 4);
        assert_true(size >= 1 && size <= CALL_BYTES_MAX);
        size = size < left ? size : left;
        for (uint32_t i = 0; i < size; i++) {
            bytes[i] = file_byte(number, offset + i);
        }
        world_call(0, &(struct event_call){.op = CALL_FILE_BYTES,
                                           .token = TOKEN_NONE,
                                           .arg = {ticket, number == 99 ? 0u - ERR_IO : 0},
                                           .bytes = bytes,
                                           .size = number == 99 ? 0 : size});
        world_settle();
    }
}

static void get(uint32_t i, uint32_t number, uint32_t offset, uint32_t bytes) {
    t[i].result = NOTHING;
    t[i].parts = 0;
    CALL(t[i].node, CALL_FILE_GET, t[i].token, number, offset, bytes);
    world_settle();
}

static void assert_file(uint32_t i, uint32_t number, uint32_t offset, int32_t bytes) {
    assert_int_equal(t[i].result, bytes);
    assert_int_equal(t[i].parts, (bytes + CALL_BYTES_MAX - 1) / CALL_BYTES_MAX);
    for (int32_t k = 0; k < bytes; k++) {
        assert_int_equal(t[i].file[k], file_byte(number, offset + (uint32_t)k));
    }
}

static void test_bytes_of_files(void **state) {
    (void)state;
    for (uint32_t i = 0; i < 3; i++) { /* a thread of each node, the origin's too */
        get(i, 3, 100, 5000);
        assert_int_equal(told.wants, 1); /* one piece of a job at a time */
        serve_files();
        assert_file(i, 3, 100, 5000);
        get(i, 3, FILE_BYTES - 10, FILE_GET_MAX); /* the file ends */
        serve_files();
        assert_file(i, 3, FILE_BYTES - 10, 10);
        get(i, 3, FILE_BYTES - CALL_BYTES_MAX, FILE_GET_MAX); /* … after a whole piece */
        serve_files();
        assert_file(i, 3, FILE_BYTES - CALL_BYTES_MAX, CALL_BYTES_MAX);
        get(i, 3, FILE_BYTES, 1);
        serve_files();
        assert_int_equal(t[i].result, 0);
        get(i, 99, 0, 1); /* no such file there */
        serve_files();
        assert_int_equal(t[i].result, -ERR_IO);
        get(i, 3, 0, 0);
        assert_int_equal(t[i].result, 0);
        get(i, 3, 0, FILE_GET_MAX + 1);
        assert_int_equal(t[i].result, -ERR_INVALID);
    }
}

/* Getters are served in their order; those of a job that ends get nothing, and an answer that comes
 * afterwards is nobody's. */
static void test_many_get_files(void **state) {
    (void)state;
    for (uint32_t i = 0; i < count; i++) {
        get(i, 1 + i, i * 1000, 4000);
    }
    assert_int_equal(told.wants, 1);
    assert_int_equal(told.want_file[0], 1);
    serve_files();
    for (uint32_t i = 0; i < count; i++) {
        assert_file(i, 1 + i, i * 1000, 4000);
    }
    get(1, 1, 0, 4000);
    get(2, 1, 0, 4000);
    uint32_t ticket = told.want_ticket[0];
    CALL(0, CALL_KILL, TOKEN_NONE, told.job, 9);
    world_settle();
    CALL(0, CALL_FILE_BYTES, TOKEN_NONE, ticket, 0);
    CALL(0, CALL_FILE_BYTES, TOKEN_NONE, 0xFFFFFFFF, 0);
    world_settle();
    assert_int_equal(told.exits, 1);
    assert_int_equal(t[1].parts + t[2].parts, 0);
}

/* Pieces that nobody handles hold the next ones back. */
static void test_pieces_on_their_way_are_few(void **state) {
    uint32_t pieces = 0;

    (void)state;
    for (uint32_t i = 0; i < count; i++) {
        t[i].result = NOTHING;
        CALL(t[i].node, CALL_FILE_GET, t[i].token, 1, 0, FILE_GET_MAX);
    }
    for (uint32_t k = 0; k < 3 * count; k++) {
        world_deliver(t[k % count].node, 0); /* requests come, pieces and acks do not go */
    }
    while (told.wants != 0) {
        uint8_t bytes[CALL_BYTES_MAX] = {0};
        uint32_t ticket = told.want_ticket[0];
        told.wants = 0;
        world_call(0, &(struct event_call){.op = CALL_FILE_BYTES, .token = TOKEN_NONE,
                                           .arg = {ticket}, .bytes = bytes, .size = sizeof(bytes)});
        pieces++;
    }
    /* those of the origin's own threads are handled at once */
    assert_in_range(pieces, FILE_PARTS_MAX, FILE_PARTS_MAX + 2 * FILE_GET_MAX / CALL_BYTES_MAX);
}

/* Stragglers of a job that is over are dropped quietly; those of another generation too. */
static void test_stragglers(void **state) {
    struct msg m = {.head = {.key = key_make(SERVICE_JOB, told.job, 0), .generation = 9999}};

    (void)state;
    read_in(1, 10);
    for (uint32_t type = MSG_JOB_OPENED; type <= MSG_SYNC_ANSWER; type++) {
        m.head.type = (uint8_t)type;
        if (type == MSG_JOB_OPEN || type == MSG_JOB_SHRINK || type == MSG_JOB_CLOSE) {
            continue; /* these are answered, whatever is known of the job */
        }
        service_table[msg_service((uint8_t)type)]->on_message(&w.node[1], &m,
                                                              &(struct msg_from){.seat = 0});
    }
    assert_int_equal(world_waiting(), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run_and_exit),
        cmocka_unit_test(test_refused_when_unstable),
        cmocka_unit_test(test_too_many_jobs),
        cmocka_unit_test(test_more_jobs_at_once_than_rows),
        cmocka_unit_test(test_numbers_come_again),
        cmocka_unit_test(test_kill_of_no_job),
        cmocka_unit_test(test_kill_before_it_started),
        TEST(test_files_are_the_jobs),
        TEST(test_read_sent_again),
        TEST(test_output),
        TEST(test_input),
        TEST(test_bytes_of_files),
        TEST(test_many_get_files),
        TEST(test_pieces_on_their_way_are_few),
        TEST(test_stragglers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
