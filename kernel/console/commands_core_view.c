/* nodes, view, cells, locate: the cluster as this node sees it. */
#include <string.h>

#include "adapt/node.h"
#include "kernel/console/arguments.h"
#include "kernel/console/commands.h"
#include "kernel/console/commands_core.h"
#include "kernel/options.h"
#include "kernel/pump.h"
#include "kernel/time.h"
#include "kernel/version.h"

/* ---- nodes ----------------------------------------------------------------------------------- */

static void print_members(struct print_sink *out, const struct node *n) {
    const struct view *v = &n->member.view;

    print_to(out, "%-16s %4s %4s  %-8s %-5s  %-5s  %s\n", "name", "id", "seat", "role", "voter",
             "since", "mac");
    for (uint32_t i = 0; i < v->count; i++) {
        const struct view_member *m = &v->member[i];
        print_to(out, "%-16s #%-3u %4u  %-8s %-5s  %5u  ", m->name, (unsigned)m->id,
                 (unsigned)m->seat, role_name((enum role)m->role), m->voter ? "yes" : "no",
                 (unsigned)m->incarnation);
        command_print_mac(out, m->mac);
        print_to(out, "%s\n", m->nonce == n->self.nonce ? "  this node" : "");
    }
}

static const char *seen_what(const struct seen *s) {
    if (s->flags & SEEN_OTHER_BUILD) {
        return "another build: it cannot join";
    }
    if (s->flags & SEEN_TWIN) {
        return "two nodes have this MAC";
    }
    if (s->flags & SEEN_CLUSTER) {
        return "in a cluster";
    }
    return s->flags & SEEN_ASKS ? "asks to join" : s->flags & SEEN_MANUAL ? "join=manual" : "heard";
}

static void print_seen(struct print_sink *out, const struct node *n) {
    const struct seen *s = member_seen(n);
    bool any = false;

    for (uint32_t i = 0; i < SEEN_MAX; i++) {
        if (s[i].mac == 0 || view_by_nonce(&n->member.view, s[i].nonce) != NULL) {
            continue;
        }
        print_to(out, "%s%-16s ", any ? "" : "heard, no members:\n",
                 s[i].name[0] != '\0' ? s[i].name : "(no name)");
        any = true;
        command_print_mac(out, s[i].mac);
        print_to(out, "  %u s ago, %s\n", (unsigned)((time_us() - s[i].heard_us) / 1000000),
                 seen_what(&s[i]));
    }
}

int command_nodes(int argc, char **argv, struct print_sink *out) {
    const struct node *n = pump_node();

    if (argc > 1) {
        return command_wrong(out, argv[1], "is too much: nodes takes no arguments");
    }
    if (n == NULL || !pump_is_started()) {
        print_to(out, "the network card is not ready yet\n");
        return 0;
    }
    if (n->member.view.epoch != 0) {
        print_members(out, n);
    } else {
        print_to(out, "no member yet: %s", member_state_name(n));
        if (member_missing(n) != 0) {
            print_to(out, ", waiting for %u more (expect=%u)", (unsigned)member_missing(n),
                     (unsigned)options_boot.expect);
        }
        print_to(out, "\n");
    }
    print_seen(out, n);
    return 0;
}

int command_join(int argc, char **argv, struct print_sink *out) {
    const struct event_call call = {.op = CALL_JOIN, .token = TOKEN_NONE};
    const struct node *n = pump_node();

    if (argc > 1) {
        return command_wrong(out, argv[1], "is too much: join takes no arguments");
    }
    if (n == NULL || !pump_is_started()) {
        print_to(out, "the network card is not ready yet: try again in a second\n");
        return 1;
    }
    if (n->member.state == MEMBER_IN || !n->member.manual) {
        print_to(out, n->member.state == MEMBER_IN ? "this node is a member already (`nodes`)\n"
                                                   : "this node asks to join by itself\n");
        return 1;
    }
    pump_call(&call);
    print_to(out, "asking to join \"%s\"\n", options_boot.cluster);
    return 0;
}

/* ---- view ------------------------------------------------------------------------------------ */

static void print_phases(struct print_sink *out, const uint32_t us[PHASES], uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        print_to(out, " %s ", phase_name((enum phase)i));
        command_print_ms(out, us[i]);
    }
}

static void print_changes(struct print_sink *out, const struct node *n) {
    const struct change_record *c;

    for (uint32_t age = CHANGES_KEPT; age-- > 0;) {
        if ((c = supervisor_change(n, age)) == NULL) {
            continue;
        }
        const struct view_member *m = view_by_id(&n->member.view, c->node);
        print_to(out, "  epoch %u: %s #%u %s,", (unsigned)c->epoch,
                 change_cause_name((enum change_cause)c->cause), (unsigned)c->node,
                 m != NULL ? m->name : "(gone)");
        print_phases(out, c->us, PHASES);
        print_to(out, ", %u entries moved\n", (unsigned)c->moved);
    }
}

