/* The world of jobs_world.h: order per pair, chance between pairs, doubles of the node and of the
 * DSM. Every message is checked as the door would; every handler runs inside a step, never inside
 * another. */
#include "tests/unit/jobs_world.h"
#include "services/dsm.h"

struct world w;
static struct effects effects;
static struct node *stepping; /* the node whose step runs; NULL: none */

void assert_failed(const char *what, const char *file, int line) {
    fprintf(stderr, "ASSERT %s at %s:%d\n", what, file, line);
    abort();
}

/* ---- parcels --------------------------------------------------------------------------------- */

static void parcel_put(struct parcels *p, const struct msg *m, uint32_t cookie) {
    struct parcel *new = calloc(1, sizeof(*new));

    memset(&new->m, 0xA5, sizeof(new->m)); /* what was not sent is nobody's business */
    memcpy(&new->m, m, sizeof(m->head) + m->head.size);
    new->cookie = cookie;
    if (p->last != NULL) {
        p->last->next = new;
    } else {
        p->first = new;
    }
    p->last = new;
    p->count++;
}

static struct parcel *parcel_take(struct parcels *p) {
    struct parcel *out = p->first;

    p->first = out->next;
    p->count--;
    if (p->first == NULL) {
        p->last = NULL;
    }
    return out;
}

static void parcels_free(struct parcels *p) {
    while (p->count != 0) {
        free(parcel_take(p));
    }
}

/* ---- the world ------------------------------------------------------------------------------- */

void world_start(uint32_t nodes, uint32_t threads, uint64_t seed) {
    memset(&w, 0, sizeof(w));
    w.nodes = nodes;
    w.limits = (struct limits){.threads = threads};
    w.dice = mix64(seed + 1) | 1;
    w.now_us = 1000;
    w.ahead_us = 5000000;
    w.all_keys_at = SEAT_NONE;
    for (uint32_t i = 0; i < nodes; i++) {
        w.node[i].index = i;
        w.node[i].now_us = w.now_us;
        for (uint32_t s = 1; s < SERVICES; s++) {
            uint32_t bytes = service_table[s]->state_bytes(&w.limits);
            assert_int_equal(bytes % 8, 0);
            w.node[i].state[s] = calloc(1, bytes);
            service_table[s]->init(&w.node[i], w.node[i].state[s], &w.limits);
        }
    }
}

void world_end(void) {
    for (uint32_t i = 0; i < w.nodes; i++) {
        for (uint32_t s = 1; s < SERVICES; s++) {
            free(w.node[i].state[s]);
        }
        for (uint32_t j = 0; j < w.nodes; j++) {
            parcels_free(&w.way[i][j]);
        }
        parcels_free(&w.acks[i]);
        parcels_free(&w.node[i].loopback);
    }
}

uint32_t world_dice(uint32_t sides) {
    return random_next(&w.dice) % sides;
}

/* ---- steps ----------------------------------------------------------------------------------- */

static void step_begin(struct node *n) {
    assert_null(stepping);
    stepping = n;
    n->now_us = w.now_us;
    n->fx = &effects;
    effects.count = 0;
    effects.arena_used = 0;
}

static void handle(struct node *n, const struct parcel *p, seat_id from) {
    struct msg_from origin = {.seat = from};
    enum service_no service = msg_service(p->m.head.type);

    assert_true(service != SERVICE_NONE);
    service_table[service]->on_message(n, &p->m, &origin);
    w.delivered++;
}

static void step_end(struct node *n) {
    for (uint32_t handled = 0; n->loopback.count != 0; handled++) {
        assert_true(handled < EFFECTS_MAX);
        struct parcel *p = parcel_take(&n->loopback);
        handle(n, p, (seat_id)n->index);
        if (p->cookie != 0) {
            service_table[msg_service(p->m.head.type)]->on_acked(n, p->cookie, false);
        }
        free(p);
    }
    stepping = NULL;
    for (uint32_t i = 0; i < effects.count && w.on_effect != NULL; i++) {
        w.on_effect(n, &effects.list[i]);
    }
}

void world_call(uint32_t node, const struct event_call *call) {
    struct event ev = {.type = EV_CALL, .now_us = w.now_us, .call = *call};

    step_begin(&w.node[node]);
    for (uint32_t s = 1; s < SERVICES; s++) {
        if (service_table[s]->on_event != NULL) {
            service_table[s]->on_event(&w.node[node], &ev);
        }
    }
    step_end(&w.node[node]);
}

void world_tick(uint32_t node) {
    step_begin(&w.node[node]);
    for (uint32_t s = 1; s < SERVICES; s++) {
        if (service_table[s]->on_tick != NULL) {
            service_table[s]->on_tick(&w.node[node]);
        }
    }
    step_end(&w.node[node]);
}

void world_resend(uint32_t node) {
    step_begin(&w.node[node]);
    for (uint32_t s = 1; s < SERVICES; s++) {
        if (service_table[s]->resend != NULL) {
            service_table[s]->resend(&w.node[node]);
        }
    }
    step_end(&w.node[node]);
}

