/* The LAN; see network.h. Runs when an effect sends and when a packet's time has come. It knows
 * nothing of what datagrams mean; the CRC is the link's own, made by the sending world as the
 * kernel does [net/link.h]. */
#include <stdlib.h>

#include "net/link.h"
#include "tests/sim/failure.h"
#include "tests/sim/world.h"

#define PACKET_NONE 0xFFFFFFFFu

void network_init(struct network *net) {
    net->free = PACKET_NONE;
    net->packet = calloc(PACKETS_MAX, sizeof(net->packet[0]));
}

void network_free(struct network *net) {
    for (uint32_t i = 0; i < net->count; i++) {
        free(net->packet[i].bytes);
    }
    free(net->packet);
}

static uint32_t packet_take(struct network *net) {
    uint32_t i = net->free;

    if (i != PACKET_NONE) {
        net->free = net->packet[i].next;
        return i;
    }
    if (net->count == PACKETS_MAX) {
        sim_fail("network", "%u datagrams on their way at once: the core floods the LAN",
                 (unsigned)PACKETS_MAX);
    }
    net->packet[net->count].bytes = malloc(DATAGRAM_BYTES_MAX);
    return net->count++;
}

static uint32_t between(struct world *w, uint32_t low, uint32_t high) {
    return low + (high > low ? world_random(w, high - low + 1) : 0);
}

static bool happens(struct world *w, uint32_t in_1000) {
    return in_1000 != 0 && !w->faults_over && world_random(w, 1000) < in_1000;
}

/* When it arrives: behind the last one of this pair, unless it is reordered. */
static uint64_t arrival_delay_us(struct world *w, uint32_t from, uint32_t to) {
    const struct faults *f = &w->plan.faults;
    uint64_t at = w->now_us + between(w, f->delay_min_us, f->delay_max_us);
    uint64_t *last = &w->network.last_us[from][to];

    if (happens(w, f->reorder)) {
        return at + between(w, 1, f->reorder_us) - w->now_us;
    }
    if (at <= *last) {
        at = *last + 1;
    }
    *last = at;
    return at - w->now_us;
}

static void put(struct world *w, const struct pc *from, uint32_t to, const uint8_t *bytes,
                uint32_t size) {
    uint32_t i = packet_take(&w->network);
    struct packet *p = &w->network.packet[i];

    p->from = from->mac;
    p->to = to;
    p->size = size;
    memcpy(p->bytes, bytes, size);
    if (happens(w, w->plan.faults.corrupt)) {
        uint32_t bit = world_random(w, size * 8);
        p->bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        w->network.corrupted++;
        if (world_chance(w, 20)) {
            p->size = world_random(w, size); /* cut off */
        }
    }
    world_after(w, arrival_delay_us(w, from->index, to),
                (struct world_row){.type = WEV_DATAGRAM, .pc = to, .a = i});
}

static void send_to(struct world *w, const struct pc *from, uint32_t to, const uint8_t *bytes,
                    uint32_t size) {
    const struct faults *f = &w->plan.faults;

    w->network.sent++;
    if (w->network.lose_next != 0 || happens(w, f->loss)) {
        w->network.lose_next -= w->network.lose_next != 0;
        w->network.lost++;
        return;
    }
    put(w, from, to, bytes, size);
    if (happens(w, f->duplicate)) {
        w->network.duplicated++;
        put(w, from, to, bytes, size);
    }
}

void network_send(struct world *w, struct pc *from, const struct effect *e) {
    uint8_t bytes[DATAGRAM_BYTES_MAX];
    const uint8_t *contents = NULL;

    if (e->size + (uint32_t)e->ref.bytes > DATAGRAM_BYTES_MAX) {
        sim_fail("network", "n%u sends %u bytes in one datagram", from->index + 1,
                 (unsigned)(e->size + e->ref.bytes));
    }
    if (e->ref.bytes != 0) {
        contents = memory_frame(&from->memory, e->ref.frame) + e->ref.offset;
    }
    link_seal(e->datagram, e->size, contents, e->ref.bytes);
    memcpy(bytes, e->datagram, e->size);
    if (contents != NULL) {
        memcpy(bytes + e->size, contents, e->ref.bytes);
    }
    for (uint32_t to = 0; to < w->plan.pcs; to++) {
        if (to != from->index && (e->to == 0 || e->to == w->pc[to].mac)) {
            send_to(w, from, to, bytes, e->size + (uint32_t)e->ref.bytes);
        }
    }
}

void network_arrive(struct world *w, struct pc *to, uint32_t packet) {
    struct packet *p = &w->network.packet[packet];
    struct event ev = {.type = EV_DATAGRAM,
                       .datagram = {.from = p->from, .bytes = p->bytes, .size = p->size}};

    if (to->started) {
        world_step(w, to, &ev);
    }
    p->next = w->network.free;
    w->network.free = packet;
}
