/* System calls of simulated programs in two phases, as kernel/syscall*.c has them: prepare makes
 * the pages resident, then one request goes to the core, and its answer ends the call. */
#include "tests/sim/check.h"
#include "tests/sim/failure.h"
#include "tests/sim/world.h"

enum { RECORD_MAGIC = 0x52454331 };

void record_make(struct world *w, struct thread_record *r, uint32_t number, uint32_t entry) {
    memset(r, 0, sizeof(*r));
    r->magic = RECORD_MAGIC;
    r->number = number;
    r->entry = entry;
    r->random = (uint64_t)world_random(w, 0xFFFFFFFF) << 20 | 1;
    for (uint32_t i = 0; i < sizeof(r->rest); i++) {
        r->rest[i] = (uint8_t)(number * 7 + i);
    }
}

void record_check(const struct thread_record *r, uint32_t size) {
    bool wrong = r->magic != RECORD_MAGIC;

    for (uint32_t i = 0; i + offsetof(struct thread_record, rest) < size; i++) {
        wrong = wrong || r->rest[i] != (uint8_t)(r->number * 7 + i);
    }
    if (wrong) {
        sim_fail("place", "a thread has come with another record than it left with (%u bytes)",
                 size);
    }
}

/* ---- one call -------------------------------------------------------------------------------- */

/* The request goes out; the thread waits unless the answer comes in the same step. */
static void ask(struct world *w, struct pc *pc, struct sim_thread *t, struct event_call *call) {
    struct event ev = {.type = EV_CALL};

    if (t->holds && t->ran && !t->asked) {
        cpu_tell_ran(w, pc, t); /* the kernel entry of this call */
    }
    call->token = t->token;
    ev.call = *call;
    t->asked = true;
    cpu_wait(w, pc, t, SIM_CALL);
    world_step(w, pc, &ev);
}

static void finish(struct world *w, struct pc *pc, struct sim_thread *t) {
    t->in_call = false;
    t->asked = false;
    t->answered = false;
    t->compare = false;
    if (t->holds) {
        cpu_tell_ran(w, pc, t);
    }
}

static uint64_t cluster_us(const struct world *w, const struct pc *pc) {
    return node_cluster_us(pc->node, pc_clock_us(w, pc));
}

static uint32_t fill_bytes(struct world *w, struct sim_thread *t, uint32_t op, uint8_t *bytes) {
    struct thread_record record;

    if (op == CALL_CLONE) {
        uint32_t size = (uint32_t)offsetof(struct thread_record, rest) +
                        world_random(w, sizeof(record.rest) + 1);
        record_make(w, &record, (uint32_t)t->reg[1], (uint32_t)t->reg[0]);
        memcpy(bytes, &record, size);
        return size;
    }
    if (op == CALL_WRITE_OUT) {
        return stream_write(t, bytes, (uint32_t)t->reg[1]);
    }
    return 0;
}

static void make_call(struct world *w, struct pc *pc, struct sim_thread *t, uint32_t op,
                      struct event_call *call) {
    call->op = op;
    for (uint32_t i = 0; i < 5; i++) {
        call->arg[i] = (uint32_t)t->reg[i];
    }
    t->deadline_us = 0;
    if (op == CALL_FUTEX_WAIT) {
        call->arg[1] = call->arg[2]; /* the bitset; the expected value stays here */
        t->deadline_us = t->reg[3] == 0 ? 0 : cluster_us(w, pc) + (uint32_t)t->reg[3];
    } else if (op == CALL_SLEEP) {
        t->deadline_us = cluster_us(w, pc) + (uint32_t)t->reg[0];
    } else if (op == CALL_KILL_THREAD && t->reg[0] == -1) {
        call->arg[0] = t->job;
    } else if (op == CALL_CLONE) {
        memset(call->arg, 0, sizeof(call->arg));
        call->arg[0] = t->reg[2] != 0;
    }
    call->deadline_us = t->deadline_us;
}

