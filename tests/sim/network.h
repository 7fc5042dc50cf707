/* The LAN of the simulated world: datagrams on their way, and what happens to them. Faults come
 * from the seed; without faults every datagram arrives, in order, after the delay. */
#pragma once

#include "adapt/base.h"
#include "adapt/limits.h"
#include "adapt/port.h"

/* Chances in 1/1000 of each datagram and receiver. */
struct faults {
    uint32_t loss, duplicate, reorder, corrupt;
    uint32_t delay_min_us, delay_max_us;
    uint32_t reorder_us; /* a reordered one comes up to so much later */
};

enum { PACKETS_MAX = 20000 }; /* 6 x 5 links x 2 windows x a few copies, and much room */

struct packet {
    uint64_t from;
    uint32_t to;    /* index of the PC */
    uint32_t size;
    uint32_t next;  /* free list */
    uint8_t *bytes; /* DATAGRAM_BYTES_MAX */
};
struct network {
    uint32_t count, free; /* packets ever made, head of the free list */
    struct packet *packet;
    uint32_t lose_next;    /* a script's: so many are lost */
    uint64_t sent, lost, corrupted, duplicated;
    uint64_t last_us[8][8]; /* arrival of the last one in order, from -> to */
};

struct world;
struct pc;
void network_init(struct network *net);
void network_free(struct network *net);
/* Performs FX_SEND: seals the datagram with the frame's contents and puts it on the LAN. */
void network_send(struct world *w, struct pc *from, const struct effect *e);
/* The packet has arrived: its event, and the packet is free again. */
void network_arrive(struct world *w, struct pc *to, uint32_t packet);
