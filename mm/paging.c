/* The kernel's own map. The direct map uses 4 MB pages where the CPU has them, except where the
 * kernel's image lies: that is mapped in 4 KB pages so that text and constants are read-only and
 * the page below the stack is missing. Global pages where the CPU has them, since the kernel's
 * part never changes with the space. Sources: [IA32-3A 4.3], [IA32-3A 4.10.2.4] global pages. */
#include "mm/paging.h"

#include <stddef.h>
#include <string.h>

#include "boot/bootinfo.h"
#include "kernel/cpu.h"
#include "kernel/panic.h"
#include "mm/frame.h"
#include "mm/frame_ranges.h"
#include "mm/paging_bits.h"
#include "mm/window.h"

uint32_t paging_kernel_directory[PAGING_ENTRIES] __attribute__((aligned(4096)));

/* boot/entry.S: the page below the kernel's stack, which is never mapped. */
extern char kernel_stack_guard[];
/* boot/kernel.ld: text and constants lie between them. */
extern char kernel_text_start[], kernel_rodata_end[];

static uint32_t device_next = DEVICE_MAP_BASE;

static uint32_t global_bit(void) {
    return cpu_features.pge ? PAGING_GLOBAL : 0;
}

static uint32_t *table_new(paddr_t *paddr) {
    *paddr = frame_alloc();
    if (*paddr == 0) {
        panic("no memory for the kernel's page tables");
    }
    return memset(frame_pointer(*paddr), 0, FRAME_BYTES);
}

/* What the kernel may do with the page at a direct-map address. */
static uint32_t page_bits(uint32_t address) {
    if (address == (uint32_t)kernel_stack_guard) {
        return 0;
    }
    if (address >= (uint32_t)kernel_text_start && address < (uint32_t)kernel_rodata_end) {
        return PAGING_PRESENT | global_bit();
    }
    return PAGING_PRESENT | PAGING_WRITE | global_bit();
}

static void direct_map_small(uint32_t address) {
    paddr_t paddr;
    uint32_t *table = table_new(&paddr);
    for (uint32_t i = 0; i < PAGING_ENTRIES; i++) {
        uint32_t page = address + i * FRAME_BYTES, bits = page_bits(page);
        table[i] = bits != 0 ? (page - KERNEL_BASE) | bits : 0;
    }
    paging_kernel_directory[paging_directory_index(address)] =
        paddr | PAGING_PRESENT | PAGING_WRITE;
}

static void direct_map_build(void) {
    uint32_t image_end = KERNEL_BASE + kernel_image_end();
    for (uint32_t offset = 0; offset < direct_map_end(); offset += PAGE_TABLE_SPAN) {
        uint32_t address = KERNEL_BASE + offset;
        if (address < image_end || !cpu_features.pse) {
            direct_map_small(address);
        } else {
            paging_kernel_directory[paging_directory_index(address)] =
                offset | PAGING_PRESENT | PAGING_WRITE | PAGING_4MB | global_bit();
        }
    }
}

/* ---- modules --------------------------------------------------------------------------------- */

static void module_copy(const struct boot_module *m, uint8_t *to) {
    for (paddr_t from = m->start & PAGING_FRAME; from < m->end; from += FRAME_BYTES) {
        uint8_t *bytes = frame_map(from);
        uint32_t skip = from < m->start ? m->start - from : 0;
        uint32_t end = m->end - from < FRAME_BYTES ? m->end - from : FRAME_BYTES;
        memcpy(to, bytes + skip, end - skip);
        to += end - skip;
        frame_unmap(bytes);
    }
}

/* A loader may put modules where only windows reach: bring them down. */
static void modules_move(struct boot_info *info) {
    for (uint32_t i = 0; i < info->modules_count; i++) {
        struct boot_module *m = &info->modules[i];
        if (m->end <= direct_map_end() || m->end == m->start) {
            continue;
        }
        uint8_t *to = pool_alloc_boot(m->end - m->start);
        module_copy(m, to);
        m->end = kernel_paddr(to) + (m->end - m->start);
        m->start = kernel_paddr(to);
    }
}

void paging_start(struct boot_info *info) {
    direct_map_build();
    paging_kernel_directory[paging_directory_index(WINDOW_BASE)] =
        kernel_paddr(window_table) | PAGING_PRESENT | PAGING_WRITE;
    paddr_t directory = kernel_paddr(paging_kernel_directory);
    paging_load(directory);
    cpu_set_fault_task(directory);
    modules_move(info);
}

/* ---- devices --------------------------------------------------------------------------------- */

static uint32_t *device_table(uint32_t address) {
    uint32_t index = paging_directory_index(address);
    if (paging_kernel_directory[index] == 0) {
        paddr_t paddr;
        table_new(&paddr);
        paging_kernel_directory[index] = paddr | PAGING_PRESENT | PAGING_WRITE;
        space_share_kernel(index);
    }
    return frame_pointer(paging_kernel_directory[index] & PAGING_FRAME);
}

void *mmio_map(paddr_t paddr, uint32_t bytes) {
    paddr_t first = paddr & PAGING_FRAME;
    uint32_t count = (paddr - first + bytes + FRAME_BYTES - 1) / FRAME_BYTES;
    if (count > (DEVICE_MAP_END - device_next) / FRAME_BYTES) {
        panic("no address space for %u KB of device registers at %08x", bytes / 1024, paddr);
    }
    uint32_t start = device_next;
    for (uint32_t i = 0; i < count; i++, device_next += FRAME_BYTES) {
        device_table(device_next)[paging_table_index(device_next)] =
            (first + i * FRAME_BYTES) | PAGING_PRESENT | PAGING_WRITE | PAGING_UNCACHED |
            PAGING_THROUGH | global_bit();
    }
    return (void *)(start + (paddr - first));
}
