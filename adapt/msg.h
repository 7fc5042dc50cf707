/* Messages: the wire image of their head and bodies, one row of messages.def each, and the check
 * that every incoming one passes once, at the door [D 4]. A handler sees only valid messages. */
#pragma once

#include "adapt/base.h"
#include "adapt/limits.h"

/* What a receiver does with a late message of epoch e [P 7.3]. */
enum msg_late { LATE_PROCESS, LATE_FORWARD, LATE_DROP_IF_REBUILT, LATE_DROP };

/* How it travels: over a link (reliable, ordered, exactly once) or as an idempotent datagram. */
enum msg_way { WAY_LINK, WAY_DATAGRAM };

#define MSG(name, service, way, body, late, text) MSG_##name,
enum msg_type {
    MSG_NONE,
#include "adapt/messages.def"
    MSGS
};
#undef MSG

/* Head of every message, little-endian, 24 bytes [D 4]. */
struct msg_head {
    uint8_t type;        /* enum msg_type */
    uint8_t late;        /* 1: of an older epoch, carried over a view change */
    uint16_t size;       /* bytes of body that follow, contents of a page not counted */
    uint16_t generation; /* of the job */
    uint16_t seat;       /* of the requester (who gets the answer), not always the sender */
    uint64_t key;        /* entry that it concerns; 0: none */
    uint32_t version;    /* of the entry or transfer */
    uint32_t op;         /* operation number of the requester */
};
_Static_assert(sizeof(struct msg_head) == 24, "[D 4] head <= 32 bytes");

enum { MSG_BODY_MAX = DATAGRAM_BYTES_MAX - DATAGRAM_HEAD_MAX }; /* 1372 */

/* ---- bodies; fixed width, explicit padding --------------------------------------------------- */

/* Discovery and membership (datagrams). HELLO and REFUSE keep their type numbers and layout in
 * every build: another build must be understood well enough to be refused [D 6]. */
struct body_hello {
    uint64_t nonce, build_id, mac;
    uint8_t uuid[16];     /* cluster of the sender (epoch != 0) or the one it asks; zeroes: none */
    char cluster[NAME_BYTES];
    char name[NAME_BYTES];
    uint32_t epoch;       /* of the sender's view, 0 = none */
    uint16_t expect;
    uint8_t locator;      /* enum locator_kind */
    uint8_t flags;        /* HELLO_* */
};
_Static_assert(sizeof(struct body_hello) == 80, "the same in every build");
enum { HELLO_WANTS_JOIN = 1, HELLO_ANSWER = 2, HELLO_MANUAL = 4 };

enum refuse { REFUSE_NONE, REFUSE_BUILD, REFUSE_FULL, REFUSE_MAC, REFUSES };
struct body_refuse {
    uint32_t reason;      /* enum refuse */
    uint32_t pad;
    uint64_t nonce;       /* the receiver's own: meant for this boot */
    /* BUILD: build ids; FULL: members, limit; MAC: MAC, nonce of the member */
    uint64_t seen, wanted;
};
_Static_assert(sizeof(struct body_refuse) == 32, "the same in every build");

/* A view of 13 members is one piece, of 14 to 16 two. */
enum {
    VIEW_PIECE_BYTES = 1024,
    VIEW_PIECES_MAX = 2, /* ceil(1184 / 1024), asserted in member.h */
};
struct body_decree {      /* ACCEPT, ACCEPTED, COMMIT, COMMITTED: view of epoch key_index(key) */
    uint64_t ballot;      /* 0: the first proposer's */
    uint64_t digest_from; /* of view e */
    uint64_t digest_to;   /* of view e + 1 */
    /* the receiver's (ACCEPT, COMMIT) or the sender's own (answers) [P 7.9] */
    uint64_t nonce;
    uint16_t piece, pieces; /* of the view that follows (ACCEPT, COMMIT); answers: 0, 0 */
    uint16_t bytes, pad;    /* bytes of this piece */
    uint8_t view[VIEW_PIECE_BYTES]; /* wire image of the view, this piece */
};
struct body_phase {       /* a member tells the proposer: phase `phase` of epoch ended here */
    uint32_t epoch, phase;  /* phase: enum phase */
    uint64_t digest;      /* of the view */
    uint64_t nonce;       /* the sender's own (PHASE), the receiver's (PHASE_ACK) */
    uint32_t us[5];       /* time of START PHYS SETTING LOG END so far */
    uint32_t pad;
};
struct body_stable {      /* STABLE and its answer */
    uint32_t epoch;
    uint32_t stable;      /* 1: jobs may start; 0: they may not (a change is about to be decided) */
    uint64_t digest;
    uint64_t nonce;       /* the receiver's own (STABLE), the sender's (STABLE_ACK) */
    uint32_t round;       /* counts the announcements of an epoch: an older one is ignored */
    uint32_t busy;        /* STABLE_ACK: 1 while this node has a part of a job */
};

/* DSM. op = request's number of the requester; version = of the page. */
struct body_dsm {
    uint16_t birth;       /* of the page's area: stragglers of an unmapped area are dropped */
    uint8_t access;       /* enum access asked for or granted */
    uint8_t flags;        /* DSM_* */
    uint16_t part;        /* of the page's contents, 0 … PAGE_PARTS - 1 */
    uint16_t acks;        /* invalidations that the requester must wait for */
};
struct body_publish {     /* who gets a published page: bit = seat; none: not now */
    uint16_t birth;
    uint16_t pad[3];
    uint32_t seats[SEATS_MAX / 32];
};
enum {
    DSM_HAS_COPY = 1, /* the requester has a read copy: rights are enough */
    DSM_PUBLISHED = 4, /* page: unasked, from its owner, in a publish transaction */
    DSM_ZERO = 2,     /* grant: nobody ever wrote the page, it is zero */
};

