/* Futexes and barriers at the node of the thread that asks [P 9.3]. The state of the thread's slot
 * says what is under way (services/threads.h); every answer names its operation, so what fits no
 * slot is a straggler. */
#include "services/sync_private.h"

static uint64_t key_of(const struct thread_slot *slot) {
    uint32_t address = slot->call == CALL_EXIT ? slot->arg[1] : slot->arg[0];
    uint64_t kind = slot->call == CALL_BARRIER ? SYNC_KIND_BARRIER : 0;

    return key_make(SERVICE_SYNC, slot->job, address / 4 | kind);
}

static void request(struct node *n, token_no token, enum msg_type type) {
    const struct thread_slot *slot = threads_slot(n, token);
    struct msg m;

    job_msg_begin(n, &m, type, key_of(slot));
    m.head.op = slot->op;
    m.sync.thread = slot->tid;
    m.sync.token = token;
    m.sync.bitset = 0xFFFFFFFFu;
    if (slot->call == CALL_EXIT) {
        m.sync.count = 1;
    } else if (slot->call == CALL_FUTEX_WAIT) {
        m.sync.bitset = slot->arg[1];
    } else if (slot->call == CALL_FUTEX_WAKE) { /* none or fewer wakes one: Linux counts first and
                                                   compares then */
        m.sync.count = (int32_t)slot->arg[1] > 0 ? slot->arg[1] : 1;
        m.sync.bitset = slot->arg[2];
    } else {
        m.sync.count = slot->arg[1];
    }
    adaptation_send(n, &m);
}

void sync_exit_wake(struct node *n, token_no token, uint32_t address) {
    ASSERT(threads_slot(n, token)->arg[1] == address);
    request(n, token, MSG_FUTEX_WAKE);
}

/* ---- calls ----------------------------------------------------------------------------------- */

static void cancel(struct node *n, token_no token, int32_t result) {
    threads_slot(n, token)->result = result;
    threads_set(n, token, SLOT_FUTEX_CANCEL);
    request(n, token, MSG_FUTEX_CANCEL);
}

static void on_compared(struct node *n, const struct event_call *call) {
    struct thread_slot *slot = threads_slot(n, call->token);

    if (slot != NULL && slot->state == SLOT_FUTEX_WOKEN) {
        threads_wake(n, call->token, 0); /* the wake came first and wins */
        return;
    }
    if (slot == NULL || slot->state != SLOT_FUTEX_COMPARE) {
        node_refuse(n, "a comparison that nobody asked for", call->token, call->arg[0]);
        return;
    }
    if (call->arg[0] == 0) {
        bool is_errno = call->arg[1] > 0 && call->arg[1] < 4096;
        cancel(n, call->token, is_errno ? -(int32_t)call->arg[1] : -ERR_AGAIN);
        return;
    }
    threads_set(n, call->token, SLOT_FUTEX_WAIT);
    if (slot->deadline_us == 0) {
        return;
    }
    if (slot->deadline_us <= node_cluster_now_us(n)) {
        cancel(n, call->token, -ERR_TIMED_OUT);
        return;
    }
    threads_timer(n, slot->deadline_us);
}

/* Answers the call at once if its arguments are none. */
static bool is_refused(struct node *n, const struct event_call *call) {
    bool is_bad = call->arg[0] % 4 != 0 || (call->op == CALL_FUTEX_WAIT && call->arg[1] == 0) ||
                  (call->op == CALL_FUTEX_WAKE && call->arg[2] == 0) ||
                  (call->op == CALL_BARRIER && (call->arg[1] == 0 || call->arg[1] > INT32_MAX));

    if (is_bad) {
        threads_wake(n, call->token, -ERR_INVALID);
    }
    return is_bad;
}

void sync_on_call(struct node *n, const struct event_call *call) {
    if (call->op == CALL_FUTEX_COMPARED) {
        on_compared(n, call);
        return;
    }
    if (threads_call(n, call) == NULL || is_refused(n, call)) {
        return;
    }
    bool is_wait = call->op == CALL_FUTEX_WAIT;

    threads_set(n, call->token, is_wait ? SLOT_FUTEX_ASKED : SLOT_ASKED);
    request(n, call->token,
            is_wait                       ? MSG_FUTEX_WAIT
            : call->op == CALL_FUTEX_WAKE ? MSG_FUTEX_WAKE
                                          : MSG_BARRIER_ARRIVE);
}

/* ---- answers --------------------------------------------------------------------------------- */

/* A wait that was sent again after its answer had been forgotten: nobody waits here, so nobody may
 * be woken for it. */
static void disown(struct node *n, const struct msg *m) {
    struct msg out = *m;

    out.head.type = MSG_FUTEX_CANCEL;
    adaptation_send(n, &out);
}

void sync_on_queued(struct node *n, const struct msg *m) {
    const struct thread_slot *slot = threads_waiting(n, &m->head, m->sync.token, m->sync.thread);

    if (slot == NULL) {
        disown(n, m);
        return;
    }
    if (slot->state != SLOT_FUTEX_ASKED) {
        return;
    }
    threads_set(n, m->sync.token, SLOT_FUTEX_COMPARE);
    struct effect *e = node_effect(n, FX_FUTEX_COMPARE);

    e->token = m->sync.token;
    e->job = slot->job;
}

