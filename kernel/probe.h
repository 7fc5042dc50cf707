/* Where the time of a remote page fault goes on this node: stamps of the TSC at the stages of one
 * fault, medians on request (`bench probe`). Off, a stamp costs one load and one branch. Called
 * from the kernel's one loop. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "kernel/cpu.h"

/* The requester's stages in their order, then the server's. */
enum probe {
    PROBE_TRAP,      /* a program's page fault is in C */
    PROBE_STEP,      /* the core is about to step */
    PROBE_STEPPED,   /* it has stepped */
    PROBE_SENT,      /* the loop is about to sleep: all is at the card */
    PROBE_HEARD,     /* an interrupt woke the loop */
    PROBE_INSTALLED, /* the effects that woke the thread are performed */
    PROBE_RETURN,    /* about to go back to ring 3 */
    PROBES,
};

extern bool probe_on;
void probe_mark(enum probe p);

static inline void probe(enum probe p) {
    if (probe_on) {
        probe_mark(p);
    }
}

/* Begin anew, with no samples. */
void probe_start(void);
void probe_stop(void);

/* Medians in ticks of the TSC. */
struct probe_result {
    uint32_t faults, serves; /* whole samples */
    uint32_t trap, core, send, away, install, back; /* of a fault here; away: wire and server */
    uint32_t serve;          /* from an interrupt to sleep again, when the loop was asleep before */
};
struct probe_result probe_result(void);
