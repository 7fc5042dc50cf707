/* What every node keeps of a job: a row with its state here and the areas learnt so far. Opened and
 * closed by the job's manager; closing stops the threads first, then every service drops what it
 * has of the job, then the world its space. */
#include "services/job_private.h"

/* Bit t of row s: s -> t is legal. */
#define TO(state) (1u << LOCAL_##state)
static const uint8_t local_legal[LOCAL_STATES] = {
    [LOCAL_FREE] = TO(ASKED) | TO(OPEN),
    [LOCAL_ASKED] = TO(READY) | TO(FREE),
    [LOCAL_READY] = TO(OPEN) | TO(CLOSED),
    [LOCAL_OPEN] = TO(CLOSED) | TO(FREE),
    [LOCAL_CLOSED] = TO(FREE),
};
static const char *const local_names[LOCAL_STATES] = {
    [LOCAL_FREE] = "free", [LOCAL_ASKED] = "asked",   [LOCAL_READY] = "starting",
    [LOCAL_OPEN] = "open", [LOCAL_CLOSED] = "ending",
};

bool seats_none(const uint32_t set[SEAT_WORDS]) {
    uint32_t any = 0;

    for (uint32_t i = 0; i < SEAT_WORDS; i++) {
        any |= set[i];
    }
    return any == 0;
}

void seats_all_members(const struct node *n, uint32_t set[SEAT_WORDS]) {
    seat_id seats[MEMBERS_MAX];
    uint32_t count = node_members(n, seats);

    memset(set, 0, SEAT_WORDS * sizeof(set[0]));
    for (uint32_t i = 0; i < count; i++) {
        seats_add(set, seats[i]);
    }
}

bool seats_is_member(const struct node *n, seat_id seat) {
    uint32_t set[SEAT_WORDS];

    seats_all_members(n, set);
    return seats_has(set, seat);
}

/* ---- rows ------------------------------------------------------------------------------------ */

static const struct job_local *local_find(const struct jobs *j, job_id job) {
    for (uint32_t i = 0; i < JOBS_MAX; i++) {
        if (j->local[i].state != LOCAL_FREE && j->local[i].job == job) {
            return &j->local[i];
        }
    }
    return NULL;
}

struct job_local *job_local_find(struct node *n, job_id job) {
    return (struct job_local *)local_find(jobs_of(n), job);
}

static bool is_open(const struct job_local *l) {
    return l != NULL && (l->state == LOCAL_READY || l->state == LOCAL_OPEN);
}

struct job_local *job_local_open(struct node *n, const struct msg *m) {
    struct job_local *l = job_local_find(n, key_job(m->head.key));

    return is_open(l) && l->generation == m->head.generation ? l : NULL;
}

struct job_local *job_local_take(struct node *n) {
    struct jobs *j = jobs_of(n);

    for (uint32_t i = 0; i < JOBS_MAX; i++) {
        if (j->local[i].state == LOCAL_FREE) {
            memset(&j->local[i], 0, sizeof(j->local[i]));
            j->local[i].first_reader = ROW_NONE;
            j->local[i].last_reader = ROW_NONE;
            j->local[i].first_writer = ROW_NONE;
            j->local[i].last_writer = ROW_NONE;
            j->local[i].first_getter = ROW_NONE;
            j->local[i].last_getter = ROW_NONE;
            j->local[i].output_room = OUTPUT_ENDLESS;
            j->local[i].main = TOKEN_NONE;
            return &j->local[i];
        }
    }
    return NULL;
}

void job_local_set(struct node *n, struct job_local *l, enum local_state state) {
    ASSERT(state < LOCAL_STATES && (local_legal[l->state] >> state & 1u) != 0);

    l->state = (uint8_t)state;
    trace(n, TR_JOB, l->job, (uint32_t)state, l->end_status, 0);
}

uint16_t job_generation(const struct node *n, job_id job) {
    const struct job_local *l = local_find(node_state_const(n, SERVICE_JOB), job);

    return is_open(l) ? l->generation : 0;
}

bool job_page_is_gone(const struct node *n, job_id job, page_no page, uint16_t birth) {
    const struct job_local *l = local_find(node_state_const(n, SERVICE_JOB), job);

    return l != NULL && page - l->gone_first < l->gone_pages &&
           !job_birth_is_older((uint16_t)l->shrunk, birth);
}

bool job_is_current(const struct node *n, const struct msg *m) {
    uint16_t generation = job_generation(n, key_job(m->head.key));

    return generation != 0 && generation == m->head.generation;
}

job_id job_of_token(const struct node *n, token_no token) {
    struct threads_row row;

    return threads_row(n, token, &row) ? row.job : 0;
}

