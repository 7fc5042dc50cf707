/* The locator: balance, minimal movement, and what each kind answers [P 7.20, 7.21]. */
/* sources: adapt/locator.c adapt/view.c adapt/view_parse.c adapt/format.c */
#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>

#include "adapt/locator.h"
#include "pure_assert.h"

static void check_balance(const uint8_t slot[SLOTS], const seat_id *seats, uint32_t count) {
    uint32_t sum = 0;

    for (uint32_t k = 0; k < count; k++) {
        uint32_t has = locator_slots(slot, seats[k]);
        assert_true(has == SLOTS / count || has == SLOTS / count + 1);
        sum += has;
    }
    assert_int_equal(sum, SLOTS);
}

/* The smallest number of moves that any balanced deal needs. */
static uint32_t least_moves(const uint8_t slot[SLOTS], const seat_id *seats, uint32_t count) {
    uint32_t base = SLOTS / count, extra = SLOTS % count, stays = 0;

    for (uint32_t k = 0; k < count; k++) {
        uint32_t has = locator_slots(slot, seats[k]);
        bool more = has > base && extra != 0;
        extra -= more;
        stays += has < base + more ? has : base + more;
    }
    return SLOTS - stays;
}

static uint32_t deal(uint8_t slot[SLOTS], const seat_id *seats, uint32_t count) {
    uint8_t before[SLOTS];
    uint32_t moved = 0;

    memcpy(before, slot, SLOTS);
    uint32_t least = least_moves(slot, seats, count);
    locator_deal(slot, seats, count);
    check_balance(slot, seats, count);
    for (uint32_t i = 0; i < SLOTS; i++) {
        moved += before[i] != slot[i];
    }
    assert_int_equal(moved, least);
    return moved;
}

/* One by one up to 16, then each member leaving once: every N, every add, every remove. */
static void test_every_size(void **state) {
    seat_id seats[MEMBERS_MAX];

    (void)state;
    for (uint32_t n = 1; n <= MEMBERS_MAX; n++) {
        uint8_t slot[SLOTS];
        memset(slot, SLOT_NONE, SLOTS);
        for (uint32_t k = 0; k < n; k++) {
            seats[k] = (seat_id)k;
            uint32_t moved = deal(slot, seats, k + 1);
            assert_true(k == 0 ? moved == SLOTS : moved == SLOTS / (k + 1));
        }
        assert_int_equal(deal(slot, seats, n), 0); /* nothing changed: nothing moves */
        for (uint32_t gone = 0; n > 1 && gone < n; gone++) {
            uint8_t copy[SLOTS];
            seat_id left[MEMBERS_MAX];
            memcpy(copy, slot, SLOTS);
            for (uint32_t k = 0; k + 1 < n; k++) {
                left[k] = seats[k + (k >= gone)];
            }
            uint32_t had = locator_slots(copy, seats[gone]);
            assert_int_equal(deal(copy, left, n - 1), had);
        }
    }
}

static uint32_t random_seats(uint64_t *random, seat_id seats[MEMBERS_MAX]) {
    uint32_t want = random_next(random);
    uint32_t count = 0;

    for (seat_id s = 0; s < MEMBERS_MAX; s++) {
        if (want >> s & 1) {
            seats[count++] = s;
        }
    }
    return count;
}

/* From any N to any M members, whichever they are. */
static void test_every_change(void **state) {
    uint64_t random = 7;

    (void)state;
    for (uint32_t round = 0; round < 300; round++) {
        uint8_t slot[SLOTS];
        memset(slot, SLOT_NONE, SLOTS);
        for (uint32_t step = 0; step < 20; step++) {
            seat_id seats[MEMBERS_MAX];
            uint32_t count = random_seats(&random, seats);
            if (count != 0) {
                deal(slot, seats, count);
            }
        }
    }
}

static void make_view(struct view *v, enum locator_kind kind, uint32_t members) {
    static const uint8_t uuid[16] = {1};
    struct change c = {.kind = CHANGE_ADD, .mac = 1, .nonce = 1};
    struct view next;

    view_found(v, uuid, kind, &c);
    for (uint32_t i = 2; i <= members; i++) {
        c.mac = c.nonce = i;
        assert_int_equal(view_apply(v, &c, 1, &next), 0);
        *v = next;
    }
}

static void test_tree(void **state) {
    struct view v;
    uint32_t keys[MEMBERS_MAX] = {0};

    (void)state;
    make_view(&v, LOCATOR_TREE, 5);
    for (uint64_t page = 0; page < 100000; page++) {
        uint64_t key = key_make(SERVICE_DSM, 3, page);
        seat_id seat = locate(&v, key);
        assert_int_equal(seat, v.slot[mix64(key) & 0xFF]);
        keys[seat]++;
    }
    for (uint32_t s = 0; s < 5; s++) {
        assert_in_range(keys[s], 18000, 22000);
    }
}

static void test_stat(void **state) {
    struct view v, next;

    (void)state;
    make_view(&v, LOCATOR_STAT, 7);
    for (uint64_t page = 0; page < 1000; page++) {
        assert_int_equal(locate(&v, key_make(SERVICE_DSM, 9, page)), page % 7);
    }
    for (uint64_t i = 0; i < 1000; i++) {
        uint64_t index = 0xFFFFFFFFFFull - i * 0x10000001ull;
        assert_int_equal(locate(&v, key_make(SERVICE_SYNC, 9, index)), index % 7);
    }
    const struct change both[] = {{.kind = CHANGE_ROLES}, {.kind = CHANGE_LEAVE, .id = 3}};
    assert_int_equal(view_apply(&v, both, 2, &next), 0);
    static const seat_id left[] = {0, 1, 3, 4, 5, 6};
    for (uint64_t page = 0; page < 1000; page++) {
        assert_int_equal(locate(&next, key_make(SERVICE_DSM, 9, page)), left[page % 6]);
    }
    next.locator = LOCATOR_TREE;
    for (uint64_t page = 0; page < 1000; page++) {
        assert_int_not_equal(locate(&next, key_make(SERVICE_DSM, 9, page)), 2);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_size),
        cmocka_unit_test(test_every_change),
        cmocka_unit_test(test_tree),
        cmocka_unit_test(test_stat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
