/* stdin, stdout and stderr: they belong to the origin [D 10]. Output goes there as it is and is
 * answered when it is the world's; what the world has no room for is dropped and answered, with 0
 * bytes taken, when it has. Input is asked of the world for one reader at a time, in order. The
 * origin is one node for the whole job, so these requests are never sent again: the link between
 * two living nodes delivers them once. */
#include "services/job_private.h"

/* ---- requester ------------------------------------------------------------------------------- */

seat_id job_origin_of(struct node *n, job_id job) {
    const struct job_local *l = job_local_find(n, job);

    ASSERT(l != NULL); /* a job with threads here is open here */
    return l->origin;
}

void job_write(struct node *n, token_no token) {
    const struct thread_slot *slot = threads_slot(n, token);
    struct msg m;

    if (!threads_long_take(n)) {
        threads_set(n, token, SLOT_HELD);
        return;
    }
    threads_set(n, token, SLOT_ASKED);
    job_msg_begin(n, &m, MSG_JOB_WRITE, key_make(SERVICE_JOB, slot->job, 0));
    m.head.op = slot->op;
    m.head.size = (uint16_t)(offsetof(struct body_call, bytes) + slot->size);
    m.call.thread = slot->tid;
    m.call.token = token;
    m.call.call = slot->call;
    memcpy(m.call.arg, slot->arg, sizeof(m.call.arg));
    m.call.size = slot->size;
    memcpy(m.call.bytes, slot->bytes, slot->size);
    node_send_page(n, job_origin_of(n, slot->job), &m, (struct frame_ref){FRAME_NONE, 0, 0},
                   JOB_COOKIE_WRITE);
}

void job_on_write_out(struct node *n, const struct event_call *call) {
    if (threads_call(n, call) == NULL) {
        return;
    }
    if (call->size == 0) {
        threads_wake(n, call->token, 0);
        return;
    }
    job_write(n, call->token);
}

void job_on_read_in(struct node *n, const struct event_call *call) {
    struct thread_slot *slot = threads_call(n, call);
    struct msg m;

    if (slot == NULL) {
        return;
    }
    if (call->arg[0] == 0) {
        threads_wake(n, call->token, 0);
        return;
    }
    threads_set(n, call->token, SLOT_ASKED);
    job_msg_begin(n, &m, MSG_JOB_READ, key_make(SERVICE_JOB, slot->job, 0));
    m.head.op = slot->op;
    m.head.size = (uint16_t)offsetof(struct body_call, bytes);
    m.call.thread = slot->tid;
    m.call.token = call->token;
    m.call.call = CALL_READ_IN;
    m.call.arg[0] = slot->arg[0];
    node_send(n, job_origin_of(n, slot->job), &m);
}

/* ---- origin ---------------------------------------------------------------------------------- */

void job_answer_begin(struct node *n, const struct job_local *l, struct msg *m, int32_t result) {
    job_msg_begin(n, m, MSG_JOB_ANSWER, key_make(SERVICE_JOB, l->job, 0));
    m->head.size = (uint16_t)offsetof(struct body_answer, bytes);
    m->answer.result = result;
}

uint32_t job_waiter_take(struct node *n, const struct job_local *l, const struct msg *m,
                         const struct msg_from *from, uint32_t most) {
    struct jobs *j = jobs_of(n);
    uint32_t row = rows_take(jobs_readers_index(j), l->job);

    if (row != ROW_NONE) {
        jobs_readers(j)[row] =
            (struct job_reader){.tid = m->call.thread,
                                .token = m->call.token,
                                .op = m->head.op,
                                .most = most,
                                .next = ROW_NONE,
                                .seat = from->seat,
                                .job = l->job};
    }
    return row;
}

void job_waiter_append(struct node *n, uint32_t row, uint32_t *first, uint32_t *last) {
    if (row == ROW_NONE) {
        return;
    }
    if (*first == ROW_NONE) {
        *first = row;
    } else {
        jobs_readers(jobs_of(n))[*last].next = row;
    }
    *last = row;
}

