/* Barriers at their manager: a generation and the set of threads that have arrived in it, never a
 * count of messages, so an arrival that is told twice counts once [P 9.10]. The last one releases
 * all: one message to each node. */
#include "adapt/report.h"
#include "services/sync_private.h"

static void release(struct node *n, const struct msg *m, const uint32_t *rows, uint32_t count,
                    uint32_t serial) {
    struct sync_notice notice = {.type = MSG_BARRIER_RELEASE,
                                 .key = m->head.key,
                                 .generation = m->head.generation,
                                 .released = sync_rows(sync_of(n))[rows[0]].generation,
                                 .serial = serial};

    sync_notify(n, &notice, rows, count);
}

enum { RELEASE_AT_ONCE = 256 }; /* rows told in one go; a barrier of more threads takes several */

/* Everybody in the set goes on; the last that came returns 1. */
static void release_all(struct node *n, const struct msg *m, uint32_t e) {
    struct sync *s = sync_of(n);
    struct sync_entry *entry = &sync_entries(s)[e];
    uint32_t rows[RELEASE_AT_ONCE];
    uint32_t serial = entry->queue.last;

    entry->generation++;
    trace(n, TR_BARRIER, (uint32_t)entry->index * 4, entry->generation, entry->count,
          entry->wanted);
    while (entry->count != 0) {
        uint32_t count = 0;
        while (entry->count != 0 && count < RELEASE_AT_ONCE) {
            uint32_t row = entry->queue.first;
            rows[count++] = row;
            sync_rows(s)[row].generation = entry->generation;
            sync_rows(s)[row].result = row == serial;
            sync_dequeue(s, row, SYNC_RELEASED);
        }
        release(n, m, rows, count, serial);
    }
}

static void arrive_again(struct node *n, const struct msg *m, uint32_t row) {
    const struct sync_row *r = &sync_rows(sync_of(n))[row];

    if (r->state == SYNC_RELEASED) {
        release(n, m, &row, 1, r->result == 1 ? row : ROW_NONE);
    } else if (r->state == SYNC_ANSWERED) {
        sync_send(n, m, MSG_SYNC_ANSWER, r->result);
    } /* ARRIVED: it waits */
}

void sync_on_arrive(struct node *n, const struct msg *m) {
    struct sync *s = sync_of(n);
    job_id job = key_job(m->head.key);
    uint32_t row = sync_row_get(s, m);
    enum sync_order order = row != ROW_NONE ? sync_row_order(s, row, m->head.op) : SYNC_IS_NEW;

    if (order == SYNC_IS_OLD) {
        return;
    }
    if (order == SYNC_IS_REPEATED) {
        arrive_again(n, m, row);
        return;
    }
    if (row != ROW_NONE) {
        sync_row_begin(s, row, m);
    }
    uint32_t e = row != ROW_NONE ? sync_entry_get(s, job, key_index(m->head.key)) : ROW_NONE;

    if (e == ROW_NONE) {
        sync_refuse_full(n, m, row, -ERR_NO_MEMORY);
        return;
    }
    struct sync_entry *entry = &sync_entries(s)[e];

    if (m->sync.count == 0 || (entry->count != 0 && entry->wanted != m->sync.count)) {
        node_report(n, REPORT_BARRIER_COUNT, job, (uint32_t)key_index(m->head.key) * 4,
                    m->sync.count, NULL);
        sync_rows(s)[row].result = -ERR_INVALID;
        sync_row_set(s, row, SYNC_ANSWERED);
        sync_send(n, m, MSG_SYNC_ANSWER, -ERR_INVALID);
        return;
    }
    entry->wanted = m->sync.count;
    sync_enqueue(s, e, row, SYNC_ARRIVED);
    if (entry->count == entry->wanted) {
        release_all(n, m, e);
    }
}
