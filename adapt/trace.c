/* The trace ring and its lines. Pure; trace() is on every path, hot ones too: one record of 32
 * bytes and nine multiplications of 32 bits. */
#include "adapt/trace.h"
#include "adapt/format.h"
#include "adapt/node.h"

#define TRACE(name, text) [TR_##name] = text,
static const char *const texts[TRACES] = {
    [TR_NONE] = "> nothing",
#include "adapt/traces.def"
};
#undef TRACE
_Static_assert(CALLS == 21, "a call more or less: its word in traces.def, then this number");

/* Ours: xor, an odd multiplier, and a shift that brings high bits down; order matters. Two lanes of
 * 32 bits that mix with each other once a record: a 64-bit product is four instructions' worth of
 * multiplications on an i586, and this runs several times in each message. */
static uint32_t lane_add(uint32_t lane, uint32_t word) {
    lane = (lane ^ word) * 0x9E3779B1u;
    return lane ^ lane >> 15;
}

void trace_add(struct trace_ring *ring, const struct trace_record *r) {
    uint32_t low = lane_add((uint32_t)ring->hash, (uint32_t)r->us);
    uint32_t high = lane_add((uint32_t)(ring->hash >> 32), (uint32_t)(r->us >> 32));

    high = lane_add(high, r->what);
    low = lane_add(low, r->a);
    high = lane_add(high, r->b);
    low = lane_add(low, r->c);
    high = lane_add(high, r->d);
    low = lane_add(low, high);
    high = lane_add(high, low);
    ring->hash = (uint64_t)high << 32 | low;
    ring->record[ring->count++ % TRACE_RECORDS] = *r;
}

void trace(struct node *n, enum trace_what what, uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
    struct trace_record r = {.us = n->now_us, .what = what, .a = a, .b = b, .c = c, .d = d};

    ASSERT(what > TR_NONE && what < TRACES);
    trace_add(&n->trace, &r);
}

const struct trace_record *trace_at(const struct trace_ring *ring, uint32_t age) {
    if (age >= TRACE_RECORDS || age >= ring->count) {
        return NULL;
    }
    return &ring->record[(ring->count - 1 - age) % TRACE_RECORDS];
}

uint32_t trace_format(char *line, uint32_t size, node_id id, const struct trace_record *r) {
    const uint32_t arg[4] = {r->a, r->b, r->c, r->d};
    struct line l;

    line_begin(&l, line, size);
    line_add_char(&l, '[');
    line_add_decimal(&l, r->us / 1000, 7);
    line_add_text(&l, "ms] #");
    line_add_decimal(&l, id, 0);
    line_add_char(&l, ' ');
    line_add_pattern(&l, r->what < TRACES ? texts[r->what] : texts[TR_NONE], arg,
                     msg_name(r->a < MSGS ? (uint8_t)r->a : MSG_NONE));
    return l.used;
}
