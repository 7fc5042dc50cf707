/* The one CPU of a simulated PC and the slots of its threads, as the kernel has them: a ready
 * queue, time slices, one fault at a time for an instruction, all missing pages of a call at once,
 * EV_RAN at the next kernel entry after an instruction was completed [P 8.3]. */
#pragma once

#include "adapt/base.h"
#include "adapt/port.h"
#include "tests/sim/program.h"

enum { SIM_SLOTS_MAX = 100 };

enum sim_thread_state {
    SIM_EMPTY,
    SIM_READY,
    SIM_FAULT, /* waits for pages */
    SIM_CALL,  /* waits for the answer of a call */
    SIM_PARKED, /* a script's: waits for its next command */
};

struct page_set {
    uint32_t count;
    page_no page[HOLD_MAX];
    uint8_t right[HOLD_MAX]; /* enum access */
};

struct sim_thread {
    uint8_t state;      /* enum sim_thread_state */
    bool holds;         /* woken for a page: EV_RAN is owed */
    bool ran;           /* an instruction was completed since it was dispatched */
    bool failed;        /* the core refused a page */
    bool in_call;       /* the instruction is a call that has begun */
    bool asked;         /* … and its request is out */
    bool compare;       /* … and the futex word is to be compared now */
    bool child_told;    /* … and the child's tid is to be written now */
    bool answered;
    job_id job;
    thread_id tid;
    token_no token;
    thread_id child;
    uint32_t number;    /* in its program */
    uint32_t at;        /* next instruction */
    int32_t reg[REGISTERS];
    uint64_t random;
    uint64_t since_us;  /* it waits; world time */
    uint64_t deadline_us;
    uint32_t written;   /* CALL_WRITE_OUT so far */
    uint32_t generation; /* of the barrier it waits in */
    uint32_t offset;    /* of the file that it has open */
    uint32_t got;       /* bytes of a file that have come for its call */
    int32_t result;     /* of the answer */
    uint32_t value, value2, size;
    uint8_t bytes[CALL_BYTES_MAX];
};

struct cpu {
    bool scheduled;     /* a WEV_CPU is in the heap */
    uint32_t current;   /* slot that ran last; TOKEN_NONE */
    uint32_t queued;
    uint32_t queue[SIM_SLOTS_MAX]; /* ready slots, first to run first; current is not in it */
    uint32_t slots;
    struct sim_thread thread[SIM_SLOTS_MAX];
};

struct world;
struct pc;
struct sim_job;

void cpu_init(struct cpu *c, uint32_t slots);
/* WEV_CPU: runs a thread for a slice. */
void cpu_run(struct world *w, struct pc *pc);
struct sim_thread *cpu_thread(struct pc *pc, token_no token); /* fails the seed when out of range */
/* The thread is SIM_READY now; first: before all others, because a page has come for it. */
void cpu_ready(struct world *w, struct pc *pc, struct sim_thread *t, bool first);
/* It waits from now on, in SIM_FAULT or SIM_CALL. */
void cpu_wait(struct world *w, struct pc *pc, struct sim_thread *t, enum sim_thread_state state);
void cpu_stop(struct pc *pc, struct sim_thread *t); /* out of the queue, SIM_EMPTY */
/* Tells the core that the thread made progress, if it waits to hear so. */
void cpu_tell_ran(struct world *w, struct pc *pc, struct sim_thread *t);
/* The first page of the set that is missing: count if none is. */
uint32_t cpu_missing(const struct pc *pc, const struct sim_thread *t, const struct page_set *set);

/* instructions.c: one instruction of the thread; it may block it. How long it took. */
uint32_t cpu_execute(struct world *w, struct pc *pc, struct sim_thread *t);
/* Asks for the pages that are missing: the first alone (an instruction), or all (a call). */
void cpu_fault(struct world *w, struct pc *pc, struct sim_thread *t, const struct page_set *set);

/* calls.c: the OP_CALL instruction; true when it is over and its result stands in r0. */
bool call_execute(struct world *w, struct pc *pc, struct sim_thread *t, const struct instr *i);

/* What a clone carries: the child's registers, opaque to the core. */
struct thread_record {
    uint32_t magic, number, entry, handle;
    uint64_t random;
    uint8_t rest[RECORD_BYTES_MAX - 24]; /* a pattern of the number, as long as the record is */
};
void record_make(struct world *w, struct thread_record *r, uint32_t number, uint32_t entry);
void record_check(const struct thread_record *r, uint32_t size);
