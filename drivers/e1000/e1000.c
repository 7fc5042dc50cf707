/* The e1000 driver: two rings of descriptors in memory that the card and we walk behind each other.
 *
 *   receive   RDH -> the card fills ... RDT     a slot is the card's once RDT has passed it, until
 *             rx_next -> filled, DD set         it sets DD; then ours until RDT passes it again
 *   transmit  tx_clean -> sent or being sent    ours again when DD of its frame's last slot is set;
 *             ... tx_shown = TDT                [tx_shown, tx_next) is queued, and the card learns
 *             ... tx_next                       of it by one write of TDT: tx_flush
 *
 * Ownership is told by DD alone, never by RDH or TDH, which may run ahead of the card's writes to
 * memory [E1000 13.4.39]. RDT and TDT never catch up with the other end: one slot stays empty.
 * All runs in the one loop but e1000_irq(), which reads ICR and records. RCTL is written once:
 * QEMU's 8254x receive nothing for a second after every write of it [D 14]. Waits are bounded by
 * counting register reads, about 1 us each on a PCI bus: no clock is needed so early. */
#include "drivers/e1000/e1000.h"

#include <stddef.h>
#include <string.h>

#include "drivers/e1000/regs.h"
#include "drivers/mmio.h"
#include "kernel/panic.h"
#include "kernel/print.h"
#include "mm/frame.h"

enum {
    RX_BUFFER_BYTES = 2048, /* RCTL.BSIZE; a frame takes NIC_PAD + 1522 at most (VLAN, CRC) */
    RX_RETURN_SLOTS = 32,   /* RDT is written once for so many slots: a write costs a VM exit */
    TX_BUFFER_BYTES = 1536, /* NIC_PAD + NIC_FRAME_MAX, to a multiple of 64 */
    TX_CLEAN_BELOW = 64,    /* look for sent frames when fewer slots are free */
    TX_FRAME_SLOTS = 2,     /* buffer + reference */
    RESET_READS_MIN = 5000, /* the card reads its EEPROM again, 5 ms [E1000 14.3]; QEMU's not */
    RESET_READS_MAX = 20000,
    DEAF_US = 1050000,          /* 1.000 s [D 14], and 5 % because clocks differ */
    UDP6_START = 14 + 40,       /* Ethernet, IPv6 [RFC 8200 3]: where UDP begins */
    UDP6_STORE = UDP6_START + 6 /* checksum field [RFC 768] */
};
#define CAUSES (E1000_ICR_LSC | E1000_ICR_RXO | E1000_ICR_RXT0)

struct e1000 {
    struct nic nic; /* first: a struct nic pointer is one to this */
    const struct e1000_model *model;
    void *registers;
    uint32_t reset_reads_min;
    struct e1000_rx_desc *rx_ring;
    struct e1000_tx_desc *tx_ring;
    uint8_t *rx_buffers, *tx_buffers;
    paddr_t rx_ring_at, tx_ring_at, rx_buffers_at, tx_buffers_at;
    uint32_t rx_next;   /* slot where the next frame appears */
    uint32_t rx_owed;   /* slots before rx_next that RDT has not passed yet */
    bool in_long_frame; /* the last slot taken was not the end of its frame */
    uint32_t tx_next;   /* first free slot */
    uint32_t tx_shown;  /* what TDT says */
    uint32_t tx_clean;  /* oldest slot whose frame may be unsent */
    uint32_t causes;    /* the interrupt adds, the loop takes (atomically) */
};

static struct e1000 card;

const struct e1000_model e1000_models[] = {
    {.device = 0x100E, .name = "82540EM", .deaf_in_qemu = true},
    {.device = 0x100F, .name = "82545EM", .deaf_in_qemu = true},
    {.device = 0x10D3, .name = "82574L", .has_txdctl_one = true},
};
const uint32_t e1000_model_count = sizeof(e1000_models) / sizeof(e1000_models[0]);

