/* Map and file operations at the job's manager, one at a time per job [P 9.1, 9.2]. What gives
 * rights is answered at once, nodes learn it when they ask. What takes rights away is told to every
 * node first and answered when all have acked; map calls that come meanwhile queue in their
 * threads' rows, so there is always room for them. */
#include "services/job_private.h"

/* Numbers rise and wrap; a thread has one operation under way. */
enum op_order job_op_order(const struct job_thread *t, uint32_t op) {
    if (t->op == op && op != 0) {
        return OP_REPEATED;
    }
    return t->op == 0 || (int32_t)(op - t->op) > 0 ? OP_NEW : OP_STRAGGLER;
}

static void answer(struct node *n, const struct job_entry *e, const struct job_thread *t) {
    struct msg out;

    job_entry_begin(n, e, &out, MSG_JOB_ANSWER);
    out.head.op = t->op;
    out.head.size = (uint16_t)offsetof(struct body_answer, bytes);
    out.answer.thread = t->tid;
    out.answer.token = t->token;
    out.answer.result = t->result;
    out.answer.value = t->value;
    out.answer.value2 = t->value2;
    out.answer.map_version = e->map.version;
    node_send(n, t->seat, &out);
}

/* ---- shrinking ------------------------------------------------------------------------------- */

void job_send_shrink(struct node *n, struct job_entry *e, seat_id seat) {
    struct msg m;

    job_entry_begin(n, e, &m, MSG_JOB_SHRINK);
    m.head.version = e->map.version;
    m.area.first = e->plan.first;
    m.area.pages = e->plan.pages;
    m.area.prot = e->plan.gone ? AREA_GONE : e->plan.prot;
    m.area.birth = e->map.version;
    node_send(n, seat, &m);
}

static void shrink_begin(struct node *n, struct job_entry *e, uint32_t row) {
    jobs_threads(jobs_of(n))[row].state = ROW_SHRINKING;
    e->shrinker = row;
    trace(n, TR_JOB_SHRINK, e->job, e->plan.first, e->plan.pages, e->map.version);
    memset(e->ask_again, 0, sizeof(e->ask_again));
    seats_all_members(n, e->shrinking);
    for (seat_id seat = 0; seat < SEATS_MAX; seat++) {
        if (seats_has(e->shrinking, seat)) {
            job_send_shrink(n, e, seat);
        }
    }
}

/* Who asked for a page that is being mapped anew was not answered: now the map is true again. */
static void tell_to_ask_again(struct node *n, const struct job_entry *e) {
    struct msg m;

    for (seat_id seat = 0; seat < SEATS_MAX; seat++) {
        if (seats_has(e->ask_again, seat)) {
            job_entry_begin(n, e, &m, MSG_JOB_AREA);
            m.area.prot = AREA_AGAIN;
            node_send(n, seat, &m);
        }
    }
}

void job_on_shrunk(struct node *n, const struct msg *m, const struct msg_from *from) {
    struct job_entry *e = job_entry_find(n, m);

    if (e == NULL || e->state != ENTRY_OPEN || e->shrinker == ROW_NONE ||
        m->head.version != e->map.version || !seats_has(e->shrinking, from->seat)) {
        return;
    }
    seats_drop(e->shrinking, from->seat);
    if (!seats_none(e->shrinking)) {
        return;
    }
    struct job_thread *t = &jobs_threads(jobs_of(n))[e->shrinker];

    map_finish(&e->map, &e->plan);
    t->state = ROW_DONE;
    t->result = e->shrink_result;
    e->shrinker = ROW_NONE;
    answer(n, e, t);
    tell_to_ask_again(n, e);
    job_drain(n, e);
}

/* ---- map calls ------------------------------------------------------------------------------- */

static void map_call(struct node *n, struct job_entry *e, uint32_t row) {
    struct job_thread *t = &jobs_threads(jobs_of(n))[row];

    t->state = ROW_DONE;
    t->result = map_begin(&e->map, t->arg[0], &t->arg[1], &e->plan);
    t->value = 0;
    t->value2 = 0;
    if (e->plan.pages != 0) {
        e->shrink_result = t->result;
        shrink_begin(n, e, row);
        return;
    }
    answer(n, e, t);
}

static void queue(struct node *n, struct job_entry *e, uint32_t row) {
    struct job_thread *t = jobs_threads(jobs_of(n));

    t[row].state = ROW_QUEUED;
    t[row].next = ROW_NONE;
    if (e->first_queued == ROW_NONE) {
        e->first_queued = row;
    } else {
        t[e->last_queued].next = row;
    }
    e->last_queued = row;
}

void job_drain(struct node *n, struct job_entry *e) {
    struct jobs *j = jobs_of(n);

    for (uint32_t i = 0; i < DRAIN_MAX; i++) {
        uint32_t row = e->first_queued;
        if (row == ROW_NONE || e->shrinker != ROW_NONE) {
            return;
        }
        e->first_queued = jobs_threads(j)[row].next;
        map_call(n, e, row);
    }
    j->drain_wanted = 1;
}

static void file_call(struct node *n, struct job_entry *e, struct job_thread *t) {
    struct file_result r = files_call(&e->files, t->arg[0], &t->arg[1]);

    t->state = ROW_DONE;
    t->result = r.result;
    t->value = r.value;
    t->value2 = r.value2;
    answer(n, e, t);
}

void job_on_call(struct node *n, const struct msg *m) {
    struct job_entry *e = job_entry_find(n, m);
    uint32_t row = job_thread_find(n, key_job(m->head.key), m->call.thread);

    if (e == NULL || e->state != ENTRY_OPEN || row == ROW_NONE) {
        return;
    }
    struct job_thread *t = &jobs_threads(jobs_of(n))[row];
    enum op_order order = job_op_order(t, m->head.op);

    if (order == OP_STRAGGLER || (order == OP_REPEATED && t->state != ROW_DONE)) {
        return; /* under way: its answer comes */
    }
    if (order == OP_REPEATED) {
        answer(n, e, t);
        return;
    }
    if (t->state != ROW_DONE) {
        node_refuse(n, "a second call of a thread", m->call.thread, m->head.op);
        return;
    }
    t->op = m->head.op;
    t->token = m->call.token;
    memcpy(t->arg, m->call.arg, sizeof(t->arg));
    if (m->call.call == CALL_FILE) {
        file_call(n, e, t);
    } else if (e->shrinker != ROW_NONE || e->first_queued != ROW_NONE) {
        queue(n, e, row);
    } else {
        map_call(n, e, row);
    }
}

/* ---- queries --------------------------------------------------------------------------------- */

void job_on_query(struct node *n, const struct msg *m, const struct msg_from *from) {
    struct job_entry *e = job_entry_find(n, m);
    page_no page = m->area.page;
    struct msg out;

    if (e == NULL || e->state != ENTRY_OPEN) {
        return;
    }
    if (e->shrinker != ROW_NONE && e->plan.add.pages != 0 && page >= e->plan.first &&
        page - e->plan.first < e->plan.pages) {
        seats_add(e->ask_again, from->seat);
        return;
    }
    const struct area *a = area_find(&e->map.areas, page);

    job_entry_begin(n, e, &out, MSG_JOB_AREA);
    out.head.version = e->map.version;
    out.area.page = page;
    out.area.prot = AREA_GONE;
    if (a != NULL) {
        out.area.first = a->first;
        out.area.pages = a->pages;
        out.area.prot = a->prot;
        out.area.birth = a->birth;
    } else {
        area_hole(&e->map.areas, page, &out.area.first, &out.area.pages);
    }
    node_send(n, from->seat, &out);
}
