/* test_channel.c: every path of the COM2 codec, exhaustively where the space is small. */
/* sources: kernel/console/channel.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/console/channel.h"

static uint8_t wire[CHANNEL_WIRE_MAX];
static struct channel_in in;

static int fresh(void **state) {
    (void)state;
    memset(&in, 0, sizeof(in));
    return 0;
}

static size_t encode(uint8_t type, uint8_t stream, const uint8_t *payload, size_t bytes) {
    struct channel_frame frame = {.type = type, .stream = stream};
    size_t count;

    frame.payload = payload;
    frame.payload_bytes = (uint16_t)bytes;
    count = channel_encode(&frame, wire);
    assert_int_equal(count, channel_wire_bytes(&frame));
    assert_true(count <= sizeof(wire));
    return count;
}

/* Feed bytes; return how many frames came out, the last one in *last. */
static unsigned feed(const uint8_t *bytes, size_t count, struct channel_frame *last) {
    unsigned frames = 0;

    for (size_t i = 0; i < count; i++) {
        const struct channel_frame *frame = channel_decode_byte(&in, bytes[i]);

        if (frame != NULL) {
            frames++;
            *last = *frame;
        }
    }
    return frames;
}

static void check_round(uint8_t type, uint8_t stream, const uint8_t *payload, size_t bytes) {
    struct channel_frame got = {0};
    size_t count = encode(type, stream, payload, bytes);

    assert_int_equal(wire[0], CHANNEL_FLAG);
    assert_int_equal(wire[count - 1], CHANNEL_FLAG);
    assert_null(memchr(wire + 1, (int)CHANNEL_FLAG, count - 2));
    assert_int_equal(feed(wire, count, &got), 1);
    assert_int_equal(got.type, type);
    assert_int_equal(got.stream, stream);
    assert_int_equal(got.payload_bytes, bytes);
    if (bytes != 0) {
        assert_memory_equal(got.payload, payload, bytes);
    }
}

static void test_every_byte_value_in_every_place(void **state) {
    (void)state;
    for (unsigned value = 0; value < 256; value++) {
        uint8_t byte = (uint8_t)value;

        check_round(CHANNEL_STDIN, byte, NULL, 0);
        check_round(CHANNEL_STDOUT, 7, &byte, 1);
        if (channel_is_type_known(byte)) {
            check_round(byte, 1, (const uint8_t *)"x", 1);
        }
    }
    assert_int_equal(in.damaged_count + in.unknown_count + in.garbage_bytes, 0);
}

static void test_every_length(void **state) {
    static uint8_t payload[CHANNEL_PAYLOAD_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(payload); i++) {
        payload[i] = (uint8_t)(i * 37u + (i >> 8));
    }
    for (size_t bytes = 0; bytes <= sizeof(payload); bytes++) {
        check_round(CHANNEL_STDERR, 255, payload, bytes);
    }
    memset(payload, CHANNEL_FLAG, sizeof(payload));
    check_round(CHANNEL_STDOUT, CHANNEL_ESCAPE, payload, sizeof(payload));
    memset(payload, CHANNEL_ESCAPE, sizeof(payload));
    check_round(CHANNEL_STDOUT, CHANNEL_FLAG, payload, sizeof(payload));
}

/* zlib.crc32(b"\x01\x00") = 0x58C223BE: the byte order and the polynomial, from outside. */
static void test_known_wire_bytes(void **state) {
    static const uint8_t expected[] = {0x7E, 0x01, 0x00, 0xBE, 0x23, 0xC2, 0x58, 0x7E};

    (void)state;
    assert_int_equal(encode(CHANNEL_HELLO, 0, NULL, 0), sizeof(expected));
    assert_memory_equal(wire, expected, sizeof(expected));
}

static void test_frames_may_share_a_flag(void **state) {
    struct channel_frame got = {0};
    uint8_t both[2 * CHANNEL_WIRE_MAX];
    size_t first = encode(CHANNEL_EXEC, 3, (const uint8_t *)"nodes", 5);
    size_t second;

    (void)state;
    memcpy(both, wire, first);
    second = encode(CHANNEL_EXEC, 4, (const uint8_t *)"view", 4);
    memcpy(both + first, wire + 1, second - 1);
    assert_int_equal(feed(both, first + second - 1, &got), 2);
    assert_int_equal(got.stream, 4);
    assert_int_equal(in.damaged_count, 0);
}

