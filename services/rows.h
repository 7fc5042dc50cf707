/* Which rows of a table are used, and how one is found by a hash: bucket chains and a free list of
 * row numbers in one block of memory, without pointers. The rows themselves (any struct) stand
 * elsewhere, the owner compares their keys:
 *
 *   for (row = rows_first(r, hash); row != ROW_NONE; row = rows_next(r, row)) { if (it is mine) … }
 *
 * Pure; no allocation; every call is O(1) but the walk along a chain. */
#pragma once

#include "adapt/base.h"

#define ROW_NONE 0xFFFFFFFFu

struct rows {
    uint32_t capacity;
    uint32_t buckets; /* a power of two >= capacity */
    uint32_t used;
    uint32_t free;   /* first free row, ROW_NONE: full */
    uint32_t link[]; /* heads of the buckets, then the successor of each row */
};

/* Bytes of the block for so many rows; a multiple of 8. */
uint32_t rows_bytes(uint32_t capacity);
void rows_init(struct rows *r, uint32_t capacity);
/* The first row with this hash's bucket, and the one behind `row`; ROW_NONE ends. */
uint32_t rows_first(const struct rows *r, uint64_t hash);
uint32_t rows_next(const struct rows *r, uint32_t row);
/* Takes a free row into the bucket of hash; ROW_NONE: all are used. */
uint32_t rows_take(struct rows *r, uint64_t hash);
/* Gives back a row that was taken with the same hash. */
void rows_give(struct rows *r, uint64_t hash, uint32_t row);

/* The hash of (job, number): threads, keys. */
static inline uint64_t rows_hash(job_id job, uint64_t number) {
    return mix64((uint64_t)job << 48 ^ number);
}
