/* The supervisor: the five timed phases of a change on this node, PHASE to the proposer when LOG
 * has ended, and the announcement that all is stable [RR 3.3.1, P 7.10, 7.12]. Pure. The phases
 * are the report's; SETTING is short because tree and parameters are part of the view. */
#include "adapt/member_private.h"

/* ---- names ---------------------------------------------------------------------------------- */

const char *supervisor_state_name(enum supervisor_state state) {
    static const char *const names[SUPERVISOR_STATES] = {
        "?", "start", "physical update", "logical update", "stable", "addition", "removal"};

    return state < SUPERVISOR_STATES ? names[state] : names[0];
}

const char *phase_name(enum phase phase) {
    static const char *const names[PHASES] = {"START", "PHYS", "SETTING", "LOG", "END"};

    return phase < PHASES ? names[phase] : "-";
}

const char *change_cause_name(enum change_cause cause) {
    static const char *const names[CAUSES] = {"found", "add", "roles", "evict", "fail"};

    return cause < CAUSES ? names[cause] : "?";
}

/* [RR Fig 4]: a requesting node goes 1, 2, 3, 4; an observing one is in 5 or 6 meanwhile. */
enum supervisor_state supervisor_state(const struct node *n) {
    const struct member *mb = &n->member;
    const struct view_member *self = member_self(n);

    if (mb->state != MEMBER_IN || self == NULL) {
        return SUPERVISOR_START;
    }
    if (mb->stable) {
        return SUPERVISOR_STABLE;
    }
    if (self->role == ROLE_MEMBER && view_in_role(&mb->view, ROLE_JOINING) != 0) {
        return SUPERVISOR_ADDITION;
    }
    if (self->role == ROLE_MEMBER && view_in_role(&mb->view, ROLE_LEAVING) != 0) {
        return SUPERVISOR_REMOVAL;
    }
    return mb->supervisor.phases.now <= PHASE_PHYS ? SUPERVISOR_PHYS : SUPERVISOR_LOGICAL;
}

/* ---- records of changes --------------------------------------------------------------------- */

const struct change_record *supervisor_change(const struct node *n, uint32_t age) {
    const struct supervisor *s = &n->member.supervisor;

    if (age >= CHANGES_KEPT || age >= s->changes) {
        return NULL;
    }
    return &s->change[(s->changes - 1 - age) % CHANGES_KEPT];
}

static void record(struct node *n, uint32_t i, enum change_cause cause) {
    struct supervisor *s = &n->member.supervisor;
    const struct view *v = &n->member.view;
    struct change_record *r = &s->change[s->changes++ % CHANGES_KEPT];
    const uint32_t *us = s->phases.us;

    if (s->told_us[i] != 0 && v->member[i].nonce != n->self.nonce) {
        s->told[i][PHASE_END] = (uint32_t)(n->now_us + 1 - s->told_us[i]);
        us = s->told[i];
    }
    *r = (struct change_record){.epoch = v->epoch, .node = v->member[i].id, .cause = cause};
    memcpy(r->us, us, sizeof(r->us));
}

/* What the view in place changed, once, when its END is over: with the times of the node concerned
 * as the proposer knows them, with this node's own elsewhere. */
void supervisor_close(struct node *n) {
    struct supervisor *s = &n->member.supervisor;
    const struct view *v = &n->member.view;

    if (v->epoch == 0 || s->phases.epoch != v->epoch || s->phases.now == PHASES) {
        return;
    }
    if (s->phases.now == PHASE_END) {
        s->phases.us[PHASE_END] = (uint32_t)(n->now_us - s->phases.began_us);
        trace(n, TR_PHASE, PHASE_END, v->epoch, 0, 0);
    }
    s->phases.now = PHASES;
    for (uint32_t i = 0; i < v->count; i++) {
        if (v->epoch == 1) {
            record(n, i, CAUSE_FOUND);
        } else if (v->member[i].role == ROLE_JOINING) {
            record(n, i, CAUSE_ADD);
        } else if (v->member[i].role == ROLE_LEAVING) {
            record(n, i, CAUSE_EVICT);
        }
    }
}

/* ---- phases --------------------------------------------------------------------------------- */

static void phase_end(struct node *n) {
    struct phases *p = &n->member.supervisor.phases;

    ASSERT(p->now < PHASE_END);
    p->us[p->now] = (uint32_t)(n->now_us - p->began_us);
    trace(n, TR_PHASE, p->now, p->epoch, 0, 0);
    p->now++;
    p->began_us = n->now_us;
}

void supervisor_hear(struct node *n, uint32_t epoch) {
    struct supervisor *s = &n->member.supervisor;

    if (epoch > n->member.view.epoch && s->heard_us == 0) {
        s->heard_us = n->now_us;
    }
}

/* Ours: a handshake takes a round trip, 0.5 ms at best; a lost one comes again after 20 ms. */
enum { LINK_POLL_FIRST_US = 500, LINK_POLL_MAX_US = 4000 };

