/* A world for the membership alone: N nodes whose node_* functions are fakes, and a network of
 * direct messages that delays, loses, doubles and cuts by a seed. No links, no services. */
#pragma once

#include "adapt/member_private.h"

enum { WORLD_NODES = 20, WORLD_FLIGHT = 4096 };

struct flight {
    uint64_t at_us; /* 0: free */
    uint64_t from;
    uint32_t to;    /* node */
    struct msg m;
};

struct world_node {
    struct node n; /* the real state; node_size() is not used */
    uint64_t boot_us;      /* UINT64_MAX: off */
    bool up;
    bool jobs;             /* node_jobs_running() */
    uint32_t reports[REPORTS];
    char last_report[REPORTS][256];
    uint64_t links_us[MEMBERS_MAX]; /* when the handshake to that seat began */
    uint32_t sent[MSGS];
    uint32_t view_changes;
};

struct member_world {
    uint64_t now_us;
    uint64_t random;
    uint32_t count;
    uint32_t delay_us;      /* 100 … 100 + delay_us */
    uint32_t loss_permille, double_permille;
    uint32_t drop_nth;      /* this datagram is lost; UINT32_MAX: none */
    uint32_t sends;         /* so far */
    bool cut[WORLD_NODES][WORLD_NODES]; /* from, to */
    bool mutate;            /* each datagram is followed by a damaged twin */
    struct world_node node[WORLD_NODES];
    struct flight flight[WORLD_FLIGHT];
    struct effects fx;
};

/* All nodes off, MACs ascending from 52:54:00:00:00:01, nonces by the seed, cluster "test". */
struct member_world *world_new(uint32_t count, uint64_t seed);
/* The same nodes in a fresh world are freed with it. */
void world_free(struct member_world *w);
struct node *world_n(struct member_world *w, uint32_t i);
/* Power on at that time. */
void world_boot(struct member_world *w, uint32_t i, uint64_t at_us);
/* Same MAC, another nonce: as after a reset. */
void world_reboot(struct member_world *w, uint32_t i);
void world_boot_all(struct member_world *w, uint16_t expect);
/* Handles all that happens until then, and checks after each event that equal epochs are equal
 * views, that a view holds its node's nonce, and that deadlines do not stand still. */
void world_run(struct member_world *w, uint64_t until_us);
/* Runs until all `count` first nodes are stable in one view of `count` members, or fails. Returns
 * the time. */
uint64_t world_settle(struct member_world *w, uint32_t count, uint64_t within_us);
bool world_is_settled(struct member_world *w, uint32_t count);
/* A cluster of the first `members` of `nodes` nodes, stable; the others are off. */
struct member_world *world_settled(uint32_t members, uint32_t nodes, uint64_t seed);
uint64_t world_hash(const struct member_world *w);
/* A direct message from anybody, as it comes through the door. */
void world_hear(struct member_world *w, uint32_t to, uint64_t from, const struct msg *m);
