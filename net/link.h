/* The link: each message is delivered exactly once and in order to the same incarnation of a peer,
 * or the peer is eventually reported unreachable [D 6]. Pure: no clock, no I/O, no allocation; all
 * state is one block of memory without pointers; time comes in as an argument, datagrams go out by
 * link_emit().
 *
 * A datagram is: struct datagram_head (44 bytes), then for KIND_DATA one message, then the bytes of
 * a frame by reference. The sender's world calls link_seal() when it performs the send, because
 * only the world sees the frame's bytes; so a frame's bytes must not change until link_acked().
 *
 * Selective repeat: 32 datagrams per peer in flight, cumulative and selective ack in every
 * datagram, RTO from measured RTT, acks piggybacked or delayed <= 1 ms.
 *
 * One rule of time: nothing is emitted before link_flush(), which the user calls once at the end of
 * each step. So an answer sent while a message is handled carries its ack, and link_deliver() may
 * call link_send() freely.
 *
 * Used by adapt/node.c only. Errors: none; bad bytes of a peer are counted and dropped. */
#pragma once

#include "adapt/base.h"

enum datagram_kind {
    KIND_DATA = 1, /* one link message */
    KIND_ACK,      /* only the ack fields count */
    KIND_OPEN,     /* handshake: body = nonce of the sender, nonce of the receiver [P 7.9] */
    KIND_OPENED,   /* its answer, the same body */
    KIND_DIRECT,   /* an idempotent datagram's message, beside the links [D 6.4] */
};

/* Little-endian, 44 bytes: 4 crc + 14 identity + 2 kind, flags + 12 sequence + 4 tag + 6 time
 * + 2 stamps. With the head of a message 68 bytes; a MAC of 16 in place of the CRC: 80 [D 4]. */
struct datagram_head {
    uint32_t crc;         /* CRC-32 (IEEE 802.3) of every byte behind it; by link_seal() */
    uint32_t cluster;     /* tag of the cluster's uuid; 0 before there is one */
    uint32_t epoch;       /* sender's view when the datagram left, not when the message was sent */
    uint32_t incarnation; /* sender's */
    uint16_t seat;        /* sender's; SEAT_NONE before admission */
    uint8_t kind;         /* enum datagram_kind */
    uint8_t flags;        /* DATAGRAM_* */
    uint32_t sequence;    /* of KIND_DATA, from 1, wraps */
    uint32_t ack;         /* next sequence wanted from the receiver: all below were handled */
    uint32_t sack;        /* bit i: ack + 1 + i was received */
    uint32_t tag;         /* of this link: mixes both nonces: a stranger's bytes are never ours */
    uint32_t time_low;    /* sender's cluster time, microseconds, 48 bits */
    uint16_t time_high;
    uint8_t stamp; /* of KIND_DATA: number of this transmission, also of a repeated one */
    uint8_t echo;  /* stamp of the KIND_DATA that the sender of this received last */
};
_Static_assert(sizeof(struct datagram_head) == 44, "[D 4]");

/* flags. The echo is a first answer: the time since that transmission is a round trip. As an echo
 * names one transmission, what is measured is never ambiguous: the samples that Karn's rule must
 * throw away (of repeated datagrams) count too, also under 50 % loss. */
enum { DATAGRAM_ECHO = 1 };

/* Finishes a datagram whose head bytes and contents are known: writes the CRC. head[0..head_bytes)
 * starts with struct datagram_head. contents may be NULL when contents_bytes is 0. */
void link_seal(uint8_t *head, uint32_t head_bytes, const uint8_t *contents,
               uint32_t contents_bytes);
/* True if the datagram has a datagram's length and its CRC is right. */
bool link_check(const uint8_t *bytes, uint32_t size);
/* CRC-32 of bytes, continued from `crc` (0 at the start); 8 bytes a step. */
uint32_t crc32_update(uint32_t crc, const uint8_t *bytes, uint32_t size);

struct link_set; /* all links of one node */

struct link_config {
    uint32_t peers; /* most seats, <= LINK_PEERS_MAX: MEMBERS_MAX by habit */
    uint32_t small; /* outgoing messages of <= LINK_SMALL_BYTES */
    uint32_t big;   /* longer ones, and datagrams that came early: those take at most half, so at
                       least half of `big` is for outgoing messages whatever the peers do */
};
enum {
    LINK_PEERS_MAX = 256,       /* seats of a view [D 4] */
    LINK_WINDOW = 32,           /* datagrams in flight per peer: one sack word */
    LINK_DATAGRAM_BYTES = 1452, /* 1500 - 40 (IPv6) - 8 (UDP) [D 6] */
    LINK_MESSAGE_BYTES = 1452 - 44,
    LINK_SMALL_BYTES = 128,     /* of a small slot: any message but paths, bytes and records */
    LINK_RTO_MIN_US = 4000,     /* "a few ms" [D 6.1]; four times the longest delay of an ack */
    LINK_RTO_FIRST_US = 20000,  /* before the first measurement: ours, 40 x a LAN round trip */
    LINK_RTO_MAX_US = 1000000,  /* cap of the doubling */
    LINK_ACK_DELAY_US = 1000,   /* an ack waits so long for a datagram that takes it along */
    LINK_ACK_EVERY = 8,         /* … or until so many are owed: a quarter of the window */
    LINK_LOST_AFTER = 3,        /* lost when a transmission so much later was acked [RFC 5681];
                                   while one is missing each third early one is acked at once */
    LINK_RESEND_BURST = 8,      /* sent again at once when the RTO is over: a quarter window */
    LINK_SILENCE_US = 10000000, /* nothing acked so long: reported unreachable once, goes on */
};

