/* See member_world.h. One global world at a time: the fakes of node_* find theirs by it. */
#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "member_world.h"

static struct member_world *world;

void assert_failed(const char *what, const char *file, int line) {
    fprintf(stderr, "ASSERT %s at %s:%d\n", what, file, line);
    abort();
}

static uint32_t dice(struct member_world *w, uint32_t sides) {
    return random_next(&w->random) % sides;
}

static struct world_node *owner(const struct node *n) {
    for (uint32_t i = 0; i < world->count; i++) {
        if (&world->node[i].n == n) {
            return &world->node[i];
        }
    }
    abort();
}

/* ---- the fakes ------------------------------------------------------------------------------- */

struct effect *node_effect(struct node *n, enum effect_type type) {
    struct effect *e = &world->fx.list[world->fx.count++];

    (void)n;
    assert_true(world->fx.count < EFFECTS_MAX);
    memset(e, 0, sizeof(*e));
    e->type = (uint8_t)type;
    return e;
}

void node_effect_bytes(struct node *n, struct effect *e, const void *bytes, uint32_t size) {
    uint8_t *room = world->fx.arena + world->fx.arena_used;

    (void)n;
    world->fx.arena_used += (size + 7) & ~7u;
    assert_true(world->fx.arena_used <= sizeof(world->fx.arena));
    memcpy(room, bytes, size);
    e->bytes = room;
    e->size = (uint16_t)size;
}

void msg_begin(struct node *n, struct msg *m, enum msg_type type, uint64_t key) {
    (void)n;
    memset(m, 0xA5, sizeof(*m)); /* whatever a sender forgets to fill shows */
    memset(&m->head, 0, sizeof(m->head));
    m->head.type = (uint8_t)type;
    m->head.size = (uint16_t)msg_body_bytes((uint8_t)type);
    m->head.key = key;
}

uint32_t node_random(struct node *n) {
    return random_next(&n->random);
}

void node_refuse(struct node *n, const char *what, uint64_t a, uint64_t b) {
    (void)what;
    n->counters.refused++;
    trace(n, TR_REFUSED, 0, (uint32_t)a, (uint32_t)b, 0);
}

void node_view_installed(struct node *n) {
    owner(n)->view_changes++;
}

bool node_jobs_running(const struct node *n) {
    return owner(n)->jobs;
}

/* A handshake takes 1 ms, and the other side must know this node. */
bool node_link_open(struct node *n, seat_id seat) {
    struct world_node *wn = owner(n);
    const struct view_member *peer = view_by_seat(&n->member.view, seat);

    assert_non_null(peer);
    if (peer->nonce == n->self.nonce) {
        return true;
    }
    if (wn->links_us[seat] == 0) {
        wn->links_us[seat] = n->now_us;
    }
    for (uint32_t i = 0; i < world->count; i++) {
        const struct node *other = &world->node[i].n;
        if (other->self.nonce == peer->nonce && member_sender(other, n->self.mac, n->self.nonce)) {
            return n->now_us >= wn->links_us[seat] + 1000;
        }
    }
    return false;
}

static void fly(struct member_world *w, uint64_t from, uint32_t to, const struct msg *m) {
    for (uint32_t i = 0; i < WORLD_FLIGHT; i++) {
        if (w->flight[i].at_us == 0) {
            w->flight[i].at_us = w->now_us + 100 + dice(w, w->delay_us + 1);
            w->flight[i].from = from;
            w->flight[i].to = to;
            memcpy(&w->flight[i].m, m, sizeof(m->head) + m->head.size);
            return;
        }
    }
    abort();
}

static void damage(struct member_world *w, uint64_t from, uint32_t to, const struct msg *m) {
    struct msg bad;
    uint32_t bytes = (uint32_t)sizeof(m->head) + m->head.size;

    memcpy(&bad, m, bytes);
    for (uint32_t k = 1 + dice(w, 3); k != 0; k--) {
        uint32_t at = 24 + dice(w, dice(w, 4) ? 48 : m->head.size);
        if (at < bytes) {
            ((uint8_t *)&bad)[at] ^= (uint8_t)(1u << dice(w, 8));
        }
    }
    if (dice(w, 8) == 0) {
        bad.head.key ^= 1u << dice(w, 3);
    }
    fly(w, from, to, &bad);
}

