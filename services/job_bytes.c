/* Bytes of files: they belong to the origin, whose world has the files [D 2]. A thread asks for up
 * to FILE_GET_MAX bytes and gets them in pieces as long as a call may carry, one behind the other
 * without waiting. The origin asks its world for one piece of a job at a time, in the order of the
 * requests, and keeps at most FILE_PARTS_MAX pieces of all jobs on their way. As with the streams,
 * requests are never sent again: the link between two living nodes delivers them once. */
#include "services/job_private.h"

/* ---- requester ------------------------------------------------------------------------------- */

/* slot->result counts the bytes that have come. */
void job_on_file_get(struct node *n, const struct event_call *call) {
    struct thread_slot *slot = threads_call(n, call);
    struct msg m;

    if (slot == NULL) {
        return;
    }
    if (call->arg[2] == 0 || call->arg[2] > FILE_GET_MAX) {
        threads_wake(n, call->token, call->arg[2] == 0 ? 0 : -ERR_INVALID);
        return;
    }
    slot->result = 0;
    threads_set(n, call->token, SLOT_ASKED);
    job_msg_begin(n, &m, MSG_JOB_FILE, key_make(SERVICE_JOB, slot->job, 0));
    m.head.op = slot->op;
    m.head.size = (uint16_t)offsetof(struct body_call, bytes);
    m.call.thread = slot->tid;
    m.call.token = call->token;
    m.call.call = CALL_FILE_GET;
    memcpy(m.call.arg, slot->arg, sizeof(m.call.arg));
    node_send(n, job_origin_of(n, slot->job), &m);
}

/* answer.value: where the piece begins; value2: 1 for the last one, whose result is the call's. */
void job_on_bytes(struct node *n, const struct msg *m) {
    struct thread_slot *slot = threads_waiting(n, &m->head, m->answer.token, m->answer.thread);
    uint32_t size = m->answer.size;

    if (slot == NULL || slot->state != SLOT_ASKED || slot->call != CALL_FILE_GET) {
        return;
    }
    if (m->answer.value != (uint32_t)slot->result || size > slot->arg[2] - (uint32_t)slot->result) {
        node_refuse(n, "a piece of a file that nobody wants", m->answer.value, size);
        return;
    }
    if (size != 0) {
        struct effect *e = node_effect(n, FX_FILE_PART);
        e->token = m->answer.token;
        e->job = slot->job;
        e->value = m->answer.value;
        node_effect_bytes(n, e, m->answer.bytes, size);
        slot->result += (int32_t)size;
    }
    if (m->answer.value2 != 0) {
        threads_wake(n, m->answer.token, m->answer.result < 0 ? m->answer.result : slot->result);
    }
}

/* ---- origin ---------------------------------------------------------------------------------- */

static uint32_t piece_bytes(const struct job_reader *r, const struct job_local *l) {
    uint32_t left = r->most - l->getter_done;

    return left < CALL_BYTES_MAX ? left : CALL_BYTES_MAX;
}

/* Tickets name the row, as those of stdin do. */
static void ask_world(struct node *n, struct job_local *l) {
    struct jobs *j = jobs_of(n);
    const struct job_reader *r = &jobs_readers(j)[l->first_getter];

    l->file_ticket = (uint32_t)(l - j->local) << 24 | (++j->tickets & 0xFFFFFFu);
    l->file_asked = 1;
    j->file_parts++;
    struct effect *e = node_effect(n, FX_FILE_WANTED);

    e->job = l->job;
    e->value = l->file_ticket;
    e->arg[0] = r->file;
    e->arg[1] = r->offset + l->getter_done;
    e->arg[2] = piece_bytes(r, l);
}

