/* What the pages of a job must contain, and who may see them: one truth beside all nodes' frames.
 * Accesses are atomic in the simulation, so sequential consistency is exact: every read returns the
 * last write in the order in which the simulator executed them [P 8.1]. */
#pragma once

#include "adapt/base.h"

enum { SHADOW_ROWS = 4096 };

struct shadow_page {
    page_no page;
    uint8_t used;
    uint8_t writer;      /* PC + 1 that has write right; 0: nobody */
    uint16_t readers;    /* bit: PC that has read right */
    uint32_t *word;      /* PAGE_BYTES / 4; NULL: all zero */
};
struct shadow {
    job_id job;
    struct shadow_page *row; /* SHADOW_ROWS, hashed */
};

void shadow_init(struct shadow *s, job_id job);
void shadow_free(struct shadow *s);
struct shadow_page *shadow_page(struct shadow *s, page_no page);
uint32_t shadow_read(struct shadow *s, uint32_t address);
void shadow_write(struct shadow *s, uint32_t address, uint32_t value);
/* The range was unmapped: whoever maps it again finds zeroes. */
void shadow_clear(struct shadow *s, page_no first, uint32_t pages);
