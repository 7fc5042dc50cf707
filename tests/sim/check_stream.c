/* Checker: what threads write comes out once, each thread's in its order; what the world gives as
 * stdin reaches one reader, whole and once; reads of a file advance its offset without gap or
 * overlap [P 9.1]. */
#include "tests/sim/check.h"
#include "tests/sim/failure.h"

enum { STREAM_HEAD = 8, FILE_READ_OP = FILE_READ };

/* number, serial, then a pattern of both. */
struct stream_head {
    uint16_t number, size;
    uint32_t serial;
};
_Static_assert(sizeof(struct stream_head) == STREAM_HEAD, "the same in every build");

static uint8_t pattern(uint32_t number, uint32_t serial, uint32_t i) {
    return (uint8_t)(number * 31 + serial * 7 + i);
}

static void fill(uint8_t *bytes, struct stream_head head) {
    memcpy(bytes, &head, sizeof(head));
    for (uint32_t i = STREAM_HEAD; i < head.size; i++) {
        bytes[i] = pattern(head.number, head.serial, i);
    }
}

static bool is_whole(const uint8_t *bytes, uint32_t size, struct stream_head *head) {
    if (size < STREAM_HEAD) {
        return false;
    }
    memcpy(head, bytes, sizeof(*head));
    bool whole = head->size == size;

    for (uint32_t i = STREAM_HEAD; i < size; i++) {
        whole = whole && bytes[i] == pattern(head->number, head->serial, i);
    }
    return whole;
}

uint32_t stream_write(struct sim_thread *t, uint8_t *bytes, uint32_t size) {
    uint32_t whole = size < STREAM_HEAD ? STREAM_HEAD : size;

    fill(bytes, (struct stream_head){(uint16_t)t->number, (uint16_t)whole, t->written++});
    return whole;
}

void check_output(struct world *w, const struct effect *e) {
    struct sim_job *job = world_job(w, e->job);
    struct stream_head head = {0};

    if (job == NULL || !is_whole(e->bytes, e->size, &head) || head.number >= THREADS_EVER_MAX ||
        e->value != 1) {
        sim_fail("output", "job %x: %u bytes come out for fd %u that nobody wrote", e->job, e->size,
                 e->value);
    }
    if (job->model->output[head.number]++ != head.serial) {
        sim_fail("output", "job %x: thread %u's write %u comes out as number %u", e->job,
                 head.number, head.serial, job->model->output[head.number] - 1);
    }
    world_hash(w, (uint64_t)head.number << 32 | head.serial);
}

/* ---- stdin ----------------------------------------------------------------------------------- */

/* The next chunk, at most so many bytes; 0: the end of stdin. */
uint32_t stream_input(struct world *w, struct sim_job *job, uint8_t *bytes, uint32_t most) {
    struct model *m = job->model;

    if (m->chunks == CHUNKS_MAX / 2 || most < STREAM_HEAD) {
        return 0;
    }
    uint32_t size = STREAM_HEAD + world_random(w, most - STREAM_HEAD + 1);

    fill(bytes, (struct stream_head){(uint16_t)m->chunks, (uint16_t)size, 99});
    m->chunks++;
    return size;
}

void check_input_answer(struct world *w, struct sim_thread *t) {
    struct model *m = world_job(w, t->job)->model;
    struct stream_head head = {0};

    if (t->result == 0 && t->size == 0) {
        return;
    }
    if ((uint32_t)t->result != t->size || t->result > t->reg[0] ||
        !is_whole(t->bytes, t->size, &head) || head.number >= m->chunks) {
        sim_fail("input", "thread %u of job %x reads %d bytes (%u came) that were never given",
                 t->number, t->job, t->result, t->size);
    }
    if (m->chunk_taken[head.number]++ != 0) {
        sim_fail("input", "chunk %u of stdin was read twice", head.number);
    }
    m->taken++;
}

/* ---- files ----------------------------------------------------------------------------------- */

void check_file_answer(struct sim_thread *t) {
    uint32_t left = FILE_SIZE - t->offset;
    uint32_t wanted = (uint32_t)t->reg[2];
    uint32_t granted = wanted < left ? wanted : left;

    if (t->reg[0] == FILE_OPEN) {
        if (t->result < 3) {
            sim_fail("file", "open gives %d", t->result);
        }
        t->offset = 0;
    } else if (t->reg[0] == FILE_READ_OP) {
        if ((uint32_t)t->result != granted || t->value != t->offset || t->value2 != FILE_NUMBER) {
            sim_fail("file", "thread %u of job %x reads %d bytes at %u of file %u; due are %u at "
                     "%u", t->number, t->job, t->result, t->value, t->value2, granted, t->offset);
        }
        t->offset += granted;
    }
}

/* Byte i of the world's one file. */
static uint8_t file_byte(uint32_t i) {
    return pattern(FILE_NUMBER, i / 256, i);
}

uint32_t file_bytes(uint8_t *bytes, uint32_t offset, uint32_t most) {
    uint32_t left = offset < FILE_SIZE ? FILE_SIZE - offset : 0;
    uint32_t count = most < left ? most : left;

    for (uint32_t i = 0; i < count; i++) {
        bytes[i] = file_byte(offset + i);
    }
    return count;
}

/* Pieces come in order, without holes, to the thread that asked. */
void check_file_part(struct sim_thread *t, const struct effect *e) {
    uint32_t offset = (uint32_t)t->reg[1] + t->got;
    bool right = t->state == SIM_CALL && !t->answered && e->value == t->got && e->size != 0;

    for (uint32_t i = 0; i < e->size; i++) {
        right = right && e->bytes[i] == file_byte(offset + i);
    }
    if (!right) {
        sim_fail("file", "thread %u of job %x gets %u bytes at %u of its piece of a file, has %u",
                 t->number, t->job, e->size, e->value, t->got);
    }
    t->got += e->size;
}

void check_file_got(struct sim_thread *t) {
    uint32_t left = FILE_SIZE - (uint32_t)t->reg[1], wanted = (uint32_t)t->reg[2];
    uint32_t due = wanted < left ? wanted : left;

    if ((uint32_t)t->result != due || t->got != due) {
        sim_fail("file", "thread %u of job %x wants %u bytes at %u of a file; %u have come, %d is "
                 "said", t->number, t->job, wanted, (uint32_t)t->reg[1], t->got, t->result);
    }
    t->got = 0;
}

void check_streams_over(struct sim_job *job) {
    const struct model *m = job->model;

    for (uint32_t i = 0; i < THREADS_EVER_MAX; i++) {
        if (m->written[i] != m->output[i]) {
            sim_fail("output", "job %x: thread %u wrote %u times, %u came out", job->job, i,
                     m->written[i], m->output[i]);
        }
    }
    if (m->taken != m->chunks) {
        sim_fail("input", "job %x: %u chunks were given, %u read", job->job, m->chunks, m->taken);
    }
}
