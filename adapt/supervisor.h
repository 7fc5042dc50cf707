/* The supervisor of a node: which phase of the newest view it is in, how long each took, and when
 * the cluster is stable [RR 3.3.1 Fig 4, P 7.12]. Pure; its state lies in struct member. Private to
 * adapt/, but for the functions that consoles call. */
#pragma once

#include "adapt/base.h"
#include "adapt/limits.h"

/* Fig 4 of the report, by its numbers. */
enum supervisor_state {
    SUPERVISOR_START = 1,  /* this node sets itself up, or waits to be admitted */
    SUPERVISOR_PHYS,       /* (2) links are opened */
    SUPERVISOR_LOGICAL,    /* (3) view, tree and parameters are learnt, entries migrate */
    SUPERVISOR_STABLE,     /* (4) nothing changes */
    SUPERVISOR_ADDITION,   /* (5) other nodes are being added */
    SUPERVISOR_REMOVAL,    /* (6) a node leaves or was removed */
    SUPERVISOR_STATES
};

/* The report's phases of a change, timed [P 7.12]. */
enum phase { PHASE_START, PHASE_PHYS, PHASE_SETTING, PHASE_LOG, PHASE_END, PHASES };

struct phases {
    uint64_t began_us;   /* of the phase under way */
    uint32_t epoch;      /* the view that they are of; 0: none */
    uint32_t now;        /* enum phase under way; PHASES: all have ended and are recorded */
    uint32_t us[PHASES]; /* how long each took */
    uint32_t pad;
};

/* Changes worked off, for `view` and `status`: the newest, number i at i % CHANGES_KEPT. */
enum { CHANGES_KEPT = 16 };
enum change_cause { CAUSE_FOUND, CAUSE_ADD, CAUSE_ROLES, CAUSE_EVICT, CAUSE_FAIL, CAUSES };
struct change_record {
    uint32_t epoch;
    uint32_t node;       /* id of the node that the change is about */
    uint32_t cause;      /* enum change_cause */
    uint32_t us[PHASES]; /* of that node, as it told the proposer */
    uint32_t moved;      /* entries that changed manager: none moves without a job */
};

struct supervisor {
    struct phases phases;
    uint64_t heard_us;       /* the newest view was first heard of; 0: not yet */
    uint64_t poll_us;        /* PHYS: links are looked at again; UINT64_MAX: not in PHYS */
    uint64_t resend_us;      /* PHASE goes out again; UINT64_MAX: it need not */
    uint32_t resend_gap_us;
    uint32_t changes;        /* records ever */
    struct change_record change[CHANGES_KEPT];
    /* as the proposer */
    uint64_t stable_us;      /* STABLE goes out again; UINT64_MAX: it need not */
    uint64_t told_us[MEMBERS_MAX]; /* by index in the view: its PHASE came then, + 1; 0: not yet */
    uint32_t told[MEMBERS_MAX][PHASES]; /* its times */
    uint32_t stable_gap_us;
    uint32_t poll_gap_us;
    uint8_t acked[MEMBERS_MAX]; /* by index in the view: its STABLE_ACK of this round is here */
};

struct node;
struct msg;

/* ---- for consoles --------------------------------------------------------------------------- */
enum supervisor_state supervisor_state(const struct node *n);
const char *supervisor_state_name(enum supervisor_state state);
const char *phase_name(enum phase phase);        /* START PHYS SETTING LOG END [RR Fig 10] */
const char *change_cause_name(enum change_cause cause);
/* The change of that age, 0 the newest; NULL: none so old is kept. */
const struct change_record *supervisor_change(const struct node *n, uint32_t age);

/* ---- for adapt/member*.c -------------------------------------------------------------------- */

/* A decree for this epoch was heard: START of the change begins, once. */
void supervisor_hear(struct node *n, uint32_t epoch);
/* The view in place is about to be replaced, or is stable: its change is recorded. */
void supervisor_close(struct node *n);
/* A new view is in place: START ends, PHYS begins. */
void supervisor_view(struct node *n);
/* Goes on with the phases as far as they go, repeats PHASE and STABLE when due. */
void supervisor_tick(struct node *n);
uint64_t supervisor_deadline_us(const struct node *n);
void supervisor_on_phase(struct node *n, const struct msg *m, uint64_t from_mac);
void supervisor_on_phase_ack(struct node *n, const struct msg *m, uint64_t from_mac);
void supervisor_on_stable(struct node *n, const struct msg *m, uint64_t from_mac);
void supervisor_on_stable_ack(struct node *n, const struct msg *m, uint64_t from_mac);
/* As the proposer: every member has installed the view in place and ended its LOG. */
bool supervisor_all_ended(const struct node *n);
/* As the proposer: a new round, stable or not, to every other member. */
void supervisor_announce(struct node *n, uint32_t stable);
/* As the proposer: every other member has answered the round under way. */
bool supervisor_all_acked(const struct node *n);
