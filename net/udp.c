/* Cluster datagrams: out by heads of our own straight into the driver's buffer, in through lwIP.
 * Runs in the one loop. Knows the NIC's clock of deafness and the counters of what is lost here.
 *
 * Why not send through lwIP: its path (pbufs, route, neighbour cache, two header moves) costs about
 * ten times the instructions of heads_write(), and gives nothing where a MAC is the address. */
#include "net/udp.h"

#include <stddef.h>
#include <string.h>

#include "kernel/panic.h"
#include "kernel/print.h"
#include "net/heads.h"
#include "net/netif.h"
#include "net/nic.h"
#include "net/port/port.h"

enum {
    HINTS = 64, /* peers remembered, by a hash of their MAC; a clash costs a hint */
    HINT_EVERY_US = 1000000,
};
#define NEVER UINT64_MAX

static struct nic *nic;
static struct heads own;
static uint64_t own_mac;
static uint64_t deaf_until_us = NEVER; /* NEVER: the first net_timers() tells; 0: it is over */
static bool ready_untold;              /* net_ready() would be true and nobody has asked yet */
static uint64_t last_us, lwip_deadline_us;
static uint32_t sent, sent_all, received, not_local, tx_no_link, tx_lost;
static uint64_t sent_bytes, received_bytes;
static struct { uint64_t mac, at_us; } hints[HINTS];

/* ---- start ----------------------------------------------------------------------------------- */

void net_start(void) {
    if (nic_start(&nic) != 0) {
        nic = NULL;
        return;
    }
    own_mac = heads_mac_number(nic->mac);
    heads_init(&own, own_mac);
    netif_start(nic);
    netif_set_link(nic->link_up);
    print("net: %s, %02x:%02x:%02x:%02x:%02x:%02x, irq %d, link %s\n", nic->model, nic->mac[0],
          nic->mac[1], nic->mac[2], nic->mac[3], nic->mac[4], nic->mac[5], nic_irq(),
          nic->link_up ? "up" : "down");
}

void net_seed(uint64_t seed) {
    port_seed(seed);
}

uint64_t net_mac(void) {
    return own_mac;
}

bool net_ready(void) {
    if (nic == NULL || !nic->link_up || deaf_until_us != 0) {
        return false;
    }
    ready_untold = false;
    return true;
}

/* ---- timers -------------------------------------------------------------------------------- */

void net_timers(uint64_t now_us) {
    last_us = now_us;
    if (nic == NULL) {
        return;
    }
    if (deaf_until_us == NEVER) {
        deaf_until_us = now_us + nic->deaf_us;
    }
    if (deaf_until_us != 0 && now_us >= deaf_until_us) {
        deaf_until_us = 0;
        ready_untold = true;
    }
    if (now_us >= lwip_deadline_us) {
        lwip_deadline_us = netif_timers(now_us);
        net_flush();
    }
}

/* Whoever asked net_ready() just before net_timers() must come again at once. */
uint64_t net_deadline_us(void) {
    if (nic == NULL) {
        return NEVER;
    }
    if (ready_untold && nic->link_up) {
        return last_us;
    }
    bool is_deaf = deaf_until_us != 0 && deaf_until_us < lwip_deadline_us;
    return is_deaf ? deaf_until_us : lwip_deadline_us;
}

void net_peer_alive(uint64_t mac) {
    uint32_t slot = (uint32_t)(mac ^ mac >> 6 ^ mac >> 24) % HINTS;
    if (nic == NULL || (hints[slot].mac == mac && last_us - hints[slot].at_us < HINT_EVERY_US)) {
        return;
    }
    uint16_t address[8];
    hints[slot].mac = mac;
    hints[slot].at_us = last_us;
    heads_address_of(address, mac);
    netif_hint(address);
}

/* ---- receive --------------------------------------------------------------------------------- */

uint32_t net_poll(uint32_t budget) {
    if (nic == NULL) {
        return 0;
    }
    uint32_t frames = nic->ops->rx_poll(nic, budget);
    netif_set_link(nic->link_up);
    net_flush();
    return frames;
}

