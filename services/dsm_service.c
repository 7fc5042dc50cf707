/* The DSM as a plug-in of the adaptation layer: its block of memory, its messages and events, and
 * what the end of an area or of a job does to it. */
#include "services/dsm_private.h"

/* A page's row and its manager's entry are found through buckets: one for every two rows, a power
 * of two. */
static uint32_t buckets_for(uint32_t rows) {
    uint32_t buckets = 16;

    while (buckets < rows / 2) {
        buckets *= 2;
    }
    return buckets;
}

/* Lays the tables out behind struct dsm; returns the bytes of all. */
static uint32_t lay_out(struct dsm *d, const struct limits *limits) {
    uint32_t at = (sizeof(struct dsm) + 7u) & ~7u;

    d->frames = limits->frames;
    d->entries = limits->entries;
    d->threads = limits->threads;
    d->requests = limits->waiters;
    d->page_buckets = buckets_for(d->frames);
    d->entry_buckets = buckets_for(d->entries);
    d->threads_at = at;
    at += d->threads * (uint32_t)sizeof(struct dsm_thread);
    d->pages_at = at;
    at += d->frames * (uint32_t)sizeof(struct dsm_page);
    d->entries_at = at;
    at += d->entries * (uint32_t)sizeof(struct dsm_entry);
    d->requests_at = at;
    at += d->requests * (uint32_t)sizeof(struct dsm_request);
    d->page_bucket_at = at;
    at += d->page_buckets * 4;
    d->entry_bucket_at = at;
    at += d->entry_buckets * 4;
    return at;
}

static uint32_t dsm_state_bytes(const struct limits *limits) {
    struct dsm plan = {0};

    return lay_out(&plan, limits);
}

static void dsm_init(struct node *n, void *state, const struct limits *limits) {
    struct dsm *d = state;

    (void)n;
    lay_out(d, limits);
    memset(dsm_at(d, d->page_bucket_at), 0xFF, d->page_buckets * 4);
    memset(dsm_at(d, d->entry_bucket_at), 0xFF, d->entry_buckets * 4);
    for (uint32_t i = 0; i < d->frames; i++) {
        dsm_pages(d)[i].next = i + 1 < d->frames ? i + 1 : NIL;
        dsm_pages(d)[i].wants = NIL;
    }
    for (uint32_t i = 0; i < d->entries; i++) {
        dsm_entries(d)[i].next = i + 1 < d->entries ? i + 1 : NIL;
    }
    for (uint32_t i = 0; i < d->requests; i++) {
        dsm_requests(d)[i].next = i + 1 < d->requests ? i + 1 : NIL;
    }
    d->free_pages = d->frames;
}

static void dsm_on_message(struct node *n, const struct msg *m, const struct msg_from *from) {
    if (!job_is_current(n, m)) {
        return; /* the job is over: a straggler */
    }
    switch (m->head.type) {
    case MSG_DSM_READ_REQ:
    case MSG_DSM_WRITE_REQ:
        dsm_on_request(n, m, from);
        break;
    case MSG_DSM_FETCH:
        dsm_on_fetch(n, m, from);
        break;
    case MSG_DSM_INVALIDATE:
        dsm_on_invalidate(n, m, from);
        break;
    case MSG_DSM_INV_ACK:
        dsm_on_inv_ack(n, m, from);
        break;
    case MSG_DSM_PAGE:
        dsm_on_page(n, m, from);
        break;
    case MSG_DSM_GRANT:
        dsm_on_grant(n, m, from);
        break;
    case MSG_DSM_DONE:
        dsm_on_done(n, m, from);
        break;
    case MSG_DSM_PUBLISH:
        dsm_on_publish(n, m, from);
        break;
    case MSG_DSM_PUBLISH_OK:
        dsm_on_publish_ok(n, m, from);
        break;
    default:
        node_refuse(n, "no message of the DSM", m->head.type, from->seat);
    }
}

static void dsm_on_event(struct node *n, const struct event *ev) {
    if (ev->type == EV_FAULT) {
        dsm_on_fault(n, ev);
    } else if (ev->type == EV_RAN) {
        dsm_on_ran(n, ev->ran.token);
    } else if (ev->type == EV_CALL && ev->call.op == CALL_PUBLISH) {
        dsm_on_call_publish(n, &ev->call);
    }
}

static uint64_t dsm_deadline_us(const struct node *n) {
    const struct dsm *d = node_state_const(n, SERVICE_DSM);

    uint64_t hold = d->hold_least_us == 0 ? UINT64_MAX : d->hold_least_us;
    uint64_t starved = d->starved_us == 0 ? UINT64_MAX : d->starved_us;

    return hold < starved ? hold : starved;
}

static void dsm_on_tick(struct node *n) {
    dsm_hold_tick(n);
    dsm_starved_tick(n);
}

/* After a view change: every request that has no whole answer yet goes to its manager again [D
 * 6.3]. */
