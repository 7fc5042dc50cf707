/* test_job.c: a job's beginning and end on every node, its map on all of them, its streams at the origin [P 9.1, 9.2]. */
/* sources: tests/unit/jobs_world.c adapt/msg.c services/services.c services/rows.c services/job_service.c
   services/job_local.c services/job_run.c services/job_cache.c services/job_manager.c services/job_place.c
   services/job_call.c services/job_stream.c services/job_map.c services/job_area.c services/job_files.c
   services/threads.c services/threads_clone.c services/threads_exit.c services/threads_manager.c
   services/sync_service.c services/sync_table.c services/sync_futex.c services/sync_barrier.c
   services/sync_requester.c */
#include "tests/unit/jobs_world.h"

enum { NODES = 3, MANAGER = 2, THREADS = 16, NOTHING = -9999, FIXED = MAP_FLAG_FIXED };

static struct {
    uint32_t node;
    token_no token;
    int32_t result;
    uint32_t value, value2, size;
    uint8_t bytes[CALL_BYTES_MAX];
} t[THREADS];
static uint32_t count, started_count, exits, opens, closes, areas, unmapped, protected;
static job_id job;
static int32_t started, status;
static uint32_t output_size, ticket, ticket_most;
static uint8_t output[CALL_BYTES_MAX];

static void on_wake(struct node *n, const struct effect *e) {
    for (uint32_t i = 0; i < count; i++) {
        if (t[i].node == n->index && t[i].token == e->token) {
            t[i].result = e->result;
            t[i].value = e->value;
            t[i].value2 = e->value2;
            t[i].size = e->size;
            memcpy(t[i].bytes, e->bytes != NULL ? e->bytes : t[i].bytes, e->size);
        }
    }
}

static void on_effect(struct node *n, const struct effect *e) {
    switch (e->type) {
    case FX_JOB_STARTED:
        started = e->result;
        started_count++;
        job = e->job;
        break;
    case FX_JOB_OPEN:
        assert_int_not_equal(e->value, 0);
        opens++;
        break;
    case FX_JOB_CLOSE:
        closes++;
        break;
    case FX_JOB_EXIT:
        exits++;
        status = e->result;
        break;
    case FX_THREAD_START:
        t[count].node = n->index;
        t[count++].token = e->token;
        break;
    case FX_WAKE:
        on_wake(n, e);
        break;
    case FX_OUTPUT:
        assert_int_equal(e->job, job);
        memcpy(output, e->bytes, e->size);
        output_size = e->size;
        break;
    case FX_INPUT_WANTED:
        ticket = e->value;
        ticket_most = e->value2;
        break;
    default:
        break;
    }
}

static void on_unmap(struct node *n, page_no first, uint32_t pages) {
    (void)n, (void)first;
    unmapped += pages;
}
static void on_protect(struct node *n, page_no first, uint32_t pages, enum access most) {
    (void)n, (void)first, (void)most;
    protected += pages;
}
static void on_area(struct node *n, job_id of, page_no page) {
    (void)n, (void)of, (void)page;
    areas++;
}

static void fresh(void) {
    memset(t, 0, sizeof(t));
    count = started_count = exits = opens = closes = areas = unmapped = protected = 0;
    output_size = ticket = 0;
    started = status = NOTHING;
    world_start(NODES, 16, 5);
    w.all_keys_at = MANAGER;
    w.on_effect = on_effect;
    w.on_unmap = on_unmap;
    w.on_protect = on_protect;
    w.on_area = on_area;
}

static int begin(void **state) {
    uint8_t record[4] = {1};

    (void)state;
    fresh();
    CALL(0, CALL_RUN, TOKEN_NONE, 1);
    world_settle();
    while (count < 6) {
        world_call(0, &(struct event_call){
                          .op = CALL_CLONE, .token = t[0].token, .bytes = record, .size = 4});
        world_settle();
    }
    return 0;
}

static int end(void **state) {
    (void)state;
    if (exits == 0) {
        CALL(1, CALL_KILL, TOKEN_NONE, job, 9);
        world_settle();
    }
    assert_int_equal(exits, 1);
    assert_int_equal(opens, closes);
    world_check_empty();
    assert_int_equal(w.refused, 0);
    world_end();
    return 0;
}

static void map(uint32_t i, uint32_t op, uint32_t a, uint32_t b, uint32_t c) {
    t[i].result = NOTHING;
    CALL(t[i].node, CALL_MAP, t[i].token, op, a, b, c, FIXED);
}

static int32_t mapped(uint32_t i, uint32_t op, uint32_t a, uint32_t b, uint32_t c) {
    map(i, op, a, b, c);
    world_settle();
    return t[i].result;
}

