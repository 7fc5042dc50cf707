/* The plug-in of a distributed service [RR 3.1, P 7.1]. A service registers once
 * (services/services.c), never names a node, and gets messages, events and ticks through these
 * functions; its state is one block in the node's memory. Entries migrate through the four steps
 * (next issue: the members that do so come then). */
#pragma once

#include "adapt/msg.h"
#include "adapt/port.h"

struct service_ops {
    const char *name;
    uint32_t (*state_bytes)(const struct limits *limits);
    void (*init)(struct node *n, void *state, const struct limits *limits);
    void (*on_message)(struct node *n, const struct msg *m, const struct msg_from *from);
    /* EV_FAULT, EV_CALL, EV_RAN that are its own */
    void (*on_event)(struct node *n, const struct event *ev);
    void (*on_tick)(struct node *n);
    uint64_t (*deadline_us)(const struct node *n);            /* UINT64_MAX: none */
    /* after a view change: pending requests again, same op number [D 6.3] */
    void (*resend)(struct node *n);
    void (*on_job_close)(struct node *n, job_id job);         /* drop all that belongs to the job */
    /* something exists that a change of members would have to move */
    bool (*busy)(const struct node *n);
    /* a transfer was handled by its receiver */
    void (*on_acked)(struct node *n, uint32_t cookie, bool lost);
};

/* services[SERVICES], by enum service_no; [0] is NULL. Defined in services/services.c. */
extern const struct service_ops *const service_table[SERVICES];

/* ---- what a service may call
 * ------------------------------------------------------------------- */

/* The service's own block. */
void *node_state(struct node *n, enum service_no service);
const void *node_state_const(const struct node *n, enum service_no service);

/* Sends m to the manager of m->head.key. m's type, size, key, version, op are filled in by the
 * caller; seat (requester) is this node's unless the caller forwards (adaptation_forward). [RR
 * 3.2] */
void adaptation_send(struct node *n, struct msg *m);
/* The same to a member known by its seat (an answer, an owner, a host). To itself: the loopback
 * ring, the same handler. ref: bytes of a frame behind the message. cookie: see
 * service_ops.on_acked, 0 = none. */
void node_send(struct node *n, seat_id to, struct msg *m);
void node_send_page(struct node *n, seat_id to, struct msg *m, struct frame_ref ref,
                    uint32_t cookie);
/* An empty message of that type with its fixed body's size, key and job generation filled in. */
void msg_begin(struct node *n, struct msg *m, enum msg_type type, uint64_t key);

struct effect *node_effect(struct node *n, enum effect_type type);
/* Gives the effect a copy of these bytes (FX_WAKE, FX_OUTPUT, FX_THREAD_START …). */
void node_effect_bytes(struct node *n, struct effect *e, const void *bytes, uint32_t size);
void node_wake(struct node *n, token_no token, int32_t result); /* FX_WAKE */
seat_id node_seat(const struct node *n);          /* SEAT_NONE before admission */
uint64_t node_now_us(const struct node *n);       /* of the event being handled */
uint64_t node_cluster_now_us(const struct node *n);
uint32_t node_random(struct node *n);
const struct limits *node_limits(const struct node *n);
seat_id node_manager(const struct node *n, uint64_t key);
/* of the view, itself included */
uint32_t node_members(const struct node *n, seat_id seats[MEMBERS_MAX]);
bool node_is_stable(const struct node *n);
/* Counts and traces something that a peer or the network did wrong; the simulator fails on it when
 * no fault explains it. */
void node_refuse(struct node *n, const char *what, uint64_t a, uint64_t b);