static struct e1000 *e1000_of(struct nic *nic) {
    return (struct e1000 *)(void *)nic;
}

static uint32_t reg_read(const struct e1000 *e, uint32_t reg) {
    return mmio_read(e->registers, reg);
}

static void reg_write(struct e1000 *e, uint32_t reg, uint32_t value) {
    mmio_write(e->registers, reg, value);
}

/* ---- start ----------------------------------------------------------------------------------- */

/* Quiet whatever the firmware or a PXE loader left running, then reset [E1000 14.3]. */
static int reset(struct e1000 *e) {
    reg_write(e, E1000_IMC, ~0u);
    reg_write(e, E1000_TCTL, 0);
    if (reg_read(e, E1000_RCTL) & E1000_RCTL_EN) {
        reg_write(e, E1000_RCTL, 0); /* it would write into memory that is ours now */
    }
    reg_write(e, E1000_CTRL, reg_read(e, E1000_CTRL) | E1000_CTRL_RST);
    uint32_t reads = 0;
    while (reads < e->reset_reads_min ||
           ((reg_read(e, E1000_CTRL) & E1000_CTRL_RST) && reads < RESET_READS_MAX)) {
        (void)reg_read(e, E1000_STATUS);
        reads++;
    }
    if (reg_read(e, E1000_CTRL) & E1000_CTRL_RST) {
        print("net: %s does not come out of reset (CTRL = 0x%x after %u reads); the card is broken "
              "or its BAR is wrong: power-cycle the machine or use another card\n",
              e->model->name, reg_read(e, E1000_CTRL), reads);
        return NIC_BROKEN;
    }
    reg_write(e, E1000_IMC, ~0u);
    (void)reg_read(e, E1000_ICR);
    return 0;
}

static int read_mac(struct e1000 *e) {
    uint32_t low = reg_read(e, E1000_RAL0);
    uint32_t high = reg_read(e, E1000_RAH0);
    for (uint32_t i = 0; i < 4; i++) {
        e->nic.mac[i] = (uint8_t)(low >> 8 * i);
    }
    e->nic.mac[4] = (uint8_t)high;
    e->nic.mac[5] = (uint8_t)(high >> 8);
    if (!(high & E1000_RAH_AV) || (low & 1) || (low == 0 && (high & 0xFFFF) == 0)) {
        print("net: %s has no valid address (RAL = 0x%x, RAH = 0x%x); its EEPROM is empty or "
              "damaged: use another card\n",
              e->model->name, low, high);
        return NIC_BROKEN;
    }
    return 0;
}

static void note_link(struct e1000 *e) {
    static const uint16_t mbps[4] = {10, 100, 1000, 1000};
    uint32_t status = reg_read(e, E1000_STATUS);
    bool up = (status & E1000_STATUS_LU) != 0;
    if (up != e->nic.link_up) {
        e->nic.counters.link_changes++;
    }
    e->nic.link_up = up;
    e->nic.speed_mbps = up ? mbps[E1000_STATUS_SPEED(status)] : 0;
}

/* Link up, no flow control (a peer that stops reading must not stop us) [E1000 14.3]. */
static void link_start(struct e1000 *e) {
    uint32_t ctrl = reg_read(e, E1000_CTRL);
    ctrl &= ~(E1000_CTRL_LRST | E1000_CTRL_ILOS | E1000_CTRL_FRCSPD | E1000_CTRL_FRCDPX |
              E1000_CTRL_PHYRST);
    reg_write(e, E1000_CTRL, ctrl | E1000_CTRL_SLU | E1000_CTRL_ASDE);
    reg_write(e, E1000_FCAL, 0);
    reg_write(e, E1000_FCAH, 0);
    reg_write(e, E1000_FCT, 0);
    reg_write(e, E1000_FCTTV, 0);
}

