/* The manager's part of the DSM: one directory entry per page that was ever touched, one
 * transaction of a page at a time, a queue for the rest. It knows the owner and who may have a
 * copy; it never sees contents.
 *
 * A missing entry means never touched: this slice is complete, since no member leaves or joins
 * while a job runs in this version [P 8.7]. Copies are recorded before they are sent; the owner is
 * never in the copy set. */
#include "services/dsm_private.h"

/* ---- entries -------------------------------------------------------------------------------- */

static uint32_t *bucket_of(struct dsm *d, job_id job, page_no page) {
    uint32_t *buckets = dsm_at(d, d->entry_bucket_at);
    uint32_t hash = (page * 2654435761u) ^ (job * 40503u); /* Knuth's multiplicative hash */

    return &buckets[(hash >> 8) & (d->entry_buckets - 1)];
}

struct dsm_entry *dsm_entry_find(struct dsm *d, job_id job, page_no page) {
    uint32_t i = *bucket_of(d, job, page);

    while (i != NIL) {
        struct dsm_entry *e = &dsm_entries(d)[i];
        if (e->page == page && e->job == job) {
            return e;
        }
        i = e->next;
    }
    return NULL;
}

/* Everything but page, job and chain: as if nobody had touched the page. */
static void entry_reset(struct dsm *d, struct dsm_entry *e, uint16_t birth) {
    while (e->first != NIL) {
        struct dsm_request *r = &dsm_requests(d)[e->first];
        uint32_t next = r->next;
        r->next = d->free_request;
        d->free_request = e->first;
        e->first = next;
    }
    e->last = NIL;
    e->birth = birth;
    e->owner = SEAT_NONE;
    e->busy = ACCESS_NONE;
    e->publishing = 0;
    e->version = 0;
    memset(e->copies, 0, sizeof(e->copies));
}

static struct dsm_entry *entry_new(struct dsm *d, job_id job, page_no page, uint16_t birth) {
    uint32_t i = d->free_entry;

    if (i == NIL) {
        return NULL;
    }
    struct dsm_entry *e = &dsm_entries(d)[i];
    uint32_t *bucket = bucket_of(d, job, page);
    d->free_entry = e->next;
    e->page = page;
    e->job = job;
    e->next = *bucket;
    *bucket = i;
    e->first = NIL;
    d->counters.entries++;
    entry_reset(d, e, birth);
    return e;
}

/* A page's entry, made when it is missing. NULL: the table is full, or the request is of an area
 * that is gone. */
static struct dsm_entry *entry_for(struct node *n, const struct msg *m) {
    struct dsm *d = dsm_of(n);
    job_id job = key_job(m->head.key);
    page_no page = (page_no)key_index(m->head.key);
    struct dsm_entry *e = dsm_entry_find(d, job, page);

    if (e == NULL) {
        if (job_page_is_gone(n, job, page, m->dsm.birth)) {
            return NULL;
        }
        e = entry_new(d, job, page, m->dsm.birth);
        if (e == NULL) {
            node_report(n, REPORT_NO_ENTRIES, job, d->entries, 0, NULL);
            job_end(n, job, 9); /* SIGKILL, as for any other memory that is out */
        }
        return e;
    }
    if (job_birth_is_older(m->dsm.birth, e->birth)) {
        return NULL;
    }
    if (e->birth != m->dsm.birth) {
        entry_reset(d, e, m->dsm.birth);
    }
    return e;
}

static void copy_add(struct dsm_entry *e, seat_id seat) {
    e->copies[seat / 32] |= 1u << seat % 32;
}

static void copy_remove(struct dsm_entry *e, seat_id seat) {
    e->copies[seat / 32] &= ~(1u << seat % 32);
}

static bool copy_has(const struct dsm_entry *e, seat_id seat) {
    return (e->copies[seat / 32] & 1u << seat % 32) != 0;
}

/* ---- transactions --------------------------------------------------------------------------- */

static void send_to(struct node *n, const struct dsm_entry *e, enum msg_type type, seat_id to,
                    struct msg *m) {
    m->head.type = (uint8_t)type;
    m->head.seat = e->busy_seat;
    m->head.op = e->busy_op;
    m->dsm.birth = e->birth;
    m->dsm.access = e->busy;
    node_send(n, to, m);
}

