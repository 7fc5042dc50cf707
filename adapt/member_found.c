/* Founding and asking: what a node without a view does [D 6]. Pure. It founds alone only after
 * silence, and only when nobody with a lower MAC could; with expect=N only the lowest of N founds.
 * Once it has heard a cluster it has one join outstanding, with that one, until it is silent for
 * long. */
#include "adapt/member_private.h"

void found_listen(struct node *n) {
    struct member *mb = &n->member;

    member_set_state(n, MEMBER_LISTENING);
    memset(mb->asked, 0, sizeof(mb->asked));
    mb->refused = REFUSE_NONE;
    mb->listen_us = n->now_us + HELLO_LISTEN_US;
    mb->enough_us = UINT64_MAX;
    mb->waiting_us = n->now_us + WAITING_US;
    hello_restart(n);
}

/* ---- founding ------------------------------------------------------------------------------- */

struct founders {
    uint32_t here;              /* candidates, this node included */
    const struct seen *lower;   /* one with a lower MAC that may found, NULL: none */
    bool cluster;               /* a cluster of this name was heard lately */
};

/* Nodes of another build do not count for expect, but one with a lower MAC founds before this. */
static struct founders look_around(const struct node *n) {
    struct founders f = {.here = 1};

    for (uint32_t i = 0; i < SEEN_MAX; i++) {
        const struct seen *row = &n->member.seen[i];
        if (row->mac == 0) {
            continue;
        }
        bool in_cluster = (row->flags & SEEN_CLUSTER) != 0;
        f.cluster = f.cluster || (in_cluster && n->now_us - row->heard_us < CLUSTER_SILENT_US);
        bool counts = seen_is_candidate(n, row);
        f.here += counts;
        bool may_found = n->self.expect != 0
                             ? counts
                             : !in_cluster && seen_is_fresh(n, row) && !(row->flags & SEEN_MANUAL);
        if (may_found && row->mac < n->self.mac) {
            f.lower = row;
        }
    }
    return f;
}

static void found_alone(struct node *n) {
    struct change self = {.kind = CHANGE_ADD, .mac = n->self.mac, .nonce = n->self.nonce};
    uint64_t uuid[2];
    struct view v;

    uuid[0] = mix64(n->self.nonce ^ mix64(n->self.mac));
    uuid[1] = mix64(((uint64_t)node_random(n) << 32 | node_random(n)) ^ n->now_us) | 1;
    memcpy(self.name, n->self.name, sizeof(self.name));
    view_found(&v, (const uint8_t *)uuid, (enum locator_kind)n->self.locator, &self);
    v.wall_s = n->self.wall_s;
    trace(n, TR_FOUND, v.epoch, 0, 0, 0);
    node_report(n, REPORT_FOUNDED, v.epoch, 0, 0, n->self.cluster);
    n->member.proposer.hold_us = n->self.expect > 1 ? n->now_us + FIRST_BATCH_US : 0;
    member_set_view(n, &v);
    hello_restart(n); /* those who wait for this hear it soon, some of it lost or not */
}

static bool may_found(const struct node *n, const struct founders *f) {
    if (n->member.manual || f->cluster || f->lower != NULL) {
        return false;
    }
    if (n->self.expect != 0) {
        return f->here >= n->self.expect;
    }
    return n->now_us >= n->member.listen_us || n->member.listen_us == UINT64_MAX;
}

uint32_t member_missing(const struct node *n) {
    if (n->member.state != MEMBER_LISTENING || n->self.expect == 0) {
        return 0;
    }
    struct founders f = look_around(n);

    return f.cluster || f.here >= n->self.expect ? 0 : n->self.expect - f.here;
}

/* ---- who is missing ------------------------------------------------------------------------- */

static void tell_missing(struct node *n, uint32_t missing) {
    char text[REPORT_TEXT_BYTES_MAX], who[NODE_TEXT_BYTES];
    struct line l;

    line_begin(&l, text, sizeof(text));
    line_add_text(&l, n->self.name[0] != '\0' ? n->self.name : "this node");
    for (uint32_t i = 0; i < SEEN_MAX; i++) {
        const struct seen *row = &n->member.seen[i];
        if (seen_is_candidate(n, row)) {
            line_add_char(&l, ' ');
            line_add_text(&l, row->name[0] != '\0' ? row->name : seen_text(row, who));
        }
    }
    node_report(n, REPORT_WAITING, missing, n->self.expect, 0, text);
}

