/* The one truth about a job's memory; see shadow.h. Only check_read.c and check_rights.c and the
 * program's own unmapping change it. */
#include "tests/sim/shadow.h"

#include <stdlib.h>

#include "tests/sim/failure.h"

void shadow_init(struct shadow *s, job_id job) {
    s->job = job;
    s->row = calloc(SHADOW_ROWS, sizeof(s->row[0]));
}

void shadow_free(struct shadow *s) {
    for (uint32_t i = 0; s->row != NULL && i < SHADOW_ROWS; i++) {
        free(s->row[i].word);
    }
    free(s->row);
    s->row = NULL;
}

struct shadow_page *shadow_page(struct shadow *s, page_no page) {
    uint32_t i = (uint32_t)mix64(page) & (SHADOW_ROWS - 1);

    for (uint32_t tries = 0; tries < SHADOW_ROWS; tries++) {
        struct shadow_page *row = &s->row[i];
        if (row->used && row->page == page) {
            return row;
        }
        if (!row->used) {
            *row = (struct shadow_page){.page = page, .used = 1};
            return row;
        }
        i = (i + 1) & (SHADOW_ROWS - 1);
    }
    sim_fail("shadow", "more than %u pages", (unsigned)SHADOW_ROWS);
}

uint32_t shadow_read(struct shadow *s, uint32_t address) {
    const struct shadow_page *p = shadow_page(s, address / PAGE_BYTES);

    return p->word == NULL ? 0 : p->word[address % PAGE_BYTES / 4];
}

void shadow_write(struct shadow *s, uint32_t address, uint32_t value) {
    struct shadow_page *p = shadow_page(s, address / PAGE_BYTES);

    if (p->word == NULL) {
        p->word = calloc(PAGE_BYTES / 4, 4);
    }
    p->word[address % PAGE_BYTES / 4] = value;
}

void shadow_clear(struct shadow *s, page_no first, uint32_t pages) {
    for (uint32_t i = 0; i < pages; i++) {
        struct shadow_page *p = shadow_page(s, first + i);
        free(p->word);
        p->word = NULL;
    }
}
