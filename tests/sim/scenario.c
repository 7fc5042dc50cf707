/* The scenarios and how a seed varies them; see scenario.h. Tables are as small as the program
 * allows, so that frames run short and copies are dropped. */
#include "tests/sim/scenario.h"

#include <stdio.h>

struct chance {
    uint64_t random;
};

static uint32_t pick(struct chance *c, uint32_t below) {
    return below == 0 ? 0 : random_next(&c->random) % below;
}

static uint32_t between(struct chance *c, uint32_t low, uint32_t high) {
    return low + pick(c, high - low + 1);
}

static bool one_in(struct chance *c, uint32_t n) {
    return pick(c, n) == 0;
}

/* ---- the LAN --------------------------------------------------------------------------------- */

/* A quarter of the seeds runs without faults, the others with 0 … 50 % loss. */
static void faults(struct chance *c, struct plan *p) {
    struct faults *f = &p->faults;

    f->delay_min_us = between(c, 20, 200);
    f->delay_max_us = f->delay_min_us + pick(c, one_in(c, 3) ? 2000 : 100);
    f->reorder_us = between(c, 100, 8000);
    p->faults_for_us = one_in(c, 3) ? 120000000 : between(c, 100000, 3000000);
    if (one_in(c, 4)) {
        return;
    }
    f->loss = one_in(c, 3) ? pick(c, 501) : pick(c, 100);
    f->duplicate = one_in(c, 2) ? pick(c, 200) : 0;
    f->reorder = one_in(c, 2) ? pick(c, 500) : 0;
    f->corrupt = one_in(c, 2) ? pick(c, 50) : 0;
}

static void cluster(struct chance *c, struct plan *p) {
    p->pcs = one_in(c, 8) ? between(c, 1, PCS_MAX) : between(c, 2, 4);
    p->expect = (uint16_t)p->pcs;
    p->locator = one_in(c, 2) ? LOCATOR_TREE : LOCATOR_STAT;
    p->start_spread_us = one_in(c, 2) ? 1 : 300000;
    p->end_by_us = 100000000;
    p->faults_end_us = 60000000; /* of the founding alone */
}

/* ---- programs -------------------------------------------------------------------------------- */

static void weigh(struct program_wish *w, const enum block *blocks, uint32_t count,
                  uint8_t weight) {
    for (uint32_t i = 0; i < count; i++) {
        w->weight[blocks[i]] = weight;
    }
}
#define WEIGH(wish, weight, ...)                                             \
    weigh(wish, (const enum block[]){__VA_ARGS__},                           \
          sizeof((const enum block[]){__VA_ARGS__}) / sizeof(enum block), weight)

static void program(struct chance *c, struct program_wish *w) {
    *w = (struct program_wish){.threads = between(c, 2, 7),
                               .rounds = between(c, 1, 8),
                               .blocks = between(c, 3, 20),
                               .pages = between(c, 1, 20),
                               .syncs = between(c, 1, 3),
                               .loops = between(c, 5, 60),
                               .packed = one_in(c, 2)};
}

static void plan_memory(struct chance *c, struct plan *p) {
    struct program_wish *w = &p->wish[0];

    program(c, w);
    WEIGH(w, 10, BLOCK_READ, BLOCK_WRITE);
    WEIGH(w, 4, BLOCK_COUNT, BLOCK_SPREAD, BLOCK_GATHER, BLOCK_SHARE, BLOCK_PUBLISH);
    WEIGH(w, 1, BLOCK_HOT, BLOCK_MAP, BLOCK_PROTECT, BLOCK_BRK, BLOCK_REMAP, BLOCK_WORK);
    w->weight[BLOCK_REPLACE] = one_in(c, 4) ? 8 : 0;
    if (one_in(c, 3)) {
        w->own_pages = between(c, 2, 12);
        w->weight[BLOCK_SCAN] = 6;
    }
    w->barrier = one_in(c, 3);
}

/* All threads fight for the same page or the same few pages. */
static void plan_hot(struct chance *c, struct plan *p) {
    struct program_wish *w = &p->wish[0];

    program(c, w);
    w->pages = between(c, 1, 4);
    w->blocks = between(c, 1, 3);
    WEIGH(w, 2, BLOCK_HOT, BLOCK_PUBLISH);
    w->weight[BLOCK_WORK] = one_in(c, 2) ? 1 : 0;
}

static void plan_futex(struct chance *c, struct plan *p) {
    struct program_wish *w = &p->wish[0];

    program(c, w);
    WEIGH(w, 8, BLOCK_LOCK, BLOCK_TIMED_LOCK);
    WEIGH(w, 6, BLOCK_SEMAPHORE);
    WEIGH(w, 2, BLOCK_COUNT, BLOCK_READ, BLOCK_WRITE, BLOCK_CLOCK);
    WEIGH(w, 1, BLOCK_SLEEP);
    w->ring = one_in(c, 2);
}

