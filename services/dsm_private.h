/* The DSM's own state on one node. Included by services/dsm_*.c and their unit tests only. */
#pragma once

#include "adapt/report.h"
#include "adapt/trace.h"
#include "services/dsm.h"
#include "services/job.h"

#define NIL 0xFFFFFFFFu

enum page_state {
    PAGE_FREE,
    PAGE_WAIT_READ,
    PAGE_WAIT_WRITE,
    PAGE_READ,       /* a read copy */
    PAGE_READ_WAIT,  /* a read copy, write right asked */
    PAGE_OWNED,      /* owner; others have copies, so read right only */
    PAGE_OWNED_WAIT, /* the same, write right asked */
    PAGE_WRITE,      /* owner and only holder */
    PAGE_STATES,
    PAGE_FROZEN = PAGE_STATES, /* of a frame, not of a page: sent away, bytes pinned until acked */
};

enum page_event {
    PEV_READ_FAULT, PEV_WRITE_FAULT,
    PEV_PAGE_READ, PEV_PAGE_WRITE, PEV_GRANT_ZERO, PEV_GRANT_RIGHTS,
    PEV_INVALIDATE, PEV_FETCH_READ, PEV_FETCH_WRITE,
    PAGE_EVENTS
};

/* What an event does: the action, and the state after it (PAGE_STATES: unchanged). */
enum page_action {
    ACT_SERVE, ACT_ASK, ACT_QUEUE, ACT_INSTALL, ACT_ACK, ACT_SEND, ACT_STRAY, ACT_REFUSE,
};
struct page_rule {
    uint8_t action, next;
};
extern const struct page_rule dsm_rule[PAGE_EVENTS][PAGE_STATES];

/* A request that the hold keeps waiting, as it came. */
struct dsm_deferred {
    uint8_t event;   /* PEV_INVALIDATE, PEV_FETCH_*; 0xFF: none */
    uint8_t pad;
    seat_id seat;    /* requester */
    uint16_t acks, birth;
    uint32_t op, version;
};

/* Parts of one page on their way: a reader asks again when it has all of one copy, and a link takes
 * 32 unacked messages. 16 members x 32 = 512. */
enum { PINS_MAX = MEMBERS_MAX * 32 };

/* Row i describes what frame i holds. 64 bytes. */
struct dsm_page {
    page_no page;
    job_id job;
    uint8_t state;      /* enum page_state; written by dsm_page_set() only */
    uint8_t most;       /* enum access that the area allows */
    uint16_t birth;     /* of the area */
    uint8_t parts;      /* of the contents that have come, 0 … PAGE_PARTS */
    uint8_t granted;    /* enum access granted, ACCESS_NONE until the answer is whole */
    uint16_t acks_got, acks_wanted;
    uint8_t zero;       /* the grant said: zero page */
    uint8_t mapped;     /* enum access in the page table now */
    uint16_t pins;      /* parts sent by reference and not acked; <= PINS_MAX */
    uint16_t holds;     /* wants that hold the page */
    uint32_t version;   /* of the contents, or to be after the grant */
    uint32_t op;        /* of the request under way */
    uint32_t publish_op; /* of the publish transaction under way, 0: none */
    uint8_t publishing; /* its parts are out: DONE when every one is acked */
    uint8_t published;  /* the page is coming unasked: no DONE is owed */
    uint16_t pad;
    uint32_t next;      /* row in the hash chain or the free list, NIL ends */
    uint32_t wants;     /* first want of this page, NIL */
    struct dsm_deferred deferred;
};

/* One page that one thread's instruction or call needs [P 8.3]. */
enum want_state { WANT_NONE, WANT_AREA, WANT_WAITING, WANT_HELD };
struct dsm_want {
    uint8_t state;  /* enum want_state */
    uint8_t access; /* enum access */
    job_id job;
    page_no page;
    uint32_t row;   /* of WAITING and HELD */
    uint32_t next;  /* want of the same row, NIL ends */
};
struct dsm_thread {
    uint64_t hold_until_us; /* 0: holds nothing */
    uint32_t failures;      /* holds that ran out since the thread last ran */
    uint32_t waiting;       /* wants in WANT_AREA or WANT_WAITING */
    struct dsm_want want[HOLD_MAX];
};

/* One page's directory entry at its manager. 68 bytes. */
struct dsm_entry {
    page_no page;
    job_id job;
    uint16_t birth;
    seat_id owner;         /* SEAT_NONE: nobody ever touched it */
    seat_id busy_seat;     /* requester of the transaction under way */
    uint32_t busy_op;
    uint8_t busy;          /* enum access of it, ACCESS_NONE: idle */
    uint8_t publishing;    /* it is the owner's publish, not a request */
    uint8_t pad[2];
    uint32_t version;
    uint32_t next;         /* hash chain or free list */
    uint32_t first, last;  /* queue of requests in the waiters pool */
    uint32_t copies[SEATS_MAX / 32]; /* read copies, without the owner */
};
struct dsm_request {       /* a queued request at the manager */
    uint32_t next;
    uint32_t op;
    uint32_t version;      /* of the requester's copy, if it said DSM_HAS_COPY */
    seat_id seat;
    uint8_t access, flags;
};

