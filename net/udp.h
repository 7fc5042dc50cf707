/* The network as the pump and the effects see it: datagrams between MACs over UDP and IPv6
 * link-local, port 4347 [D 6]. Nothing to configure: an address is made from the MAC.
 *
 * All of it is called from the one loop. Datagrams may be lost, doubled or reordered; none is lost
 * here without a counter (console command `net`). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "mm/layout.h"

struct print_sink;

enum {
    NET_DATAGRAM_MAX = 1452, /* 1500 - 40 (IPv6) - 8 (UDP) */
};

/* Find the NIC, start its receiver at once, then lwIP. Once, after pci_start() and as early as
 * possible: QEMU's e1000 hears nothing for a second from here. Without a NIC the console says so
 * and the rest of this interface does nothing. Its interrupt: nic_irq() in net/nic.h. */
void net_start(void);

/* True when frames can come in: the link is up and the NIC no longer deaf, as of the last
 * net_timers(). Sending before is allowed. */
bool net_ready(void);

/* This node's MAC, 48 bits, first byte highest; 0 without a NIC. */
uint64_t net_mac(void);

/* Bits for lwIP's few random choices, from this boot's nonce. */
void net_seed(uint64_t seed);

/* Take at most `budget` frames out of the NIC's ring and through lwIP; every cluster datagram comes
 * out of net_deliver() before this returns. -> frames taken; less than budget: the ring is empty.
 * Ends with net_flush(). */
uint32_t net_poll(uint32_t budget);

/* The other end of net_poll(), in kernel/pump.c. from: the sender's MAC as its address says; bytes
 * are contiguous, 4-aligned, and gone when this returns; 0 < size <= NET_DATAGRAM_MAX. */
void net_deliver(uint64_t from, const uint8_t *bytes, uint32_t size);

/* True: net_poll() would find something. Memory reads only: for use before cpu_halt(). */
bool net_pending(void);

/* Tell the time and run lwIP's timers; now_us of time_us(), which this folder does not know. Call
 * it in each turn of the loop. Then: when it wants to run next (a time of time_us()), which is also
 * when net_ready() will turn true by itself. */
void net_timers(uint64_t now_us);
uint64_t net_deadline_us(void);

/* One datagram of head, then payload, to a node, or to all when to is 0. Both are copied. It leaves
 * with net_flush() at the latest.
 *   in    head_bytes + payload_bytes <= NET_DATAGRAM_MAX, > 0
 *   fails never; when the transmit ring is full or there is no link it is lost and counted */
void net_send(uint64_t to, const void *head, uint32_t head_bytes, const void *payload,
              uint32_t payload_bytes);

/* The same, but the payload stays where it is and the card reads it from there (it lies in one
 * frame, anywhere below 4 GB). It must not change until the receiver has acknowledged it. Should a
 * repeated copy still be in the ring then, it may leave with other bytes; the receiver's CRC drops
 * it, and it was a duplicate. */
void net_send_ref(uint64_t to, const void *head, uint32_t head_bytes, paddr_t payload,
                  uint32_t payload_bytes);

/* Everything queued goes out, with one register write. */
void net_flush(void);

/* A peer has answered us: spares lwIP asking for its address (traffic of lwIP itself, such as ping;
 * cluster datagrams need no neighbour). Cheap; at most one call in a second per peer does work. */
void net_peer_alive(uint64_t mac);

/* The console's `net`. */
void net_print(struct print_sink *out);
