/* Bare Ethernet frames straight on the card, for measuring it: no lwIP, no heads, no link. A frame
 * of this kind is handed to whoever has asked for them, and dropped when nobody has. Called from
 * the one loop. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "mm/layout.h"

/* struct raw_head's type: "local experimental EtherType 1" [IEEE 802 9.2.4]. */
#define RAW_ETHERTYPE 0x88B5u

/* Wire image; the numbers are ours and little-endian but for the type. */
struct raw_head {
    uint8_t to[6], from[6];
    uint8_t type[2];
    uint8_t kind;
    uint8_t parts;
    uint32_t sequence;
} __attribute__((packed));
_Static_assert(sizeof(struct raw_head) == 20, "14 of Ethernet, 6 ours");

enum { RAW_FRAME_MIN = 60 }; /* 64 bytes on the wire with the CRC [802.3] */

/* take() gets each such frame from now on, until NULL is given. bytes >= RAW_FRAME_MIN. */
void raw_listen(void (*take)(const struct raw_head *head, uint32_t bytes));

/* Queue one frame, padded to RAW_FRAME_MIN: head (addresses and type are filled in), then `bytes`
 * at `payload`, which the card reads while it sends (0: none). False: no card, no link, ring full.
 */
bool raw_send(uint64_t to, const struct raw_head *head, paddr_t payload, uint32_t bytes);
/* What was queued leaves. */
void raw_flush(void);
/* Receive what is there: cluster frames take their usual way, ours go to take(). */
void raw_poll(void);
/* raw_poll() would find something. */
bool raw_pending(void);

/* From nic_rx(): a frame that is neither IPv6 nor ARP. */
void raw_receive(const uint8_t *frame, uint32_t bytes);
