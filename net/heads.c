/* Writes and reads the heads of a cluster datagram. Runs in the one loop, once per frame: nothing
 * here looks at the data. Sources: [RFC 8200 3, 8.1], [RFC 4291 2.5.6, 2.7.1, A], [RFC 2464 7],
 * [RFC 768], [RFC 1071] for sums. */
#include "net/heads.h"

#include <stddef.h>

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

static bool is16(const uint8_t *bytes, uint32_t value) {
    return bytes[0] == value >> 8 && bytes[1] == (value & 0xFF);
}

uint64_t heads_mac_number(const uint8_t b[6]) {
    return (uint64_t)b[0] << 40 | (uint64_t)b[1] << 32 | (uint64_t)b[2] << 24 |
           (uint64_t)b[3] << 16 | (uint64_t)b[4] << 8 | b[5];
}

static void put_mac(uint16_t words[3], uint64_t mac) {
    words[0] = big16((uint32_t)(mac >> 32));
    words[1] = big16((uint32_t)mac >> 16);
    words[2] = big16((uint32_t)mac);
}

/* fe80::/64 and the modified EUI-64: the universal bit turned, ff:fe in the middle. */
static void put_address(uint16_t address[8], const uint16_t mac[3]) {
    address[0] = 0x80FE;
    address[1] = 0;
    address[2] = 0;
    address[3] = 0;
    address[4] = mac[0] ^ 0x0002;
    address[5] = mac[1] | 0xFF00;
    address[6] = (mac[1] & 0xFF00) | 0x00FE;
    address[7] = mac[2];
}

void heads_address_of(uint16_t address[8], uint64_t mac) {
    uint16_t words[3];
    put_mac(words, mac);
    put_address(address, words);
}

uint64_t heads_mac_of(const uint16_t a[8]) {
    bool is_link_local = a[0] == 0x80FE && (a[1] | a[2] | a[3]) == 0;
    bool is_from_mac = (a[5] & 0xFF00) == 0xFF00 && (a[6] & 0xFF) == 0xFE;
    if (!is_link_local || !is_from_mac || (a[4] & 1) != 0) { /* 1: a group's MAC is nobody's */
        return 0;
    }
    uint32_t low = (uint32_t)big16((a[5] & 0xFFu) | (a[6] & 0xFF00u)) << 16 | big16(a[7]);
    return (uint64_t)big16(a[4] ^ 2u) << 32 | low;
}

/* Sum of 8 words in memory order: it comes out in memory order too, whatever the machine's
 * [RFC 1071 2(B)]. */
static uint32_t address_sum(const uint16_t a[8]) {
    return (uint32_t)a[0] + a[1] + a[2] + a[3] + a[4] + a[5] + a[6] + a[7];
}

static uint16_t fold(uint32_t sum) {
    sum = (sum & 0xFFFF) + (sum >> 16);
    return (uint16_t)((sum & 0xFFFF) + (sum >> 16));
}

void heads_init(struct heads *own, uint64_t mac) {
    *own = (struct heads){0};
    put_mac(own->from, mac);
    put_address(own->source, own->from);
    own->type = big16(0x86DD);
    own->version = 0x60;
    own->next = NEXT_UDP;
    own->hops = HEADS_HOP_LIMIT;
    own->source_port = big16(HEADS_PORT);
    own->target_port = big16(HEADS_PORT);
    own->checksum = fold(address_sum(own->source) + big16(NEXT_UDP));
}

void heads_write(struct heads *out, const struct heads *own, uint64_t to, uint32_t bytes) {
    uint16_t size = big16(8 + bytes);
    *out = *own;
    if (to == 0) { /* 33:33:00:00:00:01 [RFC 2464 7], ff02::1 */
        out->to[0] = 0x3333;
        out->to[2] = 0x0100;
        out->target[0] = 0x02FF;
        out->target[7] = 0x0100;
    } else {
        put_mac(out->to, to);
        put_address(out->target, out->to);
    }
    out->payload_size = size;
    out->udp_size = size;
    /* [RFC 8200 8.1]: addresses, upper-layer length, next header */
    out->checksum = fold(address_sum(out->target) + size + own->checksum);
}

enum frame_kind heads_frame_kind(const uint8_t *frame, uint32_t bytes) {
    if (bytes < ETHER_BYTES) {
        return FRAME_SHORT;
    }
    if (is16(frame + 12, 0x0806)) {
        return bytes < ETHER_BYTES + ARP_BYTES ? FRAME_ARP_SHORT : FRAME_OTHER;
    }
    if (!is16(frame + 12, 0x86DD)) {
        return FRAME_OTHER;
    }
    if (bytes < ETHER_BYTES + IPV6_BYTES) {
        return FRAME_SHORT;
    }
    bool is_ours = frame[20] == NEXT_UDP && bytes >= HEADS_BYTES && is16(frame + 56, HEADS_PORT);
    return is_ours ? FRAME_CLUSTER : FRAME_IPV6;
}

static bool is_all_nodes(const uint16_t a[8]) {
    return a[0] == 0x02FF && (a[1] | a[2] | a[3] | a[4] | a[5] | a[6]) == 0 && a[7] == 0x0100;
}

static bool is_same(const uint16_t a[8], const uint16_t b[8]) {
    uint32_t differs = 0;

    for (uint32_t i = 0; i < 8; i++) {
        differs |= (uint32_t)(a[i] ^ b[i]);
    }
    return differs == 0;
}

const uint8_t *heads_datagram(const uint8_t *frame, uint32_t bytes, const uint16_t own[8],
                              uint32_t *size, const uint16_t **source) {
    const struct heads *h = (const struct heads *)(const void *)(frame - sizeof(h->pad));
    uint32_t payload = big16(h->payload_size);
    bool is_sound = (h->version & 0xF0) == 0x60 && h->payload_size == h->udp_size && payload > 8 &&
                    payload - 8 <= bytes - HEADS_BYTES;

    if (!is_sound || !(is_same(h->target, own) || is_all_nodes(h->target))) {
        return NULL;
    }
    *size = payload - 8;
    *source = h->source;
    return frame + HEADS_BYTES;
}
