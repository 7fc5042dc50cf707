/* The trace: typed records of what the core decided, in one grammar for console, simulator and
 * tests [STYLE A9]. Records are numbers; trace_format() makes the line. A running hash over all
 * records, times included, is the trace hash: the same on 32 and 64 bits for the same events [D
 * 4]. */
#pragma once

#include "adapt/base.h"
#include "adapt/limits.h"

#define TRACE(name, text) TR_##name,
enum trace_what {
    TR_NONE,
#include "adapt/traces.def"
    TRACES
};
#undef TRACE

struct trace_record {
    uint64_t us;   /* node's clock */
    uint32_t what; /* enum trace_what */
    uint32_t a, b, c, d;
    uint32_t pad;
};
struct trace_ring {
    uint64_t hash;
    uint64_t count; /* records ever */
    struct trace_record record[TRACE_RECORDS]; /* number i at i % TRACE_RECORDS */
};

struct node;
/* Adds a record with the time of the event being handled. O(1), never fails; the oldest goes. */
void trace(struct node *n, enum trace_what what, uint32_t a, uint32_t b, uint32_t c, uint32_t d);
/* The same into a ring of its own. */
void trace_add(struct trace_ring *ring, const struct trace_record *r);
/* The record of that age: 0 the newest. NULL: none so old is left. */
const struct trace_record *trace_at(const struct trace_ring *ring, uint32_t age);
const struct trace_ring *node_trace(const struct node *n);
/* Writes "[     12ms] #2 > fault access 1 page 7 thread slot 0" for that record of node `id`, cut
 * at size - 1 bytes and zero-terminated; returns its length. In the text of traces.def, %a %b %c
 * %d are the arguments in decimal, %A … in hexadecimal, %s the name of message %a. */
uint32_t trace_format(char *line, uint32_t size, node_id id, const struct trace_record *r);
