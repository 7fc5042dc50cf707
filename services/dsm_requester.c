/* The requester's part of the DSM: a thread's fault becomes a want, a page that is missing becomes
 * one request to its manager, and the answer (contents from the owner, or a grant) plus the acks of
 * dropped copies become a right. */
#include "services/dsm_private.h"

static bool satisfied(const struct dsm_page *p, const struct dsm_want *w) {
    return dsm_state_right((enum page_state)p->state) >= (enum access)w->access;
}

void dsm_send_request(struct node *n, const struct dsm_page *p) {
    bool write = p->state != PAGE_WAIT_READ;
    uint64_t key = key_make(SERVICE_DSM, p->job, p->page);
    struct msg m;

    job_msg_begin(n, &m, write ? MSG_DSM_WRITE_REQ : MSG_DSM_READ_REQ, key);
    m.head.op = p->op;
    /* of the copy: it may be lost before the request comes to its turn */
    m.head.version = p->version;
    m.dsm.birth = p->birth;
    m.dsm.access = write ? ACCESS_WRITE : ACCESS_READ;
    m.dsm.flags = p->state == PAGE_READ_WAIT || p->state == PAGE_OWNED_WAIT ? DSM_HAS_COPY : 0;
    dsm_of(n)->counters.requests++;
    adaptation_send(n, &m);
}

/* A new request for the row, whose state says already what it waits for. */
static void begin_request(struct node *n, struct dsm_page *p) {
    struct dsm *d = dsm_of(n);

    d->next_op += d->next_op == UINT32_MAX ? 2 : 1; /* 0: no request */
    p->op = d->next_op;
    p->acks_got = 0;
    p->acks_wanted = 0;
    p->parts = 0;
    p->zero = 0;
    p->granted = ACCESS_NONE;
    dsm_send_request(n, p);
}

void dsm_ask(struct node *n, uint32_t row, enum access access) {
    struct dsm_page *p = &dsm_pages(dsm_of(n))[row];
    enum page_event pev = access == ACCESS_WRITE ? PEV_WRITE_FAULT : PEV_READ_FAULT;
    const struct page_rule *rule = &dsm_rule[pev][p->state];

    ASSERT(rule->action == ACT_ASK);
    dsm_page_set(n, row, (enum page_state)rule->next);
    begin_request(n, p);
}

/* Wakes the thread once none of its pages is missing any more. */
static void wake_if_complete(struct node *n, token_no token) {
    if (dsm_threads(dsm_of(n))[token].waiting == 0) {
        node_wake(n, token, 0);
    }
}

void dsm_serve_wants(struct node *n, uint32_t row) {
    struct dsm *d = dsm_of(n);
    struct dsm_page *p = &dsm_pages(d)[row];
    bool unsatisfied = false;

    dsm_page_map(n, row);
    for (uint32_t i = p->wants; i != NIL;) {
        token_no token = i / HOLD_MAX;
        struct dsm_want *w = &dsm_threads(d)[token].want[i % HOLD_MAX];
        i = w->next;
        if (w->state != WANT_WAITING) {
            continue;
        }
        if (!satisfied(p, w)) {
            unsatisfied = true;
            continue;
        }
        dsm_want_held(n, token, w);
        wake_if_complete(n, token);
    }
    const struct page_rule *rule = &dsm_rule[PEV_WRITE_FAULT][p->state];
    if (unsatisfied && rule->action == ACT_ASK) {
        dsm_ask(n, row, ACCESS_WRITE);
    }
}

/* A thread's fault fails as a whole: its other wants are given up, the world decides (SIGSEGV,
 * -EFAULT). */
static void fail_thread(struct node *n, token_no token, int32_t result) {
    dsm_token_gone(n, token);
    node_wake(n, token, result);
}

/* Who waits for the page asks for its area anew: something else may be mapped there by now, so only
 * a younger answer may refuse. dsm_on_area() goes on with them. */
void dsm_requeue_wants(struct node *n, uint32_t row) {
    struct dsm *d = dsm_of(n);
    struct dsm_page *p = &dsm_pages(d)[row];

    ASSERT(p->deferred.event == 0xFF); /* else the last hold would obey it */
    while (p->wants != NIL) {
        token_no token = p->wants / HOLD_MAX;
        struct dsm_want *w = &dsm_threads(d)[token].want[p->wants % HOLD_MAX];

        if (w->state == WANT_HELD) {
            dsm_want_drop(n, w, token);
        } else {
            p->wants = w->next;
            w->state = WANT_AREA;
            w->row = NIL;
        }
    }
    ASSERT(p->holds == 0);
}

/* ---- faults --------------------------------------------------------------------------------- */

enum { STARVED_RETRY_US = 1000 }; /* ours: a page's way out takes about as long */

static void out_of_frames(struct node *n, job_id job) {
    node_report(n, REPORT_NO_MEMORY, job, node_limits(n)->frames, 0, NULL);
    job_end(n, job, 9); /* SIGKILL, as Linux's out-of-memory killer */
}

