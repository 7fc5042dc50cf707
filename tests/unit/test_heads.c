/* The heads of a cluster datagram: addresses, every field, the checksum, what a frame is. */
/* sources: net/heads.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "net/heads.h"

#define MAC_A 0x525400123456ull
#define MAC_B 0x02AABBCCDDEEull

static void address_and_mac_are_one(void **state) {
    static const uint8_t expected[16] = {0xFE, 0x80, 0,    0,    0,    0,    0,    0,
                                         0x50, 0x54, 0x00, 0xFF, 0xFE, 0x12, 0x34, 0x56};
    uint16_t address[8];
    heads_address_of(address, MAC_A);
    assert_memory_equal(address, expected, 16);
    for (uint32_t i = 0; i < 10000; i++) {
        uint64_t mac = (i * 0x9E3779B97F4A7C15ull >> 16 & HEADS_MAC_MASK) & ~(1ull << 40);
        heads_address_of(address, mac);
        assert_true(heads_mac_of(address) == mac);
    }
    heads_address_of(address, MAC_B);
    address[0] = 0x81FE;
    assert_true(heads_mac_of(address) == 0);
    heads_address_of(address, MAC_B);
    address[6] &= 0xFF00;
    assert_true(heads_mac_of(address) == 0);
    heads_address_of(address, MAC_B | 1ull << 40); /* a group's MAC is nobody's */
    assert_true(heads_mac_of(address) == 0);
}

/* Numbers of MACs compare as their bytes do. */
static void number_keeps_the_order(void **state) {
    static const uint8_t low[6] = {0x52, 0x54, 0, 0, 0, 0xFF}, high[6] = {0x52, 0x54, 0, 0, 1, 0};
    assert_true(heads_mac_number(low) < heads_mac_number(high));
    assert_true(heads_mac_number(low) == 0x5254000000FFull);
}

