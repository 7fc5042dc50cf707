/* Address spaces of programs: a page directory whose upper quarter is the kernel's. Page tables
 * come from kernel frames and stay until the space goes. The active space is remembered because
 * a CR3 load throws the whole TLB away (and in a virtual machine much more). Source: [IA32-3A
 * 4.3]. */
#include <stddef.h>
#include <string.h>

#include "kernel/panic.h"
#include "mm/frame.h"
#include "mm/paging.h"
#include "mm/paging_bits.h"

struct space {
    uint32_t *directory; /* NULL: this slot is free */
    paddr_t paddr;       /* the directory's */
};

static struct space spaces[SPACES_MAX];
static struct space *active;

int space_create(struct space **space) {
    struct space *s = spaces;
    while (s < spaces + SPACES_MAX && s->directory != NULL) {
        s++;
    }
    paddr_t paddr = s < spaces + SPACES_MAX ? frame_alloc() : 0;
    if (paddr == 0) {
        return PAGING_NO_MEMORY;
    }
    s->paddr = paddr;
    s->directory = frame_pointer(paddr);
    memset(s->directory, 0, PAGING_KERNEL_FIRST * sizeof(uint32_t));
    memcpy(s->directory + PAGING_KERNEL_FIRST, paging_kernel_directory + PAGING_KERNEL_FIRST,
           (PAGING_ENTRIES - PAGING_KERNEL_FIRST) * sizeof(uint32_t));
    *space = s;
    return 0;
}

void space_destroy(struct space *space) {
    PANIC_UNLESS(space->directory != NULL);
    if (active == space) {
        space_activate(NULL);
    }
    for (uint32_t i = 0; i < PAGING_KERNEL_FIRST; i++) {
        if (space->directory[i] != 0) {
            frame_free(space->directory[i] & PAGING_FRAME);
        }
    }
    frame_free(space->paddr);
    space->directory = NULL;
}

void space_share_kernel(uint32_t index) {
    for (uint32_t i = 0; i < SPACES_MAX; i++) {
        if (spaces[i].directory != NULL) {
            spaces[i].directory[index] = paging_kernel_directory[index];
        }
    }
}

/* The page's entry, or NULL when there is no page table there or the address is not a program's. */
static uint32_t *entry_find(const struct space *space, uint32_t vaddr) {
    PANIC_UNLESS(space->directory != NULL);
    uint32_t table = vaddr < USER_END ? space->directory[paging_directory_index(vaddr)] : 0;
    if (table == 0) {
        return NULL;
    }
    uint32_t *entries = frame_pointer(table & PAGING_FRAME);
    return &entries[paging_table_index(vaddr)];
}

/* Every other space that may be wanted still finds a frame for its directory: a job that uses up
 * all tables costs its own life only. */
static paddr_t table_alloc(void) {
    uint32_t unborn = 0;

    for (uint32_t i = 0; i < SPACES_MAX; i++) {
        unborn += spaces[i].directory == NULL;
    }
    return frame_free_count() > unborn ? frame_alloc() : 0;
}

int space_prepare(struct space *space, uint32_t vaddr) {
    PANIC_UNLESS(vaddr >= USER_FIRST && vaddr < USER_END);
    if (entry_find(space, vaddr) != NULL) {
        return 0;
    }
    paddr_t table = table_alloc();
    if (table == 0) {
        return PAGING_NO_MEMORY;
    }
    memset(frame_pointer(table), 0, FRAME_BYTES);
    space->directory[paging_directory_index(vaddr)] =
        table | PAGING_PRESENT | PAGING_WRITE | PAGING_USER;
    return 0;
}

/* An entry that was not present is in no TLB [IA32-3A 4.10.2.3]. */
static void entry_set(struct space *space, uint32_t vaddr, uint32_t value) {
    uint32_t *entry = entry_find(space, vaddr);
    uint32_t before = *entry;
    *entry = value;
    if (space == active && before & PAGING_PRESENT) {
        paging_flush(vaddr);
    }
}

int space_map(struct space *space, uint32_t vaddr, paddr_t frame, enum right right) {
    PANIC_UNLESS(vaddr >= USER_FIRST && vaddr % FRAME_BYTES == 0 && frame % FRAME_BYTES == 0);
    if (right == RIGHT_NONE) {
        space_unmap(space, vaddr);
        return 0;
    }
    int err = space_prepare(space, vaddr);
    if (err != 0) {
        return err;
    }
    uint32_t write = right == RIGHT_WRITE ? PAGING_WRITE : 0u;
    entry_set(space, vaddr, frame | PAGING_PRESENT | PAGING_USER | write);
    return 0;
}

void space_unmap(struct space *space, uint32_t vaddr) {
    if (entry_find(space, vaddr) != NULL) {
        entry_set(space, vaddr, 0);
    }
}

static void entry_limit(struct space *space, uint32_t vaddr, enum right most) {
    enum right now = space_right(space, vaddr);

    if (now > most) {
        uint32_t without_write = *entry_find(space, vaddr) & ~(uint32_t)PAGING_WRITE;
        entry_set(space, vaddr, most == RIGHT_NONE ? 0 : without_write);
    }
}

/* A range may be the whole address space: what has no page table is skipped at once. */
void space_limit(struct space *space, uint32_t first, uint32_t pages, enum right most) {
    uint32_t limit = USER_END / FRAME_BYTES, per_table = PAGE_TABLE_SPAN / FRAME_BYTES;
    uint32_t end = first < limit && pages < limit - first ? first + pages : limit;

    for (uint32_t page = first; page < end; page++) {
        if (entry_find(space, page * FRAME_BYTES) != NULL) {
            entry_limit(space, page * FRAME_BYTES, most);
        } else {
            page |= per_table - 1;
        }
    }
}

enum right space_right(const struct space *space, uint32_t vaddr) {
    const uint32_t *entry = entry_find(space, vaddr);
    if (entry == NULL || !(*entry & PAGING_PRESENT)) {
        return RIGHT_NONE;
    }
    return *entry & PAGING_WRITE ? RIGHT_WRITE : RIGHT_READ;
}

paddr_t space_paddr(const struct space *space, uint32_t vaddr) {
    const uint32_t *entry = entry_find(space, vaddr);
    return entry != NULL && *entry & PAGING_PRESENT ? *entry & PAGING_FRAME : 0;
}

void space_activate(struct space *space) {
    if (space == active) {
        return;
    }
    active = space;
    paging_load(space != NULL ? space->paddr : kernel_paddr(paging_kernel_directory));
}
