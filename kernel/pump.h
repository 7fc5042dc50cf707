/* The loop: NIC -> lwIP -> core -> effects, then timers, then local events, then a thread [D 3].
 * Owns the node of this PC. Only kernel/{main,pump,effects,fault,syscall*}.c and kernel/the console
 * include it. */
#pragma once

#include "adapt/port.h"
#include "kernel/thread.h"

/* The core of this PC; NULL before pump_start(). */
struct node *pump_node(void);
/* EV_START has been given: the node takes part. */
bool pump_is_started(void);

/* One event through the core, its effects performed when this returns. now_us is filled in. Never
 * from within an effect: what an effect leads to is recorded and done by the loop. */
void pump_event(struct event *ev);

/* A call of a thread (or of the console: token TOKEN_NONE). op and arguments as port.h says. */
void pump_call(const struct event_call *call);

/* The next thread is another one, if one is ready. */
void pump_rotate(void);

/* Cluster time now, as programs see CLOCK_MONOTONIC. */
uint64_t pump_cluster_us(void);

/* Milliseconds of this node's life by what it did, for `threads` and benches. */
struct pump_times {
    uint64_t user_us, idle_us, start_us;
    uint64_t events, datagrams;
};
struct pump_times pump_times(void);
