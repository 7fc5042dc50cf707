/* net, trace: the links and the core's own record. */
#include "adapt/node.h"
#include "kernel/console/arguments.h"
#include "kernel/console/commands.h"
#include "kernel/console/commands_core.h"
#include "kernel/console/launcher.h"
#include "kernel/pump.h"
#include "net/link.h"
#include "net/udp.h"

enum { TRACE_LINES = 20, TRACE_LINE_BYTES = 160 };

/* ---- net ------------------------------------------------------------------------------------- */

static void print_link(struct print_sink *out, const struct node *n, const struct view_member *m) {
    const struct link_set *links = (const void *)((const uint8_t *)n + n->link_offset);
    struct link_counters c = link_counters(links, m->seat);

    print_to(out,
             "link %-12s %-6s rtt %5u us, rto %6u us; sent %llu (again %llu, acks alone %llu), "
             "received %llu (twice %llu, early %llu, no room %llu, bad %llu); in flight %u, "
             "queued %u\n",
             m->name, link_is_open(links, m->seat) ? "open" : "closed", (unsigned)c.rtt_us,
             (unsigned)c.rto_us, (unsigned long long)c.sent, (unsigned long long)c.resent,
             (unsigned long long)c.acks_alone, (unsigned long long)c.received,
             (unsigned long long)c.duplicates, (unsigned long long)c.early,
             (unsigned long long)c.dropped_full, (unsigned long long)c.bad, (unsigned)c.in_flight,
             (unsigned)c.queued);
}

static void print_core(struct print_sink *out, const struct node *n) {
    const struct node_counters *c = &n->counters;

    print_to(out,
             "messages in %llu, out %llu; dropped: CRC %llu, other cluster %llu, no member "
             "%llu, malformed %llu; refused %llu, held for a view %llu\n",
             (unsigned long long)c->received, (unsigned long long)c->sent,
             (unsigned long long)c->bad_crc, (unsigned long long)c->bad_cluster,
             (unsigned long long)c->bad_sender, (unsigned long long)c->bad_message,
             (unsigned long long)c->refused, (unsigned long long)c->held);
}

static void print_channel(struct print_sink *out) {
    struct launcher_counters c = launcher_counters();

    print_to(out,
             "launcher frames %u, damaged %u, unknown %u; reports lost %u, output cut %u bytes\n",
             (unsigned)c.frames_in, (unsigned)c.damaged, (unsigned)c.unknown,
             (unsigned)c.reports_lost, (unsigned)c.output_cut_bytes);
}

int command_net(int argc, char **argv, struct print_sink *out) {
    const struct node *n = pump_node();

    if (argc > 1) {
        return command_wrong(out, argv[1], "is too much: net takes no arguments");
    }
    net_print(out);
    if (n != NULL && pump_is_started()) {
        for (uint32_t i = 0; i < n->member.view.count; i++) {
            if (n->member.view.member[i].nonce != n->self.nonce) {
                print_link(out, n, &n->member.view.member[i]);
            }
        }
        print_core(out, n);
    }
    print_channel(out);
    return 0;
}

/* ---- trace ----------------------------------------------------------------------------------- */

int command_trace(int argc, char **argv, struct print_sink *out) {
    const struct node *n = pump_node();
    uint32_t lines = TRACE_LINES;
    char line[TRACE_LINE_BYTES];

    if (argc > 2) {
        return COMMAND_USAGE;
    }
    if (argc == 2 && (!argument_small(argv[1], TRACE_RECORDS, &lines) || lines == 0)) {
        return command_wrong(out, argv[1], "is no number of lines: 1 to 256 are kept");
    }
    if (n == NULL || !pump_is_started()) {
        print_to(out, "nothing yet: the network card is not ready\n");
        return 0;
    }
    while (lines-- > 0) {
        const struct trace_record *r = trace_at(node_trace(n), lines);
        if (r != NULL) {
            trace_format(line, sizeof(line), node_self_id(n), r);
            print_to(out, "%s\n", line);
        }
    }
    return 0;
}