/* Each second outside a cluster. */
static void look_again(struct node *n) {
    struct member *mb = &n->member;
    struct founders f = look_around(n);
    uint32_t missing = member_missing(n);
    char text[NODE_TEXT_BYTES];

    if (mb->state == MEMBER_ASKING) {
        if (n->now_us - mb->asked_us >= CLUSTER_SILENT_US) {
            node_report(n, REPORT_CLUSTER_SILENT, CLUSTER_SILENT_US / 1000000, 0, 0, NULL);
            found_listen(n);
        }
    } else if (missing != 0) {
        tell_missing(n, missing);
    } else if (f.lower != NULL && !f.cluster && !mb->manual) {
        struct seen *row = &mb->seen[f.lower - mb->seen];
        if (seen_tell_once(row, SEEN_FOUNDER_TOLD)) {
            node_report(n, REPORT_WAITING_FOUNDER, 0, 0, 0, seen_text(row, text));
        }
    }
}

void found_tick(struct node *n) {
    struct member *mb = &n->member;

    if (mb->state != MEMBER_LISTENING && mb->state != MEMBER_ASKING) {
        return;
    }
    if (n->now_us >= mb->waiting_us) {
        mb->waiting_us = n->now_us + WAITING_US;
        look_again(n);
    }
    if (mb->state != MEMBER_LISTENING) {
        return;
    }
    struct founders f = look_around(n);
    if (!may_found(n, &f)) {
        mb->enough_us = UINT64_MAX;
    } else if (n->self.expect > 1 && mb->enough_us == UINT64_MAX) {
        mb->enough_us = n->now_us + ENOUGH_US;
    } else if (n->self.expect <= 1 || n->now_us >= mb->enough_us) {
        found_alone(n);
        return;
    }
    if (n->now_us >= mb->listen_us) {
        mb->listen_us = UINT64_MAX; /* looked at: from now on each second, and with each HELLO */
    }
}

/* ---- asking --------------------------------------------------------------------------------- */

void found_on_cluster(struct node *n, const struct body_hello *h, uint64_t from_mac) {
    struct member *mb = &n->member;

    if (mb->manual) {
        if (!mb->manual_told) {
            mb->manual_told = 1;
            node_report(n, REPORT_CLUSTER_HERE, h->epoch, 0, 0, NULL);
        }
        return;
    }
    if (mb->state == MEMBER_LISTENING) {
        memcpy(mb->asked, h->uuid, sizeof(mb->asked));
        member_set_state(n, MEMBER_ASKING);
        mb->listen_us = UINT64_MAX;
        mb->enough_us = UINT64_MAX;
        trace(n, TR_ASK, (uint32_t)h->uuid[0] | (uint32_t)h->uuid[1] << 8, h->epoch, 0, 0);
    }
    if (view_uuid_equal(mb->asked, h->uuid)) {
        mb->asked_us = n->now_us;
        hello_send(n, from_mac, 0);
    }
}

void member_on_refuse(struct node *n, const struct msg *m) {
    const struct body_refuse *r = &m->refuse;
    struct member *mb = &n->member;
    char mac[MAC_TEXT_BYTES];
    struct line l;

    if (r->nonce != n->self.nonce || mb->state == MEMBER_IN || r->reason == REFUSE_NONE ||
        r->reason >= REFUSES || r->reason == mb->refused) {
        return;
    }
    mb->refused = (uint8_t)r->reason;
    trace(n, TR_REFUSED, r->reason, (uint32_t)r->seen, (uint32_t)r->wanted, 0);
    if (r->reason == REFUSE_BUILD) {
        node_report(n, REPORT_BUILD_HERE, (uint32_t)r->seen, (uint32_t)r->wanted, 0, NULL);
    } else if (r->reason == REFUSE_FULL) {
        node_report(n, REPORT_FULL_HERE, (uint32_t)r->seen, (uint32_t)r->wanted, 0, NULL);
    } else {
        line_begin(&l, mac, sizeof(mac));
        line_add_mac(&l, n->self.mac);
        node_report(n, REPORT_MAC_HERE, 0, 0, 0, mac);
    }
}
