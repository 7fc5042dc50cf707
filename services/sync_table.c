/* The tables of a manager of futexes and barriers: one row per thread (its last operation here),
 * one entry per address. A row is either in the queue of an entry or in the list of kept rows,
 * whose oldest gives way when all are used. */
#include "services/sync_private.h"

/* Bit t of row s: s -> t is legal. A done row takes the next operation (NEW). */
#define TO(state) (1u << SYNC_##state)
static const uint16_t state_legal[SYNC_STATES] = {
    [SYNC_FREE] = TO(NEW),
    [SYNC_NEW] = TO(NEW) | TO(WAITING) | TO(ARRIVED) | TO(ANSWERED) | TO(CANCELLED) | TO(FREE),
    [SYNC_WAITING] = TO(WOKEN) | TO(CANCELLED),
    [SYNC_WOKEN] = TO(CANCELLED) | TO(NEW) | TO(FREE),
    [SYNC_CANCELLED] = TO(NEW) | TO(FREE),
    [SYNC_ARRIVED] = TO(RELEASED) | TO(CANCELLED),
    [SYNC_RELEASED] = TO(NEW) | TO(FREE),
    [SYNC_ANSWERED] = TO(NEW) | TO(FREE),
};

void sync_row_set(struct sync *s, uint32_t row, enum sync_state state) {
    struct sync_row *r = &sync_rows(s)[row];

    ASSERT(state < SYNC_STATES && (state_legal[r->state] >> state & 1u) != 0);
    r->state = (uint8_t)state;
}

static bool is_queued(const struct sync_row *r) {
    return r->state == SYNC_WAITING || r->state == SYNC_ARRIVED;
}

/* ---- lists ----------------------------------------------------------------------------------- */

static void list_append(struct sync *s, struct sync_list *l, uint32_t row) {
    struct sync_row *rows = sync_rows(s);

    rows[row].previous = l->last;
    rows[row].next = ROW_NONE;
    if (l->last == ROW_NONE) {
        l->first = row;
    } else {
        rows[l->last].next = row;
    }
    l->last = row;
}

static void list_remove(struct sync *s, struct sync_list *l, uint32_t row) {
    struct sync_row *rows = sync_rows(s);
    uint32_t before = rows[row].previous;
    uint32_t after = rows[row].next;

    if (before == ROW_NONE) {
        l->first = after;
    } else {
        rows[before].next = after;
    }
    if (after == ROW_NONE) {
        l->last = before;
    } else {
        rows[after].previous = before;
    }
}

/* ---- rows ------------------------------------------------------------------------------------ */

uint32_t sync_row_find(struct sync *s, job_id job, thread_id tid) {
    uint32_t row = rows_first(sync_rows_index(s), rows_hash(job, tid));

    while (row != ROW_NONE && (sync_rows(s)[row].job != job || sync_rows(s)[row].tid != tid)) {
        row = rows_next(sync_rows_index(s), row);
    }
    return row;
}

static void row_drop(struct sync *s, uint32_t row) {
    struct sync_row *r = &sync_rows(s)[row];

    list_remove(s, &s->kept, row);
    rows_give(sync_rows_index(s), rows_hash(r->job, r->tid), row);
    sync_row_set(s, row, SYNC_FREE);
    memset(r, 0, sizeof(*r));
}

uint32_t sync_row_get(struct sync *s, const struct msg *m) {
    job_id job = key_job(m->head.key);
    uint32_t row = sync_row_find(s, job, m->sync.thread);

    if (row != ROW_NONE) {
        return row;
    }
    if (sync_rows_index(s)->free == ROW_NONE && s->kept.first != ROW_NONE) {
        row_drop(s, s->kept.first);
    }
    row = rows_take(sync_rows_index(s), rows_hash(job, m->sync.thread));
    if (row != ROW_NONE) {
        sync_rows(s)[row] = (struct sync_row){.job = job, .tid = m->sync.thread};
        sync_row_set(s, row, SYNC_NEW);
        list_append(s, &s->kept, row);
    }
    return row;
}

enum sync_order sync_row_order(struct sync *s, uint32_t row, uint32_t op) {
    const struct sync_row *r = &sync_rows(s)[row];

    if (r->state == SYNC_NEW) {
        return SYNC_IS_NEW;
    }
    if (r->op == op) {
        return SYNC_IS_REPEATED;
    }
    return (int32_t)(op - r->op) > 0 ? SYNC_IS_NEW : SYNC_IS_OLD;
}

