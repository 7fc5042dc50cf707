/* faults.c: parses the --lan option and rolls the dice of the virtual LAN.
 *
 * Run by the switch for every frame when faults are asked. Must never keep state: determinism
 * rests on the verdict being a function of its arguments.
 * Source of the mixer: the finaliser of splitmix64 (Steele, Lea, Flood 2014). */
#define _GNU_SOURCE 1 /* strsep(3) */

#include "tools/lan/faults.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPEC_BYTES_MAX 256u
#define DICE_STEP 0x9E3779B97F4A7C15u /* 2^64 / golden ratio: splitmix64's increment */

static const char keys_help[] = "loss dup reorder corrupt (percent), delay (ms), seed (number)";

static uint64_t dice_mix(uint64_t x) {
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

static uint64_t dice_roll(uint64_t *dice) {
    *dice += DICE_STEP;
    return dice_mix(*dice);
}

static int value_set(struct lan_faults *faults, const char *key, double value) {
    uint64_t of_2_32 = (uint64_t)(value / 100.0 * 4294967296.0);
    double max = strcmp(key, "delay") == 0 ? LAN_DELAY_MS_MAX : 100.0;

    if (strcmp(key, "seed") != 0 && value > max) {
        return -1;
    }
    if (strcmp(key, "loss") == 0) {
        faults->loss = of_2_32;
    } else if (strcmp(key, "dup") == 0) {
        faults->dup = of_2_32;
    } else if (strcmp(key, "reorder") == 0) {
        faults->reorder = of_2_32;
    } else if (strcmp(key, "corrupt") == 0) {
        faults->corrupt = of_2_32;
    } else if (strcmp(key, "delay") == 0) {
        faults->delay_us = (uint32_t)(value * 1000.0);
    } else if (strcmp(key, "seed") == 0 && value < 9e15) {
        faults->seed = (uint64_t)value;
    } else {
        return -1;
    }
    return 0;
}

/* One "key=value". */
static int word_parse(struct lan_faults *faults, char *word) {
    char *equals = strchr(word, '=');
    char *end = NULL;
    double value;

    if (equals == NULL || equals[1] == '\0') {
        return -1;
    }
    *equals = '\0';
    value = strtod(equals + 1, &end);
    if (*end == '\0' && isfinite(value) && value >= 0.0 &&
        value_set(faults, word, value) == 0) {
        return 0;
    }
    *equals = '=';
    return -1;
}

int lan_faults_parse(struct lan_faults *faults, const char *spec, char *why, size_t why_bytes) {
    char copy[SPEC_BYTES_MAX];
    char *rest = copy;
    char *word;

    memset(faults, 0, sizeof(*faults));
    if (strlen(spec) >= sizeof(copy)) {
        snprintf(why, why_bytes, "longer than %u bytes; known: %s", SPEC_BYTES_MAX, keys_help);
        return -1;
    }
    strcpy(copy, spec);
    while (spec[0] != '\0' && (word = strsep(&rest, ",")) != NULL) {
        if (word_parse(faults, word) == 0) {
            continue;
        }
        snprintf(why, why_bytes, "'%s' is not KEY=VALUE with a known key and a value in range; "
                 "known: %s, for example loss=5,dup=2,seed=7", word, keys_help);
        return -1;
    }
    return 0;
}

bool lan_faults_is_clean(const struct lan_faults *faults) {
    return (faults->loss | faults->dup | faults->reorder | faults->corrupt |
            faults->delay_us) == 0;
}

static bool dice_hit(uint64_t *dice, uint64_t of_2_32) {
    return (dice_roll(dice) >> 32) < of_2_32;
}

static uint32_t dice_hold_us(uint64_t *dice) {
    uint64_t span = LAN_HOLD_US_MAX - LAN_HOLD_US_MIN + 1u;

    return LAN_HOLD_US_MIN + (uint32_t)(dice_roll(dice) % span);
}

/* Every die is rolled for every frame, so that changing one percentage leaves the others' fate as
 * it was: a failure can be narrowed down by switching single faults off. */
struct lan_verdict lan_faults_judge(const struct lan_faults *faults, uint32_t in, uint32_t out,
                                    uint64_t number) {
    uint64_t pair = (uint64_t)in << 32 | out;
    uint64_t dice = dice_mix(dice_mix(faults->seed + DICE_STEP) ^ dice_mix(pair + 1u)) ^
                    dice_mix(number + 2u);
    struct lan_verdict verdict = {0};
    uint32_t late_us;
    uint32_t copy_us;
    uint32_t bits;

    verdict.is_lost = dice_hit(&dice, faults->loss);
    verdict.is_doubled = dice_hit(&dice, faults->dup);
    verdict.is_late = dice_hit(&dice, faults->reorder);
    bits = 1u + (uint32_t)(dice_roll(&dice) % LAN_CORRUPT_BITS_MAX);
    verdict.corrupt_bits = dice_hit(&dice, faults->corrupt) ? bits : 0u;
    late_us = dice_hold_us(&dice);
    copy_us = dice_hold_us(&dice);
    verdict.hold_us = faults->delay_us + (verdict.is_late ? late_us : 0u);
    verdict.copy_hold_us = faults->delay_us + copy_us;
    verdict.dice = dice;
    return verdict;
}

/* Different bits, so that two flips cannot undo each other. */
void lan_faults_corrupt(const struct lan_verdict *verdict, uint8_t *frame, size_t frame_bytes) {
    uint64_t dice = verdict->dice;
    size_t flipped[LAN_CORRUPT_BITS_MAX];
    size_t bits = frame_bytes <= LAN_MAC_BYTES ? 0 : 8u * (frame_bytes - LAN_MAC_BYTES);
    uint32_t count = 0;

    while (count < verdict->corrupt_bits && count < bits) {
        size_t bit = (size_t)(dice_roll(&dice) % bits);
        uint32_t known = 0;

        while (known < count && flipped[known] != bit) {
            known++;
        }
        if (known == count) {
            flipped[count++] = bit;
            frame[LAN_MAC_BYTES + bit / 8u] ^= (uint8_t)(1u << (bit % 8u));
        }
    }
}
