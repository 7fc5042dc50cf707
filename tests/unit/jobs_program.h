/* Random multi-threaded programs for the world of jobs_world.h, with the models that say what must come out: mutual
 * exclusion and progress, barrier generations, the map of each thread's own window, births and deaths of threads. */
#pragma once

#include "tests/unit/jobs_world.h"

enum program_mode { MODE_MUTEX, MODE_BARRIER, MODE_MAP, MODE_CLONE, MODE_STREAM, MODES };

struct program_plan {
    enum program_mode mode;
    uint32_t nodes, slots;    /* nodes, slots of each */
    uint32_t threads;         /* that the main thread clones (CLONE: in all) */
    uint32_t rounds;          /* of each thread */
    uint32_t resend_percent;  /* of actions are a resend() at a random node */
    uint32_t kill_at;         /* actions until the job is killed; 0: never */
    bool exit_plainly;        /* the main thread ends by exit, not by exit_group */
    uint64_t seed;
};

/* Runs one program to its end; fails the test on anything wrong. Returns the job's wait status. */
int32_t program_run(const struct program_plan *plan);
