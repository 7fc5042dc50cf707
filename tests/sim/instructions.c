/* What each instruction of a simulated program does: computes the pages that it touches, faults
 * when one is missing, and else does all of it at once, read and write checked against the shadow.
 * Accesses of several pages happen only when all are present in one go, as on a real CPU. */
#include "tests/sim/check.h"
#include "tests/sim/failure.h"
#include "tests/sim/world.h"

static uint32_t address_of(const struct sim_thread *t, const struct instr *i) {
    return i->index == NO_INDEX ? i->a : i->a + 4 * (uint32_t)t->reg[i->index];
}

static bool writes(const struct instr *i) {
    switch (i->op) {
    case OP_STORE:
    case OP_STORE_IMM:
    case OP_XADD:
    case OP_XCHG:
    case OP_CAS:
    case OP_CLOCK:
    case OP_POKE:
    case OP_NO_WRITE:
        return true;
    default:
        return false;
    }
}

/* A word of the program: checked, then changed. */
static uint32_t load(struct world *w, struct pc *pc, struct sim_thread *t, uint32_t address) {
    uint32_t value = *memory_word(&pc->memory, t->job, address);

    check_read(w, pc, t, address, value);
    return value;
}

static void store(struct world *w, struct pc *pc, struct sim_thread *t, uint32_t address,
                  uint32_t value) {
    *memory_word(&pc->memory, t->job, address) = value;
    shadow_write(&world_job(w, t->job)->shadow, address, value);
}

static void do_word(struct world *w, struct pc *pc, struct sim_thread *t, const struct instr *i) {
    uint32_t address = address_of(t, i);
    uint32_t value = 0;

    if (i->op == OP_LOOK || i->op == OP_POKE) {
        return;
    }
    if (i->op != OP_STORE && i->op != OP_STORE_IMM) {
        value = load(w, pc, t, address);
    }
    switch (i->op) {
    case OP_STORE:
        store(w, pc, t, address, (uint32_t)t->reg[i->r]);
        return;
    case OP_STORE_IMM:
        store(w, pc, t, address, (uint32_t)i->b);
        return;
    case OP_XADD:
        store(w, pc, t, address, value + (uint32_t)i->b);
        break;
    case OP_XCHG:
        store(w, pc, t, address, (uint32_t)i->b);
        break;
    case OP_CLOCK:
        check_clock(w, pc, t, value);
        store(w, pc, t, address, (uint32_t)node_cluster_us(pc->node, pc_clock_us(w, pc)));
        break;
    case OP_MY_TID:
        if (value != t->tid) {
            sim_fail("place", "thread %u has tid %u; its parent was told %u", t->number, t->tid,
                     value);
        }
        break;
    case OP_CAS:
        if (value == (uint32_t)i->b) {
            store(w, pc, t, address, (uint32_t)i->c);
        }
        break;
    default:
        break;
    }
    t->reg[i->r] = (int32_t)value;
}

/* True when the access may happen now; else the thread waits. */
static bool present(struct world *w, struct pc *pc, struct sim_thread *t,
                    const struct page_set *set) {
    if (cpu_missing(pc, t, set) == set->count) {
        return true;
    }
    cpu_fault(w, pc, t, set);
    return false;
}

static void word_access(struct world *w, struct pc *pc, struct sim_thread *t,
                        const struct instr *i) {
    uint32_t address = address_of(t, i);
    struct page_set set = {.count = 1, .page = {address / PAGE_BYTES}};

    set.right[0] = writes(i) ? ACCESS_WRITE : ACCESS_READ;
    if (t->failed) {
        sim_fail("program", "thread %u of job %u at %u: access of %x was refused", t->number,
                 t->job, t->at, address);
    }
    if (present(w, pc, t, &set)) {
        do_word(w, pc, t, i);
        t->at++;
    }
}

/* The page is not there, or not for this. */
static void refused_access(struct world *w, struct pc *pc, struct sim_thread *t,
                           const struct instr *i) {
    uint32_t address = address_of(t, i);
    struct page_set set = {.count = 1, .page = {address / PAGE_BYTES}};

    set.right[0] = writes(i) ? ACCESS_WRITE : ACCESS_READ;
    if (t->failed) {
        t->failed = false;
        t->at++;
        return;
    }
    if (cpu_missing(pc, t, &set) == set.count) {
        sim_fail("program", "thread %u of job %u on n%u at %u may %s %x, which its map forbids",
                 t->number, t->job, pc->index + 1, t->at, writes(i) ? "write" : "read", address);
    }
    cpu_fault(w, pc, t, &set);
}