static int32_t file(uint32_t i, uint32_t op, uint32_t a, uint32_t b, uint32_t c) {
    t[i].result = NOTHING;
    CALL(t[i].node, CALL_FILE, t[i].token, op, a, b, c);
    world_settle();
    return t[i].result;
}

/* ---- begin and end ------------------------------------------------------------------------------------ */

static void test_run_and_exit(void **state) {
    (void)state;
    fresh();
    CALL(1, CALL_RUN, TOKEN_NONE, 7);
    assert_int_equal(count, 0);
    world_settle();
    assert_int_equal(started, 0);
    assert_int_equal(job, 1 << 8 | 1);
    assert_int_equal(opens, NODES);
    assert_int_equal(count, 1);
    assert_int_equal(t[0].node, 1);
    CALL(1, CALL_EXIT_GROUP, t[0].token, 3 << 8);
    world_settle();
    assert_int_equal(status, 3 << 8);
    end(NULL);
}

static void test_refused_when_unstable(void **state) {
    (void)state;
    fresh();
    w.is_unstable = true;
    CALL(0, CALL_RUN, TOKEN_NONE, 7);
    assert_int_equal(started, -ERR_AGAIN);
    assert_int_equal(w.reported[REPORT_RUN_UNSTABLE], 1);
    world_check_empty();
    world_end();
}

static void test_too_many_jobs(void **state) {
    (void)state;
    fresh();
    for (uint32_t i = 0; i < JOBS_MAX; i++) {
        CALL(i % NODES, CALL_RUN, TOKEN_NONE, i);
        world_settle();
        assert_int_equal(started, 0);
    }
    CALL(0, CALL_RUN, TOKEN_NONE, 9);
    world_settle();
    assert_int_equal(started, -ERR_NO_SPACE);
    assert_int_equal(w.reported[REPORT_RUN_FULL], 1);
    for (uint32_t i = 0; i < JOBS_MAX; i++) {
        CALL(t[i].node, CALL_EXIT_GROUP, t[i].token, 0);
    }
    world_settle();
    assert_int_equal(exits, JOBS_MAX);
    world_check_empty();
    world_end();
}

/* All nodes start more jobs at once than there is room for: those refused by a member leave nothing behind. */
static void test_more_jobs_at_once_than_rows(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 50; seed++) {
        fresh();
        w.dice = mix64(seed + 1) | 1;
        for (uint32_t i = 0; i < 12; i++) {
            CALL(i % NODES, CALL_RUN, TOKEN_NONE, i);
        }
        world_settle();
        assert_int_equal(started_count, 12);
        assert_true(count <= JOBS_MAX);
        assert_int_equal(w.reported[REPORT_RUN_REFUSED] + w.reported[REPORT_RUN_FULL] + count, 12);
        for (uint32_t i = 0; i < count; i++) {
            CALL(t[i].node, CALL_EXIT_GROUP, t[i].token, 0);
        }
        world_settle();
        assert_int_equal(exits, count);
        assert_int_equal(opens, closes);
        world_check_empty();
        world_end();
    }
}

/* A job's number comes again after 255 runs, with another generation. */
static void test_numbers_come_again(void **state) {
    uint16_t generation = 0;
    job_id first = 0;

    (void)state;
    fresh();
    for (uint32_t i = 0; i < 256; i++) {
        count = 0;
        CALL(0, CALL_RUN, TOKEN_NONE, i);
        world_settle();
        if (i == 0) {
            first = job;
            generation = job_generation(&w.node[1], job);
        } else if (i == 255) {
            assert_int_equal(job, first);
            assert_int_not_equal(job_generation(&w.node[1], job), generation);
        }
        CALL(0, CALL_EXIT_GROUP, t[0].token, 0);
        world_settle();
    }
    world_check_empty();
    world_end();
}

static void test_kill_of_no_job(void **state) {
    (void)state;
    fresh();
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
            fresh();
            CALL(0, CALL_RUN, TOKEN_NONE, 1);
            for (uint32_t i = 0; i < moment; i++) {
                world_deliver_any();
            }
            CALL(node, CALL_KILL, TOKEN_NONE, 1, 2);
            world_settle();
            if (exits == 0) { /* that node did not know it yet */
                CALL(0, CALL_KILL, TOKEN_NONE, 1, 2);
                world_settle();
            }
            assert_int_equal(started_count, 1);
            assert_int_equal(status, 2);
            end(NULL);
        }
    }
}

/* ---- the map ------------------------------------------------------------------------------------------ */

static void test_growth_is_answered_at_once(void **state) {
    (void)state;
    assert_int_equal(mapped(0, MAP_SEGMENT, 0x08048000, 0x2000, 5), 0x08048000);
    assert_int_equal(mapped(1, MAP_MMAP, 0x50000000, 0x3000, 3), 0x50000000);
    assert_int_equal(mapped(2, MAP_MREMAP, 0x50000000, 0x3000, 0x4000), 0x50000000);
    assert_int_equal(mapped(2, MAP_MPROTECT, 0x08048000, 0x1000, 7), 0);
    assert_int_equal(w.sent[MSG_JOB_SHRINK], 0);
}

