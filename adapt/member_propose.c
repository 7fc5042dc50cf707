/* The proposer: makes the next view, has it accepted by a majority of the voters, and repeats
 * COMMIT until everybody has it [P 7.5-7.10]. Pure. One decree at a time: an admission only from a
 * stable view and only when no job runs anywhere (which all members confirm), then the roles view
 * as soon as all joiners have ended LOG. Its own vote and its own installation take the same
 * functions as everybody's, without a datagram. */
#include "adapt/member_private.h"

/* ---- sending the decree --------------------------------------------------------------------- */

static void send_pieces(struct node *n, enum msg_type type, const struct view_member *to) {
    const struct proposer *p = &n->member.proposer;
    const uint8_t *image = (const uint8_t *)&p->next;
    uint32_t left = view_bytes(&p->next);
    uint32_t pieces = (left + VIEW_PIECE_BYTES - 1) / VIEW_PIECE_BYTES;
    struct msg m;

    msg_begin(n, &m, type, key_make(SERVICE_NONE, 0, p->next.epoch));
    memset(&m.decree, 0, offsetof(struct body_decree, view));
    m.decree.digest_from = p->digest_from;
    m.decree.digest_to = p->digest_to;
    m.decree.nonce = to->nonce;
    m.decree.pieces = (uint16_t)pieces;
    for (uint32_t i = 0; i < pieces; i++) {
        uint32_t bytes = left < VIEW_PIECE_BYTES ? left : VIEW_PIECE_BYTES;
        m.decree.piece = (uint16_t)i;
        m.decree.bytes = (uint16_t)bytes;
        memcpy(m.decree.view, image + i * VIEW_PIECE_BYTES, bytes);
        m.head.size = (uint16_t)(offsetof(struct body_decree, view) + bytes);
        node_send_direct(n, to->mac, &m);
        left -= bytes;
    }
}

/* To all of the view in place that have not answered this step: ACCEPT to voters, COMMIT to all. */
static void send_step(struct node *n) {
    struct proposer *p = &n->member.proposer;
    const struct view *v = &n->member.view;

    for (uint32_t i = 0; i < v->count; i++) {
        if (p->answered[i]) {
            continue;
        }
        if (p->step == PROPOSER_COMMIT) {
            send_pieces(n, MSG_COMMIT, &v->member[i]);
        } else if (v->member[i].voter) {
            send_pieces(n, MSG_ACCEPT, &v->member[i]);
        }
    }
}

static void begin_step(struct node *n, enum proposer_step step) {
    struct proposer *p = &n->member.proposer;

    p->step = (uint8_t)step;
    memset(p->answered, 0, sizeof(p->answered));
    p->answered[member_index(&n->member.view, member_self(n))] = 1;
    p->resend_gap_us = RESEND_FIRST_US;
    p->resend_us = n->now_us + RESEND_FIRST_US;
    p->nag_us = n->now_us + SILENT_JOINER_US;
    send_step(n);
}

static void resend_step(struct node *n) {
    struct proposer *p = &n->member.proposer;

    if (n->now_us < p->resend_us) {
        return;
    }
    send_step(n);
    p->resend_gap_us *= 2;
    p->resend_gap_us = p->resend_gap_us < RESEND_MAX_US ? p->resend_gap_us : RESEND_MAX_US;
    p->resend_us = n->now_us + member_jitter_us(n, p->resend_gap_us);
}

/* ---- the steps ------------------------------------------------------------------------------ */

static void propose(struct node *n, const struct change *changes, uint32_t count) {
    struct proposer *p = &n->member.proposer;
    const struct view *v = &n->member.view;
    int error = view_apply(v, changes, count, &p->next);

    ASSERT(error == 0);
    p->digest_from = n->member.digest;
    p->digest_to = view_digest(&p->next);
    trace(n, TR_PROPOSE, p->next.epoch, p->next.count, p->next.count - v->count, 0);
    supervisor_hear(n, p->next.epoch);
    bool taken = acceptor_take(n, p->next.epoch, 0, p->digest_to);
    ASSERT(taken);
    begin_step(n, PROPOSER_ACCEPT);
}

static void propose_admission(struct node *n) {
    struct change changes[MEMBERS_MAX];
    uint32_t count = newcomers_collect(n, changes);

    n->member.proposer.window_us = 0;
    if (count == 0) { /* all of them fell silent meanwhile */
        n->member.proposer.step = PROPOSER_IDLE;
        return;
    }
    propose(n, changes, count);
}

static void quiet_failed(struct node *n) {
    struct proposer *p = &n->member.proposer;

    p->step = PROPOSER_IDLE;
    p->retry_us = n->now_us + QUIET_RETRY_US;
    supervisor_announce(n, 1);
}

/* A member that does not answer stops the admission, not the jobs of the others. */
static void on_quiet(struct node *n) {
    if (supervisor_all_acked(n)) {
        propose_admission(n);
    } else if (n->now_us >= n->member.proposer.nag_us) {
        member_tell_silent(n, n->member.supervisor.acked);
        quiet_failed(n);
    }
}

void proposer_on_busy(struct node *n) {
    if (n->member.proposer.step == PROPOSER_QUIET) {
        newcomers_tell_wait(n);
        quiet_failed(n);
    }
}

static uint32_t votes(const struct node *n) {
    const struct view *v = &n->member.view;
    uint32_t count = 0;

    for (uint32_t i = 0; i < v->count; i++) {
        count += v->member[i].voter && n->member.proposer.answered[i];
    }
    return count;
}