bool net_pending(void) {
    return nic != NULL && nic->ops->pending(nic);
}

void udp_receive(const uint16_t source[8], const uint8_t *bytes, uint32_t size) {
    uint64_t from = heads_mac_of(source);
    if (from == 0) {
        not_local++;
        return;
    }
    received++;
    received_bytes += size;
    net_deliver(from, bytes, size);
}

/* ---- send ------------------------------------------------------------------------------------ */

/* The buffer of the next frame with its heads written, or NULL: lost, and counted. */
static uint8_t *begin(uint64_t to, uint32_t bytes) {
    PANIC_UNLESS(bytes > 0 && bytes <= NET_DATAGRAM_MAX);
    if (nic == NULL || !nic->link_up) {
        tx_no_link++;
        return NULL;
    }
    uint8_t *buffer = nic->ops->tx_buffer(nic);
    if (buffer == NULL) {
        tx_lost++;
        return NULL;
    }
    heads_write((struct heads *)(void *)buffer, &own, to, bytes);
    sent++;
    sent_all += to == 0;
    sent_bytes += bytes;
    return buffer + sizeof(struct heads);
}

void net_send(uint64_t to, const void *head, uint32_t head_bytes, const void *payload,
              uint32_t payload_bytes) {
    uint8_t *at = begin(to, head_bytes + payload_bytes);
    if (at == NULL) {
        return;
    }
    memcpy(at, head, head_bytes);
    if (payload_bytes > 0) {
        memcpy(at + head_bytes, payload, payload_bytes);
    }
    struct nic_tx frame = {.bytes = HEADS_BYTES + head_bytes + payload_bytes,
                           .udp6_checksum = true};
    nic->ops->tx_queue(nic, &frame);
}

void net_send_ref(uint64_t to, const void *head, uint32_t head_bytes, paddr_t payload,
                  uint32_t payload_bytes) {
    uint8_t *at = begin(to, head_bytes + payload_bytes);
    if (at == NULL) {
        return;
    }
    memcpy(at, head, head_bytes);
    struct nic_tx frame = {.bytes = HEADS_BYTES + head_bytes,
                           .ref = payload,
                           .ref_bytes = payload_bytes,
                           .udp6_checksum = true};
    nic->ops->tx_queue(nic, &frame);
}

void net_flush(void) {
    if (nic != NULL) {
        nic->ops->tx_flush(nic);
    }
}

/* ---- for people ------------------------------------------------------------------------------ */

void net_print(struct print_sink *out) {
    if (nic == NULL) {
        print_to(out, "no network card: this node is alone\n");
        return;
    }
    nic->ops->count(nic);
    const struct nic_counters *c = &nic->counters;
    print_to(out, "card     %s, link %s, %u Mb/s, %s\n", nic->model, nic->link_up ? "up" : "down",
             nic->speed_mbps, net_ready() ? "receiving" : "not receiving yet");
    netif_print(out);
    print_to(out, "frames   in %llu (%llu bytes), out %llu (%llu bytes)\n",
             (unsigned long long)c->rx_frames, (unsigned long long)c->rx_bytes,
             (unsigned long long)c->tx_frames, (unsigned long long)c->tx_bytes);
    print_to(out, "cluster  in %u (%llu bytes), out %u (%llu bytes), of these to all %u\n",
             received, (unsigned long long)received_bytes, sent, (unsigned long long)sent_bytes,
             sent_all);
    print_to(out, "lost in  bad %u, too long %u, ring full %u (%u times), not link-local %u\n",
             c->rx_bad, c->rx_long, c->rx_missed, c->rx_overruns, not_local);
    print_to(out, "lost out ring full %u (of the cluster %u), no link %u\n", c->tx_full, tx_lost,
             tx_no_link);
    print_to(out, "card     interrupts %u, tail writes %u, link changes %u\n", c->interrupts,
             c->tx_flushes, c->link_changes);
}