/* Bytes of memory, the same in 32-bit and 64-bit builds; mem must be 8-aligned. */
size_t link_size(const struct link_config *config);
struct link_set *link_init(void *mem, const struct link_config *config);

/* This node's own nonce; before any link. */
void link_set_self(struct link_set *ls, uint64_t nonce);
/* The peer in `seat` is the boot `nonce` now: a link to it exists (closed until used or opened).
 * Another nonce than before: the old link and all that waited on it are dropped (link_acked with
 * lost = true). Same: no-op. A seat dropped and set again with the same nonce starts afresh, so the
 * other side must have dropped it too; late datagrams of before are the door's to tell apart
 * (incarnation). */
void link_set_peer(struct link_set *ls, seat_id seat, uint64_t nonce, void *world);
/* No peer in `seat` any more, as above; no-op when there is none. */
void link_drop_peer(struct link_set *ls, seat_id seat, void *world);
/* Starts the handshake if the link is not open yet; no-op without a peer. */
void link_open(struct link_set *ls, seat_id seat);
bool link_is_open(const struct link_set *ls, seat_id seat);

/* Queues a message for a peer that was set; opens the link if need be. Message bytes are copied, a
 * frame's bytes stay where they are and are read at each (re)transmission until link_acked().
 * Never fails: that the pools suffice is asserted. `cookie` comes back with link_acked (0: nobody
 * asks). bytes + ref.bytes <= LINK_MESSAGE_BYTES. May be called from link_deliver, link_acked. */
void link_send(struct link_set *ls, seat_id seat, const void *message, uint32_t bytes,
               struct frame_ref ref, uint32_t cookie);

/* A datagram of kind DATA, ACK, OPEN or OPENED, whose CRC was right, from the peer in `seat`
 * (judged by the door). bytes: the whole datagram. Its acks count first (link_acked, link_silence),
 * then messages are delivered (link_deliver). */
void link_on_datagram(struct link_set *ls, seat_id seat, const uint8_t *bytes, uint32_t size,
                      uint64_t now_us, void *world);
/* The time link_deadline_us() has come (or not: no-op). Calls link_silence. */
void link_tick(struct link_set *ls, uint64_t now_us, void *world);
/* When link_tick is next wanted; UINT64_MAX: never. Exact after link_flush. */
uint64_t link_deadline_us(const struct link_set *ls);
/* True while less than a quarter of the room for short messages is left: peers ask faster than they
 * ack what they get. The user had better take no message then; what it has still to send fits. */
bool link_is_short(const struct link_set *ls);
/* After link_deliver has said "not now": deliver what waits. No-op for any other peer. */
void link_resume(struct link_set *ls, seat_id seat, uint64_t now_us, void *world);
/* Emits all that is to be sent now: at the end of each step, once. Acks that nothing carries wait
 * up to LINK_ACK_DELAY_US more. Time: O(peers with work), or O(peers). */
void link_flush(struct link_set *ls, uint64_t now_us, void *world);

/* ---- implemented by the user of the link (adapt/node.c, a test) ------------------------------ */

/* Send this datagram to the peer: head, then message, then ref's bytes (ref.bytes 0: none); the
 * identity fields (cluster, epoch, incarnation, seat, time) are filled in by the callee. message
 * lies directly behind head in memory; both are valid during the call only. Comes from link_flush
 * only; the callee must not call back. At most LINK_WINDOW + 3 for each peer in one flush. */
void link_emit(void *world, seat_id seat, struct datagram_head *head, const uint8_t *message,
               uint32_t message_bytes, struct frame_ref ref);
/* The next message of the peer, in order, exactly once: its bytes with any contents behind. False:
 * not now (of a newer epoch [D 6.5]); the link acks nothing from there on, keeps what fits, and
 * delivers nothing of this peer until link_resume(). The callee may call link_send(); if it drops
 * this very peer, it must not read the bytes any more. */
bool link_deliver(void *world, seat_id seat, const uint8_t *bytes, uint32_t size);
/* A message sent with a cookie was handled by the peer; its frame (if any) is not read any more.
 * Also called, with lost = true, when its link is dropped. */
void link_acked(void *world, seat_id seat, uint32_t cookie, bool lost);
/* Nothing acked by this peer for LINK_SILENCE_US although messages wait (silent = true), or it is
 * back. The callee must not change this link. */
void link_silence(void *world, seat_id seat, bool silent);

/* ---- counters, for `net` on the console ------------------------------------------------------ */

struct link_counters {
    uint64_t sent;         /* datagrams, of all kinds */
    uint64_t resent;       /* of these: KIND_DATA again */
    uint64_t received;     /* datagrams that were the peer's and sound */
    uint64_t duplicates;   /* messages that came again */
    uint64_t early;        /* messages that came before one they must follow, kept */
    uint64_t dropped_full; /* … not kept: no room; the peer sends them again */
    uint64_t acks_alone;   /* datagrams sent for an ack only */
    uint64_t bad;          /* of another tag, acks of what was never sent, not open */
    uint32_t rtt_us;       /* smoothed; 0: never measured. Over all peers: the greatest */
    uint32_t rto_us;
    uint32_t in_flight; /* messages sent, not acked yet */
    uint32_t queued;    /* messages behind the window */
};
/* Sums over the peers, or of one (seat != SEAT_NONE). */
struct link_counters link_counters(const struct link_set *ls, seat_id seat);
