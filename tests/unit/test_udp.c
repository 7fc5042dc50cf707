/* Cluster datagrams above a made-up card: heads and data on the way out, readiness, losses counted.
 */
/* sources: net/udp.c net/heads.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "kernel/print.h"
#include "net/heads.h"
#include "net/netif.h"
#include "net/nic.h"
#include "net/port/port.h"
#include "net/udp.h"

#define PEER 0x02AABBCCDDEEull

/* ---- the card and lwIP, made up ---------------------------------------------------------- */

static _Alignas(4) uint8_t buffer[2048];
static struct nic_tx last;
static uint32_t queued, flushes, hints_given, lwip_runs, delivered, delivered_bytes;
static uint64_t delivered_from;
static bool is_full, is_missing;
static char text[4096];

static uint8_t *fake_tx_buffer(struct nic *nic) {
    return is_full ? NULL : buffer;
}
static void fake_tx_queue(struct nic *nic, const struct nic_tx *frame) {
    last = *frame;
    queued++;
}
static void fake_tx_flush(struct nic *nic) {
    flushes++;
}
static void fake_count(struct nic *nic) {
}
static uint32_t fake_rx_poll(struct nic *nic, uint32_t budget) {
    return budget < 3 ? budget : 3;
}
static bool fake_pending(const struct nic *nic) {
    return true;
}
static const struct nic_ops ops = {.rx_poll = fake_rx_poll,
                                   .pending = fake_pending,
                                   .tx_buffer = fake_tx_buffer,
                                   .tx_queue = fake_tx_queue,
                                   .tx_flush = fake_tx_flush,
                                   .count = fake_count};
static struct nic card = {.ops = &ops,
                          .model = "made up",
                          .mac = {0x52, 0x54, 0, 0x12, 0x34, 0x56},
                          .link_up = true,
                          .deaf_us = 1050000};

int nic_start(struct nic **nic) {
    *nic = is_missing ? *nic : &card;
    return is_missing ? NIC_NONE : 0;
}
int nic_irq(void) {
    return 11;
}
void netif_start(struct nic *nic) {
}
void netif_set_link(bool up) {
}
uint64_t netif_timers(uint64_t now_us) {
    lwip_runs++;
    return now_us + 5000000;
}
void netif_hint(const uint16_t address[8]) {
    hints_given++;
}
void netif_print(struct print_sink *out) {
}
void port_seed(uint64_t seed) {
}
void net_deliver(uint64_t from, const uint8_t *bytes, uint32_t size) {
    delivered++;
    delivered_from = from;
    delivered_bytes = size;
}
void print(const char *format, ...) {
}
void print_to(struct print_sink *sink, const char *format, ...) {
    size_t length = strlen(text);
    va_list args;
    va_start(args, format);
    vsnprintf(text + length, sizeof(text) - length, format, args);
    va_end(args);
}
void assert_failed(const char *what, const char *file, int line) {
    mock_assert(0, what, file, line);
    __builtin_unreachable();
}

/* ---- cases, in this order: the state of udp.c lives on ----------------------------------- */

static void without_a_card_nothing_happens(void **state) {
    is_missing = true;
    net_start();
    assert_true(net_mac() == 0);
    assert_false(net_ready());
    assert_false(net_pending());
    assert_int_equal(net_poll(64), 0);
    net_timers(5);
    assert_true(net_deadline_us() == UINT64_MAX);
    net_send(PEER, "x", 1, NULL, 0);
    net_flush();
    net_peer_alive(PEER);
    net_print(NULL);
    assert_non_null(strstr(text, "no network card"));
    is_missing = false;
}

/* Deaf for 1.05 s from the first net_timers(); whoever asks in the wrong order is called again. */
static void gets_ready_in_time(void **state) {
    net_start();
    assert_true(net_mac() == 0x525400123456ull);
    assert_false(net_ready());
    net_timers(1000);
    assert_int_equal(lwip_runs, 1);
    assert_true(net_deadline_us() == 1051000);
    net_timers(1050999);
    assert_false(net_ready());
    net_timers(1051000);
    assert_true(net_deadline_us() == 1051000);
    card.link_up = false;
    assert_false(net_ready());
    assert_true(net_deadline_us() == 5001000); /* no busy wait for a link */
    card.link_up = true;
    assert_true(net_ready());
    assert_true(net_deadline_us() == 5001000);
    assert_int_equal(lwip_runs, 1);
    net_timers(5001000);
    assert_int_equal(lwip_runs, 2);
}

static void copies_head_and_payload(void **state) {
    queued = 0;
    net_send(PEER, "head", 4, "payload", 7);
    assert_int_equal(queued, 1);
    assert_int_equal(last.bytes, 62 + 11);
    assert_int_equal(last.ref_bytes, 0);
    assert_true(last.udp6_checksum);
    assert_memory_equal(buffer + 64, "headpayload", 11);
    assert_memory_equal(buffer + 2, "\x02\xAA\xBB\xCC\xDD\xEE\x52\x54\0\x12\x34\x56\x86\xDD", 14);
    net_send(0, "head", 4, NULL, 0);
    assert_int_equal(last.bytes, 62 + 4);
    assert_memory_equal(buffer + 2, "\x33\x33\0\0\0\1", 6);
}

static void refers_to_a_payload(void **state) {
    net_send_ref(PEER, "head", 4, 0x12345000, 1372);
    assert_int_equal(last.bytes, 62 + 4);
    assert_int_equal(last.ref, 0x12345000);
    assert_int_equal(last.ref_bytes, 1372);
    expect_assert_failure(net_send_ref(PEER, "head", 4, 0x12345000, 1449));
    expect_assert_failure(net_send(PEER, "", 0, NULL, 0));
}

static void losses_are_counted(void **state) {
    queued = 0;
    is_full = true;
    net_send(PEER, "x", 1, NULL, 0);
    is_full = false;
    card.link_up = false;
    net_send_ref(PEER, "x", 1, 0, 5);
    card.link_up = true;
    assert_int_equal(queued, 0);
    text[0] = '\0';
    net_print(NULL);
    assert_non_null(strstr(text, "(of the cluster 1), no link 2\n")); /* one without a card */
}

static void receives_from_link_local_only(void **state) {
    uint16_t address[8];
    heads_address_of(address, PEER);
    udp_receive(address, (const uint8_t *)"abc", 3);
    assert_int_equal(delivered, 1);
    assert_true(delivered_from == PEER);
    assert_int_equal(delivered_bytes, 3);
    address[0] = 0x0120;
    udp_receive(address, (const uint8_t *)"abc", 3);
    assert_int_equal(delivered, 1);
    flushes = 0;
    assert_int_equal(net_poll(2), 2);
    assert_int_equal(net_poll(64), 3);
    assert_int_equal(flushes, 2);
    assert_true(net_pending());
}

static void hints_once_a_second(void **state) {
    hints_given = 0;
    net_timers(10000000);
    for (uint32_t i = 0; i < 100; i++) {
        net_peer_alive(PEER);
        net_peer_alive(PEER + 1);
    }
    assert_int_equal(hints_given, 2);
    net_timers(11000000);
    net_peer_alive(PEER);
    assert_int_equal(hints_given, 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_card_nothing_happens),
        cmocka_unit_test(gets_ready_in_time),
        cmocka_unit_test(copies_head_and_payload),
        cmocka_unit_test(refers_to_a_payload),
        cmocka_unit_test(losses_are_counted),
        cmocka_unit_test(receives_from_link_local_only),
        cmocka_unit_test(hints_once_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
