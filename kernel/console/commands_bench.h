/* The console's `bench`: what a node alone can measure or must serve; `./lisse bench` puts the
 * pieces together (tools/launcher/bench.py, docs/performance.md). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "kernel/print.h"

int command_bench(int argc, char **argv, struct print_sink *out);

/* From net_deliver(): true if the datagram is one of the bench's, and done with. Only while a
 * `bench` command runs here. */
bool bench_take_datagram(uint64_t from, const uint8_t *bytes, uint32_t size);
