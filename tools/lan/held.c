/* held.c: the queue of a port and the time-ordered heap of held frames.
 *
 * Run by the switch's loop. Must never reorder frames that are due at the same time. */
#include "tools/lan/held.h"

#include <stdlib.h>
#include <string.h>

struct lan_frame *lan_frame_copy(const uint8_t *bytes, uint32_t frame_bytes, uint32_t port) {
    struct lan_frame *frame = malloc(sizeof(*frame) + frame_bytes);

    if (frame == NULL) {
        return NULL;
    }
    frame->next = NULL;
    frame->due_us = 0;
    frame->order = 0;
    frame->port = port;
    frame->frame_bytes = frame_bytes;
    memcpy(frame->bytes, bytes, frame_bytes);
    return frame;
}

void lan_queue_init(struct lan_queue *queue) {
    queue->first = NULL;
    queue->last = &queue->first;
    queue->frames_count = 0;
}

void lan_queue_put(struct lan_queue *queue, struct lan_frame *frame) {
    frame->next = NULL;
    *queue->last = frame;
    queue->last = &frame->next;
    queue->frames_count++;
}

void lan_queue_drop_first(struct lan_queue *queue) {
    struct lan_frame *frame = queue->first;

    if (frame == NULL) {
        return;
    }
    queue->first = frame->next;
    if (queue->first == NULL) {
        queue->last = &queue->first;
    }
    queue->frames_count--;
    free(frame);
}

int lan_held_init(struct lan_held *held) {
    memset(held, 0, sizeof(*held));
    held->heap = calloc(LAN_HELD_FRAMES_MAX, sizeof(held->heap[0]));
    return held->heap == NULL ? -1 : 0;
}

static int is_before(const struct lan_frame *a, const struct lan_frame *b) {
    if (a->due_us != b->due_us) {
        return a->due_us < b->due_us;
    }
    return a->order < b->order;
}

int lan_held_put(struct lan_held *held, struct lan_frame *frame) {
    uint32_t at = held->frames_count;

    if (at == LAN_HELD_FRAMES_MAX) {
        return -1;
    }
    frame->order = held->order_next++;
    held->frames_count++;
    while (at > 0 && is_before(frame, held->heap[(at - 1) / 2])) {
        held->heap[at] = held->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    held->heap[at] = frame;
    return 0;
}

struct lan_frame *lan_held_first(const struct lan_held *held) {
    return held->frames_count == 0 ? NULL : held->heap[0];
}

struct lan_frame *lan_held_take(struct lan_held *held) {
    struct lan_frame *first = lan_held_first(held);
    struct lan_frame *moved;
    uint32_t at = 0;

    if (first == NULL) {
        return NULL;
    }
    moved = held->heap[--held->frames_count];
    for (;;) {
        uint32_t child = 2 * at + 1;

        if (child + 1 < held->frames_count &&
            is_before(held->heap[child + 1], held->heap[child])) {
            child++;
        }
        if (child >= held->frames_count || !is_before(held->heap[child], moved)) {
            break;
        }
        held->heap[at] = held->heap[child];
        at = child;
    }
    held->heap[at] = moved;
    return first;
}
