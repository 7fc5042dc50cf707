/* Bytes for a job's stdin; see job_stdin.h. */
#include "kernel/console/job_stdin.h"

#include "kernel/job.h"
#include "kernel/thread.h"

_Static_assert((JOB_STDIN_BYTES & (JOB_STDIN_BYTES - 1)) == 0, "the ring's index wraps by mask");

uint32_t job_stdin_put(struct job_stdin *in, const void *bytes, uint32_t count) {
    const uint8_t *from = bytes;
    uint32_t taken = 0;

    while (taken < count && !in->over && in->head - in->tail < JOB_STDIN_BYTES) {
        in->bytes[in->head++ % JOB_STDIN_BYTES] = from[taken++];
    }
    return taken;
}

void job_stdin_end(struct job_stdin *in) {
    in->over = true;
}

void job_stdin_want(struct job_stdin *in, uint32_t ticket, uint32_t max) {
    in->wanted = true;
    in->asked = true;
    in->ticket = ticket;
    in->max = max;
}

uint32_t job_stdin_answer(struct job_stdin *in) {
    uint8_t piece[THREAD_BYTES_MAX];
    uint32_t count = 0, max = in->max < sizeof(piece) ? in->max : (uint32_t)sizeof(piece);

    if (!in->wanted || (in->head == in->tail && !in->over)) {
        return 0;
    }
    while (count < max && in->tail != in->head) {
        piece[count++] = in->bytes[in->tail++ % JOB_STDIN_BYTES];
    }
    in->wanted = false; /* before the core may ask again */
    job_input(in->ticket, piece, count);
    return count;
}
