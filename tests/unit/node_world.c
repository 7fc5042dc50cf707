/* The world of node_world.h. */
#include "tests/unit/node_world.h"

struct node_world nw;

void assert_failed(const char *what, const char *file, int line) {
    fprintf(stderr, "ASSERT %s at %s:%d\n", what, file, line);
    abort();
}

static const uint8_t page_of_zeroes[PAGE_BYTES];

uint64_t nw_mac(uint32_t node) {
    return MAC_FIRST + node;
}

seat_id nw_seat(uint32_t node) {
    return node_seat(nw.node[node].n);
}

struct link_set *nw_links(uint32_t node) {
    struct node *n = nw.node[node].n;

    return (struct link_set *)(void *)((uint8_t *)n + n->link_offset);
}

/* ---- effects --------------------------------------------------------------------------------- */

static void fly(uint32_t from, uint32_t to, const uint8_t *bytes, uint32_t size) {
    assert_true(nw.flights < FLIGHT_MAX);
    struct flight *f = &nw.flight[nw.flights++];

    *f = (struct flight){nw.now_us + LAN_US, nw_mac(from), to, size, malloc(size)};
    assert_non_null(f->bytes);
    memcpy(f->bytes, bytes, size);
}

static void perform_send(uint32_t node, const struct effect *e) {
    uint8_t bytes[DATAGRAM_BYTES_MAX];
    uint32_t size = e->size + (uint32_t)e->ref.bytes;

    assert_in_range(size, sizeof(struct datagram_head), sizeof(bytes));
    assert_true(e->ref.bytes == 0 || e->ref.frame < nw.limits.frames);
    link_seal(e->datagram, e->size, page_of_zeroes, e->ref.bytes);
    memcpy(bytes, e->datagram, e->size);
    memcpy(bytes + e->size, page_of_zeroes, e->ref.bytes);
    nw.node[node].sent++;
    struct datagram_head head;
    memcpy(&head, bytes, sizeof(head));
    if (head.kind != KIND_DIRECT) {
        nw.node[node].last = head;
    }
    for (uint32_t to = 0; to < nw.nodes; to++) {
        bool meant = e->to == 0 || e->to == nw_mac(to);
        if (meant && to != node && !nw.node[node].cut && !nw.node[to].cut) {
            fly(node, to, bytes, size);
        }
    }
}

static struct world_slot *slot_of(uint32_t node, token_no token) {
    assert_true(token < nw.limits.threads);
    return &nw.node[node].slot[token];
}

static void perform_thread(uint32_t node, const struct effect *e) {
    struct world_slot *s = slot_of(node, e->token);

    if (e->type == FX_THREAD_START) {
        assert_int_equal(s->state, SLOT_EMPTY);
        *s = (struct world_slot){SLOT_RUNS, e->job, e->value, 0};
    } else if (e->type == FX_THREAD_STOP) {
        assert_int_not_equal(s->state, SLOT_EMPTY);
        s->state = SLOT_EMPTY;
    } else if (e->type == FX_WAKE) {
        assert_int_equal(s->state, SLOT_WAITS); /* never woken twice */
        s->state = SLOT_RUNS;
        s->result = e->result;
    } else {
        assert_int_equal(s->state, SLOT_WAITS);
        s->state = SLOT_COMPARES;
    }
}

static void perform(uint32_t node, const struct effect *e) {
    struct world_node *w = &nw.node[node];

    switch (e->type) {
    case FX_SEND:
        perform_send(node, e);
        break;
    case FX_THREAD_START:
    case FX_THREAD_STOP:
    case FX_WAKE:
    case FX_FUTEX_COMPARE:
        perform_thread(node, e);
        break;
    case FX_JOB_STARTED:
        w->job = e->result == 0 ? e->job : 0;
        break;
    case FX_JOB_EXIT:
        w->jobs_exited++;
        break;
    case FX_COPY_IN:
        assert_true(e->frame < nw.limits.frames && e->offset + e->size <= PAGE_BYTES);
        assert_int_equal(memcmp(e->bytes, page_of_zeroes, 1) & 0, 0); /* readable */
        break;
    case FX_REPORT:
        assert_true(e->value < REPORTS);
        w->reports[e->value]++;
        break;
    default:
        assert_true(e->type > FX_NONE && e->type < EFFECTS);
    }
}

/* ---- events ---------------------------------------------------------------------------------- */

void nw_step(uint32_t node, struct event *ev) {
    ev->now_us = nw.now_us;
    node_step(nw.node[node].n, ev, &nw.fx);
    if (nw.on_step != NULL) {
        nw.on_step(node);
    }
    for (uint32_t i = 0; i < nw.fx.count; i++) {
        perform(node, &nw.fx.list[i]);
    }
}

void nw_datagram(uint32_t node, uint64_t from_mac, const uint8_t *bytes, uint32_t size) {
    struct event ev = {.type = EV_DATAGRAM, .datagram = {from_mac, bytes, size}};

    nw_step(node, &ev);
}

void nw_tick(uint32_t node) {
    nw_step(node, &(struct event){.type = EV_TICK});
}

void nw_fault(uint32_t node, token_no token, page_no page, enum access access) {
    assert_true(slot_of(node, token)->state == SLOT_RUNS);
    slot_of(node, token)->state = SLOT_WAITS;
    nw_step(node, &(struct event){.type = EV_FAULT, .fault = {token, page, access}});
}

