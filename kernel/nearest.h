/* "Did you mean …": the distance between words. Pure. */
#pragma once

#include <stdint.h>

enum { NEAREST_FAR = 64 };

/* Insertions, deletions, replacements and swaps of neighbours that turn a into b; NEAREST_FAR
 * when a word has more than 31 characters. */
uint32_t nearest_distance(const char *a, const char *b);
