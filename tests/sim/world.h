/* The simulated world: N nodes of the real core in one process, one virtual clock, one heap of
 * events, one seed that decides everything [D 4]. The same seed makes the same history in every
 * build, so nothing here may depend on pointers, sizes of longs or the order of malloc.
 *
 *   main -> scenario (who runs what) -> world_run: next event -> node_step -> effects -> checkers
 *
 * Kernel parts that the world plays: network.c the LAN, memory.c frames and page tables, cpu.c the
 * threads of programs and their instructions, calls.c system calls, effects.c the effects. */
#pragma once

#include "adapt/node.h"
#include "tests/sim/cpu.h"
#include "tests/sim/memory.h"
#include "tests/sim/network.h"
#include "tests/sim/program.h"
#include "tests/sim/shadow.h"

enum {
    PCS_MAX = 6,
    SIM_JOBS_MAX = 10, /* programs in one world: two more than JOBS_MAX */
    EPOCHS_MAX = 64,   /* views that a checker remembers */
};

/* One PC: a node of the core and the hardware that the world plays for it. */
struct pc {
    uint32_t index;
    struct node *node;
    uint64_t mac, nonce;
    uint64_t start_us;      /* world time of EV_START … */
    uint64_t clock_us;      /* … and what its own clock shows then */
    bool started;
    uint64_t tick_us;       /* world time of the EV_TICK that is in the heap; UINT64_MAX: none */
    uint32_t ticks_idle;    /* ticks at one time that moved no deadline */
    uint64_t trace_seen;    /* records printed or hashed already */
    uint32_t epoch_seen;
    uint64_t refused_seen;
    bool two_clusters;      /* it has reported one */
    uint64_t paused_until_us;
    struct memory memory;
    struct cpu cpu;
};

/* What a scenario wants; decided from the seed before anything runs. */
struct plan {
    uint32_t pcs;
    uint16_t expect;
    uint8_t locator;
    struct limits limits;
    struct faults faults;
    uint64_t faults_end_us;    /* world time; from then on the LAN is perfect. Moved on when the
                                  cluster is stable: */
    uint32_t faults_for_us;    /* so long after that */
    uint64_t end_by_us;        /* everything must be over so long after the faults end */
    uint32_t start_spread_us;  /* PCs start within this */
    uint32_t resend_every_us;  /* 0: never; else every service's resend at random, so often */
    uint32_t jobs;
    struct program_wish wish[SIM_JOBS_MAX];
    uint32_t pause_every_us;   /* 0: never; else a PC stands still now and then, its clock runs */
    bool tight;                /* just enough frames for what a node may own */
    bool starved;              /* too few frames or entries: the job may be killed for it */
    uint32_t kill_after_us;    /* 0: never; else the console kills job 0 then */
    bool founding_only;        /* no job: the end is a stable cluster */
    uint32_t output_room;      /* bytes that the console takes at once; 0: endless */
    bool script;               /* tests/traces: a script drives the world */
};

/* A job as its asker sees it. */
struct sim_job {
    bool wanted, started, over, refused;
    job_id job;                /* as CALL_RUN will number it; 0: not asked for yet */
    uint32_t pc;               /* the origin */
    uint32_t status;           /* wait status, when over */
    uint64_t started_us, over_us;
    bool killed;               /* by the console or exit_group: no count of the program holds */
    struct program program;
    struct shadow shadow;
    struct model *model;       /* of its calls: check_sync.c, check_stream.c */
    uint32_t threads_alive;
    uint32_t unmaps;           /* calls under way that change what is mapped */
};

enum world_event {
    WEV_START,
    WEV_DATAGRAM, /* a: packet */
    WEV_TICK,
    WEV_CPU,
    WEV_RUN,      /* a: job */
    WEV_KILL,     /* a: job */
    WEV_INPUT,    /* a: ticket, b: bytes wanted */
    WEV_FILE,     /* a: ticket, b: offset | bytes wanted << 16 */
    WEV_RESEND,
    WEV_PAUSE,
    WEV_ROOM,     /* job: the console takes more output */
};
struct world_row {
    uint64_t at_us, order;
    uint32_t type, pc, a, b;
    job_id job;
};

struct world {
    uint64_t seed, random, now_us;
    struct plan plan;
    struct pc pc[PCS_MAX];
    struct network network;
    struct sim_job job[SIM_JOBS_MAX];
    uint64_t order;
    uint32_t rows, rows_room;
    struct world_row *row;        /* a binary heap */
    uint64_t events;              /* handled so far */
    uint64_t hash;                /* of results: outputs, statuses, end times */
    uint64_t stable_us;           /* when all PCs were stable first; 0: not yet */
    struct seen_view {
        uint64_t cluster, digest;
        uint32_t epoch, pc;
    } view[EPOCHS_MAX];
    uint32_t views;
    uint32_t until_entries;       /* events until check_entries() runs again */
    bool faults_over;
    bool stepping;
    uint64_t over_us;             /* all jobs were over then; 0: not yet */
    struct effects *fx;           /* of the step under way */
};

struct world *world_new(uint64_t seed, const struct plan *plan);
void world_free(struct world *w);
/* Runs until the plan is fulfilled and everything is quiet; a checker ends it by sim_fail(). */
void world_run(struct world *w);
/* The same, but only what happens within the next so many microseconds. */
void world_run_for(struct world *w, uint64_t us);

uint32_t world_random(struct world *w, uint32_t below); /* 0 … below - 1 */
bool world_chance(struct world *w, uint32_t percent);
void world_after(struct world *w, uint64_t us, struct world_row row);
/* One event into a node's core, its effects performed, checkers run. Never called while another
 * one is under way. */
void world_step(struct world *w, struct pc *pc, struct event *ev);
/* The CPU of this PC has something to do. */
void world_wake_cpu(struct world *w, struct pc *pc);
void world_hash(struct world *w, uint64_t word);

uint64_t pc_clock_us(const struct world *w, const struct pc *pc); /* its own clock, now */
struct pc *pc_by_mac(struct world *w, uint64_t mac);
struct sim_job *world_job(struct world *w, job_id job); /* NULL: none of that number is running */

/* effects.c */
void effects_perform(struct world *w, struct pc *pc, struct effects *fx);
