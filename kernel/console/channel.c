/* channel.c: encodes and decodes the frames of the launcher's channel (COM2).
 *
 * Run by the pump (polled UART bytes in, frames out) and by host tests. Must never allocate, log
 * or trust a length: whatever arrives on the wire ends in a frame or in a counter.
 * Sources: [RFC 1662 4.1, 4.2] byte stuffing; CRC-32 of IEEE 802.3, as zlib's crc32(). */
#include "kernel/console/channel.h"

enum channel_state {
    CHANNEL_HUNT = 0,    /* no flag seen yet: all bytes are garbage */
    CHANNEL_INSIDE = 1,  /* after a flag */
    CHANNEL_ESCAPED = 2, /* after 0x7D */
    CHANNEL_SKIP = 3,    /* damaged: wait for the next flag */
};

/* CRC of a nibble, reflected polynomial 0xEDB88320 (IEEE 802.3). 64 bytes instead of 1 KB: the
 * UART is slower than two look-ups per byte by orders of magnitude. */
static const uint32_t crc_nibble[16] = {
    0x00000000u, 0x1DB71064u, 0x3B6E20C8u, 0x26D930ACu, 0x76DC4190u, 0x6B6B51F4u,
    0x4DB26158u, 0x5005713Cu, 0xEDB88320u, 0xF00F9344u, 0xD6D6A3E8u, 0xCB61B38Cu,
    0x9B64C2B0u, 0x86D3D2D4u, 0xA00AE278u, 0xBDBDF21Cu,
};

static uint32_t crc_add(uint32_t crc, uint8_t byte) {
    crc ^= byte;
    crc = (crc >> 4) ^ crc_nibble[crc & 15u];
    return (crc >> 4) ^ crc_nibble[crc & 15u];
}

static uint32_t crc_of(const uint8_t *bytes, size_t count) {
    uint32_t crc = 0xFFFFFFFFu;

    for (size_t i = 0; i < count; i++) {
        crc = crc_add(crc, bytes[i]);
    }
    return ~crc;
}

bool channel_is_type_known(uint8_t type) {
    return (type >= CHANNEL_HELLO && type <= CHANNEL_HOLD) ||
           (type >= CHANNEL_READY && type <= CHANNEL_FILE_CREDIT);
}

/* The closing flag came: judge what was collected. An empty frame is no damage, since the flag
 * that ends one frame may be followed by the flag that begins the next. */
static const struct channel_frame *frame_finish(struct channel_in *in) {
    size_t body = (size_t)in->content_bytes - 4u;
    uint32_t sent;

    if (in->content_bytes == 0) {
        return NULL;
    }
    if (in->content_bytes < CHANNEL_CONTENT_MIN) {
        in->damaged_count++;
        return NULL;
    }
    sent = (uint32_t)in->content[body] | (uint32_t)in->content[body + 1] << 8 |
           (uint32_t)in->content[body + 2] << 16 | (uint32_t)in->content[body + 3] << 24;
    if (sent != crc_of(in->content, body)) {
        in->damaged_count++;
        return NULL;
    }
    if (!channel_is_type_known(in->content[0])) {
        in->unknown_count++;
        return NULL;
    }
    in->frames_count++;
    in->frame.type = in->content[0];
    in->frame.stream = in->content[1];
    in->frame.payload = in->content + 2;
    in->frame.payload_bytes = (uint16_t)(body - 2u);
    return &in->frame;
}

static const struct channel_frame *flag_take(struct channel_in *in) {
    const struct channel_frame *frame = NULL;

    if (in->state == CHANNEL_INSIDE) {
        frame = frame_finish(in);
    } else if (in->state == CHANNEL_ESCAPED) {
        in->damaged_count++;
    }
    in->state = CHANNEL_INSIDE;
    in->content_bytes = 0;
    return frame;
}

static void damage_take(struct channel_in *in) {
    in->damaged_count++;
    in->state = CHANNEL_SKIP;
}

static void byte_store(struct channel_in *in, uint8_t byte) {
    if (in->content_bytes == CHANNEL_CONTENT_MAX) {
        damage_take(in);
        return;
    }
    in->content[in->content_bytes++] = byte;
    in->state = CHANNEL_INSIDE;
}

const struct channel_frame *channel_decode_byte(struct channel_in *in, uint8_t byte) {
    uint8_t plain = (uint8_t)(byte ^ CHANNEL_ESCAPE_FLIP);

    if (byte == CHANNEL_FLAG) {
        return flag_take(in);
    }
    switch (in->state) {
    case CHANNEL_INSIDE:
        if (byte == CHANNEL_ESCAPE) {
            in->state = CHANNEL_ESCAPED;
        } else {
            byte_store(in, byte);
        }
        break;
    case CHANNEL_ESCAPED:
        if (plain == CHANNEL_FLAG || plain == CHANNEL_ESCAPE) {
            byte_store(in, plain);
        } else {
            damage_take(in); /* nothing else is ever escaped: the line lost a byte */
        }
        break;
    case CHANNEL_SKIP:
        break;
    default:
        in->garbage_bytes++;
        break;
    }
    return NULL;
}

static bool byte_is_special(uint8_t byte) {
    return byte == CHANNEL_FLAG || byte == CHANNEL_ESCAPE;
}

static uint8_t *byte_put(uint8_t *at, uint8_t byte) {
    if (byte_is_special(byte)) {
        *at++ = (uint8_t)CHANNEL_ESCAPE;
        byte ^= (uint8_t)CHANNEL_ESCAPE_FLIP;
    }
    *at++ = byte;
    return at;
}

static uint32_t frame_crc(const struct channel_frame *frame) {
    uint32_t crc = crc_add(crc_add(0xFFFFFFFFu, frame->type), frame->stream);

    for (size_t i = 0; i < frame->payload_bytes; i++) {
        crc = crc_add(crc, frame->payload[i]);
    }
    return ~crc;
}

size_t channel_encode(const struct channel_frame *frame, uint8_t *wire) {
    uint8_t *at = wire;
    uint32_t crc;

    if (frame->payload_bytes > CHANNEL_PAYLOAD_MAX) {
        return 0;
    }
    crc = frame_crc(frame);
    *at++ = (uint8_t)CHANNEL_FLAG;
    at = byte_put(at, frame->type);
    at = byte_put(at, frame->stream);
    for (size_t i = 0; i < frame->payload_bytes; i++) {
        at = byte_put(at, frame->payload[i]);
    }
    for (unsigned shift = 0; shift < 32; shift += 8) {
        at = byte_put(at, (uint8_t)(crc >> shift));
    }
    *at++ = (uint8_t)CHANNEL_FLAG;
    return (size_t)(at - wire);
}

size_t channel_wire_bytes(const struct channel_frame *frame) {
    uint32_t crc;
    size_t count = 2u + CHANNEL_CONTENT_MIN + frame->payload_bytes;

    if (frame->payload_bytes > CHANNEL_PAYLOAD_MAX) {
        return 0;
    }
    crc = frame_crc(frame);
    count += byte_is_special(frame->type) + byte_is_special(frame->stream);
    for (size_t i = 0; i < frame->payload_bytes; i++) {
        count += byte_is_special(frame->payload[i]);
    }
    for (unsigned shift = 0; shift < 32; shift += 8) {
        count += byte_is_special((uint8_t)(crc >> shift));
    }
    return count;
}
