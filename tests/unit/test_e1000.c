/* The e1000 driver against a model of the card: start, both rings, ownership, faults. */
/* sources: drivers/e1000/e1000.c tests/unit/fake_mmio.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "drivers/e1000/e1000.h"
#include "drivers/e1000/regs.h"
#include "fake_mmio.h"
#include "mm/frame.h"

static struct nic *nic;
static uint32_t got_count, got_bytes;
static uint8_t got[2048];

void nic_rx(struct nic *from, const uint8_t *frame, uint32_t bytes) {
    assert_ptr_equal(from, nic);
    assert_true(bytes <= NIC_FRAME_MAX);
    assert_int_equal((uintptr_t)(frame - NIC_PAD) % 4, 0);
    memcpy(got, frame, bytes);
    got_bytes = bytes;
    got_count++;
}

static int attach(uint32_t model) {
    struct e1000_place place = {.registers = fake.regs, .is_emulated = true};
    fake_reset();
    got_count = 0;
    nic = e1000_attach(&e1000_models[model], &place);
    return 0;
}

static int start(void **state) {
    attach(0);
    assert_int_equal(nic->ops->start(nic), 0);
    return 0;
}

static int stop(void **state) {
    assert_int_equal(fake.protocol_errors, 0);
    fake_reset();
    return 0;
}

/* A frame whose bytes tell which one it is. */
static const uint8_t *pattern(uint32_t number, uint32_t bytes) {
    static uint8_t data[FAKE_FRAME_MAX];
    for (uint32_t i = 0; i < bytes; i++) {
        data[i] = (uint8_t)(number * 31 + i * 7);
    }
    return data;
}

static void send(uint32_t number, uint32_t bytes) {
    uint8_t *buffer = nic->ops->tx_buffer(nic);
    assert_non_null(buffer);
    memcpy(buffer + NIC_PAD, pattern(number, bytes), bytes);
    nic->ops->tx_queue(nic, &(struct nic_tx){.bytes = bytes});
}

static void starts_in_order(void **state) {
    static const uint8_t mac[6] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};
    uint32_t rctl = fake_first(E1000_RCTL);
    assert_int_equal(fake_written(E1000_RCTL), 1);
    assert_true(fake_first(E1000_CTRL) < rctl);
    assert_true(fake_first(E1000_RDBAL) < rctl && fake_first(E1000_RDLEN) < rctl);
    assert_true(fake_first(E1000_RDH) < rctl && fake_first(E1000_RDT) < rctl);
    assert_true(fake_first(E1000_RDTR) < rctl && fake_first(E1000_RADV) < rctl);
    assert_true(rctl < fake_first(E1000_IMS));
    assert_int_equal(fake_written(E1000_MTA), 1);
    assert_int_equal(fake_written(E1000_MTA + 127 * 4), 1);
    assert_int_equal(fake.regs[E1000_RDTR / 4] | fake.regs[E1000_ITR / 4], 0);
    uint32_t value = fake.regs[E1000_RCTL / 4];
    assert_true((value & E1000_RCTL_EN) && (value & E1000_RCTL_MPE));
    assert_memory_equal(nic->mac, mac, 6);
    assert_true(nic->link_up);
    assert_int_equal(nic->speed_mbps, 1000);
    assert_int_equal(nic->deaf_us, 1050000);
}

static void quiets_a_running_card_first(void **state) {
    attach(2);
    fake.regs[E1000_RCTL / 4] = E1000_RCTL_EN; /* a PXE loader left it on */
    assert_int_equal(nic->ops->start(nic), 0);
    assert_int_equal(fake_written(E1000_RCTL), 2);
    assert_int_equal(fake.writes[fake_first(E1000_RCTL)].value, 0);
    assert_true(fake_first(E1000_RCTL) < fake_first(E1000_CTRL));
    assert_true(fake.regs[E1000_TXDCTL / 4] & E1000_TXDCTL_ONE);
    assert_int_equal(nic->deaf_us, 0);
}

static void stuck_reset_is_reported(void **state) {
    attach(0);
    fake.is_stuck_in_reset = true;
    assert_int_equal(nic->ops->start(nic), NIC_BROKEN);
    assert_non_null(strstr(fake.text, "does not come out of reset"));
    assert_int_equal(fake_written(E1000_RCTL), 0);
}

static void missing_address_is_reported(void **state) {
    attach(0);
    fake.regs[E1000_RAH0 / 4] = 0;
    assert_int_equal(nic->ops->start(nic), NIC_BROKEN);
    attach(0);
    fake.regs[E1000_RAL0 / 4] |= 1; /* a group address */
    assert_int_equal(nic->ops->start(nic), NIC_BROKEN);
    assert_non_null(strstr(fake.text, "no valid address"));
}

