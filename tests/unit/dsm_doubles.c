/* What the DSM calls: doubles of the node and of the job service, and the check of its tables. */
#include "tests/unit/dsm_world.h"

/* ---- the node -------------------------------------------------------------------------------- */

void *node_state(struct node *n, enum service_no service) {
    assert_ptr_equal(n, &dw.node);
    assert_int_equal(service, SERVICE_DSM);
    return dw.state;
}
const void *node_state_const(const struct node *n, enum service_no service) {
    assert_ptr_equal(n, &dw.node);
    assert_int_equal(service, SERVICE_DSM);
    return dw.state;
}
void msg_begin(struct node *n, struct msg *m, enum msg_type type, uint64_t key) {
    memset(m, 0xA5, sizeof(*m)); /* whatever a sender forgets to fill shows */
    memset(&m->head, 0, sizeof(m->head));
    memset(&m->dsm, 0, sizeof(m->dsm));
    m->head.type = (uint8_t)type;
    m->head.size = (uint16_t)msg_body_bytes((uint8_t)type);
    m->head.seat = node_seat(n);
    m->head.key = key;
}
void node_send_page(struct node *n, seat_id to, struct msg *m, struct frame_ref ref,
                    uint32_t cookie) {
    struct sent *s = &dw.sent[dw.sent_count++];

    assert_ptr_equal(n, &dw.node);
    assert_true(dw.sent_count < SENT_MAX);
    assert_true(to < MEMBERS_MAX);
    assert_true(to != SELF || ref.bytes == 0);
    assert_true(ref.bytes == 0 || (cookie != 0 && ref.frame < dw.limits.frames));
    const char *reason = msg_invalid(m, ref.bytes);
    if (reason != NULL) {
        fail_msg("%s: %s", msg_name(m->head.type), reason);
    }
    s->to = to;
    s->ref = ref;
    s->cookie = cookie;
    memcpy(&s->m, m, sizeof(m->head) + m->head.size);
}
void node_send(struct node *n, seat_id to, struct msg *m) {
    node_send_page(n, to, m, (struct frame_ref){FRAME_NONE, 0, 0}, 0);
}
void adaptation_send(struct node *n, struct msg *m) {
    node_send(n, node_manager(n, m->head.key), m);
}
struct effect *node_effect(struct node *n, enum effect_type type) {
    struct effect *e = &dw.fx.list[dw.fx.count++];

    assert_ptr_equal(n, &dw.node);
    assert_true(dw.fx.count < EFFECTS_MAX);
    memset(e, 0, sizeof(*e));
    e->type = (uint8_t)type;
    e->token = TOKEN_NONE;
    e->frame = FRAME_NONE;
    return e;
}
void node_wake(struct node *n, token_no token, int32_t result) {
    struct effect *e = node_effect(n, FX_WAKE);

    e->token = token;
    e->result = result;
}
seat_id node_seat(const struct node *n) {
    (void)n;
    return SELF;
}
uint64_t node_now_us(const struct node *n) {
    return n->now_us;
}
uint32_t node_random(struct node *n) {
    (void)n;
    return random_next(&dw.random);
}
const struct limits *node_limits(const struct node *n) {
    (void)n;
    return &dw.limits;
}
/* Every seat that there can be is a member's. */
uint32_t node_members(const struct node *n, seat_id seats[MEMBERS_MAX]) {
    (void)n;
    for (seat_id seat = 0; seat < MEMBERS_MAX; seat++) {
        seats[seat] = seat;
    }
    return MEMBERS_MAX;
}

seat_id node_manager(const struct node *n, uint64_t key) {
    (void)n, (void)key;
    return dw.manager;
}
void node_refuse(struct node *n, const char *what, uint64_t a, uint64_t b) {
    (void)n, (void)what, (void)a, (void)b;
    dw.refused++;
}
void node_report(struct node *n, enum report code, uint32_t a, uint32_t b, uint32_t c,
                 const char *text) {
    (void)n, (void)a, (void)b, (void)c, (void)text;
    dw.reports[code]++;
}
void trace(struct node *n, enum trace_what what, uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
    (void)n, (void)what, (void)a, (void)b, (void)c, (void)d;
}

/* ---- the job service ------------------------------------------------------------------------- */

uint16_t job_generation(const struct node *n, job_id job) {
    (void)n;
    return job == JOB ? dw.generation : 0;
}
bool job_is_current(const struct node *n, const struct msg *m) {
    uint16_t generation = job_generation(n, key_job(m->head.key));

    return generation != 0 && generation == m->head.generation;
}
bool job_page_is_gone(const struct node *n, job_id job, page_no page, uint16_t birth) {
    (void)n, (void)job, (void)page;
    return dw.gone && birth == dw.birth;
}
job_id job_of_token(const struct node *n, token_no token) {
    (void)n;
    return token < dw.limits.threads ? dw.job_of[token] : 0;
}
void job_msg_begin(struct node *n, struct msg *m, enum msg_type type, uint64_t key) {
    msg_begin(n, m, type, key);
    m->head.generation = job_generation(n, key_job(key));
}
void job_end(struct node *n, job_id job, uint32_t status) {
    (void)n;
    assert_int_equal(job, JOB);
    dw.ended++;
    dw.end_status = status;
}
enum area_answer job_area_check(struct node *n, job_id job, page_no page, enum access access,
                                struct area_info *info) {
    (void)n, (void)page, (void)access;
    assert_int_equal(job, JOB);
    dw.area_asks++;
    if (dw.area == AREA_YES) {
        *info = (struct area_info){
            .first = 0, .pages = PAGES, .birth = dw.birth, .most = (uint8_t)dw.most};
    }
    return dw.area;
}