static void test_payload_too_long_is_not_encoded(void **state) {
    static const uint8_t payload[CHANNEL_PAYLOAD_MAX + 1];
    struct channel_frame frame = {.type = CHANNEL_STDOUT, .payload = payload};

    (void)state;
    frame.payload_bytes = (uint16_t)sizeof(payload);
    assert_int_equal(channel_encode(&frame, wire), 0);
    assert_int_equal(channel_wire_bytes(&frame), 0);
}

/* Each single bit error in a frame: dropped, and the frame after it arrives. Two flags between
 * them, as the encoder writes; an error that makes a byte a flag ends the frame early. */
static void test_every_bit_error_is_caught(void **state) {
    static const uint8_t payload[] = {0x00, 0x7E, 0x7D, 0x5E, 0xFF, 'a'};
    uint8_t bent[64];
    size_t count = encode(CHANNEL_STDOUT, 9, payload, sizeof(payload));

    for (size_t bit = 8; bit < 8 * (count - 1); bit++) {
        struct channel_frame got = {0};

        fresh(state);
        encode(CHANNEL_STDOUT, 9, payload, sizeof(payload));
        memcpy(bent, wire, count);
        bent[bit / 8] = (uint8_t)(bent[bit / 8] ^ (1u << (bit % 8)));
        assert_int_equal(feed(bent, count, &got), 0);
        assert_true(in.damaged_count + in.unknown_count >= 1);
        assert_int_equal(feed(wire, count, &got), 1);
        assert_int_equal(got.stream, 9);
    }
}

/* Each byte lost: the same promise. */
static void test_every_lost_byte_is_caught(void **state) {
    uint8_t cut[64];
    size_t count = encode(CHANNEL_STDOUT, 9, (const uint8_t *)"abc}~", 5);

    for (size_t lost = 1; lost + 1 < count; lost++) {
        struct channel_frame got = {0};

        fresh(state);
        encode(CHANNEL_STDOUT, 9, (const uint8_t *)"abc}~", 5);
        memcpy(cut, wire, lost);
        memcpy(cut + lost, wire + lost + 1, count - lost - 1);
        assert_int_equal(feed(cut, count - 1, &got), 0);
        assert_int_equal(in.damaged_count, 1);
        assert_int_equal(feed(wire, count, &got), 1);
    }
}

static void test_unknown_types_are_counted(void **state) {
    unsigned unknown = 0;

    (void)state;
    for (unsigned type = 0; type < 256; type++) {
        struct channel_frame got = {0};
        size_t count = encode((uint8_t)type, 1, NULL, 0);
        bool known = channel_is_type_known((uint8_t)type);

        assert_int_equal(feed(wire, count, &got), known ? 1 : 0);
        unknown += known ? 0u : 1u;
    }
    assert_int_equal(unknown, 256 - 12 - 11);
    assert_int_equal(in.unknown_count, unknown);
}

static void test_short_frames(void **state) {
    struct channel_frame got = {0};

    (void)state;
    for (size_t bytes = 0; bytes < CHANNEL_CONTENT_MIN; bytes++) {
        uint8_t raw[8] = {CHANNEL_FLAG, 1, 1, 1, 1, 1, 1, 1};

        raw[bytes + 1] = CHANNEL_FLAG;
        assert_int_equal(feed(raw, bytes + 2, &got), 0);
    }
    assert_int_equal(in.damaged_count, CHANNEL_CONTENT_MIN - 1); /* an empty one is no damage */
}

static void test_oversize_is_dropped_once(void **state) {
    struct channel_frame got = {0};
    uint8_t flag = CHANNEL_FLAG;
    size_t count;

    (void)state;
    feed(&flag, 1, &got);
    for (size_t i = 0; i < 100000; i++) {
        uint8_t byte = 'x';

        assert_int_equal(feed(&byte, 1, &got), 0);
    }
    assert_int_equal(in.damaged_count, 1);
    count = encode(CHANNEL_STDOUT, 1, (const uint8_t *)"ok", 2);
    assert_int_equal(feed(wire, count, &got), 1);
}

