/* A tiny world for the job, threads and sync services alone: N nodes in one process, no membership,
 * no link, no DSM. Messages between two nodes keep their order, those of different pairs overtake
 * each other as the seed wants. The node's functions (adapt/service.h) and the DSM are doubles,
 * defined in jobs_world.c. */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "adapt/report.h"
#include "services/job_private.h"
#include "services/sync_private.h"
#include "services/threads_private.h"

enum { NODES_MAX = 8, REPORTS_MAX_SEEN = 64, LOOPBACK_LIMIT = 64 };

struct parcel {
    struct msg m;
    uint32_t cookie;
    struct parcel *next;
};
struct parcels {
    struct parcel *first, *last;
    uint32_t count;
};

struct node {
    uint32_t index;
    uint64_t now_us;
    struct effects *fx;
    uint64_t *state[SERVICES];
    struct parcels loopback;
};

struct world {
    uint32_t nodes;
    struct limits limits;
    struct node node[NODES_MAX];
    struct parcels way[NODES_MAX][NODES_MAX];
    struct parcels acks[NODES_MAX]; /* handled messages with a cookie, back at their sender */
    uint64_t now_us;
    uint64_t ahead_us; /* cluster time - now */
    uint64_t dice;
    bool is_unstable;
    seat_id all_keys_at; /* manager of every key; SEAT_NONE: spread */
    uint32_t reported[REPORTS];
    uint32_t refused;    /* node_refuse() */
    uint64_t sent[MSGS]; /* messages between two nodes, by type */
    uint64_t delivered;
    /* the test's; may be NULL */
    void (*on_effect)(struct node *n, const struct effect *e);
    void (*on_dsm_tick)(struct node *n); /* inside a step: may call job_area_check */
    void (*on_area)(struct node *n, job_id job, page_no page);
    void (*on_unmap)(struct node *n, page_no first, uint32_t pages);
    void (*on_protect)(struct node *n, page_no first, uint32_t pages, enum access most);
};
extern struct world w;

void world_start(uint32_t nodes, uint32_t threads, uint64_t seed);
void world_end(void);
uint32_t world_dice(uint32_t sides);
/* One step of a node: the event, its loopback, then its effects to on_effect. */
void world_call(uint32_t node, const struct event_call *call);
void world_tick(uint32_t node);
void world_resend(uint32_t node);
/* The next message of this pair, of a random pair, of all: false, there is none. */
bool world_deliver(uint32_t from, uint32_t to);
bool world_deliver_any(void);
/* A message that nobody has sent comes to this node. */
void world_inject(uint32_t from, uint32_t to, const struct msg *m);
void world_settle(void);      /* until no message is on its way; ticks that are due come too */
uint32_t world_waiting(void); /* messages and acks on their way */
/* Lets the clock jump to the earliest deadline; false: there is none. */
bool world_sleep(void);

/* Nothing of any job is left on any node. */
void world_check_empty(void);
uint64_t world_sent_all(void);

/* Shorthand: a thread's call. */
#define CALL(node_, op_, token_, ...)                                                              \
    world_call(node_, &(struct event_call){.op = (op_), .token = (token_), .arg = {__VA_ARGS__}})
