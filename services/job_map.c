/* Linux's rules for the map of a job. Every operation is checked whole before the map changes; what
 * takes rights away changes the map at once and leaves a plan, because the answer waits for every
 * node [P 9.2].
 *
 * Births: a page may only join an area older than itself when no unmapping happened since that area
 * was made: then no straggler of an unmapped page can carry the area's birth. So growth after
 * growth is one area (heaps, stacks), and growth after an unmapping is a new one. */
#include "services/job_map.h"

void map_init(struct job_map *map) {
    memset(map, 0, sizeof(*map));
    map->version = 1;
}

static uint32_t pages_of(uint32_t bytes) {
    return (uint32_t)(((uint64_t)bytes + PAGE_BYTES - 1) / PAGE_BYTES);
}

/* An address as a result: above 0x7FFFFFFF it is a negative number, as in Linux. */
static int32_t address_result(uint32_t address) {
    return (int32_t)address;
}

static bool in_user_space(page_no first, uint32_t pages) {
    return first >= USER_FIRST_PAGE && pages <= USER_END_PAGE && first <= USER_END_PAGE - pages;
}

/* An area of the neighbourhood that new pages may join (see above). */
static bool is_joinable(const struct job_map *map, const struct area *a, uint8_t prot) {
    return a != NULL && a->prot == prot && a->birth > map->gone_at;
}

static int map_grow(struct job_map *map, page_no first, uint32_t pages, uint8_t prot) {
    const struct area *below = area_find(&map->areas, first - 1);
    const struct area *above = area_find(&map->areas, first + pages);
    struct area a = {.first = first, .pages = pages, .birth = map->version + 1, .prot = prot};

    if (is_joinable(map, below, prot)) {
        a.birth = below->birth;
    } else if (is_joinable(map, above, prot)) {
        a.birth = above->birth;
    }
    int result = area_add(&map->areas, &a);

    if (result == 0) {
        map->version++;
    }
    return result;
}

/* Takes the range out of the map; the nodes follow by the plan. */
static int map_remove(struct job_map *map, page_no first, uint32_t pages, struct map_plan *plan) {
    if (area_is_free(&map->areas, first, pages)) {
        return 0;
    }
    int result = area_cut(&map->areas, first, pages);

    if (result == 0) {
        map->gone_at = ++map->version;
        plan->first = first;
        plan->pages = pages;
        plan->gone = true;
    }
    return result;
}

/* Highest gap of that many pages below MMAP_END_PAGE; 0: none. */
static page_no gap_find(const struct area_list *l, uint32_t pages) {
    page_no end = MMAP_END_PAGE;

    for (uint32_t i = l->count; i > 0; i--) {
        const struct area *a = &l->area[i - 1];
        if (a->first >= MMAP_END_PAGE) {
            continue;
        }
        page_no low = a->first + a->pages;
        if (low < end && end - low >= pages) {
            return end - pages;
        }
        end = a->first < end ? a->first : end;
    }
    return end >= MMAP_FIRST_PAGE && end - MMAP_FIRST_PAGE >= pages ? end - pages : 0;
}

/* Maps a given range, replacing what is there. */
static int32_t map_fixed(struct job_map *map, page_no first, uint32_t pages, uint8_t prot,
                         struct map_plan *plan) {
    if (area_is_free(&map->areas, first, pages)) {
        int result = map_grow(map, first, pages, prot);
        return result < 0 ? result : address_result(first * PAGE_BYTES);
    }
    if (map->areas.count + 2 > AREAS_MAX) {
        return -ERR_NO_MEMORY; /* one row for a split, one for the new area */
    }
    int result = map_remove(map, first, pages, plan);

    ASSERT(result == 0);
    plan->add = (struct area){.first = first, .pages = pages, .prot = prot};
    return address_result(first * PAGE_BYTES);
}

static int32_t map_mmap(struct job_map *map, const uint32_t arg[4], struct map_plan *plan) {
    uint32_t pages = pages_of(arg[1]);
    page_no first = arg[0] / PAGE_BYTES;
    uint8_t prot = (uint8_t)(arg[2] & PROT_MASK);
    bool fixed = (arg[3] & (MAP_FLAG_FIXED | MAP_FLAG_NOREPLACE)) != 0;

    if (pages == 0) {
        return -ERR_INVALID;
    }
    if (fixed && arg[0] % PAGE_BYTES != 0) {
        return -ERR_INVALID;
    }
    if (fixed && first < USER_FIRST_PAGE) {
        return -ERR_PERMISSION;
    }
    if (fixed && !in_user_space(first, pages)) {
        return -ERR_NO_MEMORY;
    }
    bool is_free = in_user_space(first, pages) && area_is_free(&map->areas, first, pages);

    if ((arg[3] & MAP_FLAG_NOREPLACE) != 0 && !is_free) {
        return -ERR_EXISTS;
    }
    if (fixed) {
        return map_fixed(map, first, pages, prot, plan);
    }
    if (first == 0 || !is_free) {
        first = gap_find(&map->areas, pages);
    }
    return first == 0 ? -ERR_NO_MEMORY : map_fixed(map, first, pages, prot, plan);
}

