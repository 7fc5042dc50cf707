/* Lists of areas: find, cut, protect, add. Ascending without overlap, so every search is a
 * bisection and every change moves the tail of one array of <= AREAS_MAX rows. Room is counted
 * before anything changes. */
#include "services/job_map.h"

enum access area_most(uint8_t prot) {
    if ((prot & 2) != 0) {
        return ACCESS_WRITE;
    }
    return prot != 0 ? ACCESS_READ : ACCESS_NONE;
}

static page_no area_end(const struct area *a) {
    return a->first + a->pages;
}

/* Index of the first area that ends behind `page`; count when there is none. */
static uint32_t area_index(const struct area_list *l, page_no page) {
    uint32_t low = 0;
    uint32_t high = l->count;

    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (area_end(&l->area[middle]) > page) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

const struct area *area_find(const struct area_list *l, page_no page) {
    uint32_t i = area_index(l, page);

    return i < l->count && l->area[i].first <= page ? &l->area[i] : NULL;
}

void area_hole(const struct area_list *l, page_no page, page_no *first, uint32_t *pages) {
    uint32_t i = area_index(l, page);
    page_no end = i < l->count ? l->area[i].first : USER_END_PAGE;

    ASSERT(area_find(l, page) == NULL);
    *first = i > 0 ? area_end(&l->area[i - 1]) : 0;
    *pages = end > page ? end - *first : 1;
}

bool area_is_free(const struct area_list *l, page_no first, uint32_t pages) {
    uint32_t i = area_index(l, first);

    return i == l->count || l->area[i].first >= first + pages;
}

bool area_is_mapped(const struct area_list *l, page_no first, uint32_t pages) {
    page_no page = first;

    for (uint32_t i = area_index(l, first); i < l->count && page < first + pages; i++) {
        if (l->area[i].first > page) {
            return false;
        }
        page = area_end(&l->area[i]);
    }
    return page >= first + pages;
}

static void row_remove(struct area_list *l, uint32_t i) {
    memmove(&l->area[i], &l->area[i + 1], (l->count - i - 1) * sizeof(l->area[0]));
    l->count--;
}

static void row_insert(struct area_list *l, uint32_t i, const struct area *a) {
    ASSERT(l->count < AREAS_MAX);
    memmove(&l->area[i + 1], &l->area[i], (l->count - i) * sizeof(l->area[0]));
    l->area[i] = *a;
    l->count++;
}

/* Makes `page` a border: an area that crosses it becomes two. */
static void split_at(struct area_list *l, page_no page) {
    uint32_t i = area_index(l, page);

    if (i == l->count || l->area[i].first >= page) {
        return;
    }
    struct area head = l->area[i];

    head.pages = page - head.first;
    l->area[i].pages -= head.pages;
    l->area[i].first = page;
    row_insert(l, i, &head);
}

/* Rows that borders at both ends of the range add. */
static uint32_t rows_for_split(const struct area_list *l, page_no first, uint32_t pages) {
    const struct area *low = area_find(l, first);
    const struct area *high = area_find(l, first + pages);

    return (low != NULL && low->first < first ? 1u : 0u) +
           (high != NULL && high->first < first + pages ? 1u : 0u);
}

int area_cut(struct area_list *l, page_no first, uint32_t pages) {
    const struct area *a = area_find(l, first);
    bool inside = a != NULL && a->first < first && area_end(a) > first + pages;

    if (inside && l->count == AREAS_MAX) {
        return -ERR_NO_MEMORY;
    }
    if (inside) {
        split_at(l, first);
    }
    uint32_t i = area_index(l, first);

    if (i < l->count && l->area[i].first < first) {
        l->area[i].pages = first - l->area[i].first;
        i++;
    }
    while (i < l->count && area_end(&l->area[i]) <= first + pages) {
        row_remove(l, i);
    }
    if (i < l->count && l->area[i].first < first + pages) {
        uint32_t lost = first + pages - l->area[i].first;
        l->area[i].first += lost;
        l->area[i].pages -= lost;
    }
    return 0;
}

static bool can_join(const struct area *a, const struct area *b) {
    return area_end(a) == b->first && a->prot == b->prot && a->birth == b->birth;
}

/* Joins area i with the next one if nothing tells them apart. */
static bool join_next(struct area_list *l, uint32_t i) {
    if (i + 1 >= l->count || !can_join(&l->area[i], &l->area[i + 1])) {
        return false;
    }
    l->area[i].pages += l->area[i + 1].pages;
    row_remove(l, i + 1);
    return true;
}

int area_protect(struct area_list *l, page_no first, uint32_t pages, uint8_t prot) {
    if (l->count + rows_for_split(l, first, pages) > AREAS_MAX) {
        return -ERR_NO_MEMORY;
    }
    split_at(l, first);
    split_at(l, first + pages);
    uint32_t begin = area_index(l, first);
    uint32_t i = begin;

    for (; i < l->count && l->area[i].first < first + pages; i++) {
        l->area[i].prot = prot;
    }
    uint32_t end = i < l->count ? i : l->count;

    for (i = begin > 0 ? begin - 1 : 0; i < end && i + 1 < l->count;) {
        if (join_next(l, i)) {
            end--;
        } else {
            i++;
        }
    }
    return 0;
}

int area_add(struct area_list *l, const struct area *a) {
    uint32_t i = area_index(l, a->first);

    ASSERT(a->pages > 0 && area_is_free(l, a->first, a->pages));
    if (i > 0 && can_join(&l->area[i - 1], a)) {
        l->area[i - 1].pages += a->pages;
        join_next(l, i - 1);
        return 0;
    }
    if (i < l->count && can_join(a, &l->area[i])) {
        l->area[i].first = a->first;
        l->area[i].pages += a->pages;
        return 0;
    }
    if (l->count == AREAS_MAX) {
        return -ERR_NO_MEMORY;
    }
    row_insert(l, i, a);
    return 0;
}
