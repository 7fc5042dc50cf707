/* The life of a job's entry at its manager: made for the origin, opened at every member, and, after
 * the first reason to end, closed at every member. Nothing of the job runs before all have opened
 * it or after all have closed it. */
#include "services/job_private.h"

/* Bit t of row s: s -> t is legal. */
#define TO(state) (1u << ENTRY_##state)
static const uint8_t entry_legal[ENTRY_STATES] = {
    [ENTRY_FREE] = TO(OPENING),
    [ENTRY_OPENING] = TO(OPEN) | TO(CLOSING),
    [ENTRY_OPEN] = TO(CLOSING),
    [ENTRY_CLOSING] = TO(FREE),
};

void job_entry_set(struct node *n, struct job_entry *e, enum entry_state state) {
    ASSERT(state < ENTRY_STATES && (entry_legal[e->state] >> state & 1u) != 0);

    e->state = (uint8_t)state;
    trace(n, TR_JOB_ENTRY, e->job, (uint32_t)state, e->status, e->threads);
}

struct job_entry *job_entry_find(struct node *n, const struct msg *m) {
    struct jobs *j = jobs_of(n);

    for (uint32_t i = 0; i < JOBS_MAX; i++) {
        struct job_entry *e = &j->entry[i];
        if (e->state != ENTRY_FREE && e->job == key_job(m->head.key) &&
            e->generation == m->head.generation) {
            return e;
        }
    }
    return NULL;
}

/* Of the entry's own generation: the row here may be closed already. */
void job_entry_begin(struct node *n, const struct job_entry *e, struct msg *m, enum msg_type type) {
    msg_begin(n, m, type, key_make(SERVICE_JOB, e->job, 0));
    m->head.generation = e->generation;
}

/* ---- open ------------------------------------------------------------------------------------ */

static void send_open(struct node *n, const struct job_entry *e, seat_id seat) {
    struct msg m;

    job_entry_begin(n, e, &m, MSG_JOB_OPEN);
    m.job_open.origin = e->origin;
    m.job_open.cpu_set = e->cpu_set;
    node_send(n, seat, &m);
}

static void send_made(struct node *n, job_id job, const struct msg *m, int32_t result) {
    struct msg out;

    msg_begin(n, &out, MSG_JOB_MADE, key_make(SERVICE_JOB, job, 0));
    out.head.generation = m->head.generation;
    out.job_open.result = result;
    node_send(n, m->job_open.origin, &out);
}

static void made(struct node *n, const struct job_entry *e, int32_t result) {
    struct msg m;

    job_entry_begin(n, e, &m, MSG_JOB_MADE);
    m.job_open.result = result;
    node_send(n, e->origin, &m);
}

static void to_waiting(struct node *n, struct job_entry *e,
                       void (*send)(struct node *n, const struct job_entry *e, seat_id seat)) {
    for (seat_id seat = 0; seat < SEATS_MAX; seat++) {
        if (seats_has(e->waiting, seat)) {
            send(n, e, seat);
        }
    }
}

/* NULL: none is free, or an older job of this number is not over here. */
static struct job_entry *entry_new(struct node *n, const struct msg *m) {
    struct jobs *j = jobs_of(n);
    struct job_entry *e = NULL;

    for (uint32_t i = 0; i < JOBS_MAX; i++) {
        if (j->entry[i].state == ENTRY_FREE) {
            e = e == NULL ? &j->entry[i] : e;
        } else if (j->entry[i].job == key_job(m->head.key)) {
            return NULL;
        }
    }
    if (e == NULL) {
        return NULL;
    }
    memset(e, 0, sizeof(*e));
    e->job = key_job(m->head.key);
    e->generation = m->head.generation;
    e->origin = m->job_open.origin;
    e->cpu_set = m->job_open.cpu_set;
    e->shrinker = ROW_NONE;
    e->first_queued = ROW_NONE;
    e->last_queued = ROW_NONE;
    map_init(&e->map);
    files_init(&e->files);
    return e;
}

