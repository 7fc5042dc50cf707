/* Edit distance with swaps, by the usual table of which three rows are kept. */
#include "kernel/nearest.h"

#include <string.h>

enum { WORD_MAX = 31 };

static uint32_t smaller(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

uint32_t nearest_distance(const char *a, const char *b) {
    uint32_t rows[3][WORD_MAX + 1];
    uint32_t n = (uint32_t)strlen(a), m = (uint32_t)strlen(b);
    if (n > WORD_MAX || m > WORD_MAX) {
        return NEAREST_FAR;
    }
    for (uint32_t j = 0; j <= m; j++) {
        rows[0][j] = j;
    }
    for (uint32_t i = 1; i <= n; i++) {
        uint32_t *now = rows[i % 3], *last = rows[(i + 2) % 3], *older = rows[(i + 1) % 3];
        now[0] = i;
        for (uint32_t j = 1; j <= m; j++) {
            uint32_t replace = last[j - 1] + (a[i - 1] != b[j - 1] ? 1 : 0);
            now[j] = smaller(replace, smaller(last[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                now[j] = smaller(now[j], older[j - 2] + 1);
            }
        }
    }
    return rows[n % 3][m];
}
