/* Bits of page directory and page table entries, and what mm/ shares about them; mm/ only.
 * Source: [IA32-3A 4.3, tables 4-4 … 4-6]. */
#pragma once

#include <stdint.h>

#include "mm/layout.h"

enum {
    PAGING_PRESENT = 1 << 0,
    PAGING_WRITE = 1 << 1,
    PAGING_USER = 1 << 2,
    PAGING_THROUGH = 1 << 3,  /* PWT */
    PAGING_UNCACHED = 1 << 4, /* PCD */
    PAGING_4MB = 1 << 7,      /* in a directory entry, with CR4.PSE */
    PAGING_GLOBAL = 1 << 8,   /* survives a CR3 load, with CR4.PGE */
};
#define PAGING_FRAME 0xFFFFF000u

enum { PAGING_ENTRIES = 1024, PAGING_KERNEL_FIRST = KERNEL_BASE >> 22 };

static inline uint32_t paging_directory_index(uint32_t address) {
    return address >> 22;
}
static inline uint32_t paging_table_index(uint32_t address) {
    return address >> 12 & 0x3FF;
}

/* Privileged instructions, in paging_cpu.c: a test has its own. */
void paging_flush(uint32_t address); /* forget this page: INVLPG */
void paging_load(paddr_t directory); /* CR3 */

/* The kernel's directory, whose upper quarter every space shares (paging.c). */
extern uint32_t paging_kernel_directory[PAGING_ENTRIES];

/* Copy a new kernel directory entry into all spaces (space.c). */
void space_share_kernel(uint32_t index);
