/* Futexes at their manager [P 9.3, 9.4]. First come, first woken. The order of messages here
 * decides every race between a wake and a cancel: whichever comes first has the waiter, and a wake
 * that finds its waiter cancelled goes on. */
#include "adapt/report.h"
#include "services/sync_private.h"

enum { FUTEX_NOTE_QUEUED, FUTEX_NOTE_WOKEN, FUTEX_NOTE_CANCELLED, FUTEX_NOTE_PASSED_ON };

static void note(struct node *n, const struct msg *m, thread_id tid, uint32_t what) {
    trace(n, TR_FUTEX, (uint32_t)key_index(m->head.key) * 4, tid, what, m->head.op);
}

void sync_send(struct node *n, const struct msg *m, enum msg_type type, int32_t result) {
    struct msg out;

    msg_begin(n, &out, type, m->head.key);
    out.head.generation = m->head.generation;
    out.head.op = m->head.op;
    out.sync.thread = m->sync.thread;
    out.sync.token = m->sync.token;
    out.sync.result = result;
    node_send(n, m->head.seat, &out);
}

/* ---- notices --------------------------------------------------------------------------------- */

static void notice_begin(struct node *n, struct msg *m, const struct sync_notice *notice) {
    msg_begin(n, m, notice->type, notice->key);
    memset(&m->woken, 0, sizeof(m->woken));
    m->head.generation = notice->generation;
    m->woken.generation = notice->released;
    m->woken.serial = WOKEN_MAX;
}

static void notify_seat(struct node *n, const struct sync_notice *notice, const uint32_t *rows,
                        uint32_t count, seat_id seat) {
    const struct sync_row *r = sync_rows(sync_of(n));
    struct msg m;

    notice_begin(n, &m, notice);
    for (uint32_t i = 0; i < count; i++) {
        if (r[rows[i]].seat != seat) {
            continue;
        }
        if (m.woken.count == WOKEN_MAX) {
            node_send(n, seat, &m);
            notice_begin(n, &m, notice);
        }
        if (rows[i] == notice->serial) {
            m.woken.serial = m.woken.count;
        }
        m.woken.row[m.woken.count++] = (struct woken_row){
            .thread = r[rows[i]].tid, .token = r[rows[i]].token, .op = r[rows[i]].op};
    }
    if (m.woken.count != 0) {
        node_send(n, seat, &m);
    }
}

void sync_notify(struct node *n, const struct sync_notice *notice, const uint32_t *rows,
                 uint32_t count) {
    seat_id seats[MEMBERS_MAX];
    uint32_t members = node_members(n, seats);

    for (uint32_t i = 0; i < members; i++) {
        notify_seat(n, notice, rows, count, seats[i]);
    }
}

/* ---- wake ------------------------------------------------------------------------------------ */

enum { WAKE_AT_ONCE = 128 }; /* chosen in one go; the rest in further ones of the same step */

/* Wakes up to `count` waiters whose bitset meets this one, in their order; returns how many. */
static uint32_t wake_some(struct node *n, const struct msg *m, uint32_t count, uint32_t bitset) {
    struct sync *s = sync_of(n);
    uint32_t e = sync_entry_find(s, key_job(m->head.key), key_index(m->head.key));
    uint32_t chosen[WAKE_AT_ONCE];
    uint32_t found = 0;
    uint32_t row = e != ROW_NONE ? sync_entries(s)[e].queue.first : ROW_NONE;

    while (row != ROW_NONE && found < count && found < WAKE_AT_ONCE) {
        struct sync_row *r = &sync_rows(s)[row];
        uint32_t next = r->next;
        if ((r->bitset & bitset) != 0) {
            chosen[found++] = row;
            r->bitset = bitset;
            sync_dequeue(s, row, SYNC_WOKEN);
            note(n, m, r->tid, FUTEX_NOTE_WOKEN);
        }
        row = next;
    }
    struct sync_notice notice = {.type = MSG_FUTEX_WOKEN,
                                 .key = m->head.key,
                                 .generation = m->head.generation,
                                 .serial = ROW_NONE};

    sync_notify(n, &notice, chosen, found);
    return found;
}

static uint32_t wake(struct node *n, const struct msg *m, uint32_t count, uint32_t bitset) {
    uint32_t woken = 0;
    uint32_t found;

    do {
        found = wake_some(n, m, count - woken, bitset);
        woken += found;
    } while (found == WAKE_AT_ONCE && woken < count);
    return woken;
}

