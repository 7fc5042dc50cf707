/* The incoming half of a link: handshake, order, early datagrams, delivery, what acks are owed.
 * Run by link_on_datagram and link_resume. A peer's bytes never assert: what is not sound is
 * counted and dropped, and a sound peer sends it again.
 *
 * Delivery calls out, and the callee may do anything to the links, even end this one (`birth`
 * tells), so the state is whole before each call. A message counts as handled only when
 * link_deliver has returned true; nothing is emitted before link_flush, so its answer can carry the
 * ack. */
#include "net/link_private.h"

/* ---- acks owed ------------------------------------------------------------------------------- */

/* While something is missing, the sender needs to hear of each third that came behind it, no more:
 * that is when it sends again. */
static void owe_ack(const struct link_turn *t) {
    struct link_peer *p = t->peer;

    p->owed++;
    if (p->owed >= (p->received != 0 ? LINK_LOST_AFTER : LINK_ACK_EVERY)) {
        p->ack_now = 1;
    } else if (p->ack_us == LINK_NEVER) {
        p->ack_us = t->now_us + LINK_ACK_DELAY_US;
    }
}

/* ---- early datagrams ------------------------------------------------------------------------- */

static void keep(const struct link_turn *t, uint32_t i, const uint8_t *bytes, uint32_t size) {
    struct link_peer *p = t->peer;
    uint32_t slot = link_slot_take_early(t->ls);

    if (slot == SLOT_NONE) {
        p->count.dropped_full++;
        return;
    }
    memcpy(link_slot_bytes(t->ls, slot), bytes, size);
    link_slot_at(t->ls, slot)->bytes = (uint16_t)size;
    p->early[(p->want + i) % LINK_WINDOW] = slot;
    p->received |= 1u << i;
    p->count.early++;
}

void link_forget_early(struct link_set *ls, struct link_peer *peer) {
    for (; peer->received != 0; peer->received &= peer->received - 1) {
        uint32_t i = (uint32_t)__builtin_ctz(peer->received);
        link_slot_free_early(ls, peer->early[(peer->want + i) % LINK_WINDOW]);
    }
}

/* ---- delivery -------------------------------------------------------------------------------- */

/* Hands over the message of sequence `want`. True: taken, and the link is still there. When it is
 * not, its slots are free, and a new link in its place has nothing received. */
static bool deliver(const struct link_turn *t, const uint8_t *bytes, uint32_t size) {
    struct link_peer *p = t->peer;
    uint32_t birth = p->birth;

    p->delivering = 1;
    bool taken = link_deliver(t->world, t->seat, bytes, size);

    if (p->birth != birth) {
        return false;
    }
    p->delivering = 0;
    p->held = !taken;
    return taken;
}

/* Delivers what came early and is in order now. */
static void deliver_early(const struct link_turn *t) {
    struct link_peer *p = t->peer;

    while ((p->received & 1) && !p->held) {
        uint32_t slot = p->early[p->want % LINK_WINDOW];

        if (deliver(t, link_slot_bytes(t->ls, slot), link_slot_at(t->ls, slot)->bytes)) {
            p->want++;
            p->received >>= 1;
            link_slot_free_early(t->ls, slot);
            owe_ack(t);
        }
    }
}

static void on_data(const struct link_turn *t, const struct datagram_head *head,
                    const uint8_t *bytes, uint32_t size) {
    struct link_peer *p = t->peer;
    uint32_t birth = p->birth;
    uint32_t i = head->sequence - p->want;

    p->echo = head->stamp;
    p->echo_due = 1;
    if ((int32_t)i < 0 || (i < LINK_WINDOW && p->received >> i & 1)) {
        p->count.duplicates++;
        p->ack_now = 1; /* our ack was lost */
        return;
    }
    if (i >= LINK_WINDOW) {
        p->count.bad++; /* no sender of ours is ever a window ahead */
        return;
    }
    if (i == 0 && !p->held && !p->delivering) {
        bool gap = p->received != 0;
        bool taken = deliver(t, bytes, size);
        if (p->birth != birth) {
            return;
        }
        if (taken) {
            p->want++;
            p->received >>= 1;
            owe_ack(t);
            p->ack_now |= gap;
            deliver_early(t);
            return;
        }
    }
    keep(t, i, bytes, size);
    owe_ack(t);
}

void link_resume(struct link_set *ls, seat_id seat, uint64_t now_us, void *world) {
    ASSERT(seat < ls->peers);
    struct link_turn t = link_turn_of(ls, seat, now_us, world);

    if (!t.peer->held) {
        return;
    }
    t.peer->held = 0;
    link_mark_work(ls, seat);
    if (!t.peer->delivering) {
        deliver_early(&t);
    }
}

/* ---- datagrams ------------------------------------------------------------------------------- */

/* Both nonces must be those of this pair of boots: a stale OPEN of an old boot opens nothing. */
static bool on_handshake(const struct link_turn *t, enum datagram_kind kind, const uint8_t *body,
                         uint32_t size) {
    struct link_peer *p = t->peer;
    uint64_t nonces[2];

    if (size != sizeof(nonces)) {
        return false;
    }
    memcpy(nonces, body, sizeof(nonces));
    if (nonces[0] != p->nonce || nonces[1] != t->ls->nonce) {
        return false;
    }
    if (kind == KIND_OPEN) {
        p->opened_due = 1;
    }
    bool opens = kind == KIND_OPEN ? p->state != LINK_OPEN : p->state == LINK_OPENING;
    if (opens) {
        p->state = LINK_OPEN;
        p->open_due = 0;
        p->resend_us = LINK_NEVER;
        link_heard(t);
    }
    return true;
}

/* False: not of this link, or of nothing that it ever sent. */
static bool on_sequenced(const struct link_turn *t, const struct datagram_head *head,
                         const uint8_t *body, uint32_t size) {
    struct link_peer *p = t->peer;
    uint32_t birth = p->birth;

    if (p->state != LINK_OPEN || head->tag != p->tag || !link_take_acks(t, head)) {
        return false;
    }
    if (head->kind == KIND_DATA && p->birth == birth) {
        on_data(t, head, body, size);
    }
    return true;
}

void link_on_datagram(struct link_set *ls, seat_id seat, const uint8_t *bytes, uint32_t size,
                      uint64_t now_us, void *world) {
    struct datagram_head head;
    bool sound = false;

    if (seat >= ls->peers || link_peer_at(ls, seat)->state == LINK_NONE) {
        return;
    }
    struct link_turn t = link_turn_of(ls, seat, now_us, world);
    if (size < sizeof(head) || size > LINK_DATAGRAM_BYTES) {
        t.peer->count.bad++;
        return;
    }
    memcpy(&head, bytes, sizeof(head));
    link_mark_work(ls, seat); /* timers may have changed */
    t.peer->count.received++;
    const uint8_t *body = bytes + sizeof(head);
    uint32_t body_bytes = size - (uint32_t)sizeof(head);
    if (head.kind == KIND_OPEN || head.kind == KIND_OPENED) {
        sound = on_handshake(&t, (enum datagram_kind)head.kind, body, body_bytes);
    } else if (head.kind == KIND_DATA || head.kind == KIND_ACK) {
        sound = on_sequenced(&t, &head, body, body_bytes);
    }
    if (!sound) {
        t.peer->count.bad++;
    }
}