void job_waiter_drop_first(struct node *n, const struct job_local *l, uint32_t *first) {
    struct jobs *j = jobs_of(n);
    uint32_t row = *first;

    *first = jobs_readers(j)[row].next;
    rows_give(jobs_readers_index(j), l->job, row);
}

/* ---- room for output ------------------------------------------------------------------------- */

struct writers {
    uint32_t promised; /* bytes that writers were told of and have not sent again yet */
    bool waits;        /* somebody has not been told yet */
};

static struct writers look_at_writers(struct node *n, const struct job_local *l) {
    struct writers w = {0};

    for (uint32_t row = l->first_writer; row != ROW_NONE;) {
        const struct job_reader *r = &jobs_readers(jobs_of(n))[row];
        w.promised += r->told ? r->most : 0;
        w.waits = w.waits || !r->told;
        row = r->next;
    }
    return w;
}

static uint32_t free_room(const struct job_local *l, const struct writers *w) {
    return l->output_room > w->promised ? l->output_room - w->promised : 0;
}

/* True when this thread was told to write again: the room is kept for it. Its row goes. */
static bool take_promise(struct node *n, struct job_local *l, const struct msg *m) {
    struct jobs *j = jobs_of(n);
    uint32_t before = ROW_NONE;

    for (uint32_t row = l->first_writer; row != ROW_NONE; row = jobs_readers(j)[row].next) {
        const struct job_reader *r = &jobs_readers(j)[row];
        if (r->told && r->tid == m->call.thread) {
            if (before == ROW_NONE) {
                l->first_writer = r->next;
            } else {
                jobs_readers(j)[before].next = r->next;
            }
            l->last_writer = row == l->last_writer ? before : l->last_writer;
            rows_give(jobs_readers_index(j), l->job, row);
            return true;
        }
        before = row;
    }
    return false;
}

void job_on_write(struct node *n, const struct msg *m, const struct msg_from *from) {
    struct job_local *l = job_local_open(n, m);
    struct msg out;

    if (l == NULL || l->origin != node_seat(n)) {
        return;
    }
    bool was_told = take_promise(n, l, m);
    struct writers w = look_at_writers(n, l);
    bool fits = was_told ? m->call.size <= l->output_room
                         : !w.waits && m->call.size <= free_room(l, &w);

    if (!fits) {
        uint32_t row = job_waiter_take(n, l, m, from, m->call.size);
        job_waiter_append(n, row, &l->first_writer, &l->last_writer);
        return;
    }
    l->output_room -= l->output_room != OUTPUT_ENDLESS ? m->call.size : 0;
    struct effect *e = node_effect(n, FX_OUTPUT);

    e->job = l->job;
    e->value = m->call.arg[0];
    node_effect_bytes(n, e, m->call.bytes, m->call.size);
    job_answer_begin(n, l, &out, (int32_t)m->call.size);
    out.head.op = m->head.op;
    out.answer.thread = m->call.thread;
    out.answer.token = m->call.token;
    node_send(n, from->seat, &out);
}

/* Writers that fit into the room are told to write again, in their order, a few in one step. The
 * room is kept for them until they do: else two that fit one at a time would tell each other to
 * wait for ever. */
void job_output_drain(struct node *n, struct job_local *l) {
    struct writers w = look_at_writers(n, l);
    uint32_t room = free_room(l, &w);
    uint32_t told = 0;

    for (uint32_t row = l->first_writer; row != ROW_NONE;) {
        struct job_reader *r = &jobs_readers(jobs_of(n))[row];
        struct msg out;

        row = r->next;
        if (r->told) {
            continue;
        }
        if (r->most > room) {
            return;
        }
        if (told++ == DRAIN_MAX) {
            jobs_of(n)->drain_wanted = 1;
            return;
        }
        room -= r->most;
        r->told = 1;
        job_answer_begin(n, l, &out, 0);
        out.head.op = r->op;
        out.answer.thread = r->tid;
        out.answer.token = r->token;
        node_send(n, r->seat, &out);
    }
}

void job_on_output_room(struct node *n, const struct event_call *call) {
    struct job_local *l = call->arg[0] <= 0xFFFF ? job_local_find(n, (job_id)call->arg[0]) : NULL;

    if (l != NULL && l->state == LOCAL_OPEN && l->origin == node_seat(n)) {
        l->output_room = call->arg[1];
        job_output_drain(n, l);
    }
}

