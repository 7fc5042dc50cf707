/* test_lan_held.c: the switch's queue and time heap keep every frame and its order. */
/* sources: tools/lan/held.c tools/lan/faults.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/lan/faults.h"
#include "tools/lan/held.h"

#define FRAMES 5000u

static uint32_t dice_state = 1;

static uint32_t dice(uint32_t below) {
    dice_state = dice_state * 1664525u + 1013904223u;
    return (dice_state >> 8) % below;
}

static struct lan_frame *numbered(uint32_t number) {
    struct lan_frame *frame = lan_frame_copy((const uint8_t *)&number, sizeof(number), 3);

    assert_non_null(frame);
    assert_int_equal(frame->port, 3);
    assert_int_equal(frame->frame_bytes, sizeof(number));
    return frame;
}

static uint32_t number_of(const struct lan_frame *frame) {
    uint32_t number;

    memcpy(&number, frame->bytes, sizeof(number));
    return number;
}

static void test_queue_is_first_in_first_out(void **state) {
    struct lan_queue queue;
    uint32_t put = 0;
    uint32_t taken = 0;

    (void)state;
    lan_queue_init(&queue);
    lan_queue_drop_first(&queue); /* of an empty one: nothing */
    while (taken < FRAMES) {
        for (uint32_t i = dice(5); i > 0; i--) {
            lan_queue_put(&queue, numbered(put++));
        }
        if (queue.first != NULL) {
            assert_int_equal(number_of(queue.first), taken++);
            lan_queue_drop_first(&queue);
        }
        assert_int_equal(queue.frames_count, put - taken);
    }
    while (queue.first != NULL) {
        lan_queue_drop_first(&queue);
    }
}

/* Mixed puts and takes: never a frame before an earlier one; equal times in order of arrival. */
static void test_heap_gives_the_earliest(void **state) {
    struct lan_held held;
    uint64_t last_due = 0;
    uint64_t last_order = 0;
    uint32_t put = 0;
    uint32_t taken = 0;

    (void)state;
    assert_int_equal(lan_held_init(&held), 0);
    assert_null(lan_held_take(&held));
    while (taken < FRAMES) {
        struct lan_frame *frame;

        for (uint32_t i = put < FRAMES ? 1 + dice(4) : 0; i > 0; i--) {
            frame = numbered(put++);
            frame->due_us = last_due + dice(20);
            assert_int_equal(lan_held_put(&held, frame), 0);
        }
        frame = lan_held_take(&held);
        if (frame == NULL) {
            break;
        }
        taken++;
        assert_true(frame->due_us > last_due ||
                    (frame->due_us == last_due && frame->order >= last_order));
        last_due = frame->due_us;
        last_order = frame->order;
        free(frame);
    }
    while (lan_held_first(&held) != NULL) {
        free(lan_held_take(&held));
    }
    free(held.heap);
}

static void test_heap_has_a_limit(void **state) {
    struct lan_held held;
    struct lan_frame *one_more = numbered(0);

    (void)state;
    assert_int_equal(lan_held_init(&held), 0);
    for (uint32_t i = 0; i < LAN_HELD_FRAMES_MAX; i++) {
        assert_int_equal(lan_held_put(&held, numbered(i)), 0);
    }
    assert_int_equal(lan_held_put(&held, one_more), -1);
    free(one_more);
    for (uint32_t i = 0; i < LAN_HELD_FRAMES_MAX; i++) {
        struct lan_frame *frame = lan_held_take(&held);

        assert_int_equal(number_of(frame), i);
        free(frame);
    }
    free(held.heap);
}

static void test_verdicts_are_a_function_of_their_arguments(void **state) {
    struct lan_faults faults;
    char why[256];
    uint32_t lost = 0;
    uint32_t differ = 0;

    (void)state;
    assert_int_equal(
        lan_faults_parse(&faults, "loss=25,dup=25,reorder=25,corrupt=25,seed=7", why, sizeof(why)),
        0);
    for (uint64_t number = 0; number < 20000; number++) {
        struct lan_verdict a = lan_faults_judge(&faults, 1, 2, number);
        struct lan_verdict b = lan_faults_judge(&faults, 1, 2, number);
        struct lan_verdict back = lan_faults_judge(&faults, 2, 1, number);

        assert_int_equal(a.dice, b.dice);
        assert_int_equal(a.hold_us, b.hold_us);
        assert_true(a.corrupt_bits <= LAN_CORRUPT_BITS_MAX);
        assert_true(a.is_late ? a.hold_us >= LAN_HOLD_US_MIN && a.hold_us <= LAN_HOLD_US_MAX
                              : a.hold_us == 0);
        lost += a.is_lost;
        differ += a.is_lost != back.is_lost;
    }
    assert_in_range(lost, 4700, 5300); /* 25 % of 20000 = 5000, 5 sigma = 306 */
    assert_in_range(differ, 7100, 7900);
}

static void test_certain_faults_are_certain(void **state) {
    struct lan_faults faults;
    char why[256];

    (void)state;
    assert_int_equal(lan_faults_parse(&faults, "loss=100,seed=1", why, sizeof(why)), 0);
    for (uint64_t number = 0; number < 10000; number++) {
        assert_true(lan_faults_judge(&faults, 0, 1, number).is_lost);
    }
    assert_int_equal(lan_faults_parse(&faults, "", why, sizeof(why)), 0);
    assert_true(lan_faults_is_clean(&faults));
    for (uint64_t number = 0; number < 10000; number++) {
        assert_false(lan_faults_judge(&faults, 0, 1, number).is_lost);
    }
}

/* Every frame size around the addresses: never a write outside, never a changed address. */
static void test_corruption_stays_inside(void **state) {
    struct lan_faults faults;
    char why[256];

    (void)state;
    assert_int_equal(lan_faults_parse(&faults, "corrupt=100,seed=1", why, sizeof(why)), 0);
    for (size_t bytes = 0; bytes < 64; bytes++) {
        uint8_t *frame = calloc(1, bytes + 1);
        struct lan_verdict verdict = lan_faults_judge(&faults, 0, 1, bytes);
        uint32_t flipped = 0;

        lan_faults_corrupt(&verdict, frame, bytes);
        for (size_t i = 0; i < bytes + 1; i++) {
            flipped += (uint32_t)__builtin_popcount(frame[i]);
            assert_true(frame[i] == 0 || (i >= LAN_MAC_BYTES && i < bytes));
        }
        assert_int_equal(flipped, bytes > LAN_MAC_BYTES ? verdict.corrupt_bits : 0);
        free(frame);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_queue_is_first_in_first_out),
        cmocka_unit_test(test_heap_gives_the_earliest),
        cmocka_unit_test(test_heap_has_a_limit),
        cmocka_unit_test(test_verdicts_are_a_function_of_their_arguments),
        cmocka_unit_test(test_certain_faults_are_certain),
        cmocka_unit_test(test_corruption_stays_inside),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
