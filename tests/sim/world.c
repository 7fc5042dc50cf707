/* The clock, the heap of events and the step of the simulated world; see world.h. */
#include "tests/sim/world.h"

#include <stdlib.h>

#include "net/link.h"
#include "tests/sim/check.h"
#include "tests/sim/failure.h"
#include "tests/sim/tracing.h"

enum {
    ENTRIES_EVERY = 150,    /* events between two walks over all directories */
    QUIET_US = 3000000,     /* after the last job: links drain, nothing may be left */
    TICKS_IDLE_MAX = 50,
    TICK_LATE_US = 40,      /* a PC's alarm is late by up to so much */
    ROWS_FIRST = 256,
    RESEND_QUEUE_MAX = 64,  /* no more is sent again while so much waits: pools are for one */
};

/* ---- chance and time ------------------------------------------------------------------------- */

uint32_t world_random(struct world *w, uint32_t below) {
    return below == 0 ? 0 : random_next(&w->random) % below;
}

bool world_chance(struct world *w, uint32_t percent) {
    return world_random(w, 100) < percent;
}

void world_hash(struct world *w, uint64_t word) {
    w->hash = mix64(w->hash ^ word) + word;
}

uint64_t pc_clock_us(const struct world *w, const struct pc *pc) {
    return w->now_us - pc->start_us + pc->clock_us;
}

/* ---- the heap -------------------------------------------------------------------------------- */

static bool is_before(const struct world_row *a, const struct world_row *b) {
    return a->at_us < b->at_us || (a->at_us == b->at_us && a->order < b->order);
}

