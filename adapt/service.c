/* What a service may ask of the node that runs it (adapt/service.h): effects, time, the view, its
 * own identity. Sending stands in adapt/node.c, beside the links. Pure. */
#include "adapt/service.h"
#include "adapt/node.h"

struct effects *node_fx(struct node *n) {
    ASSERT(n->scratch_fx != 0);
    return (struct effects *)(uintptr_t)n->scratch_fx;
}

struct effect *effect_add(struct effects *fx, enum effect_type type) {
    ASSERT(fx->count < EFFECTS_MAX);
    struct effect *e = &fx->list[fx->count++];

    memset(e, 0, offsetof(struct effect, head)); /* the head is written whole, or not at all */
    e->type = (uint8_t)type;
    e->token = TOKEN_NONE;
    e->frame = FRAME_NONE;
    return e;
}

uint8_t *effect_room(struct effects *fx, uint32_t size) {
    uint8_t *room = fx->arena + fx->arena_used;

    ASSERT(size <= EFFECT_ARENA_BYTES - fx->arena_used);
    fx->arena_used += (size + 7u) & ~7u;
    ASSERT(fx->arena_used <= EFFECT_ARENA_BYTES);
    return room;
}

struct effect *node_effect(struct node *n, enum effect_type type) {
    return effect_add(node_fx(n), type);
}

void node_effect_bytes(struct node *n, struct effect *e, const void *bytes, uint32_t size) {
    uint8_t *room = effect_room(node_fx(n), size);

    memcpy(room, bytes, size);
    e->bytes = room;
    e->size = (uint16_t)size;
}

void node_wake(struct node *n, token_no token, int32_t result) {
    struct effect *e = node_effect(n, FX_WAKE);

    e->token = token;
    e->result = result;
    trace(n, TR_WAKE, token, (uint32_t)result, 0, 0);
}

const struct view *node_view(const struct node *n) {
    return &n->member.view;
}

seat_id node_seat(const struct node *n) {
    if (n->known_epoch == n->member.view.epoch && n->known_epoch != 0) {
        return n->known_seat;
    }
    const struct view_member *self = view_by_mac(&n->member.view, n->self.mac);

    return self != NULL && self->nonce == n->self.nonce ? self->seat : SEAT_NONE;
}

node_id node_self_id(const struct node *n) {
    const struct view_member *self = view_by_seat(&n->member.view, node_seat(n));

    return self != NULL ? self->id : 0;
}

uint64_t node_now_us(const struct node *n) {
    return n->now_us;
}

uint64_t node_cluster_us(const struct node *n, uint64_t now_us) {
    return now_us + n->time_offset_us;
}

uint64_t node_wall_us(const struct node *n, uint64_t now_us) {
    const struct view *v = &n->member.view;
    uint64_t wall_s = v->epoch != 0 ? v->wall_s : n->self.wall_s;

    return wall_s * 1000000 + node_cluster_us(n, now_us);
}

uint64_t node_cluster_now_us(const struct node *n) {
    return node_cluster_us(n, n->now_us);
}

uint32_t node_random(struct node *n) {
    return random_next(&n->random);
}

const struct limits *node_limits(const struct node *n) {
    return &n->limits;
}

seat_id node_manager(const struct node *n, uint64_t key) {
    ASSERT(n->member.view.epoch != 0);
    return locate(&n->member.view, key);
}

uint32_t node_members(const struct node *n, seat_id seats[MEMBERS_MAX]) {
    const struct view *v = &n->member.view;

    for (uint32_t i = 0; i < v->count; i++) {
        seats[i] = v->member[i].seat;
    }
    return v->count;
}

const struct trace_ring *node_trace(const struct node *n) {
    return &n->trace;
}

bool node_jobs_running(const struct node *n) {
    for (uint32_t i = 1; i < SERVICES; i++) {
        if (service_table[i]->busy != NULL && service_table[i]->busy(n)) {
            return true;
        }
    }
    return false;
}

void node_refuse(struct node *n, const char *what, uint64_t a, uint64_t b) {
    (void)what;
    n->counters.refused++;
    trace(n, TR_REFUSED, 0, (uint32_t)a, (uint32_t)b, 0);
}
