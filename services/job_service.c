/* The job service's plug-in: memory, dispatch, what is sent again after a view change. */
#include "services/job_private.h"

/* ---- memory: the struct, then four tables ---------------------------------------------------- */

static uint32_t threads_for(const struct limits *limits) {
    return limits->threads *
           MEMBERS_MAX; /* every thread of the cluster may be of jobs managed here */
}

static uint32_t queries_for(const struct limits *limits) {
    return limits->threads * HOLD_MAX;
}

/* Fills in the offsets; returns the end. Each table is a multiple of 8 bytes. */
static uint32_t lay_out(struct jobs *j, const struct limits *limits) {
    uint32_t rows = threads_for(limits);
    uint32_t at = ((uint32_t)sizeof(*j) + 7u) & ~7u;

    j->threads_index_at = at;
    at += rows_bytes(rows);
    j->threads_at = at;
    at += rows * (uint32_t)sizeof(struct job_thread);
    j->readers_index_at = at;
    at += rows_bytes(rows);
    j->readers_at = at;
    at += rows * (uint32_t)sizeof(struct job_reader);
    j->queries_at = at;
    at += queries_for(limits) * (uint32_t)sizeof(struct job_query);
    return (at + 7u) & ~7u;
}

static uint32_t state_bytes(const struct limits *limits) {
    uint32_t rows = threads_for(limits);
    uint32_t bytes = ((uint32_t)sizeof(struct jobs) + 7u) & ~7u;

    bytes += 2 * rows_bytes(rows);
    bytes += rows * (uint32_t)(sizeof(struct job_thread) + sizeof(struct job_reader));
    bytes += queries_for(limits) * (uint32_t)sizeof(struct job_query);
    return (bytes + 7u) & ~7u;
}

static void init(struct node *n, void *state, const struct limits *limits) {
    struct jobs *j = state;
    uint32_t end = lay_out(j, limits);

    (void)n;
    ASSERT(end == state_bytes(limits));
    j->queries_max = queries_for(limits);
    rows_init(jobs_threads_index(j), threads_for(limits));
    rows_init(jobs_readers_index(j), threads_for(limits));
}

/* ---- events ---------------------------------------------------------------------------------- */

static void send_call(struct node *n, token_no token) {
    const struct thread_slot *slot = threads_slot(n, token);
    struct msg m;

    job_msg_begin(n, &m, MSG_JOB_CALL, key_make(SERVICE_JOB, slot->job, 0));
    m.head.op = slot->op;
    m.head.size = (uint16_t)offsetof(struct body_call, bytes);
    m.call.thread = slot->tid;
    m.call.token = token;
    m.call.call = slot->call;
    memcpy(m.call.arg, slot->arg, sizeof(m.call.arg));
    adaptation_send(n, &m);
}

static void on_manager_call(struct node *n, const struct event_call *call) {
    if (threads_call(n, call) != NULL) {
        threads_set(n, call->token, SLOT_ASKED);
        send_call(n, call->token);
    }
}

/* A fatal fault may end the job in the middle of another call of its thread: then the slot stays as
 * it is, and JOB_CLOSE empties it. */
static void on_exit_group(struct node *n, const struct event_call *call) {
    const struct thread_slot *slot = threads_slot(n, call->token);

    if (slot == NULL || slot->state < SLOT_READY) {
        node_refuse(n, "the end of a job by nobody", call->token, call->arg[0]);
        return;
    }
    if (slot->state == SLOT_READY && threads_call(n, call) != NULL) {
        threads_set(n, call->token, SLOT_ENDING);
    }
    job_end(n, slot->job, call->arg[0]);
}

static void on_event(struct node *n, const struct event *ev) {
    if (ev->type != EV_CALL) {
        return;
    }
    switch (ev->call.op) {
    case CALL_RUN:
        job_on_run(n, &ev->call);
        break;
    case CALL_KILL:
        job_on_kill(n, &ev->call);
        break;
    case CALL_INPUT:
        job_on_input(n, &ev->call);
        break;
    case CALL_FILE_BYTES:
        job_on_file_bytes(n, &ev->call);
        break;
    case CALL_OUTPUT_ROOM:
        job_on_output_room(n, &ev->call);
        break;
    case CALL_MAP:
    case CALL_FILE:
        on_manager_call(n, &ev->call);
        break;
    case CALL_WRITE_OUT:
        job_on_write_out(n, &ev->call);
        break;
    case CALL_READ_IN:
        job_on_read_in(n, &ev->call);
        break;
    case CALL_FILE_GET:
        job_on_file_get(n, &ev->call);
        break;
    case CALL_EXIT_GROUP:
        on_exit_group(n, &ev->call);
        break;
    default:
        break; /* another service's */
    }
}

/* ---- messages -------------------------------------------------------------------------------- */

static void on_answer(struct node *n, const struct msg *m) {
    const struct thread_slot *slot =
        threads_waiting(n, &m->head, m->answer.token, m->answer.thread);

    if (slot == NULL || slot->state != SLOT_ASKED || slot->call == CALL_KILL_THREAD ||
        slot->call == CALL_FILE_GET) {
        return;
    }
    struct effect *e = threads_wake(n, m->answer.token, m->answer.result);

    e->value = m->answer.value;
    e->value2 = m->answer.value2;
    if (m->answer.size != 0) {
        node_effect_bytes(n, e, m->answer.bytes, m->answer.size);
    }
}

