/* Membership: the frame around its parts. Owns struct member's state, the one way in for a view,
 * the door for link datagrams, and the dispatch of direct messages. Pure; runs inside node_step().
 * The parts: member_hello (discovery), member_seen (who was heard), member_found (founding,
 * asking), member_propose and member_accept (the decree), supervisor (phases, stable). */
#include "adapt/member_private.h"

/* ---- who is who ----------------------------------------------------------------------------- */

const struct view_member *member_self(const struct node *n) {
    return view_by_nonce(&n->member.view, n->self.nonce);
}

const struct view_member *member_sender(const struct node *n, uint64_t mac, uint64_t nonce) {
    const struct view_member *m = view_by_mac(&n->member.view, mac);

    return m != NULL && m->nonce == nonce ? m : NULL;
}

bool member_is_proposer(const struct node *n) {
    const struct view_member *proposer = view_proposer(&n->member.view);

    return proposer != NULL && proposer->nonce == n->self.nonce;
}

uint32_t member_index(const struct view *v, const struct view_member *m) {
    ASSERT(m >= v->member && m < v->member + v->count);
    return (uint32_t)(m - v->member);
}

const struct seen *member_seen(const struct node *n) {
    return n->member.seen;
}

const char *member_state_name(const struct node *n) {
    const struct view_member *self = member_self(n);

    if (n->member.state == MEMBER_IN && self != NULL) {
        return role_name((enum role)self->role);
    }
    static const char *const names[MEMBER_STATES] = {"off", "listening", "asking", "member"};
    return names[n->member.state];
}

void member_set_state(struct node *n, enum member_state state) {
    if (n->member.state != state) {
        trace(n, TR_STATE, n->member.state, state, 0, 0);
        n->member.state = (uint8_t)state;
    }
}

uint64_t member_jitter_us(struct node *n, uint64_t us) {
    return us - us / 4 + node_random(n) % (uint32_t)(us / 2 + 1);
}

bool member_heard_proposer(const struct node *n, uint64_t from_mac, uint32_t epoch,
                           uint64_t digest) {
    const struct view_member *proposer = view_proposer(&n->member.view);

    return proposer != NULL && proposer->mac == from_mac && !member_is_proposer(n) &&
           epoch == n->member.view.epoch && digest == n->member.digest;
}

void member_tell_silent(struct node *n, const uint8_t answered[MEMBERS_MAX]) {
    const struct view *v = &n->member.view;
    char text[NODE_TEXT_BYTES];

    for (uint32_t i = 0; i < v->count; i++) {
        if (!answered[i]) {
            node_text(text, v->member[i].name, v->member[i].mac);
            node_report(n, REPORT_NOT_ANSWERING, v->epoch, 0, 0, text);
        }
    }
}

/* ---- a view comes in ------------------------------------------------------------------------ */

static void tell_joined(struct node *n, const struct view_member *self) {
    node_report(n, REPORT_JOINED, self->id, self->seat, n->member.view.epoch, n->self.cluster);
    if (n->self.locator != n->member.view.locator) {
        node_report(n, REPORT_OPTION_DIFFERS, 0, 0, 0,
                    n->self.locator == LOCATOR_STAT
                        ? "this node was booted with locator=stat, its cluster with locator=tree"
                        : "this node was booted with locator=tree, its cluster with locator=stat");
    }
}

void member_set_view(struct node *n, const struct view *v) {
    struct member *mb = &n->member;
    bool was_in = mb->state == MEMBER_IN;

    ASSERT(v->epoch > mb->view.epoch);
    ASSERT(view_by_nonce(v, n->self.nonce) != NULL);
    supervisor_close(n);
    memmove(&mb->view, v, sizeof(*v));
    mb->digest = view_digest(&mb->view);
    mb->stable = 0;
    mb->round = 0;
    mb->waiting_us = UINT64_MAX;
    mb->listen_us = UINT64_MAX;
    mb->enough_us = UINT64_MAX;
    mb->refused = REFUSE_NONE;
    member_set_state(n, MEMBER_IN);
    const struct view_member *self = member_self(n);
    trace(n, TR_VIEW, v->epoch, v->count, self->seat, (uint32_t)mb->digest);
    seen_forget_members(n);
    if (!was_in && v->epoch > 1) {
        tell_joined(n, self);
    }
    if (!member_is_proposer(n)) {
        mb->hello_us = UINT64_MAX;
    } else if (mb->hello_us == UINT64_MAX) {
        mb->hello_us = n->now_us + member_jitter_us(n, HELLO_MEMBER_US);
    }
    supervisor_view(n);
    node_view_installed(n);
}

