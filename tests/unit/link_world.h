/* A LAN of up to three nodes inside a test: links at the ends, seeded faults between them, virtual
 * time. Defines what the link calls (link_emit, link_deliver, link_acked, link_silence). */
#pragma once

#include "net/link.h"
#include "net/link_private.h"

enum {
    ENDS = 3,
    FRAMES = 8,         /* user frames of each end */
    PACKETS_MAX = 1024, /* datagrams on the way */
    LOG_MAX = 4096,     /* datagrams remembered */
};

struct faults {
    uint32_t loss, dup, reorder, corrupt; /* percent */
    uint32_t delay_us;                    /* of every datagram */
    uint32_t reorder_us;                  /* a reordered one comes up to so much later */
    bool one_way;                         /* reorders only what end 0 sends */
};

struct packet {
    uint64_t at_us; /* arrives then */
    uint64_t number;
    seat_id from, to;
    uint32_t size;
    uint8_t bytes[LINK_DATAGRAM_BYTES];
};

/* What left an end, in order. */
struct sent {
    uint64_t at_us;
    seat_id from, to;
    uint8_t kind;
    uint32_t sequence, ack, sack;
    bool lost;
};

struct world;

struct end {
    struct world *world;
    struct link_set *ls;
    uint64_t nonce;
    seat_id seat;
    uint8_t frame[FRAMES][PAGE_BYTES];
    bool frame_busy[FRAMES];
    /* told by the link */
    uint32_t delivered[ENDS], acked[ENDS], lost[ENDS];
    uint32_t last_cookie;
    bool holds[ENDS]; /* its test said "not now" and has not resumed */
    int silent[ENDS];
};

struct world {
    uint64_t now_us;
    uint64_t random;
    uint64_t hash; /* of everything that left: two runs must agree */
    struct faults faults;
    struct end end[ENDS];
    struct packet packet[PACKETS_MAX];
    uint32_t on_way;  /* of packet[] */
    uint64_t packets; /* ever */
    struct sent log[LOG_MAX];
    uint32_t logged; /* may exceed LOG_MAX: then only counted */
    uint64_t cut;    /* bit from * 8 + to: nothing gets through */
    uint32_t lose;   /* bit n: of the next datagrams the n-th is lost */
    uint32_t bad_crc;
    /* of the test at hand; NULL: count and take */
    bool (*on_deliver)(struct end *e, seat_id from, const uint8_t *bytes, uint32_t size);
    void (*on_acked)(struct end *e, seat_id from, uint32_t cookie, bool lost);
};

/* Ends with fresh link sets, each a peer of all others, links closed. */
struct world *world_new(uint64_t seed, struct link_config config);
void world_free(struct world *w);
/* Random number below n. */
uint32_t world_random(struct world *w, uint32_t n);
/* A message of `bytes` bytes, the first of which is `first`; flushes. */
void world_send(struct end *e, seat_id to, uint8_t first, uint32_t bytes, uint32_t cookie);
void world_flush(struct end *e);
/* Ends a "not now"; flushes. */
void world_resume(struct end *e, seat_id seat);
/* Hands an end a datagram as if it came from `from`, and flushes. */
void world_arrive(struct end *e, seat_id from, const uint8_t *bytes, uint32_t size);
/* The next thing that happens: a datagram or a deadline. False: nothing before until_us. */
bool world_next(struct world *w, uint64_t until_us);
/* All that happens until then. */
void world_run(struct world *w, uint64_t until_us);
/* Opens all links between the ends and lets the acks settle; the log is emptied. */
void world_open(struct world *w);
/* Datagrams in the log of that kind (0: all) from an end to another (SEAT_NONE: any). */
uint32_t world_sent(const struct world *w, uint8_t kind, seat_id from, seat_id to);