static void on_message_of_call(struct node *n, const struct msg *m, const struct msg_from *from) {
    switch (m->head.type) {
    case MSG_JOB_CALL:
        job_on_call(n, m);
        break;
    case MSG_JOB_ANSWER:
        on_answer(n, m);
        break;
    case MSG_JOB_QUERY:
        job_on_query(n, m, from);
        break;
    case MSG_JOB_AREA:
        job_on_area(n, m);
        break;
    case MSG_JOB_SHRINK:
        job_on_shrink(n, m, from);
        break;
    case MSG_JOB_SHRUNK:
        job_on_shrunk(n, m, from);
        break;
    case MSG_JOB_WRITE:
        job_on_write(n, m, from);
        break;
    case MSG_JOB_READ:
        job_on_read(n, m, from);
        break;
    case MSG_JOB_FILE:
        job_on_file(n, m, from);
        break;
    case MSG_JOB_BYTES:
        job_on_bytes(n, m);
        break;
    case MSG_THREAD_PLACE:
        job_on_place(n, m);
        break;
    case MSG_THREAD_END:
        job_on_thread_end(n, m);
        break;
    default:
        node_refuse(n, "no message of the job service", m->head.type, from->seat);
    }
}

static void on_message(struct node *n, const struct msg *m, const struct msg_from *from) {
    switch (m->head.type) {
    case MSG_JOB_NEW:
        job_on_new(n, m);
        break;
    case MSG_JOB_OPEN:
        job_on_open(n, m, from);
        break;
    case MSG_JOB_OPENED:
        job_on_opened(n, m, from);
        break;
    case MSG_JOB_MADE:
        job_on_made(n, m);
        break;
    case MSG_JOB_END:
        job_on_end(n, m);
        break;
    case MSG_JOB_CLOSE:
        job_on_close(n, m, from);
        break;
    case MSG_JOB_CLOSED:
        job_on_closed(n, m, from);
        break;
    case MSG_JOB_EXITED:
        job_on_exited(n, m);
        break;
    default:
        on_message_of_call(n, m, from);
    }
}

static void on_acked(struct node *n, uint32_t cookie, bool lost) {
    (void)lost;
    if (cookie == JOB_COOKIE_WRITE) {
        threads_long_done(n);
    } else if (cookie >= JOB_COOKIE_INPUT && cookie < JOB_COOKIE_INPUT + JOBS_MAX) {
        job_input_acked(n, &jobs_of(n)->local[cookie - JOB_COOKIE_INPUT]);
    } else if (cookie == JOB_COOKIE_FILE) {
        job_file_acked(n);
    }
}

/* ---- time and views -------------------------------------------------------------------------- */

/* No timers: only what was too much for one step goes on in the next. */
static uint64_t deadline_us(const struct node *n) {
    const struct jobs *j = node_state_const(n, SERVICE_JOB);

    return j->drain_wanted ? node_now_us(n) : UINT64_MAX;
}

static void on_tick(struct node *n) {
    struct jobs *j = jobs_of(n);

    if (!j->drain_wanted) {
        return;
    }
    j->drain_wanted = 0;
    for (uint32_t i = 0; i < JOBS_MAX; i++) {
        if (j->entry[i].state == ENTRY_OPEN) {
            job_drain(n, &j->entry[i]);
        }
        if (j->local[i].state == LOCAL_OPEN) {
            job_input_drain(n, &j->local[i]);
            job_output_drain(n, &j->local[i]);
        }
    }
}

static void resend(struct node *n) {
    struct jobs *j = jobs_of(n);
    struct threads_row row;

    for (uint32_t i = 0; i < JOBS_MAX; i++) {
        struct job_local *l = &j->local[i];
        if (l->state == LOCAL_ASKED || l->state == LOCAL_READY) {
            job_send_new(n, l);
        } else if (l->state == LOCAL_OPEN && l->end_wanted) {
            job_send_end(n, l);
        }
    }
    for (token_no token = 0; threads_row(n, token, &row); token++) {
        bool is_ours = row.call == CALL_MAP || row.call == CALL_FILE;
        if (is_ours && threads_slot(n, token)->state == SLOT_ASKED) {
            send_call(n, token);
        }
    }
    job_queries_send(n, 0);
    job_entries_resend(n);
}

static bool busy(const struct node *n) {
    const struct jobs *j = node_state_const(n, SERVICE_JOB);
    bool any = false;

    for (uint32_t i = 0; i < JOBS_MAX; i++) {
        any = any || j->local[i].state != LOCAL_FREE || j->entry[i].state != ENTRY_FREE;
    }
    return any;
}

const struct service_ops job_service = {
    .name = "job",
    .state_bytes = state_bytes,
    .init = init,
    .on_message = on_message,
    .on_event = on_event,
    .on_tick = on_tick,
    .deadline_us = deadline_us,
    .resend = resend,
    .busy = busy,
    .on_acked = on_acked,
};
