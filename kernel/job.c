/* Rows of programs on this node; see job.h. An owner's row is taken before the core knows the job
 * (job_reserve), a row on any other node when the core opens it. */
#include "kernel/job.h"

#include <string.h>

#include "kernel/file_window.h"
#include "kernel/panic.h"
#include "mm/paging.h"

static struct job jobs[JOB_ROWS_MAX];

struct job *job_at(uint32_t row) {
    PANIC_UNLESS(row < JOB_ROWS_MAX);
    return &jobs[row];
}

struct job *job_find(uint32_t id) {
    for (uint32_t i = 0; i < JOB_ROWS_MAX; i++) {
        if (jobs[i].used && jobs[i].id == id) {
            return &jobs[i];
        }
    }
    return NULL;
}

static struct job *take_row(void) {
    for (uint32_t i = 0; i < JOB_ROWS_MAX; i++) {
        if (!jobs[i].used) {
            memset(&jobs[i], 0, sizeof(jobs[i]));
            jobs[i].used = true;
            return &jobs[i];
        }
    }
    return NULL;
}

/* Half of the rows: the core may open as many jobs as the other half has, of other nodes or of
 * ours that wait for job_started(). */
struct job *job_reserve(struct job_owner *owner) {
    uint32_t owned = 0;

    for (uint32_t i = 0; i < JOB_ROWS_MAX; i++) {
        owned += jobs[i].used && jobs[i].owner != NULL;
    }
    struct job *job = owned < JOB_ROWS_MAX / 2 ? take_row() : NULL;
    if (job != NULL) {
        job->owner = owner;
    }
    return job;
}

uint32_t job_handle(const struct job *job) {
    return (uint32_t)(job - jobs);
}

void job_release(struct job *job) {
    PANIC_UNLESS(job->used && job->space == NULL && job->threads == 0);
    job->used = false;
}

/* At the origin the row was reserved already and is joined to the job by job_started(), which comes
 * later: until then the space waits in a row of its own. */
void job_open(uint32_t id) {
    struct job *job = take_row();

    PANIC_UNLESS(job != NULL && id != 0); /* JOBS_MAX rows in the core, twice as many here */
    job->id = id;
    int err = space_create(&job->space);
    PANIC_UNLESS(err == 0); /* mm/space.c keeps frames for all */
}

/* What FX_JOB_STARTED says: Linux's EAGAIN and ENOSPC. */
enum { REFUSED_NOT_STABLE = 11, REFUSED_NO_ROOM = 28 };

/* In one line; the core's report has the numbers. */
static const char *refusal(int32_t result) {
    switch (result) {
    case -REFUSED_NOT_STABLE:
        return "the cluster is not stable yet: try again when it is (`view`)";
    case -REFUSED_NO_ROOM:
        return "no room for one more program: wait for one to end, or kill one (`jobs`)";
    default:
        return "the cluster cannot start a program now: see the reports";
    }
}

void job_started(uint32_t handle, uint32_t id, int32_t result) {
    struct job *asked = job_at(handle);

    PANIC_UNLESS(asked->used && asked->owner != NULL);
    if (result < 0) {
        struct job_owner *owner = asked->owner;
        job_release(asked);
        owner->exited(owner, JOB_NOT_STARTED, refusal(result));
        return;
    }
    struct job *opened = job_find(id);
    PANIC_UNLESS(opened != NULL);
    asked->id = id;
    asked->space = opened->space;
    asked->threads = opened->threads;
    opened->used = false;
    asked->owner->started(asked->owner, id);
}

void job_close(uint32_t id) {
    struct job *job = job_find(id);

    PANIC_UNLESS(job != NULL && job->threads == 0);
    space_destroy(job->space);
    job->space = NULL;
    job->file_want.waits = false;
    file_window_job_over(id);
    if (job->owner == NULL) {
        job->used = false;
    }
}

/* It is over on every node. A job that a broken peer opened in our name has no owner: nobody hears
 * of its end, nobody answers its reads. */
void job_exited(uint32_t id, int32_t status) {
    struct job *job = job_find(id);

    if (job == NULL || job->owner == NULL) {
        return;
    }
    struct job_owner *owner = job->owner;
    char reason[sizeof(job->reason)];
    memcpy(reason, job->reason, sizeof(reason));
    job_release(job);
    owner->exited(owner, status, reason);
}

void job_input_wanted(uint32_t id, uint32_t ticket, uint32_t max) {
    struct job *job = job_find(id);

    if (job != NULL && job->owner != NULL) {
        job->owner->input_wanted(job->owner, ticket, max);
    }
}

void job_file_wanted(uint32_t id, const struct job_file_want *want) {
    struct job *job = job_find(id);

    PANIC_UNLESS(job != NULL && job->owner != NULL && !job->file_want.waits);
    job->file_want = *want;
}

void job_no_memory(struct job *job) {
    job->no_memory = true;
}

void job_note_reason(struct job *job, const char *reason) {
    uint32_t length = (uint32_t)strlen(reason);

    length = length < sizeof(job->reason) - 1 ? length : (uint32_t)sizeof(job->reason) - 1;
    memcpy(job->reason, reason, length);
    job->reason[length] = 0;
}
