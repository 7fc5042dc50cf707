/* The outgoing half of a link: queue, window, acks that come in, loss, round trip times, and all
 * that is emitted. Run by link_on_datagram, link_tick and link_flush.
 *
 * When is a datagram lost? Each transmission has an order number; one that left LINK_LOST_AFTER
 * transmissions before another that is known to have arrived, and at least 3/4 of a round trip ago,
 * is sent again at once. (The second condition keeps a LAN that reorders wildly from being flooded;
 * the delay of an ack, which the RTT contains, is allowed for.) What that cannot see, the end of a
 * burst, the RTO does: srtt + 4 var [RFC 6298 2] after the oldest was sent, doubled each time,
 * reset by any news. Resetting is safe because the stamps make every sample true: the RTO itself
 * follows the delay also when everything is sent twice. */
#include "net/link_private.h"

void link_send(struct link_set *ls, seat_id seat, const void *message, uint32_t bytes,
               struct frame_ref ref, uint32_t cookie) {
    ASSERT(seat < ls->peers);
    struct link_peer *p = link_peer_at(ls, seat);

    ASSERT(p->state != LINK_NONE && "link: sent to a seat that is not in the view");
    ASSERT(bytes <= LINK_MESSAGE_BYTES && bytes + ref.bytes <= LINK_MESSAGE_BYTES);

    uint32_t slot = link_slot_take(ls, bytes);
    struct link_slot *s = link_slot_at(ls, slot);
    struct datagram_head *head = (struct datagram_head *)(uintptr_t)link_slot_bytes(ls, slot);
    s->cookie = cookie;
    s->ref = ref;
    s->bytes = (uint16_t)bytes;
    *head = (struct datagram_head){.kind = KIND_DATA, .tag = p->tag};
    memcpy(head + 1, message, bytes);

    if (p->queue_head == SLOT_NONE) {
        p->queue_head = slot;
    } else {
        link_slot_at(ls, p->queue_tail)->next = slot;
    }
    p->queue_tail = slot;
    p->queued++;
    link_mark_work(ls, seat);
    link_open(ls, seat);
}

/* ---- acks that come in ----------------------------------------------------------------------- */

static void release_first(const struct link_turn *t) {
    struct link_peer *p = t->peer;
    uint32_t slot = p->window[p->base % LINK_WINDOW];
    uint32_t cookie = link_slot_at(t->ls, slot)->cookie;

    p->base++;
    p->in_flight--;
    p->sacked >>= 1;
    p->resend >>= 1;
    link_slot_free(t->ls, slot);
    if (cookie != 0) {
        link_acked(t->world, t->seat, cookie, false);
    }
}

/* Smoothed RTT and deviation, by Jacobson's integers [RFC 6298 2]. */
static void measure(struct link_peer *p, uint32_t us) {
    if (p->rtt_8us == 0) {
        p->rtt_8us = us * 8;
        p->var_4us = us * 2;
    } else {
        uint32_t mean = p->rtt_8us / 8;
        uint32_t off = us > mean ? us - mean : mean - us;
        p->rtt_8us = p->rtt_8us - mean + us;
        p->var_4us = p->var_4us - p->var_4us / 4 + off;
    }
    uint32_t rto = p->rtt_8us / 8 + p->var_4us;
    p->rto_us = rto < LINK_RTO_MIN_US   ? LINK_RTO_MIN_US
                : rto > LINK_RTO_MAX_US ? LINK_RTO_MAX_US
                                        : rto;
}

/* Which transmission has arrived, and, if nobody said so before, how long that took. */
static void take_echo(const struct link_turn *t, const struct datagram_head *head) {
    struct link_peer *p = t->peer;
    uint32_t back = (uint8_t)(p->order - head->echo);
    uint32_t order = p->order - back;

    if (back >= SENT_TIMES) {
        return;
    }
    if ((int32_t)(order - p->acked_order) > 0) {
        p->acked_order = order;
    }
    if (head->flags & DATAGRAM_ECHO) {
        uint32_t us = (uint32_t)t->now_us - p->sent_low_us[order % SENT_TIMES];
        measure(p, us < 1 ? 1 : us > LINK_RTO_MAX_US ? LINK_RTO_MAX_US : us);
    }
}

