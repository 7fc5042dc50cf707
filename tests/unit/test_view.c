/* The view as a value: what a change makes of it, its digest, its hostile wire image [P 7.5]. */
/* sources: adapt/locator.c adapt/view.c adapt/view_parse.c adapt/format.c */
#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>

#include "adapt/locator.h"
#include "adapt/view.h"
#include "pure_assert.h"

static const uint8_t uuid[16] = {1, 2, 3};

static struct change add(uint64_t i, const char *name) {
    struct change c = {.kind = CHANGE_ADD, .mac = 0x5254000000ull + i, .nonce = 100 + i};

    memcpy(c.name, name, strlen(name));
    return c;
}

static struct view made(uint32_t members) {
    struct change c = add(1, "");
    struct view v, next;

    view_found(&v, uuid, LOCATOR_TREE, &c);
    for (uint32_t i = 2; i <= members; i++) {
        c = add(i, "");
        assert_int_equal(view_apply(&v, &c, 1, &next), 0);
        v = next;
    }
    c = (struct change){.kind = CHANGE_ROLES};
    assert_int_equal(view_apply(&v, &c, 1, &next), 0);
    return next;
}

static void test_found(void **state) {
    struct change self = add(1, "alpha");
    struct view v;

    (void)state;
    view_found(&v, uuid, LOCATOR_STAT, &self);
    assert_int_equal(v.epoch, 1);
    assert_int_equal(v.count, 1);
    assert_int_equal(v.managers, 1);
    assert_int_equal(v.next_id, 2);
    assert_int_equal(v.member[0].id, 1);
    assert_int_equal(v.member[0].role, ROLE_MEMBER);
    assert_int_equal(v.member[0].voter, 1);
    assert_int_equal(v.member[0].seat, 0);
    assert_string_equal(v.member[0].name, "alpha");
    assert_int_equal(locator_slots(v.slot, 0), SLOTS);
}

static void test_admission_and_roles(void **state) {
    struct change joiners[] = {add(2, "beta"), add(3, ""), add(4, "beta")};
    const struct change roles = {.kind = CHANGE_ROLES};
    struct view v = made(1), next, last;

    (void)state;
    assert_int_equal(view_apply(&v, joiners, 3, &next), 0);
    assert_int_equal(next.epoch, v.epoch + 1);
    assert_int_equal(view_in_role(&next, ROLE_JOINING), 3);
    assert_int_equal(view_voters(&next), 1);
    assert_int_equal(next.member[3].incarnation, next.epoch);
    assert_string_equal(next.member[1].name, "beta");
    assert_string_equal(next.member[2].name, "n3");
    assert_string_equal(next.member[3].name, "n4"); /* beta is taken */
    for (seat_id s = 0; s < 4; s++) {
        assert_int_equal(locator_slots(next.slot, s), SLOTS / 4);
    }
    assert_int_equal(view_apply(&next, &roles, 1, &last), 0);
    assert_int_equal(view_in_role(&last, ROLE_MEMBER), 4);
    assert_int_equal(view_voters(&last), 3); /* four have three [P 7.7] */
    assert_memory_equal(last.slot, next.slot, SLOTS); /* no slot moves [P 7.10] */
    assert_int_equal(view_proposer(&last)->id, 1);
}

/* An admission moves the joiner's share and nothing else [P 7.21]. */
static void test_admission_moves_least(void **state) {
    (void)state;
    for (uint32_t n = 1; n < MEMBERS_MAX; n++) {
        struct view v = made(n), next;
        const struct change c = add(50, "");
        uint32_t moved = 0;
        assert_int_equal(view_apply(&v, &c, 1, &next), 0);
        for (uint32_t i = 0; i < SLOTS; i++) {
            moved += v.slot[i] != next.slot[i];
        }
        assert_int_equal(moved, SLOTS / (n + 1));
    }
}

static void test_voters(void **state) {
    static const uint8_t voters[] = {0, 1, 1, 3, 3, 5, 5, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7};

    (void)state;
    for (uint32_t n = 1; n <= MEMBERS_MAX; n++) {
        struct view v = made(n);
        assert_int_equal(view_voters(&v), voters[n]);
        for (uint32_t i = 0; i < n; i++) {
            assert_int_equal(v.member[i].voter, i < voters[n]); /* lowest first */
        }
    }
}

