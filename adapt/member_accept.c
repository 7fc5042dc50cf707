/* The voter and the learner: what a node does with ACCEPT and COMMIT [P 7.5, 7.8, 7.9]. Pure. A
 * view comes in pieces; it is used only when its digest is the one decided, it parses, and this
 * node's own nonce is recorded in it. Answers are idempotent: a repeated question gets the same
 * answer. */
#include "adapt/member_private.h"

/* ---- pieces --------------------------------------------------------------------------------- */

static bool piece_is_sound(const struct body_decree *d) {
    bool last = d->piece + 1 == d->pieces;

    if (d->pieces == 0 || d->pieces > VIEW_PIECES_MAX || d->piece >= d->pieces) {
        return false;
    }
    return d->bytes != 0 && (last || d->bytes == VIEW_PIECE_BYTES);
}

bool pieces_put(struct view_pieces *p, const struct msg *m) {
    const struct body_decree *d = &m->decree;
    uint32_t epoch = (uint32_t)key_index(m->head.key);

    if (!piece_is_sound(d)) {
        return false;
    }
    if (p->epoch != epoch || p->digest != d->digest_to || p->pieces != d->pieces) {
        memset(p, 0, sizeof(*p));
        p->epoch = epoch;
        p->digest = d->digest_to;
        p->pieces = d->pieces;
    }
    uint32_t offset = d->piece * (uint32_t)VIEW_PIECE_BYTES;
    memcpy(p->view + offset, d->view, d->bytes);
    p->have = (uint16_t)(p->have | 1u << d->piece);
    if (d->piece + 1 == d->pieces) {
        p->bytes = offset + d->bytes;
    }
    return p->have == (1u << p->pieces) - 1;
}

/* Counted and traced; a person is told once a second at most. */
static void refuse_view(struct node *n, uint32_t epoch, const char *reason) {
    struct member *mb = &n->member;

    memset(&mb->incoming, 0, sizeof(mb->incoming));
    node_refuse(n, reason, epoch, mb->view.epoch);
    if (mb->refusal_us == 0 || n->now_us - mb->refusal_us >= WAITING_US) {
        mb->refusal_us = n->now_us;
        node_report(n, REPORT_VIEW_REFUSED, epoch, 0, 0, reason);
    }
}

/* The whole view of these pieces, checked against all that this node knows. NULL or the reason. */
static const char *view_check(const struct node *n, struct view *v, uint64_t from_mac) {
    const struct member *mb = &n->member;
    const struct view_pieces *p = &mb->incoming;
    const char *reason = view_parse(v, p->view, p->bytes);

    if (reason != NULL) {
        return reason;
    }
    if (view_digest(v) != p->digest || v->epoch != p->epoch) {
        return "its digest or epoch is not the one decided";
    }
    const uint8_t *uuid = mb->state == MEMBER_IN ? mb->view.uuid : mb->asked;
    if (!view_uuid_equal(v->uuid, uuid)) {
        return "of another cluster";
    }
    const struct view_member *self = view_by_nonce(v, n->self.nonce);
    if (self == NULL || self->mac != n->self.mac) {
        return "this node's own nonce is not recorded in it";
    }
    return view_by_mac(v, from_mac) != NULL ? NULL : "sent by a node that is not in it";
}

/* ---- answers -------------------------------------------------------------------------------- */

static void answer(struct node *n, enum msg_type type, const struct msg *to, uint64_t to_mac) {
    struct msg m;

    msg_begin(n, &m, type, to->head.key);
    memset(&m.decree, 0, offsetof(struct body_decree, view));
    m.decree.ballot = to->decree.ballot;
    m.decree.digest_from = to->decree.digest_from;
    m.decree.digest_to = to->decree.digest_to;
    m.decree.nonce = n->self.nonce;
    m.head.size = offsetof(struct body_decree, view);
    node_send_direct(n, to_mac, &m);
}