/* The want stays as it is, without a row, when waiting may help. */
static void no_frame(struct node *n, token_no token, struct dsm_want *w) {
    struct dsm *d = dsm_of(n);
    job_id job = w->job;

    if (dsm_frames_may_come(d, token)) {
        d->starved_us = node_now_us(n) + STARVED_RETRY_US;
        return;
    }
    dsm_want_drop(n, w, token);
    out_of_frames(n, job);
}

/* Puts the want on the row's list, and does what the table says for the fault. */
static void join_row(struct node *n, token_no token, struct dsm_want *w, uint32_t row) {
    struct dsm *d = dsm_of(n);
    struct dsm_page *p = &dsm_pages(d)[row];
    enum page_event pev = w->access == ACCESS_WRITE ? PEV_WRITE_FAULT : PEV_READ_FAULT;
    const struct page_rule *rule = &dsm_rule[pev][p->state];

    w->state = WANT_WAITING;
    w->row = row;
    w->next = p->wants;
    p->wants = token * HOLD_MAX + (uint32_t)(w - dsm_threads(d)[token].want);
    if (rule->action == ACT_ASK) {
        dsm_ask(n, row, (enum access)w->access);
    } else if (rule->action == ACT_SERVE) {
        dsm_serve_wants(n, row);
    }
}

/* A page that was published before its area was unmapped, and came after. */
static bool is_stale(const struct dsm_page *p, const struct area_info *area) {
    return p->birth != area->birth && p->wants == NIL && p->mapped == ACCESS_NONE;
}

/* The area is known and allows the access. */
static void want_page(struct node *n, token_no token, struct dsm_want *w,
                      const struct area_info *area) {
    struct dsm *d = dsm_of(n);
    uint32_t row = dsm_page_find(d, w->job, w->page);

    if (row != NIL && is_stale(&dsm_pages(d)[row], area)) {
        dsm_page_free(n, row);
        row = NIL;
    }
    if (row == NIL) {
        row = dsm_page_new(n, w->job, w->page);
        if (row == NIL) {
            no_frame(n, token, w);
            return;
        }
        dsm_pages(d)[row].birth = area->birth;
    }
    dsm_pages(d)[row].most = (uint8_t)area->most;
    join_row(n, token, w, row);
}

static void check_area(struct node *n, token_no token, struct dsm_want *w) {
    struct area_info area = {0};
    enum area_answer answer = job_area_check(n, w->job, w->page, (enum access)w->access, &area);

    if (answer == AREA_ASKED) {
        return; /* dsm_on_area() tries again */
    }
    if (answer == AREA_NO) {
        node_report(n, REPORT_JOB_FAULT, w->job, token, w->page * PAGE_BYTES, NULL);
        fail_thread(n, token, -ERR_FAULT);
        return;
    }
    want_page(n, token, w, &area);
}

void dsm_on_fault(struct node *n, const struct event *ev) {
    struct dsm *d = dsm_of(n);
    token_no token = ev->fault.token;
    job_id job = job_of_token(n, token);

    ASSERT(token < d->threads && job != 0);
    trace(n, TR_FAULT, ev->fault.access, ev->fault.page, token, 0);
    if (ev->fault.access == ACCESS_WRITE) {
        d->counters.write_faults++;
    } else {
        d->counters.read_faults++;
    }
    struct dsm_want *w = dsm_want_new(n, token, job, ev->fault.page);
    if (w == NULL) {
        fail_thread(n, token, -ERR_FAULT); /* more pages at once than a call may need */
        return;
    }
    if (w->state == WANT_WAITING || w->state == WANT_AREA) {
        w->access = w->access > ev->fault.access ? w->access : (uint8_t)ev->fault.access;
        return; /* asked for already */
    }
    if (w->state == WANT_HELD) {
        dsm_want_drop(n, w, token); /* the same page with a greater right: anew */
        w = dsm_want_new(n, token, job, ev->fault.page);
    }
    w->access = (uint8_t)ev->fault.access;
    w->state = WANT_AREA;
    dsm_threads(d)[token].waiting++;
    check_area(n, token, w);
}

/* Every fault that has no row looks again; job 0: of all jobs. */
static void look_again(struct node *n, job_id job) {
    struct dsm *d = dsm_of(n);
    for (token_no token = 0; token < d->threads; token++) {
        struct dsm_thread *t = &dsm_threads(d)[token];
        for (uint32_t i = 0; i < HOLD_MAX && t->waiting != 0; i++) {
            if (t->want[i].state == WANT_AREA && (job == 0 || t->want[i].job == job)) {
                check_area(n, token, &t->want[i]);
            }
        }
    }
}

void dsm_on_area(struct node *n, job_id job, page_no page) {
    (void)page; /* an area is many pages: every fault of the job that waits for one */
    look_again(n, job);
}

void dsm_starved_tick(struct node *n) {
    struct dsm *d = dsm_of(n);

    if (d->starved_us != 0 && d->starved_us <= node_now_us(n)) {
        d->starved_us = 0;
        look_again(n, 0);
    }
}

/* ---- answers -------------------------------------------------------------------------------- */

