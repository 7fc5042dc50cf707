/* Who was heard: one row for each MAC that said HELLO and is no member. Pure. Bounded: a stranger
 * with many MACs pushes out the rows that were silent longest, nothing else. */
#include "adapt/member_private.h"

bool seen_is_fresh(const struct node *n, const struct seen *row) {
    return row->mac != 0 && n->now_us - row->heard_us < HELLO_FRESH_US;
}

bool seen_is_candidate(const struct node *n, const struct seen *row) {
    const uint32_t excluded = SEEN_CLUSTER | SEEN_OTHER_BUILD | SEEN_MANUAL | SEEN_TWIN;

    return seen_is_fresh(n, row) && (row->flags & excluded) == 0;
}

bool seen_tell_once(struct seen *row, uint32_t flag) {
    bool first = (row->flags & flag) == 0;

    row->flags |= flag;
    return first;
}

void node_text(char text[NODE_TEXT_BYTES], const char name[NAME_BYTES], uint64_t mac) {
    struct line l;

    line_begin(&l, text, NODE_TEXT_BYTES);
    if (name[0] == '\0') {
        line_add_text(&l, "node ");
        line_add_mac(&l, mac);
        return;
    }
    line_add_text(&l, name);
    line_add_text(&l, " (");
    line_add_mac(&l, mac);
    line_add_char(&l, ')');
}

const char *seen_text(const struct seen *row, char text[NODE_TEXT_BYTES]) {
    node_text(text, row->name, row->mac);
    return text;
}

/* The row of that MAC, else a free one, else the one that was silent longest. */
static struct seen *row_for(struct node *n, uint64_t mac) {
    struct seen *oldest = &n->member.seen[0];

    for (uint32_t i = 0; i < SEEN_MAX; i++) {
        struct seen *row = &n->member.seen[i];
        if (row->mac == mac) {
            return row;
        }
        uint64_t heard = row->mac == 0 ? 0 : row->heard_us + 1;
        uint64_t least = oldest->mac == 0 ? 0 : oldest->heard_us + 1;
        oldest = heard < least ? row : oldest;
    }
    memset(oldest, 0, sizeof(*oldest));
    oldest->mac = mac;
    return oldest;
}

/* A MAC with another nonce: a reboot, unless the first one speaks again: then there are two. */
static void note_nonce(struct node *n, struct seen *row, uint64_t nonce) {
    bool back = nonce == row->nonce_before && n->now_us - row->before_us < TWIN_US;
    uint32_t kept = row->flags & SEEN_TWIN;

    row->nonce_before = row->nonce;
    row->before_us = row->heard_us;
    row->nonce = nonce;
    row->flags = kept | (back ? SEEN_TWIN : 0u);
    if (back && kept == 0) {
        char text[NODE_TEXT_BYTES];
        node_report(n, REPORT_TWIN, 0, 0, 0, seen_text(row, text));
    }
}

static uint32_t set_if(uint32_t flags, uint32_t flag, bool on) {
    return on ? flags | flag : flags & ~flag;
}

struct seen *seen_note(struct node *n, const struct body_hello *h) {
    struct seen *row = row_for(n, h->mac);
    const struct view *v = &n->member.view;
    bool ours = v->epoch != 0 && view_uuid_equal(h->uuid, v->uuid);
    uint32_t before = row->flags;

    if (row->nonce != h->nonce) {
        note_nonce(n, row, h->nonce);
        before = ~row->flags;
    } else if (n->now_us - row->before_us >= TWIN_US) {
        row->flags &= ~(uint32_t)SEEN_TWIN;
    }
    row->heard_us = n->now_us;
    row->build_id = h->build_id;
    row->expect = h->expect;
    row->locator = h->locator;
    memset(row->name, 0, sizeof(row->name));
    if (name_is_sound(h->name)) {
        memcpy(row->name, h->name, sizeof(row->name));
    }
    bool manual = (h->flags & HELLO_MANUAL) != 0;
    bool asks = ours && h->epoch == 0 && (h->flags & HELLO_WANTS_JOIN) != 0 && !manual;
    row->flags = set_if(row->flags, SEEN_CLUSTER, h->epoch != 0);
    row->flags = set_if(row->flags, SEEN_OTHER_BUILD, h->build_id != n->self.build_id);
    row->flags = set_if(row->flags, SEEN_MANUAL, manual);
    row->flags = set_if(row->flags, SEEN_ASKS, asks);
    if (row->flags != before) {
        trace(n, TR_SEEN, (uint32_t)row->mac, (uint32_t)row->nonce, row->flags, 0);
    }
    return row;
}

void seen_forget_members(struct node *n) {
    for (uint32_t i = 0; i < SEEN_MAX; i++) {
        struct seen *row = &n->member.seen[i];
        if (row->mac != 0 && member_sender(n, row->mac, row->nonce) != NULL) {
            memset(row, 0, sizeof(*row));
        }
    }
}
