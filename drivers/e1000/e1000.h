/* Driver of Intel's 8254x network controllers (and of the 82574, which looks the same from here),
 * as drivers/nic.c sees it, which finds the card, and the unit test, which makes one up. Everything
 * else uses struct nic (net/nic.h). One card. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "net/nic.h"

enum {
    E1000_RX_SLOTS = 256, /* x 2048 bytes = 512 KB: what 85 pages need, each in 3 frames */
    E1000_TX_SLOTS = 256, /* x 1536 bytes = 384 KB; a frame with a reference takes 2 slots */
};

/* A card that the driver works with. */
struct e1000_model {
    uint16_t device; /* PCI device number; the vendor is 0x8086 */
    const char *name;
    bool has_txdctl_one; /* bit 22 of TXDCTL must be 1 [82574 10.2.6] */
    bool deaf_in_qemu;   /* QEMU receives nothing for 1 s after a write of RCTL [D 14] */
};
extern const struct e1000_model e1000_models[];
extern const uint32_t e1000_model_count;

/* Where a card was found. */
struct e1000_place {
    void *registers;  /* BAR 0, mapped */
    bool is_emulated; /* QEMU's (by its PCI subsystem vendor) */
};

/* Connect the driver to the card; touches no register. -> its nic, whose ops->start() comes next.
 * A second call replaces the first card (the unit test does that). */
struct nic *e1000_attach(const struct e1000_model *model, const struct e1000_place *place);