void job_on_new(struct node *n, const struct msg *m) {
    struct job_entry *e = job_entry_find(n, m);

    if (e != NULL) { /* a repeat: MADE comes, or has come and is said again */
        if (e->state == ENTRY_OPEN) {
            made(n, e, 0);
        }
        return;
    }
    if (m->job_open.origin != m->head.seat) {
        node_refuse(n, "a job in another's name", m->job_open.origin, m->head.seat);
        return;
    }
    e = entry_new(n, m);
    if (e == NULL || job_thread_add(n, e, e->job, e->origin) == ROW_NONE) {
        send_made(n, key_job(m->head.key), m, -ERR_NO_SPACE);
        return;
    }
    seats_all_members(n, e->waiting);
    job_entry_set(n, e, ENTRY_OPENING);
    to_waiting(n, e, send_open);
}

void job_on_opened(struct node *n, const struct msg *m, const struct msg_from *from) {
    struct job_entry *e = job_entry_find(n, m);

    if (e == NULL || e->state != ENTRY_OPENING || !seats_has(e->waiting, from->seat)) {
        return;
    }
    seats_drop(e->waiting, from->seat);
    if (m->job_open.result < 0) {
        e->refused = m->job_open.result;
    }
    if (!seats_none(e->waiting)) {
        return;
    }
    if (e->refused < 0) {
        job_entry_close(n, e, 0);
        return;
    }
    job_entry_set(n, e, ENTRY_OPEN);
    made(n, e, 0);
    if (e->end_wanted) {
        job_entry_close(n, e, e->status);
    }
}

/* ---- close ----------------------------------------------------------------------------------- */

static void send_close(struct node *n, const struct job_entry *e, seat_id seat) {
    struct msg m;

    job_entry_begin(n, e, &m, MSG_JOB_CLOSE);
    m.end.status = e->status;
    node_send(n, seat, &m);
}

/* Calls that wait at the manager need no answer: CLOSE empties their slots. */
void job_entry_close(struct node *n, struct job_entry *e, uint32_t status) {
    e->status = status;
    e->shrinker = ROW_NONE;
    e->first_queued = ROW_NONE;
    e->last_queued = ROW_NONE;
    seats_all_members(n, e->waiting);
    job_entry_set(n, e, ENTRY_CLOSING);
    to_waiting(n, e, send_close);
}

void job_on_end(struct node *n, const struct msg *m) {
    struct job_entry *e = job_entry_find(n, m);

    if (e == NULL || e->end_wanted || e->state == ENTRY_CLOSING) {
        return; /* the first status counts */
    }
    e->end_wanted = 1;
    e->status = m->end.status;
    if (e->state == ENTRY_OPEN) {
        job_entry_close(n, e, e->status);
    }
}

void job_on_closed(struct node *n, const struct msg *m, const struct msg_from *from) {
    struct job_entry *e = job_entry_find(n, m);
    struct msg out;

    if (e == NULL || e->state != ENTRY_CLOSING || !seats_has(e->waiting, from->seat)) {
        return;
    }
    seats_drop(e->waiting, from->seat);
    if (!seats_none(e->waiting)) {
        return;
    }
    if (e->refused < 0) {
        made(n, e, e->refused);
    } else {
        job_entry_begin(n, e, &out, MSG_JOB_EXITED);
        out.end.status = e->status;
        node_send(n, e->origin, &out);
    }
    job_threads_drop(n, e->job);
    job_entry_set(n, e, ENTRY_FREE);
}

void job_entries_resend(struct node *n) {
    struct jobs *j = jobs_of(n);

    for (uint32_t i = 0; i < JOBS_MAX; i++) {
        struct job_entry *e = &j->entry[i];
        if (e->state == ENTRY_OPENING) {
            to_waiting(n, e, send_open);
        } else if (e->state == ENTRY_CLOSING) {
            to_waiting(n, e, send_close);
        }
        for (seat_id seat = 0; seat < SEATS_MAX && e->shrinker != ROW_NONE; seat++) {
            if (e->state == ENTRY_OPEN && seats_has(e->shrinking, seat)) {
                job_send_shrink(n, e, seat);
            }
        }
    }
}
