/* The queue of frames for COM2: order, joining, whole or not at all, the room it promises. */
/* sources: kernel/console/frame_queue.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/console/frame_queue.h"

enum { RING = 4096 };
static uint8_t ring[RING], payload[CHANNEL_PAYLOAD_MAX];
static struct frame_queue q;

static int setup(void **state) {
    (void)state;
    frame_queue_init(&q, ring, RING);
    return 0;
}

static void expect(uint8_t type, uint8_t stream, const char *text) {
    struct channel_frame f;

    assert_true(frame_queue_take(&q, &f, payload));
    assert_int_equal(f.type, type);
    assert_int_equal(f.stream, stream);
    assert_int_equal(f.payload_bytes, strlen(text));
    assert_memory_equal(f.payload, text, strlen(text));
}

static void put(uint8_t type, uint8_t stream, const char *text) {
    assert_true(frame_queue_put(&q, type, stream, text, (uint32_t)strlen(text)));
}

static void bytes_join_their_own_only(void **state) {
    struct channel_frame f;

    (void)state;
    put(CHANNEL_STDOUT, 1, "ab");
    put(CHANNEL_STDOUT, 1, "cd");
    put(CHANNEL_STDERR, 1, "e");
    put(CHANNEL_STDOUT, 1, "f");
    put(CHANNEL_STDOUT, 2, "g");
    put(CHANNEL_EXIT, 2, "0000");
    put(CHANNEL_EXIT, 2, "1111");
    expect(CHANNEL_STDOUT, 1, "abcd");
    expect(CHANNEL_STDERR, 1, "e");
    expect(CHANNEL_STDOUT, 1, "f");
    expect(CHANNEL_STDOUT, 2, "g");
    expect(CHANNEL_EXIT, 2, "0000");
    expect(CHANNEL_EXIT, 2, "1111");
    assert_false(frame_queue_take(&q, &f, payload));
}

/* The empty STATUS frame ends an object: nothing joins it, nor what was sent already. */
static void an_empty_frame_stays_alone(void **state) {
    (void)state;
    put(CHANNEL_STATUS, 0, "{}");
    put(CHANNEL_STATUS, 0, "");
    put(CHANNEL_STATUS, 0, "{2}");
    expect(CHANNEL_STATUS, 0, "{}");
    put(CHANNEL_STATUS, 0, "!");
    expect(CHANNEL_STATUS, 0, "");
    expect(CHANNEL_STATUS, 0, "{2}!");
    assert_true(frame_queue_is_empty(&q));
    put(CHANNEL_STATUS, 0, "x");
    expect(CHANNEL_STATUS, 0, "x");
}

static void long_bytes_become_frames(void **state) {
    uint8_t bytes[2500];
    struct channel_frame f;

    (void)state;
    for (uint32_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(i * 7);
    }
    put(CHANNEL_EXEC_OUT, 3, "begin");
    assert_true(frame_queue_put(&q, CHANNEL_EXEC_OUT, 3, bytes, sizeof(bytes)));
    assert_true(frame_queue_take(&q, &f, payload));
    assert_int_equal(f.payload_bytes, CHANNEL_PAYLOAD_MAX);
    assert_memory_equal(f.payload + 5, bytes, CHANNEL_PAYLOAD_MAX - 5);
    assert_true(frame_queue_take(&q, &f, payload));
    assert_int_equal(f.payload_bytes, CHANNEL_PAYLOAD_MAX);
    assert_true(frame_queue_take(&q, &f, payload));
    assert_int_equal(f.payload_bytes, sizeof(bytes) + 5 - 2 * CHANNEL_PAYLOAD_MAX);
    assert_true(frame_queue_is_empty(&q));
}

static void what_does_not_fit_changes_nothing(void **state) {
    uint8_t bytes[RING] = {0};
    struct frame_queue before;

    (void)state;
    assert_false(frame_queue_put(&q, CHANNEL_STDOUT, 1, bytes, RING));
    assert_false(frame_queue_put(&q, CHANNEL_STDOUT, 1, bytes, UINT32_MAX));
    assert_true(frame_queue_is_empty(&q));
    assert_true(frame_queue_put(&q, CHANNEL_STDOUT, 1, bytes, 3000));
    before = q;
    assert_false(frame_queue_put(&q, CHANNEL_STDERR, 1, bytes, 1100));
    assert_memory_equal(&before, &q, sizeof(q));
}

/* Whatever pieces the promised bytes come in, they fit, and then a last frame of the reserve. */
static void the_room_is_true(void **state) {
    char last[FRAME_QUEUE_RESERVE - FRAME_QUEUE_HEAD];

    (void)state;
    memset(last, 'x', sizeof(last));
    for (uint32_t step = 1; step <= 3; step++) {
        for (uint32_t round = 0; round < 20; round++) {
            uint32_t room = frame_queue_room(&q), done = 0;
            while (done + step <= room) {
                uint8_t type = done / step % 2 == 0 ? CHANNEL_STDOUT : CHANNEL_STDERR;
                assert_true(frame_queue_put(&q, type, 1, "abc", step));
                done += step;
            }
            assert_true(frame_queue_put(&q, CHANNEL_EXIT, 1, last, sizeof(last)));
            struct channel_frame f;
            while (frame_queue_take(&q, &f, payload)) {
            }
        }
    }
}

/* Random puts and takes against a plain stream of (stream, byte): order and bytes survive. */
static void random_traffic(void **state) {
    static uint8_t model[1 << 20][2];
    uint32_t put_count = 0, taken = 0;
    struct channel_frame f;

    (void)state;
    srand(4347);
    for (uint32_t i = 0; i < 20000; i++) {
        uint8_t bytes[1500], stream = (uint8_t)(1 + rand() % 2);
        uint32_t count = (uint32_t)(rand() % (rand() % 4 == 0 ? 1500 : 20));
        for (uint32_t k = 0; k < count; k++) {
            bytes[k] = (uint8_t)rand();
        }
        if (count > 0 && put_count + count < 1 << 20 &&
            frame_queue_put(&q, CHANNEL_STDOUT, stream, bytes, count)) {
            for (uint32_t k = 0; k < count; k++, put_count++) {
                model[put_count][0] = stream;
                model[put_count][1] = bytes[k];
            }
        }
        while (rand() % 3 == 0 && frame_queue_take(&q, &f, payload)) {
            for (uint32_t k = 0; k < f.payload_bytes; k++, taken++) {
                assert_int_equal(f.stream, model[taken][0]);
                assert_int_equal(f.payload[k], model[taken][1]);
            }
        }
    }
    assert_true(taken > 100000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(bytes_join_their_own_only, setup),
        cmocka_unit_test_setup(an_empty_frame_stays_alone, setup),
        cmocka_unit_test_setup(long_bytes_become_frames, setup),
        cmocka_unit_test_setup(what_does_not_fit_changes_nothing, setup),
        cmocka_unit_test_setup(the_room_is_true, setup),
        cmocka_unit_test_setup(random_traffic, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