/* Receive ring, then RCTL: its only write [E1000 14.4]. */
static void rx_start(struct e1000 *e) {
    for (uint32_t i = 0; i < E1000_MTA_WORDS; i++) {
        reg_write(e, E1000_MTA + 4 * i, 0);
    }
    for (uint32_t i = 0; i < E1000_RX_SLOTS; i++) {
        e->rx_ring[i] = (struct e1000_rx_desc){.address = (uint64_t)e->rx_buffers_at +
                                                          i * RX_BUFFER_BYTES + NIC_PAD};
    }
    e->rx_next = 0;
    e->rx_owed = 0;
    reg_write(e, E1000_RDBAL, e->rx_ring_at);
    reg_write(e, E1000_RDBAH, 0);
    reg_write(e, E1000_RDLEN, E1000_RX_SLOTS * sizeof(struct e1000_rx_desc));
    reg_write(e, E1000_RDH, 0);
    reg_write(e, E1000_RDT, E1000_RX_SLOTS - 1);
    reg_write(e, E1000_RDTR, 0); /* no interrupt is held back [D 14] */
    reg_write(e, E1000_RADV, 0);
    reg_write(e, E1000_ITR, 0);
    /* All multicast: nodes are found without MLD reports, whatever the group [D 6]. */
    reg_write(e, E1000_RCTL, E1000_RCTL_EN | E1000_RCTL_MPE | E1000_RCTL_BAM | E1000_RCTL_SECRC);
}

/* Transmit ring [E1000 14.5]. Its first slot is the checksum context, which the card keeps: all the
 * frames that want a checksum have UDP at the same place, so it is never written again. */
static void tx_start(struct e1000 *e) {
    memset(e->tx_ring, 0, E1000_TX_SLOTS * sizeof(struct e1000_tx_desc));
    e->tx_ring[0].address = E1000_CONTEXT_START(UDP6_START) | E1000_CONTEXT_STORE(UDP6_STORE);
    e->tx_ring[0].command = E1000_TXD_DEXT;
    e->tx_next = 1;
    e->tx_shown = 0;
    e->tx_clean = 0;
    reg_write(e, E1000_TDBAL, e->tx_ring_at);
    reg_write(e, E1000_TDBAH, 0);
    reg_write(e, E1000_TDLEN, E1000_TX_SLOTS * sizeof(struct e1000_tx_desc));
    reg_write(e, E1000_TDH, 0);
    reg_write(e, E1000_TDT, 0);
    reg_write(e, E1000_TIDV, 0);
    if (e->model->has_txdctl_one) {
        reg_write(e, E1000_TXDCTL, reg_read(e, E1000_TXDCTL) | E1000_TXDCTL_ONE);
    }
    reg_write(e, E1000_TIPG, E1000_TIPG_COPPER);
    reg_write(e, E1000_TCTL, E1000_TCTL_EN | E1000_TCTL_PSP | E1000_TCTL_CT | E1000_TCTL_COLD);
}

static int e1000_start(struct nic *nic) {
    struct e1000 *e = e1000_of(nic);
    int error = reset(e);
    if (error == 0) {
        error = read_mac(e);
    }
    if (error != 0) {
        return error;
    }
    link_start(e);
    rx_start(e);
    tx_start(e);
    note_link(e);
    nic->counters.link_changes = 0;
    reg_write(e, E1000_IMS, CAUSES);
    return 0;
}

/* ---- interrupt ------------------------------------------------------------------------------- */

/* Reading ICR acknowledges. Nothing is done here: the pump polls the ring on the way out. */
static bool e1000_irq(struct nic *nic) {
    struct e1000 *e = e1000_of(nic);
    uint32_t causes = reg_read(e, E1000_ICR);
    if (causes == 0) {
        return false;
    }
    e->causes |= causes;
    nic->counters.interrupts++;
    return true;
}