/* munmap is answered when every node has dropped the range, not before. */
static void test_munmap_waits_for_every_node(void **state) {
    (void)state;
    mapped(0, MAP_MMAP, 0x50000000, 0x4000, 3);
    map(1, MAP_MUNMAP, 0x50001000, 0x2000, 0);
    while (world_deliver(t[1].node, MANAGER) || world_deliver(MANAGER, 0)) {
    }
    while (world_deliver(0, MANAGER)) {
    }
    assert_int_equal(unmapped, 2 * 2); /* the manager and node 0 */
    assert_int_equal(t[1].result, NOTHING);
    map(0, MAP_MMAP, 0x60000000, 0x1000, 3); /* map calls wait behind it, none is refused */
    assert_int_equal(file(3, FILE_STAT, 0, 0, 0), 0); /* (delivers everything) */
    assert_int_equal(unmapped, 3 * 2);
    assert_int_equal(t[1].result, 0);
    assert_int_equal(t[0].result, 0x60000000);
}

static void test_mprotect_tightens_everywhere(void **state) {
    (void)state;
    mapped(0, MAP_MMAP, 0x50000000, 0x4000, 3);
    assert_int_equal(mapped(4, MAP_MPROTECT, 0x50000000, 0x3000, 1), 0);
    assert_int_equal(protected, 3 * NODES);
    assert_int_equal(mapped(4, MAP_MPROTECT, 0x50000000, 0x3000, 3), 0);
    assert_int_equal(protected, 3 * NODES);
}

static void test_fixed_over_existing(void **state) {
    (void)state;
    mapped(0, MAP_MMAP, 0x50000000, 0x4000, 3);
    assert_int_equal(mapped(1, MAP_MMAP, 0x50000000, 0x4000, 1), 0x50000000);
    assert_int_equal(unmapped, 4 * NODES);
}

/* Six threads unmap and map at the same time, told again at random: each call happens once, in some order. */
static void test_many_shrinks_at_once(void **state) {
    (void)state;
    for (uint32_t i = 0; i < 6; i++) {
        mapped(i, MAP_MMAP, 0x50000000 + i * 0x10000, 0x4000, 3);
    }
    for (uint32_t i = 0; i < 6; i++) {
        map(i, i % 2 == 0 ? MAP_MUNMAP : MAP_MMAP, 0x50000000 + i * 0x10000, 0x2000, 1);
    }
    for (uint32_t i = 0; i < 40; i++) {
        world_resend(world_dice(NODES));
        world_deliver_any();
    }
    world_settle();
    for (uint32_t i = 0; i < 6; i++) {
        assert_int_equal(t[i].result, i % 2 == 0 ? 0 : 0x50000000 + (int32_t)i * 0x10000);
    }
    assert_int_equal(unmapped, 6 * 2 * NODES);
}

/* ---- what a node knows --------------------------------------------------------------------------------- */

static enum area_answer last_answer;
static page_no asked_page;
static enum access asked_access;
static struct area_info info;

static void ask_inside(struct node *n) {
    last_answer = job_area_check(n, job, asked_page, asked_access, &info);
}

static enum area_answer ask(uint32_t node, page_no page, enum access access) {
    asked_page = page;
    asked_access = access;
    w.on_dsm_tick = ask_inside;
    world_tick(node);
    w.on_dsm_tick = NULL;
    return last_answer;
}

static void ask_again(struct node *n, job_id of, page_no page) {
    (void)of;
    areas++;
    if (page == asked_page) {
        last_answer = job_area_check(n, job, asked_page, asked_access, &info);
    }
}

static void test_areas_are_learnt(void **state) {
    (void)state;
    mapped(0, MAP_MMAP, 0x50000000, 0x4000, 1);
    w.on_area = ask_again;
    assert_int_equal(ask(1, 0x50001, ACCESS_READ), AREA_ASKED);
    world_settle();
    assert_int_equal(last_answer, AREA_YES);
    assert_int_equal(info.first, 0x50000);
    assert_int_equal(info.pages, 4);
    assert_int_equal(info.most, ACCESS_READ);
    assert_int_equal(ask(1, 0x50003, ACCESS_READ), AREA_YES); /* no message any more */
    assert_int_equal(w.sent[MSG_JOB_QUERY], 1);
    assert_int_equal(ask(1, 0x50003, ACCESS_WRITE), AREA_ASKED);
    world_settle();
    assert_int_equal(last_answer, AREA_NO);
    assert_int_equal(ask(1, 0x60000, ACCESS_READ), AREA_ASKED);
    world_settle();
    assert_int_equal(last_answer, AREA_NO);
    assert_int_equal(ask(1, 0, ACCESS_READ), AREA_NO);
    assert_int_equal(ask(1, USER_END_PAGE, ACCESS_READ), AREA_NO);
    mapped(0, MAP_MUNMAP, 0x50002000, 0x1000, 0);
    assert_int_equal(ask(1, 0x50001, ACCESS_READ), AREA_YES);
    assert_int_equal(ask(1, 0x50002, ACCESS_READ), AREA_ASKED);
    world_settle();
    assert_int_equal(last_answer, AREA_NO);
}

