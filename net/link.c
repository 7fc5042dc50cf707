/* Links of one node: the block of memory, who the peers are, opening, timers, counters.
 * Run by node_step through adapt/node.c; link_send.c has the outgoing half, link_receive.c the
 * incoming one. Must never emit outside link_flush: a datagram that leaves at the end of the step
 * carries the acks of all that the step has handled.
 *
 * Deadlines: each peer has one (the least of its timers), kept in an array of their own; their
 * least is cached. It only has to be searched for again when the peer that had it moves on. */
#include "net/link_private.h"

struct layout {
    uint32_t peers, deadlines, slots, small, big, end;
};

static struct layout layout_of(const struct link_config *c) {
    struct layout at;

    ASSERT(c->peers >= 1 && c->peers <= LINK_PEERS_MAX);
    ASSERT(c->small < 1u << 20 && c->big < 1u << 20); /* offsets stay below 2^32: 2^20 x 1,500 */
    at.peers = (uint32_t)sizeof(struct link_set);
    at.deadlines = at.peers + c->peers * (uint32_t)sizeof(struct link_peer);
    at.slots = at.deadlines + c->peers * (uint32_t)sizeof(uint64_t);
    at.small = at.slots + (c->small + c->big) * (uint32_t)sizeof(struct link_slot);
    at.big = at.small + c->small * SLOT_SMALL_BYTES;
    at.end = at.big + c->big * SLOT_BIG_BYTES;
    return at;
}

size_t link_size(const struct link_config *config) {
    return layout_of(config).end;
}

static void link_set_deadline(struct link_set *ls, uint32_t seat, uint64_t at_us) {
    uint32_t bit = 1u << seat % 32;

    *link_deadline_at(ls, seat) = at_us;
    ls->timed[seat / 32] =
        at_us == LINK_NEVER ? ls->timed[seat / 32] & ~bit : ls->timed[seat / 32] | bit;
}

/* No peer, no history, counters at zero; only the count of births goes on. */
static void peer_clear(struct link_set *ls, uint32_t seat) {
    struct link_peer *p = link_peer_at(ls, seat);
    uint32_t birth = p->birth + 1;

    memset(p, 0, sizeof(*p));
    p->birth = birth;
    p->state = LINK_NONE;
    p->base = p->want = 1;
    p->queue_head = p->queue_tail = SLOT_NONE;
    p->rto_us = LINK_RTO_FIRST_US;
    p->resend_us = p->ack_us = p->waiting_us = LINK_NEVER;
    link_set_deadline(ls, seat, LINK_NEVER);
    ls->deadline_stale = 1;
}

struct link_set *link_init(void *mem, const struct link_config *config) {
    struct layout at = layout_of(config);
    struct link_set *ls = mem;

    ASSERT((uintptr_t)mem % 8 == 0);
    memset(mem, 0, at.small); /* the bytes of the slots are written before they are read */
    ls->peers = config->peers;
    ls->small = config->small;
    ls->big = config->big;
    ls->peers_at = at.peers;
    ls->deadlines_at = at.deadlines;
    ls->slots_at = at.slots;
    ls->small_at = at.small;
    ls->big_at = at.big;
    ls->deadline_us = LINK_NEVER;
    link_slots_init(ls);
    for (uint32_t seat = 0; seat < ls->peers; seat++) {
        peer_clear(ls, seat);
    }
    return ls;
}

/* ---- peers ----------------------------------------------------------------------------------- */

void link_set_self(struct link_set *ls, uint64_t nonce) {
    ls->nonce = nonce;
}

static void lose(struct link_set *ls, seat_id seat, uint32_t slot, void *world) {
    uint32_t cookie = link_slot_at(ls, slot)->cookie;

    link_slot_free(ls, slot);
    if (cookie != 0) {
        link_acked(world, seat, cookie, true);
    }
}

/* The same for both ends. */
static uint32_t tag_of(uint64_t a, uint64_t b) {
    return (uint32_t)mix64(mix64(a) + mix64(b));
}

/* Another peer in this seat, or none. What waited on the old one is lost, told when the new one is
 * in place, so that the callbacks may send to it. */
static void replace(struct link_set *ls, seat_id seat, uint64_t nonce, enum link_state state,
                    void *world) {
    struct link_peer *p = link_peer_at(ls, seat);

    link_forget_early(ls, p);
    struct link_peer old = *p;
    peer_clear(ls, seat);
    p->nonce = nonce;
    p->tag = tag_of(ls->nonce, nonce);
    p->state = state;
    for (uint32_t i = 0; i < old.in_flight; i++) {
        lose(ls, seat, old.window[(old.base + i) % LINK_WINDOW], world);
    }
    for (uint32_t slot = old.queue_head; slot != SLOT_NONE;) {
        uint32_t next = link_slot_at(ls, slot)->next;
        lose(ls, seat, slot, world);
        slot = next;
    }
}

void link_set_peer(struct link_set *ls, seat_id seat, uint64_t nonce, void *world) {
    ASSERT(seat < ls->peers);
    const struct link_peer *p = link_peer_at(ls, seat);

    if (p->state == LINK_NONE || p->nonce != nonce) {
        replace(ls, seat, nonce, LINK_CLOSED, world);
    }
}