static void dsm_resend(struct node *n) {
    struct dsm *d = dsm_of(n);

    for (uint32_t row = 0; row < d->frames; row++) {
        const struct dsm_page *p = &dsm_pages(d)[row];
        bool waits = p->state == PAGE_WAIT_READ || p->state == PAGE_WAIT_WRITE ||
                     p->state == PAGE_READ_WAIT || p->state == PAGE_OWNED_WAIT;
        if (waits && !p->published) {
            dsm_send_request(n, p);
        }
    }
}

/* ---- the end of pages ----------------------------------------------------------------------- */

static bool in_range(const struct dsm_page *p, job_id job, page_no first, uint32_t pages) {
    return p->state != PAGE_FREE && p->state != PAGE_FROZEN && p->job == job &&
           p->page - first < pages;
}

/* Every row of the range, through `visit`: by number when the range is short, else by a walk over
 * the table. */
static void visit_range(struct node *n, job_id job, page_no first, uint32_t pages,
                        void (*visit)(struct node *n, uint32_t row, uint32_t argument),
                        uint32_t argument) {
    struct dsm *d = dsm_of(n);

    if (pages <= d->frames / 4) {
        for (uint32_t i = 0; i < pages; i++) {
            uint32_t row = dsm_page_find(d, job, first + i);
            if (row != NIL) {
                visit(n, row, argument);
            }
        }
        return;
    }
    for (uint32_t row = 0; row < d->frames; row++) {
        if (in_range(&dsm_pages(d)[row], job, first, pages)) {
            visit(n, row, argument);
        }
    }
}

/* One effect for the whole range, however many pages it has: effects are bounded. */
static void limit_range(struct node *n, job_id job, page_no first, uint32_t pages,
                        enum access most) {
    struct effect *e = node_effect(n, FX_LIMIT);

    e->job = job;
    e->page = first;
    e->value = pages;
    e->right = (uint8_t)most;
}

/* What waits to be obeyed is of pages that the requester loses too. */
static void visit_unmap(struct node *n, uint32_t row, uint32_t unused) {
    struct dsm_page *p = &dsm_pages(dsm_of(n))[row];

    (void)unused;
    p->deferred.event = 0xFF;
    dsm_requeue_wants(n, row);
    p->mapped = ACCESS_NONE;
    dsm_page_free(n, row);
}

static void visit_protect(struct node *n, uint32_t row, uint32_t most) {
    struct dsm_page *p = &dsm_pages(dsm_of(n))[row];

    p->most = p->most > most ? (uint8_t)most : p->most;
    p->mapped = p->mapped > most ? (uint8_t)most : p->mapped;
}

static void unmap_range(struct node *n, job_id job, page_no first, uint32_t pages) {
    visit_range(n, job, first, pages, visit_unmap, 0);
    limit_range(n, job, first, pages, ACCESS_NONE);
    dsm_entries_drop(n, job, first, pages);
}

void dsm_unmap_range(struct node *n, job_id job, page_no first, uint32_t pages) {
    dsm_of(n)->unmapped = 1;
    unmap_range(n, job, first, pages);
    dsm_on_area(n, job, first); /* who waited for one of them asks again */
}

void dsm_protect_range(struct node *n, job_id job, page_no first, uint32_t pages,
                       enum access most) {
    visit_range(n, job, first, pages, visit_protect, most);
    limit_range(n, job, first, pages, most);
}

static void dsm_on_job_close(struct node *n, job_id job) {
    struct dsm *d = dsm_of(n);

    for (token_no token = 0; token < d->threads; token++) {
        struct dsm_thread *t = &dsm_threads(d)[token];
        for (uint32_t i = 0; i < HOLD_MAX; i++) {
            if (t->want[i].state == WANT_AREA && t->want[i].job == job) {
                dsm_want_drop(n, &t->want[i], token);
            }
        }
    }
    unmap_range(n, job, 0, PAGES);
}

/* ---- for people ----------------------------------------------------------------------------- */

static const char *const state_name[PAGE_STATES + 1] = {"free",       "wait-read", "wait-write",
                                                        "read",       "read+wait", "owned",
                                                        "owned+wait", "write",     "frozen"};

struct dsm_counters dsm_counters(const struct node *n) {
    const struct dsm *d = node_state_const(n, SERVICE_DSM);
    struct dsm_counters c = d->counters;

    c.frames_used = d->frames - d->free_pages;
    c.copies = c.frames_used - c.pages_owned;
    return c;
}

bool dsm_row(const struct node *n, uint32_t index, struct dsm_row *row) {
    const struct dsm *d = node_state_const(n, SERVICE_DSM);

    if (index >= d->frames) {
        return false;
    }
    const struct dsm_page *p = (const struct dsm_page *)((const uint8_t *)d + d->pages_at) + index;
    *row = (struct dsm_row){.job = p->job,
                            .page = p->page,
                            .state = state_name[p->state],
                            .version = p->version,
                            .holds = p->holds};
    return true;
}

const struct service_ops dsm_service = {
    .name = "dsm",
    .state_bytes = dsm_state_bytes,
    .init = dsm_init,
    .on_message = dsm_on_message,
    .on_event = dsm_on_event,
    .on_tick = dsm_on_tick,
    .deadline_us = dsm_deadline_us,
    .resend = dsm_resend,
    .on_job_close = dsm_on_job_close,
    .on_acked = dsm_on_acked,
};
