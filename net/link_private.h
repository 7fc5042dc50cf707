/* State of the links and what the link's own files call of each other; nobody else includes this
 * but the link's tests. All of it lies in one block without pointers, with the same layout in
 * 32-bit and 64-bit builds: 64-bit fields first, every size a multiple of 8, asserted. */
#pragma once

#include "net/link.h"

#define LINK_NEVER UINT64_MAX
#define SLOT_NONE  0xFFFFFFFFu

enum link_state {
    LINK_NONE,    /* no peer in this seat */
    LINK_CLOSED,  /* a peer, nothing wanted of it yet */
    LINK_OPENING, /* OPEN is repeated until answered */
    LINK_OPEN,
};

/* A slot holds an outgoing message (head and message side by side) from link_send() until its ack,
 * or an early datagram until it can be delivered. Its bytes lie in the small or the big pool. */
struct link_slot {
    uint64_t sent_us; /* of the last transmission */
    uint32_t next;    /* in the free list or a peer's queue, or SLOT_NONE */
    uint32_t cookie;
    uint32_t order;       /* number of the last transmission among all of this peer */
    struct frame_ref ref; /* contents of an outgoing message */
    uint16_t bytes;       /* of the message; of an early one with its contents */
    uint16_t pad;
};
_Static_assert(sizeof(struct link_slot) == 32, "same in every build");

enum {
    SLOT_SMALL_BYTES = (44 + LINK_SMALL_BYTES + 7) & ~7, /* 176 */
    SLOT_BIG_BYTES = (LINK_DATAGRAM_BYTES + 7) & ~7,     /* 1456 */
    SENT_TIMES = 64, /* transmissions whose time is kept; an older echo is not measured */
};

/* Sequences: base … base + in_flight - 1 are sent and not acked, index i of a mask is base + i or
 * want + i, its slot stands in window[] or early[] at (sequence mod LINK_WINDOW). */
struct link_peer {
    uint64_t nonce;
    uint64_t resend_us;  /* RTO of the oldest, or of OPEN; LINK_NEVER: nothing in flight */
    uint64_t ack_us;     /* an owed ack is sent alone then; LINK_NEVER: none owed */
    uint64_t waiting_us; /* messages wait since then without a sign; LINK_NEVER: none wait */
    struct {
        uint64_t sent, resent, received, duplicates, early, dropped_full, acks_alone, bad;
    } count;
    uint32_t state; /* enum link_state */
    uint32_t birth; /* counts resets, so that a callback's reset of its own link is noticed */
    uint32_t tag;

    /* sending */
    uint32_t base, in_flight;
    uint32_t sacked;      /* bit i: base + i was received there */
    uint32_t resend;      /* bit i: base + i goes out again at the next flush */
    uint32_t order;       /* number of the last transmission, from 1, wraps */
    uint32_t acked_order; /* highest of which an ack is known */
    uint32_t queue_head, queue_tail, queued;
    uint32_t rtt_8us; /* smoothed RTT x 8; 0: never measured [RFC 6298 2] */
    uint32_t var_4us; /* its deviation x 4 */
    uint32_t rto_us;

    /* receiving */
    uint32_t want;     /* next sequence to deliver */
    uint32_t received; /* bit i: want + i is in early[] */
    uint32_t owed;     /* messages handled since the last ack went out */

    uint8_t backoff;    /* doublings of the RTO */
    uint8_t held;       /* link_deliver said "not now" */
    uint8_t delivering; /* inside link_deliver */
    uint8_t silent;     /* reported as such */
    uint8_t ack_now;    /* an ack leaves with the next flush, alone if it must */
    uint8_t echo;       /* stamp of the last KIND_DATA received */
    uint8_t echo_due;   /* the next ack is the first that answers it */
    uint8_t open_due;   /* OPEN is sent at the next flush */
    uint8_t opened_due; /* OPENED is */
    uint8_t pad[7];

