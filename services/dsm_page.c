/* Rows of the DSM's page table on one node: row i describes what frame i holds. Owns the hash over
 * (job, page), the free list, the state of each page (one setter, one table of legal changes) and
 * what the page table shows. Never sends a message and never decides a protocol step. */
#include "services/dsm_private.h"

/* The specification of dsm.h as data: what an event does in a state. Unchanged state:
 * PAGE_STATES. */
#define RULE(action, next) {ACT_##action, PAGE_##next}
#define STAY(action) {ACT_##action, PAGE_STATES}
const struct page_rule dsm_rule[PAGE_EVENTS][PAGE_STATES] = {
    [PEV_READ_FAULT] = {
        [PAGE_FREE] = RULE(ASK, WAIT_READ), [PAGE_WAIT_READ] = STAY(QUEUE),
        [PAGE_WAIT_WRITE] = STAY(QUEUE), [PAGE_READ] = STAY(SERVE),
        [PAGE_READ_WAIT] = STAY(SERVE), [PAGE_OWNED] = STAY(SERVE),
        [PAGE_OWNED_WAIT] = STAY(SERVE), [PAGE_WRITE] = STAY(SERVE)},
    [PEV_WRITE_FAULT] = {
        [PAGE_FREE] = RULE(ASK, WAIT_WRITE), [PAGE_WAIT_READ] = STAY(QUEUE),
        [PAGE_WAIT_WRITE] = STAY(QUEUE), [PAGE_READ] = RULE(ASK, READ_WAIT),
        [PAGE_READ_WAIT] = STAY(QUEUE), [PAGE_OWNED] = RULE(ASK, OWNED_WAIT),
        [PAGE_OWNED_WAIT] = STAY(QUEUE), [PAGE_WRITE] = STAY(SERVE)},
    [PEV_PAGE_READ] = {
        [PAGE_FREE] = STAY(STRAY), [PAGE_WAIT_READ] = RULE(INSTALL, READ),
        [PAGE_WAIT_WRITE] = STAY(STRAY), [PAGE_READ] = STAY(STRAY),
        [PAGE_READ_WAIT] = STAY(STRAY), [PAGE_OWNED] = STAY(STRAY),
        [PAGE_OWNED_WAIT] = STAY(STRAY), [PAGE_WRITE] = STAY(STRAY)},
    [PEV_PAGE_WRITE] = {
        [PAGE_FREE] = STAY(STRAY), [PAGE_WAIT_READ] = RULE(INSTALL, WRITE),
        [PAGE_WAIT_WRITE] = RULE(INSTALL, WRITE), [PAGE_READ] = STAY(STRAY),
        [PAGE_READ_WAIT] = STAY(STRAY), [PAGE_OWNED] = STAY(STRAY),
        [PAGE_OWNED_WAIT] = STAY(STRAY), [PAGE_WRITE] = STAY(STRAY)},
    [PEV_GRANT_ZERO] = {
        [PAGE_FREE] = STAY(STRAY), [PAGE_WAIT_READ] = RULE(INSTALL, WRITE),
        [PAGE_WAIT_WRITE] = RULE(INSTALL, WRITE), [PAGE_READ] = STAY(STRAY),
        [PAGE_READ_WAIT] = STAY(STRAY), [PAGE_OWNED] = STAY(STRAY),
        [PAGE_OWNED_WAIT] = STAY(STRAY), [PAGE_WRITE] = STAY(STRAY)},
    [PEV_GRANT_RIGHTS] = {
        [PAGE_FREE] = STAY(STRAY), [PAGE_WAIT_READ] = STAY(STRAY),
        [PAGE_WAIT_WRITE] = STAY(STRAY), [PAGE_READ] = STAY(STRAY),
        [PAGE_READ_WAIT] = RULE(INSTALL, WRITE), [PAGE_OWNED] = STAY(STRAY),
        [PAGE_OWNED_WAIT] = RULE(INSTALL, WRITE), [PAGE_WRITE] = STAY(STRAY)},
    [PEV_INVALIDATE] = {
        [PAGE_FREE] = STAY(ACK), [PAGE_WAIT_READ] = STAY(ACK),
        [PAGE_WAIT_WRITE] = STAY(ACK), [PAGE_READ] = RULE(ACK, FREE),
        [PAGE_READ_WAIT] = RULE(ACK, WAIT_WRITE), [PAGE_OWNED] = RULE(ACK, FREE),
        [PAGE_OWNED_WAIT] = RULE(ACK, WAIT_WRITE), [PAGE_WRITE] = STAY(REFUSE)},
    [PEV_FETCH_READ] = {
        [PAGE_FREE] = STAY(REFUSE), [PAGE_WAIT_READ] = STAY(REFUSE),
        [PAGE_WAIT_WRITE] = STAY(REFUSE), [PAGE_READ] = STAY(REFUSE),
        [PAGE_READ_WAIT] = STAY(REFUSE), [PAGE_OWNED] = STAY(SEND),
        [PAGE_OWNED_WAIT] = STAY(SEND), [PAGE_WRITE] = RULE(SEND, OWNED)},
    [PEV_FETCH_WRITE] = {
        [PAGE_FREE] = STAY(REFUSE), [PAGE_WAIT_READ] = STAY(REFUSE),
        [PAGE_WAIT_WRITE] = STAY(REFUSE), [PAGE_READ] = STAY(REFUSE),
        [PAGE_READ_WAIT] = STAY(REFUSE), [PAGE_OWNED] = RULE(SEND, FREE),
        [PAGE_OWNED_WAIT] = RULE(SEND, WAIT_WRITE), [PAGE_WRITE] = RULE(SEND, FREE)},
};
#undef RULE
#undef STAY