static void plan_barrier(struct chance *c, struct plan *p) {
    struct program_wish *w = &p->wish[0];

    program(c, w);
    w->rounds = between(c, 3, 15);
    w->blocks = pick(c, 3);
    w->threads = one_in(c, 6) ? between(c, 8, 30) : w->threads;
    WEIGH(w, 2, BLOCK_READ, BLOCK_WRITE, BLOCK_COUNT);
    WEIGH(w, 1, BLOCK_SLEEP);
    w->barrier = true;
}

static void plan_threads(struct chance *c, struct plan *p) {
    struct program_wish *w = &p->wish[0];

    program(c, w);
    WEIGH(w, 4, BLOCK_CHILD);
    WEIGH(w, 2, BLOCK_OUTPUT, BLOCK_INPUT, BLOCK_SIGNAL, BLOCK_FILE);
    WEIGH(w, 1, BLOCK_SLEEP, BLOCK_COUNT, BLOCK_WRITE);
    w->exit_group = one_in(c, 4);
    p->kill_after_us = one_in(c, 6) ? between(c, 2000, 200000) : 0;
}

static void plan_mixed(struct chance *c, struct plan *p) {
    p->jobs = one_in(c, 3) ? 2 : 1;
    for (uint32_t i = 0; i < p->jobs; i++) {
        struct program_wish *w = &p->wish[i];
        program(c, w);
        for (uint32_t k = 0; k < BLOCKS; k++) {
            w->weight[k] = (uint8_t)between(c, 1, 4);
        }
        w->own_pages = one_in(c, 3) ? between(c, 1, 6) : 0;
        w->barrier = one_in(c, 2);
        w->ring = one_in(c, 2);
        w->exit_group = one_in(c, 8);
    }
    p->kill_after_us = one_in(c, 10) ? between(c, 2000, 400000) : 0;
}

/* Plain accesses under heavy faults, from the founding to the end. */
static void plan_traffic(struct chance *c, struct plan *p) {
    program(c, &p->wish[0]);
    WEIGH(&p->wish[0], 1, BLOCK_READ, BLOCK_WRITE, BLOCK_COUNT, BLOCK_OUTPUT);
    p->faults.loss = between(c, 50, 500);
    p->faults.duplicate = pick(c, 200);
    p->faults.reorder = pick(c, 500);
    p->faults.corrupt = pick(c, 100);
    p->faults_for_us = 120000000;
}

/* As many copies as frames, and more: they must give way, owned pages never do. */
static void plan_pressure(struct chance *c, struct plan *p) {
    struct program_wish *w = &p->wish[0];

    program(c, w);
    w->threads = between(c, 3, 8);
    w->pages = between(c, 1, 12);
    w->syncs = 1;
    w->own_pages = between(c, 8, 20);
    w->rounds = between(c, 1, 2);
    w->blocks = between(c, 2, 4);
    WEIGH(w, 2, BLOCK_SCAN);
    WEIGH(w, 1, BLOCK_WRITE, BLOCK_COUNT, BLOCK_LOCK, BLOCK_HOT, BLOCK_GATHER);
    w->loops = between(c, 3, 8);
    w->weight[BLOCK_PUBLISH] = one_in(c, 2) ? 1 : 0;
    w->barrier = one_in(c, 2);
    p->tight = true;
    p->starved = one_in(c, 5);
}

/* Areas mapped over and over under the hands of those who use them. */
static void plan_remap(struct chance *c, struct plan *p) {
    struct program_wish *w = &p->wish[0];

    p->pcs = between(c, 3, 5);
    p->expect = (uint16_t)p->pcs;
    program(c, w);
    w->threads = between(c, 3, 7);
    WEIGH(w, 8, BLOCK_REPLACE);
    WEIGH(w, 2, BLOCK_SHARE, BLOCK_MAP);
    WEIGH(w, 1, BLOCK_WRITE, BLOCK_REMAP, BLOCK_PROTECT);
}

/* More threads on a node than a message names, more long messages than the link takes at once. */
static void plan_crowd(struct chance *c, struct plan *p) {
    struct program_wish *w = &p->wish[0];

    p->pcs = between(c, 1, 3);
    p->expect = (uint16_t)p->pcs;
    program(c, w);
    w->threads = between(c, 30, 90); /* fewer than SIM_SLOTS_MAX: children need slots too */
    w->rounds = between(c, 2, 3);
    w->blocks = between(c, 1, 2);
    WEIGH(w, 20, BLOCK_OUTPUT);
    WEIGH(w, one_in(c, 3) ? 20 : 1, BLOCK_MAP, BLOCK_CHILD);
    WEIGH(w, 1, BLOCK_LOCK, BLOCK_COUNT, BLOCK_SLEEP);
    w->barrier = true;
    w->ring = one_in(c, 3);
    p->faults.delay_min_us = 800; /* all write at once, and no answer comes before */
    p->faults.delay_max_us = 1500;
    p->resend_every_us = 0; /* GAP: more than LOOPBACK_MAX messages of a node to itself */
}