static void test_escape_before_a_flag_or_a_plain_byte(void **state) {
    static const uint8_t before_flag[] = {0x7E, 0x01, 0x00, 0x7D, 0x7E};
    static const uint8_t before_plain[] = {0x7E, 0x01, 0x7D, 0x41, 0x00, 0x7E};
    struct channel_frame got = {0};
    size_t count = encode(CHANNEL_HELLO, 0, NULL, 0);

    (void)state;
    assert_int_equal(feed(before_flag, sizeof(before_flag), &got), 0);
    assert_int_equal(in.damaged_count, 1);
    assert_int_equal(feed(wire, count, &got), 1);
    assert_int_equal(feed(before_plain, sizeof(before_plain), &got), 0);
    assert_int_equal(in.damaged_count, 2);
    assert_int_equal(feed(wire, count, &got), 1);
}

static void test_garbage_before_and_between(void **state) {
    struct channel_frame got = {0};
    size_t count = encode(CHANNEL_READY, 0, (const uint8_t *)"name=n1\n", 8);

    (void)state;
    assert_int_equal(feed((const uint8_t *)"SeaBIOS\r\n", 9, &got), 0);
    assert_int_equal(in.garbage_bytes, 9);
    assert_int_equal(feed(wire, count, &got), 1);
    assert_int_equal(feed((const uint8_t *)"noise", 5, &got), 0);
    assert_int_equal(feed(wire, count, &got), 1);
    assert_int_equal(in.damaged_count, 1);
}

/* Random bytes never give a frame by accident in this run, never write outside (ASan), and never
 * keep the decoder from the next good frame. */
static void test_random_garbage(void **state) {
    uint32_t seed = 1;

    (void)state;
    for (unsigned round = 0; round < 200; round++) {
        struct channel_frame got = {0};
        size_t count;

        for (unsigned i = 0; i < 5000; i++) {
            uint8_t byte;

            seed = seed * 1664525u + 1013904223u;
            byte = (seed >> 28) == 0 ? CHANNEL_FLAG : (uint8_t)(seed >> 20);
            assert_int_equal(feed(&byte, 1, &got), 0);
        }
        count = encode(CHANNEL_STDOUT, (uint8_t)round, (const uint8_t *)"hello", 5);
        assert_int_equal(feed(wire, count, &got), 1);
        assert_int_equal(got.stream, round);
    }
}

/* With "pipe": decode stdin, print one line per frame. tests/system/test_channel.py compares
 * it with the launcher's own decoder. */
static int pipe_run(FILE *from, FILE *to) {
    int byte;

    while ((byte = fgetc(from)) != EOF) {
        const struct channel_frame *frame = channel_decode_byte(&in, (uint8_t)byte);

        if (frame == NULL) {
            continue;
        }
        fprintf(to, "%02x %02x ", frame->type, frame->stream);
        for (size_t i = 0; i < frame->payload_bytes; i++) {
            fprintf(to, "%02x", frame->payload[i]);
        }
        fputc('\n', to);
        fwrite(wire, 1, channel_encode(frame, wire), stderr);
    }
    fprintf(to, "damaged %u unknown %u\n", in.damaged_count, in.unknown_count);
    return 0;
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_every_byte_value_in_every_place, fresh),
        cmocka_unit_test_setup(test_every_length, fresh),
        cmocka_unit_test_setup(test_known_wire_bytes, fresh),
        cmocka_unit_test_setup(test_frames_may_share_a_flag, fresh),
        cmocka_unit_test_setup(test_payload_too_long_is_not_encoded, fresh),
        cmocka_unit_test_setup(test_every_bit_error_is_caught, fresh),
        cmocka_unit_test_setup(test_every_lost_byte_is_caught, fresh),
        cmocka_unit_test_setup(test_unknown_types_are_counted, fresh),
        cmocka_unit_test_setup(test_short_frames, fresh),
        cmocka_unit_test_setup(test_oversize_is_dropped_once, fresh),
        cmocka_unit_test_setup(test_escape_before_a_flag_or_a_plain_byte, fresh),
        cmocka_unit_test_setup(test_garbage_before_and_between, fresh),
        cmocka_unit_test_setup(test_random_garbage, fresh),
    };

    if (argc == 2 && strcmp(argv[1], "pipe") == 0) {
        return pipe_run(stdin, stdout);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