void node_send_direct(struct node *n, uint64_t to_mac, const struct msg *m) {
    struct world_node *from = owner(n);
    struct member_world *w = world;

    assert_int_equal(msg_way(m->head.type), WAY_DATAGRAM);
    assert_null(msg_invalid(m, 0));
    from->sent[m->head.type]++;
    for (uint32_t i = 0; i < w->count; i++) {
        struct world_node *to = &w->node[i];
        if (to == from || !to->up || (to_mac != 0 && to->n.self.mac != to_mac)) {
            continue;
        }
        bool lost = w->sends++ == w->drop_nth || dice(w, 1000) < w->loss_permille ||
                    w->cut[from - w->node][i];
        if (lost) {
            continue;
        }
        fly(w, n->self.mac, i, m);
        if (dice(w, 1000) < w->double_permille) {
            fly(w, n->self.mac, i, m);
        }
        if (w->mutate) {
            damage(w, n->self.mac, i, m);
        }
    }
}

/* ---- time ------------------------------------------------------------------------------------ */

static void perform(struct member_world *w, struct world_node *wn) {
    for (uint32_t i = 0; i < w->fx.count; i++) {
        const struct effect *e = &w->fx.list[i];
        assert_int_equal(e->type, FX_REPORT);
        wn->reports[e->value]++;
        report_format(wn->last_report[e->value], sizeof(wn->last_report[0]),
                      (enum report)e->value, e->arg, (const char *)e->bytes);
        if (getenv("WORLD_PRINT")) {
            printf("%8u %s: %s\n", (uint32_t)w->now_us / 1000, wn->n.self.name,
                   wn->last_report[e->value]);
        }
    }
    w->fx.count = 0;
    w->fx.arena_used = 0;
}

static void check(const struct member_world *w, const struct world_node *wn) {
    const struct member *mb = &wn->n.member;

    if (mb->view.epoch == 0) {
        return;
    }
    assert_true(mb->digest == view_digest(&mb->view));
    assert_non_null(view_by_nonce(&mb->view, wn->n.self.nonce));
    for (uint32_t i = 0; i < w->count; i++) {
        const struct member *other = &w->node[i].n.member;
        if (other->view.epoch == mb->view.epoch &&
            view_uuid_equal(other->view.uuid, mb->view.uuid)) {
            assert_true(other->digest == mb->digest);
        }
    }
}

static void power_on(struct member_world *w, struct world_node *wn) {
    wn->up = true;
    wn->boot_us = UINT64_MAX;
    wn->n.now_us = w->now_us;
    wn->n.random = mix64(wn->n.self.nonce) | 1;
    member_start(&wn->n);
    perform(w, wn);
}

void world_hear(struct member_world *w, uint32_t to, uint64_t from, const struct msg *m) {
    struct world_node *wn = &w->node[to];

    if (!wn->up || msg_invalid(m, 0) != NULL) {
        return;
    }
    wn->n.now_us = w->now_us;
    member_on_message(&wn->n, m, from);
    perform(w, wn);
    check(w, wn);
}

static void tick(struct member_world *w, struct world_node *wn) {
    wn->n.now_us = w->now_us;
    member_tick(&wn->n);
    perform(w, wn);
    check(w, wn);
    uint64_t next = member_deadline_us(&wn->n);
    if (next <= w->now_us) {
        fprintf(stderr, "deadline %llu stands still at %llu, state %u step %u\n",
                (unsigned long long)next, (unsigned long long)w->now_us, wn->n.member.state,
                wn->n.member.proposer.step);
        abort();
    }
}

static uint64_t next_us(struct member_world *w, struct flight **flight, struct world_node **node) {
    uint64_t least = UINT64_MAX;

    for (uint32_t i = 0; i < WORLD_FLIGHT; i++) {
        if (w->flight[i].at_us != 0 && w->flight[i].at_us < least) {
            least = w->flight[i].at_us;
            *flight = &w->flight[i];
        }
    }
    for (uint32_t i = 0; i < w->count; i++) {
        struct world_node *wn = &w->node[i];
        uint64_t at = wn->up ? member_deadline_us(&wn->n) : wn->boot_us;
        at = at > w->now_us ? at : w->now_us;
        if (at < least) {
            least = at;
            *flight = NULL;
            *node = wn;
        }
    }
    return least;
}