/* A fault joins a question whose refusal is older than the mmap that it relies on: no SIGSEGV. */
static void test_refusal_is_younger_than_the_fault(void **state) {
    (void)state;
    w.on_area = ask_again;
    assert_int_equal(ask(1, 0x50001, ACCESS_READ), AREA_ASKED);
    while (world_deliver(1, MANAGER)) {
    } /* refused; the answer is on its way */
    map(5, MAP_MMAP, 0x50000000, 0x4000, 3);
    while (world_deliver(t[5].node, MANAGER)) {
    }
    assert_int_equal(ask(1, 0x50001, ACCESS_READ), AREA_ASKED);
    world_settle();
    assert_int_equal(last_answer, AREA_YES);
    assert_int_equal(areas, 1);
}

/* A page of a range that is being mapped anew is no hole. */
static void test_question_during_fixed_mmap(void **state) {
    (void)state;
    mapped(0, MAP_MMAP, 0x50000000, 0x4000, 1);
    w.on_area = ask_again;
    map(0, MAP_MMAP, 0x50000000, 0x4000, 3);
    while (world_deliver(0, MANAGER) || world_deliver(MANAGER, 1)) {
    }
    assert_int_equal(ask(1, 0x50001, ACCESS_WRITE), AREA_ASKED);
    while (world_deliver(1, MANAGER)) {
    }
    assert_int_equal(w.way[MANAGER][1].count, 0);
    world_settle();
    assert_int_equal(last_answer, AREA_YES);
    assert_int_equal(t[0].result, 0x50000000);
}

/* ---- files and streams ---------------------------------------------------------------------------------- */

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
    assert_int_equal(output_size, 5);
    assert_memory_equal(output, "hello", 5);
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
    uint32_t of = ticket;

    ticket = 0;
    world_call(0, &(struct event_call){.op = CALL_INPUT,
                                       .token = TOKEN_NONE,
                                       .arg = {of},
                                       .bytes = (const uint8_t *)text,
                                       .size = (uint32_t)strlen(text)});
    world_settle();
}

/* Readers are served in their order, one question to the world at a time; the end of the file is for ever. */
static void test_input(void **state) {
    (void)state;
    read_in(2, 0);
    assert_int_equal(t[2].result, 0);
    read_in(1, 10);
    assert_int_not_equal(ticket, 0);
    assert_int_equal(ticket_most, 10);
    uint32_t first = ticket;
    ticket = 0;
    read_in(2, 5000);
    assert_int_equal(ticket, 0);
    ticket = first;
    type("abc");
    assert_int_equal(t[1].result, 3);
    assert_int_equal(t[1].size, 3);
    assert_memory_equal(t[1].bytes, "abc", 3);
    assert_int_equal(t[2].result, NOTHING);
    assert_int_equal(ticket_most, CALL_BYTES_MAX);
    CALL(0, CALL_INPUT, TOKEN_NONE, first); /* an old ticket ends nothing */
    world_settle();
    assert_int_equal(t[2].result, NOTHING);
    read_in(3, 1);
    type("");
    assert_int_equal(t[2].result, 0);
    assert_int_equal(t[3].result, 0);
    read_in(4, 1);
    assert_int_equal(t[4].result, 0);
    assert_int_equal(ticket, 0);
}

/* Stragglers of a job that is over are dropped quietly; those of another generation too. */
static void test_stragglers(void **state) {
    struct msg m = {.head = {.key = key_make(SERVICE_JOB, job, 0), .generation = 9999}};

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
        TEST(test_growth_is_answered_at_once),
        TEST(test_munmap_waits_for_every_node),
        TEST(test_mprotect_tightens_everywhere),
        TEST(test_fixed_over_existing),
        TEST(test_many_shrinks_at_once),
        TEST(test_areas_are_learnt),
        TEST(test_refusal_is_younger_than_the_fault),
        TEST(test_question_during_fixed_mmap),
        TEST(test_files_are_the_jobs),
        TEST(test_read_sent_again),
        TEST(test_output),
        TEST(test_input),
        TEST(test_stragglers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