static void begin_message(struct node *n, const struct dsm_entry *e, struct msg *m) {
    job_msg_begin(n, m, MSG_DSM_FETCH, key_make(SERVICE_DSM, e->job, e->page));
}

/* Tells every copy but the requester's to go; they answer to the requester. How many were told. */
static uint16_t invalidate_copies(struct node *n, struct dsm_entry *e) {
    uint16_t told = 0;

    for (uint32_t word = 0; word < SEATS_MAX / 32; word++) {
        for (uint32_t left = e->copies[word]; left != 0; left &= left - 1) {
            seat_id seat = (seat_id)(word * 32 + (uint32_t)__builtin_ctz(left));
            struct msg m;
            if (seat == e->busy_seat) {
                continue;
            }
            begin_message(n, e, &m);
            send_to(n, e, MSG_DSM_INVALIDATE, seat, &m);
            told++;
        }
    }
    memset(e->copies, 0, sizeof(e->copies));
    return told;
}

static void grant(struct node *n, const struct dsm_entry *e, uint8_t flags, uint16_t acks) {
    struct msg m;

    begin_message(n, e, &m);
    m.head.version = e->version + 1;
    m.dsm.flags = flags;
    m.dsm.acks = acks;
    send_to(n, e, MSG_DSM_GRANT, e->busy_seat, &m);
}

static void fetch(struct node *n, const struct dsm_entry *e, uint16_t acks) {
    struct msg m;

    begin_message(n, e, &m);
    m.head.version = e->busy == ACCESS_WRITE ? e->version + 1 : e->version;
    m.dsm.acks = acks;
    send_to(n, e, MSG_DSM_FETCH, e->owner, &m);
}

static void start_write(struct node *n, struct dsm_entry *e, bool has_copy) {
    bool rights = e->owner == e->busy_seat || (has_copy && copy_has(e, e->busy_seat));

    if (rights && e->owner != e->busy_seat) {
        copy_add(e, e->owner); /* the old owner's page is one more copy that must go */
    }
    uint16_t acks = invalidate_copies(n, e);
    if (rights) {
        grant(n, e, 0, acks);
    } else {
        fetch(n, e, acks);
    }
}

static void start(struct node *n, struct dsm_entry *e, const struct dsm_request *r) {
    ASSERT(e->busy == ACCESS_NONE);
    e->busy = r->access;
    e->busy_seat = r->seat;
    e->busy_op = r->op;
    trace(n, TR_ENTRY, e->page, e->owner, e->version, r->seat);

    if (e->owner == SEAT_NONE) {
        e->busy = ACCESS_WRITE;
        grant(n, e, DSM_ZERO, 0);
    } else if (r->access == ACCESS_WRITE) {
        start_write(n, e, (r->flags & DSM_HAS_COPY) != 0 && r->version == e->version);
    } else if (e->owner == r->seat) {
        node_refuse(n, "the owner asks to read its own page", e->page, r->seat);
        e->busy = ACCESS_NONE;
    } else {
        copy_add(e, r->seat);
        fetch(n, e, 0);
    }
}

/* A node asks for a page once at a time. A request that is here already, under way or queued, is a
 * repetition after a view change [P 9.10]. */
static bool has_request(struct node *n, const struct dsm_entry *e, const struct msg *m) {
    struct dsm *d = dsm_of(n);
    bool busy = e->busy != ACCESS_NONE && !e->publishing && e->busy_seat == m->head.seat;
    uint32_t op = e->busy_op;

    for (uint32_t i = e->first; i != NIL && !busy; i = dsm_requests(d)[i].next) {
        busy = dsm_requests(d)[i].seat == m->head.seat;
        op = dsm_requests(d)[i].op;
    }
    if (busy && op != m->head.op) {
        node_refuse(n, "a second request of one node for a page", e->page, m->head.seat);
    }
    return busy;
}

/* Threads of the cluster that wait for pages of this manager bound the pool [D 6.2]. */
static bool has_room(struct node *n, const struct dsm_entry *e) {
    const struct dsm *d = dsm_of(n);

    if (d->free_request != NIL) {
        return true;
    }
    node_report(n, REPORT_NO_REQUESTS, e->job, d->requests, 0, NULL);
    job_end(n, e->job, 9); /* SIGKILL, as for any other memory that is out */
    return false;
}

