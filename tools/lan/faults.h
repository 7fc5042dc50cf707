/* faults.h: what the virtual LAN does to a frame, decided by the seed alone.
 *
 * Pure. A verdict depends on (seed, port in, port out, number of the frame between these two), so
 * the same sequence of frames meets the same faults, whatever other ports do meanwhile. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LAN_HOLD_US_MIN 500u        /* reorder and dup hold a frame back for 0.5 … 5 ms: longer */
#define LAN_HOLD_US_MAX 5000u       /* than a burst of frames, shorter than a person notices */
#define LAN_DELAY_MS_MAX 10000u     /* ten seconds: more is a typing error */
#define LAN_CORRUPT_BITS_MAX 8u     /* 1 … 8 bits of a frame that is to be corrupted */
#define LAN_MAC_BYTES 12u           /* destination and source stay whole: the frame arrives */

struct lan_faults {
    uint64_t seed;
    uint64_t loss; /* this and the next three: of 2^32 frames */
    uint64_t dup;
    uint64_t reorder;
    uint64_t corrupt;
    uint32_t delay_us; /* added to every frame */
};

struct lan_verdict {
    bool is_lost;
    bool is_doubled;
    bool is_late;            /* held back for reordering */
    uint32_t hold_us;        /* from now until it is sent */
    uint32_t copy_hold_us;   /* the same of the second copy */
    uint32_t corrupt_bits;   /* 0: untouched */
    uint64_t dice;           /* for lan_faults_corrupt() */
};

/* Read "loss=5,dup=2,reorder=5,corrupt=1,delay=0.5,seed=7" (percent, ms; "" is no faults).
 *   out   0, or -1 with a sentence in why */
int lan_faults_parse(struct lan_faults *faults, const char *spec, char *why, size_t why_bytes);

/* True when no frame is ever touched or held. */
bool lan_faults_is_clean(const struct lan_faults *faults);

/* The verdict on frame `number` (0, 1, …) from port `in` to port `out`. */
struct lan_verdict lan_faults_judge(const struct lan_faults *faults, uint32_t in, uint32_t out,
                                    uint64_t number);

/* Flip verdict->corrupt_bits bits after the MAC addresses; shorter frames stay whole. */
void lan_faults_corrupt(const struct lan_verdict *verdict, uint8_t *frame, size_t frame_bytes);