void link_drop_peer(struct link_set *ls, seat_id seat, void *world) {
    ASSERT(seat < ls->peers);
    if (link_peer_at(ls, seat)->state != LINK_NONE) {
        replace(ls, seat, 0, LINK_NONE, world);
    }
}

void link_open(struct link_set *ls, seat_id seat) {
    ASSERT(seat < ls->peers);
    struct link_peer *p = link_peer_at(ls, seat);

    if (p->state == LINK_CLOSED) {
        p->state = LINK_OPENING;
        p->open_due = 1;
        link_mark_work(ls, seat);
    }
}

bool link_is_open(const struct link_set *ls, seat_id seat) {
    return seat < ls->peers && link_peer_at(ls, seat)->state == LINK_OPEN;
}

/* ---- time ------------------------------------------------------------------------------------ */

void link_schedule(const struct link_turn *t) {
    struct link_peer *p = t->peer;
    uint64_t was = *link_deadline_at(t->ls, t->seat);
    bool waits = p->in_flight + p->queued != 0 || p->state == LINK_OPENING;

    if (!waits) {
        p->waiting_us = LINK_NEVER;
    } else if (p->waiting_us == LINK_NEVER) {
        p->waiting_us = t->now_us;
    }
    uint64_t deadline = link_least(p->resend_us, p->ack_us);
    if (waits && !p->silent) {
        deadline = link_least(deadline, p->waiting_us + LINK_SILENCE_US);
    }
    link_set_deadline(t->ls, t->seat, deadline);
    if (deadline <= t->ls->deadline_us) {
        t->ls->deadline_us = deadline;
    } else if (was <= t->ls->deadline_us) {
        t->ls->deadline_stale = 1;
    }
}

void link_heard(const struct link_turn *t) {
    struct link_peer *p = t->peer;

    p->backoff = 0;
    p->waiting_us = t->now_us;
    if (p->silent) {
        p->silent = 0;
        link_silence(t->world, t->seat, false);
    }
}

static void peer_tick(const struct link_turn *t) {
    struct link_peer *p = t->peer;

    if (p->ack_us <= t->now_us) {
        p->ack_now = 1;
        link_mark_work(t->ls, t->seat);
    }
    if (p->resend_us <= t->now_us) {
        link_resend_late(t);
    }
    bool silent = p->waiting_us != LINK_NEVER && t->now_us >= p->waiting_us + LINK_SILENCE_US;
    bool report = silent && !p->silent;

    p->silent |= report;
    link_schedule(t);
    if (report) {
        link_silence(t->world, t->seat, true);
    }
}

void link_tick(struct link_set *ls, uint64_t now_us, void *world) {
    if (now_us < ls->deadline_us) {
        return;
    }
    for (uint32_t seat = 0; seat < ls->peers; seat++) {
        if (*link_deadline_at(ls, seat) <= now_us) {
            struct link_turn t = link_turn_of(ls, (seat_id)seat, now_us, world);
            peer_tick(&t);
        }
    }
}

uint64_t link_deadline_us(const struct link_set *ls) {
    return ls->deadline_us;
}

static void find_deadline(struct link_set *ls) {
    ls->deadline_us = LINK_NEVER;
    for (uint32_t word = 0; word * 32 < ls->peers; word++) {
        for (uint32_t left = ls->timed[word]; left != 0; left &= left - 1) {
            uint32_t seat = word * 32 + (uint32_t)__builtin_ctz(left);
            ls->deadline_us = link_least(ls->deadline_us, *link_deadline_at(ls, seat));
        }
    }
    ls->deadline_stale = 0;
}

void link_flush(struct link_set *ls, uint64_t now_us, void *world) {
    for (uint32_t word = 0; word * 32 < ls->peers; word++) {
        while (ls->work[word] != 0) {
            uint32_t seat = word * 32 + (uint32_t)__builtin_ctz(ls->work[word]);
            struct link_turn t = link_turn_of(ls, (seat_id)seat, now_us, world);

            ls->work[word] &= ls->work[word] - 1;
            link_emit_all(&t);
            link_schedule(&t);
        }
    }
    if (ls->deadline_stale) {
        find_deadline(ls);
    }
}

/* ---- counters -------------------------------------------------------------------------------- */

static void count(struct link_counters *sum, const struct link_peer *p) {
    sum->sent += p->count.sent;
    sum->resent += p->count.resent;
    sum->received += p->count.received;
    sum->duplicates += p->count.duplicates;
    sum->early += p->count.early;
    sum->dropped_full += p->count.dropped_full;
    sum->acks_alone += p->count.acks_alone;
    sum->bad += p->count.bad;
    sum->rtt_us = p->rtt_8us / 8 > sum->rtt_us ? p->rtt_8us / 8 : sum->rtt_us;
    sum->rto_us = p->rto_us > sum->rto_us ? p->rto_us : sum->rto_us;
    sum->in_flight += p->in_flight;
    sum->queued += p->queued;
}

struct link_counters link_counters(const struct link_set *ls, seat_id seat) {
    struct link_counters sum = {0};

    for (uint32_t i = 0; i < ls->peers; i++) {
        if ((seat == SEAT_NONE || seat == i) && link_peer_at(ls, i)->state != LINK_NONE) {
            count(&sum, link_peer_at(ls, i));
        }
    }
    return sum;
}
