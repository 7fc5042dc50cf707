/* test_jobs_random.c: random programs of locks, barriers, map calls, clones and streams on 1 … 5
 * nodes, also with requests sent again at random moments and with a kill at any moment [P 9]. A
 * failure names mode and seed. */
/* sources: tests/unit/jobs_world.c tests/unit/jobs_program.c tests/unit/jobs_program_map.c
   adapt/msg.c services/services.c services/rows.c services/job_service.c services/job_local.c
   services/job_run.c services/job_cache.c services/job_manager.c services/job_place.c
   services/job_call.c services/job_stream.c services/job_bytes.c services/job_map.c
   services/job_area.c services/job_files.c services/threads.c services/threads_clone.c
   services/threads_exit.c services/threads_manager.c services/sync_service.c
   services/sync_table.c services/sync_futex.c services/sync_barrier.c services/sync_requester.c
   */
#include "tests/unit/jobs_program.h"

enum { SEEDS = 60 };

static struct program_plan plan_of(enum program_mode mode, uint64_t seed) {
    uint64_t dice = mix64(seed * 8 + mode + 1) | 1;
    uint32_t nodes = 1 + random_next(&dice) % 5;
    uint32_t children = 2 + random_next(&dice) % 10;

    return (struct program_plan){
        .mode = mode,
        .nodes = nodes,
        .slots = 16,
        .threads = mode == MODE_CLONE ? 60 : children,
        .rounds = 4 + random_next(&dice) % 12,
        .exit_plainly = random_next(&dice) % 2 == 0,
        .seed = seed,
    };
}

static void run_all(uint32_t resend_percent, bool kill) {
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        for (enum program_mode mode = 0; mode < MODES; mode++) {
            struct program_plan one = plan_of(mode, seed);
            one.resend_percent = resend_percent;
            one.kill_at = kill ? 1 + (uint32_t)(mix64(seed + 7) % 400) : 0;
            int32_t status = program_run(&one);
            if (status != 7 << 8 && !(kill && status == 9)) {
                fail_msg("mode %d seed %lu: status %d", (int)mode, (unsigned long)seed, status);
            }
        }
    }
}

static void test_undisturbed(void **state) {
    (void)state;
    run_all(0, false);
}

static void test_requests_sent_again(void **state) {
    (void)state;
    run_all(5, false);
}

static void test_killed_at_any_moment(void **state) {
    (void)state;
    run_all(0, true);
}

static void test_killed_and_sent_again(void **state) {
    (void)state;
    run_all(5, true);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_undisturbed),
        cmocka_unit_test(test_requests_sent_again),
        cmocka_unit_test(test_killed_at_any_moment),
        cmocka_unit_test(test_killed_and_sent_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
