/* The sync service's state on one node. Included by services/sync*.c and their tests only. */
#pragma once

#include "adapt/trace.h"
#include "services/job.h"
#include "services/rows.h"
#include "services/sync.h"
#include "services/threads.h"

enum {
    SYNC_KEPT_ROWS = 1024,  /* threads beyond those that wait, whose last result is kept: more than
                               can have an answer  on its way (32 per link x 16 peers = 512) */
    SYNC_IDLE_ENTRIES = 64, /* barriers with nobody in them, kept for their generation */
    BARRIERS_SEEN_MAX = 64, /* barriers whose last released generation a node remembers [P 9.10] */
};
#define SYNC_KIND_BARRIER (1ull << 32) /* of a key's index; 0: futex */

/* What the last operation of a thread at this manager came to. */
enum sync_state {
    SYNC_FREE,
    SYNC_NEW,       /* row taken, operation not judged yet */
    SYNC_WAITING,   /* in a futex' queue */
    SYNC_WOKEN,     /* a wake chose it */
    SYNC_CANCELLED, /* its node took it back */
    SYNC_ARRIVED,   /* in a barrier's set */
    SYNC_RELEASED,  /* its generation is released */
    SYNC_ANSWERED,  /* a WAKE, or a refused wait: `result` */
    SYNC_STATES
};

struct sync_row {
    job_id job;
    seat_id seat; /* of its node: answers go there */
    thread_id tid;
    token_no token;
    uint32_t op;
    uint32_t bitset;         /* WAITING: its own; WOKEN: of the wake that chose it */
    int32_t result;          /* ANSWERED; RELEASED: 1 for the last that arrived */
    uint32_t generation;     /* RELEASED: of the barrier */
    uint32_t entry;          /* WAITING, ARRIVED: its entry */
    uint32_t previous, next; /* in the entry's queue, else in the list of kept rows, oldest first */
    uint8_t state;           /* enum sync_state; written by sync_row_set() only */
    uint8_t pad[3];
};

struct sync_list {
    uint32_t first, last; /* rows, ROW_NONE */
};

/* A futex with waiters, or a barrier. */
struct sync_entry {
    uint64_t index; /* of the key */
    job_id job;
    uint16_t pad;
    uint32_t count;      /* rows in the queue */
    uint32_t wanted;     /* barrier: threads that release it */
    uint32_t generation; /* barrier: released so far */
    struct sync_list queue;
};

struct barrier_seen {
    uint64_t index;
    job_id job;
    uint16_t pad;
    uint32_t generation;
};

struct sync {
    uint32_t rows_index_at, rows_at, entries_index_at, entries_at;
    uint32_t seen_next; /* row of `seen` that the next new barrier takes */
    uint32_t waiting;   /* rows in queues */
    struct sync_list kept;
    struct barrier_seen seen[BARRIERS_SEEN_MAX];
};

static inline struct sync *sync_of(struct node *n) {
    return node_state(n, SERVICE_SYNC);
}
static inline struct rows *sync_rows_index(struct sync *s) {
    return (struct rows *)(void *)((uint8_t *)s + s->rows_index_at);
}
static inline struct sync_row *sync_rows(struct sync *s) {
    return (struct sync_row *)(void *)((uint8_t *)s + s->rows_at);
}
static inline struct rows *sync_entries_index(struct sync *s) {
    return (struct rows *)(void *)((uint8_t *)s + s->entries_index_at);
}
static inline struct sync_entry *sync_entries(struct sync *s) {
    return (struct sync_entry *)(void *)((uint8_t *)s + s->entries_at);
}

/* sync_table.c: rows and entries. Numbers, not pointers; ROW_NONE: none. */
void sync_row_set(struct sync *s, uint32_t row, enum sync_state state);
uint32_t sync_row_find(struct sync *s, job_id job, thread_id tid);
/* The row of the thread that asks, made if need be (then NEW); the oldest kept one gives way.
 * ROW_NONE: all wait. */
uint32_t sync_row_get(struct sync *s, const struct msg *m);
/* Takes the operation into the row: NEW, with op, token and seat of the message; out of any queue
 * it was in. */
void sync_row_begin(struct sync *s, uint32_t row, const struct msg *m);
enum sync_order { SYNC_IS_NEW, SYNC_IS_REPEATED, SYNC_IS_OLD };
enum sync_order sync_row_order(struct sync *s, uint32_t row, uint32_t op);
uint32_t sync_entry_find(struct sync *s, job_id job, uint64_t index);
uint32_t sync_entry_get(struct sync *s, job_id job,
                        uint64_t index); /* made if need be; ROW_NONE: full */
void sync_enqueue(struct sync *s, uint32_t entry, uint32_t row, enum sync_state state);
/* Out of its queue, into the kept rows, in that state; an empty futex goes. */
void sync_dequeue(struct sync *s, uint32_t row, enum sync_state state);
void sync_drop_job(struct sync *s, job_id job);

/* sync_futex.c: the manager's part of futexes */
void sync_on_wait(struct node *n, const struct msg *m);
void sync_on_cancel(struct node *n, const struct msg *m);
void sync_on_wake(struct node *n, const struct msg *m);
void sync_send(struct node *n, const struct msg *m, enum msg_type type, int32_t result);
void sync_refuse_full(struct node *n, const struct msg *m, uint32_t row, int32_t result);
/* WOKEN or RELEASE to each node for the rows of this chain (by next), in order; serial: the row
 * that gets 1. */
struct sync_notice {
    enum msg_type type;
    uint64_t key;
    uint16_t generation; /* of the job */
    uint32_t released;   /* generation of the barrier */
    uint32_t serial;
};
void sync_notify(struct node *n, const struct sync_notice *notice, const uint32_t *rows,
                 uint32_t count);

/* sync_barrier.c: the manager's part of barriers */
void sync_on_arrive(struct node *n, const struct msg *m);

/* sync_requester.c */
void sync_on_call(struct node *n, const struct event_call *call);
void sync_on_queued(struct node *n, const struct msg *m);
void sync_on_woken(struct node *n, const struct msg *m);
void sync_on_cancelled(struct node *n, const struct msg *m);
void sync_on_release(struct node *n, const struct msg *m);
void sync_on_answer(struct node *n, const struct msg *m);
void sync_requests_resend(struct node *n);
void sync_timeouts(struct node *n);