/* ---- the voter ------------------------------------------------------------------------------ */

/* One value a ballot: the lawful first proposer has ballot 0 to itself [P 7.6]. */
bool acceptor_take(struct node *n, uint32_t epoch, uint64_t ballot, uint64_t digest) {
    struct acceptor *a = &n->member.acceptor;

    if (a->epoch != epoch) {
        *a = (struct acceptor){.epoch = epoch};
    }
    if (ballot < a->promised) {
        return false;
    }
    if (a->accepted_digest != 0 && a->accepted_ballot == ballot && a->accepted_digest != digest) {
        return false;
    }
    bool again = a->accepted_digest == digest && a->accepted_ballot == ballot;
    a->promised = ballot;
    a->accepted_ballot = ballot;
    a->accepted_digest = digest;
    if (!again) {
        trace(n, TR_ACCEPT, epoch, (uint32_t)ballot, (uint32_t)digest, 0);
    }
    return true;
}

void member_on_accept(struct node *n, const struct msg *m, uint64_t from_mac) {
    struct member *mb = &n->member;
    const struct view_member *proposer = view_proposer(&mb->view);
    const struct view_member *self = member_self(n);
    uint64_t epoch = key_index(m->head.key);
    struct view v;

    if (mb->state != MEMBER_IN || m->decree.nonce != n->self.nonce || epoch != mb->view.epoch + 1 ||
        m->decree.digest_from != mb->digest) {
        return; /* late, of another boot, or ahead of this node: it comes again */
    }
    if (!self->voter || m->decree.ballot != 0 || proposer->mac != from_mac) {
        node_refuse(n, "ACCEPT from or to a node that has no part in the decree", epoch, 0);
        return;
    }

    supervisor_hear(n, (uint32_t)epoch);
    if (!pieces_put(&mb->incoming, m)) {
        return;
    }
    const char *reason = view_check(n, &v, from_mac);
    if (reason != NULL) {
        refuse_view(n, (uint32_t)epoch, reason);
    } else if (acceptor_take(n, v.epoch, m->decree.ballot, m->decree.digest_to)) {
        answer(n, MSG_ACCEPTED, m, from_mac);
    }
}

/* ---- the learner ---------------------------------------------------------------------------- */

/* True when this COMMIT could be news. A joiner takes it only from the cluster it asked: with none
 * asked no uuid fits [D 6: one join outstanding]. */
static bool commit_is_news(struct node *n, const struct msg *m, uint64_t from_mac) {
    struct member *mb = &n->member;
    uint64_t epoch = key_index(m->head.key);

    if (m->decree.nonce != n->self.nonce || epoch == 0 || epoch > UINT32_MAX) {
        return false;
    }
    if (mb->state == MEMBER_IN && epoch <= mb->view.epoch) {
        if (epoch == mb->view.epoch && m->decree.digest_to == mb->digest) {
            answer(n, MSG_COMMITTED, m, from_mac);
        }
        return false;
    }
    if (mb->state == MEMBER_IN && epoch == mb->view.epoch + 1 &&
        m->decree.digest_from != mb->digest) {
        refuse_view(n, (uint32_t)epoch, "made from another view than this node's");
        return false;
    }
    return mb->state == MEMBER_IN || mb->state == MEMBER_ASKING;
}

void member_on_commit(struct node *n, const struct msg *m, uint64_t from_mac) {
    struct member *mb = &n->member;
    struct view v;

    if (!commit_is_news(n, m, from_mac)) {
        return;
    }

    supervisor_hear(n, (uint32_t)key_index(m->head.key));
    if (!pieces_put(&mb->incoming, m)) {
        return;
    }
    const char *reason = view_check(n, &v, from_mac);
    if (reason != NULL) {
        refuse_view(n, (uint32_t)key_index(m->head.key), reason);
        return;
    }

    member_set_view(n, &v);
    answer(n, MSG_COMMITTED, m, from_mac);
}