void world_run(struct member_world *w, uint64_t until_us) {
    for (;;) {
        struct flight *flight = NULL;
        struct world_node *node = NULL;
        uint64_t at = next_us(w, &flight, &node);
        if (at > until_us) {
            break;
        }
        w->now_us = at;
        if (flight != NULL) {
            struct flight f = *flight;
            flight->at_us = 0;
            world_hear(w, f.to, f.from, &f.m);
        } else if (node->up) {
            tick(w, node);
        } else {
            power_on(w, node);
        }
    }
    w->now_us = until_us;
}

bool world_is_settled(struct member_world *w, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        const struct member *mb = &w->node[i].n.member;
        if (!node_is_stable(&w->node[i].n) || mb->view.count != count ||
            mb->digest != w->node[0].n.member.digest) {
            return false;
        }
    }
    return true;
}

uint64_t world_settle(struct member_world *w, uint32_t count, uint64_t within_us) {
    uint64_t end = w->now_us + within_us;

    while (!world_is_settled(w, count)) {
        if (w->now_us >= end) {
            for (uint32_t i = 0; i < w->count; i++) {
                const struct member *mb = &w->node[i].n.member;
                fprintf(stderr, "node %u: state %u epoch %u members %u stable %u step %u\n", i,
                        mb->state, mb->view.epoch, mb->view.count, mb->stable, mb->proposer.step);
            }
            fail_msg("not settled at %u ms", (uint32_t)(w->now_us / 1000));
        }
        world_run(w, w->now_us + 1000);
    }
    return w->now_us;
}

/* ---- making ---------------------------------------------------------------------------------- */

struct member_world *world_new(uint32_t count, uint64_t seed) {
    struct member_world *w = calloc(1, sizeof(*w));

    assert_non_null(w);
    world = w;
    w->count = count;
    w->random = mix64(seed + 1) | 1;
    w->delay_us = 400;
    w->drop_nth = UINT32_MAX;
    for (uint32_t i = 0; i < count; i++) {
        struct event_start *self = &w->node[i].n.self;
        self->nonce = mix64(seed * 1000 + i + 1) | 1;
        self->mac = 0x525400000001ull + i;
        self->build_id = 77;
        snprintf(self->name, sizeof(self->name), "n%u", i + 1);
        snprintf(self->cluster, sizeof(self->cluster), "test");
        w->node[i].boot_us = UINT64_MAX;
    }
    return w;
}

void world_free(struct member_world *w) {
    free(w);
    world = NULL;
}

struct node *world_n(struct member_world *w, uint32_t i) {
    return &w->node[i].n;
}

void world_boot(struct member_world *w, uint32_t i, uint64_t at_us) {
    w->node[i].boot_us = at_us;
}

void world_reboot(struct member_world *w, uint32_t i) {
    struct event_start self = w->node[i].n.self;

    self.nonce = mix64(self.nonce + 1);
    memset(&w->node[i], 0, sizeof(w->node[i]));
    w->node[i].n.self = self;
    w->node[i].boot_us = w->now_us + 1000;
}

void world_boot_all(struct member_world *w, uint16_t expect) {
    for (uint32_t i = 0; i < w->count; i++) {
        w->node[i].n.self.expect = expect;
        world_boot(w, i, 1 + dice(w, 20000));
    }
}

uint64_t world_hash(const struct member_world *w) {
    uint64_t hash = 0;

    for (uint32_t i = 0; i < w->count; i++) {
        hash = mix64(hash ^ w->node[i].n.trace.hash);
    }
    return hash;
}

struct member_world *world_settled(uint32_t members, uint32_t nodes, uint64_t seed) {
    struct member_world *w = world_new(nodes, seed);

    for (uint32_t i = 0; i < members; i++) {
        world_n(w, i)->self.expect = (uint16_t)members;
        world_boot(w, i, 1000 + i);
    }
    world_settle(w, members, 2000000);
    return w;
}