/* COMPARE: the world is looking at the word, and hears of the wake when it has answered. CANCEL:
 * the manager has given this wake to the next waiter, or will. */
static void woken(struct node *n, const struct msg *m, const struct woken_row *row) {
    struct msg_head head = m->head;

    head.op = row->op;
    const struct thread_slot *slot = threads_waiting(n, &head, row->token, row->thread);

    if (slot == NULL) {
        return;
    }
    if (slot->state == SLOT_FUTEX_COMPARE) {
        threads_set(n, row->token, SLOT_FUTEX_WOKEN);
    } else if (slot->state == SLOT_FUTEX_WAIT || slot->state == SLOT_FUTEX_ASKED) {
        threads_wake(n, row->token, 0);
    }
}

void sync_on_woken(struct node *n, const struct msg *m) {
    for (uint32_t i = 0; i < m->woken.count && i < WOKEN_MAX; i++) {
        woken(n, m, &m->woken.row[i]);
    }
}

void sync_on_cancelled(struct node *n, const struct msg *m) {
    const struct thread_slot *slot = threads_waiting(n, &m->head, m->sync.token, m->sync.thread);

    if (slot != NULL && slot->state == SLOT_FUTEX_CANCEL) {
        threads_wake(n, m->sync.token, slot->result);
    }
}

void sync_on_answer(struct node *n, const struct msg *m) {
    const struct thread_slot *slot = threads_waiting(n, &m->head, m->sync.token, m->sync.thread);

    if (slot == NULL) {
        return;
    }
    if (slot->state == SLOT_EXIT_WAKE) {
        threads_exit_end(n, m->sync.token);
    } else if (slot->state == SLOT_ASKED || slot->state == SLOT_FUTEX_ASKED) {
        threads_wake(n, m->sync.token, m->sync.result);
    }
}

/* ---- barriers -------------------------------------------------------------------------------- */

/* The newest generation released of each barrier, for a manager that must be rebuilt [P 9.10]. */
static void remember(struct node *n, const struct msg *m) {
    struct sync *s = sync_of(n);
    uint64_t index = key_index(m->head.key);
    uint32_t i = 0;

    while (i < BARRIERS_SEEN_MAX &&
           (s->seen[i].job != key_job(m->head.key) || s->seen[i].index != index)) {
        i++;
    }
    if (i == BARRIERS_SEEN_MAX) {
        i = s->seen_next++ % BARRIERS_SEEN_MAX;
        s->seen[i] = (struct barrier_seen){.index = index, .job = key_job(m->head.key)};
    }
    if ((int32_t)(m->woken.generation - s->seen[i].generation) > 0) {
        s->seen[i].generation = m->woken.generation;
    }
}

void sync_on_release(struct node *n, const struct msg *m) {
    struct msg_head head = m->head;

    remember(n, m);
    for (uint32_t i = 0; i < m->woken.count && i < WOKEN_MAX; i++) {
        const struct woken_row *row = &m->woken.row[i];
        head.op = row->op;
        const struct thread_slot *slot = threads_waiting(n, &head, row->token, row->thread);
        if (slot != NULL && slot->state == SLOT_ASKED && slot->call == CALL_BARRIER) {
            threads_wake(n, row->token, i == m->woken.serial);
        }
    }
}

/* ---- time and views -------------------------------------------------------------------------- */

void sync_timeouts(struct node *n) {
    struct thread_slot *slot;

    if (!threads_timer_is_due(n)) {
        return;
    }
    for (token_no token = 0; (slot = threads_slot(n, token)) != NULL; token++) {
        if (slot->state == SLOT_FUTEX_WAIT && slot->deadline_us != 0 &&
            slot->deadline_us <= node_cluster_now_us(n)) {
            cancel(n, token, -ERR_TIMED_OUT);
        }
    }
}

static enum msg_type pending_of(const struct thread_slot *slot) {
    switch (slot->state) {
    case SLOT_FUTEX_ASKED:
    case SLOT_FUTEX_COMPARE:
    case SLOT_FUTEX_WAIT:
        return MSG_FUTEX_WAIT;
    case SLOT_FUTEX_CANCEL:
        return MSG_FUTEX_CANCEL;
    case SLOT_EXIT_WAKE:
        return MSG_FUTEX_WAKE;
    case SLOT_ASKED:
        return slot->call == CALL_FUTEX_WAKE ? MSG_FUTEX_WAKE
               : slot->call == CALL_BARRIER  ? MSG_BARRIER_ARRIVE
                                             : MSG_NONE;
    default:
        return MSG_NONE;
    }
}

void sync_requests_resend(struct node *n) {
    const struct thread_slot *slot;

    for (token_no token = 0; (slot = threads_slot(n, token)) != NULL; token++) {
        if (pending_of(slot) != MSG_NONE) {
            request(n, token, pending_of(slot));
        }
    }
}
