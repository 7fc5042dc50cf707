/* Windows on frames that the direct map does not reach (more than 768 MB of RAM): one page
 * table, one slot per mapped frame. Frames below need none: their place in the direct map is
 * handed out. */
#include "mm/window.h"

#include "kernel/panic.h"
#include "mm/frame.h"
#include "mm/paging_bits.h"

_Static_assert(FRAME_WINDOWS_MAX == 64, "two words of slots");

uint32_t window_table[1024] __attribute__((aligned(4096)));
static uint32_t used[FRAME_WINDOWS_MAX / 32]; /* 1: slot is taken */

static uint32_t slot_take(void) {
    uint32_t word = used[0] != UINT32_MAX ? 0 : 1;
    if (used[word] == UINT32_MAX) {
        panic("all %u windows on user frames are in use: somebody maps without unmapping",
              FRAME_WINDOWS_MAX);
    }
    uint32_t bit = (uint32_t)__builtin_ctz(~used[word]);
    used[word] |= 1u << bit;
    return word * 32 + bit;
}

void *frame_map(paddr_t frame) {
    if (frame < direct_map_end()) {
        return frame_pointer(frame);
    }
    uint32_t slot = slot_take();
    uint32_t address = WINDOW_BASE + slot * FRAME_BYTES;
    window_table[slot] = frame | PAGING_PRESENT | PAGING_WRITE;
    paging_flush(address);
    return (void *)address;
}

void frame_unmap(void *bytes) {
    uint32_t address = (uint32_t)bytes & ~(FRAME_BYTES - 1);
    if (address < WINDOW_BASE) {
        return;
    }
    uint32_t slot = (address - WINDOW_BASE) / FRAME_BYTES;
    PANIC_UNLESS(slot < FRAME_WINDOWS_MAX && used[slot / 32] >> slot % 32 & 1);
    used[slot / 32] &= ~(1u << slot % 32);
    window_table[slot] = 0;
    paging_flush(address);
}
