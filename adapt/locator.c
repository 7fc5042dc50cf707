/* The locator's two maps and the dealing of slots. Pure; called for every request, so locate() is a
 * few shifts and one array access [RR 3.3.2: "constant in time"]. */
#include "adapt/locator.h"

/* 2^32 mod N folds the upper half, so that the usual small index costs one 32-bit division: the
 * 64-bit one is a library call on i586. */
static uint32_t index_modulo(uint64_t index, uint32_t n) {
    uint32_t low = (uint32_t)index % n;
    uint32_t high = (uint32_t)(index >> 32);

    if (high != 0) {
        uint32_t fold = (UINT32_MAX % n + 1) % n;
        low = (low + high % n * fold) % n;
    }
    return low;
}

/* Members that are leaving manage nothing: the i-th of the others. */
static seat_id manager_at(const struct view *v, uint32_t i) {
    for (uint32_t k = 0; k < v->count; k++) {
        if (v->member[k].role == ROLE_LEAVING) {
            continue;
        }
        if (i-- == 0) {
            return v->member[k].seat;
        }
    }
    return SEAT_NONE;
}

seat_id locate(const struct view *v, uint64_t key) {
    if (v->locator == LOCATOR_TREE) {
        return v->slot[mix64(key) & 0xFF];
    }
    uint32_t i = index_modulo(key_index(key), v->managers);

    return v->managers == v->count ? v->member[i].seat : manager_at(v, i);
}

uint32_t locator_slots(const uint8_t slot[SLOTS], seat_id seat) {
    uint32_t count = 0;

    for (uint32_t i = 0; i < SLOTS; i++) {
        count += slot[i] == seat;
    }
    return count;
}

/* The share of each seat: base, and one more for `extra` of them. Those that have more than base
 * already get it first: every other choice moves a slot more. Ties: the order of seats[]. */
static void share_out(uint32_t *quota, const uint32_t *has, uint32_t count) {
    uint32_t base = SLOTS / count;
    uint32_t extra = SLOTS % count;

    for (uint32_t k = 0; k < count; k++) {
        quota[k] = base;
        if (has[k] > base && extra != 0) {
            quota[k]++;
            extra--;
        }
    }
    for (uint32_t k = 0; k < count && extra != 0; k++) {
        if (quota[k] == base) {
            quota[k]++;
            extra--;
        }
    }
}

static uint32_t seat_at(const seat_id *seats, uint32_t count, uint8_t seat) {
    for (uint32_t k = 0; k < count; k++) {
        if (seats[k] == seat) {
            return k;
        }
    }
    return count;
}

/* The seat that lacks most slots: a joiner's slots are spread over the whole cell. */
static uint32_t neediest(const uint32_t *quota, const uint32_t *has, uint32_t count) {
    uint32_t best = count;

    for (uint32_t k = 0; k < count; k++) {
        bool needs = has[k] < quota[k];
        if (needs && (best == count || quota[k] - has[k] > quota[best] - has[best])) {
            best = k;
        }
    }
    return best;
}

void locator_deal(uint8_t slot[SLOTS], const seat_id *seats, uint32_t count) {
    uint32_t has[MEMBERS_MAX] = {0};
    uint32_t quota[MEMBERS_MAX];

    ASSERT(count >= 1 && count <= MEMBERS_MAX);
    for (uint32_t k = 0; k < count; k++) {
        ASSERT(seats[k] < SLOT_NONE);
        has[k] = locator_slots(slot, seats[k]);
    }
    share_out(quota, has, count);
    for (uint32_t i = 0; i < SLOTS; i++) {
        uint32_t k = seat_at(seats, count, slot[i]);
        if (k == count) {
            slot[i] = SLOT_NONE;
        } else if (has[k] > quota[k]) {
            slot[i] = SLOT_NONE;
            has[k]--;
        }
    }
    for (uint32_t i = 0; i < SLOTS; i++) {
        if (slot[i] != SLOT_NONE) {
            continue;
        }
        uint32_t k = neediest(quota, has, count);
        ASSERT(k < count);
        slot[i] = (uint8_t)seats[k];
        has[k]++;
    }
}