/* Bit t set: the state may change to t. Derived from the table, plus what munmap and job end may
 * do: any state to FREE or FROZEN, FROZEN to FREE, and a dropped READ copy. */
#define TO(state) (1u << PAGE_##state)
static const uint16_t legal[PAGE_STATES + 1] = {
    [PAGE_FREE] = TO(WAIT_READ) | TO(WAIT_WRITE),
    [PAGE_WAIT_READ] = TO(READ) | TO(WRITE) | TO(FREE) | TO(FROZEN),
    [PAGE_WAIT_WRITE] = TO(WRITE) | TO(FREE) | TO(FROZEN),
    [PAGE_READ] = TO(READ_WAIT) | TO(FREE) | TO(FROZEN),
    [PAGE_READ_WAIT] = TO(WRITE) | TO(WAIT_WRITE) | TO(FREE) | TO(FROZEN),
    [PAGE_OWNED] = TO(OWNED_WAIT) | TO(FREE) | TO(FROZEN),
    [PAGE_OWNED_WAIT] = TO(WRITE) | TO(WAIT_WRITE) | TO(FREE) | TO(FROZEN),
    [PAGE_WRITE] = TO(OWNED) | TO(FREE) | TO(FROZEN),
    [PAGE_FROZEN] = TO(FREE),
};
#undef TO

static uint32_t *bucket_of(struct dsm *d, job_id job, page_no page) {
    uint32_t *buckets = dsm_at(d, d->page_bucket_at);
    uint32_t hash = (page * 2654435761u) ^ (job * 40503u); /* Knuth's multiplicative hash */

    return &buckets[(hash >> 8) & (d->page_buckets - 1)];
}

uint32_t dsm_page_find(struct dsm *d, job_id job, page_no page) {
    const struct dsm_page *pages = dsm_pages(d);
    uint32_t row = *bucket_of(d, job, page);

    while (row != NIL && (pages[row].page != page || pages[row].job != job)) {
        row = pages[row].next;
    }
    return row;
}

static void unlink_row(struct dsm *d, uint32_t row) {
    struct dsm_page *pages = dsm_pages(d);
    uint32_t *link = bucket_of(d, pages[row].job, pages[row].page);

    while (*link != row) {
        ASSERT(*link != NIL);
        link = &pages[*link].next;
    }
    *link = pages[row].next;
}

static bool is_owner(enum page_state state) {
    return state == PAGE_OWNED || state == PAGE_OWNED_WAIT || state == PAGE_WRITE;
}

enum access dsm_state_right(enum page_state state) {
    switch (state) {
    case PAGE_READ:
    case PAGE_READ_WAIT:
    case PAGE_OWNED:
    case PAGE_OWNED_WAIT:
        return ACCESS_READ;
    case PAGE_WRITE:
        return ACCESS_WRITE;
    default:
        return ACCESS_NONE;
    }
}

void dsm_page_set(struct node *n, uint32_t row, enum page_state state) {
    struct dsm *d = dsm_of(n);
    struct dsm_page *p = &dsm_pages(d)[row];
    enum page_state from = (enum page_state)p->state;

    ASSERT(legal[from] & 1u << state);
    d->counters.pages_owned += is_owner(state) ? 1u : 0u;
    d->counters.pages_owned -= is_owner(from) ? 1u : 0u;
    p->state = (uint8_t)state;
    trace(n, TR_PAGE_STATE, p->page, from, state, p->version);
}