static void test_leave_and_remove(void **state) {
    struct view v = made(5), next;
    struct change c = {.kind = CHANGE_LEAVE, .id = 2};

    (void)state;
    assert_int_equal(view_apply(&v, &c, 1, &next), 0);
    assert_int_equal(next.count, 5);
    assert_int_equal(next.managers, 4);
    assert_int_equal(next.member[1].role, ROLE_LEAVING);
    assert_int_equal(next.member[1].voter, 0);
    assert_int_equal(locator_slots(next.slot, 1), 0);
    assert_int_equal(view_voters(&next), 3);
    v = next;
    c.kind = CHANGE_REMOVE;
    assert_int_equal(view_apply(&v, &c, 1, &next), 0);
    assert_int_equal(next.count, 4);
    assert_null(view_by_id(&next, 2));
    assert_memory_equal(next.slot, v.slot, SLOTS); /* it had none left */
    v = next;
    c = add(9, ""); /* id never used again, seat is */
    assert_int_equal(view_apply(&v, &c, 1, &next), 0);
    assert_int_equal(next.member[4].id, 6);
    assert_int_equal(next.member[4].seat, 1);
    assert_ptr_equal(view_by_seat(&next, 1), &next.member[4]);
    v = next;
    c = (struct change){.kind = CHANGE_ROLES};
    assert_int_equal(view_apply(&v, &c, 1, &next), 0);
    assert_memory_equal(next.slot, v.slot, SLOTS); /* [P 7.10] whatever their history */
}

static void test_refused_changes(void **state) {
    struct view v = made(MEMBERS_MAX), next;
    struct change c = add(99, "");

    (void)state;
    assert_int_equal(view_apply(&v, &c, 1, &next), -ERR_NO_SPACE);
    v = made(3);
    c = add(2, "");
    assert_int_equal(view_apply(&v, &c, 1, &next), -ERR_BUSY);
    c.mac = 77; /* the nonce still is a member's */
    assert_int_equal(view_apply(&v, &c, 1, &next), -ERR_BUSY);
    c = (struct change){.kind = CHANGE_REMOVE, .id = 17};
    assert_int_equal(view_apply(&v, &c, 1, &next), -ERR_NO_ENTRY);
    v = made(1);
    c = (struct change){.kind = CHANGE_LEAVE, .id = 1};
    assert_int_equal(view_apply(&v, &c, 1, &next), -ERR_INVALID);
    c.kind = CHANGE_REMOVE;
    assert_int_equal(view_apply(&v, &c, 1, &next), -ERR_INVALID);
}

/* Random changes: every view made passes its own check, and the digest tells all apart. */
static void test_made_views_parse(void **state) {
    uint64_t random = 3;

    (void)state;
    for (uint32_t round = 0; round < 200; round++) {
        struct view v = made(1 + random_next(&random) % 16), next, copy;
        for (uint32_t step = 0; step < 30; step++) {
            struct change c = add(1000 + round * 100 + step, "");
            c.kind = (uint8_t)(random_next(&random) % 4);
            c.id = 1 + random_next(&random) % v.next_id;
            if (view_apply(&v, &c, 1, &next) != 0) {
                continue;
            }
            assert_null(view_parse(&copy, (const uint8_t *)&next, view_bytes(&next)));
            assert_memory_equal(&copy, &next, sizeof(copy));
            assert_true(view_digest(&copy) == view_digest(&next));
            assert_true(view_digest(&next) != view_digest(&v));
            v = next;
        }
    }
}

static void test_digest(void **state) {
    struct view v = made(4), other;
    struct view none = {0};
    uint64_t digest = view_digest(&v);

    (void)state;
    assert_true(view_digest(&none) == 0);
    for (uint32_t i = 0; i < view_bytes(&v); i++) {
        other = v;
        ((uint8_t *)&other)[i] ^= 1;
        if (other.count == v.count) {
            assert_true(view_digest(&other) != digest);
        }
    }
    other = v;
    other.member[7].mac = 1; /* behind the image */
    assert_true(view_digest(&other) == digest);
}

/* ---- hostile images -------------------------------------------------------------------------- */