    uint32_t window[LINK_WINDOW];     /* slots in flight */
    uint32_t early[LINK_WINDOW];      /* slots of early datagrams */
    uint32_t sent_low_us[SENT_TIMES]; /* when transmission `order` left, at order mod SENT_TIMES */
};
_Static_assert(sizeof(struct link_peer) == 96 + 18 * 4 + 16 + 128 * 4, "same in every build");

struct link_set {
    uint64_t nonce;
    uint64_t deadline_us; /* not above the least of the peers', which link_flush makes exact */
    uint32_t peers, small, big;
    uint32_t small_free, big_free; /* heads of the free lists */
    uint32_t small_used, big_used; /* outgoing messages and early datagrams */
    uint32_t early_used;           /* of big_used: early datagrams */
    uint32_t deadline_stale;       /* the peer of the least deadline has a later one now */
    uint32_t peers_at, deadlines_at, slots_at, small_at, big_at; /* offsets from this struct */
    uint32_t work[LINK_PEERS_MAX / 32];  /* bit: the peer has something for link_flush */
    uint32_t timed[LINK_PEERS_MAX / 32]; /* bit: the peer has a deadline */
};
_Static_assert(sizeof(struct link_set) == 16 + 14 * 4 + 64, "same in every build");

/* One call's surroundings; never kept. */
struct link_turn {
    struct link_set *ls;
    struct link_peer *peer;
    void *world;
    uint64_t now_us;
    seat_id seat;
};

static inline struct link_peer *link_peer_at(const struct link_set *ls, uint32_t seat) {
    return (struct link_peer *)((uintptr_t)ls + ls->peers_at) + seat;
}
static inline uint64_t *link_deadline_at(const struct link_set *ls, uint32_t seat) {
    return (uint64_t *)((uintptr_t)ls + ls->deadlines_at) + seat;
}
static inline struct link_slot *link_slot_at(const struct link_set *ls, uint32_t slot) {
    return (struct link_slot *)((uintptr_t)ls + ls->slots_at) + slot;
}
static inline struct link_turn link_turn_of(struct link_set *ls, seat_id seat, uint64_t now_us,
                                            void *world) {
    return (struct link_turn){ls, link_peer_at(ls, seat), world, now_us, seat};
}
static inline void link_mark_work(struct link_set *ls, seat_id seat) {
    ls->work[seat / 32] |= 1u << seat % 32;
}
static inline uint64_t link_least(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

/* link_slot.c: the two pools. */
void link_slots_init(struct link_set *ls);
/* A slot's bytes: for an outgoing message its head, the message behind; for an early one all that
 * came behind the head. */
uint8_t *link_slot_bytes(const struct link_set *ls, uint32_t slot);
/* A slot for an outgoing message. That there is one is the arithmetic of the limits: asserted. */
uint32_t link_slot_take(struct link_set *ls, uint32_t message_bytes);
/* A slot for an early datagram, or SLOT_NONE: half of the big ones are not for them. */
uint32_t link_slot_take_early(struct link_set *ls);
void link_slot_free(struct link_set *ls, uint32_t slot);
void link_slot_free_early(struct link_set *ls, uint32_t slot);

/* link.c */
/* The peer's timers may have changed. */
void link_schedule(const struct link_turn *t);
/* The peer has acked or answered something: it is there. */
void link_heard(const struct link_turn *t);

/* link_send.c: outgoing messages, their acks, all that is emitted. */
/* The ack fields of a datagram of this link. False: they are of nothing that was ever sent, or a
 * callback ended the link; drop the datagram. */
bool link_take_acks(const struct link_turn *t, const struct datagram_head *head);
/* The oldest message's time is over: back off and send again. */
void link_resend_late(const struct link_turn *t);
/* All that this peer is to get now. */
void link_emit_all(const struct link_turn *t);

/* link_receive.c */
/* Frees what came early. */
void link_forget_early(struct link_set *ls, struct link_peer *peer);
