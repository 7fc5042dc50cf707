/* Random multi-threaded programs for the world of jobs_world.h, with the models that say what must
 * come out: mutual exclusion and progress, barrier generations, the map of each thread's own
 * window, births and deaths of threads. */
#pragma once

#include "tests/unit/jobs_world.h"

enum program_mode { MODE_MUTEX, MODE_BARRIER, MODE_MAP, MODE_CLONE, MODE_STREAM, MODES };

struct program_plan {
    enum program_mode mode;
    uint32_t nodes, slots;   /* nodes, slots of each */
    uint32_t threads;        /* that the main thread clones (CLONE: in all) */
    uint32_t rounds;         /* of each thread */
    uint32_t resend_percent; /* of actions are a resend() at a random node */
    uint32_t kill_at;        /* actions until the job is killed; 0: never */
    bool exit_plainly;       /* the main thread ends by exit, not by exit_group */
    uint64_t seed;
};

/* Runs one program to its end; fails the test on anything wrong. Returns the job's wait status. */
int32_t program_run(const struct program_plan *plan);

/* ---- between the parts of the program ---------------------------------------------------------
 */

enum thread_state { T_NONE, T_READY, T_BLOCKED, T_FAULT, T_COMPARE, T_GONE };
enum step { S_CLONE, S_WORK, S_LOCK, S_LOCKED, S_BARRIER, S_MAP, S_JOIN, S_EXIT };

enum {
    THREADS_SEEN = 400,
    WINDOW_PAGES = 48,
    WINDOW_FIRST = 0x20000,
    LOCK = 0x1000, /* addresses of words */
    BARRIER = 0x2000,
    TID_WORDS = 0x3000, /* clear_child_tid of each thread */
    STATUS = 7 << 8,
};

struct thread {
    enum thread_state state;
    enum step step;
    uint32_t number, node;
    token_no token;
    thread_id tid;
    uint32_t rounds, children, joined;
    uint32_t child[THREADS_SEEN]; /* numbers */
    bool refused;                 /* clone: EAGAIN */
    bool woke;                    /* `result` of the last call is to be looked at */
    int32_t result;
    uint32_t call, arg[5];
    uint32_t got; /* bytes of a file so far */
    uint64_t deadline_us;
    uint32_t generation; /* of the barrier it waits at */
    page_no fault_page;
    enum access fault_access;
    uint8_t window[WINDOW_PAGES]; /* prot, 0xFF: unmapped */
};

extern struct thread threads[THREADS_SEEN];
extern uint32_t thread_count;
extern const struct program_plan *plan;
extern job_id job;

/* A call of the thread, which is BLOCKED then. */
void program_call(struct thread *t, uint32_t op, const struct event_call *more);
#define THREAD_CALL(t, op, ...) program_call(t, op, &(struct event_call){__VA_ARGS__})

/* jobs_program_map.c: faults and map calls of a thread in its own window */
void program_map(struct thread *t);
void program_on_area(struct node *n, job_id of, page_no page);
void program_on_dsm_tick(struct node *n);