static void pages_access(struct world *w, struct pc *pc, struct sim_thread *t,
                         const struct instr *i) {
    struct page_set set = {.count = i->n};

    for (uint32_t k = 0; k < i->n; k++) {
        set.page[k] = i->a / PAGE_BYTES + k * (uint32_t)i->b;
        set.right[k] = (i->c >> k & 1) != 0 ? ACCESS_WRITE : ACCESS_READ;
    }
    if (t->failed) {
        sim_fail("program", "thread %u of job %u at %u: pages from %x were refused", t->number,
                 t->job, t->at, i->a);
    }
    t->in_call = i->op == OP_GATHER;
    if (!present(w, pc, t, &set)) {
        return;
    }
    for (uint32_t k = 0; k < i->n; k++) {
        uint32_t address = set.page[k] * PAGE_BYTES;
        uint32_t value = load(w, pc, t, address);
        if (set.right[k] == ACCESS_WRITE) {
            store(w, pc, t, address, value + 1);
        }
    }
    t->at++;
    if (t->in_call && t->holds) {
        cpu_tell_ran(w, pc, t); /* the call has used its pages */
    }
    t->in_call = false;
}

static void expect(const struct sim_thread *t, const struct instr *i) {
    if (t->reg[i->r] != i->b) {
        sim_fail("program", "thread %u of job %u at %u: r%u is %d and must be %d", t->number,
                 t->job, t->at, i->r, t->reg[i->r], i->b);
    }
}

static void jump(struct sim_thread *t, const struct instr *i) {
    bool taken = i->op == OP_JUMP || (i->op == OP_JUMP_EQ && t->reg[i->r] == i->b) ||
                 (i->op == OP_JUMP_NE && t->reg[i->r] != i->b) ||
                 (i->op == OP_JUMP_LESS && t->reg[i->r] < i->b);

    t->at = taken ? i->a : t->at + 1;
}

static void in_registers(struct world *w, struct sim_thread *t, const struct instr *i) {
    switch (i->op) {
    case OP_SET:
        t->reg[i->r] = i->b;
        break;
    case OP_ADD:
        t->reg[i->r] = (int32_t)((uint32_t)t->reg[i->r] + (uint32_t)i->b);
        break;
    case OP_MOVE:
        t->reg[i->r] = t->reg[i->index];
        break;
    case OP_EXPECT:
        expect(t, i);
        break;
    case OP_ENTER:
    case OP_LEAVE:
        check_section(w, t, i);
        break;
    default:
        break;
    }
    t->at++;
}

uint32_t cpu_execute(struct world *w, struct pc *pc, struct sim_thread *t) {
    const struct program *p = &world_job(w, t->job)->program;
    const struct instr *i = &p->text[t->at];
    uint32_t at = t->at;

    if (t->at >= p->count) {
        sim_fail("program", "thread %u of job %u has run over the end", t->number, t->job);
    }
    if (i->op <= OP_MOVE || i->op == OP_EXPECT || (i->op >= OP_WORK && i->op != OP_STOP)) {
        in_registers(w, t, i);
    } else if (i->op == OP_NO_READ || i->op == OP_NO_WRITE) {
        refused_access(w, pc, t, i);
    } else if (i->op == OP_SPREAD || i->op == OP_GATHER) {
        pages_access(w, pc, t, i);
    } else if (i->op == OP_STOP) {
        cpu_wait(w, pc, t, SIM_PARKED);
    } else if (i->op >= OP_JUMP && i->op <= OP_JUMP_LESS) {
        jump(t, i);
    } else if (i->op != OP_CALL) {
        word_access(w, pc, t, i);
    } else if (call_execute(w, pc, t, i)) {
        t->at++;
    }
    t->ran = t->ran || t->at != at;
    return i->op == OP_WORK ? (uint32_t)i->b + 1 : 1;
}
