/* Frames that wait for room on COM2: a ring of records, each one channel frame without its
 * wire form. Pure, bounded, no allocation; host-tested. Bytes go in whole or not at all, so
 * nothing is ever lost half-way. */
#pragma once

#include "kernel/console/channel.h"

enum {
    FRAME_QUEUE_HEAD = 4, /* type, stream, length u16 */
    FRAME_QUEUE_RESERVE =
        256,              /* of the ring, beyond frame_queue_room(): one last frame with a text */
    FRAME_QUEUE_COST = 5, /* most bytes of ring that a byte costs: alone in a frame */
};

/* head and tail count bytes for ever (modulo 2^32). */
struct frame_queue {
    uint8_t *bytes;
    uint32_t size; /* a power of two */
    uint32_t head, tail;
    uint32_t last; /* where the newest record begins; of use while the queue is not empty */
};

void frame_queue_init(struct frame_queue *q, uint8_t *bytes, uint32_t size);
bool frame_queue_is_empty(const struct frame_queue *q);

/* Adds these bytes as one or more frames; count 0 adds an empty frame. Bytes of a stream type
 * (STDOUT, STDERR, EXEC_OUT, STATUS) join the newest frame when it is theirs. False: no room,
 * nothing was taken. */
bool frame_queue_put(struct frame_queue *q, uint8_t type, uint8_t stream, const void *bytes,
                     uint32_t count);

/* So many bytes fit, in however small pieces they come, and the reserve is left. */
uint32_t frame_queue_room(const struct frame_queue *q);

/* Takes the oldest frame; its payload is copied to payload[CHANNEL_PAYLOAD_MAX]. False: empty. */
bool frame_queue_take(struct frame_queue *q, struct channel_frame *frame, uint8_t *payload);
