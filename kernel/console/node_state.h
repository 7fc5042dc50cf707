/* What this node is to its cluster, in the words of people and of the launcher: name, id,
 * epoch, state. Reads the core, changes nothing in it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "adapt/limits.h"
#include "kernel/print.h"

struct node_state {
    char name[NAME_BYTES];
    uint32_t id, epoch, members; /* 0 before admission */
    bool stable;
    const char *state; /* joining, member, leaving, refused */
};

void node_state_get(struct node_state *state);
/* Notes the state; true when it is another one than last time. The prompt gets the node's name. */
bool node_state_changed(void);
/* The line of READY: "name=n1 id=1 epoch=3 …\n". */
void node_state_print(struct print_sink *out);
/* Status as JSON, what this node contributes to it; at most NODE_STATUS_BYTES_MAX. */
void node_status_print(struct print_sink *out);
enum {
    NODE_STATUS_BYTES_MAX = 8192
}; /* 16 changes x 200 B, 16 jobs x 220 B, own row and rest 400 B */

/* A job's state as the core names it, in people's words. */
const char *node_job_state(const char *state);

/* A member's name for people, by its seat; "?" when there is none. */
const char *node_name_of_seat(uint32_t seat);
