/* The world of dsm_world.h: one node's DSM, everything around it a double. */
#include "tests/unit/dsm_world.h"

struct dsm_world dw;

void assert_failed(const char *what, const char *file, int line) {
    fprintf(stderr, "ASSERT %s at %s:%d\n", what, file, line);
    abort();
}

/* ---- the world ------------------------------------------------------------------------------- */

void dsm_world_start_with(const struct limits *limits) {
    memset(&dw, 0, sizeof(dw));
    dw.limits = *limits;
    dw.random = 1;
    dw.node.now_us = 1000000;
    dw.manager = MANAGER;
    dw.generation = GENERATION;
    dw.area = AREA_YES;
    dw.birth = BIRTH;
    dw.most = ACCESS_WRITE;
    for (uint32_t i = 0; i < WORLD_THREADS; i++) {
        dw.job_of[i] = JOB;
    }
    uint32_t bytes = dsm_service.state_bytes(limits);
    dw.state = calloc(1, bytes);
    assert_non_null(dw.state);
    dsm_service.init(&dw.node, dw.state, limits);
    dsm_world_check();
}

void dsm_world_start(uint32_t frames) {
    dsm_world_start_with(&(struct limits){
        .frames = frames, .entries = 2 * frames, .threads = WORLD_THREADS, .waiters = 64});
}

void dsm_world_end(void) {
    free(dw.state);
    dw.state = NULL;
}

/* ---- events ---------------------------------------------------------------------------------- */

static void begin(void) {
    dw.sent_count = 0;
    dw.fx.count = 0;
    dw.fx.arena_used = 0;
    dw.refused = 0;
    dw.area_asks = 0;
}

void fault(token_no token, page_no page, enum access access) {
    struct event ev = {.type = EV_FAULT, .fault = {token, page, access}};

    begin();
    dsm_service.on_event(&dw.node, &ev);
    dsm_world_check();
}

void call_publish(page_no first, uint32_t pages) {
    struct event ev = {.type = EV_CALL, .call = {.op = CALL_PUBLISH, .token = 0}};

    ev.call.arg[0] = first;
    ev.call.arg[1] = pages;
    begin();
    dsm_service.on_event(&dw.node, &ev);
    dsm_world_check();
}

void ran(token_no token) {
    struct event ev = {.type = EV_RAN, .ran = {token}};

    begin();
    dsm_service.on_event(&dw.node, &ev);
    dsm_world_check();
}

void tick_at(uint64_t now_us) {
    begin();
    dw.node.now_us = now_us;
    dsm_service.on_tick(&dw.node);
    dsm_world_check();
}

void token_gone(token_no token) {
    begin();
    dsm_token_gone(&dw.node, token);
    dsm_world_check();
}

void acked(uint32_t cookie, bool lost) {
    begin();
    dsm_service.on_acked(&dw.node, cookie, lost);
    dsm_world_check();
}

void area_learnt(page_no page) {
    begin();
    dsm_on_area(&dw.node, JOB, page);
    dsm_world_check();
}

void unmap(page_no first, uint32_t pages) {
    begin();
    dsm_unmap_range(&dw.node, JOB, first, pages);
    dsm_world_check();
}

void protect(page_no first, uint32_t pages, enum access most) {
    begin();
    dsm_protect_range(&dw.node, JOB, first, pages, most);
    dsm_world_check();
}

void job_close(void) {
    begin();
    dsm_service.on_job_close(&dw.node, JOB);
    dw.generation = 0;
    dsm_world_check();
}

void resend(void) {
    begin();
    dsm_service.resend(&dw.node);
    dsm_world_check();
}

struct msg message(enum msg_type type, page_no page, seat_id requester, uint32_t op) {
    struct msg m;

    memset(&m, 0xA5, sizeof(m));
    memset(&m.head, 0, sizeof(m.head));
    memset(&m.dsm, 0, sizeof(m.dsm));
    m.head.type = (uint8_t)type;
    m.head.size = (uint16_t)msg_body_bytes((uint8_t)type);
    m.head.generation = GENERATION;
    m.head.seat = requester;
    m.head.key = key_make(SERVICE_DSM, JOB, page);
    m.head.op = op;
    m.dsm.birth = BIRTH;
    return m;
}

void hear(seat_id from, const struct msg *m) {
    struct msg_from origin = {.seat = from};

    begin();
    if (m->head.type == MSG_DSM_PAGE) {
        uint32_t offset = m->dsm.part * (uint32_t)PAGE_PART_BYTES;
        uint32_t left = PAGE_BYTES - offset;
        origin.contents = dw.contents + offset;
        origin.contents_bytes = left < PAGE_PART_BYTES ? left : PAGE_PART_BYTES;
    }
    assert_null(msg_invalid(m, origin.contents_bytes));
    dsm_service.on_message(&dw.node, m, &origin);
    dsm_world_check();
}

void hear_part(page_no page, uint32_t op, enum access access, uint16_t part, uint16_t acks) {
    struct msg m = message(MSG_DSM_PAGE, page, SELF, op);

    m.head.version = 4;
    m.dsm.access = (uint8_t)access;
    m.dsm.part = part;
    m.dsm.acks = acks;
    hear(OWNER, &m);
}