bool world_deliver(uint32_t from, uint32_t to) {
    if (w.way[from][to].count == 0) {
        return false;
    }
    struct parcel *p = parcel_take(&w.way[from][to]);

    step_begin(&w.node[to]);
    handle(&w.node[to], p, (seat_id)from);
    step_end(&w.node[to]);
    if (p->cookie != 0) {
        parcel_put(&w.acks[from], &p->m, p->cookie);
    }
    free(p);
    return true;
}

void world_inject(uint32_t from, uint32_t to, const struct msg *m) {
    struct parcel p = {.m = *m};

    step_begin(&w.node[to]);
    handle(&w.node[to], &p, (seat_id)from);
    step_end(&w.node[to]);
}

static void acknowledge(uint32_t node) {
    struct parcel *p = parcel_take(&w.acks[node]);

    step_begin(&w.node[node]);
    service_table[msg_service(p->m.head.type)]->on_acked(&w.node[node], p->cookie, false);
    step_end(&w.node[node]);
    free(p);
}

uint32_t world_waiting(void) {
    uint32_t count = 0;

    for (uint32_t i = 0; i < w.nodes; i++) {
        count += w.acks[i].count;
        for (uint32_t j = 0; j < w.nodes; j++) {
            count += w.way[i][j].count;
        }
    }
    return count;
}

bool world_deliver_any(void) {
    if (world_waiting() == 0) {
        return false;
    }
    for (;;) {
        uint32_t from = world_dice(w.nodes);
        uint32_t to = world_dice(w.nodes + 1);
        if (to == w.nodes && w.acks[from].count != 0) {
            acknowledge(from);
            return true;
        }
        if (to < w.nodes && world_deliver(from, to)) {
            return true;
        }
    }
}

static uint64_t deadline_of(uint32_t node) {
    uint64_t least = UINT64_MAX;

    for (uint32_t s = 1; s < SERVICES; s++) {
        if (service_table[s]->deadline_us != NULL) {
            uint64_t at = service_table[s]->deadline_us(&w.node[node]);
            least = at < least ? at : least;
        }
    }
    return least;
}

static bool tick_due(void) {
    for (uint32_t i = 0; i < w.nodes; i++) {
        if (deadline_of(i) <= w.now_us) {
            world_tick(i);
            return true;
        }
    }
    return false;
}

void world_settle(void) {
    while (world_deliver_any() || tick_due()) {
    }
}

bool world_sleep(void) {
    uint64_t least = UINT64_MAX;

    for (uint32_t i = 0; i < w.nodes; i++) {
        uint64_t at = deadline_of(i);
        least = at < least ? at : least;
    }
    if (least == UINT64_MAX) {
        return false;
    }
    w.now_us = least > w.now_us ? least : w.now_us;
    for (uint32_t i = 0; i < w.nodes; i++) {
        w.node[i].now_us = w.now_us;
    }
    tick_due();
    return true;
}

/* ---- checks ---------------------------------------------------------------------------------- */

void world_check_empty(void) {
    for (uint32_t i = 0; i < w.nodes; i++) {
        struct node *n = &w.node[i];
        struct jobs *j = jobs_of(n);
        struct threads_row row;
        for (uint32_t k = 0; k < JOBS_MAX; k++) {
            assert_int_equal(j->local[k].state, LOCAL_FREE);
            assert_int_equal(j->entry[k].state, ENTRY_FREE);
        }
        for (token_no t = 0; threads_row(n, t, &row); t++) {
            assert_int_equal(threads_slot(n, t)->state, SLOT_FREE);
        }
        assert_int_equal(j->queries, 0);
        assert_int_equal(jobs_threads_index(j)->used, 0);
        assert_int_equal(jobs_readers_index(j)->used, 0);
        assert_int_equal(threads_index(threads_of(n))->used, 0);
        assert_int_equal(threads_of(n)->long_used, 0);
        assert_int_equal(sync_counts(n).entries, 0);
        assert_int_equal(sync_counts(n).waiting, 0);
        assert_int_equal(sync_counts(n).known, 0);
        for (uint32_t s = 1; s < SERVICES; s++) {
            assert_false(service_table[s]->busy != NULL && service_table[s]->busy(n));
        }
    }
}

uint64_t world_sent_all(void) {
    uint64_t sum = 0;

    for (uint32_t i = 0; i < MSGS; i++) {
        sum += w.sent[i];
    }
    return sum;
}

/* ---- doubles of the node --------------------------------------------------------------------- */