static const char *parse(const struct view *v) {
    struct view copy;

    return view_parse(&copy, (const uint8_t *)v, view_bytes(v));
}

static void test_parse_reasons(void **state) {
    const struct view good = made(4);
    struct view v, copy;

    (void)state;
    assert_null(parse(&good));
    assert_non_null(view_parse(&copy, (const uint8_t *)&good, 0));
    assert_non_null(view_parse(&copy, (const uint8_t *)&good, view_bytes(&good) - 1));
    assert_non_null(view_parse(&copy, (const uint8_t *)&good, view_bytes(&good) + 56));
#define BAD(change)              \
    do {                         \
        v = good;                \
        change;                  \
        assert_non_null(parse(&v)); \
    } while (0)
    BAD(v.epoch = 0);
    BAD(v.count = 0);
    BAD(v.locator = 2);
    BAD(v.managers = 3);
    BAD(v.next_id = 4);
    BAD(v.next_id = 0);
    BAD(memset(v.uuid, 0, 16));
    BAD(v.slot[9] = 4);
    BAD(v.slot[255] = SLOT_NONE);
    BAD(v.member[1].mac = 0);
    BAD(v.member[1].mac = 1ull << 48);
    BAD(v.member[1].mac = v.member[0].mac);
    BAD(v.member[1].nonce = 0);
    BAD(v.member[3].nonce = v.member[0].nonce);
    BAD(v.member[1].id = 0);
    BAD(v.member[1].id = 1);
    BAD(v.member[1].id = 3);
    BAD(v.member[1].incarnation = 0);
    BAD(v.member[1].incarnation = v.epoch + 1);
    BAD(v.member[1].seat = 0);
    BAD(v.member[1].seat = VIEW_SEATS_MAX);
    BAD(v.member[1].seat = 0xFFFF);
    BAD(v.member[3].role = ROLE_NONE);
    BAD(v.member[3].role = ROLES);
    BAD(v.member[1].role = ROLE_LEAVING); /* a voter, with slots */
    BAD(v.member[3].role = ROLE_LEAVING); /* with slots */
    BAD(v.member[0].voter = 0);
    BAD(v.member[3].voter = 1);
    BAD(v.member[0].voter = 2);
    BAD(v.member[0].pad = 1);
    BAD(v.member[0].reserved = 1);
    BAD(v.member[2].name[0] = '\0');
    BAD(v.member[2].name[1] = '\033');
    BAD(v.member[2].name[15] = 'x');
    BAD(memset(v.member[2].name, 'x', NAME_BYTES));
    v = good;
    v.count = 17;
    assert_non_null(view_parse(&copy, (const uint8_t *)&v, sizeof(v)));
    uint8_t big[sizeof(struct view) + 56] = {0};
    memcpy(big, &v, sizeof(v));
    assert_non_null(view_parse(&copy, big, sizeof(big)));
}

/* Whatever passes can be used: any bytes, sanitizers watching. */
static void test_parse_anything(void **state) {
    uint64_t random = 5;
    uint32_t passed = 0;

    (void)state;
    for (uint32_t round = 0; round < 100000; round++) {
        struct view v = made(1 + round % 16 % (round % 64 == 0 ? 16 : 4)), copy;
        uint32_t size = view_bytes(&v);
        for (uint32_t k = random_next(&random) % 4; k != 0; k--) {
            ((uint8_t *)&v)[random_next(&random) % size] = (uint8_t)random_next(&random);
        }
        if (view_parse(&copy, (const uint8_t *)&v, size) == NULL) {
            passed++;
            for (uint64_t page = 0; page < 8; page++) {
                seat_id seat = locate(&copy, key_make(SERVICE_DSM, 1, page));
                assert_non_null(view_by_seat(&copy, seat));
            }
            assert_non_null(view_proposer(&copy));
        }
    }
    assert_true(passed > 1000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_found),
        cmocka_unit_test(test_admission_and_roles),
        cmocka_unit_test(test_admission_moves_least),
        cmocka_unit_test(test_voters),
        cmocka_unit_test(test_leave_and_remove),
        cmocka_unit_test(test_refused_changes),
        cmocka_unit_test(test_made_views_parse),
        cmocka_unit_test(test_digest),
        cmocka_unit_test(test_parse_reasons),
        cmocka_unit_test(test_parse_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