static void enqueue(struct dsm *d, struct dsm_entry *e, const struct dsm_request *r) {
    uint32_t i = d->free_request;

    ASSERT(i != NIL);
    d->free_request = dsm_requests(d)[i].next;
    dsm_requests(d)[i] = *r;
    dsm_requests(d)[i].next = NIL;
    if (e->first == NIL) {
        e->first = i;
    } else {
        dsm_requests(d)[e->last].next = i;
    }
    e->last = i;
}

static void start_next(struct node *n, struct dsm_entry *e) {
    struct dsm *d = dsm_of(n);

    while (e->busy == ACCESS_NONE && e->first != NIL) {
        uint32_t i = e->first;
        struct dsm_request r = dsm_requests(d)[i];

        e->first = r.next;
        dsm_requests(d)[i].next = d->free_request;
        d->free_request = i;
        start(n, e, &r);
    }
}

void dsm_on_request(struct node *n, const struct msg *m, const struct msg_from *from) {
    struct dsm *d = dsm_of(n);
    bool write = m->head.type == MSG_DSM_WRITE_REQ;
    struct dsm_request r = {.seat = m->head.seat,
                            .op = m->head.op,
                            .version = m->head.version,
                            .access = write ? ACCESS_WRITE : ACCESS_READ,
                            .flags = m->dsm.flags};

    if (m->head.seat != from->seat) {
        node_refuse(n, "a request in another node's name", m->head.seat, from->seat);
        return;
    }
    struct dsm_entry *e = entry_for(n, m);
    if (e == NULL || has_request(n, e, m) || !has_room(n, e)) {
        return;
    }

    enqueue(d, e, &r);
    start_next(n, e);
}

void dsm_on_done(struct node *n, const struct msg *m, const struct msg_from *from) {
    struct dsm_entry *e =
        dsm_entry_find(dsm_of(n), key_job(m->head.key), (page_no)key_index(m->head.key));

    if (e == NULL || e->birth != m->dsm.birth) {
        return; /* unmapped meanwhile */
    }
    if (e->busy == ACCESS_NONE || e->busy_seat != from->seat || e->busy_op != m->head.op) {
        if (!dsm_of(n)->unmapped) { /* else another straggler may have made the entry anew */
            node_refuse(n, "DONE of no transaction", e->page, m->head.op);
        }
        return;
    }

    if (e->busy == ACCESS_WRITE) {
        e->version++;
        e->owner = from->seat;
        copy_remove(e, from->seat);
    }
    e->busy = ACCESS_NONE;
    e->publishing = 0;
    start_next(n, e);
}

/* ---- the end of pages ----------------------------------------------------------------------- */

static void entry_free(struct dsm *d, uint32_t i, uint32_t *link) {
    struct dsm_entry *e = &dsm_entries(d)[i];

    entry_reset(d, e, 0);
    *link = e->next;
    e->job = 0;
    e->next = d->free_entry;
    d->free_entry = i;
    d->counters.entries--;
}

/* The entry of one page, if there is one. */
static void drop_entry_of(struct dsm *d, job_id job, page_no page) {
    uint32_t *link = bucket_of(d, job, page);

    while (*link != NIL) {
        const struct dsm_entry *e = &dsm_entries(d)[*link];
        if (e->job == job && e->page == page) {
            entry_free(d, *link, link);
            return;
        }
        link = &dsm_entries(d)[*link].next;
    }
}

void dsm_entries_drop(struct node *n, job_id job, page_no first, uint32_t pages) {
    struct dsm *d = dsm_of(n);
    uint32_t *buckets = dsm_at(d, d->entry_bucket_at);

    for (uint32_t i = 0; pages <= d->entries / 4 && i < pages; i++) {
        drop_entry_of(d, job, first + i);
    }
    for (uint32_t b = 0; pages > d->entries / 4 && b < d->entry_buckets; b++) {
        uint32_t *link = &buckets[b];
        while (*link != NIL) {
            const struct dsm_entry *e = &dsm_entries(d)[*link];
            if (e->job == job && e->page - first < pages) {
                entry_free(d, *link, link);
            } else {
                link = &dsm_entries(d)[*link].next;
            }
        }
    }
}
