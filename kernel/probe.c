/* The stamps of faults and their medians; see probe.h. A fault counts when all its stages came in
 * order; a second interrupt before the page was whole is part of `install`. */
#include "kernel/probe.h"

#include <string.h>

enum { SAMPLES = 1024 };
enum { STAGES = PROBES - 1, SERVE = STAGES, ROWS };

bool probe_on;
static uint64_t at[PROBES];
static uint32_t next; /* stage that is awaited; 0: no fault under way */
static uint64_t heard; /* 0: not serving */
static uint32_t counts[ROWS];
static uint32_t samples[ROWS][SAMPLES];

static void add(uint32_t row, uint64_t ticks) {
    if (counts[row] < SAMPLES) {
        samples[row][counts[row]++] = ticks < UINT32_MAX ? (uint32_t)ticks : UINT32_MAX;
    }
}

static void serve_mark(enum probe p, uint64_t now) {
    if (p == PROBE_HEARD) {
        heard = now;
    } else if (p == PROBE_SENT && heard != 0) {
        add(SERVE, now - heard);
        heard = 0;
    }
}

void probe_mark(enum probe p) {
    uint64_t now = cpu_tsc();

    if (p == PROBE_TRAP) {
        next = 0;
    }
    if (next == 0 && p != PROBE_TRAP) {
        serve_mark(p, now);
        return;
    }
    if (p == PROBE_INSTALLED && next == PROBE_RETURN) {
        at[p] = now; /* a later step also counts as installing */
        return;
    }
    if ((uint32_t)p != next) {
        return;
    }
    at[p] = now;
    next++;
    if (p == PROBE_RETURN) {
        for (uint32_t i = 0; i < STAGES; i++) {
            add(i, at[i + 1] - at[i]);
        }
        next = 0;
        heard = 0;
    }
}

void probe_start(void) {
    memset(counts, 0, sizeof(counts));
    next = 0;
    heard = 0;
    probe_on = true;
}

void probe_stop(void) {
    probe_on = false;
}

/* Insertion sort: at most a million steps, once, on a person's request. */
static uint32_t median(uint32_t row) {
    uint32_t *s = samples[row];

    for (uint32_t i = 1; i < counts[row]; i++) {
        uint32_t value = s[i], k = i;
        for (; k > 0 && s[k - 1] > value; k--) {
            s[k] = s[k - 1];
        }
        s[k] = value;
    }
    return counts[row] != 0 ? s[counts[row] / 2] : 0;
}

struct probe_result probe_result(void) {
    return (struct probe_result){
        .faults = counts[0],
        .serves = counts[SERVE],
        .trap = median(0),
        .core = median(1),
        .send = median(2),
        .away = median(3),
        .install = median(4),
        .back = median(5),
        .serve = median(SERVE),
    };
}