/* A thread has one operation under way; a newer one says that the older is over, whatever became of
 * its cancel. */
void sync_row_begin(struct sync *s, uint32_t row, const struct msg *m) {
    struct sync_row *r = &sync_rows(s)[row];

    if (is_queued(r)) {
        sync_dequeue(s, row, SYNC_CANCELLED);
    }
    r->op = m->head.op;
    r->seat = m->head.seat;
    r->token = m->sync.token;
    r->bitset = m->sync.bitset;
    list_remove(s, &s->kept, row);
    list_append(s, &s->kept, row);
    sync_row_set(s, row, SYNC_NEW);
}

/* ---- entries --------------------------------------------------------------------------------- */

uint32_t sync_entry_find(struct sync *s, job_id job, uint64_t index) {
    uint32_t e = rows_first(sync_entries_index(s), rows_hash(job, index));

    while (e != ROW_NONE && (sync_entries(s)[e].job != job || sync_entries(s)[e].index != index)) {
        e = rows_next(sync_entries_index(s), e);
    }
    return e;
}

static void entry_drop(struct sync *s, uint32_t e) {
    struct sync_entry *entry = &sync_entries(s)[e];

    ASSERT(entry->count == 0);
    rows_give(sync_entries_index(s), rows_hash(entry->job, entry->index), e);
    memset(entry, 0, sizeof(*entry));
}

/* A barrier that nobody is in may be forgotten: its generation only serves a rebuild, and nodes
 * remember it too. */
static void idle_entry_drop(struct sync *s) {
    for (uint32_t e = 0; e < sync_entries_index(s)->capacity; e++) {
        if (sync_entries(s)[e].job != 0 && sync_entries(s)[e].count == 0) {
            entry_drop(s, e);
            return;
        }
    }
}

uint32_t sync_entry_get(struct sync *s, job_id job, uint64_t index) {
    uint32_t e = sync_entry_find(s, job, index);

    if (e != ROW_NONE) {
        return e;
    }
    if (sync_entries_index(s)->free == ROW_NONE) {
        idle_entry_drop(s);
    }
    e = rows_take(sync_entries_index(s), rows_hash(job, index));
    if (e != ROW_NONE) {
        sync_entries(s)[e] =
            (struct sync_entry){.index = index, .job = job, .queue = {ROW_NONE, ROW_NONE}};
    }
    return e;
}

/* ---- queues ---------------------------------------------------------------------------------- */

void sync_enqueue(struct sync *s, uint32_t entry, uint32_t row, enum sync_state state) {
    list_remove(s, &s->kept, row);
    list_append(s, &sync_entries(s)[entry].queue, row);
    sync_rows(s)[row].entry = entry;
    sync_entries(s)[entry].count++;
    s->waiting++;
    sync_row_set(s, row, state);
}

void sync_dequeue(struct sync *s, uint32_t row, enum sync_state state) {
    uint32_t e = sync_rows(s)[row].entry;
    struct sync_entry *entry = &sync_entries(s)[e];

    ASSERT(is_queued(&sync_rows(s)[row]) && entry->count > 0 && s->waiting > 0);
    list_remove(s, &entry->queue, row);
    list_append(s, &s->kept, row);
    entry->count--;
    s->waiting--;
    sync_row_set(s, row, state);
    if (entry->count == 0 && (entry->index & SYNC_KIND_BARRIER) == 0) {
        entry_drop(s, e);
    }
}

void sync_drop_job(struct sync *s, job_id job) {
    for (uint32_t row = 0; row < sync_rows_index(s)->capacity; row++) {
        struct sync_row *r = &sync_rows(s)[row];
        if (r->job != job) {
            continue;
        }
        if (is_queued(r)) {
            sync_dequeue(s, row, SYNC_CANCELLED);
        }
        row_drop(s, row);
    }
    for (uint32_t e = 0; e < sync_entries_index(s)->capacity; e++) {
        if (sync_entries(s)[e].job == job) {
            entry_drop(s, e);
        }
    }
    for (uint32_t i = 0; i < BARRIERS_SEEN_MAX; i++) {
        if (s->seen[i].job == job) {
            s->seen[i] = (struct barrier_seen){0};
        }
    }
}