/* Job, threads, sync. thread: who asks; op in the head is its operation number [P 9.10]. */
struct body_job_open {
    uint32_t cpu_set;
    uint16_t origin;      /* seat */
    uint16_t pad;
    int32_t result;       /* OPENED, MADE: 0 or -ERR_* */
};
struct body_end {         /* END, CLOSE, CLOSED, EXITED */
    uint32_t status;      /* of the job, as from wait(2) */
    uint32_t pad;
};
/* CALL_MAP and CALL_FILE on the way to the job's manager, stdio to the origin */
struct body_call {
    uint32_t thread;
    uint32_t token;       /* of the requester: the answer goes there */
    uint32_t call;        /* enum call_op */
    uint32_t arg[5];
    uint32_t size;        /* of bytes */
    uint8_t bytes[CALL_BYTES_MAX];
};
struct body_answer {
    uint32_t thread, token;
    int32_t result;
    uint32_t value, value2;
    uint32_t map_version;
    uint32_t size;
    uint8_t bytes[CALL_BYTES_MAX];
};
struct body_area {        /* a query, its answer, and a shrink with its answer */
    uint32_t page;        /* that was asked for */
    uint32_t first, pages; /* page numbers */
    uint32_t prot;        /* Linux PROT_* bits; AREA_GONE: unmapped; AREA_AGAIN: ask again */
    uint32_t birth;       /* map version that made the area, or the shrink's own */
    uint32_t pad;
};
#define AREA_GONE 0x80000000u
#define AREA_AGAIN 0x40000000u
struct body_place {       /* a thread's birth, place and death */
    /* the thread that is placed, hosted, gone; PLACE: one that was refused, or 0 */
    uint32_t thread;
    uint32_t parent;      /* its maker's tid */
    uint32_t token;       /* of the maker, or of the thread that ends */
    int32_t result;       /* PLACED, HERE: 0 or -ERR_* */
    uint32_t status;      /* END: wait status of this thread's exit */
    uint16_t seat, pad;   /* PLACED: the host's */
    uint32_t refused[SEATS_MAX / 32]; /* PLACE: seats that had no free slot */
};
struct body_thread {      /* MOVE: the thread itself */
    uint32_t thread, parent, parent_token;
    uint32_t op;          /* operation numbers that the thread has used */
    uint32_t size;        /* of record */
    uint8_t record[RECORD_BYTES_MAX];
};
struct body_sync {        /* futex, barrier, tgkill */
    uint32_t thread, token;
    uint32_t count;       /* wake: how many; barrier: how many threads; tgkill: the signal */
    uint32_t bitset;
    int32_t result;
    uint32_t target;      /* tgkill: the thread meant */
};
/* 8 rows, so that head and body fit a small slot of the link (128 bytes). */
enum { WOKEN_MAX = 8 };
struct woken_row {
    uint32_t thread, token;
    uint32_t op;          /* of the wait that ends */
};
struct body_woken {
    uint32_t generation;  /* of the barrier that is released; 0: a futex */
    uint16_t count;       /* rows used */
    uint16_t serial;      /* the row whose call returns 1; WOKEN_MAX: none */
    struct woken_row row[WOKEN_MAX];
};
_Static_assert(sizeof(struct body_woken) + 24 <= 128, "fits a small slot of the link");

/* ---- a message in memory --------------------------------------------------------------------- */

struct msg {
    struct msg_head head;
    union {
        struct body_hello hello;
        struct body_refuse refuse;
        struct body_decree decree;
        struct body_phase phase;
        struct body_stable stable;
        struct body_dsm dsm;
        struct body_publish publish;
        struct body_job_open job_open;
        struct body_call call;
        struct body_answer answer;
        struct body_area area;
        struct body_thread thread;
        struct body_end end;
        struct body_place place;
        struct body_sync sync;
        struct body_woken woken;
        uint8_t bytes[MSG_BODY_MAX];
    };
};
_Static_assert(sizeof(struct msg) <= 24 + MSG_BODY_MAX + 4, "a message fits a datagram");

/* What comes with a message at its receiver, beside the message. */
struct msg_from {
    seat_id seat;            /* the sender's */
    const uint8_t *contents; /* page contents behind the body, or NULL */
    uint32_t contents_bytes;
};

const char *msg_name(uint8_t type);
enum service_no msg_service(uint8_t type); /* SERVICE_NONE: adaptation layer */
enum msg_way msg_way(uint8_t type);
enum msg_late msg_late(uint8_t type);
/* Bytes of the fixed body (bodies with a `size`, `bytes` or `view` tail may be sent shorter). */
uint32_t msg_body_bytes(uint8_t type);

/* The door: NULL if the message's own fields are sound (type, size, contents), else the reason.
 * Cluster, epoch, sender and nonce are judged by the membership, not here. */
const char *msg_invalid(const struct msg *m, uint32_t contents_bytes);
/* The seat in the body that the receiver will send to; SEAT_NONE: the body names none. */
seat_id msg_body_seat(const struct msg *m);
