/* The node: one block of memory that holds the whole pure core of one PC. Private to adapt/
 * (services use adapt/service.h, worlds adapt/port.h). No pointer, size_t or long inside [D 4],
 * except `fx` and `world`-less scratch that is only valid while node_step runs. */
#pragma once

#include "adapt/locator.h"
#include "adapt/member.h"
#include "adapt/msg.h"
#include "adapt/port.h"
#include "adapt/report.h"
#include "adapt/service.h"
#include "adapt/trace.h"

/* Messages to itself: a ring, so that a handler never runs inside another [STYLE A5]. 64 x 1404 B
 * = 88 KiB. A step sends itself at most a handful per entry it touches; asserted. */
enum { LOOPBACK_MAX = 64 };
struct loopback {
    uint32_t head, count;
    struct msg msg[LOOPBACK_MAX];
    uint32_t cookie[LOOPBACK_MAX];
};

struct node_counters {
    uint64_t received, sent, refused, held;
    uint64_t bad_crc, bad_cluster, bad_sender, bad_epoch, bad_message;
};

struct node {
    struct limits limits;
    uint64_t now_us;          /* of the event being handled */
    uint64_t time_offset_us;  /* cluster time - now_us; only grows [P 9.9] */
    uint64_t random;
    struct event_start self;
    struct member member;     /* view, founding, phases: adapt/member.c writes it */
    struct trace_ring trace;
    struct node_counters counters;
    /* by seat: 1 while that peer's messages wait for a newer view */
    uint8_t hold[MEMBERS_MAX];
    uint8_t held_short;       /* 1: messages wait until the links have room for their answers */
    struct loopback loopback;
    uint32_t link_offset;                /* from this struct to the link_set */
    uint32_t service_offset[SERVICES];   /* to each service's block */
    uint32_t bytes;                      /* of the whole block */
    /* of the view with epoch known_epoch, so that no datagram searches and mixes anew; a step
     * refreshes them when it begins, and until then another epoch means: look them up */
    uint32_t known_epoch, known_tag;
    seat_id known_seat;
    uint64_t scratch_fx;                 /* struct effects * of the step under way, 0 outside */
    uint64_t scratch_event;              /* the datagram of the event being handled, 0: none */
};
/* The effects of the step under way. */
struct effects *node_fx(struct node *n);
/* Sends m as an idempotent datagram beside the links: to a MAC, or to all nodes (0). Members of
 * the cluster and strangers alike [D 6.4]. */
void node_send_direct(struct node *n, uint64_t to_mac, const struct msg *m);
/* The current view (epoch 0: none). */
const struct view *node_view(const struct node *n);
/* member.c calls it after it has put a new view in place: links follow (peers set, dropped), held
 * messages are delivered, services resend what is pending. */
void node_view_installed(struct node *n);
/* True when the link to that member is open; starts its handshake otherwise (PHYS, P 7.24). */
bool node_link_open(struct node *n, seat_id seat);
/* True while a service has something that a change of members would have to move: joiners wait. */
bool node_jobs_running(const struct node *n);
/* For tests: every service sends again what it waits for, as after a view change. Nothing may be
 * applied twice [P 9.10]. */
void node_resend(struct node *n, uint64_t now_us, struct effects *fx);