static void mark_lost(const struct link_turn *t) {
    struct link_peer *p = t->peer;

    for (uint32_t i = 0; i < p->in_flight; i++) {
        const struct link_slot *s = link_slot_at(t->ls, p->window[(p->base + i) % LINK_WINDOW]);
        bool overtaken = (int32_t)(p->acked_order - s->order) >= LINK_LOST_AFTER;
        bool old = t->now_us - s->sent_us + LINK_ACK_DELAY_US >= p->rtt_8us * 3 / 32;
        if (overtaken && old && !(p->sacked >> i & 1)) {
            p->resend |= 1u << i;
        }
    }
}

bool link_take_acks(const struct link_turn *t, const struct datagram_head *head) {
    struct link_peer *p = t->peer;
    uint32_t birth = p->birth;
    uint32_t advance = head->ack - p->base;

    if ((int32_t)advance < 0) {
        return true; /* overtaken by a later ack: nothing new */
    }
    if (advance > p->in_flight) {
        return false;
    }
    uint32_t behind = p->in_flight - advance; /* in flight from `ack` on; sack: all but one */
    if (head->sack >> (behind > 1 ? behind - 1 : 0) != 0) {
        return false;
    }
    for (uint32_t i = 0; i < advance; i++) {
        release_first(t);
        if (p->birth != birth) {
            return true; /* the callback has ended this link: the caller sees it too */
        }
    }
    uint32_t fresh = head->sack << 1 & ~p->sacked;
    p->sacked |= fresh;
    p->resend &= ~p->sacked;
    if (advance != 0 || fresh != 0) {
        take_echo(t, head);
        mark_lost(t);
        p->resend_us = LINK_NEVER; /* from now on, by the flush */
        link_heard(t);
    }
    return true;
}

/* ---- time is over ---------------------------------------------------------------------------- */

static uint32_t rto_us(const struct link_peer *p) {
    uint64_t us = (uint64_t)p->rto_us << p->backoff;

    return us < LINK_RTO_MAX_US ? (uint32_t)us : LINK_RTO_MAX_US;
}

void link_resend_late(const struct link_turn *t) {
    struct link_peer *p = t->peer;
    uint32_t marked = 0;

    p->resend_us = LINK_NEVER; /* set again by the flush */
    p->backoff = rto_us(p) < LINK_RTO_MAX_US ? p->backoff + 1 : p->backoff;
    link_mark_work(t->ls, t->seat);
    if (p->state == LINK_OPENING) {
        p->open_due = 1;
        return;
    }
    for (uint32_t i = 0; i < p->in_flight && marked < LINK_RESEND_BURST; i++) {
        const struct link_slot *s = link_slot_at(t->ls, p->window[(p->base + i) % LINK_WINDOW]);
        bool due = marked == 0 || t->now_us - s->sent_us >= p->rto_us;
        if (due && !(p->sacked >> i & 1)) {
            p->resend |= 1u << i;
            marked++;
        }
    }
    if (marked == 0 && p->in_flight != 0) {
        p->resend |= 1; /* all received but not all handled, or the ack was lost: ask again */
    }
}

/* ---- emitting: by link_flush only ------------------------------------------------------------ */

static void emit(const struct link_turn *t, struct datagram_head *head, uint32_t bytes,
                 struct frame_ref ref) {
    t->peer->count.sent++;
    link_emit(t->world, t->seat, head, (const uint8_t *)(head + 1), bytes, ref);
}

/* Every datagram of an open link carries the newest acks, so nothing is owed after it. */
static void put_acks(struct link_peer *p, struct datagram_head *head) {
    head->ack = p->want;
    head->sack = p->received >> 1;
    head->flags = p->echo_due ? DATAGRAM_ECHO : 0;
    head->echo = p->echo;
    p->echo_due = 0;
    p->owed = 0;
    p->ack_now = 0;
    p->ack_us = LINK_NEVER;
}

