/* The heads of a cluster datagram, Ethernet + IPv6 + UDP, and what a received frame is. Pure: bytes
 * in, bytes out; the unit test walks all of it.
 *
 * A node's address is the link-local one made from its MAC, so whoever knows a MAC knows the
 * address and no neighbour needs to be asked. net/udp.c therefore writes these 62 bytes itself
 * and reads them itself, instead of going through lwIP (what that saves stands there and in
 * net/netif.c). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
    HEADS_PORT = 4347,     /* UDP port of the cluster, both ends: ours, after RR-4347 */
    HEADS_BYTES = 62,      /* 14 Ethernet + 40 IPv6 [RFC 8200 3] + 8 UDP [RFC 768] */
    HEADS_HOP_LIMIT = 255, /* never forwarded: link-local; the value of ND, easy to filter for */
};
#define HEADS_MAC_MASK 0xFFFFFFFFFFFFull

/* As in memory, 2 bytes (NIC_PAD) before the frame begins: every field is aligned by nature. All
 * are big-endian as on the wire; addresses are 16-bit words because sums are made of these. */
struct heads {
    uint16_t pad;
    uint16_t to[3], from[3];
    uint16_t type;         /* 0x86DD */
    uint32_t version;      /* 6, traffic class 0, flow label 0 */
    uint16_t payload_size; /* UDP head + data */
    uint8_t next, hops;    /* 17, HEADS_HOP_LIMIT */
    uint16_t source[8], target[8];
    uint16_t source_port, target_port, udp_size;
    uint16_t checksum; /* in heads_init()'s result: the sum of what never changes */
};
_Static_assert(sizeof(struct heads) == 2 + HEADS_BYTES, "no holes");

/* What never changes in the heads of the node with this MAC (a number, first byte highest). */
void heads_init(struct heads *own, uint64_t mac);

/* The heads of a datagram of `bytes` data bytes to the node `to` (0: to all nodes, ff02::1
 * [RFC 4291 2.7.1]), all but the checksum of the data: the checksum field holds the pseudo-header's
 * sum, to be completed by the card [E1000 3.3.6].
 *   in  own from heads_init(); out 4-aligned */
void heads_write(struct heads *out, const struct heads *own, uint64_t to, uint32_t bytes);

/* The MAC inside a link-local address made from it [RFC 4291 A], or 0: an address of another kind.
 * The 16 bytes are as on the wire. */
uint64_t heads_mac_of(const uint16_t address[8]);
/* fe80:: address of a MAC. */
void heads_address_of(uint16_t address[8], uint64_t mac);

/* A MAC of 6 bytes as a number, first byte highest: numbers compare as the bytes do. */
uint64_t heads_mac_number(const uint8_t bytes[6]);

enum frame_kind {
    FRAME_CLUSTER,   /* IPv6/UDP to HEADS_PORT, whole, no extension heads */
    FRAME_IPV6,      /* other IPv6: lwIP's */
    FRAME_ARP_SHORT, /* dropped before lwIP, which does not check [D 12] */
    FRAME_OTHER,     /* IPv4, ARP, anything: nobody here listens */
    FRAME_SHORT,     /* no room for its own heads */
    FRAME_KINDS
};
/* What the frame is, without trusting any of its lengths. */
enum frame_kind heads_frame_kind(const uint8_t *frame, uint32_t bytes);

/* The data of a FRAME_CLUSTER, if its lengths agree and it is for `own` (heads_address_of()) or for
 * all nodes; else NULL. Its UDP checksum is not looked at: the link's check is stronger [D 14].
 *   in  frame - NIC_PAD is 4-aligned
 *   out *size > 0; *source: the sender's address */
const uint8_t *heads_datagram(const uint8_t *frame, uint32_t bytes, const uint16_t own[8],
                              uint32_t *size, const uint16_t **source);