/* More jobs than the cluster takes; the others run beside each other. */
static void plan_jobs(struct chance *c, struct plan *p) {
    p->jobs = one_in(c, 2) ? SIM_JOBS_MAX : between(c, 3, SIM_JOBS_MAX);
    for (uint32_t i = 0; i < p->jobs; i++) {
        program(c, &p->wish[i]);
        p->wish[i].threads = between(c, 1, 3);
        p->wish[i].rounds = 1;
        WEIGH(&p->wish[i], 1, BLOCK_WRITE, BLOCK_COUNT, BLOCK_LOCK, BLOCK_OUTPUT, BLOCK_MAP);
    }
    p->kill_after_us = one_in(c, 3) ? between(c, 2000, 40000) : 0;
    p->resend_every_us = one_in(c, 2) ? between(c, 100, 1000) : 0;
}

static void plan_founding(struct chance *c, struct plan *p) {
    p->pcs = between(c, 1, PCS_MAX);
    p->expect = one_in(c, 2) && p->pcs > 1 ? (uint16_t)between(c, 2, p->pcs) : 0;
    p->start_spread_us = one_in(c, 2) ? 1 : between(c, 1000, 5000000);
    p->jobs = 0;
    p->founding_only = true;
}

/* ---- the plan -------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    void (*plan)(struct chance *c, struct plan *p);
    uint32_t weight; /* of the default's choice */
} scenarios[] = {
    {"memory", plan_memory, 4},   {"hot", plan_hot, 2},         {"futex", plan_futex, 4},
    {"barrier", plan_barrier, 2}, {"threads", plan_threads, 3}, {"mixed", plan_mixed, 4},
    {"traffic", plan_traffic, 2}, {"founding", plan_founding, 2},
    {"pressure", plan_pressure, 3}, {"crowd", plan_crowd, 1},     {"jobs", plan_jobs, 1},
    {"remap", plan_remap, 2},
};
enum { SCENARIOS = sizeof(scenarios) / sizeof(scenarios[0]) };

void scenario_list(void) {
    for (uint32_t i = 0; i < SCENARIOS; i++) {
        printf("%s\n", scenarios[i].name);
    }
}

/* Draws once in both cases, so that a seed's history does not depend on who named its scenario. */
static uint32_t choose(struct chance *c, const char *name) {
    uint32_t sum = 0, i = 0;

    for (uint32_t k = 0; k < SCENARIOS; k++) {
        sum += scenarios[k].weight;
    }
    uint32_t point = pick(c, sum);

    if (name != NULL && strcmp(name, "default") != 0) {
        while (i < SCENARIOS && strcmp(scenarios[i].name, name) != 0) {
            i++;
        }
        return i;
    }
    while (point >= scenarios[i].weight) {
        point -= scenarios[i++].weight;
    }
    return i;
}

/* Sometimes barely one slot more than threads: hosts refuse, clone must look elsewhere. */
static uint32_t slots_for(struct chance *c, uint32_t threads, uint32_t pcs, bool tight) {
    uint32_t many = 2 * threads / pcs + 3;
    uint32_t few = threads / pcs + 2;
    uint32_t slots = one_in(c, 4) && !tight ? few : many;

    return slots < SIM_SLOTS_MAX ? slots : SIM_SLOTS_MAX;
}

/* Frames: what one node may come to own, what its threads map for themselves, and some that are
 * frozen on their way. Copies beside that must give way. */
static void size_tables(struct chance *c, struct plan *p) {
    uint32_t frames = p->tight ? between(c, 3, 8) : 24, total = 64, threads = 0;

    for (uint32_t i = 0; i < p->jobs; i++) {
        const struct program_wish *w = &p->wish[i];
        uint32_t here = (w->threads + p->pcs - 1) / p->pcs + (p->tight ? 0 : 2);
        uint32_t shared = 4 + w->syncs * 3 + w->pages;
        frames += shared + here * (w->own_pages + (p->tight ? 0 : 5));
        total += shared + w->threads * (w->own_pages + 12);
        threads += w->threads;
    }
    if (one_in(c, 2) && !p->tight) {
        frames += total;
    }
    if (p->starved) {
        frames -= frames / between(c, 2, 8);
    }
    p->limits = (struct limits){.frames = frames,
                                .entries = total,
                                .threads = slots_for(c, threads, p->pcs, p->tight),
                                .waiters = 256,
                                .link_small = 1024,
                                .link_big = 128};
}

bool scenario_plan(uint64_t seed, const char *name, struct plan *plan, const char **chosen) {
    struct chance c = {.random = mix64(seed + 0x5EED) | 1u};
    uint32_t i;

    memset(plan, 0, sizeof(*plan));
    cluster(&c, plan);
    faults(&c, plan);
    plan->jobs = 1;
    i = choose(&c, name);
    if (i == SCENARIOS) {
        return false;
    }
    *chosen = scenarios[i].name;
    plan->resend_every_us = one_in(&c, 5) ? between(&c, 500, 20000) : 0;
    plan->pause_every_us = one_in(&c, 6) ? between(&c, 2000, 200000) : 0;
    plan->output_room = one_in(&c, 4) ? between(&c, 300, 900) : 0;
    scenarios[i].plan(&c, plan);
    size_tables(&c, plan);
    return true;
}