/* ---- the door ------------------------------------------------------------------------------- */

enum { EPOCHS_AHEAD_MAX = 4 }; /* ours: a member misses few decrees in a row; more is noise */

enum door member_judge(const struct node *n, seat_id *seat, uint32_t incarnation, uint32_t epoch,
                       uint64_t from_mac) {
    const struct member *mb = &n->member;
    const struct view_member *m = view_by_mac(&mb->view, from_mac);

    if (m == NULL || m->seat != *seat || epoch < incarnation) {
        return DOOR_NOT_MEMBER;
    }
    if (m->incarnation != incarnation) {
        return incarnation < m->incarnation ? DOOR_OLD_INCARNATION : DOOR_NOT_MEMBER;
    }
    if (epoch > mb->view.epoch + EPOCHS_AHEAD_MAX) {
        return DOOR_NOT_MEMBER;
    }
    return epoch > mb->view.epoch ? DOOR_NEWER_EPOCH : DOOR_OK;
}

/* ---- events --------------------------------------------------------------------------------- */

/* Names are compared and sent whole: what stands behind the zero must be zeroes. */
static void name_clean(char name[NAME_BYTES], const char *otherwise) {
    bool ended = false;

    for (uint32_t i = 0; i < NAME_BYTES; i++) {
        ended = ended || name[i] == '\0';
        name[i] = ended ? '\0' : name[i];
    }
    if (name_is_sound(name)) {
        return;
    }
    for (uint32_t i = 0; i < NAME_BYTES; i++) {
        name[i] = *otherwise;
        otherwise += *otherwise != '\0';
    }
}

void member_start(struct node *n) {
    struct member *mb = &n->member;

    name_clean(n->self.cluster, "lisse");
    name_clean(n->self.name, "");
    ASSERT(n->self.nonce != 0 && n->self.locator < LOCATORS);
    mb->manual = n->self.join_manual != 0;
    mb->supervisor.resend_us = UINT64_MAX;
    mb->supervisor.stable_us = UINT64_MAX;
    mb->supervisor.poll_us = UINT64_MAX;
    found_listen(n);
    member_advance(n);
}

void member_join(struct node *n) {
    if (n->member.state == MEMBER_LISTENING && n->member.manual) {
        n->member.manual = 0;
        found_listen(n);
        member_advance(n);
    }
}

/* A new view starts phases, whose end may let the proposer decide the next: until nothing changes.
 * Every decree but a founder's first needs answers of others, so this ends. */
void member_advance(struct node *n) {
    uint32_t epoch;

    if (n->member.state == MEMBER_OFF) {
        return;
    }
    found_tick(n);
    do {
        epoch = n->member.view.epoch;
        supervisor_tick(n);
        proposer_tick(n);
    } while (n->member.view.epoch != epoch);
    hello_tick(n);
}

void member_tick(struct node *n) {
    member_advance(n);
}

uint64_t member_deadline_us(const struct node *n) {
    const struct member *mb = &n->member;

    if (mb->state == MEMBER_OFF) {
        return UINT64_MAX;
    }
    uint64_t wanted[] = {mb->hello_us,  mb->waiting_us,          mb->listen_us,
                         mb->enough_us, proposer_deadline_us(n), supervisor_deadline_us(n)};
    uint64_t least = UINT64_MAX;

    for (uint32_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        least = wanted[i] < least ? wanted[i] : least;
    }
    return least;
}

void member_on_message(struct node *n, const struct msg *m, uint64_t from_mac) {
    if (n->member.state == MEMBER_OFF) {
        return;
    }
    switch (m->head.type) {
    case MSG_HELLO:
        member_on_hello(n, m, from_mac);
        break;
    case MSG_REFUSE:
        member_on_refuse(n, m);
        break;
    case MSG_ACCEPT:
        member_on_accept(n, m, from_mac);
        break;
    case MSG_ACCEPTED:
        proposer_on_accepted(n, m, from_mac);
        break;
    case MSG_COMMIT:
        member_on_commit(n, m, from_mac);
        break;
    case MSG_COMMITTED:
        proposer_on_committed(n, m, from_mac);
        break;
    case MSG_PHASE:
        supervisor_on_phase(n, m, from_mac);
        break;
    case MSG_PHASE_ACK:
        supervisor_on_phase_ack(n, m, from_mac);
        break;
    case MSG_STABLE:
        supervisor_on_stable(n, m, from_mac);
        break;
    case MSG_STABLE_ACK:
        supervisor_on_stable_ack(n, m, from_mac);
        break;
    default:
        return;
    }
    member_advance(n);
}
