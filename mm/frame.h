/* Physical memory: who gets which 4 KB frame.
 *
 * Two kinds. A *kernel frame* lies in the direct map and is touched through frame_pointer(). A
 * *user frame* holds a page of a program; it may lie anywhere below 4 GB and is touched through
 * frame_map()/frame_unmap() only. Order at boot: frame_init, paging_start, then pool_alloc_boot
 * and dma_alloc as often as wanted, then frame_user_reserve once, which takes nearly all of the
 * rest. Called from the kernel's one loop only; never from an interrupt handler. */
#pragma once

#include <stdint.h>

#include "mm/layout.h"

struct boot_info;

enum {
    FRAME_WINDOWS_MAX = 64, /* user frames mapped at once: 16 pages of a call [D 3], and some */
};

/* Take stock of RAM: everything in the map but the first MiB, the kernel's image and the modules.
 * Before paging_start(). Panics with advice when there is too little. */
void frame_init(const struct boot_info *info);

/* A frame in the direct map, contents undefined; 0 when there is none left. */
paddr_t frame_alloc(void);
void frame_free(paddr_t frame);

/* The direct map: a kernel frame's bytes. frame must lie below direct_map_end(). */
void *frame_pointer(paddr_t frame);

/* Physical address of bytes in the kernel's image, the pool or the direct map (for DMA). */
paddr_t kernel_paddr(const void *bytes);

uint32_t frame_free_count(void);  /* kernel frames free now */
uint32_t frame_total_count(void); /* frames of RAM that were usable at boot, user frames included */
paddr_t direct_map_end(void);     /* end of the RAM that the direct map reaches */

/* Take up to max frames for the DSM's pool, highest addresses first, leaving the kernel its reserve
 * (1/16 of RAM, at least 1 MB, at most 16 MB). Once. Returns how many there are. */
uint32_t frame_user_reserve(uint32_t max);
uint32_t frame_user_count(void);

/* Frame `index` of that pool, index < frame_user_count(). */
paddr_t frame_user(uint32_t index);

/* A frame's bytes, whichever frame it is. Each map is undone by one unmap of the same pointer.
 * Running out of windows is a bug of ours and panics (FRAME_WINDOWS_MAX bounds the callers). */
void *frame_map(paddr_t frame);
void frame_unmap(void *bytes);

/* Kernel memory for ever, zeroed, page-aligned, contiguous (virtually, and here physically too).
 * Panics with advice when RAM does not suffice: boot time only. */
void *pool_alloc_boot(uint32_t bytes);

/* The same for a device: aligned to `align` (a power of two, <= 64 KB), never crossing 4 GB,
 * with its physical address. */
void *dma_alloc(uint32_t bytes, uint32_t align, paddr_t *paddr);

/* Bytes handed out by pool_alloc_boot and dma_alloc. */
uint32_t pool_bytes(void);
