/* The ring of frame_queue.h. Records wrap anywhere, so every byte goes through ring_put and
 * ring_get; a UART is slower than that by far. */
#include "kernel/console/frame_queue.h"

static void ring_put(struct frame_queue *q, uint32_t at, uint8_t byte) {
    q->bytes[at & (q->size - 1)] = byte;
}

static uint8_t ring_get(const struct frame_queue *q, uint32_t at) {
    return q->bytes[at & (q->size - 1)];
}

static uint32_t record_bytes(const struct frame_queue *q, uint32_t at) {
    return (uint32_t)ring_get(q, at + 2) | (uint32_t)ring_get(q, at + 3) << 8;
}

static void record_set_bytes(struct frame_queue *q, uint32_t at, uint32_t count) {
    ring_put(q, at + 2, (uint8_t)count);
    ring_put(q, at + 3, (uint8_t)(count >> 8));
}

static uint32_t ring_free(const struct frame_queue *q) {
    return q->size - (q->head - q->tail);
}

void frame_queue_init(struct frame_queue *q, uint8_t *bytes, uint32_t size) {
    *q = (struct frame_queue){.bytes = bytes, .size = size};
}

bool frame_queue_is_empty(const struct frame_queue *q) {
    return q->head == q->tail;
}

uint32_t frame_queue_room(const struct frame_queue *q) {
    uint32_t room = ring_free(q);

    return room > FRAME_QUEUE_RESERVE ? (room - FRAME_QUEUE_RESERVE) / FRAME_QUEUE_COST : 0;
}

static bool type_joins(uint8_t type) {
    return type == CHANNEL_STDOUT || type == CHANNEL_STDERR || type == CHANNEL_EXEC_OUT ||
           type == CHANNEL_STATUS;
}

/* How many more bytes of this type and stream the newest frame takes. */
static uint32_t last_room(const struct frame_queue *q, uint8_t type, uint8_t stream) {
    if (frame_queue_is_empty(q) || !type_joins(type) || ring_get(q, q->last) != type ||
        ring_get(q, q->last + 1) != stream) {
        return 0;
    }
    uint32_t there = record_bytes(q, q->last);
    return there != 0 ? CHANNEL_PAYLOAD_MAX - there : 0; /* an empty one says something */
}

static void record_begin(struct frame_queue *q, uint8_t type, uint8_t stream) {
    q->last = q->head;
    ring_put(q, q->head, type);
    ring_put(q, q->head + 1, stream);
    record_set_bytes(q, q->head, 0);
    q->head += FRAME_QUEUE_HEAD;
}

static void record_add(struct frame_queue *q, const uint8_t *bytes, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        ring_put(q, q->head++, bytes[i]);
    }
    record_set_bytes(q, q->last, record_bytes(q, q->last) + count);
}

bool frame_queue_put(struct frame_queue *q, uint8_t type, uint8_t stream, const void *bytes,
                     uint32_t count) {
    const uint8_t *from = bytes;
    uint32_t joined = last_room(q, type, stream);

    joined = joined < count ? joined : count;
    uint32_t rest = count - joined;
    uint32_t records = (rest + CHANNEL_PAYLOAD_MAX - 1) / CHANNEL_PAYLOAD_MAX;
    records = count == 0 ? 1 : records;
    if (count > q->size || ring_free(q) < count + records * FRAME_QUEUE_HEAD) {
        return false;
    }
    record_add(q, from, joined);
    from += joined;
    for (uint32_t i = 0; i < records; i++) {
        uint32_t piece = rest < CHANNEL_PAYLOAD_MAX ? rest : CHANNEL_PAYLOAD_MAX;
        record_begin(q, type, stream);
        record_add(q, from, piece);
        from += piece;
        rest -= piece;
    }
    return true;
}

bool frame_queue_take(struct frame_queue *q, struct channel_frame *frame, uint8_t *payload) {
    if (frame_queue_is_empty(q)) {
        return false;
    }
    uint32_t count = record_bytes(q, q->tail);

    *frame = (struct channel_frame){.type = ring_get(q, q->tail),
                                    .stream = ring_get(q, q->tail + 1),
                                    .payload_bytes = (uint16_t)count,
                                    .payload = payload};
    for (uint32_t i = 0; i < count; i++) {
        payload[i] = ring_get(q, q->tail + FRAME_QUEUE_HEAD + i);
    }
    q->tail += FRAME_QUEUE_HEAD + count;
    return true;
}
