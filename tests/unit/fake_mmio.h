/* A model of an e1000 for the unit test: registers, both rings, the parts of the machine that the
 * driver needs (DMA memory, print). Link it instead of drivers/mmio.c and mm/. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
    FAKE_WRITES_MAX = 65536,
    FAKE_SENT_MAX = 1024,
    FAKE_FRAME_MAX = 4096,
};

struct fake_write {
    uint32_t reg, value;
};

struct fake_frame {
    uint32_t bytes;
    bool with_checksum; /* the driver asked for it */
    uint8_t data[FAKE_FRAME_MAX];
};

struct fake_device {
    uint32_t regs[0x20000 / 4];
    struct fake_write writes[FAKE_WRITES_MAX]; /* every register write, in order */
    uint32_t write_count;
    struct fake_frame sent[FAKE_SENT_MAX]; /* what went out on the wire */
    uint32_t sent_count;
    uint64_t context;                 /* checksum context that the driver set */
    bool is_stuck_in_reset, holds_tx; /* faults that a test may switch on */
    uint32_t protocol_errors;         /* the driver broke a rule of the device */
    char text[4096];                  /* what the driver printed */
};
extern struct fake_device fake;

/* Power on: link up, address 52:54:00:12:34:56. Frees what dma_alloc() gave before. */
void fake_reset(void);

/* A frame arrives from the wire. error: bits of the descriptor's error field. false: no free slot,
 * the frame is lost and counted as the device does. Above 2048 bytes it takes several slots. */
bool fake_receive(const uint8_t *data, uint32_t bytes, uint8_t error);

void fake_set_link(bool up);

/* Send what is queued although holds_tx is on: `slots` descriptors at most. */
void fake_transmit(uint32_t slots);

/* How often reg was written, and when first (index in writes, write_count if never). */
uint32_t fake_written(uint32_t reg);
uint32_t fake_first(uint32_t reg);
