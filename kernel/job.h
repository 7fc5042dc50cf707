/* Programs as this node's kernel sees them: an address space for each job that the core has opened,
 * and, at its origin, who asked for it and where its output goes. Called from the kernel's one
 * loop. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct space;
struct file;

enum {
    JOB_ROWS_MAX = 16,       /* 2 x JOBS_MAX of adapt/limits.h: asked for and opened */
    JOB_STRINGS_BYTES = 4096, /* arguments and environment of one program, with their zeroes */
};

#define JOB_NOT_STARTED (-1) /* status of a program that never ran */

/* Who gets a job's output and exit status; embed it in the launcher's or the console's own
 * record. */
struct job_owner {
    void (*started)(struct job_owner *owner, uint32_t job);
    void (*output)(struct job_owner *owner, uint32_t fd, const uint8_t *bytes, uint32_t size);
    /* The job wants <= max bytes of stdin: answer by job_input(ticket, …) now or later. */
    void (*input_wanted)(struct job_owner *owner, uint32_t ticket, uint32_t max);
    /* wait(2) status: code << 8, or the signal that ended it. reason: text or "". */
    void (*exited)(struct job_owner *owner, int32_t status, const char *reason);
    uint32_t files; /* the set of files that were sent for it (kernel/file.h); 0: none */
};

/* What threads set for their whole program, as far as this node knows: a new thread brings along
 * what its creator knew. The one with the higher version counts.
 * GAP: a thread that is elsewhere already does not hear of a later change. Programs set such things
 * before they create threads. */
struct job_settings {
    uint32_t version;     /* rises with each change */
    uint32_t handler[64]; /* of signals: 0 default, 1 ignore, else an address */
    uint32_t moved;       /* bit fd: stdout or stderr (1, 2) is not what it was at the start */
};

struct job {
    uint32_t id; /* 0: not open in the core */
    bool used;   /* the row is taken */
    bool no_memory; /* end it: see job_no_memory() */
    struct space *space;
    uint32_t threads;        /* hosted here */
    struct job_settings settings;
    /* at the origin only */
    struct job_owner *owner; /* NULL elsewhere */
    const struct file *program;
    struct job_file_want {
        bool waits; /* the core wants bytes of a file: job_files_poll() answers */
        uint32_t ticket, file, offset, bytes;
    } file_want;
    uint32_t argc, envc;
    uint32_t strings_bytes;
    char strings[JOB_STRINGS_BYTES]; /* argv strings, then env strings, each with its zero */
    char reason[128];        /* why it ended, if the kernel knows better than the status */
};

struct job *job_find(uint32_t id); /* NULL: not open here */
struct job *job_at(uint32_t row);  /* row < JOB_ROWS_MAX */

/* What the core wants done (kernel/effects.c calls these). */
void job_open(uint32_t id);
void job_started(uint32_t handle, uint32_t id, int32_t result);
void job_close(uint32_t id);
void job_exited(uint32_t id, int32_t status);
void job_input_wanted(uint32_t id, uint32_t ticket, uint32_t max);
void job_file_wanted(uint32_t id, const struct job_file_want *want);

/* Why it is about to end; told to the person when this node is its origin. */
void job_note_reason(struct job *job, const char *reason);

/* This node has no frame for a page table of the job: kernel/syscall.c ends the job at its next
 * turn. */
void job_no_memory(struct job *job);

/* A row for a program that is asked for but that the core has not opened yet; NULL: all are used.
 * Its number (job_at) is the handle of CALL_RUN. */
struct job *job_reserve(struct job_owner *owner);
uint32_t job_handle(const struct job *job);
void job_release(struct job *job);

/* Start a program here: 0, or -ERR_* with a text for the person in `why` (cause and remedy).
 * strings: argc + envc zero-terminated strings. The owner's `started` and `exited` follow.
 * Implemented by kernel/syscall_exec.c. */
int job_run(struct job_owner *owner, const char *strings, uint32_t bytes, uint32_t argc,
            uint32_t envc, char why[128]);
/* Signal number `signal` to the whole job (Ctrl-C: 2). */
void job_signal(uint32_t job, uint32_t signal);
/* The owner takes so many bytes of the job's output from now on, and no more until it says so
 * again; before the first time it gets all. What it does not take waits in the job's write
 * calls. */
void job_output_room(uint32_t job, uint32_t bytes);
/* Answers what the core wants of files; true: there is more to answer at once. Not from within an
 * effect. */
bool job_files_poll(void);
/* Bytes for a ticket of input_wanted; size 0: end of file. size <= THREAD_BYTES_MAX. */
void job_input(uint32_t ticket, const uint8_t *bytes, uint32_t size);
