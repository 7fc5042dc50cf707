/* The seam between a network card's driver and net/: a driver knows Ethernet frames and nothing
 * above them, net/ knows no registers. Everything here is called from the one loop (kernel/pump.c)
 * except irq(), which runs in the interrupt and only records.
 *
 * Frames and alignment: wherever a frame lies in memory of a driver, it begins NIC_PAD bytes behind
 * a multiple of 4, so that what follows the 14 bytes of the Ethernet header is aligned. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "mm/layout.h"

enum {
    NIC_PAD = 2,
    NIC_FRAME_MAX = 1514, /* 14 of header + 1500 of payload; the CRC is the device's [802.3] */

    /* why nic_start() and start() fail; the values are those of adapt/base.h's ERR_* */
    NIC_NONE = -2,   /* no card that a driver knows (ERR_NO_ENTRY) */
    NIC_BROKEN = -5, /* the card does not work (ERR_IO) */
};

/* What happened to frames. Only counts, written by the driver; the order of people's interest. */
struct nic_counters {
    uint64_t rx_frames, rx_bytes;
    uint64_t tx_frames, tx_bytes;
    uint32_t rx_bad;      /* the device marked it bad */
    uint32_t rx_long;     /* longer than one buffer, dropped */
    uint32_t rx_overruns; /* interrupts that said: no descriptor was free */
    uint32_t rx_missed;   /* frames that the device itself dropped for want of descriptors */
    uint32_t tx_full;     /* frames dropped because the transmit ring was full */
    uint32_t tx_flushes;  /* writes of the tail register */
    uint32_t interrupts;
    uint32_t link_changes;
};

/* A frame to be sent: its first `bytes` lie in the buffer that tx_buffer() gave, the rest is read
 * by the device from physical memory while it sends. */
struct nic_tx {
    uint32_t bytes;     /* 14 … NIC_FRAME_MAX, from the buffer */
    paddr_t ref;        /* ref_bytes > 0: continues here; must not change until the frame is out */
    uint32_t ref_bytes; /* bytes + ref_bytes <= NIC_FRAME_MAX */
    bool udp6_checksum; /* UDP over IPv6 without extension headers, whose checksum field holds
                           the sum of the pseudo-header: the device completes it */
};

struct nic;

/* A driver's functions. */
struct nic_ops {
    /* Reset, program the rings, enable reception; nic->mac and link_up are valid afterwards.
     *   out   0, or NIC_BROKEN (it does not come out of reset, or has no address): said on the
     *         console; the device is then quiet
     *   time  bounded, about 10 ms */
    int (*start)(struct nic *nic);
    /* Hand at most `budget` received frames to nic_rx(), in order; -> how many. Also takes note of
     * what interrupts reported: link, overruns. */
    uint32_t (*rx_poll)(struct nic *nic, uint32_t budget);
    /* true: rx_poll() would find something. Reads memory only; cheap, for use before `hlt`. */
    bool (*pending)(const struct nic *nic);
    /* The buffer of the next frame: the frame begins at the result + NIC_PAD. NULL: the ring is
     * full (counted in tx_full; what is queued is on its way). Asking twice gives the same one. */
    uint8_t *(*tx_buffer)(struct nic *nic);
    /* Queue the frame that was written to the last tx_buffer(). The device sees it after: */
    void (*tx_queue)(struct nic *nic, const struct nic_tx *frame);
    /* Show the device everything that is queued, with one register write (none if nothing is). */
    void (*tx_flush)(struct nic *nic);
    /* The interrupt: acknowledge and record; -> false if the device did not ask (shared line). */
    bool (*irq)(struct nic *nic);
    /* Bring counters up to date that the device keeps itself. */
    void (*count)(struct nic *nic);
};

struct nic {
    const struct nic_ops *ops;
    const char *model;
    uint8_t mac[6];
    bool link_up;
    uint16_t speed_mbps; /* 10, 100, 1000 while link_up */
    uint32_t deaf_us;    /* the device receives nothing for this long after start() */
    struct nic_counters counters;
};

/* Find the first card that a driver knows and start it. Once, after pci_start(), as early in the
 * boot as there is memory: a card may be deaf for a second after it (deaf_us). In drivers/nic.c.
 *   out   0 and *nic, or NIC_NONE, NIC_BROKEN: the console then has the reason, the cards that were
 *         seen and those that are supported */
int nic_start(struct nic **nic);

/* The card that nic_start() has started, or NULL. */
struct nic *nic_card(void);

/* The interrupt line of the started card, or -1: none. Whoever started it connects the line to
 * nic_interrupt() (kernel/main.c: this folder and drivers/ know nothing of interrupt lines). */
int nic_irq(void);
void nic_interrupt(void);

/* net/'s side of rx_poll: one received frame. The bytes belong to the driver and are valid during
 * the call only; frame - NIC_PAD is a multiple of 4. */
void nic_rx(struct nic *nic, const uint8_t *frame, uint32_t bytes);
