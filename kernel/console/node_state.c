/* This node's state, for READY and the console; see node_state.h. */
#include "kernel/console/node_state.h"

#include <string.h>

#include "adapt/node.h"
#include "kernel/console/console.h"
#include "kernel/options.h"
#include "kernel/panic.h"
#include "kernel/pump.h"
#include "kernel/version.h"

static struct node_state last;

/* Refused for its build or MAC: for good, until somebody acts; for lack of a place: until it
 * changes. */
static const char *word_of(const struct node *n) {
    const struct view_member *self = view_by_nonce(&n->member.view, n->self.nonce);

    if (n->member.state == MEMBER_IN && self != NULL) {
        return role_name((enum role)self->role);
    }
    return n->member.refused != REFUSE_NONE ? "refused" : "joining";
}

void node_state_get(struct node_state *state) {
    const struct node *n = pump_node();
    const char *name = options_boot.name;

    *state = (struct node_state){.state = "joining"};
    if (n != NULL && pump_is_started()) {
        const struct view *v = &n->member.view;
        const struct view_member *self = view_by_nonce(v, n->self.nonce);
        state->id = self != NULL ? self->id : 0;
        state->epoch = v->epoch;
        state->members = v->count;
        state->stable = n->member.state == MEMBER_IN && n->member.stable;
        state->state = word_of(n);
        name = self != NULL ? self->name : name;
    }
    memcpy(state->name, name, NAME_BYTES);
    state->name[NAME_BYTES - 1] = '\0';
}

bool node_state_changed(void) {
    struct node_state now;

    node_state_get(&now);
    bool same = now.id == last.id && now.epoch == last.epoch && now.members == last.members &&
                now.stable == last.stable && now.state == last.state;
    if (same) {
        return false;
    }
    if (now.id != 0 && strcmp(now.name, console_name()) != 0) {
        console_set_name(now.name);
        panic_set_name(now.name);
    }
    last = now;
    return true;
}

void node_state_print(struct print_sink *out) {
    struct node_state now;

    node_state_get(&now);
    print_to(out, "name=%s id=%u epoch=%u members=%u stable=%u build=%s state=%s\n", now.name,
             (unsigned)now.id, (unsigned)now.epoch, (unsigned)now.members, now.stable ? 1u : 0u,
             version_build_hex, now.state);
}

const char *node_job_state(const char *state) {
    return strcmp(state, "open") == 0    ? "running"
           : strcmp(state, "asked") == 0 ? "starting"
                                         : state;
}

const char *node_name_of_seat(uint32_t seat) {
    const struct node *n = pump_node();
    const struct view_member *m =
        n != NULL && seat <= SEAT_NONE ? view_by_seat(&n->member.view, (seat_id)seat) : NULL;

    return m != NULL ? m->name : "?";
}