int command_view(int argc, char **argv, struct print_sink *out) {
    const struct node *n = command_node(out);

    if (argc > 1) {
        return command_wrong(out, argv[1], "is too much: view takes no arguments");
    }
    if (n == NULL) {
        return 1;
    }
    const struct view *v = &n->member.view;
    const struct phases *p = &n->member.supervisor.phases;
    const struct view_member *proposer = view_proposer(v);
    print_to(out, "cluster    %s, uuid ", options_boot.cluster);
    for (uint32_t i = 0; i < sizeof(v->uuid); i++) {
        print_to(out, "%02x", v->uuid[i]);
    }
    print_to(out, "\nepoch      %u, digest %016llx, %s\n", (unsigned)v->epoch,
             (unsigned long long)n->member.digest, node_is_stable(n) ? "stable" : "not stable");
    print_to(out, "members    %u, of these %u joining, %u leaving; voters %u, proposer %s\n",
             (unsigned)v->count, (unsigned)view_in_role(v, ROLE_JOINING),
             (unsigned)view_in_role(v, ROLE_LEAVING), (unsigned)view_voters(v),
             proposer != NULL ? proposer->name : "none");
    print_to(out, "locator    %s\n", v->locator == LOCATOR_STAT ? "stat" : "tree");
    print_to(out, "supervisor %s", supervisor_state_name(supervisor_state(n)));
    if (p->now < PHASES) {
        print_to(out, ", in %s of epoch %u;", phase_name((enum phase)p->now), (unsigned)p->epoch);
        print_phases(out, p->us, p->now);
    }
    print_to(out, "\nbuild      %s\nchanges\n", version_build_hex);
    print_changes(out, n);
    return 0;
}

int command_cells(int argc, char **argv, struct print_sink *out) {
    const struct node *n = command_node(out);

    if (argc > 1) {
        return command_wrong(out, argv[1], "is too much: cells takes no arguments");
    }
    if (n == NULL) {
        return 1;
    }
    const struct view *v = &n->member.view;
    if (v->locator == LOCATOR_STAT) {
        print_to(out, "locator=stat: entry modulo %u members, no cells\n", (unsigned)v->managers);
        return 0;
    }
    print_to(out, "root cell, %u slots\n", (unsigned)SLOTS);
    for (uint32_t i = 0; i < v->count; i++) {
        const struct view_member *m = &v->member[i];
        print_to(out, "  %-16s seat %2u  %3u slots\n", m->name, (unsigned)m->seat,
                 (unsigned)locator_slots(v->slot, m->seat));
    }
    return 0;
}

/* ---- locate ---------------------------------------------------------------------------------- */

/* What people call an entry, and how its number becomes a key's index. */
static const struct {
    const char *word;
    uint8_t service;  /* enum service_no */
    uint32_t divisor; /* of an address */
    uint64_t kind;    /* added to the index */
} entry_kinds[] = {
    {"page", SERVICE_DSM, PAGE_BYTES, 0},
    {"futex", SERVICE_SYNC, 4, 0},
    {"barrier", SERVICE_SYNC, 4, 1ull << 32},
    {"job", SERVICE_JOB, 1, 0},
    {"dsm", SERVICE_DSM, 1, 0},
    {"sync", SERVICE_SYNC, 1, 0},
    {"threads", SERVICE_THREADS, 1, 0},
};
enum { ENTRY_KINDS = sizeof(entry_kinds) / sizeof(entry_kinds[0]) };

static void print_place(struct print_sink *out, const struct node *n, uint64_t key) {
    const struct view *v = &n->member.view;
    seat_id seat = locate(v, key);
    const struct view_member *m = view_by_seat(v, seat);

    print_to(out, "key %016llx: ", (unsigned long long)key);
    if (v->locator == LOCATOR_TREE) {
        print_to(out, "slot %u of the root cell: ", (unsigned)(mix64(key) & 0xFF));
    }
    print_to(out, "managed by %s (#%u, seat %u)%s\n", m != NULL ? m->name : "?",
             m != NULL ? (unsigned)m->id : 0, (unsigned)seat,
             seat == node_seat(n) ? ", this node" : "");
}

int command_locate(int argc, char **argv, struct print_sink *out) {
    const struct node *n = command_node(out);
    uint32_t job, i = 0;
    uint64_t number;

    if (argc != 4) {
        return COMMAND_USAGE;
    }
    while (i < ENTRY_KINDS && strcmp(argv[1], entry_kinds[i].word) != 0) {
        i++;
    }
    if (i == ENTRY_KINDS) {
        return command_wrong(out, argv[1],
                             "is no kind of entry: page futex barrier job dsm sync "
                             "threads");
    }
    if (!argument_small(argv[2], 0xFFFF, &job)) {
        return command_wrong(out, argv[2], "is no job: a number up to 65535 (`jobs`)");
    }
    if (!argument_number(argv[3], &number) || number / entry_kinds[i].divisor >= 1ull << 32) {
        return command_wrong(out, argv[3],
                             "is no address or index: decimal, or 0x and hexadecimal");
    }
    if (n == NULL) {
        return 1;
    }
    print_place(out, n,
                key_make((enum service_no)entry_kinds[i].service, (job_id)job,
                         number / entry_kinds[i].divisor + entry_kinds[i].kind));
    return 0;
}
