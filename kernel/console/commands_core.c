/* The table of the commands about the cluster, and what they share. They look at the core
 * through its accessors and the structs that adapt/ shows consoles; they change nothing but by
 * calls (CALL_RUN, CALL_KILL). */
#include "kernel/console/commands_core.h"

#include "adapt/node.h"
#include "kernel/console/commands.h"
#include "kernel/console/commands_bench.h"
#include "kernel/pump.h"

struct node *command_node(struct print_sink *out) {
    struct node *n = pump_node();

    if (n == NULL || !pump_is_started() || n->member.view.epoch == 0) {
        print_to(out, "this node is in no cluster yet (`nodes` shows whom it hears)\n");
        return NULL;
    }
    return n;
}

int command_wrong(struct print_sink *out, const char *word, const char *why) {
    print_to(out, "'%.40s' %s\n", word, why);
    return COMMAND_USAGE;
}

void command_print_mac(struct print_sink *out, uint64_t mac) {
    for (uint32_t i = 0; i < 6; i++) {
        print_to(out, "%s%02x", i == 0 ? "" : ":", (unsigned)(mac >> (40 - 8 * i) & 0xFF));
    }
}

void command_print_ms(struct print_sink *out, uint64_t us) {
    print_to(out, "%llu.%03u ms", (unsigned long long)(us / 1000), (unsigned)(us % 1000));
}

static const struct command commands[] = {
    {"nodes", "", "members of the cluster, and nodes heard that are none", command_nodes},
    {"view", "", "epoch, roles, voters, phases of the last changes", command_view},
    {"cells", "", "the locator's tree: who manages how many slots", command_cells},
    {"locate", "KIND JOB ADDRESS", "who manages an entry: a page, futex, barrier, job, ...",
     command_locate},
    {"join", "", "enter the cluster, after a boot with join=manual", command_join},
    {"run", "PROG [ARGS] [&]", "start a program; & leaves the prompt", command_run},
    {"jobs", "", "programs that run in the cluster", command_jobs},
    {"kill", "JOB [SIGNAL]", "end a program, by TERM if not said", command_kill},
    {"threads", "[JOB]", "threads on this node, and its time", command_threads},
    {"pages", "[JOB|--owned]", "shared memory on this node", command_pages},
    {"sync", "", "futexes and barriers managed here", command_sync},
    {"net", "", "network card, links to the other nodes, counters", command_net},
    {"bench", "serve | echo NODE COUNT [GAP_US] | locate | probe [on]",
     "measure the network and faults (./lisse bench)", command_bench},
    {"trace", "[LINES]", "what the core did last, 20 lines if not said", command_trace},
};

const struct command_table commands_core = {commands, sizeof(commands) / sizeof(commands[0])};
