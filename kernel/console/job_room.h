/* How much output a job may send before it waits in write: keeps what the core was told apart
 * from what has come since, and tells it anew when it pays. */
#pragma once

#include <stdint.h>

#include "kernel/job.h"

enum { JOB_ROOM_STEP = 1024 }; /* = CALL_BYTES_MAX: one write; less is not worth a call */

struct job_room {
    uint32_t left; /* bytes that the core still may send */
};

/* So many bytes came (inside an effect). */
static inline void job_room_use(struct job_room *r, uint32_t bytes) {
    r->left -= bytes < r->left ? bytes : r->left;
}

/* There is room for `now` bytes: the core learns it if that is news. Not from within an effect. */
static inline void job_room_tell(struct job_room *r, uint32_t job, uint32_t now) {
    if (now >= r->left + JOB_ROOM_STEP) {
        r->left = now;
        job_output_room(job, now);
    }
}

/* A wait(2) status as a shell tells it. */
static inline int32_t job_exit_code(int32_t status) {
    uint32_t signal = (uint32_t)status & 0x7F;

    if (status == JOB_NOT_STARTED) {
        return 126;
    }
    return signal != 0 ? 128 + (int32_t)signal : (int32_t)((uint32_t)status >> 8 & 0xFF);
}