void dsm_page_map(struct node *n, uint32_t row) {
    struct dsm_page *p = &dsm_pages(dsm_of(n))[row];
    enum access right = dsm_state_right((enum page_state)p->state);

    right = right < (enum access)p->most ? right : (enum access)p->most;
    if (right == (enum access)p->mapped) {
        return;
    }
    if (right == ACCESS_NONE) {
        dsm_page_unmap(n, row);
        return;
    }
    p->mapped = (uint8_t)right;
    struct effect *e = node_effect(n, FX_MAP);
    e->job = p->job;
    e->page = p->page;
    e->frame = row;
    e->right = (uint8_t)right;
}

void dsm_page_unmap(struct node *n, uint32_t row) {
    struct dsm_page *p = &dsm_pages(dsm_of(n))[row];

    if (p->mapped == ACCESS_NONE) {
        return;
    }
    p->mapped = ACCESS_NONE;
    struct effect *e = node_effect(n, FX_UNMAP);
    e->job = p->job;
    e->page = p->page;
}

/* Under pressure a read copy that nobody waits for, holds or sends may go without a word [P 8.6]:
 * the manager's copy set is then a superset, and an INVALIDATE of a missing copy is acked at
 * once. */
static void drop_a_copy(struct node *n) {
    struct dsm *d = dsm_of(n);

    for (uint32_t i = 0; i < d->frames; i++) {
        uint32_t row = d->hand;
        struct dsm_page *p = &dsm_pages(d)[row];

        d->hand = (d->hand + 1) % d->frames;
        if (p->state == PAGE_READ && p->wants == NIL && p->pins == 0) {
            d->counters.dropped_copies++;
            dsm_page_unmap(n, row);
            dsm_page_free(n, row);
            return;
        }
    }
}

uint32_t dsm_page_new(struct node *n, job_id job, page_no page) {
    struct dsm *d = dsm_of(n);

    if (d->free_page == NIL) {
        drop_a_copy(n);
    }
    if (d->free_page == NIL) {
        return NIL;
    }
    uint32_t row = d->free_page;
    struct dsm_page *p = &dsm_pages(d)[row];
    uint32_t *bucket = bucket_of(d, job, page);

    d->free_page = p->next;
    d->free_pages--;
    memset(p, 0, sizeof(*p));
    p->page = page;
    p->job = job;
    p->wants = NIL;
    p->deferred.event = 0xFF;
    p->next = *bucket;
    *bucket = row;
    return row;
}

/* The thread itself holds the copy, for the very instruction or call that lacks another page. */
static bool is_held_by(struct dsm *d, const struct dsm_page *p, token_no token) {
    for (uint32_t i = p->wants; i != NIL;) {
        const struct dsm_want *w = &dsm_threads(d)[i / HOLD_MAX].want[i % HOLD_MAX];
        if (i / HOLD_MAX != token || w->state != WANT_HELD) {
            return false;
        }
        i = w->next;
    }
    return p->state == PAGE_READ && p->wants != NIL && p->pins == 0;
}

bool dsm_frames_may_come(struct dsm *d, token_no token) {
    for (uint32_t row = 0; row < d->frames; row++) {
        const struct dsm_page *p = &dsm_pages(d)[row];
        enum page_state state = (enum page_state)p->state;
        if (state != PAGE_FREE && !is_owner(state) && !is_held_by(d, p, token)) {
            return true;
        }
    }
    return false;
}

static void release_frame(struct node *n, uint32_t row) {
    struct dsm *d = dsm_of(n);
    struct dsm_page *p = &dsm_pages(d)[row];

    dsm_page_set(n, row, PAGE_FREE);
    p->next = d->free_page;
    d->free_page = row;
    d->free_pages++;
}

void dsm_page_free(struct node *n, uint32_t row) {
    struct dsm *d = dsm_of(n);
    struct dsm_page *p = &dsm_pages(d)[row];

    ASSERT(p->wants == NIL && p->mapped == ACCESS_NONE);
    if (p->publish_op != 0) { /* its entry goes as well */
        p->publish_op = 0;
        d->publishes--;
    }
    if (p->state != PAGE_FROZEN) {
        unlink_row(d, row);
    }
    if (p->pins == 0) {
        release_frame(n, row);
    } else if (p->state != PAGE_FROZEN) {
        dsm_page_set(n, row, PAGE_FROZEN);
    }
}