void world_after(struct world *w, uint64_t us, struct world_row row) {
    row.at_us = w->now_us + us;
    row.order = w->order++;
    if (w->rows == w->rows_room) {
        w->rows_room = w->rows_room == 0 ? ROWS_FIRST : w->rows_room * 2;
        w->row = realloc(w->row, w->rows_room * sizeof(w->row[0]));
    }
    uint32_t i = w->rows++;

    while (i > 0 && is_before(&row, &w->row[(i - 1) / 2])) {
        w->row[i] = w->row[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    w->row[i] = row;
}

static struct world_row take(struct world *w) {
    struct world_row first = w->row[0];
    struct world_row last = w->row[--w->rows];
    uint32_t i = 0;

    for (;;) {
        uint32_t child = 2 * i + 1;
        if (child >= w->rows) {
            break;
        }
        if (child + 1 < w->rows && is_before(&w->row[child + 1], &w->row[child])) {
            child++;
        }
        if (!is_before(&w->row[child], &last)) {
            break;
        }
        w->row[i] = w->row[child];
        i = child;
    }
    w->row[i] = last;
    return first;
}

/* ---- one step -------------------------------------------------------------------------------- */

/* The alarm of this PC, as its core wants it now. */
static void arm(struct world *w, struct pc *pc) {
    uint64_t deadline = node_deadline_us(pc->node);

    if (deadline == UINT64_MAX) {
        return;
    }
    uint64_t now = pc_clock_us(w, pc);
    uint64_t in = deadline > now ? deadline - now : 0;

    if (w->now_us + in >= pc->tick_us) {
        return;
    }
    in += world_random(w, TICK_LATE_US);
    pc->tick_us = w->now_us + in;
    world_after(w, in, (struct world_row){.type = WEV_TICK, .pc = pc->index});
}

static void after_step(struct world *w, struct pc *pc) {
    tracing_step(w, pc);
    effects_perform(w, pc, w->fx);
    w->stepping = false;
    arm(w, pc);
    check_view(w, pc);
    check_refused(w, pc);
}

void world_step(struct world *w, struct pc *pc, struct event *ev) {
    if (w->stepping) {
        sim_fail("simulator", "a step within a step");
    }
    w->stepping = true;
    w->events++;
    ev->now_us = pc_clock_us(w, pc);
    node_step(pc->node, ev, w->fx);
    after_step(w, pc);
}

/* Every service sends again what it waits for, as after a view change: nothing may be applied
 * twice [P 9.10]. */
static void resend(struct world *w) {
    struct pc *pc = &w->pc[world_random(w, w->plan.pcs)];
    const struct link_set *ls = (const void *)((uint8_t *)pc->node + pc->node->link_offset);

    if (node_is_stable(pc->node) && link_counters(ls, SEAT_NONE).queued < RESEND_QUEUE_MAX) {
        w->stepping = true;
        node_resend(pc->node, pc_clock_us(w, pc), w->fx);
        after_step(w, pc);
    }
    world_after(w, 1 + world_random(w, w->plan.resend_every_us),
                (struct world_row){.type = WEV_RESEND});
}

static void tick(struct world *w, struct pc *pc, uint64_t at_us) {
    struct event ev = {.type = EV_TICK};

    if (at_us != pc->tick_us) {
        return; /* another one was set since */
    }
    pc->tick_us = UINT64_MAX;
    if (node_deadline_us(pc->node) > pc_clock_us(w, pc)) {
        arm(w, pc);
        return;
    }
    world_step(w, pc, &ev);
    bool idle = node_deadline_us(pc->node) <= pc_clock_us(w, pc);

    pc->ticks_idle = idle ? pc->ticks_idle + 1 : 0;
    if (pc->ticks_idle > TICKS_IDLE_MAX) {
        sim_fail("world", "n%u wants a tick at once, again and again", pc->index + 1);
    }
}

/* ---- what happens ---------------------------------------------------------------------------- */

static void start(struct world *w, struct pc *pc) {
    struct event_start s = {.nonce = pc->nonce, .mac = pc->mac, .build_id = 0x4C69737365};
    struct event ev = {.type = EV_START, .start = &s};

    s.expect = w->plan.expect;
    s.locator = w->plan.locator;
    pc->started = true;
    pc->start_us = w->now_us;
    world_step(w, pc, &ev);
}

static void run_job(struct world *w, uint32_t i) {
    struct sim_job *job = &w->job[i];
    struct event ev = {.type = EV_CALL};

    ev.call = (struct event_call){.op = CALL_RUN, .token = TOKEN_NONE, .arg = {i}};
    job->wanted = true;
    check_job_asked(w, job);
    world_step(w, &w->pc[job->pc], &ev);
}

/* As the console does: an unknown job is no mistake, it may be over just now. */
static void kill_job(struct world *w, uint32_t i) {
    struct sim_job *job = &w->job[i];
    struct event ev = {.type = EV_CALL};

    if (job->job == 0 || job->over) {
        return;
    }
    job->killed = true;
    ev.call = (struct event_call){.op = CALL_KILL, .token = TOKEN_NONE, .arg = {job->job, 9}};
    world_step(w, &w->pc[world_random(w, w->plan.pcs)], &ev);
}

static void give_input(struct world *w, const struct world_row *row) {
    struct sim_job *job = world_job(w, row->job);
    uint32_t most = row->b < CALL_BYTES_MAX ? row->b : CALL_BYTES_MAX;
    uint8_t bytes[CALL_BYTES_MAX];
    struct event ev = {.type = EV_CALL};

    if (!job->over) {
        uint32_t size = stream_input(w, job, bytes, most);
        ev.call = (struct event_call){.op = CALL_INPUT, .token = TOKEN_NONE, .arg = {row->a},
                                      .bytes = bytes, .size = size};
        world_step(w, &w->pc[row->pc], &ev);
    }
}

static void give_file(struct world *w, const struct world_row *row) {
    uint8_t bytes[CALL_BYTES_MAX];
    struct event ev = {.type = EV_CALL};

    ev.call = (struct event_call){.op = CALL_FILE_BYTES, .token = TOKEN_NONE, .arg = {row->a},
                                  .bytes = bytes,
                                  .size = file_bytes(bytes, row->b & 0xFFFF, row->b >> 16)};
    world_step(w, &w->pc[row->pc], &ev);
}

static void give_room(struct world *w, const struct world_row *row) {
    struct sim_job *job = world_job(w, row->job);
    struct event ev = {.type = EV_CALL};

    if (!job->over) {
        ev.call = (struct event_call){.op = CALL_OUTPUT_ROOM, .token = TOKEN_NONE,
                                      .arg = {row->job, w->plan.output_room}};
        world_step(w, &w->pc[row->pc], &ev);
        world_after(w, 200 + world_random(w, 5000), *row);
    }
}

/* A PC stands still: what comes for it waits. */
static void pause_pc(struct world *w) {
    struct pc *pc = &w->pc[world_random(w, w->plan.pcs)];

    if (!w->faults_over) {
        pc->paused_until_us = w->now_us + 100 + world_random(w, 100000);
        world_after(w, 1 + world_random(w, w->plan.pause_every_us),
                    (struct world_row){.type = WEV_PAUSE});
    }
}

static void handle(struct world *w, const struct world_row *row) {
    struct pc *pc = &w->pc[row->pc];

    if (pc->paused_until_us > w->now_us && row->type != WEV_PAUSE) {
        if (row->type == WEV_TICK && row->at_us == pc->tick_us) {
            pc->tick_us = pc->paused_until_us;
        }
        world_after(w, pc->paused_until_us - w->now_us, *row);
        return;
    }

    switch (row->type) {
    case WEV_START: start(w, pc); break;
    case WEV_DATAGRAM: network_arrive(w, pc, row->a); break;
    case WEV_TICK: tick(w, pc, row->at_us); break;
    case WEV_CPU: cpu_run(w, pc); break;
    case WEV_RUN: run_job(w, row->a); break;
    case WEV_KILL: kill_job(w, row->a); break;
    case WEV_INPUT: give_input(w, row); break;
    case WEV_FILE: give_file(w, row); break;
    case WEV_ROOM: give_room(w, row); break;
    case WEV_PAUSE: pause_pc(w); break;
    case WEV_RESEND: resend(w); break;
    default: sim_fail("simulator", "unknown event %u", row->type);
    }
}

void world_wake_cpu(struct world *w, struct pc *pc) {
    if (!pc->cpu.scheduled) {
        pc->cpu.scheduled = true;
        world_after(w, 1, (struct world_row){.type = WEV_CPU, .pc = pc->index});
    }
}

/* ---- the course of a seed -------------------------------------------------------------------- */

/* Everybody is stable: the jobs begin, and the faults' remaining time runs. */
static void on_stable(struct world *w) {
    struct plan *plan = &w->plan;

    w->stable_us = w->now_us;
    plan->faults_end_us = w->now_us + plan->faults_for_us;
    for (uint32_t i = 0; i < plan->jobs && !plan->script; i++) {
        world_after(w, 1000 + world_random(w, 20000), (struct world_row){.type = WEV_RUN, .a = i});
    }
    if (plan->kill_after_us != 0) {
        world_after(w, plan->kill_after_us, (struct world_row){.type = WEV_KILL});
    }
    if (plan->pause_every_us != 0) {
        world_after(w, plan->pause_every_us, (struct world_row){.type = WEV_PAUSE});
    }
    if (plan->resend_every_us != 0) {
        world_after(w, plan->resend_every_us, (struct world_row){.type = WEV_RESEND});
    }
}

static bool all_over(const struct world *w) {
    for (uint32_t i = 0; i < w->plan.jobs; i++) {
        if (!w->job[i].over) {
            return false;
        }
    }
    return w->stable_us != 0;
}

static void observe(struct world *w) {
    if (!w->faults_over && w->now_us >= w->plan.faults_end_us) {
        w->faults_over = true;
    }
    if (w->stable_us == 0 && world_is_stable(w)) {
        on_stable(w);
    }
    if (w->until_entries-- == 0) {
        w->until_entries = ENTRIES_EVERY;
        check_entries(w);
        check_alive(w);
    }
}

void world_run_for(struct world *w, uint64_t us) {
    uint64_t until = w->now_us + us;

    while (w->rows != 0 && w->row[0].at_us <= until) {
        struct world_row row = take(w);
        w->now_us = row.at_us;
        handle(w, &row);
        observe(w);
    }
    w->now_us = until;
}

void world_run(struct world *w) {
    while (!all_over(w)) {
        if (w->rows == 0) {
            sim_fail("world", "nothing will ever happen again, and the plan is not fulfilled");
        }
        struct world_row row = take(w);
        w->now_us = row.at_us;
        handle(w, &row);
        observe(w);
    }
    w->faults_over = true;
    w->plan.faults_end_us = w->now_us;
    w->plan.resend_every_us = UINT32_MAX;
    world_run_for(w, QUIET_US);
    if (!world_is_stable(w)) {
        sim_fail("view", "the cluster is not stable at the end");
    }
    check_founded(w);
    check_entries(w);
    check_leftover(w);
}

struct pc *pc_by_mac(struct world *w, uint64_t mac) {
    for (uint32_t i = 0; i < w->plan.pcs; i++) {
        if (w->pc[i].mac == mac) {
            return &w->pc[i];
        }
    }
    return NULL;
}

struct sim_job *world_job(struct world *w, job_id job) {
    for (uint32_t i = 0; i < SIM_JOBS_MAX; i++) {
        if (w->job[i].job == job && job != 0) {
            return &w->job[i];
        }
    }
    return NULL;
}

/* ---- birth and end --------------------------------------------------------------------------- */

static void pc_init(struct world *w, uint32_t i) {
    struct pc *pc = &w->pc[i];
    void *mem = malloc(node_size(&w->plan.limits));

    pc->index = i;
    pc->mac = 0x525400000000ull + i + 1;
    pc->mac += w->plan.script ? 0 : 0x10000u * (1 + world_random(w, 200));
    pc->nonce = (uint64_t)world_random(w, 0xFFFFFFFF) << 32 | (i + 1);
    pc->clock_us = w->plan.script ? 1000 : 1000 + world_random(w, 3000000);
    pc->tick_us = UINT64_MAX;
    pc->node = node_init(mem, &w->plan.limits);
    memory_init(&pc->memory, w->plan.limits.frames);
    cpu_init(&pc->cpu, w->plan.limits.threads);
    world_after(w, world_random(w, w->plan.start_spread_us),
                (struct world_row){.type = WEV_START, .pc = i});
}

struct world *world_new(uint64_t seed, const struct plan *plan) {
    struct world *w = calloc(1, sizeof(*w));

    w->seed = seed;
    w->random = mix64(seed * 2 + 1) | 1u;
    w->plan = *plan;
    w->now_us = 1000; /* 0 means "not yet" in this file */
    w->fx = malloc(sizeof(*w->fx));
    network_init(&w->network);
    for (uint32_t i = 0; i < SIM_JOBS_MAX; i++) {
        w->job[i].model = calloc(1, sizeof(*w->job[i].model));
    }
    for (uint32_t i = 0; i < plan->pcs; i++) {
        pc_init(w, i);
    }
    for (uint32_t i = 0; i < plan->jobs && !plan->script; i++) {
        w->job[i].pc = world_random(w, plan->pcs);
        program_make(&w->job[i].program, &plan->wish[i], world_random(w, 0xFFFFFFFF));
    }
    return w;
}

void world_free(struct world *w) {
    if (w == NULL) {
        return;
    }
    for (uint32_t i = 0; i < w->plan.pcs; i++) {
        memory_free(&w->pc[i].memory);
        free(w->pc[i].node);
    }
    for (uint32_t i = 0; i < SIM_JOBS_MAX; i++) {
        shadow_free(&w->job[i].shadow);
        program_free(&w->job[i].program);
        free(w->job[i].model);
    }
    network_free(&w->network);
    free(w->row);
    free(w->fx);
    free(w);
}
