/* Page tables: the kernel's own map, device registers, and the programs' address spaces.
 * Called from the kernel's one loop only. CR0.WP is always set, so that a kernel store to a page
 * that the DSM lets us only read faults like the program's own [D 3]. Sources: [IA32-3A 4.3]. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "mm/layout.h"

struct space; /* a user address space; the kernel's part is the same in all */

enum {
    SPACES_MAX = 8,         /* = JOBS_MAX: one for each job with threads or pages here */
    PAGING_NO_MEMORY = -12, /* = -ERR_NO_MEMORY (ENOMEM): no frame or no space left */
};

/* Right of a program to a page; a bigger value includes the smaller. The numbers are those of
 * enum access in adapt/base.h. */
enum right { RIGHT_NONE = 0, RIGHT_READ = 1, RIGHT_WRITE = 2 };

/* Build the final map and switch to it. After frame_init(). Modules that the direct map does not
 * reach are copied into it: after this every module is readable through frame_pointer(). */
struct boot_info;
void paging_start(struct boot_info *info);

/* A device's registers, uncached, for ever. paddr need not be aligned. Boot time only; panics
 * when the device map (248 MB) is full. */
void *mmio_map(paddr_t paddr, uint32_t bytes);

/* An empty address space. 0, or PAGING_NO_MEMORY: SPACES_MAX are there, or boot left no frame; page
 * tables never take a directory's. */
int space_create(struct space **space);

/* Frees its page tables (never the frames that they map). If it is active, the kernel's own map is
 * activated first. */
void space_destroy(struct space *space);

/* Let the program see frame at vaddr (page-aligned, USER_FIRST <= vaddr < USER_END) with that
 * right; replaces what was there. right RIGHT_NONE is space_unmap. 0, or PAGING_NO_MEMORY when a
 * page table is needed and there is no frame; replacing and weakening an existing mapping never
 * fails. */
int space_map(struct space *space, uint32_t vaddr, paddr_t frame, enum right right);
void space_unmap(struct space *space, uint32_t vaddr);
/* No page of [first, first + pages), page numbers, has more than that right afterwards. */
void space_limit(struct space *space, uint32_t first, uint32_t pages, enum right most);

/* Make sure that a later space_map at vaddr cannot fail. 0, or PAGING_NO_MEMORY. */
int space_prepare(struct space *space, uint32_t vaddr);

/* What is mapped at vaddr (any address, rounded down to its page). RIGHT_NONE, 0 when nothing. */
enum right space_right(const struct space *space, uint32_t vaddr);
paddr_t space_paddr(const struct space *space, uint32_t vaddr);

/* Load it into CR3; nothing happens when it is there already. NULL: the kernel's own map. */
void space_activate(struct space *space);