/* A majority of the voters of the view in place: decided, whatever happens from here on [P 7.5]. */
static void on_accept(struct node *n) {
    struct proposer *p = &n->member.proposer;
    uint32_t voters = view_voters(&n->member.view);

    if (votes(n) * 2 <= voters) {
        resend_step(n);
        return;
    }
    trace(n, TR_DECIDED, p->next.epoch, votes(n), voters, 0);
    p->step = PROPOSER_IDLE;
    member_set_view(n, &p->next);
    begin_step(n, PROPOSER_COMMIT);
}

static void nag(struct node *n) {
    struct proposer *p = &n->member.proposer;

    if (n->now_us >= p->nag_us) {
        p->nag_us = n->now_us + SILENT_JOINER_US;
        member_tell_silent(n, p->answered);
    }
}

static void on_commit(struct node *n) {
    struct proposer *p = &n->member.proposer;
    const struct view *v = &n->member.view;

    for (uint32_t i = 0; i < v->count; i++) {
        if (!p->answered[i]) {
            resend_step(n);
            nag(n);
            return;
        }
    }
    p->step = PROPOSER_IDLE;
}

/* While the first cluster forms: all that expect= counts have asked, nobody to wait for. */
static bool batch_is_full(const struct node *n) {
    uint32_t count = n->member.view.count;

    return count < n->self.expect && count + newcomers_asking(n) >= n->self.expect;
}

/* A founder that counted others for expect= waits for them: a job that starts on it alone would
 * keep them out until it ends. */
static bool holds_back(const struct node *n) {
    return n->member.view.count == 1 && n->now_us < n->member.proposer.hold_us;
}

/* Idle: is there something to decide? [P 7.10, 7.17] */
static void on_idle(struct node *n) {
    struct member *mb = &n->member;
    struct proposer *p = &mb->proposer;
    const struct change roles = {.kind = CHANGE_ROLES};

    if (!supervisor_all_ended(n)) {
        return;
    }
    if (view_in_role(&mb->view, ROLE_JOINING) != 0) {
        propose(n, &roles, 1);
        return;
    }
    if (!mb->stable && !holds_back(n)) {
        supervisor_announce(n, 1);
    }
    if (newcomers_asking(n) == 0 || mb->view.count == MEMBERS_MAX) {
        p->window_us = 0;
        return;
    }
    if (n->now_us < p->retry_us || (n->now_us < p->window_us && !batch_is_full(n))) {
        return;
    }
    if (node_jobs_running(n)) {
        newcomers_tell_wait(n);
        p->retry_us = n->now_us + QUIET_RETRY_US;
        return;
    }
    supervisor_announce(n, 0);
    p->step = PROPOSER_QUIET;
    p->nag_us = n->now_us + SILENT_JOINER_US;
}

/* The proposer of the view in place, or of the one before until everybody has this one. */
static bool has_duty(const struct node *n) {
    const struct member *mb = &n->member;

    return mb->state == MEMBER_IN &&
           (member_is_proposer(n) || mb->proposer.step == PROPOSER_COMMIT);
}

/* One step leads to the next at once when nothing has to be waited for: a founder alone goes from
 * QUIET to COMMIT in one go. Each pass changes the step or is the last. */
void proposer_tick(struct node *n) {
    struct proposer *p = &n->member.proposer;
    uint8_t before;

    if (!has_duty(n)) {
        return;
    }
    newcomers_answer(n);
    do {
        before = p->step;
        switch (p->step) {
        case PROPOSER_IDLE:
            on_idle(n);
            break;
        case PROPOSER_QUIET:
            on_quiet(n);
            break;
        case PROPOSER_ACCEPT:
            on_accept(n);
            break;
        default:
            on_commit(n);
            break;
        }
    } while (p->step != before && member_is_proposer(n));
}

uint64_t proposer_deadline_us(const struct node *n) {
    const struct proposer *p = &n->member.proposer;
    uint64_t least = UINT64_MAX;

    if (!has_duty(n)) {
        return least;
    }
    if (p->answer_bursts != 0) {
        least = p->answer_us;
    }
    if (p->step == PROPOSER_IDLE && holds_back(n)) {
        least = p->hold_us < least ? p->hold_us : least;
    }
    if (p->step == PROPOSER_IDLE && p->window_us != 0 && supervisor_all_ended(n)) {
        uint64_t at = p->window_us > p->retry_us ? p->window_us : p->retry_us;
        least = at < least ? at : least;
    }
    if (p->step == PROPOSER_ACCEPT || p->step == PROPOSER_COMMIT) {
        least = p->resend_us < least ? p->resend_us : least;
    }
    if (p->step == PROPOSER_QUIET || p->step == PROPOSER_COMMIT) {
        least = p->nag_us < least ? p->nag_us : least;
    }
    return least;
}

/* ---- answers -------------------------------------------------------------------------------- */

void proposer_on_accepted(struct node *n, const struct msg *m, uint64_t from_mac) {
    struct proposer *p = &n->member.proposer;
    const struct view_member *voter = member_sender(n, from_mac, m->decree.nonce);

    if (p->step != PROPOSER_ACCEPT || key_index(m->head.key) != p->next.epoch ||
        m->decree.ballot != 0 || m->decree.digest_to != p->digest_to || voter == NULL) {
        return; /* late, or of somebody who has no vote [P 7.9] */
    }
    p->answered[member_index(&n->member.view, voter)] = voter->voter;
}

void proposer_on_committed(struct node *n, const struct msg *m, uint64_t from_mac) {
    const struct view_member *member = member_sender(n, from_mac, m->decree.nonce);

    if (key_index(m->head.key) == n->member.view.epoch &&
        m->decree.digest_to == n->member.digest && member != NULL) {
        proposer_note_installed(n, member_index(&n->member.view, member));
    }
}

void proposer_note_installed(struct node *n, uint32_t index) {
    if (n->member.proposer.step == PROPOSER_COMMIT) {
        n->member.proposer.answered[index] = 1;
    }
}
