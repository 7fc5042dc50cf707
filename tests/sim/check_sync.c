/* Checker: critical sections hold as many threads as they may, a barrier releases all threads of a
 * generation or none and gives 1 to exactly one of them, a futex wait ends for a reason, nothing
 * wakes before its time [P 9.3, 9.4, 9.10]. That no wake-up is lost shows in the program's end. */
#include "tests/sim/check.h"
#include "tests/sim/failure.h"

static struct model *model_of(struct world *w, const struct sim_thread *t) {
    return world_job(w, t->job)->model;
}

void check_section(struct world *w, const struct sim_thread *t, const struct instr *i) {
    uint32_t *inside = &model_of(w, t)->inside[i->a];

    if (i->op == OP_LEAVE) {
        (*inside)--;
    } else if (++*inside > (uint32_t)i->b) {
        sim_fail("section", "%u threads of job %x are in section %u, which takes %d (thread %u)",
                 *inside, t->job, i->a, i->b, t->number);
    }
}

/* ---- barriers -------------------------------------------------------------------------------- */

static uint32_t barrier_of(struct model *m, uint32_t address) {
    for (uint32_t i = 0; i < BARRIERS_MAX; i++) {
        if (m->barrier[i].address == address || m->barrier[i].address == 0) {
            m->barrier[i].address = address;
            return i;
        }
    }
    sim_fail("barrier", "more than %u barriers in one program", (unsigned)BARRIERS_MAX);
}

void check_barrier_call(struct world *w, struct sim_thread *t, const struct event_call *call) {
    struct model *m = model_of(w, t);
    uint32_t b = barrier_of(m, call->arg[0]);

    t->generation = m->barrier[b].generation;
    m->barrier[b].arrived++;
    if (m->barrier[b].arrived == call->arg[1]) {
        m->barrier[b].arrived = 0;
        m->barrier[b].generation++;
    }
}

void check_barrier_answer(struct world *w, struct sim_thread *t) {
    struct model *m = model_of(w, t);
    uint32_t b = barrier_of(m, (uint32_t)t->reg[0]);
    uint32_t of = t->generation % 4;

    if (m->barrier[b].generation == t->generation) {
        sim_fail("barrier", "thread %u of job %x leaves generation %u, where %u of %d have arrived",
                 t->number, t->job, t->generation, m->barrier[b].arrived, t->reg[1]);
    }
    if (t->result != 0 && t->result != 1) {
        sim_fail("barrier", "thread %u of job %x: result %d", t->number, t->job, t->result);
    }
    m->barrier[b].released[of]++;
    m->barrier[b].serials[of] = (uint8_t)(m->barrier[b].serials[of] + t->result);
    if (m->barrier[b].serials[of] > 1 ||
        (m->barrier[b].released[of] == t->reg[1] && m->barrier[b].serials[of] != 1)) {
        sim_fail("barrier", "generation %u of job %x: %u of %u threads were told that they are it",
                 t->generation, t->job, m->barrier[b].serials[of], m->barrier[b].released[of]);
    }
    if (m->barrier[b].released[of] == t->reg[1]) {
        m->barrier[b].released[of] = 0;
        m->barrier[b].serials[of] = 0;
    }
}

/* ---- futexes and time ------------------------------------------------------------------------ */

/* The word of a thread's end: who wakes it there is not told how many it woke. */
static bool is_join(const struct sim_thread *t) {
    return (uint32_t)t->reg[0] / PAGE_BYTES == DATA_PAGE;
}

void check_futex_answer(struct world *w, struct pc *pc, struct sim_thread *t) {
    uint64_t now = node_cluster_us(pc->node, pc_clock_us(w, pc));
    bool timed_out = t->result == -ERR_TIMED_OUT && t->deadline_us != 0 && t->deadline_us <= now;

    if (t->result != 0 && t->result != -ERR_AGAIN && !timed_out) {
        sim_fail("futex", "thread %u of job %x: wait ends with %d, deadline %llu, now %llu",
                 t->number, t->job, t->result, (unsigned long long)t->deadline_us,
                 (unsigned long long)now);
    }
    if (!is_join(t)) {
        model_of(w, t)->woken += t->result == 0;
        model_of(w, t)->cancelled += t->result != 0;
    }
}

/* Cluster time respects cause and effect: who reads what another wrote, has no earlier time than
 * the other had [P 9.9]. */
void check_clock(struct world *w, const struct pc *pc, const struct sim_thread *t, uint32_t last) {
    uint32_t now = (uint32_t)node_cluster_us(pc->node, pc_clock_us(w, pc));

    if (last != 0 && (int32_t)(now - last) < 0) {
        sim_fail("clock", "thread %u of job %x on n%u: it is %u us earlier than when the word was "
                 "written", t->number, t->job, pc->index + 1, last - now);
    }
}

void check_wake_answer(struct world *w, struct sim_thread *t) {
    if (t->result < 0 || t->result > t->reg[1]) {
        sim_fail("futex", "thread %u of job %x: wake of %d gives %d", t->number, t->job, t->reg[1],
                 t->result);
    }
    model_of(w, t)->wakes += is_join(t) ? 0 : (uint32_t)t->result;
}

/* Every wake that a waker was told of has ended one wait, and no other ended one; only a wait that
 * was given up may have taken a wake along, when nobody else waited. */
void check_sync_over(struct world *w, struct sim_job *job) {
    const struct model *m = job->model;

    (void)w;
    if (m->woken > m->wakes || m->wakes > m->woken + m->cancelled) {
        sim_fail("futex", "job %x: %llu waits were woken by %llu wakes, %llu given up", job->job,
                 (unsigned long long)m->woken, (unsigned long long)m->wakes,
                 (unsigned long long)m->cancelled);
    }
}
