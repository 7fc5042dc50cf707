/* pages, sync: what this node holds of the programs' memory, and the entries that it manages. */
#include <string.h>

#include "adapt/node.h"
#include "kernel/console/arguments.h"
#include "kernel/console/commands.h"
#include "kernel/console/commands_core.h"
#include "kernel/pump.h"
#include "services/dsm.h"
#include "services/sync.h"

enum { PAGES_SHOWN_MAX = 200 };

/* ---- pages ----------------------------------------------------------------------------------- */

static void print_summary(struct print_sink *out, const struct node *n) {
    struct dsm_counters c = dsm_counters(n);

    print_to(out, "frames     %u of %u used: %u pages owned, %u copies\n", (unsigned)c.frames_used,
             (unsigned)node_limits(n)->frames, (unsigned)c.pages_owned, (unsigned)c.copies);
    print_to(out, "directory  %u of %u entries managed here\n", (unsigned)c.entries,
             (unsigned)node_limits(n)->entries);
    print_to(out, "faults     %llu read, %llu write; %llu requests sent\n",
             (unsigned long long)c.read_faults, (unsigned long long)c.write_faults,
             (unsigned long long)c.requests);
    print_to(out, "pages      %llu in, %llu out; %llu grants without contents\n",
             (unsigned long long)c.pages_in, (unsigned long long)c.pages_out,
             (unsigned long long)c.grants);
    print_to(out,
             "others     %llu invalidations, %llu copies dropped; %llu held for a thread, %llu "
             "holds ended by time\n",
             (unsigned long long)c.invalidations, (unsigned long long)c.dropped_copies,
             (unsigned long long)c.held, (unsigned long long)c.forced);
}

/* "owned" and "write" begin with what says that this node is the owner (services/dsm.h). */
static bool is_owned(const struct dsm_row *row) {
    return strncmp(row->state, "owned", 5) == 0 || strncmp(row->state, "write", 5) == 0;
}

static void print_rows(struct print_sink *out, uint32_t job, bool owned) {
    struct dsm_row row;
    uint32_t found = 0;

    for (uint32_t i = 0; dsm_row(pump_node(), i, &row); i++) {
        if (strcmp(row.state, "free") == 0 || (job != 0 && row.job != job) ||
            (owned && !is_owned(&row))) {
            continue;
        }
        if (found++ == 0) {
            print_to(out, "  job  address   state       version  holds\n");
        }
        if (found <= PAGES_SHOWN_MAX) {
            print_to(out, "%5u  %08x  %-10s  %7u  %5u\n", (unsigned)row.job,
                     (unsigned)(row.page * PAGE_BYTES), row.state, (unsigned)row.version,
                     (unsigned)row.holds);
        }
    }
    if (found > PAGES_SHOWN_MAX) {
        print_to(out, "... and %u more\n", (unsigned)(found - PAGES_SHOWN_MAX));
    }
    print_to(out, "%u pages\n", (unsigned)found);
}

int command_pages(int argc, char **argv, struct print_sink *out) {
    const struct node *n = command_node(out);
    bool owned = argc == 2 && strcmp(argv[1], "--owned") == 0;
    uint32_t job = 0;

    if (argc > 2) {
        return COMMAND_USAGE;
    }
    if (argc == 2 && !owned && (!argument_small(argv[1], 0xFFFF, &job) || job == 0)) {
        return command_wrong(out, argv[1], "is neither a job (`jobs`) nor --owned");
    }
    if (n == NULL) {
        return 1;
    }
    if (argc == 1) {
        print_summary(out, n);
    } else {
        print_rows(out, job, owned);
    }
    return 0;
}

/* ---- sync ------------------------------------------------------------------------------------ */

int command_sync(int argc, char **argv, struct print_sink *out) {
    const struct node *n = command_node(out);

    if (argc > 1) {
        return command_wrong(out, argv[1], "is too much: sync takes no arguments");
    }
    if (n == NULL) {
        return 1;
    }
    struct sync_counts c = sync_counts(n);
    print_to(out,
             "%u futexes and barriers are managed here; %u threads wait in them; the last "
             "operation of %u more is kept\n",
             (unsigned)c.entries, (unsigned)c.waiting, (unsigned)c.known);
    return 0;
}
