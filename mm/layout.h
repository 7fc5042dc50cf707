/* The map of the address space, in one place.
 *
 *   0x00000000  never mapped: null pointers, and all that virtual-8086 code could reach
 *   0x00110000  user: pages of the job that runs             (per space, DSM rights)
 *   0xC0000000  direct map: physical 0 … 768 MB, as far as there is RAM
 *               (the kernel's image at 0xC0100000 in 4 KB pages: text and constants read-only)
 *   0xF0000000  devices: mmio_map(), uncached
 *   0xFF800000  windows: frame_map() for user frames that the direct map does not reach
 *   0xFFC00000  unused; the last page is never mapped, so that pointer + size does not wrap
 *
 * A physical address is an integer (paddr_t), a virtual one a pointer: the compiler catches a
 * mix-up. */
#pragma once

#include <stdint.h>

typedef uint32_t paddr_t; /* physical address below 4 GB; RAM above is left unused (no PAE) */

#define FRAME_BYTES      4096u
#define PAGE_TABLE_SPAN  0x400000u /* one page table maps 1024 x 4 KB [IA32-3A 4.3] */
#define USER_FIRST       0x00110000u /* FFFF:FFFF + 1, rounded up [IA32-3A 20.1.1] */
#define USER_END         0xC0000000u /* first address that is not a program's */
#define KERNEL_BASE      0xC0000000u /* also in boot/kernel.ld and boot/entry.S */
#define DIRECT_MAP_BYTES 0x30000000u /* 768 MB [D 3] */
#define DEVICE_MAP_BASE  0xF0000000u
#define DEVICE_MAP_END   0xFF800000u
#define WINDOW_BASE      0xFF800000u /* one page table */
#define LOW_MEMORY_BYTES 0x100000u   /* the first MiB: firmware, VGA, loader; never a frame */