static void note_causes(struct e1000 *e) {
    uint32_t causes = __atomic_exchange_n(&e->causes, 0, __ATOMIC_SEQ_CST);
    if (causes & E1000_ICR_LSC) {
        note_link(e);
    }
    if (causes & E1000_ICR_RXO) {
        e->nic.counters.rx_overruns++;
    }
}

/* ---- receive --------------------------------------------------------------------------------- */

/* Give slots back: RDT points at the last one that the card may fill, one before rx_next. */
static void rx_return(struct e1000 *e) {
    reg_write(e, E1000_RDT, (e->rx_next + E1000_RX_SLOTS - 1) % E1000_RX_SLOTS);
    e->rx_owed = 0;
}

static bool rx_done(const struct e1000 *e) {
    return (*(volatile uint8_t *)&e->rx_ring[e->rx_next].status & E1000_RXD_DD) != 0;
}

/* One slot. A frame that needs more than one is longer than any we allow: its parts are dropped,
 * and counted when the last one comes. */
static void rx_take(struct e1000 *e, const struct e1000_rx_desc *d, const uint8_t *frame) {
    bool is_last = (d->status & E1000_RXD_EOP) != 0;
    bool is_whole = is_last && !e->in_long_frame;
    e->in_long_frame = !is_last;
    if (!is_whole || d->length > NIC_FRAME_MAX) {
        e->nic.counters.rx_long += is_last;
        return;
    }
    if ((d->errors & E1000_RXD_BAD) != 0 || d->length == 0) {
        e->nic.counters.rx_bad++;
        return;
    }
    e->nic.counters.rx_frames++;
    e->nic.counters.rx_bytes += d->length;
    nic_rx(&e->nic, frame, d->length);
}

static uint32_t e1000_rx_poll(struct nic *nic, uint32_t budget) {
    struct e1000 *e = e1000_of(nic);
    uint32_t taken = 0;
    if (e->causes != 0) {
        note_causes(e);
    }
    while (taken < budget && rx_done(e)) {
        __atomic_thread_fence(__ATOMIC_ACQUIRE); /* DD first, then what it vouches for */
        struct e1000_rx_desc *d = &e->rx_ring[e->rx_next];
        rx_take(e, d, e->rx_buffers + e->rx_next * RX_BUFFER_BYTES + NIC_PAD);
        d->status = 0;
        e->rx_next = (e->rx_next + 1) % E1000_RX_SLOTS;
        taken++;
        if (++e->rx_owed >= RX_RETURN_SLOTS) {
            rx_return(e);
        }
    }
    return taken;
}

static bool e1000_pending(const struct nic *nic) {
    const struct e1000 *e = (const struct e1000 *)(const void *)nic;
    return rx_done(e) || (*(const volatile uint32_t *)&e->causes & E1000_ICR_LSC) != 0;
}

/* ---- transmit -------------------------------------------------------------------------------- */

static uint32_t tx_free(const struct e1000 *e) {
    return (e->tx_clean + E1000_TX_SLOTS - 1 - e->tx_next) % E1000_TX_SLOTS;
}

/* Take back the slots of frames that are out. Only a frame's last descriptor reports (RS). */
static void tx_reap(struct e1000 *e) {
    uint32_t slot = e->tx_clean;
    while (slot != e->tx_shown) {
        const volatile struct e1000_tx_desc *d = &e->tx_ring[slot];
        slot = (slot + 1) % E1000_TX_SLOTS;
        if (!(d->command & E1000_TXD_EOP)) {
            continue;
        }
        if (!(d->status & E1000_TXD_DD)) {
            return;
        }
        e->tx_clean = slot;
    }
}

static void e1000_tx_flush(struct nic *nic) {
    struct e1000 *e = e1000_of(nic);
    if (e->tx_next == e->tx_shown) {
        return;
    }
    /* mmio_write() is the barrier: the card reads the descriptors as soon as it sees the tail. */
    reg_write(e, E1000_TDT, e->tx_next);
    e->tx_shown = e->tx_next;
    nic->counters.tx_flushes++;
}