/* Offsets are from the start of this struct; tables follow it. */
struct dsm {
    uint32_t frames, entries, threads, requests; /* rows of each table */
    uint32_t page_buckets, entry_buckets;        /* powers of two */
    uint32_t pages_at, page_bucket_at, entries_at, entry_bucket_at, threads_at, requests_at;
    uint32_t free_page, free_entry, free_request;
    uint32_t free_pages;     /* rows on the free list */
    uint32_t pad2;
    uint32_t hand;           /* where the search for a copy to drop goes on */
    uint32_t next_op;
    uint32_t publishes;      /* rows with a publish under way, <= PUBLISH_MAX */
    uint32_t unmapped;       /* 1: areas were unmapped; messages of their pages may still come */
    uint64_t starved_us;     /* faults without a frame look again then; 0: there are none */
    uint32_t holders;        /* threads that hold pages: hold_until_us != 0 */
    uint32_t pad3;
    uint64_t hold_least_us;  /* no hold runs out before this; 0: none */
    struct dsm_counters counters;
};

static inline void *dsm_at(struct dsm *d, uint32_t offset) {
    return (uint8_t *)d + offset;
}
static inline struct dsm *dsm_of(struct node *n) {
    return node_state(n, SERVICE_DSM);
}
static inline struct dsm_page *dsm_pages(struct dsm *d) {
    return dsm_at(d, d->pages_at);
}
static inline struct dsm_entry *dsm_entries(struct dsm *d) {
    return dsm_at(d, d->entries_at);
}
static inline struct dsm_thread *dsm_threads(struct dsm *d) {
    return dsm_at(d, d->threads_at);
}
static inline struct dsm_request *dsm_requests(struct dsm *d) {
    return dsm_at(d, d->requests_at);
}

/* ---- dsm_page.c: rows, frames, states
 * ------------------------------------------------------------ */
uint32_t dsm_page_find(struct dsm *d, job_id job, page_no page); /* row or NIL */
/* A row for the page, still FREE; NIL: no frame is left, even after dropping a read copy. */
uint32_t dsm_page_new(struct node *n, job_id job, page_no page);
/* No frame is free now, but some are on their way out, or hold copies that another thread than
 * this one uses: it may wait. */
bool dsm_frames_may_come(struct dsm *d, token_no token);
void dsm_page_set(struct node *n, uint32_t row, enum page_state state);
void dsm_page_free(struct node *n, uint32_t row); /* frozen while pinned */
/* page table = area's protection and state's right */
void dsm_page_map(struct node *n, uint32_t row);
void dsm_page_unmap(struct node *n, uint32_t row);
enum access dsm_state_right(enum page_state state);

/* ---- dsm_requester.c
 * ------------------------------------------------------------------------------- */
void dsm_on_fault(struct node *n, const struct event *ev);
void dsm_on_page(struct node *n, const struct msg *m, const struct msg_from *from);
void dsm_on_grant(struct node *n, const struct msg *m, const struct msg_from *from);
void dsm_on_inv_ack(struct node *n, const struct msg *m, const struct msg_from *from);
/* wakes whoever the state satisfies; asks for more if need be */
void dsm_serve_wants(struct node *n, uint32_t row);
void dsm_ask(struct node *n, uint32_t row, enum access access);
void dsm_send_request(struct node *n, const struct dsm_page *p);
void dsm_requeue_wants(struct node *n, uint32_t row);

/* ---- dsm_hold.c: forward progress [P 8.3]
 * ---------------------------------------------------------- */
struct dsm_want *dsm_want_new(struct node *n, token_no token, job_id job, page_no page);
void dsm_want_held(struct node *n, token_no token, struct dsm_want *w);
void dsm_want_drop(struct node *n, struct dsm_want *w, token_no token);
void dsm_on_ran(struct node *n, token_no token);
void dsm_hold_tick(struct node *n);

/* dsm_requester.c */
void dsm_starved_tick(struct node *n);

/* ---- dsm_owner.c
 * ----------------------------------------------------------------------------------- */
void dsm_on_fetch(struct node *n, const struct msg *m, const struct msg_from *from);
void dsm_on_invalidate(struct node *n, const struct msg *m, const struct msg_from *from);
void dsm_obey_deferred(struct node *n, uint32_t row); /* what the hold kept waiting, if anything */
void dsm_on_acked(struct node *n, uint32_t cookie, bool lost);

/* ---- dsm_publish.c: pages that go out unasked [P 8.5]
 * ----------------------------------------- */
void dsm_on_call_publish(struct node *n, const struct event_call *call);
void dsm_on_publish(struct node *n, const struct msg *m, const struct msg_from *from);
void dsm_on_publish_ok(struct node *n, const struct msg *m, const struct msg_from *from);
/* Every part that this row has out is acked: its publish, if it had one, is over. */
void dsm_publish_acked(struct node *n, uint32_t row);
/* The first part of a published page that this node knows nothing of: a row for it, or NIL. */
uint32_t dsm_published_row(struct node *n, const struct msg *m);
void dsm_send_page(struct node *n, uint32_t row, const struct dsm_deferred *want,
                   enum access access, uint8_t flags);

/* ---- dsm_manager.c
 * --------------------------------------------------------------------------------- */
void dsm_on_request(struct node *n, const struct msg *m, const struct msg_from *from);
void dsm_on_done(struct node *n, const struct msg *m, const struct msg_from *from);
struct dsm_entry *dsm_entry_find(struct dsm *d, job_id job, page_no page);
void dsm_entries_drop(struct node *n, job_id job, page_no first, uint32_t pages);