static int32_t map_segment(struct job_map *map, const uint32_t arg[4], struct map_plan *plan) {
    page_no first = arg[0] / PAGE_BYTES;
    uint64_t end = (uint64_t)arg[0] + arg[1];
    uint32_t pages = (uint32_t)((end + PAGE_BYTES - 1) / PAGE_BYTES) - first;

    if (arg[1] == 0 || !in_user_space(first, pages)) {
        return -ERR_INVALID;
    }
    int32_t result = map_fixed(map, first, pages, (uint8_t)(arg[2] & PROT_MASK), plan);
    bool failed = result < 0 && result > -4096;

    if (!failed && arg[3] == 1) {
        map->brk_first = (first + pages) * PAGE_BYTES;
        map->brk = map->brk_first;
    }
    return result;
}

static int32_t map_munmap(struct job_map *map, const uint32_t arg[4], struct map_plan *plan) {
    page_no first = arg[0] / PAGE_BYTES;
    uint32_t pages = pages_of(arg[1]);

    if (arg[0] % PAGE_BYTES != 0 || pages == 0 || pages > USER_END_PAGE ||
        first > USER_END_PAGE - pages) {
        return -ERR_INVALID;
    }
    return map_remove(map, first, pages, plan);
}

/* Does the protection take a right away somewhere in the range? Execute alone is no right on
 * i386. */
static bool is_tighter(const struct area_list *l, page_no first, uint32_t pages, uint8_t prot) {
    for (page_no page = first; page < first + pages;) {
        const struct area *a = area_find(l, page);
        if (area_most(a->prot) > area_most(prot)) {
            return true;
        }
        page = a->first + a->pages;
    }
    return false;
}

static int32_t map_mprotect(struct job_map *map, const uint32_t arg[4], struct map_plan *plan) {
    page_no first = arg[0] / PAGE_BYTES;
    uint32_t pages = pages_of(arg[1]);
    uint8_t prot = (uint8_t)arg[2];

    if (arg[0] % PAGE_BYTES != 0 || (arg[2] & ~(uint32_t)PROT_MASK) != 0) {
        return -ERR_INVALID;
    }
    if (pages == 0) {
        return 0;
    }
    if (!in_user_space(first, pages) || !area_is_mapped(&map->areas, first, pages)) {
        return -ERR_NO_MEMORY;
    }
    bool tighter = is_tighter(&map->areas, first, pages, prot);
    int result = area_protect(&map->areas, first, pages, prot);

    if (result < 0) {
        return result;
    }
    map->version++;
    if (tighter) {
        plan->first = first;
        plan->pages = pages;
        plan->prot = prot;
    }
    return 0;
}

static int32_t map_brk(struct job_map *map, const uint32_t arg[4], struct map_plan *plan) {
    uint32_t end = pages_of(map->brk);
    uint32_t wanted = pages_of(arg[0]);
    int result = 0;

    if (arg[0] < map->brk_first || map->brk_first == 0 || wanted > USER_END_PAGE) {
        return address_result(map->brk);
    }
    if (wanted > end) {
        result = area_is_free(&map->areas, end, wanted - end)
                     ? map_grow(map, end, wanted - end, PROT_MASK & 3)
                     : -ERR_NO_MEMORY;
    } else if (wanted < end) {
        result = map_remove(map, wanted, end - wanted, plan);
    }
    if (result == 0) {
        map->brk = arg[0];
    }
    return address_result(map->brk);
}

static int32_t map_mremap(struct job_map *map, const uint32_t arg[4], struct map_plan *plan) {
    page_no first = arg[0] / PAGE_BYTES;
    uint32_t old = pages_of(arg[1]);
    uint32_t new = pages_of(arg[2]);
    const struct area *a = area_find(&map->areas, first);
    int result = 0;

    if (arg[0] % PAGE_BYTES != 0 || old == 0 || new == 0) {
        return -ERR_INVALID;
    }
    if (a == NULL || !in_user_space(first, old) || first + old > a->first + a->pages) {
        return -ERR_FAULT;
    }
    if (new < old) {
        result = map_remove(map, first + new, old - new, plan);
    } else if (new > old) {
        bool is_room =
            in_user_space(first, new) && area_is_free(&map->areas, first + old, new - old);
        result = is_room ? map_grow(map, first + old, new - old, a->prot) : -ERR_NO_MEMORY;
    }
    return result < 0 ? result : address_result(arg[0]);
}

int32_t map_begin(struct job_map *map, uint32_t op, const uint32_t arg[4], struct map_plan *plan) {
    memset(plan, 0, sizeof(*plan));
    switch (op) {
    case MAP_BRK:
        return map_brk(map, arg, plan);
    case MAP_MMAP:
        return map_mmap(map, arg, plan);
    case MAP_MUNMAP:
        return map_munmap(map, arg, plan);
    case MAP_MPROTECT:
        return map_mprotect(map, arg, plan);
    case MAP_SEGMENT:
        return map_segment(map, arg, plan);
    case MAP_MREMAP:
        return map_mremap(map, arg, plan);
    default:
        return -ERR_NO_CALL;
    }
}

void map_finish(struct job_map *map, const struct map_plan *plan) {
    if (plan->add.pages == 0) {
        return;
    }
    struct area a = plan->add;

    a.birth = ++map->version;
    int result = area_add(&map->areas, &a);

    ASSERT(result == 0); /* map_fixed has kept a row */
}
