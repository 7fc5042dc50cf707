/* Writes and reads the heads of a cluster datagram. Runs in the one loop, once per frame: nothing
 * here looks at the data. Sources: [RFC 8200 3, 8.1], [RFC 4291 2.5.6, 2.7.1, A], [RFC 2464 7],
 * [RFC 768], [RFC 1071] for sums. */
#include "net/heads.h"

#include <string.h>

enum {
    ETHER_BYTES = 14,
    IPV6_BYTES = 40,
    ARP_BYTES = 28, /* of an Ethernet/IPv4 ARP packet [RFC 826] */
    NEXT_UDP = 17,
};

/* The kernel's processor and the hosts we test on are little-endian, the wire is not. */
static uint16_t big16(uint32_t value) {
    return (uint16_t)((value & 0xFF) << 8 | (value >> 8 & 0xFF));
}

static uint16_t read16(const uint8_t *bytes) {
    uint16_t value;
    memcpy(&value, bytes, 2);
    return value;
}

static uint32_t read32(const uint8_t *bytes) {
    uint32_t value;
    memcpy(&value, bytes, 4);
    return value;
}

uint64_t heads_mac_number(const uint8_t b[6]) {
    return (uint64_t)b[0] << 40 | (uint64_t)b[1] << 32 | (uint64_t)b[2] << 24 |
           (uint64_t)b[3] << 16 | (uint64_t)b[4] << 8 | b[5];
}

static void mac_bytes(uint8_t bytes[6], uint64_t mac) {
    uint32_t high = (uint32_t)(mac >> 32), low = (uint32_t)mac;
    bytes[0] = (uint8_t)(high >> 8);
    bytes[1] = (uint8_t)high;
    bytes[2] = (uint8_t)(low >> 24);
    bytes[3] = (uint8_t)(low >> 16);
    bytes[4] = (uint8_t)(low >> 8);
    bytes[5] = (uint8_t)low;
}

/* fe80::/64 and the modified EUI-64: the universal bit turned, ff:fe in the middle. */
void heads_address_of(uint8_t address[16], uint64_t mac) {
    uint8_t m[6];
    mac_bytes(m, mac);
    memset(address, 0, 8);
    address[0] = 0xFE;
    address[1] = 0x80;
    address[8] = m[0] ^ 2;
    address[9] = m[1];
    address[10] = m[2];
    address[11] = 0xFF;
    address[12] = 0xFE;
    address[13] = m[3];
    address[14] = m[4];
    address[15] = m[5];
}

uint64_t heads_mac_of(const uint8_t a[16]) {
    static const uint8_t prefix[8] = {0xFE, 0x80};
    if (memcmp(a, prefix, 8) != 0 || a[11] != 0xFF || a[12] != 0xFE || (a[8] ^ 2) & 1) {
        return 0;
    }
    uint8_t m[6] = {a[8] ^ 2, a[9], a[10], a[13], a[14], a[15]};
    return heads_mac_number(m);
}

void heads_init(struct heads *own, uint64_t mac) {
    memset(own, 0, sizeof(*own));
    mac_bytes(own->from, mac);
    own->type = big16(0x86DD);
    own->version = 0x60;
    own->next = NEXT_UDP;
    own->hops = HEADS_HOP_LIMIT;
    heads_address_of(own->source, mac);
    own->source_port = big16(HEADS_PORT);
    own->target_port = big16(HEADS_PORT);
}

/* One's complement sum of 32 bytes of addresses, as 16-bit words in memory order: the sum comes out
 * in memory order too, whatever the machine's [RFC 1071 2(B)]. */
static uint32_t address_sum(const struct heads *h) {
    uint32_t sum = 0;
    for (uint32_t i = 0; i < 16; i += 4) {
        uint32_t s = read32(h->source + i), t = read32(h->target + i);
        sum += (s & 0xFFFF) + (s >> 16) + (t & 0xFFFF) + (t >> 16);
    }
    return sum;
}

void heads_write(struct heads *out, const struct heads *own, uint64_t to, uint32_t bytes) {
    static const uint8_t all_nodes_mac[6] = {0x33, 0x33, 0, 0, 0, 1};
    static const uint8_t all_nodes[16] = {0xFF, 0x02, [15] = 1};
    uint16_t size = big16(8 + bytes);
    *out = *own;
    if (to == 0) {
        memcpy(out->to, all_nodes_mac, 6);
        memcpy(out->target, all_nodes, 16);
    } else {
        mac_bytes(out->to, to);
        heads_address_of(out->target, to);
    }
    out->payload_size = size;
    out->udp_size = size;
    /* [RFC 8200 8.1]: addresses, upper-layer length, next header */
    uint32_t sum = address_sum(out) + size + big16(NEXT_UDP);
    sum = (sum & 0xFFFF) + (sum >> 16);
    out->checksum = (uint16_t)((sum & 0xFFFF) + (sum >> 16));
}

enum frame_kind heads_frame_kind(const uint8_t *frame, uint32_t bytes) {
    if (bytes < ETHER_BYTES) {
        return FRAME_SHORT;
    }
    uint16_t type = read16(frame + 12);
    if (type == big16(0x0806)) {
        return bytes < ETHER_BYTES + ARP_BYTES ? FRAME_ARP_SHORT : FRAME_OTHER;
    }
    if (type != big16(0x86DD)) {
        return FRAME_OTHER;
    }
    if (bytes < ETHER_BYTES + IPV6_BYTES) {
        return FRAME_SHORT;
    }
    bool is_ours = frame[20] == NEXT_UDP && bytes >= HEADS_BYTES &&
                   read16(frame + 56) == big16(HEADS_PORT);
    return is_ours ? FRAME_CLUSTER : FRAME_IPV6;
}