static void emit_data(const struct link_turn *t, uint32_t i) {
    struct link_peer *p = t->peer;
    uint32_t slot = p->window[(p->base + i) % LINK_WINDOW];
    struct link_slot *s = link_slot_at(t->ls, slot);
    struct datagram_head *head = (struct datagram_head *)(uintptr_t)link_slot_bytes(t->ls, slot);

    s->order = ++p->order;
    s->sent_us = t->now_us;
    p->sent_low_us[p->order % SENT_TIMES] = (uint32_t)t->now_us;
    head->sequence = p->base + i;
    head->stamp = (uint8_t)p->order;
    put_acks(p, head);
    emit(t, head, s->bytes, s->ref);
}

static void emit_handshake(const struct link_turn *t, enum datagram_kind kind) {
    struct {
        struct datagram_head head;
        uint32_t nonces[4]; /* sender's, receiver's: 64 bits each, lower half first */
    } d = {.head = {.kind = (uint8_t)kind, .tag = t->peer->tag}};

    memcpy(&d.nonces[0], &t->ls->nonce, sizeof(t->ls->nonce));
    memcpy(&d.nonces[2], &t->peer->nonce, sizeof(t->peer->nonce));
    emit(t, &d.head, sizeof(d.nonces), (struct frame_ref){FRAME_NONE, 0, 0});
}

static void emit_ack(const struct link_turn *t) {
    struct datagram_head head = {.kind = KIND_ACK, .tag = t->peer->tag};

    put_acks(t->peer, &head);
    t->peer->count.acks_alone++;
    emit(t, &head, 0, (struct frame_ref){FRAME_NONE, 0, 0});
}

static void emit_again(const struct link_turn *t) {
    struct link_peer *p = t->peer;

    for (; p->resend != 0; p->resend &= p->resend - 1) {
        uint32_t i = (uint32_t)__builtin_ctz(p->resend);
        p->count.resent++;
        emit_data(t, i);
    }
}

/* No Nagle and no pacing: all that the window takes leaves in one burst, so that the three
 * datagrams of a page reach the NIC's ring together. */
static void emit_queue(const struct link_turn *t) {
    struct link_peer *p = t->peer;

    while (p->queue_head != SLOT_NONE && p->in_flight < LINK_WINDOW) {
        uint32_t slot = p->queue_head;
        p->queue_head = link_slot_at(t->ls, slot)->next;
        p->queued--;
        p->window[(p->base + p->in_flight) % LINK_WINDOW] = slot;
        p->in_flight++;
        emit_data(t, p->in_flight - 1);
    }
}

/* When the oldest message that the peer does not have is late; of OPEN, which left just now. */
static uint64_t resend_at(const struct link_turn *t) {
    const struct link_peer *p = t->peer;

    if (p->in_flight == 0) {
        return p->state == LINK_OPENING ? t->now_us + rto_us(p) : LINK_NEVER;
    }
    uint32_t missing = ~p->sacked & (0xFFFFFFFFu >> (LINK_WINDOW - p->in_flight));
    uint32_t i = missing != 0 ? (uint32_t)__builtin_ctz(missing) : 0;
    uint64_t sent_us = link_slot_at(t->ls, p->window[(p->base + i) % LINK_WINDOW])->sent_us;
    uint64_t at_us = sent_us + rto_us(p);

    return at_us > t->now_us ? at_us : t->now_us + 1;
}

void link_emit_all(const struct link_turn *t) {
    struct link_peer *p = t->peer;

    if (p->opened_due) {
        p->opened_due = 0;
        emit_handshake(t, KIND_OPENED);
    }
    if (p->open_due) {
        p->open_due = 0;
        emit_handshake(t, KIND_OPEN);
    }
    if (p->state == LINK_OPEN) {
        emit_again(t);
        emit_queue(t);
    }
    if (p->ack_now) {
        emit_ack(t);
    }
    bool idle = p->in_flight == 0 && p->state != LINK_OPENING;
    if (p->resend_us == LINK_NEVER || idle) {
        p->resend_us = resend_at(t);
    }
}