static void receives_round_the_ring(void **state) {
    for (uint32_t i = 0; i < 5 * E1000_RX_SLOTS; i++) {
        uint32_t bytes = 60 + i % (NIC_FRAME_MAX - 59);
        assert_true(fake_receive(pattern(i, bytes), bytes, 0));
        assert_true(nic->ops->pending(nic));
        assert_int_equal(nic->ops->rx_poll(nic, 100), 1);
        assert_int_equal(got_bytes, bytes);
        assert_memory_equal(got, pattern(i, bytes), bytes);
        assert_false(nic->ops->pending(nic));
    }
    assert_int_equal(nic->counters.rx_frames, 5 * E1000_RX_SLOTS);
    assert_int_equal(nic->counters.rx_bad + nic->counters.rx_long, 0);
    assert_int_equal(fake.regs[E1000_MPC / 4], 0);
    /* the tail was written for every 32 frames only */
    assert_int_equal(fake_written(E1000_RDT), 1 + 5 * E1000_RX_SLOTS / 32);
}

static void budget_is_kept(void **state) {
    for (uint32_t i = 0; i < 10; i++) {
        fake_receive(pattern(i, 100), 100, 0);
    }
    assert_int_equal(nic->ops->rx_poll(nic, 4), 4);
    assert_int_equal(got_count, 4);
    assert_memory_equal(got, pattern(3, 100), 100);
    assert_int_equal(nic->ops->rx_poll(nic, 100), 6);
    assert_int_equal(nic->ops->rx_poll(nic, 100), 0);
    assert_int_equal(nic->ops->rx_poll(nic, 0), 0);
}

/* The head register may run ahead of the memory writes: only DD counts. */
static void head_register_is_ignored(void **state) {
    fake.regs[E1000_RDH / 4] = 7;
    assert_int_equal(nic->ops->rx_poll(nic, 100), 0);
    assert_int_equal(got_count, 0);
}

static void overrun_is_counted_and_survived(void **state) {
    uint32_t lost = 0;
    for (uint32_t i = 0; i < E1000_RX_SLOTS + 20; i++) {
        lost += !fake_receive(pattern(i, 64), 64, 0);
    }
    assert_int_equal(lost, 21); /* one slot stays empty */
    assert_true(nic->ops->irq(nic));
    assert_int_equal(nic->ops->rx_poll(nic, 1000), E1000_RX_SLOTS - 1);
    assert_memory_equal(got, pattern(E1000_RX_SLOTS - 2, 64), 64);
    nic->ops->count(nic);
    assert_int_equal(nic->counters.rx_overruns, 1);
    assert_int_equal(nic->counters.rx_missed, 21);
    for (uint32_t i = 0; i < 600; i++) {
        assert_true(fake_receive(pattern(i, 64), 64, 0));
        assert_int_equal(nic->ops->rx_poll(nic, 1000), 1);
        assert_memory_equal(got, pattern(i, 64), 64);
    }
}

static void bad_frames_are_dropped(void **state) {
    fake_receive(pattern(1, 100), 100, 0x80); /* data error */
    fake_receive(pattern(2, 100), 100, 0x20); /* checksum error: not ours to judge */
    fake_receive(pattern(3, 3000), 3000, 0);  /* two slots */
    fake_receive(pattern(4, 1600), 1600, 0);  /* one slot, above the MTU */
    fake_receive(pattern(5, 1514), 1514, 0);
    assert_int_equal(nic->ops->rx_poll(nic, 100), 6);
    assert_int_equal(got_count, 2);
    assert_memory_equal(got, pattern(5, 1514), 1514);
    assert_int_equal(nic->counters.rx_bad, 1);
    assert_int_equal(nic->counters.rx_long, 2);
}

static void sends_round_the_ring(void **state) {
    for (uint32_t i = 0; i < 5 * E1000_TX_SLOTS; i++) {
        send(i, 60 + i % 1400);
        nic->ops->tx_flush(nic);
        assert_int_equal(fake.sent_count, i + 1);
        assert_int_equal(fake.sent[i % FAKE_SENT_MAX].bytes, 60 + i % 1400);
        assert_memory_equal(fake.sent[i % FAKE_SENT_MAX].data, pattern(i, 60 + i % 1400),
                            60 + i % 1400);
        assert_false(fake.sent[i % FAKE_SENT_MAX].with_checksum);
    }
    assert_int_equal(nic->counters.tx_frames, 5 * E1000_TX_SLOTS);
    assert_int_equal(nic->counters.tx_full, 0);
}

