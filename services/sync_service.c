/* The sync service's plug-in: memory, dispatch. */
#include "services/sync_private.h"

/* Every thread of the cluster may wait here, each at an address of its own. */
static uint32_t rows_for(const struct limits *limits) {
    return limits->threads * MEMBERS_MAX + SYNC_KEPT_ROWS;
}

static uint32_t entries_for(const struct limits *limits) {
    return limits->threads * MEMBERS_MAX + SYNC_IDLE_ENTRIES;
}

static uint32_t aligned(uint32_t bytes) {
    return (bytes + 7u) & ~7u;
}

static uint32_t lay_out(struct sync *s, const struct limits *limits) {
    uint32_t at = aligned((uint32_t)sizeof(*s));

    s->rows_index_at = at;
    at += rows_bytes(rows_for(limits));
    s->rows_at = at;
    at += aligned(rows_for(limits) * (uint32_t)sizeof(struct sync_row));
    s->entries_index_at = at;
    at += rows_bytes(entries_for(limits));
    s->entries_at = at;
    return at + aligned(entries_for(limits) * (uint32_t)sizeof(struct sync_entry));
}

static uint32_t state_bytes(const struct limits *limits) {
    struct sync s;

    return lay_out(&s, limits);
}

static void init(struct node *n, void *state, const struct limits *limits) {
    struct sync *s = state;

    (void)n;
    lay_out(s, limits);
    s->kept = (struct sync_list){ROW_NONE, ROW_NONE};
    rows_init(sync_rows_index(s), rows_for(limits));
    rows_init(sync_entries_index(s), entries_for(limits));
}

static void on_event(struct node *n, const struct event *ev) {
    if (ev->type != EV_CALL) {
        return;
    }
    switch (ev->call.op) {
    case CALL_FUTEX_WAIT:
    case CALL_FUTEX_COMPARED:
    case CALL_FUTEX_WAKE:
    case CALL_BARRIER:
        sync_on_call(n, &ev->call);
        break;
    default:
        break; /* another service's */
    }
}

static void on_message(struct node *n, const struct msg *m, const struct msg_from *from) {
    if (!job_is_current(n, m)) {
        return; /* a straggler of a job that is over */
    }
    switch (m->head.type) {
    case MSG_FUTEX_WAIT:
        sync_on_wait(n, m);
        break;
    case MSG_FUTEX_QUEUED:
        sync_on_queued(n, m);
        break;
    case MSG_FUTEX_CANCEL:
        sync_on_cancel(n, m);
        break;
    case MSG_FUTEX_CANCELLED:
        sync_on_cancelled(n, m);
        break;
    case MSG_FUTEX_WAKE:
        sync_on_wake(n, m);
        break;
    case MSG_FUTEX_WOKEN:
        sync_on_woken(n, m);
        break;
    case MSG_BARRIER_ARRIVE:
        sync_on_arrive(n, m);
        break;
    case MSG_BARRIER_RELEASE:
        sync_on_release(n, m);
        break;
    case MSG_SYNC_ANSWER:
        sync_on_answer(n, m);
        break;
    default:
        node_refuse(n, "no message of the sync service", m->head.type, from->seat);
    }
}

static void on_job_close(struct node *n, job_id job) {
    sync_drop_job(sync_of(n), job);
}

static bool busy(const struct node *n) {
    return sync_counts(n).entries != 0;
}

struct sync_counts sync_counts(const struct node *n) {
    const struct sync *s = node_state_const(n, SERVICE_SYNC);
    const struct rows *rows = (const void *)((const uint8_t *)s + s->rows_index_at);
    const struct rows *entries = (const void *)((const uint8_t *)s + s->entries_index_at);

    return (struct sync_counts){
        .entries = entries->used, .waiting = s->waiting, .known = rows->used - s->waiting};
}

const struct service_ops sync_service = {
    .name = "sync",
    .state_bytes = state_bytes,
    .init = init,
    .on_message = on_message,
    .on_event = on_event,
    .on_tick = sync_timeouts,
    .resend = sync_requests_resend,
    .on_job_close = on_job_close,
    .busy = busy,
};
