/* Discovery: when HELLO is said, and what a heard one means [D 6]. Pure. A HELLO of another
 * cluster's name is counted and ignored; every other one is noted (member_seen) and judged here:
 * same MAC, other build, options that differ, two clusters of one name; then it goes to the
 * founding (this node is in no cluster) or to the proposer. */
#include "adapt/member_private.h"

/* ---- saying --------------------------------------------------------------------------------- */

static const uint32_t schedule_us[] = {0, 50000, 100000, 200000, 400000}; /* [D 6], +- 25 % */
enum { SCHEDULE_STEPS = sizeof(schedule_us) / sizeof(schedule_us[0]) };

void hello_restart(struct node *n) {
    n->member.hello_step = 0;
    n->member.hello_base_us = n->now_us;
    n->member.hello_us = n->now_us;
}

void hello_send(struct node *n, uint64_t to_mac, uint32_t flags) {
    const struct member *mb = &n->member;
    bool in = mb->state == MEMBER_IN;
    struct msg m;

    msg_begin(n, &m, MSG_HELLO, 0);
    m.hello = (struct body_hello){
        .nonce = n->self.nonce,
        .build_id = n->self.build_id,
        .mac = n->self.mac,
        .epoch = mb->view.epoch,
        .expect = n->self.expect,
        .locator = in ? mb->view.locator : n->self.locator,
    };
    if (!in) {
        flags |= mb->manual ? (uint32_t)HELLO_MANUAL : (uint32_t)HELLO_WANTS_JOIN;
    }
    m.hello.flags = (uint8_t)flags;
    memcpy(m.hello.uuid, in ? mb->view.uuid : mb->asked, sizeof(m.hello.uuid));
    memcpy(m.hello.cluster, n->self.cluster, sizeof(m.hello.cluster));
    const struct view_member *self = member_self(n);
    memcpy(m.hello.name, self != NULL ? self->name : n->self.name, sizeof(m.hello.name));
    node_send_direct(n, to_mac, &m);
}

static uint64_t next_hello_us(struct node *n) {
    struct member *mb = &n->member;

    if (mb->hello_step < SCHEDULE_STEPS) {
        uint64_t at = mb->hello_base_us + member_jitter_us(n, schedule_us[mb->hello_step++]);
        return at > n->now_us ? at : n->now_us + 1;
    }
    bool seldom = mb->state == MEMBER_IN || mb->refused != REFUSE_NONE;
    return n->now_us + member_jitter_us(n, seldom ? HELLO_MEMBER_US : HELLO_PERIOD_US);
}

void hello_tick(struct node *n) {
    struct member *mb = &n->member;

    if (n->now_us < mb->hello_us) {
        return;
    }
    if (mb->state == MEMBER_IN && !member_is_proposer(n)) {
        mb->hello_us = UINT64_MAX;
        return;
    }
    if (mb->hello_step == 0) {
        mb->hello_step = 1;
    }
    mb->said_us = n->now_us;
    hello_send(n, 0, 0);
    mb->hello_us = next_hello_us(n);
}

/* Ours: a node that nobody knew learns of this one at once, not at its next second. */
static void hello_soon(struct node *n) {
    struct member *mb = &n->member;
    uint64_t at = mb->said_us + EARLY_HELLO_US + node_random(n) % EARLY_HELLO_US;

    at = at > n->now_us ? at : n->now_us;
    mb->hello_us = at < mb->hello_us ? at : mb->hello_us;
}

/* ---- hearing -------------------------------------------------------------------------------- */

static bool hello_is_sound(const struct body_hello *h, uint64_t from_mac) {
    return h->mac != 0 && h->mac == from_mac && h->nonce != 0 && name_is_sound(h->cluster) &&
           (h->epoch == 0 || !view_uuid_is_zero(h->uuid));
}

/* This node's own MAC from another card: both hear each other, so both say so. */
static void on_own_mac(struct node *n, const struct body_hello *h) {
    char text[MAC_TEXT_BYTES];
    struct line l;

    if (h->nonce == n->self.nonce || h->nonce == n->member.twin_nonce) {
        return;
    }
    n->member.twin_nonce = h->nonce;
    line_begin(&l, text, sizeof(text));
    line_add_mac(&l, h->mac);
    node_report(n, REPORT_TWIN, 0, 0, 0, text);
}

static void on_other_build(struct node *n, struct seen *row) {
    char text[NODE_TEXT_BYTES];

    n->counters.refused++;
    if (seen_tell_once(row, SEEN_BUILD_TOLD) && n->member.refused != REFUSE_BUILD) {
        node_report(n, REPORT_REFUSED_BUILD, (uint32_t)row->build_id, (uint32_t)n->self.build_id, 0,
                    seen_text(row, text));
    }
    if (member_is_proposer(n) && (row->flags & SEEN_CLUSTER) == 0) {
        newcomers_refuse(n, row, REFUSE_BUILD);
    }
}

