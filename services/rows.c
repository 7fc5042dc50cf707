/* Rows of a table found by a hash. A chain is a list through link[buckets + row]; free rows are one
 * more chain. */
#include "services/rows.h"

static uint32_t buckets_for(uint32_t capacity) {
    uint32_t buckets = 1;

    while (buckets < capacity) {
        buckets *= 2;
    }
    return buckets;
}

uint32_t rows_bytes(uint32_t capacity) {
    uint32_t words = 4 + buckets_for(capacity) + capacity;

    return (words * 4 + 7) & ~7u;
}

void rows_init(struct rows *r, uint32_t capacity) {
    ASSERT(capacity > 0 && capacity < 1u << 24);

    r->capacity = capacity;
    r->buckets = buckets_for(capacity);
    r->used = 0;
    r->free = 0;
    for (uint32_t i = 0; i < r->buckets; i++) {
        r->link[i] = ROW_NONE;
    }
    for (uint32_t row = 0; row < capacity; row++) {
        r->link[r->buckets + row] = row + 1 < capacity ? row + 1 : ROW_NONE;
    }
}

static uint32_t *bucket_of(struct rows *r, uint64_t hash) {
    return &r->link[(uint32_t)hash & (r->buckets - 1)];
}

uint32_t rows_first(const struct rows *r, uint64_t hash) {
    return r->link[(uint32_t)hash & (r->buckets - 1)];
}

uint32_t rows_next(const struct rows *r, uint32_t row) {
    ASSERT(row < r->capacity);

    return r->link[r->buckets + row];
}

uint32_t rows_take(struct rows *r, uint64_t hash) {
    uint32_t row = r->free;

    if (row == ROW_NONE) {
        return ROW_NONE;
    }
    uint32_t *bucket = bucket_of(r, hash);

    r->free = r->link[r->buckets + row];
    r->link[r->buckets + row] = *bucket;
    *bucket = row;
    r->used++;
    return row;
}

void rows_give(struct rows *r, uint64_t hash, uint32_t row) {
    uint32_t *at = bucket_of(r, hash);

    while (*at != row) {
        ASSERT(*at != ROW_NONE); /* taken with another hash, or not taken */
        at = &r->link[r->buckets + *at];
    }
    *at = r->link[r->buckets + row];
    r->link[r->buckets + row] = r->free;
    r->free = row;
    r->used--;
}