/* Tickets name the row, so that an answer after the job's end, or a second one, finds nothing. */
static void ask_world(struct node *n, struct job_local *l) {
    struct jobs *j = jobs_of(n);

    if (l->first_reader == ROW_NONE || l->input_asked || l->input_unacked || l->input_over) {
        return;
    }
    l->ticket = (uint32_t)(l - j->local) << 24 | (++j->tickets & 0xFFFFFFu);
    l->input_asked = 1;
    struct effect *e = node_effect(n, FX_INPUT_WANTED);

    e->job = l->job;
    e->value = l->ticket;
    e->value2 = jobs_readers(j)[l->first_reader].most;
}

/* The first reader gets these bytes; none: the end of the file. */
static void reader_answer(struct node *n, struct job_local *l, const uint8_t *bytes,
                          uint32_t size) {
    const struct job_reader *r = &jobs_readers(jobs_of(n))[l->first_reader];
    uint32_t cookie = size != 0 ? JOB_COOKIE_INPUT + (uint32_t)(l - jobs_of(n)->local) : 0;
    struct msg out;

    job_answer_begin(n, l, &out, (int32_t)size);
    out.head.op = r->op;
    out.head.size = (uint16_t)(offsetof(struct body_answer, bytes) + size);
    out.answer.thread = r->tid;
    out.answer.token = r->token;
    out.answer.size = size;
    if (size != 0) {
        memcpy(out.answer.bytes, bytes, size);
        l->input_unacked = 1;
    }
    node_send_page(n, r->seat, &out, (struct frame_ref){FRAME_NONE, 0, 0}, cookie);
    job_waiter_drop_first(n, l, &l->first_reader);
}

/* After the end of the file every reader gets nothing, a few in one step. */
void job_input_drain(struct node *n, struct job_local *l) {
    for (uint32_t i = 0; l->input_over && l->first_reader != ROW_NONE; i++) {
        if (i == DRAIN_MAX) {
            jobs_of(n)->drain_wanted = 1;
            return;
        }
        reader_answer(n, l, NULL, 0);
    }
}

void job_on_read(struct node *n, const struct msg *m, const struct msg_from *from) {
    struct job_local *l = job_local_open(n, m);

    if (l == NULL || l->origin != node_seat(n)) {
        return;
    }
    uint32_t most = m->call.arg[0] < CALL_BYTES_MAX ? m->call.arg[0] : CALL_BYTES_MAX;
    uint32_t row = job_waiter_take(n, l, m, from, most);

    job_waiter_append(n, row, &l->first_reader, &l->last_reader);
    ask_world(n, l);
    job_input_drain(n, l);
}

void job_on_input(struct node *n, const struct event_call *call) {
    struct jobs *j = jobs_of(n);
    struct job_local *l = call->arg[0] >> 24 < JOBS_MAX ? &j->local[call->arg[0] >> 24] : NULL;

    if (l == NULL || !l->input_asked || l->ticket != call->arg[0] || l->first_reader == ROW_NONE) {
        return; /* the job is over, or that ticket was answered */
    }
    uint32_t most = jobs_readers(j)[l->first_reader].most;

    if (call->size > most) {
        node_refuse(n, "more input than was wanted", call->size, most);
    }
    l->input_asked = 0;
    l->input_over = call->size == 0;
    if (call->size != 0) {
        reader_answer(n, l, call->bytes, call->size < most ? call->size : most);
    }
    job_input_drain(n, l);
}

void job_input_acked(struct node *n, struct job_local *l) {
    if (l->state ==
        LOCAL_OPEN) { /* else the job is over, perhaps another one is starting in its row */
        l->input_unacked = 0;
        ask_world(n, l);
    }
}

void job_readers_drop(struct node *n, struct job_local *l) {
    while (l->first_reader != ROW_NONE) {
        job_waiter_drop_first(n, l, &l->first_reader);
    }
    while (l->first_writer != ROW_NONE) {
        job_waiter_drop_first(n, l, &l->first_writer);
    }
    l->input_asked = 0;
    job_getters_drop(n, l);
}
