/* What was sent to a job's stdin and it has not asked for yet, and the question of the job
 * that waits for it. Belongs to whoever owns the job's terminal (launcher_jobs.c,
 * job_console.c). job_stdin_want() may be called from within an effect; the others give events
 * to the core and may not. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
    JOB_STDIN_BYTES = 4096
}; /* a power of two: 4 calls' worth; the sender waits when it is full */

struct job_stdin {
    bool wanted; /* a ticket waits */
    bool asked;  /* the job has ever asked: it reads stdin */
    bool over;   /* end of file comes after the bytes */
    uint32_t ticket, max;
    uint32_t head, tail; /* count bytes for ever, modulo 2^32 */
    uint8_t bytes[JOB_STDIN_BYTES];
};

/* Bytes taken, 0 … count. */
uint32_t job_stdin_put(struct job_stdin *in, const void *bytes, uint32_t count);
void job_stdin_end(struct job_stdin *in);
/* The job wants up to max bytes: job_owner.input_wanted(). */
void job_stdin_want(struct job_stdin *in, uint32_t ticket, uint32_t max);
/* Answers a waiting ticket if there is something to say; returns the bytes given. */
uint32_t job_stdin_answer(struct job_stdin *in);
