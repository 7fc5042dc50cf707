/* Frames and page tables of a simulated PC; see memory.h. Fails the seed when the core does what a
 * real page table would not forgive: a frame shown twice, filled while shown, out of range. */
#include "tests/sim/memory.h"

#include <stdlib.h>

#include "tests/sim/failure.h"

void memory_init(struct memory *m, uint32_t frames) {
    m->frames = frames;
    m->bytes = malloc((size_t)frames * PAGE_BYTES);
    memset(m->bytes, 0xA5, (size_t)frames * PAGE_BYTES); /* never zeroes by luck */
    m->frame_mapped = calloc(frames, 1);
}

void memory_free(struct memory *m) {
    free(m->bytes);
    free(m->frame_mapped);
    for (uint32_t i = 0; i < SPACES_MAX; i++) {
        free(m->space[i].row);
    }
}

uint8_t *memory_frame(struct memory *m, frame_no frame) {
    if (frame >= m->frames) {
        sim_fail("memory", "frame %u of %u", frame, m->frames);
    }
    return m->bytes + (size_t)frame * PAGE_BYTES;
}

uint8_t *memory_frame_to_fill(struct memory *m, frame_no frame) {
    uint8_t *bytes = memory_frame(m, frame);

    if (m->frame_mapped[frame]) {
        sim_fail("memory", "frame %u is filled while a program sees it", frame);
    }
    return bytes;
}

static struct space *space_of(const struct memory *m, job_id job) {
    for (uint32_t i = 0; i < SPACES_MAX; i++) {
        if (m->space[i].job == job) {
            return (struct space *)&m->space[i];
        }
    }
    return NULL;
}

void memory_open(struct memory *m, job_id job) {
    struct space *s = space_of(m, 0);

    if (s == NULL || space_of(m, job) != NULL) {
        sim_fail("memory", "job %u is opened twice, or too many are open", job);
    }
    s->job = job;
    s->pages = 0;
    s->row = calloc(TABLE_ROWS, sizeof(s->row[0]));
}

void memory_close(struct memory *m, job_id job) {
    struct space *s = space_of(m, job);

    if (s == NULL) {
        sim_fail("memory", "job %u is closed and was not open", job);
    }
    if (s->pages != 0) {
        sim_fail("memory", "job %u is closed and %u of its pages are still mapped", job, s->pages);
    }
    free(s->row);
    *s = (struct space){0};
}

/* The row of the page, or the empty one where it would stand. Rows are never taken out, only
 * marked by right NONE, so chains stay whole. */
static struct mapping *row_of(const struct space *s, page_no page) {
    uint32_t i = (uint32_t)mix64(page) & (TABLE_ROWS - 1);

    for (uint32_t tries = 0; tries < TABLE_ROWS; tries++) {
        struct mapping *row = &s->row[i];
        if (!row->used || row->page == page) {
            return row;
        }
        i = (i + 1) & (TABLE_ROWS - 1);
    }
    sim_fail("memory", "page table of the simulator is full (%u rows)", (unsigned)TABLE_ROWS);
}

const struct mapping *memory_find(const struct memory *m, job_id job, page_no page) {
    const struct space *s = space_of(m, job);

    if (s == NULL) {
        return NULL;
    }
    const struct mapping *row = row_of(s, page);
    return row->used && row->right != ACCESS_NONE ? row : NULL;
}

enum access memory_right(const struct memory *m, job_id job, page_no page) {
    const struct mapping *row = memory_find(m, job, page);

    return row != NULL ? (enum access)row->right : ACCESS_NONE;
}

void memory_map(struct memory *m, job_id job, page_no page, frame_no frame, enum access right) {
    struct space *s = space_of(m, job);

    if (s == NULL || frame >= m->frames || right == ACCESS_NONE) {
        sim_fail("memory", "FX_MAP of job %u page %x frame %u right %u", job, page, frame, right);
    }
    struct mapping *row = row_of(s, page);

    if (row->used && row->right != ACCESS_NONE) {
        m->frame_mapped[row->frame] = 0;
        s->pages--;
    }
    if (m->frame_mapped[frame]) {
        sim_fail("memory", "frame %u is mapped for two pages, job %u page %x", frame, job, page);
    }
    *row = (struct mapping){.page = page, .frame = frame, .used = 1, .right = (uint8_t)right};
    m->frame_mapped[frame] = 1;
    s->pages++;
}

void memory_unmap(struct memory *m, job_id job, page_no page) {
    struct space *s = space_of(m, job);

    if (s == NULL) {
        sim_fail("memory", "FX_UNMAP of job %u, which is not open", job);
    }
    struct mapping *row = row_of(s, page);

    if (row->used && row->right != ACCESS_NONE) {
        m->frame_mapped[row->frame] = 0;
        s->pages--;
        row->right = ACCESS_NONE;
    }
}

bool memory_next_above(const struct memory *m, job_id job, uint32_t *at, struct mapping *found,
                       enum access most) {
    const struct space *s = space_of(m, job);

    for (; s != NULL && *at < TABLE_ROWS; (*at)++) {
        if (s->row[*at].used && s->row[*at].right > most) {
            *found = s->row[(*at)++];
            return true;
        }
    }
    return false;
}

uint32_t *memory_word(struct memory *m, job_id job, uint32_t address) {
    const struct mapping *row = memory_find(m, job, address / PAGE_BYTES);

    if (row == NULL || address % 4 != 0) {
        sim_fail("memory", "the simulator touches %x of job %u, which is not mapped", address, job);
    }
    return (uint32_t *)(void *)(memory_frame(m, row->frame) + address % PAGE_BYTES);
}
