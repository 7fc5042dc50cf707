/* Memory of a simulated PC: user frames with real contents and, for each job, a page table with
 * rights. What FX_MAP, FX_UNMAP, FX_COPY_IN and FX_ZERO do, and what an instruction finds there. */
#pragma once

#include "adapt/base.h"

enum { TABLE_ROWS = 4096, SPACES_MAX = 12 }; /* power of two; jobs open at once in a simulated PC */

struct mapping {
    page_no page;
    frame_no frame;
    uint8_t used, right;
};
struct space {
    job_id job; /* 0: free */
    uint32_t pages;
    struct mapping *row; /* TABLE_ROWS, hashed by page */
};
struct memory {
    uint32_t frames;
    uint8_t *bytes;        /* frames x PAGE_BYTES */
    uint8_t *frame_mapped; /* 1: some page of some job shows it */
    struct space space[SPACES_MAX];
};

void memory_init(struct memory *m, uint32_t frames);
void memory_free(struct memory *m);
uint8_t *memory_frame(struct memory *m, frame_no frame);
/* Contents of a frame change: nobody may have it mapped. */
uint8_t *memory_frame_to_fill(struct memory *m, frame_no frame);
void memory_open(struct memory *m, job_id job);
void memory_close(struct memory *m, job_id job); /* all its pages are unmapped already */
/* The job's page table row, NULL: not mapped. */
const struct mapping *memory_find(const struct memory *m, job_id job, page_no page);
enum access memory_right(const struct memory *m, job_id job, page_no page);
void memory_map(struct memory *m, job_id job, page_no page, frame_no frame, enum access right);
void memory_unmap(struct memory *m, job_id job, page_no page);
/* The next mapped page of the range with more than this right, from row *at on; false: no more. */
bool memory_next_above(const struct memory *m, job_id job, uint32_t *at, struct mapping *found,
                       enum access most);
/* The word at this address; the page is mapped. */
uint32_t *memory_word(struct memory *m, job_id job, uint32_t address);