void hear_page(page_no page, uint32_t op, enum access access, uint16_t acks) {
    for (uint16_t part = 0; part < PAGE_PARTS; part++) {
        hear_part(page, op, access, part, acks);
    }
}

void hear_grant(page_no page, uint32_t op, uint8_t flags, uint16_t acks) {
    struct msg m = message(MSG_DSM_GRANT, page, SELF, op);

    m.head.version = 4;
    m.dsm.access = ACCESS_WRITE;
    m.dsm.flags = flags;
    m.dsm.acks = acks;
    hear(dw.manager, &m);
}

/* ---- what came of it ------------------------------------------------------------------------- */

uint32_t sent_of(enum msg_type type) {
    uint32_t count = 0;

    for (uint32_t i = 0; i < dw.sent_count; i++) {
        count += dw.sent[i].m.head.type == type;
    }
    return count;
}

const struct sent *sent_to(enum msg_type type, seat_id to) {
    const struct sent *found = NULL;

    assert_int_equal(sent_of(type), 1);
    for (uint32_t i = 0; i < dw.sent_count; i++) {
        if (dw.sent[i].m.head.type == type) {
            found = &dw.sent[i];
        }
    }
    assert_non_null(found);
    assert_int_equal(found->to, to);
    return found;
}

void sent_nothing(void) {
    assert_int_equal(dw.sent_count, 0);
}

uint32_t effects_of(enum effect_type type) {
    uint32_t count = 0;

    for (uint32_t i = 0; i < dw.fx.count; i++) {
        count += dw.fx.list[i].type == type;
    }
    return count;
}

const struct effect *effect_only(enum effect_type type) {
    const struct effect *found = NULL;

    assert_int_equal(effects_of(type), 1);
    for (uint32_t i = 0; i < dw.fx.count; i++) {
        if (dw.fx.list[i].type == type) {
            found = &dw.fx.list[i];
        }
    }
    return found;
}

bool woken(token_no token, int32_t result) {
    uint32_t count = 0;

    for (uint32_t i = 0; i < dw.fx.count; i++) {
        const struct effect *e = &dw.fx.list[i];
        count += e->type == FX_WAKE && e->token == token && e->result == result;
    }
    return count == 1;
}

struct dsm_page *page_row(page_no page) {
    struct dsm *d = dsm_of(&dw.node);
    uint32_t row = dsm_page_find(d, JOB, page);

    return row != NIL ? &dsm_pages(d)[row] : NULL;
}

enum page_state state_of(page_no page) {
    const struct dsm_page *p = page_row(page);

    return p != NULL ? (enum page_state)p->state : PAGE_FREE;
}

const struct dsm_entry *entry_of(page_no page) {
    struct dsm *d = dsm_of(&dw.node);
    const uint32_t *bucket = dsm_at(d, d->entry_bucket_at);

    for (uint32_t b = 0; b < d->entry_buckets; b++) {
        for (uint32_t i = bucket[b]; i != NIL; i = dsm_entries(d)[i].next) {
            if (dsm_entries(d)[i].page == page && dsm_entries(d)[i].job == JOB) {
                return &dsm_entries(d)[i];
            }
        }
    }
    return NULL;
}

uint32_t op_of(page_no page) {
    const struct dsm_page *p = page_row(page);

    assert_non_null(p);
    return p->op;
}

uint64_t deadline(void) {
    return dsm_service.deadline_us(&dw.node);
}

uint32_t frames_used(void) {
    return dsm_counters(&dw.node).frames_used;
}

/* ---- a page in a state ----------------------------------------------------------------------- */

/* Its contents are with a reader too: owner and reader have the right to read. */
static void lend(page_no page) {
    struct msg m = message(MSG_DSM_FETCH, page, 3, 77);
    uint32_t cookie;

    m.dsm.access = ACCESS_READ;
    hear(dw.manager, &m);
    cookie = dw.sent[0].cookie;
    for (uint32_t i = 0; i < PAGE_PARTS; i++) {
        acked(cookie, false);
    }
}

/* Token 0 asks and has run. */
void page_bring(page_no page, enum page_state state) {
    const token_no token = 0;
    bool reads = state == PAGE_WAIT_READ || state == PAGE_READ || state == PAGE_READ_WAIT;

    if (state == PAGE_FREE) {
        return;
    }
    fault(token, page, reads ? ACCESS_READ : ACCESS_WRITE);
    if (state == PAGE_WAIT_READ || state == PAGE_WAIT_WRITE) {
        assert_int_equal(state_of(page), state);
        return;
    }
    hear_page(page, op_of(page), reads ? ACCESS_READ : ACCESS_WRITE, 0);
    ran(token);
    if (state == PAGE_OWNED || state == PAGE_OWNED_WAIT) {
        lend(page);
    }
    if (state == PAGE_READ_WAIT || state == PAGE_OWNED_WAIT) {
        fault(token, page, ACCESS_WRITE);
    }
    assert_int_equal(state_of(page), state);
}
