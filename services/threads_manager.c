/* The entries of threads (who lives where) at their managers, and signals, which go there first
 * [P 9.6, 9.8].
 *
 * A thread that its manager does not know may be newborn (AT is still on its way) or gone: the
 * job's manager knows every thread from the moment it gave the tid away, so such a signal is passed
 * on to it and decided there. */
#include "services/job_private.h"
#include "services/threads_private.h"

enum { SIGNAL_MAX = 64 };

static uint32_t entry_find(struct threads *t, job_id job, thread_id tid) {
    struct rows *index = threads_index(t);
    uint32_t row = rows_first(index, rows_hash(job, tid));

    while (row != ROW_NONE &&
           (threads_entries(t)[row].job != job || threads_entries(t)[row].tid != tid)) {
        row = rows_next(index, row);
    }
    return row;
}

static bool is_newer(uint32_t version, uint32_t than) {
    return (int32_t)(version - than) > 0;
}

void threads_on_at(struct node *n, const struct msg *m, const struct msg_from *from) {
    struct threads *t = threads_of(n);
    job_id job = key_job(m->head.key);
    thread_id tid = m->place.thread;
    uint32_t row = entry_find(t, job, tid);

    if (row != ROW_NONE && !is_newer(m->head.version, threads_entries(t)[row].version)) {
        return;
    }
    if (row == ROW_NONE) {
        row = rows_take(threads_index(t), rows_hash(job, tid));
    }
    if (row == ROW_NONE) {
        node_refuse(n, "more threads than all slots of the cluster", tid, from->seat);
        return;
    }
    threads_entries(t)[row] = (struct thread_entry){
        .job = job, .seat = from->seat, .tid = tid, .version = m->head.version};
}

static void entry_drop(struct threads *t, uint32_t row) {
    struct thread_entry *e = &threads_entries(t)[row];

    rows_give(threads_index(t), rows_hash(e->job, e->tid), row);
    memset(e, 0, sizeof(*e));
}

void threads_on_gone(struct node *n, const struct msg *m, const struct msg_from *from) {
    struct threads *t = threads_of(n);
    uint32_t row = entry_find(t, key_job(m->head.key), m->place.thread);

    if (row != ROW_NONE && threads_entries(t)[row].seat == from->seat) {
        entry_drop(t, row);
    }
}

void threads_entries_drop(struct node *n, job_id job) {
    struct threads *t = threads_of(n);

    for (uint32_t row = 0; row < threads_index(t)->capacity; row++) {
        if (threads_entries(t)[row].job == job) {
            entry_drop(t, row);
        }
    }
}

/* ---- signals --------------------------------------------------------------------------------- */

/* Linux's default action: true ends the process. 17 CHLD, 18 CONT, 23 URG, 28 WINCH are ignored; 19
 * … 22 would stop it, and there is no job control here: ignored. 0 only asks. */
static bool ends_job(uint32_t signal) {
    return signal != 0 && signal != 23 && signal != 28 && (signal < 17 || signal > 22);
}

void threads_on_kill(struct node *n, const struct event_call *call) {
    if (threads_call(n, call) == NULL) {
        return;
    }
    if (call->arg[1] > SIGNAL_MAX) {
        threads_wake(n, call->token, -ERR_INVALID);
        return;
    }
    if (call->arg[0] == 0) {
        threads_wake(n, call->token, -ERR_NO_PROCESS);
        return;
    }
    threads_set(n, call->token, SLOT_ASKED);
    threads_send_signal(n, call->token);
}

void threads_send_signal(struct node *n, token_no token) {
    const struct thread_slot *slot = threads_slot(n, token);
    struct msg m;

    job_msg_begin(n, &m, MSG_THREAD_SIGNAL, key_make(SERVICE_THREADS, slot->job, slot->arg[0]));
    m.head.op = slot->op;
    m.sync.thread = slot->tid;
    m.sync.token = token;
    m.sync.target = slot->arg[0];
    m.sync.count = slot->arg[1];
    adaptation_send(n, &m);
}

void threads_on_signal(struct node *n, const struct msg *m) {
    job_id job = key_job(m->head.key);
    bool at_job = key_service(m->head.key) == SERVICE_JOB;
    bool is_known = at_job ? job_has_thread(n, job, m->sync.target)
                           : entry_find(threads_of(n), job, m->sync.target) != ROW_NONE;
    struct msg out = *m;

    if (!is_known && !at_job) {
        out.head.key = key_make(SERVICE_JOB, job, 0);
        adaptation_send(n, &out);
        return;
    }
    out.head.type = MSG_THREAD_ANSWER;
    out.sync.result = is_known ? 0 : -ERR_NO_PROCESS;
    node_send(n, m->head.seat, &out);
    if (is_known && ends_job(m->sync.count)) {
        job_end(n, job, m->sync.count);
    }
}

void threads_on_answer(struct node *n, const struct msg *m) {
    const struct thread_slot *slot = threads_waiting(n, &m->head, m->sync.token, m->sync.thread);

    if (slot != NULL && slot->state == SLOT_ASKED && slot->call == CALL_KILL_THREAD) {
        threads_wake(n, m->sync.token, m->sync.result);
    }
}
