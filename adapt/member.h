/* Membership of one node: discovery, founding, admission, roles, phases [D 6, P 7.5-7.12]. Pure;
 * the timers and the repetition of its idempotent datagrams are its own. The state below lies
 * inside struct node: no pointers; adapt/member*.c and adapt/supervisor.c alone write it.
 *
 * Who decides: the proposer, the lowest voter of the view in place. A decree makes view e + 1:
 *   newcomer -HELLO-> proposer -STABLE(0)-> members -STABLE_ACK-> (no job anywhere)
 *   -ACCEPT-> voters -ACCEPTED-> (majority: decided) -COMMIT-> members and joiners -COMMITTED->
 *   then every member: START PHYS SETTING LOG, -PHASE-> proposer; joiners in the view: the roles
 *   view by the same steps; none: -STABLE(1)-> members.
 * GAP: no takeover when the proposer is silent, and no removal of a member: both come with
 * failures. */
#pragma once

#include "adapt/msg.h"
#include "adapt/port.h"
#include "adapt/supervisor.h"
#include "adapt/view.h"

/* Times of membership, in microseconds; those of HELLO are in limits.h. Ours, because … */
enum {
    HELLO_FRESH_US = 5000000,    /* five HELLOs lost in a row: the newcomer is gone */
    CLUSTER_SILENT_US = 16000000, /* three HELLOs of a proposer lost: the cluster asked is gone */
    TWIN_US = 5000000,           /* two nonces of one MAC within this: two nodes, not a reboot */
    FIRST_BATCH_US = 5000000,    /* those that expect= counted ask at once; then: without them */
    JOIN_WINDOW_US = 150000,     /* those that ask within it come in one view [D 6] */
    ANSWER_BURST_US = 50000,     /* answers to a newcomer are repeated after 50, 100, 200 ms */
    ANSWER_BURSTS = 3,
    ENOUGH_US = 50000,      /* expect=N: nodes booted together are heard one after the other; the
                               lowest of all must found, not the lowest of the first N */
    EARLY_HELLO_US = 20000,      /* a new node was heard: it learns of this one at once */
    RESEND_FIRST_US = 20000,     /* idempotent datagrams: repeated after 20, 40, … 640 ms */
    RESEND_MAX_US = 640000,
    QUIET_RETRY_US = 1000000,    /* joiners wait for a job: asked again each second */
    WAITING_US = 1000000,        /* who is missing is said each second [D 6] */
    SILENT_JOINER_US = 5000000,  /* an admitted node that does not answer is named so often */
};

/* A node heard by HELLO that is or was no member: 3 x MEMBERS_MAX rows, the oldest gives way. */
enum { SEEN_MAX = 48 };
enum {
    SEEN_CLUSTER = 1,      /* it is in a cluster (of this name) */
    SEEN_OTHER_BUILD = 2,
    SEEN_MANUAL = 4,       /* it announces itself and does not ask */
    SEEN_ASKS = 8,         /* its join is outstanding, with this node's cluster */
    SEEN_TWIN = 16,        /* two nodes have this MAC at the same time */
    SEEN_WAITS_TOLD = 32,  /* reports made already, once for each nonce */
    SEEN_BUILD_TOLD = 64,
    SEEN_CLUSTER_TOLD = 128,
    SEEN_OPTION_TOLD = 256,
    SEEN_REFUSE_TOLD = 512,
    SEEN_FOUNDER_TOLD = 1024,
};
struct seen {
    uint64_t mac;          /* 0: free row */
    uint64_t nonce;
    uint64_t nonce_before; /* another boot with this MAC, 0 = none */
    uint64_t before_us;    /* when nonce_before was last heard */
    uint64_t build_id;
    uint64_t heard_us;
    uint32_t flags;        /* SEEN_* */
    uint16_t expect;
    uint8_t locator;
    uint8_t pad;
    char name[NAME_BYTES]; /* sound, or empty */
};

enum member_state {
    MEMBER_OFF,       /* before EV_START */
    MEMBER_LISTENING, /* heard no cluster yet; may found */
    MEMBER_ASKING,    /* one join outstanding, with the cluster `asked` */
    MEMBER_IN,        /* has a view */
    MEMBER_STATES
};

/* A view that comes in pieces: of an ACCEPT or a COMMIT, told apart from others by its digest. */
struct view_pieces {
    uint64_t digest;
    uint32_t epoch;  /* 0: nothing yet */
    uint16_t pieces;
    uint16_t have;   /* bit i: piece i is here */
    uint32_t bytes;  /* of the whole, known when the last piece is here */
    uint32_t pad;
    uint8_t view[VIEW_PIECES_MAX * VIEW_PIECE_BYTES];
};
_Static_assert(sizeof(struct view) <= VIEW_PIECES_MAX * VIEW_PIECE_BYTES, "every view fits");

/* Single-decree Paxos for epoch e + 1, as a voter of e [P 7.5]. */
struct acceptor {
    uint64_t promised;        /* no smaller ballot is accepted */
    uint64_t accepted_ballot; /* of accepted_digest */
    uint64_t accepted_digest; /* 0: nothing accepted */
    uint32_t epoch;           /* e + 1; another one: this state is of the past */
    uint32_t pad;
};