static uint32_t sum16(const uint8_t *bytes, uint32_t size) {
    uint32_t sum = 0;
    for (uint32_t i = 0; i < size; i++) {
        sum += (uint32_t)bytes[i] << (i % 2 == 0 ? 8 : 0);
    }
    while (sum >> 16 != 0) {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    return sum;
}

/* The card's part: sum from UDP's first byte on (the field included), complement, store. */
static void complete(uint8_t *frame, uint32_t bytes) {
    uint32_t sum = ~sum16(frame + 54, bytes - 54) & 0xFFFF;
    frame[60] = (uint8_t)(sum >> 8);
    frame[61] = (uint8_t)sum;
}

/* As a receiver checks it [RFC 8200 8.1]: all ones. */
static uint32_t check(const uint8_t *frame, uint32_t udp_bytes) {
    uint8_t all[40 + 2048] = {0};
    memcpy(all, frame + 22, 32);
    all[34] = (uint8_t)(udp_bytes >> 8);
    all[35] = (uint8_t)udp_bytes;
    all[39] = 17;
    memcpy(all + 40, frame + 54, udp_bytes);
    return sum16(all, 40 + udp_bytes);
}

static void checksum_is_right_for_every_size(void **state) {
    struct {
        struct heads h;
        uint8_t data[1452];
    } d;
    struct heads own;
    heads_init(&own, MAC_A);
    for (uint32_t bytes = 1; bytes <= 1452; bytes++) {
        uint64_t to = bytes % 3 == 0 ? 0 : MAC_B + bytes;
        heads_write(&d.h, &own, to, bytes);
        for (uint32_t i = 0; i < bytes; i++) {
            d.data[i] = (uint8_t)(i * bytes + 0xA7);
        }
        uint8_t *frame = (uint8_t *)&d + 2;
        complete(frame, 62 + bytes);
        assert_int_equal(check(frame, 8 + bytes), 0xFFFF);
    }
}

static void every_field_is_set(void **state) {
    static const uint8_t to_node[62] = {
        0x02, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0x52, 0x54, 0x00, 0x12, 0x34, 0x56, 0x86, 0xDD, 0x60,
        0,    0,    0,    0x01, 0x08, 17,   255,  0xFE, 0x80, 0,    0,    0,    0,    0,    0,
        0x50, 0x54, 0x00, 0xFF, 0xFE, 0x12, 0x34, 0x56, 0xFE, 0x80, 0,    0,    0,    0,    0,
        0,    0x00, 0xAA, 0xBB, 0xFF, 0xFE, 0xCC, 0xDD, 0xEE, 0x10, 0xFB, 0x10, 0xFB, 0x01, 0x08};
    struct heads own, h;
    heads_init(&own, MAC_A);
    heads_write(&h, &own, MAC_B, 256);
    assert_memory_equal((uint8_t *)&h + 2, to_node, 60);
    heads_write(&h, &own, 0, 256);
    assert_memory_equal(h.to, "\x33\x33\0\0\0\1", 6);
    assert_memory_equal(h.target, "\xFF\2\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16);
}

static void frames_are_told_apart(void **state) {
    struct {
        struct heads h;
        uint8_t data[60];
    } d = {0};
    struct heads own;
    uint8_t *frame = (uint8_t *)&d + 2;
    heads_init(&own, MAC_A);
    heads_write(&d.h, &own, MAC_B, 60);
    assert_int_equal(heads_frame_kind(frame, 122), FRAME_CLUSTER);
    assert_int_equal(heads_frame_kind(frame, 62), FRAME_CLUSTER);
    assert_int_equal(heads_frame_kind(frame, 61), FRAME_IPV6);
    assert_int_equal(heads_frame_kind(frame, 54), FRAME_IPV6);
    assert_int_equal(heads_frame_kind(frame, 53), FRAME_SHORT);
    assert_int_equal(heads_frame_kind(frame, 13), FRAME_SHORT);
    assert_int_equal(heads_frame_kind(frame, 0), FRAME_SHORT);
    d.h.target_port = 0;
    assert_int_equal(heads_frame_kind(frame, 122), FRAME_IPV6);
    d.h.type = 0x0608; /* ARP, big-endian */
    assert_int_equal(heads_frame_kind(frame, 41), FRAME_ARP_SHORT);
    assert_int_equal(heads_frame_kind(frame, 42), FRAME_OTHER);
    d.h.type = 0x0008;
    assert_int_equal(heads_frame_kind(frame, 60), FRAME_OTHER);
}

/* A frame as heads_write() makes it comes out again; what lies about its length, or is for another
 * node, does not. */
static void datagram_comes_out(void **state) {
    static _Alignas(4) uint8_t room[2 + HEADS_BYTES + 40];
    uint8_t *frame = room + 2;
    struct heads *h = (struct heads *)(void *)room;
    struct heads sender;
    uint16_t own[8], other[8];
    const uint16_t *source;
    uint32_t size;

    heads_init(&sender, MAC_A);
    heads_address_of(own, MAC_B);
    heads_address_of(other, MAC_A);
    heads_write(h, &sender, MAC_B, 40);
    assert_ptr_equal(heads_datagram(frame, HEADS_BYTES + 40, own, &size, &source), frame + 62);
    assert_int_equal(size, 40);
    assert_true(heads_mac_of(source) == MAC_A);
    assert_null(heads_datagram(frame, HEADS_BYTES + 40, other, &size, &source));
    assert_null(heads_datagram(frame, HEADS_BYTES + 39, own, &size, &source)); /* cut */
    assert_null(heads_datagram(frame, HEADS_BYTES, own, &size, &source));
    h->udp_size = 0;
    assert_null(heads_datagram(frame, HEADS_BYTES + 40, own, &size, &source));
    heads_write(h, &sender, 0, 4); /* to all, in a frame padded to the least size */
    assert_non_null(heads_datagram(frame, HEADS_BYTES + 40, own, &size, &source));
    assert_int_equal(size, 4);
    h->target[7] = 0x0200;
    assert_null(heads_datagram(frame, HEADS_BYTES + 40, own, &size, &source));
    for (uint32_t payload = 0; payload <= 8; payload++) { /* no data, or no head */
        heads_write(h, &sender, MAC_B, 1);
        h->payload_size = h->udp_size = (uint16_t)(payload << 8);
        assert_null(heads_datagram(frame, HEADS_BYTES + 40, own, &size, &source));
    }
    heads_write(h, &sender, MAC_B, 40);
    h->version = 0x40;
    assert_null(heads_datagram(frame, HEADS_BYTES + 40, own, &size, &source));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(datagram_comes_out),
        cmocka_unit_test(address_and_mac_are_one),
        cmocka_unit_test(number_keeps_the_order),
        cmocka_unit_test(checksum_is_right_for_every_size),
        cmocka_unit_test(every_field_is_set),
        cmocka_unit_test(frames_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