/* A page: three frames, header and reference each, one tail write. */
static void page_goes_out_with_one_tail_write(void **state) {
    paddr_t at;
    uint8_t *page = dma_alloc(4096, 4096, &at);
    memcpy(page, pattern(9, 4096), 4096);
    uint32_t before = fake_written(E1000_TDT);
    for (uint32_t i = 0; i < 3; i++) {
        uint8_t *buffer = nic->ops->tx_buffer(nic);
        assert_ptr_equal(buffer, nic->ops->tx_buffer(nic));
        assert_int_equal((uintptr_t)buffer % 4, 0);
        memset(buffer + NIC_PAD, (int)i, 142);
        nic->ops->tx_queue(nic, &(struct nic_tx){.bytes = 142,
                                                 .ref = at + i * 1366,
                                                 .ref_bytes = i < 2 ? 1366 : 1364,
                                                 .udp6_checksum = true});
    }
    assert_int_equal(fake.sent_count, 0);
    nic->ops->tx_flush(nic);
    nic->ops->tx_flush(nic);
    assert_int_equal(fake_written(E1000_TDT), before + 1);
    assert_int_equal(fake.sent_count, 3);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(fake.sent[i].bytes, 142 + (i < 2 ? 1366 : 1364));
        assert_int_equal(fake.sent[i].data[141], i);
        assert_memory_equal(fake.sent[i].data + 142, page + i * 1366, i < 2 ? 1366 : 1364);
        assert_true(fake.sent[i].with_checksum);
    }
    assert_int_equal(fake.context >> 32 & 0xFF, 54); /* sum from UDP's first byte … */
    assert_int_equal(fake.context >> 40 & 0xFF, 60); /* … into its checksum field … */
    assert_int_equal(fake.context >> 48, 0);         /* … to the end of the frame */
}

static void full_ring_drops_and_recovers(void **state) {
    paddr_t at;
    dma_alloc(4096, 4096, &at);
    fake.holds_tx = true;
    uint32_t queued = 0;
    while (nic->ops->tx_buffer(nic) != NULL) {
        nic->ops->tx_queue(nic, &(struct nic_tx){.bytes = 62, .ref = at, .ref_bytes = 1000});
        queued++;
    }
    assert_int_equal(queued, (E1000_TX_SLOTS - 2) / 2); /* one empty, one for the context */
    assert_null(nic->ops->tx_buffer(nic));
    assert_int_equal(nic->counters.tx_full, 2);
    fake_transmit(2); /* the context and half a frame: nothing is ours yet */
    assert_null(nic->ops->tx_buffer(nic));
    fake_transmit(1);
    assert_non_null(nic->ops->tx_buffer(nic));
    fake.holds_tx = false;
    fake_transmit(UINT32_MAX);
    assert_int_equal(fake.sent_count, queued);
    for (uint32_t i = 0; i < 1000; i++) {
        send(i, 100);
        nic->ops->tx_flush(nic);
    }
    assert_int_equal(fake.sent_count, queued + 1000);
}

static void link_changes_are_noted(void **state) {
    fake_set_link(false);
    assert_true(nic->link_up);
    assert_true(nic->ops->irq(nic));
    assert_true(nic->ops->pending(nic));
    assert_int_equal(nic->ops->rx_poll(nic, 10), 0);
    assert_false(nic->link_up);
    assert_false(nic->ops->pending(nic));
    fake_set_link(true);
    assert_true(nic->ops->irq(nic));
    nic->ops->rx_poll(nic, 10);
    assert_true(nic->link_up);
    assert_int_equal(nic->counters.link_changes, 2);
}

static void interrupt_only_records(void **state) {
    assert_false(nic->ops->irq(nic)); /* somebody else on the line */
    fake_receive(pattern(1, 60), 60, 0);
    uint32_t writes = fake.write_count;
    assert_true(nic->ops->irq(nic));
    assert_int_equal(got_count, 0);
    assert_int_equal(fake.write_count, writes);
    assert_int_equal(nic->counters.interrupts, 1);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, start, stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(starts_in_order),
        CASE(quiets_a_running_card_first),
        CASE(stuck_reset_is_reported),
        CASE(missing_address_is_reported),
        CASE(receives_round_the_ring),
        CASE(budget_is_kept),
        CASE(head_register_is_ignored),
        CASE(overrun_is_counted_and_survived),
        CASE(bad_frames_are_dropped),
        CASE(sends_round_the_ring),
        CASE(page_goes_out_with_one_tail_write),
        CASE(full_ring_drops_and_recovers),
        CASE(link_changes_are_noted),
        CASE(interrupt_only_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