/* The same, as the proposer. */
enum proposer_step {
    PROPOSER_IDLE,
    PROPOSER_QUIET,  /* waits for every member to say that no job runs */
    PROPOSER_ACCEPT, /* waits for a majority of the voters */
    PROPOSER_COMMIT, /* decided and in place here; waits for everybody's COMMITTED */
};
struct proposer {
    uint8_t step;          /* enum proposer_step */
    uint8_t answer_bursts; /* repeats left of answers to newcomers */
    uint16_t pad;
    uint32_t resend_gap_us;
    uint64_t resend_us;    /* when the datagrams of this step go out again */
    uint64_t window_us;    /* joiners are collected until then; 0: nobody asked */
    uint64_t retry_us;     /* not before: a job was running */
    uint64_t hold_us;      /* a founder with expect= is not stable alone before; 0: no matter */
    uint64_t answer_us;    /* next repeat of answers to newcomers; 0: none */
    uint64_t nag_us;       /* QUIET is given up, or who does not answer COMMIT is named */
    uint64_t digest_from, digest_to;
    uint8_t answered[MEMBERS_MAX]; /* by index in the view asked: its answer to this step is here */
    struct view next;      /* what is proposed; in place itself from PROPOSER_COMMIT on */
};

struct member {
    uint8_t state;        /* enum member_state */
    uint8_t hello_step;   /* index in the schedule of HELLOs */
    uint8_t refused;      /* enum refuse: last reason given to this node */
    uint8_t stable;       /* announced for this view: jobs may start */
    uint8_t manual;       /* join=manual: neither asks nor founds */
    uint8_t manual_told;
    uint8_t pad[2];
    uint32_t round;       /* newest STABLE of this epoch */
    uint32_t pad2;
    uint64_t twin_nonce;  /* of the other node with this MAC, told once */
    uint64_t digest;      /* of view */
    uint64_t listen_us;   /* does not found alone before; UINT64_MAX once it was looked at */
    uint64_t enough_us;   /* expect=N: N nodes are seen; founds then. UINT64_MAX: fewer are */
    uint64_t hello_base_us; /* the schedule's time 0 */
    uint64_t hello_us;    /* next HELLO; UINT64_MAX: none */
    uint64_t said_us;     /* last multicast HELLO */
    uint64_t waiting_us;  /* next look at who is missing; UINT64_MAX: in a view */
    uint64_t asked_us;    /* last heard of the cluster asked */
    uint64_t refusal_us;  /* last report about a refused view: one a second */
    uint8_t asked[16];    /* uuid of the cluster asked; zeroes: none */
    uint8_t foreign[16];  /* uuid of another cluster of this name, told once */
    struct view view;     /* in place; epoch 0: none */
    struct view_pieces incoming;
    struct acceptor acceptor;
    struct proposer proposer;
    struct supervisor supervisor;
    struct seen seen[SEEN_MAX];
};

/* What the door says of a link datagram [P 7.2, 7.3]. */
enum door {
    DOOR_OK,
    DOOR_OTHER_CLUSTER,
    DOOR_NOT_MEMBER,
    DOOR_OLD_INCARNATION,
    DOOR_NEWER_EPOCH, /* a member's, and its acks count; its messages wait for the view [D 6.5] */
    DOORS
};

/* ---- called by adapt/node.c ----------------------------------------------------------------- */

/* EV_START has filled n->self: the network can receive from now on. */
void member_start(struct node *n);
void member_tick(struct node *n);
/* When member_tick() has something to do; UINT64_MAX: never. */
uint64_t member_deadline_us(const struct node *n);
/* A WAY_DATAGRAM message of the right type, size and CRC from that MAC; cluster, view, sender and
 * nonce stand in its body and are judged here. */
void member_on_message(struct node *n, const struct msg *m, uint64_t from_mac);
/* May a link datagram of this cluster come in? DOOR_OK and DOOR_NEWER_EPOCH: *seat is a member's,
 * and < MEMBERS_MAX. From an older epoch of a member: late, comes in [P 7.3]. Of a node that this
 * view does not know yet: DOOR_NOT_MEMBER; it comes again when the view is here. */
enum door member_judge(const struct node *n, seat_id *seat, uint32_t incarnation, uint32_t epoch,
                       uint64_t from_mac);

/* ---- for consoles and the launcher ---------------------------------------------------------- */

/* "off", "listening", "asking", then the role of this node in its view. */
const char *member_state_name(const struct node *n);
/* Rows with mac != 0 are nodes heard that are no members (`nodes`); SEEN_MAX of them. */
const struct seen *member_seen(const struct node *n);
/* Nodes that the founder still waits for (boot option expect); 0: it does not wait. */
uint32_t member_missing(const struct node *n);
/* join=manual: asks from now on (console `join`). Nothing else happens in any other state. */
void member_join(struct node *n);