/* ---- futex wait ------------------------------------------------------------------------------ */

/* The word is resident and was read; false: the thread waits for its page. */
static bool read_word(struct world *w, struct pc *pc, struct sim_thread *t, uint32_t *value) {
    uint32_t address = (uint32_t)t->reg[0];
    struct page_set set = {.count = 1, .page = {address / PAGE_BYTES}, .right = {ACCESS_READ}};

    if (cpu_missing(pc, t, &set) != set.count) {
        cpu_fault(w, pc, t, &set);
        return false;
    }
    *value = *memory_word(&pc->memory, t->job, address);
    check_read(w, pc, t, address, *value);
    return true;
}

static void compare(struct world *w, struct pc *pc, struct sim_thread *t) {
    struct event_call call = {.op = CALL_FUTEX_COMPARED};
    uint32_t value;

    if (read_word(w, pc, t, &value)) {
        t->compare = false;
        call.arg[0] = value == (uint32_t)t->reg[1];
        ask(w, pc, t, &call);
    }
}

/* True: the word differs already, no message is needed. */
static bool differs(struct world *w, struct pc *pc, struct sim_thread *t, bool *waits) {
    uint32_t value;

    *waits = !read_word(w, pc, t, &value);
    return !*waits && value != (uint32_t)t->reg[1];
}

static bool prepare_fails(struct world *w, struct pc *pc, struct sim_thread *t, uint32_t op,
                          bool *waits) {
    *waits = false;
    if (op == CALL_FUTEX_WAIT && differs(w, pc, t, waits)) {
        t->reg[0] = -ERR_AGAIN;
        return true;
    }
    return false;
}

/* CLONE_PARENT_SETTID: the child's tid stands in the parent's memory before the child runs. */
static void write_child_tid(struct world *w, struct pc *pc, struct sim_thread *t) {
    struct event_call call = {.op = CALL_CLONE_GO};
    uint32_t address = (uint32_t)t->reg[2];
    struct page_set set = {.count = 1, .page = {address / PAGE_BYTES}, .right = {ACCESS_WRITE}};

    if (cpu_missing(pc, t, &set) != set.count) {
        cpu_fault(w, pc, t, &set);
        return;
    }
    *memory_word(&pc->memory, t->job, address) = t->child;
    shadow_write(&world_job(w, t->job)->shadow, address, t->child);
    t->child_told = false;
    ask(w, pc, t, &call);
}

/* ---- the whole ------------------------------------------------------------------------------- */

static void take_answer(struct world *w, struct pc *pc, struct sim_thread *t, uint32_t op) {
    check_answer(w, pc, t, op);
    t->reg[0] = t->result;
    t->reg[1] = (int32_t)t->value;
    t->reg[2] = (int32_t)t->value2;
}

bool call_execute(struct world *w, struct pc *pc, struct sim_thread *t, const struct instr *i) {
    uint8_t bytes[CALL_BYTES_MAX];
    struct event_call call = {.bytes = bytes};
    bool waits;

    if (t->failed) {
        sim_fail("program", "thread %u of job %u at %u: a page of call %u was refused", t->number,
                 t->job, t->at, i->n);
    }
    if (t->compare) {
        compare(w, pc, t);
        return false;
    }
    if (t->child_told) {
        write_child_tid(w, pc, t);
        return false;
    }
    if (t->answered) {
        take_answer(w, pc, t, i->n);
        finish(w, pc, t);
        return true;
    }
    t->in_call = true;
    if (prepare_fails(w, pc, t, i->n, &waits)) {
        finish(w, pc, t);
        return true;
    }
    if (!waits) {
        make_call(w, pc, t, i->n, &call);
        call.size = fill_bytes(w, t, i->n, bytes);
        check_call(w, t, &call);
        ask(w, pc, t, &call);
    }
    return false;
}