void nw_call(uint32_t node, const struct event_call *call) {
    struct event ev = {.type = EV_CALL, .call = *call};

    if (call->token != TOKEN_NONE) {
        struct world_slot *s = slot_of(node, call->token);
        bool compared = call->op == CALL_FUTEX_COMPARED;
        assert_int_equal(s->state, compared ? SLOT_COMPARES : SLOT_RUNS);
        s->state = SLOT_WAITS;
    }
    nw_step(node, &ev);
}

/* ---- time ------------------------------------------------------------------------------------ */

static void deliver(uint32_t i) {
    struct flight f = nw.flight[i];

    memmove(&nw.flight[i], &nw.flight[i + 1], (--nw.flights - i) * sizeof(f));
    if (!nw.node[f.to].cut) {
        nw_datagram(f.to, f.from, f.bytes, f.size);
    }
    free(f.bytes);
}

/* The next thing that happens, not after `until_us`; false: nothing does. */
static bool advance(uint64_t until_us) {
    uint64_t at_us = nw.flights != 0 ? nw.flight[0].at_us : UINT64_MAX;
    uint32_t who = NODES_MAX;

    for (uint32_t i = 0; i < nw.nodes; i++) {
        uint64_t deadline = nw.node[i].cut ? UINT64_MAX : node_deadline_us(nw.node[i].n);
        if (deadline < at_us) {
            at_us = deadline;
            who = i;
        }
    }
    if (at_us > until_us) {
        return false;
    }
    nw.now_us = at_us > nw.now_us ? at_us : nw.now_us;
    if (who == NODES_MAX) {
        deliver(0);
    } else {
        nw_tick(who);
    }
    return true;
}

void nw_run(uint64_t until_us) {
    while (advance(until_us)) {
    }
    nw.now_us = until_us > nw.now_us ? until_us : nw.now_us;
}

void nw_for(uint64_t us) {
    nw_run(nw.now_us + us);
}

static bool is_settled(void) {
    bool settled = true;

    for (uint32_t i = 0; i < nw.nodes; i++) {
        const struct node *n = nw.node[i].n;
        settled = settled && node_is_stable(n) && node_view(n)->count == nw.nodes;
    }
    return settled;
}

void nw_settle(void) {
    uint64_t end_us = nw.now_us + 10000000;

    while (!is_settled()) {
        assert_true(nw.now_us < end_us);
        nw_for(1000);
    }
}

token_no nw_job(uint32_t node) {
    struct world_node *w = &nw.node[node];

    w->job = 0;
    NW_CALL(node, CALL_RUN, TOKEN_NONE, 1);
    nw_for(100000);
    assert_int_not_equal(w->job, 0);
    for (token_no token = 0; token < nw.limits.threads; token++) {
        if (w->slot[token].state == SLOT_RUNS && w->slot[token].tid == w->job) {
            return token;
        }
    }
    fail_msg("the main thread of job %u does not run", w->job);
    return TOKEN_NONE;
}

int32_t nw_wait(uint32_t node, token_no token) {
    uint64_t end_us = nw.now_us + 1000000;

    while (slot_of(node, token)->state != SLOT_RUNS) {
        assert_true(nw.now_us < end_us);
        nw_for(100);
    }
    return slot_of(node, token)->result;
}

/* ---- making ---------------------------------------------------------------------------------- */

void nw_start(uint32_t nodes, uint64_t seed) {
    memset(&nw, 0, sizeof(nw));
    nw.nodes = nodes;
    nw.now_us = 1000000;
    nw.random = mix64(seed + 1) | 1;
    nw.limits = (struct limits){.frames = 32, .entries = 64, .threads = SLOTS_MAX,
                                .waiters = 64, .link_small = 256, .link_big = 64};
    for (uint32_t i = 0; i < nodes; i++) {
        size_t bytes = node_size(&nw.limits);
        struct event_start self = {.nonce = mix64(seed * 100 + i + 1) | 1, .mac = nw_mac(i),
                                   .build_id = 5, .expect = (uint16_t)nodes};
        assert_int_equal(bytes % 8, 0);
        void *mem = malloc(bytes);
        assert_non_null(mem);
        memset(mem, 0x5A, bytes);
        nw.node[i].n = node_init(mem, &nw.limits);
        nw_step(i, &(struct event){.type = EV_START, .start = &self});
    }
}

void nw_end(void) {
    for (uint32_t i = 0; i < nw.nodes; i++) {
        free(nw.node[i].n);
    }
    for (uint32_t i = 0; i < nw.flights; i++) {
        free(nw.flight[i].bytes);
    }
    nw.flights = 0;
}

uint32_t nw_forge(uint8_t *out, uint32_t from, uint32_t to, const struct msg *m,
                  uint32_t contents_bytes) {
    const struct link_peer *p = link_peer_at(nw_links(to), nw_seat(from));
    const struct view *v = node_view(nw.node[to].n);
    uint32_t bytes = (uint32_t)sizeof(m->head) + m->head.size;
    struct datagram_head head = nw.node[from].last; /* cluster, identity */

    head.epoch = v->epoch;
    head.kind = KIND_DATA;
    head.flags = 0;
    head.sequence = p->want;
    head.ack = p->base;
    head.sack = 0;
    head.tag = p->tag;
    assert_true(sizeof(head) + bytes + contents_bytes <= DATAGRAM_BYTES_MAX);
    memcpy(out, &head, sizeof(head));
    memcpy(out + sizeof(head), m, bytes);
    memset(out + sizeof(head) + bytes, 0, contents_bytes);
    link_seal(out, (uint32_t)sizeof(head) + bytes + contents_bytes, NULL, 0);
    return (uint32_t)sizeof(head) + bytes + contents_bytes;
}