void sync_on_wake(struct node *n, const struct msg *m) {
    struct sync *s = sync_of(n);
    uint32_t row = sync_row_get(s, m);
    enum sync_order order = row != ROW_NONE ? sync_row_order(s, row, m->head.op) : SYNC_IS_NEW;

    if (order == SYNC_IS_OLD) {
        return;
    }
    if (order == SYNC_IS_REPEATED) {
        sync_send(n, m, MSG_SYNC_ANSWER, sync_rows(s)[row].result);
        return;
    }
    if (row != ROW_NONE) {
        sync_row_begin(s, row, m);
    }
    uint32_t woken = wake(n, m, m->sync.count, m->sync.bitset);

    if (row != ROW_NONE) {
        sync_rows(s)[row].result = (int32_t)woken;
        sync_row_set(s, row, SYNC_ANSWERED);
    }
    sync_send(n, m, MSG_SYNC_ANSWER, (int32_t)woken);
}

/* No row or no entry is left. With a row the answer is kept like any other. */
void sync_refuse_full(struct node *n, const struct msg *m, uint32_t row, int32_t result) {
    struct sync *s = sync_of(n);

    if (row != ROW_NONE) {
        sync_rows(s)[row].result = result;
        sync_row_set(s, row, SYNC_ANSWERED);
    }
    node_report(n, REPORT_SYNC_FULL, key_job(m->head.key), m->sync.thread,
                sync_rows_index(s)->capacity, NULL);
    sync_send(n, m, MSG_SYNC_ANSWER, result);
}

/* ---- wait and cancel ------------------------------------------------------------------------- */

/* The thread's own row once more, as it was answered. */
static void say_woken(struct node *n, const struct msg *m, uint32_t row) {
    struct sync_notice notice = {.type = MSG_FUTEX_WOKEN,
                                 .key = m->head.key,
                                 .generation = m->head.generation,
                                 .serial = ROW_NONE};

    sync_notify(n, &notice, &row, 1);
}

static void wait_again(struct node *n, const struct msg *m, uint32_t row) {
    enum sync_state state = (enum sync_state)sync_rows(sync_of(n))[row].state;

    if (state == SYNC_WAITING) {
        sync_send(n, m, MSG_FUTEX_QUEUED, 0);
    } else if (state == SYNC_WOKEN) {
        say_woken(n, m, row);
    } else if (state == SYNC_ANSWERED) {
        sync_send(n, m, MSG_SYNC_ANSWER, sync_rows(sync_of(n))[row].result);
    } /* CANCELLED: its answer is on the way */
}

void sync_on_wait(struct node *n, const struct msg *m) {
    struct sync *s = sync_of(n);
    uint32_t row = sync_row_get(s, m);
    enum sync_order order = row != ROW_NONE ? sync_row_order(s, row, m->head.op) : SYNC_IS_NEW;

    if (order == SYNC_IS_OLD) {
        return;
    }
    if (order == SYNC_IS_REPEATED) {
        wait_again(n, m, row);
        return;
    }
    if (row != ROW_NONE) {
        sync_row_begin(s, row, m);
    }
    uint32_t e = row != ROW_NONE ? sync_entry_get(s, key_job(m->head.key), key_index(m->head.key))
                                 : ROW_NONE;

    if (e == ROW_NONE) { /* the caller looks at the word again and comes back */
        sync_refuse_full(n, m, row, -ERR_AGAIN);
        return;
    }
    sync_enqueue(s, e, row, SYNC_WAITING);
    note(n, m, m->sync.thread, FUTEX_NOTE_QUEUED);
    sync_send(n, m, MSG_FUTEX_QUEUED, 0);
}

/* A waiter that is not queued any more was chosen by a wake that its node will ignore: the next one
 * gets it [P 9.4]. */
void sync_on_cancel(struct node *n, const struct msg *m) {
    struct sync *s = sync_of(n);
    uint32_t row = sync_row_get(s, m);
    enum sync_order order = row != ROW_NONE ? sync_row_order(s, row, m->head.op) : SYNC_IS_NEW;

    if (order == SYNC_IS_OLD) {
        return;
    }
    if (row != ROW_NONE &&
        order == SYNC_IS_NEW) { /* its WAIT comes later: then it is a repeat of a cancelled one */
        sync_row_begin(s, row, m);
        sync_row_set(s, row, SYNC_CANCELLED);
    } else if (row != ROW_NONE && sync_rows(s)[row].state == SYNC_WAITING) {
        sync_dequeue(s, row, SYNC_CANCELLED);
        note(n, m, m->sync.thread, FUTEX_NOTE_CANCELLED);
    } else if (row != ROW_NONE && sync_rows(s)[row].state == SYNC_WOKEN) {
        sync_row_set(s, row, SYNC_CANCELLED);
        note(n, m, m->sync.thread, FUTEX_NOTE_PASSED_ON);
        wake(n, m, 1, sync_rows(s)[row].bitset);
    }
    sync_send(n, m, MSG_FUTEX_CANCELLED, 0);
}