void *node_state(struct node *n, enum service_no service) {
    return n->state[service];
}
const void *node_state_const(const struct node *n, enum service_no service) {
    return n->state[service];
}
void msg_begin(struct node *n, struct msg *m, enum msg_type type, uint64_t key) {
    memset(m, 0xA5, sizeof(*m));
    memset(&m->head, 0, sizeof(m->head));
    memset(m->bytes, 0, msg_body_bytes((uint8_t)type) < 64 ? msg_body_bytes((uint8_t)type) : 64);
    m->head.type = (uint8_t)type;
    m->head.size = (uint16_t)msg_body_bytes((uint8_t)type);
    m->head.seat = node_seat(n);
    m->head.key = key;
}
void node_send_page(struct node *n, seat_id to, struct msg *m, struct frame_ref ref,
                    uint32_t cookie) {
    assert_ptr_equal(stepping, n);
    assert_true(to < w.nodes);
    assert_int_equal(ref.bytes, 0);
    const char *reason = msg_invalid(m, 0);
    if (reason != NULL) {
        fail_msg("%s: %s", msg_name(m->head.type), reason);
    }
    assert_true(sizeof(m->head) + m->head.size <= 128 || cookie != 0);
    if (to == n->index) {
        assert_true(n->loopback.count < LOOPBACK_LIMIT);
        parcel_put(&n->loopback, m, cookie);
        return;
    }
    w.sent[m->head.type]++;
    parcel_put(&w.way[n->index][to], m, cookie);
}
void node_send(struct node *n, seat_id to, struct msg *m) {
    node_send_page(n, to, m, (struct frame_ref){FRAME_NONE, 0, 0}, 0);
}
void adaptation_send(struct node *n, struct msg *m) {
    node_send(n, node_manager(n, m->head.key), m);
}
struct effect *effect_add(struct effects *fx, enum effect_type type) {
    assert_true(fx->count < EFFECTS_MAX);
    struct effect *e = &fx->list[fx->count++];
    memset(e, 0, sizeof(*e));
    e->type = (uint8_t)type;
    e->token = TOKEN_NONE;
    return e;
}
struct effect *node_effect(struct node *n, enum effect_type type) {
    assert_ptr_equal(stepping, n);
    return effect_add(n->fx, type);
}
void node_effect_bytes(struct node *n, struct effect *e, const void *bytes, uint32_t size) {
    struct effects *fx = n->fx;
    assert_true(fx->arena_used + size <= EFFECT_ARENA_BYTES);
    memcpy(fx->arena + fx->arena_used, bytes, size);
    e->bytes = fx->arena + fx->arena_used;
    e->size = (uint16_t)size;
    fx->arena_used += size;
}
seat_id node_seat(const struct node *n) {
    return (seat_id)n->index;
}
uint64_t node_now_us(const struct node *n) {
    return n->now_us;
}
uint64_t node_cluster_now_us(const struct node *n) {
    return n->now_us + w.ahead_us;
}
uint32_t node_random(struct node *n) {
    (void)n;
    return random_next(&w.dice);
}
const struct limits *node_limits(const struct node *n) {
    (void)n;
    return &w.limits;
}
seat_id node_manager(const struct node *n, uint64_t key) {
    (void)n;
    uint32_t seat = (uint32_t)(mix64(key) % w.nodes);

    return w.all_keys_at != SEAT_NONE ? w.all_keys_at : (seat_id)seat;
}
uint32_t node_members(const struct node *n, seat_id seats[MEMBERS_MAX]) {
    (void)n;
    for (uint32_t i = 0; i < w.nodes; i++) {
        seats[i] = (seat_id)i;
    }
    return w.nodes;
}
bool node_is_stable(const struct node *n) {
    (void)n;
    return !w.is_unstable;
}
void node_refuse(struct node *n, const char *what, uint64_t a, uint64_t b) {
    (void)n, (void)what, (void)a, (void)b;
    w.refused++;
}
void node_report(struct node *n, enum report code, uint32_t a, uint32_t b, uint32_t c,
                 const char *text) {
    (void)n, (void)a, (void)b, (void)c, (void)text;
    w.reported[code]++;
}
void trace(struct node *n, enum trace_what what, uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
    (void)n, (void)what, (void)a, (void)b, (void)c, (void)d;
}

/* ---- doubles of the DSM ---------------------------------------------------------------------- */

void dsm_unmap_range(struct node *n, job_id job, page_no first, uint32_t pages) {
    (void)job;
    if (w.on_unmap != NULL) {
        w.on_unmap(n, first, pages);
    }
}
void dsm_protect_range(struct node *n, job_id job, page_no first, uint32_t pages,
                       enum access most) {
    (void)job;
    if (w.on_protect != NULL) {
        w.on_protect(n, first, pages, most);
    }
}
void dsm_on_area(struct node *n, job_id job, page_no page) {
    if (w.on_area != NULL) {
        w.on_area(n, job, page);
    }
}
void dsm_token_gone(struct node *n, token_no token) {
    assert_non_null(threads_slot(n, token));
}
static uint32_t dsm_bytes(const struct limits *limits) {
    (void)limits;
    return 8;
}
static void dsm_init(struct node *n, void *state, const struct limits *limits) {
    (void)n, (void)state, (void)limits;
}
static void dsm_on_tick(struct node *n) {
    if (w.on_dsm_tick != NULL) {
        w.on_dsm_tick(n);
    }
}
const struct service_ops dsm_service = {
    .name = "dsm", .state_bytes = dsm_bytes, .init = dsm_init, .on_tick = dsm_on_tick};