/* One piece for each job that wants some, by turns, while there is room for pieces. */
static void ask_for_all(struct node *n) {
    struct jobs *j = jobs_of(n);

    for (uint32_t i = 0; i < JOBS_MAX && j->file_parts < FILE_PARTS_MAX; i++) {
        j->file_turn = (j->file_turn + 1) % JOBS_MAX;
        struct job_local *l = &j->local[j->file_turn];
        if (l->state == LOCAL_OPEN && l->first_getter != ROW_NONE && !l->file_asked) {
            ask_world(n, l);
        }
    }
}

void job_on_file(struct node *n, const struct msg *m, const struct msg_from *from) {
    struct job_local *l = job_local_open(n, m);
    uint32_t most = m->call.arg[2] < FILE_GET_MAX ? m->call.arg[2] : FILE_GET_MAX;

    if (l == NULL || l->origin != node_seat(n)) {
        return;
    }
    if (most == 0 || most > UINT32_MAX - m->call.arg[1]) {
        node_refuse(n, "no bytes of a file, or bytes behind 4 GB", m->call.arg[1], most);
        return;
    }
    uint32_t row = job_waiter_take(n, l, m, from, most);

    if (row != ROW_NONE) {
        jobs_readers(jobs_of(n))[row].file = m->call.arg[0];
        jobs_readers(jobs_of(n))[row].offset = m->call.arg[1];
        job_waiter_append(n, row, &l->first_getter, &l->last_getter);
        ask_for_all(n);
    }
}

/* The first getter gets this piece; the last one of it ends its call. */
static void send_piece(struct node *n, struct job_local *l, const struct event_call *call,
                       uint32_t size) {
    const struct job_reader *r = &jobs_readers(jobs_of(n))[l->first_getter];
    int32_t result = (int32_t)call->arg[1] < 0 ? (int32_t)call->arg[1] : 0;
    bool last = result < 0 || size < piece_bytes(r, l) || l->getter_done + size == r->most;
    struct msg out;

    job_answer_begin(n, l, &out, result);
    out.head.type = MSG_JOB_BYTES;
    out.head.op = r->op;
    out.head.size = (uint16_t)(offsetof(struct body_answer, bytes) + size);
    out.answer.thread = r->tid;
    out.answer.token = r->token;
    out.answer.value = l->getter_done;
    out.answer.value2 = last ? 1 : 0;
    out.answer.size = size;
    if (size != 0) {
        memcpy(out.answer.bytes, call->bytes, size);
    }
    node_send_page(n, r->seat, &out, (struct frame_ref){FRAME_NONE, 0, 0}, JOB_COOKIE_FILE);
    l->getter_done += size;
    if (last) {
        job_waiter_drop_first(n, l, &l->first_getter);
        l->getter_done = 0;
    }
}

void job_on_file_bytes(struct node *n, const struct event_call *call) {
    struct jobs *j = jobs_of(n);
    struct job_local *l = call->arg[0] >> 24 < JOBS_MAX ? &j->local[call->arg[0] >> 24] : NULL;

    if (l == NULL || !l->file_asked || l->file_ticket != call->arg[0]) {
        return; /* the job is over, or that ticket was answered */
    }
    uint32_t wanted = piece_bytes(&jobs_readers(j)[l->first_getter], l);
    uint32_t size = (int32_t)call->arg[1] < 0 ? 0 : call->size;

    if (size > wanted) {
        node_refuse(n, "more of a file than was wanted", size, wanted);
        size = wanted;
    }
    l->file_asked = 0;
    send_piece(n, l, call, size);
    ask_for_all(n);
}

void job_file_acked(struct node *n) {
    struct jobs *j = jobs_of(n);

    ASSERT(j->file_parts > 0);
    j->file_parts--;
    ask_for_all(n);
}

void job_getters_drop(struct node *n, struct job_local *l) {
    while (l->first_getter != ROW_NONE) {
        job_waiter_drop_first(n, l, &l->first_getter);
    }
    l->getter_done = 0;
    if (l->file_asked) {
        l->file_asked = 0;
        jobs_of(n)->file_parts--;
    }
}
