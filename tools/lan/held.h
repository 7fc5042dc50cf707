/* held.h: frames that wait, either for a time (faults) or for room in a socket (a port's queue).
 *
 * Single-threaded; memory from malloc, bounded by the limits below. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define LAN_QUEUE_FRAMES_MAX 16384u /* per port: 25 MB of full frames. A window per peer keeps   */
                                    /* live nodes far below; only a stopped VM gets there        */
#define LAN_HELD_FRAMES_MAX 131072u /* all ports: delay=10000 at 13,000 frames/s                 */

struct lan_frame {
    struct lan_frame *next;
    uint64_t due_us; /* CLOCK_MONOTONIC; held frames only */
    uint64_t order;  /* ties: first in, first out */
    uint32_t port;   /* where it goes */
    uint32_t frame_bytes;
    uint8_t bytes[];
};

struct lan_queue {
    struct lan_frame *first;
    struct lan_frame **last;
    uint32_t frames_count;
};

struct lan_held {
    struct lan_frame **heap; /* min-heap by (due_us, order); LAN_HELD_FRAMES_MAX places */
    uint32_t frames_count;
    uint64_t order_next;
};

/* A copy of the frame, or NULL when memory is out. The queue or heap that it is put in owns it. */
struct lan_frame *lan_frame_copy(const uint8_t *bytes, uint32_t frame_bytes, uint32_t port);

void lan_queue_init(struct lan_queue *queue);
void lan_queue_put(struct lan_queue *queue, struct lan_frame *frame);
void lan_queue_drop_first(struct lan_queue *queue);

/* 0, or -1 when memory is out. */
int lan_held_init(struct lan_held *held);

/* 0, or -1 when LAN_HELD_FRAMES_MAX wait already (the caller still owns the frame). */
int lan_held_put(struct lan_held *held, struct lan_frame *frame);

/* The frame that is due first, or NULL; lan_held_take() removes it for the caller to free. */
struct lan_frame *lan_held_first(const struct lan_held *held);
struct lan_frame *lan_held_take(struct lan_held *held);