/* The row that awaits this answer, or NIL: a straggler of an unmapped area, a closed job or an old
 * request. */
static uint32_t awaiting_row(struct node *n, const struct msg *m) {
    struct dsm *d = dsm_of(n);
    uint32_t row = dsm_page_find(d, key_job(m->head.key), (page_no)key_index(m->head.key));

    if (row == NIL) {
        return NIL;
    }
    const struct dsm_page *p = &dsm_pages(d)[row];
    bool awaited = p->op != 0 && p->op == m->head.op && p->birth == m->dsm.birth;
    return awaited ? row : NIL;
}

static enum page_event answer_event(const struct dsm_page *p) {
    if (p->zero) {
        return PEV_GRANT_ZERO;
    }
    if (p->parts == 0) {
        return PEV_GRANT_RIGHTS;
    }
    return p->granted == ACCESS_WRITE ? PEV_PAGE_WRITE : PEV_PAGE_READ;
}

static void send_done(struct node *n, const struct dsm_page *p) {
    struct msg m;

    job_msg_begin(n, &m, MSG_DSM_DONE, key_make(SERVICE_DSM, p->job, p->page));
    m.head.op = p->op;
    m.head.version = p->version;
    m.dsm.birth = p->birth;
    m.dsm.access = p->granted;
    adaptation_send(n, &m);
}

/* Contents or grant, and every ack: the transaction is over. */
static void install_if_complete(struct node *n, uint32_t row) {
    struct dsm_page *p = &dsm_pages(dsm_of(n))[row];

    if (p->granted == ACCESS_NONE || p->acks_got < p->acks_wanted) {
        return;
    }
    const struct page_rule *rule = &dsm_rule[answer_event(p)][p->state];
    if (rule->action != ACT_INSTALL) {
        /* a manager invalidates or fetches a page only when its requester is done */
        node_refuse(n, "the page was taken while its answer was coming", p->page, p->state);
        return;
    }
    if (p->zero) {
        node_effect(n, FX_ZERO)->frame = row;
    }
    dsm_page_set(n, row, (enum page_state)rule->next);
    if (!p->published) {
        send_done(n, p);
    }
    p->published = 0;
    p->op = 0;
    dsm_serve_wants(n, row);
}

/* An answer whose kind fits the state; else a peer is broken. */
static bool is_awaited(const struct dsm_page *p, enum page_event pev) {
    return p->granted == ACCESS_NONE && dsm_rule[pev][p->state].action == ACT_INSTALL;
}

void dsm_on_page(struct node *n, const struct msg *m, const struct msg_from *from) {
    struct dsm *d = dsm_of(n);
    uint32_t row = awaiting_row(n, m);

    if (row == NIL && (m->dsm.flags & DSM_PUBLISHED) != 0) {
        row = dsm_published_row(n, m);
    }
    if (row == NIL) {
        return; /* stray */
    }
    struct dsm_page *p = &dsm_pages(d)[row];
    enum page_event pev = m->dsm.access == ACCESS_WRITE ? PEV_PAGE_WRITE : PEV_PAGE_READ;
    if (m->dsm.part != p->parts || !is_awaited(p, pev)) {
        node_refuse(n, "a page part out of order, or that nobody awaits", m->dsm.part, p->parts);
        return;
    }

    struct effect *e = node_effect(n, FX_COPY_IN);
    e->frame = row;
    e->offset = (uint16_t)(m->dsm.part * PAGE_PART_BYTES);
    e->bytes = from->contents;
    e->size = (uint16_t)from->contents_bytes;
    p->parts++;
    if (p->parts < PAGE_PARTS) {
        return;
    }
    d->counters.pages_in++;
    p->version = m->head.version;
    p->granted = m->dsm.access;
    p->acks_wanted = m->dsm.acks;
    install_if_complete(n, row);
}

void dsm_on_grant(struct node *n, const struct msg *m, const struct msg_from *from) {
    uint32_t row = awaiting_row(n, m);

    (void)from;
    if (row == NIL) {
        return; /* stray */
    }
    struct dsm_page *p = &dsm_pages(dsm_of(n))[row];
    bool zero = (m->dsm.flags & DSM_ZERO) != 0;
    if (p->parts != 0 || !is_awaited(p, zero ? PEV_GRANT_ZERO : PEV_GRANT_RIGHTS)) {
        node_refuse(n, "a second grant, or one that nobody awaits", p->page, m->head.op);
        return;
    }

    dsm_of(n)->counters.grants++;
    p->version = m->head.version;
    p->granted = ACCESS_WRITE;
    p->zero = zero;
    p->acks_wanted = m->dsm.acks;
    install_if_complete(n, row);
}

void dsm_on_inv_ack(struct node *n, const struct msg *m, const struct msg_from *from) {
    uint32_t row = awaiting_row(n, m);

    (void)from;
    if (row == NIL) {
        return; /* stray */
    }
    struct dsm_page *p = &dsm_pages(dsm_of(n))[row];
    p->acks_got++; /* may come before the grant that says how many */
    install_if_complete(n, row);
}
