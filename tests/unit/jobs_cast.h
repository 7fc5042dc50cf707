/* A job whose threads a test moves by hand, message by message, in the world of jobs_world.h. */
#pragma once

#include "tests/unit/jobs_world.h"

enum { CAST_MAX = 32, NOTHING = -9999 };

/* Threads by the order of their start; 0 is the main thread. */
struct cast {
    uint32_t node;
    token_no token;
    int32_t result; /* of the last FX_WAKE; NOTHING: none since the call */
    uint32_t value, value2, size;
    uint32_t wakes, compares;
    uint8_t bytes[CALL_BYTES_MAX];
    uint32_t parts;                 /* FX_FILE_PART since the test cleared it */
    uint8_t file[FILE_GET_MAX];     /* their bytes */
};
extern struct cast t[CAST_MAX];
extern uint32_t count;

/* What the effects have told so far. */
struct told {
    job_id job;
    uint32_t starts, exits, opens, closes, areas, unmapped, protected;
    int32_t started, status;
    uint32_t output_size, ticket, ticket_most;
    uint32_t wants; /* FX_FILE_WANTED that were not answered: the newest are kept */
    uint32_t want_ticket[8], want_file[8], want_offset[8], want_bytes[8];
    uint8_t output[CALL_BYTES_MAX];
};
extern struct told told;

/* A fresh world of three nodes that manage keys at `keys_at`, without a job. */
void cast_fresh(seat_id keys_at);
/* A job started at node 0 that has so many threads, by turns on nodes 1, 2, 0. */
void cast_start(uint32_t threads);
/* Kills the job if it lives; nothing may be left on any node. */
void cast_end(void);
/* The k-th thread on a node. */
uint32_t cast_on(uint32_t node, uint32_t k);