static uint8_t *e1000_tx_buffer(struct nic *nic) {
    struct e1000 *e = e1000_of(nic);
    if (tx_free(e) < TX_CLEAN_BELOW) {
        tx_reap(e);
        if (tx_free(e) < TX_FRAME_SLOTS) {
            e1000_tx_flush(nic);
            nic->counters.tx_full++;
            return NULL;
        }
    }
    return e->tx_buffers + e->tx_next * TX_BUFFER_BYTES;
}

static void tx_put(struct e1000 *e, uint64_t address, uint32_t command, uint32_t options) {
    struct e1000_tx_desc *d = &e->tx_ring[e->tx_next];
    d->address = address;
    d->command = command | E1000_TXD_DATA | E1000_TXD_DEXT | E1000_TXD_IFCS;
    d->status = options;
    e->tx_next = (e->tx_next + 1) % E1000_TX_SLOTS;
}

static void e1000_tx_queue(struct nic *nic, const struct nic_tx *frame) {
    struct e1000 *e = e1000_of(nic);
    uint32_t options = frame->udp6_checksum ? E1000_TXD_TXSM : 0;
    uint32_t last = E1000_TXD_EOP | E1000_TXD_RS;
    uint32_t total = frame->bytes + frame->ref_bytes;
    PANIC_UNLESS(frame->bytes >= 14 && total <= NIC_FRAME_MAX && tx_free(e) >= TX_FRAME_SLOTS);
    uint64_t at = (uint64_t)e->tx_buffers_at + e->tx_next * TX_BUFFER_BYTES + NIC_PAD;
    if (frame->ref_bytes == 0) {
        tx_put(e, at, frame->bytes | last, options);
    } else {
        tx_put(e, at, frame->bytes, options);
        tx_put(e, frame->ref, frame->ref_bytes | last, options);
    }
    nic->counters.tx_frames++;
    nic->counters.tx_bytes += total;
}

/* ---- counters -------------------------------------------------------------------------------- */

static void e1000_count(struct nic *nic) {
    struct e1000 *e = e1000_of(nic);
    nic->counters.rx_bad += reg_read(e, E1000_CRCERRS);
    nic->counters.rx_missed += reg_read(e, E1000_MPC);
}

/* ---- attach ---------------------------------------------------------------------------------- */

static const struct nic_ops e1000_ops = {
    .start = e1000_start,
    .rx_poll = e1000_rx_poll,
    .pending = e1000_pending,
    .tx_buffer = e1000_tx_buffer,
    .tx_queue = e1000_tx_queue,
    .tx_flush = e1000_tx_flush,
    .irq = e1000_irq,
    .count = e1000_count,
};

struct nic *e1000_attach(const struct e1000_model *model, const struct e1000_place *place) {
    struct e1000 *e = &card;
    *e = (struct e1000){.model = model, .registers = place->registers};
    e->reset_reads_min = place->is_emulated ? 1 : RESET_READS_MIN;
    e->rx_ring = dma_alloc(E1000_RX_SLOTS * sizeof(struct e1000_rx_desc), 128, &e->rx_ring_at);
    e->tx_ring = dma_alloc(E1000_TX_SLOTS * sizeof(struct e1000_tx_desc), 128, &e->tx_ring_at);
    e->rx_buffers = dma_alloc(E1000_RX_SLOTS * RX_BUFFER_BYTES, 64, &e->rx_buffers_at);
    e->tx_buffers = dma_alloc(E1000_TX_SLOTS * TX_BUFFER_BYTES, 64, &e->tx_buffers_at);
    e->nic.ops = &e1000_ops;
    e->nic.model = model->name;
    e->nic.deaf_us = model->deaf_in_qemu && place->is_emulated ? DEAF_US : 0;
    return &e->nic;
}