/* "n2 (…) was booted with locator=stat, n1 with locator=tree". */
static void tell_option(struct node *n, struct seen *row, bool locator) {
    static const char *const kinds[] = {"tree", "stat"};
    uint8_t ours = n->member.state == MEMBER_IN ? n->member.view.locator : n->self.locator;
    char text[REPORT_TEXT_BYTES_MAX], who[NODE_TEXT_BYTES];
    struct line l;

    line_begin(&l, text, sizeof(text));
    line_add_text(&l, seen_text(row, who));
    line_add_text(&l, locator ? " was booted with locator=" : " was booted with expect=");
    if (locator) {
        line_add_text(&l, kinds[row->locator]);
        line_add_text(&l, ", this node with locator=");
        line_add_text(&l, kinds[ours]);
    } else {
        line_add_decimal(&l, row->expect, 0);
        line_add_text(&l, ", this node with expect=");
        line_add_decimal(&l, n->self.expect, 0);
    }
    node_report(n, REPORT_OPTION_DIFFERS, 0, 0, 0, text);
}

/* Options that must be the same in a cluster, compared by newcomers and by the proposer. Once. */
static void compare_options(struct node *n, struct seen *row) {
    const struct member *mb = &n->member;
    bool in = mb->state == MEMBER_IN;
    uint8_t locator = in ? mb->view.locator : n->self.locator;
    bool locator_differs = row->locator < LOCATORS && row->locator != locator;
    bool expect_differs = row->expect != n->self.expect && !in && (row->flags & SEEN_CLUSTER) == 0;

    if (in && !member_is_proposer(n)) {
        return;
    }
    if ((locator_differs || expect_differs) && seen_tell_once(row, SEEN_OPTION_TOLD)) {
        tell_option(n, row, locator_differs);
    }
}

/* A member hears another cluster of its name. GAP: they stay apart; the next step is that the one
 * without jobs dissolves [D 6]. The answer lets the other side know as well. */
static void on_foreign_cluster(struct node *n, struct seen *row, const struct body_hello *h) {
    char text[NODE_TEXT_BYTES];

    bool news = !view_uuid_equal(n->member.foreign, h->uuid);

    if (seen_tell_once(row, SEEN_CLUSTER_TOLD) && news) {
        memcpy(n->member.foreign, h->uuid, sizeof(n->member.foreign));
        node_report(n, REPORT_TWO_CLUSTERS, h->epoch, 0, 0, seen_text(row, text));
        hello_send(n, row->mac, HELLO_ANSWER);
    }
}

static void on_hello_inside(struct node *n, struct seen *row, const struct body_hello *h) {
    if (h->epoch == 0) {
        if (member_is_proposer(n)) {
            compare_options(n, row);
            newcomers_on_hello(n, row, h);
        }
    } else if (!view_uuid_equal(h->uuid, n->member.view.uuid)) {
        on_foreign_cluster(n, row, h);
    }
}

static void on_hello_outside(struct node *n, struct seen *row, const struct body_hello *h,
                             bool is_new) {
    if (h->epoch != 0) {
        found_on_cluster(n, h, row->mac);
        return;
    }
    compare_options(n, row);
    if (is_new && (h->flags & HELLO_ANSWER) == 0) {
        hello_soon(n);
    }
}

void member_on_hello(struct node *n, const struct msg *m, uint64_t from_mac) {
    const struct body_hello *h = &m->hello;

    if (!hello_is_sound(h, from_mac)) {
        n->counters.bad_message++;
        return;
    }
    if (memcmp(h->cluster, n->self.cluster, sizeof(h->cluster)) != 0) {
        n->counters.bad_cluster++;
        return;
    }
    if (h->mac == n->self.mac) {
        on_own_mac(n, h);
        return;
    }
    if (member_sender(n, h->mac, h->nonce) != NULL) {
        return; /* the proposer's, for newcomers; or of one whose COMMIT is on the way */
    }
    bool is_new = true;
    for (uint32_t i = 0; i < SEEN_MAX; i++) {
        is_new = is_new && n->member.seen[i].nonce != h->nonce;
    }
    struct seen *row = seen_note(n, h);
    if ((row->flags & SEEN_OTHER_BUILD) != 0) {
        on_other_build(n, row);
    } else if (n->member.state == MEMBER_IN) {
        on_hello_inside(n, row, h);
    } else {
        on_hello_outside(n, row, h, is_new);
    }
}