void job_msg_begin(struct node *n, struct msg *m, enum msg_type type, uint64_t key) {
    msg_begin(n, m, type, key);
    m->head.generation = job_generation(n, key_job(key));
}

/* ---- open and close -------------------------------------------------------------------------- */

static void answer(struct node *n, const struct msg *m, const struct msg_from *from,
                   int32_t result) {
    struct msg out;

    msg_begin(n, &out, m->head.type == MSG_JOB_OPEN ? MSG_JOB_OPENED : MSG_JOB_CLOSED, m->head.key);
    out.head.generation = m->head.generation;
    if (m->head.type == MSG_JOB_OPEN) {
        out.job_open.result = result;
    }
    node_send(n, from->seat, &out);
}

/* The row for a job that another node starts, or the origin's own. NULL: none is free. */
static struct job_local *row_for_open(struct node *n, const struct msg *m) {
    struct job_local *l = job_local_find(n, key_job(m->head.key));

    if (l == NULL) {
        l = job_local_take(n);
    }
    if (l != NULL && l->state == LOCAL_FREE) {
        l->job = key_job(m->head.key);
        l->generation = m->head.generation;
        l->origin = m->job_open.origin;
    }
    return l;
}

void job_on_open(struct node *n, const struct msg *m, const struct msg_from *from) {
    if (!seats_is_member(n, m->job_open.origin)) {
        node_refuse(n, "a job of a stranger", m->job_open.origin, from->seat);
        return;
    }
    struct job_local *l = row_for_open(n, m);

    bool given_up = l != NULL && l->state == LOCAL_FREE && l->origin == node_seat(n);

    if (l == NULL || given_up || l->generation != m->head.generation) {
        answer(n, m, from, -ERR_NO_SPACE); /* full, an older job of this number is not over here,
                                              or a NEW came again that was refused before */
        return;
    }
    if (l->state == LOCAL_FREE || l->state == LOCAL_ASKED) {
        job_local_set(n, l, l->state == LOCAL_FREE ? LOCAL_OPEN : LOCAL_READY);
        struct effect *e = node_effect(n, FX_JOB_OPEN);
        e->job = l->job;
        e->value = l->generation;
    }
    answer(n, m, from, 0);
}

static void close_here(struct node *n, struct job_local *l) {
    static const enum service_no order[] = {SERVICE_THREADS, SERVICE_SYNC, SERVICE_DSM};

    for (uint32_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
        if (service_table[order[i]]->on_job_close != NULL) {
            service_table[order[i]]->on_job_close(n, l->job);
        }
    }
    job_queries_drop(n, l->job);
    job_readers_drop(n, l);
    l->main = TOKEN_NONE; /* booked or started: the threads service has emptied it */
    struct effect *e = node_effect(n, FX_JOB_CLOSE);

    e->job = l->job;
    job_local_set(n, l, l->origin == node_seat(n) ? LOCAL_CLOSED : LOCAL_FREE);
}

void job_on_close(struct node *n, const struct msg *m, const struct msg_from *from) {
    struct job_local *l = job_local_open(n, m);

    if (l != NULL) {
        close_here(n, l);
    }
    answer(n, m, from, 0);
}

/* ---- the end --------------------------------------------------------------------------------- */

void job_send_end(struct node *n, struct job_local *l) {
    struct msg m;

    job_msg_begin(n, &m, MSG_JOB_END, key_make(SERVICE_JOB, l->job, 0));
    m.end.status = l->end_status;
    adaptation_send(n, &m);
}

/* Until the job is open everywhere the origin keeps the wish: threads that start after their end
 * would be left over. */
void job_end(struct node *n, job_id job, uint32_t status) {
    struct job_local *l = job_local_find(n, job);

    if (l == NULL || l->end_wanted || l->state == LOCAL_CLOSED) {
        return;
    }
    l->end_wanted = 1;
    l->end_status = status;
    if (l->state == LOCAL_OPEN) {
        job_send_end(n, l);
    }
}

bool job_row(const struct node *n, uint32_t index, struct job_row *row) {
    const struct jobs *j = node_state_const(n, SERVICE_JOB);

    if (index >= JOBS_MAX) {
        return false;
    }
    const struct job_local *l = &j->local[index];

    *row = (struct job_row){.state = local_names[l->state]};
    if (l->state != LOCAL_FREE) {
        row->job = l->job;
        row->generation = l->generation;
        row->origin = l->origin;
        row->manager = node_manager(n, key_make(SERVICE_JOB, l->job, 0));
        row->areas_known = l->areas.count;
        row->threads = threads_hosted(n, l->job);
    }
    return true;
}