/* ---- the tables ------------------------------------------------------------------------------ */

static void check_free_rows(struct dsm *d) {
    uint32_t count = 0;

    for (uint32_t row = d->free_page; row != NIL; row = dsm_pages(d)[row].next) {
        assert_true(row < d->frames && count < d->frames);
        assert_int_equal(dsm_pages(d)[row].state, PAGE_FREE);
        assert_int_equal(dsm_pages(d)[row].pins, 0);
        count++;
    }
    assert_int_equal(count, d->free_pages);
}

/* The wants on a page's list: threads that wait for it or hold it. */
static void check_wants(struct dsm *d, uint32_t row) {
    const struct dsm_page *p = &dsm_pages(d)[row];
    uint32_t holds = 0, length = 0;

    for (uint32_t i = p->wants; i != NIL; length++) {
        assert_true(i / HOLD_MAX < d->threads && length < d->threads * HOLD_MAX);
        const struct dsm_want *w = &dsm_threads(d)[i / HOLD_MAX].want[i % HOLD_MAX];
        assert_true(w->state == WANT_WAITING || w->state == WANT_HELD);
        assert_true(w->row == row && w->page == p->page && w->job == p->job);
        bool has = dsm_state_right((enum page_state)p->state) >= (enum access)w->access;
        assert_true(w->state == WANT_HELD || !has);
        holds += w->state == WANT_HELD;
        i = w->next;
    }
    assert_int_equal(holds, p->holds);
}

static bool waits(const struct dsm_page *p) {
    return p->state == PAGE_WAIT_READ || p->state == PAGE_WAIT_WRITE ||
           p->state == PAGE_READ_WAIT || p->state == PAGE_OWNED_WAIT;
}

static void check_rows(struct dsm *d) {
    uint32_t used = 0, owned = 0;

    for (uint32_t row = 0; row < d->frames; row++) {
        const struct dsm_page *p = &dsm_pages(d)[row];
        if (p->state == PAGE_FREE) {
            assert_int_equal(p->wants, NIL);
            continue;
        }
        used++;
        assert_true(p->state <= PAGE_FROZEN && p->pins <= PINS_MAX);
        check_wants(d, row);
        if (p->state == PAGE_FROZEN) {
            assert_true(p->pins > 0 && p->mapped == ACCESS_NONE && p->wants == NIL);
            continue;
        }
        assert_int_equal(dsm_page_find(d, p->job, p->page), row);
        enum access right = dsm_state_right((enum page_state)p->state);
        assert_true(p->mapped <= right && p->mapped <= p->most);
        assert_true(p->deferred.event == 0xFF || p->holds > 0);
        assert_true(waits(p) == (p->op != 0));
        owned += p->state == PAGE_OWNED || p->state == PAGE_OWNED_WAIT || p->state == PAGE_WRITE;
    }
    assert_int_equal(used, d->frames - d->free_pages);
    assert_int_equal(owned, d->counters.pages_owned);
}

static void check_threads(struct dsm *d) {
    for (token_no token = 0; token < d->threads; token++) {
        const struct dsm_thread *t = &dsm_threads(d)[token];
        uint32_t waiting = 0, held = 0;
        for (uint32_t i = 0; i < HOLD_MAX; i++) {
            waiting += t->want[i].state == WANT_AREA || t->want[i].state == WANT_WAITING;
            held += t->want[i].state == WANT_HELD;
        }
        assert_int_equal(waiting, t->waiting);
        assert_true(held == 0 || t->hold_until_us != 0);
        assert_true(t->hold_until_us == 0 || d->hold_least_us <= t->hold_until_us);
        assert_true(t->hold_until_us == 0 || d->hold_least_us != 0);
    }
}

static uint32_t check_entry(struct dsm *d, const struct dsm_entry *e) {
    uint32_t queued = 0;

    assert_true(e->owner == SEAT_NONE || e->owner < MEMBERS_MAX);
    for (uint32_t i = e->first; i != NIL; i = dsm_requests(d)[i].next) {
        assert_true(i < d->requests && queued < d->requests);
        assert_true(dsm_requests(d)[i].next != NIL || e->last == i);
        queued++;
    }
    assert_true(queued == 0 || e->busy != ACCESS_NONE);
    bool owner_is_copy = e->owner != SEAT_NONE &&
                         (e->copies[e->owner / 32] >> e->owner % 32 & 1) != 0;
    assert_true(!owner_is_copy || e->busy != ACCESS_NONE);
    return queued;
}

static void check_entries(struct dsm *d) {
    const uint32_t *bucket = dsm_at(d, d->entry_bucket_at);
    uint32_t used = 0, queued = 0, left = 0, free_requests = 0;

    for (uint32_t b = 0; b < d->entry_buckets; b++) {
        for (uint32_t i = bucket[b]; i != NIL; i = dsm_entries(d)[i].next) {
            assert_true(i < d->entries && used < d->entries);
            queued += check_entry(d, &dsm_entries(d)[i]);
            used++;
        }
    }
    for (uint32_t i = d->free_entry; i != NIL; i = dsm_entries(d)[i].next) {
        assert_true(left++ < d->entries);
    }
    for (uint32_t i = d->free_request; i != NIL; i = dsm_requests(d)[i].next) {
        assert_true(free_requests++ < d->requests);
    }
    assert_int_equal(used + left, d->entries);
    assert_int_equal(used, d->counters.entries);
    assert_int_equal(queued + free_requests, d->requests);
}

void dsm_world_check(void) {
    struct dsm *d = dsm_of(&dw.node);

    check_free_rows(d);
    check_rows(d);
    check_threads(d);
    check_entries(d);
}
