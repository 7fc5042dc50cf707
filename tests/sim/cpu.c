/* Scheduling on a simulated PC, after kernel/thread.c and kernel/pump.c: see cpu.h. What an
 * instruction does stands in instructions.c, what a call does in calls.c. */
#include "tests/sim/cpu.h"

#include "tests/sim/failure.h"
#include "tests/sim/world.h"

enum { SLICE_MAX = 40 }; /* instructions of a slice, ours: short, so that threads mix */

void cpu_init(struct cpu *c, uint32_t slots) {
    memset(c, 0, sizeof(*c));
    c->slots = slots;
    c->current = TOKEN_NONE;
    for (uint32_t i = 0; i < SIM_SLOTS_MAX; i++) {
        c->thread[i].token = i;
    }
}

struct sim_thread *cpu_thread(struct pc *pc, token_no token) {
    if (token >= pc->cpu.slots) {
        sim_fail("cpu", "n%u: thread slot %u of %u", pc->index + 1, token, pc->cpu.slots);
    }
    return &pc->cpu.thread[token];
}

static void take_out(struct cpu *c, uint32_t slot) {
    uint32_t to = 0;

    for (uint32_t i = 0; i < c->queued; i++) {
        if (c->queue[i] != slot) {
            c->queue[to++] = c->queue[i];
        }
    }
    c->queued = to;
}

static void push(struct cpu *c, uint32_t slot, bool first) {
    if (first) {
        memmove(&c->queue[1], &c->queue[0], c->queued * sizeof(c->queue[0]));
        c->queue[0] = slot;
    } else {
        c->queue[c->queued] = slot;
    }
    c->queued++;
}

void cpu_ready(struct world *w, struct pc *pc, struct sim_thread *t, bool first) {
    if (t->state == SIM_READY) {
        sim_fail("simulator", "slot %u is ready already", t->token);
    }
    t->state = SIM_READY;
    push(&pc->cpu, t->token, first);
    world_wake_cpu(w, pc);
}

void cpu_wait(struct world *w, struct pc *pc, struct sim_thread *t, enum sim_thread_state state) {
    t->state = (uint8_t)state;
    t->since_us = w->now_us;
    take_out(&pc->cpu, t->token);
}

void cpu_stop(struct pc *pc, struct sim_thread *t) {
    token_no token = t->token;

    take_out(&pc->cpu, token);
    if (pc->cpu.current == token) {
        pc->cpu.current = TOKEN_NONE;
    }
    memset(t, 0, sizeof(*t));
    t->token = token;
}

uint32_t cpu_missing(const struct pc *pc, const struct sim_thread *t, const struct page_set *set) {
    for (uint32_t i = 0; i < set->count; i++) {
        if (memory_right(&pc->memory, t->job, set->page[i]) < (enum access)set->right[i]) {
            return i;
        }
    }
    return set->count;
}

void cpu_tell_ran(struct world *w, struct pc *pc, struct sim_thread *t) {
    struct event ev = {.type = EV_RAN, .ran = {t->token}};

    t->holds = false;
    t->ran = false;
    world_step(w, pc, &ev);
}

void cpu_fault(struct world *w, struct pc *pc, struct sim_thread *t, const struct page_set *set) {
    uint32_t i = cpu_missing(pc, t, set);

    if (t->holds && t->ran && !t->in_call) {
        cpu_tell_ran(w, pc, t); /* the kernel entry of this very fault */
        i = cpu_missing(pc, t, set); /* what was held may have gone just now */
    }
    cpu_wait(w, pc, t, SIM_FAULT);
    for (; i < set->count && t->state == SIM_FAULT; i++) {
        struct event ev = {.type = EV_FAULT,
                           .fault = {t->token, set->page[i], set->right[i]}};
        if (memory_right(&pc->memory, t->job, set->page[i]) < (enum access)set->right[i]) {
            world_step(w, pc, &ev);
        }
        if (!t->in_call) {
            return;
        }
    }
}

/* The next thread: one whose page has come, else the others in turn. */
static struct sim_thread *next(struct cpu *c) {
    if (c->current != TOKEN_NONE && c->thread[c->current].state == SIM_READY) {
        take_out(c, c->current);
        push(c, c->current, false);
    }
    c->current = TOKEN_NONE;
    if (c->queued == 0) {
        return NULL;
    }
    uint32_t slot = c->queue[0];

    take_out(c, slot);
    c->current = slot;
    return &c->thread[slot];
}

void cpu_run(struct world *w, struct pc *pc) {
    struct sim_thread *t = next(&pc->cpu);
    uint32_t slice = 1 + world_random(w, SLICE_MAX);
    uint32_t took_us = 0;

    pc->cpu.scheduled = false;
    if (t == NULL) {
        return;
    }
    t->ran = false;
    for (uint32_t i = 0; i < slice && t->state == SIM_READY; i++) {
        took_us += cpu_execute(w, pc, t);
    }
    if (t->state == SIM_READY && t->holds && t->ran) {
        cpu_tell_ran(w, pc, t);
    }
    struct cpu *c = &pc->cpu;
    bool goes_on = c->current != TOKEN_NONE && c->thread[c->current].state == SIM_READY;

    if ((goes_on || c->queued != 0) && !c->scheduled) {
        c->scheduled = true;
        world_after(w, 1 + took_us, (struct world_row){.type = WEV_CPU, .pc = pc->index});
    }
}
