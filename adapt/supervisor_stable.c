/* The announcement that all is stable, or that it will not be for a moment [P 7.10]. Pure. Rounds
 * number the announcements of an epoch, so that a late datagram never takes back a newer one;
 * every member says with its answer whether a job has a part there: only then is "no job runs" a
 * fact. */
#include "adapt/member_private.h"

bool node_is_stable(const struct node *n) {
    return n->member.state == MEMBER_IN && n->member.stable;
}

void supervisor_send_stable(struct node *n) {
    struct supervisor *s = &n->member.supervisor;
    const struct view *v = &n->member.view;
    bool waits = false;
    struct msg m;

    msg_begin(n, &m, MSG_STABLE, key_make(SERVICE_NONE, 0, v->epoch));
    for (uint32_t i = 0; i < v->count; i++) {
        if (s->acked[i]) {
            continue;
        }
        m.stable = (struct body_stable){.epoch = v->epoch,
                                        .stable = n->member.stable,
                                        .digest = n->member.digest,
                                        .nonce = v->member[i].nonce,
                                        .round = n->member.round};
        node_send_direct(n, v->member[i].mac, &m);
        waits = true;
    }
    s->stable_us = waits ? n->now_us + member_jitter_us(n, s->stable_gap_us) : UINT64_MAX;
    s->stable_gap_us = s->stable_gap_us * 2 < RESEND_MAX_US ? s->stable_gap_us * 2 : RESEND_MAX_US;
}

static void set_stable(struct node *n, uint32_t stable, uint32_t round) {
    struct member *mb = &n->member;
    bool first = mb->supervisor.phases.now != PHASES;

    if (mb->round == round && mb->stable == stable) {
        return;
    }
    mb->round = round;
    mb->stable = stable != 0;
    trace(n, TR_STABLE, mb->view.epoch, mb->stable, round, 0);
    if (mb->stable && first) {
        supervisor_close(n);
        node_report(n, REPORT_STABLE, mb->view.epoch, mb->view.count, 0, NULL);
    }
}

void supervisor_announce(struct node *n, uint32_t stable) {
    struct supervisor *s = &n->member.supervisor;

    set_stable(n, stable, n->member.round + 1);
    memset(s->acked, 0, sizeof(s->acked));
    s->acked[member_index(&n->member.view, member_self(n))] = 1;
    s->stable_gap_us = RESEND_FIRST_US;
    supervisor_send_stable(n);
}

bool supervisor_all_acked(const struct node *n) {
    for (uint32_t i = 0; i < n->member.view.count; i++) {
        if (!n->member.supervisor.acked[i]) {
            return false;
        }
    }
    return true;
}

void supervisor_on_stable(struct node *n, const struct msg *m, uint64_t from_mac) {
    const struct body_stable *b = &m->stable;
    struct msg ack;

    if (b->nonce != n->self.nonce || b->stable > 1 || b->round < n->member.round ||
        !member_heard_proposer(n, from_mac, b->epoch, b->digest)) {
        return;
    }
    if (b->stable && n->member.supervisor.phases.now < PHASE_END) {
        node_refuse(n, "STABLE before this node has ended LOG", b->epoch, b->round);
        return;
    }

    n->member.supervisor.resend_us = UINT64_MAX;
    set_stable(n, b->stable, b->round);

    msg_begin(n, &ack, MSG_STABLE_ACK, m->head.key);
    ack.stable = *b;
    ack.stable.busy = node_jobs_running(n);
    node_send_direct(n, from_mac, &ack);
}

void supervisor_on_stable_ack(struct node *n, const struct msg *m, uint64_t from_mac) {
    const struct body_stable *b = &m->stable;
    const struct view_member *member = member_sender(n, from_mac, b->nonce);

    if (!member_is_proposer(n) || member == NULL || b->round != n->member.round ||
        b->epoch != n->member.view.epoch || b->digest != n->member.digest) {
        return;
    }
    n->member.supervisor.acked[member_index(&n->member.view, member)] = 1;
    if (b->busy) {
        proposer_on_busy(n);
    }
}
