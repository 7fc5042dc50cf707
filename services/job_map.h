/* The map of a job: its areas, brk, and Linux's rules for mmap, munmap, mprotect, mremap and brk
 * [P 9.1, 9.2]. Pure values: no messages, no node. The job's manager has the one map; other nodes
 * keep a list of areas as a cache.
 *
 *   0x00110000  text, data, bss (MAP_SEGMENT), then the heap (brk), upwards
 *   0xB0000000  mmap without an address: the highest gap below, downwards
 *   0xC0000000  end of user space; the loader's stack lies below it */
#pragma once

#include "adapt/port.h"

enum {
    USER_FIRST_PAGE = 0x110, /* null pointers fault, virtual-8086 code finds nothing to run */
    USER_END_PAGE = 0xC0000, /* the kernel begins [D 3] */
    MMAP_FIRST_PAGE = USER_FIRST_PAGE, /* lowest page of an mmap without an address */
    MMAP_END_PAGE = 0xB0000, /* 256 MiB below the kernel for the stack and what is mapped fixed */
};
/* Linux's flags of mmap (i386). */
enum { MAP_FLAG_FIXED = 0x10, MAP_FLAG_NOREPLACE = 0x100000 };
enum { PROT_MASK = 7 };   /* PROT_READ | PROT_WRITE | PROT_EXEC */
enum { ERR_EXISTS = 17 }; /* EEXIST: MAP_FIXED_NOREPLACE over a mapping */

struct area {
    page_no first;
    uint32_t pages;
    uint32_t birth; /* map version that made it */
    uint8_t prot;   /* PROT_* */
    uint8_t pad[3];
};
_Static_assert(sizeof(struct area) == 16, "the arithmetic of AREAS_MAX");

/* Ascending, without overlap; two neighbours that touch differ in prot or birth. */
struct area_list {
    uint32_t count;
    struct area area[AREAS_MAX];
};

/* The right that the page table may give under this protection: i386 has no write without read. */
enum access area_most(uint8_t prot);
const struct area *area_find(const struct area_list *l, page_no page); /* NULL: not mapped */
/* The hole around `page`: its first page and length. Only when area_find() is NULL. */
void area_hole(const struct area_list *l, page_no page, page_no *first, uint32_t *pages);
bool area_is_free(const struct area_list *l, page_no first, uint32_t pages);
bool area_is_mapped(const struct area_list *l, page_no first, uint32_t pages); /* all of it */
/* Removes the range; splits what crosses its ends. -ERR_NO_MEMORY: a split needs a row that is not
 * there, nothing changed. */
int area_cut(struct area_list *l, page_no first, uint32_t pages);
/* Sets the protection of all that is mapped in the range; errors as area_cut. */
int area_protect(struct area_list *l, page_no first, uint32_t pages, uint8_t prot);
/* Adds an area to a free range, one with its neighbours where prot and birth agree; errors as
 * area_cut. */
int area_add(struct area_list *l, const struct area *a);

struct job_map {
    struct area_list areas;
    uint32_t version;   /* of the map; rises with every change */
    uint32_t gone_at;   /* version of the last unmapping */
    uint32_t brk_first; /* addresses; 0: the program has no heap yet */
    uint32_t brk;
};

/* What a map operation needs of the cluster: when `pages` is not 0, every node must give up its
 * access to the range (already changed in the map) before map_finish() and the answer. */
struct map_plan {
    page_no first;
    uint32_t pages;
    bool gone; /* unmapped; else only tightened to prot */
    uint8_t prot;
    struct area add; /* pages 0: nothing to add afterwards */
};

void map_init(struct job_map *map);
/* One map operation (enum map_op), arg[0..3] as in adapt/port.h behind the op. Returns the address
 * that the program gets, or -errno; the plan says what is left to do. After an error the map is
 * unchanged. */
int32_t map_begin(struct job_map *map, uint32_t op, const uint32_t arg[4], struct map_plan *plan);
void map_finish(struct job_map *map, const struct map_plan *plan);
