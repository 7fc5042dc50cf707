/* This node's part of `status --json` [D 2]: its own row, the jobs that have a part here, the
 * changes that it has seen. ./lisse merges what the nodes say. */
#include "adapt/node.h"
#include "kernel/console/node_state.h"
#include "kernel/job.h"
#include "kernel/options.h"
#include "kernel/pump.h"
#include "kernel/file.h"
#include "services/dsm.h"
#include "services/job.h"
#include "services/sync.h"
#include "services/threads.h"

/* A JSON string; names are printable ASCII [adapt/view.h], a module's name is what the loader
 * gave. */
static void print_json_text(struct print_sink *out, const char *text) {
    print_to(out, "\"");
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') {
            print_to(out, "\\%c", *text);
        } else if ((uint8_t)*text < 0x20) {
            print_to(out, "\\u%04x", (unsigned)(uint8_t)*text);
        } else {
            print_to(out, "%c", *text);
        }
    }
    print_to(out, "\"");
}

static void print_own_row(struct print_sink *out, const struct node_state *state) {
    const struct node *n = pump_node();
    struct dsm_counters dsm = dsm_counters(n);

    print_to(out, "{\"name\":");
    print_json_text(out, state->name);
    print_to(out, ",\"id\":%u,\"state\":\"%s\",\"threads\":%u", (unsigned)state->id, state->state,
             (unsigned)threads_hosted(n, 0));
    print_to(out, ",\"pages_owned\":%u,\"entries_managed\":%u}", (unsigned)dsm.pages_owned,
             (unsigned)(dsm.entries + sync_counts(n).entries));
}

/* The origin alone knows the program; `threads` are those hosted here: the launcher adds them
 * up. */
static void print_job(struct print_sink *out, const struct job_row *row) {
    const struct job *job = job_find(row->job);

    print_to(out, "{\"id\":%u", (unsigned)row->job);
    if (job != NULL && job->program != NULL) {
        print_to(out, ",\"program\":");
        print_json_text(out, job->program->name);
    }
    print_to(out, ",\"origin\":");
    print_json_text(out, node_name_of_seat(row->origin));
    print_to(out, ",\"threads\":%u,\"state\":\"%s\"}", (unsigned)row->threads,
             node_job_state(row->state));
}

static void print_jobs(struct print_sink *out) {
    struct job_row row;
    const char *comma = "";

    for (uint32_t i = 0; job_row(pump_node(), i, &row); i++) {
        if (row.job != 0) {
            print_to(out, "%s", comma);
            print_job(out, &row);
            comma = ",";
        }
    }
}

static void print_change(struct print_sink *out, const struct change_record *c) {
    static const char *const keys[PHASES] = {"start", "phys", "setting", "log", "end"};
    const struct view_member *m = view_by_id(&pump_node()->member.view, c->node);
    char number[16];

    print_text(number, sizeof(number), "#%u", (unsigned)c->node);
    print_to(out, "{\"epoch\":%u,\"kind\":\"%s\",\"node\":", (unsigned)c->epoch,
             change_cause_name((enum change_cause)c->cause));
    print_json_text(out, m != NULL ? m->name : number);
    print_to(out, ",\"phases_us\":{");
    for (uint32_t i = 0; i < PHASES; i++) {
        print_to(out, "%s\"%s\":%u", i == 0 ? "" : ",", keys[i], (unsigned)c->us[i]);
    }
    print_to(out, "},\"moved\":%u,\"delayed\":0,\"max_wait_us\":0}", (unsigned)c->moved);
}

/* Additions, evictions, failures; founding and roles views are the machinery's own. Oldest
 * first. */
static void print_changes(struct print_sink *out) {
    const char *comma = "";

    for (uint32_t age = CHANGES_KEPT; age-- > 0;) {
        const struct change_record *c = supervisor_change(pump_node(), age);
        bool told = c != NULL &&
                    (c->cause == CAUSE_ADD || c->cause == CAUSE_EVICT || c->cause == CAUSE_FAIL);
        if (told) {
            print_to(out, "%s", comma);
            print_change(out, c);
            comma = ",";
        }
    }
}

void node_status_print(struct print_sink *out) {
    struct node_state state;

    node_state_get(&state);
    print_to(out, "{\"cluster\":");
    print_json_text(out, options_boot.cluster);
    print_to(out, ",\"epoch\":%u,\"stable\":%s,\"nodes\":[", (unsigned)state.epoch,
             state.stable ? "true" : "false");
    print_own_row(out, &state);
    print_to(out, "],\"jobs\":[");
    print_jobs(out);
    print_to(out, "],\"changes\":[");
    print_changes(out);
    print_to(out, "]}");
}
