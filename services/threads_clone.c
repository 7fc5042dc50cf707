/* The birth of a thread: clone asks the job's manager for a tid and a place, sends the record there
 * as a transfer that stays frozen here until the host confirms it, and returns the tid then
 * [P 7.4, 9.6]. In between the world writes the tid into the caller's memory if it is asked for
 * there: before the child can run, since that memory may be the child's own. A host without a free
 * slot refuses; the manager is asked again with that seat excluded, so the last refusal ends in
 * EAGAIN.
 *
 * Races with the job's end: JOB_CLOSE frees the parent's slot (HERE and PLACED then fit nothing),
 * and a MOVE that reaches a host behind its JOB_CLOSE is a straggler. In both orders no thread is
 * left. */
#include "services/job_private.h"
#include "services/threads_private.h"

static void send_at(struct node *n, token_no token, uint32_t version) {
    const struct thread_slot *slot = threads_slot(n, token);
    struct msg m;

    job_msg_begin(n, &m, MSG_THREAD_AT, key_make(SERVICE_THREADS, slot->job, slot->tid));
    m.head.version = version;
    m.place.thread = slot->tid;
    m.place.seat = node_seat(n);
    adaptation_send(n, &m);
}

void threads_start_main(struct node *n, token_no token, thread_id tid) {
    struct thread_slot *slot = threads_slot(n, token);

    ASSERT(slot->state == SLOT_BOOKED);
    slot->tid = tid;
    slot->generation = job_generation(n, slot->job);
    threads_set(n, token, SLOT_READY);
    struct effect *e = node_effect(n, FX_THREAD_START);

    e->token = token;
    e->job = slot->job;
    e->value = tid;
    send_at(n, token, 1);
}

void threads_on_clone(struct node *n, const struct event_call *call) {
    struct thread_slot *slot = threads_call(n, call);

    if (slot == NULL) {
        return;
    }
    if (call->size == 0 || call->size > RECORD_BYTES_MAX) {
        threads_wake(n, call->token, -ERR_INVALID);
        return;
    }
    slot->child = 0;
    memset(slot->refused, 0, sizeof(slot->refused));
    threads_set(n, call->token, SLOT_PLACING);
    threads_place(n, call->token);
}

void threads_place(struct node *n, token_no token) {
    const struct thread_slot *slot = threads_slot(n, token);
    struct msg m;

    ASSERT(slot->state == SLOT_PLACING);
    job_msg_begin(n, &m, MSG_THREAD_PLACE, key_make(SERVICE_JOB, slot->job, 0));
    m.head.op = slot->op;
    m.place.thread = slot->child;
    m.place.parent = slot->tid;
    m.place.token = token;
    memcpy(m.place.refused, slot->refused, sizeof(m.place.refused));
    adaptation_send(n, &m);
}

void threads_on_placed(struct node *n, const struct msg *m) {
    struct thread_slot *slot = threads_waiting(n, &m->head, m->place.token, m->place.parent);

    if (slot == NULL || slot->state != SLOT_PLACING) {
        return;
    }
    if (m->place.result < 0) {
        threads_wake(n, m->place.token, m->place.result);
        return;
    }
    if (!seats_is_member(n, m->place.seat)) {
        node_refuse(n, "a place that is no member's", m->place.seat, m->place.thread);
        return;
    }
    slot->child = m->place.thread;
    slot->seat = m->place.seat;
    if (slot->arg[0] != 0) {
        threads_set(n, m->place.token, SLOT_CLONE_TID);
        struct effect *e = node_effect(n, FX_CLONE_TID);
        e->token = m->place.token;
        e->job = slot->job;
        e->value = slot->child;
        return;
    }
    threads_move(n, m->place.token);
}

void threads_on_clone_go(struct node *n, const struct event_call *call) {
    const struct thread_slot *slot = threads_slot(n, call->token);

    if (slot == NULL || slot->state != SLOT_CLONE_TID) {
        node_refuse(n, "a clone goes on that does not wait for its tid", call->op, call->token);
        return;
    }
    threads_move(n, call->token);
}

void threads_move(struct node *n, token_no token) {
    struct thread_slot *slot = threads_slot(n, token);
    struct msg m;

    if (!threads_long_take(n)) {
        threads_set(n, token, SLOT_HELD);
        return;
    }
    threads_set(n, token, SLOT_MOVING);
    job_msg_begin(n, &m, MSG_THREAD_MOVE, key_make(SERVICE_THREADS, slot->job, slot->child));
    m.head.op = slot->op;
    m.head.version = 1;
    m.head.size = (uint16_t)(offsetof(struct body_thread, record) + slot->size);
    m.thread.thread = slot->child;
    m.thread.parent = slot->tid;
    m.thread.parent_token = token;
    m.thread.size = slot->size;
    memcpy(m.thread.record, slot->bytes, slot->size);
    node_send_page(n, slot->seat, &m, (struct frame_ref){FRAME_NONE, 0, 0}, THREADS_COOKIE_LONG);
}

/* ---- the host -------------------------------------------------------------------------------- */

static bool is_hosted(struct node *n, job_id job, thread_id tid) {
    struct threads *t = threads_of(n);

    for (token_no token = 0; token < t->slots; token++) {
        const struct thread_slot *slot = &threads_slots(t)[token];
        if (slot->state >= SLOT_READY && slot->job == job && slot->tid == tid) {
            return true;
        }
    }
    return false;
}

static void host(struct node *n, token_no token, const struct msg *m) {
    struct thread_slot *slot = threads_slot(n, token);

    slot->job = key_job(m->head.key);
    slot->generation = m->head.generation;
    slot->tid = m->thread.thread;
    slot->op = m->thread.op;
    threads_set(n, token, SLOT_READY);
    struct effect *e = node_effect(n, FX_THREAD_START);

    e->token = token;
    e->job = slot->job;
    e->value = slot->tid;
    node_effect_bytes(n, e, m->thread.record, m->thread.size);
    send_at(n, token, m->head.version);
}

void threads_on_move(struct node *n, const struct msg *m, const struct msg_from *from) {
    bool is_repeat = is_hosted(n, key_job(m->head.key), m->thread.thread);
    token_no token = is_repeat ? TOKEN_NONE : threads_slot_take(n);
    struct msg answer;

    if (m->thread.size == 0 || m->thread.thread == 0) {
        node_refuse(n, "a thread without a record or a number", from->seat, m->thread.thread);
        return;
    }
    if (token != TOKEN_NONE) {
        host(n, token, m);
    }
    job_msg_begin(n, &answer, MSG_THREAD_HERE, m->head.key);
    answer.head.op = m->head.op;
    answer.head.version = m->head.version;
    answer.place.thread = m->thread.thread;
    answer.place.parent = m->thread.parent;
    answer.place.token = m->thread.parent_token;
    answer.place.result = is_repeat || token != TOKEN_NONE ? 0 : -ERR_AGAIN;
    node_send(n, from->seat, &answer);
}

/* ---- the sender again ------------------------------------------------------------------------ */

void threads_on_here(struct node *n, const struct msg *m) {
    struct thread_slot *slot = threads_waiting(n, &m->head, m->place.token, m->place.parent);

    if (slot == NULL || slot->state != SLOT_MOVING || slot->child != m->place.thread) {
        return;
    }
    if (m->place.result == 0) {
        threads_wake(n, m->place.token, (int32_t)slot->child);
        return;
    }
    slot->refused[slot->seat / 32] |= 1u << slot->seat % 32;
    slot->op++;
    threads_set(n, m->place.token, SLOT_PLACING);
    threads_place(n, m->place.token);
}
