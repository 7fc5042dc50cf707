/* The threads of a job at its manager: tids, places, ends. A row is made when the tid is given
 * away, before the thread exists anywhere, and lives until its END: so the manager always knows
 * whom it may hear from, and each row keeps its thread's last operation with its result [P
 * 9.10]. */
#include "services/job_private.h"

/* Children's tids: above every job_id, which is the main thread's tid and the pid. */
enum { TID_FIRST_CHILD = 0x10001, TID_LAST = 0x3FFFFFFF /* Linux's FUTEX_TID_MASK */ };

uint32_t job_thread_find(struct node *n, job_id job, thread_id tid) {
    struct jobs *j = jobs_of(n);
    uint32_t row = rows_first(jobs_threads_index(j), rows_hash(job, tid));

    while (row != ROW_NONE &&
           (jobs_threads(j)[row].job != job || jobs_threads(j)[row].tid != tid)) {
        row = rows_next(jobs_threads_index(j), row);
    }
    return row;
}

uint32_t job_thread_add(struct node *n, struct job_entry *e, thread_id tid, seat_id seat) {
    struct jobs *j = jobs_of(n);
    uint32_t row = rows_take(jobs_threads_index(j), rows_hash(e->job, tid));

    if (row != ROW_NONE) {
        jobs_threads(j)[row] =
            (struct job_thread){.job = e->job, .seat = seat, .tid = tid, .next = ROW_NONE};
        e->threads++;
        e->per_seat[seat]++;
    }
    return row;
}

static void thread_remove(struct node *n, struct job_entry *e, uint32_t row) {
    struct jobs *j = jobs_of(n);
    struct job_thread *t = &jobs_threads(j)[row];

    ASSERT(e->threads > 0 && e->per_seat[t->seat] > 0);
    ASSERT(t->state == ROW_DONE); /* it exits, so no call of it waits */
    e->threads--;
    e->per_seat[t->seat]--;
    rows_give(jobs_threads_index(j), rows_hash(t->job, t->tid), row);
    memset(t, 0, sizeof(*t));
}

void job_threads_drop(struct node *n, job_id job) {
    struct jobs *j = jobs_of(n);

    for (uint32_t row = 0; row < jobs_threads_index(j)->capacity; row++) {
        struct job_thread *t = &jobs_threads(j)[row];
        if (t->job == job) {
            rows_give(jobs_threads_index(j), rows_hash(t->job, t->tid), row);
            memset(t, 0, sizeof(*t));
        }
    }
}

bool job_has_thread(struct node *n, job_id job, thread_id tid) {
    return tid == job || job_thread_find(n, job, tid) != ROW_NONE;
}

/* ---- place ----------------------------------------------------------------------------------- */

/* Fewest threads of the job; among equals the parent's own seat last, else the lowest [P 9.6]. */
static seat_id seat_choose(const struct node *n, const struct job_entry *e, const struct msg *m) {
    seat_id seats[MEMBERS_MAX];
    uint32_t count = node_members(n, seats);
    seat_id best = SEAT_NONE;

    for (uint32_t i = 0; i < count; i++) {
        seat_id seat = seats[i];
        if (seats_has(m->place.refused, seat)) {
            continue;
        }
        bool is_better = best == SEAT_NONE || e->per_seat[seat] < e->per_seat[best] ||
                         (e->per_seat[seat] == e->per_seat[best] && best == m->head.seat);
        best = is_better ? seat : best;
    }
    return best;
}

static void send_placed(struct node *n, const struct msg *m, const struct job_thread *parent) {
    struct msg out;

    msg_begin(n, &out, MSG_THREAD_PLACED, key_make(SERVICE_THREADS, parent->job, parent->tid));
    out.head.generation = m->head.generation;
    out.head.op = parent->op;
    out.place.parent = parent->tid;
    out.place.token = m->place.token;
    out.place.result = parent->result;
    out.place.thread = parent->value;
    out.place.seat = (seat_id)parent->value2;
    node_send(n, m->head.seat, &out);
}

static void place(struct node *n, struct job_entry *e, const struct msg *m,
                  struct job_thread *parent) {
    seat_id seat = seat_choose(n, e, m);
    thread_id tid = TID_FIRST_CHILD + e->next_tid;
    uint32_t row =
        seat != SEAT_NONE && tid <= TID_LAST ? job_thread_add(n, e, tid, seat) : ROW_NONE;

    parent->value = 0;
    parent->value2 = 0;
    parent->result = -ERR_AGAIN;
    if (row != ROW_NONE) {
        e->next_tid++;
        parent->result = 0;
        parent->value = tid;
        parent->value2 = seat;
    }
}

/* The tid that a full host refused was never a thread: its row goes before another one is made. */
static void forget_refused(struct node *n, struct job_entry *e, const struct msg *m) {
    uint32_t row =
        m->place.thread != m->place.parent ? job_thread_find(n, e->job, m->place.thread) : ROW_NONE;

    if (row != ROW_NONE && jobs_threads(jobs_of(n))[row].op == 0) {
        thread_remove(n, e, row);
    }
}

void job_on_place(struct node *n, const struct msg *m) {
    struct job_entry *e = job_entry_find(n, m);
    uint32_t row = job_thread_find(n, key_job(m->head.key), m->place.parent);

    if (e == NULL || e->state != ENTRY_OPEN || row == ROW_NONE) {
        return;
    }
    struct job_thread *parent = &jobs_threads(jobs_of(n))[row];
    enum op_order order = job_op_order(parent, m->head.op);

    if (order == OP_STRAGGLER) {
        return;
    }
    if (order == OP_NEW) {
        forget_refused(n, e, m);
        parent->op = m->head.op;
        place(n, e, m, parent);
    }
    send_placed(n, m, parent);
}

/* ---- end ------------------------------------------------------------------------------------- */

/* A thread that is not known has ended already: its first ENDED is on the way, and said again does
 * no harm. The last one takes the job with it; its status is the job's, as in Linux since 5.17. */
void job_on_thread_end(struct node *n, const struct msg *m) {
    struct job_entry *e = job_entry_find(n, m);
    struct msg out;

    if (e == NULL || e->state != ENTRY_OPEN) {
        return;
    }
    uint32_t row = job_thread_find(n, e->job, m->place.thread);

    if (row != ROW_NONE && jobs_threads(jobs_of(n))[row].state != ROW_DONE) {
        node_refuse(n, "a thread ends inside a call", m->place.thread, m->head.seat);
        return;
    }
    if (row != ROW_NONE) {
        thread_remove(n, e, row);
    }
    msg_begin(n, &out, MSG_THREAD_ENDED, key_make(SERVICE_THREADS, e->job, m->place.thread));
    out.head.generation = e->generation;
    out.head.op = m->head.op;
    out.place.thread = m->place.thread;
    out.place.token = m->place.token;
    node_send(n, m->head.seat, &out);
    if (e->threads == 0) {
        job_entry_close(n, e, m->place.status);
    }
}