void supervisor_view(struct node *n) {
    struct supervisor *s = &n->member.supervisor;

    s->phases = (struct phases){.epoch = n->member.view.epoch, .now = PHASE_START};
    s->phases.began_us = s->heard_us != 0 ? s->heard_us : n->now_us;
    s->heard_us = 0;
    s->resend_us = UINT64_MAX;
    s->stable_us = UINT64_MAX;
    memset(s->told_us, 0, sizeof(s->told_us));
    memset(s->acked, 0, sizeof(s->acked));
    phase_end(n);
    s->poll_us = n->now_us;
    s->poll_gap_us = LINK_POLL_FIRST_US;
}

/* Links to all members of the cell: with one cell, all [P 7.24]. */
static bool links_are_open(struct node *n) {
    const struct view *v = &n->member.view;
    bool open = true;

    for (uint32_t i = 0; i < v->count; i++) {
        if (!node_link_open(n, v->member[i].seat)) {
            open = false;
        }
    }
    return open;
}

/* The seam of the migration: entries exist only while jobs run, and then no view changes the
 * managers. GAP: migration under load comes with live changes [P 7.13]. */
static bool entries_are_here(const struct node *n) {
    (void)n;
    return true;
}

static void send_phase(struct node *n) {
    struct supervisor *s = &n->member.supervisor;
    const struct view_member *proposer = view_proposer(&n->member.view);
    struct msg m;

    msg_begin(n, &m, MSG_PHASE, key_make(SERVICE_NONE, 0, n->member.view.epoch));
    m.phase = (struct body_phase){.epoch = n->member.view.epoch,
                                  .phase = PHASE_LOG,
                                  .digest = n->member.digest,
                                  .nonce = n->self.nonce};
    memcpy(m.phase.us, s->phases.us, sizeof(m.phase.us));
    node_send_direct(n, proposer->mac, &m);
    s->resend_us = n->now_us + member_jitter_us(n, s->resend_gap_us);
    s->resend_gap_us = s->resend_gap_us * 2 < RESEND_MAX_US ? s->resend_gap_us * 2 : RESEND_MAX_US;
}

/* LOG has ended here: the proposer must know. */
static void tell_proposer(struct node *n) {
    struct supervisor *s = &n->member.supervisor;

    if (member_is_proposer(n)) {
        s->told_us[member_index(&n->member.view, member_self(n))] = n->now_us + 1;
        return;
    }
    s->resend_gap_us = RESEND_FIRST_US;
    send_phase(n);
}

static void phases_go_on(struct node *n) {
    struct supervisor *s = &n->member.supervisor;

    if (s->phases.now == PHASE_PHYS) {
        if (!links_are_open(n)) {
            s->poll_us = n->now_us + s->poll_gap_us;
            s->poll_gap_us = s->poll_gap_us * 2 < LINK_POLL_MAX_US ? s->poll_gap_us * 2
                                                                   : LINK_POLL_MAX_US;
            return;
        }
        s->poll_us = UINT64_MAX;
        phase_end(n);
    }
    if (s->phases.now == PHASE_SETTING) {
        phase_end(n);
    }
    if (s->phases.now == PHASE_LOG && entries_are_here(n)) {
        phase_end(n);
        tell_proposer(n);
    }
}

bool supervisor_all_ended(const struct node *n) {
    const struct supervisor *s = &n->member.supervisor;

    for (uint32_t i = 0; i < n->member.view.count; i++) {
        if (s->told_us[i] == 0) {
            return false;
        }
    }
    return true;
}

/* ---- ticks and messages --------------------------------------------------------------------- */

void supervisor_tick(struct node *n) {
    struct supervisor *s = &n->member.supervisor;

    if (n->member.state != MEMBER_IN) {
        return;
    }
    phases_go_on(n);
    if (n->now_us >= s->resend_us) {
        send_phase(n);
    }
    if (n->now_us >= s->stable_us) {
        supervisor_send_stable(n);
    }
}

uint64_t supervisor_deadline_us(const struct node *n) {
    const struct supervisor *s = &n->member.supervisor;
    uint64_t least = s->poll_us < s->resend_us ? s->poll_us : s->resend_us;

    return s->stable_us < least ? s->stable_us : least;
}

void supervisor_on_phase(struct node *n, const struct msg *m, uint64_t from_mac) {
    struct supervisor *s = &n->member.supervisor;
    const struct view_member *member = member_sender(n, from_mac, m->phase.nonce);
    struct msg ack;

    if (!member_is_proposer(n) || member == NULL || m->phase.epoch != n->member.view.epoch ||
        m->phase.digest != n->member.digest || m->phase.phase != PHASE_LOG) {
        return; /* of another view or boot [P 7.2] */
    }

    uint32_t i = member_index(&n->member.view, member);
    if (s->told_us[i] == 0) {
        s->told_us[i] = n->now_us + 1;
        memcpy(s->told[i], m->phase.us, sizeof(s->told[i]));
    }
    proposer_note_installed(n, i);

    msg_begin(n, &ack, MSG_PHASE_ACK, m->head.key);
    ack.phase = m->phase;
    node_send_direct(n, from_mac, &ack);
}

void supervisor_on_phase_ack(struct node *n, const struct msg *m, uint64_t from_mac) {
    if (m->phase.nonce == n->self.nonce &&
        member_heard_proposer(n, from_mac, m->phase.epoch, m->phase.digest)) {
        n->member.supervisor.resend_us = UINT64_MAX;
    }
}
