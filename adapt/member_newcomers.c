/* The proposer and those who are not in yet: answers to HELLO, refusals, and the list of those who
 * ask to join [D 6, P 7.9]. Pure. Only a node whose HELLO names this cluster asks: one join
 * outstanding. */
#include "adapt/member_private.h"

void newcomers_refuse(struct node *n, struct seen *row, enum refuse reason) {
    const struct view *v = &n->member.view;
    const struct view_member *same = view_by_mac(v, row->mac);
    char text[NODE_TEXT_BYTES];
    struct msg m;

    msg_begin(n, &m, MSG_REFUSE, 0);
    m.refuse = (struct body_refuse){.reason = reason, .nonce = row->nonce};
    if (reason == REFUSE_BUILD) {
        m.refuse.seen = row->build_id;
        m.refuse.wanted = n->self.build_id;
    } else if (reason == REFUSE_FULL) {
        m.refuse.seen = v->count;
        m.refuse.wanted = MEMBERS_MAX;
    } else {
        m.refuse.seen = row->mac;
        m.refuse.wanted = same != NULL ? same->nonce : 0;
    }
    node_send_direct(n, row->mac, &m);
    if (reason != REFUSE_BUILD && seen_tell_once(row, SEEN_REFUSE_TOLD)) {
        trace(n, TR_REFUSED, reason, (uint32_t)m.refuse.seen, (uint32_t)m.refuse.wanted, 0);
        node_report(n, reason == REFUSE_FULL ? REPORT_REFUSED_FULL : REPORT_REFUSED_MAC,
                    (uint32_t)m.refuse.seen, (uint32_t)m.refuse.wanted, 0, seen_text(row, text));
    }
}

void newcomers_on_hello(struct node *n, struct seen *row, const struct body_hello *h) {
    struct proposer *p = &n->member.proposer;
    const struct view *v = &n->member.view;

    if (view_by_mac(v, row->mac) != NULL) {
        newcomers_refuse(n, row, REFUSE_MAC);
    } else if ((row->flags & SEEN_ASKS) != 0) {
        if (v->count == MEMBERS_MAX) {
            newcomers_refuse(n, row, REFUSE_FULL);
        } else if (p->window_us == 0) {
            p->window_us = n->now_us + JOIN_WINDOW_US;
        }
    } else if (view_uuid_is_zero(h->uuid)) {
        hello_send(n, row->mac, HELLO_ANSWER);
        p->answer_bursts = ANSWER_BURSTS;
        p->answer_us = n->now_us + ANSWER_BURST_US;
    }
}

/* A newcomer that does not know the cluster yet hears of it several times: its founding a second
 * one because of a lost datagram would be worse [D 6]. */
void newcomers_answer(struct node *n) {
    struct proposer *p = &n->member.proposer;

    if (p->answer_bursts == 0 || n->now_us < p->answer_us) {
        return;
    }
    for (uint32_t i = 0; i < SEEN_MAX; i++) {
        const struct seen *row = &n->member.seen[i];
        if (seen_is_candidate(n, row) && (row->flags & SEEN_ASKS) == 0) {
            hello_send(n, row->mac, HELLO_ANSWER);
        }
    }
    p->answer_bursts--;
    p->answer_us = n->now_us + ((uint64_t)ANSWER_BURST_US << (ANSWER_BURSTS - p->answer_bursts));
}

static bool row_asks(const struct node *n, const struct seen *row) {
    return seen_is_candidate(n, row) && (row->flags & SEEN_ASKS) != 0 &&
           view_by_mac(&n->member.view, row->mac) == NULL;
}

uint32_t newcomers_asking(const struct node *n) {
    uint32_t count = 0;

    for (uint32_t i = 0; i < SEEN_MAX; i++) {
        count += row_asks(n, &n->member.seen[i]);
    }
    return count;
}

uint32_t newcomers_collect(const struct node *n, struct change changes[MEMBERS_MAX]) {
    uint32_t room = MEMBERS_MAX - n->member.view.count;
    uint32_t count = 0;
    uint64_t above = 0;

    while (count < room) {
        const struct seen *next = NULL;
        for (uint32_t i = 0; i < SEEN_MAX; i++) {
            const struct seen *row = &n->member.seen[i];
            bool better = row_asks(n, row) && row->mac > above;
            next = better && (next == NULL || row->mac < next->mac) ? row : next;
        }
        if (next == NULL) {
            break;
        }
        above = next->mac;
        changes[count] = (struct change){
            .kind = CHANGE_ADD, .mac = next->mac, .nonce = next->nonce};
        memcpy(changes[count].name, next->name, sizeof(next->name));
        count++;
    }
    return count;
}

void newcomers_tell_wait(struct node *n) {
    char text[NODE_TEXT_BYTES];

    for (uint32_t i = 0; i < SEEN_MAX; i++) {
        struct seen *row = &n->member.seen[i];
        if (row_asks(n, row) && seen_tell_once(row, SEEN_WAITS_TOLD)) {
            node_report(n, REPORT_JOIN_WAITS, 0, 0, 0, seen_text(row, text));
        }
    }
}
