/* A small world of whole nodes: the real adapt/, services/ and net/link.* of each, a LAN that
 * delivers every datagram after a fixed time, and threads that only have a state. A test may take
 * datagrams away, make its own, and look into any node. */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "adapt/node.h"
#include "net/link_private.h"
#include "services/dsm.h"
#include "services/job.h"
#include "services/threads.h"

enum { NODES_MAX = 4, FLIGHT_MAX = 4096, SLOTS_MAX = 16, LAN_US = 150 };
#define MAC_FIRST 0x525400000001ull

struct flight {
    uint64_t at_us;
    uint64_t from;
    uint32_t to, size;
    uint8_t *bytes; /* exactly `size`: whoever reads behind them is caught */
};

/* What the world knows of a thread slot. */
enum slot_wait { SLOT_EMPTY, SLOT_RUNS, SLOT_WAITS, SLOT_COMPARES };
struct world_slot {
    enum slot_wait state;
    job_id job;
    uint32_t tid;
    int32_t result; /* of the last wake */
};

struct world_node {
    struct node *n;
    bool cut;          /* nothing reaches it, nothing leaves it */
    struct world_slot slot[SLOTS_MAX];
    uint32_t reports[REPORTS];
    uint32_t jobs_exited;
    job_id job;        /* last started here */
    struct datagram_head last; /* of the last link datagram that it sent */
    uint32_t sent;
};

struct node_world {
    uint32_t nodes;
    uint64_t now_us;
    uint64_t random;
    struct limits limits;
    struct world_node node[NODES_MAX];
    uint32_t flights;
    struct flight flight[FLIGHT_MAX];
    struct effects fx; /* of the last step */
    /* looks at each step's effects before they are performed; may be NULL */
    void (*on_step)(uint32_t node);
};
extern struct node_world nw;

void nw_start(uint32_t nodes, uint64_t seed);
void nw_end(void);
/* Everything that happens until then. */
void nw_run(uint64_t until_us);
void nw_for(uint64_t us);
/* Until all are stable in one view, or the test fails. */
void nw_settle(void);
/* One step of a node, now; its effects are performed. */
void nw_step(uint32_t node, struct event *ev);
void nw_datagram(uint32_t node, uint64_t from_mac, const uint8_t *bytes, uint32_t size);
void nw_tick(uint32_t node);
void nw_fault(uint32_t node, token_no token, page_no page, enum access access);
void nw_call(uint32_t node, const struct event_call *call);
#define NW_CALL(node_, op_, token_, ...) \
    nw_call(node_, &(struct event_call){.op = (op_), .token = (token_), .arg = {__VA_ARGS__}})

/* Starts a job at that node and runs until its main thread does; returns its slot. */
token_no nw_job(uint32_t node);
/* Runs until the thread is awake again; returns the result of its call. */
int32_t nw_wait(uint32_t node, token_no token);
/* A call and its answer. */
#define NW_ASK(node_, op_, token_, ...) \
    (NW_CALL(node_, op_, token_, __VA_ARGS__), nw_wait(node_, token_))

uint64_t nw_mac(uint32_t node);
seat_id nw_seat(uint32_t node);
struct link_set *nw_links(uint32_t node);
/* The next datagram that node `to` awaits from the member `from`: the head as a sound sender would
 * fill it, then the message and its contents, sealed. Returns its size; out takes 1452 bytes. */
uint32_t nw_forge(uint8_t *out, uint32_t from, uint32_t to, const struct msg *m,
                  uint32_t contents_bytes);
