/* The model behind fake_mmio.h. It follows the manual [E1000 3.2, 3.3, 13.4], not the driver: they
 * share regs.h only. */
#include "fake_mmio.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/e1000/regs.h"
#include "drivers/mmio.h"
#include "kernel/panic.h"
#include "kernel/print.h"
#include "mm/frame.h"

enum { BLOCKS_MAX = 16, BUFFER_BYTES = 2048 };

struct fake_device fake;

/* ---- DMA memory: host blocks with made-up physical addresses -------------------------------- */

static struct {
    uint8_t *bytes;
    paddr_t at;
    uint32_t size;
} blocks[BLOCKS_MAX];
static uint32_t block_count;

void *dma_alloc(uint32_t bytes, uint32_t align, paddr_t *paddr) {
    paddr_t at = block_count == 0
                     ? 0x100000
                     : blocks[block_count - 1].at + blocks[block_count - 1].size + FRAME_BYTES;
    at = (at + align - 1) & ~(align - 1);
    blocks[block_count].bytes =
        aligned_alloc(FRAME_BYTES, (bytes + FRAME_BYTES - 1) / FRAME_BYTES * FRAME_BYTES);
    memset(blocks[block_count].bytes, 0, bytes);
    blocks[block_count].at = at;
    blocks[block_count].size = bytes;
    *paddr = at;
    return blocks[block_count++].bytes;
}

static uint8_t *memory(uint64_t at, uint32_t bytes) {
    for (uint32_t i = 0; i < block_count; i++) {
        if (at >= blocks[i].at && at + bytes <= (uint64_t)blocks[i].at + blocks[i].size) {
            return blocks[i].bytes + (at - blocks[i].at);
        }
    }
    printf("device accesses %u bytes at %llx: not DMA memory\n", bytes, (unsigned long long)at);
    abort();
}

/* ---- kernel basics --------------------------------------------------------------------------- */

void print(const char *format, ...) {
    size_t length = strlen(fake.text);
    va_list args;
    va_start(args, format);
    vsnprintf(fake.text + length, sizeof(fake.text) - length, format, args);
    va_end(args);
}

void assert_failed(const char *what, const char *file, int line) {
    printf("%s:%d: %s\n", file, line, what);
    abort();
}

/* ---- registers ------------------------------------------------------------------------------- */

static uint32_t *reg(uint32_t offset) {
    return &fake.regs[offset / 4];
}

void fake_reset(void) {
    while (block_count > 0) {
        free(blocks[--block_count].bytes);
    }
    memset(&fake, 0, sizeof(fake));
    *reg(E1000_RAL0) = 0x12005452;
    *reg(E1000_RAH0) = 0x5634 | E1000_RAH_AV;
    *reg(E1000_STATUS) = E1000_STATUS_FD | E1000_STATUS_LU | 2u << 6;
}

uint32_t mmio_read(const void *registers, uint32_t offset) {
    uint32_t value = *reg(offset);
    fake.protocol_errors += registers != (const void *)fake.regs;
    if (offset == E1000_ICR || offset == E1000_MPC || offset == E1000_CRCERRS) {
        *reg(offset) = 0;
    }
    return value;
}

void mmio_write(void *registers, uint32_t offset, uint32_t value) {
    fake.protocol_errors += registers != (void *)fake.regs;
    fake.writes[fake.write_count++ % FAKE_WRITES_MAX] = (struct fake_write){offset, value};
    if (offset == E1000_CTRL && !fake.is_stuck_in_reset) {
        value &= ~E1000_CTRL_RST;
    }
    if (offset == E1000_IMC) {
        *reg(E1000_IMS) &= ~value;
        return;
    }
    *reg(offset) = value;
    if (offset == E1000_TDT && !fake.holds_tx) {
        fake_transmit(UINT32_MAX);
    }
}

uint32_t fake_written(uint32_t offset) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < fake.write_count; i++) {
        count += fake.writes[i].reg == offset;
    }
    return count;
}

uint32_t fake_first(uint32_t offset) {
    uint32_t i = 0;
    while (i < fake.write_count && fake.writes[i].reg != offset) {
        i++;
    }
    return i;
}

/* ---- rings ----------------------------------------------------------------------------------- */

static void transmit_one(struct e1000_tx_desc *d) {
    static struct fake_frame frame;
    bool is_extended = (d->command & E1000_TXD_DEXT) != 0;
    if (is_extended && !(d->command & E1000_TXD_DATA)) {
        fake.context = d->address;
        return;
    }
    uint32_t length = d->command & 0xFFFFF;
    fake.protocol_errors += length == 0 || !(d->command & E1000_TXD_IFCS);
    if (frame.bytes == 0) {
        frame.with_checksum = (d->status & E1000_TXD_TXSM) != 0;
    }
    memcpy(frame.data + frame.bytes, memory(d->address, length), length);
    frame.bytes += length;
    if (d->command & E1000_TXD_EOP) {
        fake.sent[fake.sent_count++ % FAKE_SENT_MAX] = frame;
        frame.bytes = 0;
    }
}

void fake_transmit(uint32_t slots) {
    uint32_t count = *reg(E1000_TDLEN) / 16;
    struct e1000_tx_desc *ring = (void *)memory(*reg(E1000_TDBAL), *reg(E1000_TDLEN));
    if (!(*reg(E1000_TCTL) & E1000_TCTL_EN)) {
        return;
    }
    while (*reg(E1000_TDH) != *reg(E1000_TDT) && slots-- > 0) {
        struct e1000_tx_desc *d = &ring[*reg(E1000_TDH)];
        transmit_one(d);
        if (d->command & E1000_TXD_RS) {
            d->status |= E1000_TXD_DD;
        }
        *reg(E1000_TDH) = (*reg(E1000_TDH) + 1) % count;
    }
}

bool fake_receive(const uint8_t *data, uint32_t bytes, uint8_t error) {
    uint32_t count = *reg(E1000_RDLEN) / 16;
    uint32_t needed = (bytes + BUFFER_BYTES - 1) / BUFFER_BYTES;
    uint32_t head = *reg(E1000_RDH);
    uint32_t room = count == 0 ? 0 : (*reg(E1000_RDT) + count - head) % count;
    if (!(*reg(E1000_RCTL) & E1000_RCTL_EN) || room < needed) {
        *reg(E1000_MPC) += 1;
        *reg(E1000_ICR) |= E1000_ICR_RXO;
        return false;
    }
    struct e1000_rx_desc *ring = (void *)memory(*reg(E1000_RDBAL), *reg(E1000_RDLEN));
    for (uint32_t done = 0; done < bytes; head = (head + 1) % count) {
        uint32_t part = bytes - done < BUFFER_BYTES ? bytes - done : BUFFER_BYTES;
        struct e1000_rx_desc *d = &ring[head];
        fake.protocol_errors += (d->status & E1000_RXD_DD) != 0; /* given back uncleared */
        memcpy(memory(d->address, part), data + done, part);
        done += part;
        d->length = (uint16_t)part;
        d->errors = error;
        d->status = (uint8_t)(E1000_RXD_DD | (done == bytes ? E1000_RXD_EOP : 0));
    }
    *reg(E1000_RDH) = head;
    *reg(E1000_ICR) |= E1000_ICR_RXT0;
    return true;
}

void fake_set_link(bool up) {
    *reg(E1000_STATUS) =
        up ? *reg(E1000_STATUS) | E1000_STATUS_LU : *reg(E1000_STATUS) & ~E1000_STATUS_LU;
    *reg(E1000_ICR) |= E1000_ICR_LSC;
}
