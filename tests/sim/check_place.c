/* Checker: each thread that a program makes is started once, in one place, with the number that
 * its record says, is stopped once, and nothing of a job runs before it is open or after it is
 * over [P 9.6, D 4]. */
#include "services/job_private.h"
#include "tests/sim/check.h"
#include "tests/sim/failure.h"

/* The number that the next CALL_RUN of the origin gets. */
void check_job_asked(struct world *w, struct sim_job *job) {
    struct node *n = w->pc[job->pc].node;

    job->job = (job_id)((uint32_t)node_seat(n) << 8 | (jobs_of(n)->runs % 255 + 1));
    shadow_init(&job->shadow, job->job);
}

/* Refused before it was numbered: the next one gets this number. */
void check_job_refused(struct world *w, struct sim_job *job) {
    struct node *n = w->pc[job->pc].node;

    if (jobs_of(n)->runs % 255 + 1 == (job->job & 0xFFu)) {
        shadow_free(&job->shadow);
        job->job = 0;
    }
}

void check_job_opened(struct world *w, struct pc *pc, job_id id) {
    struct sim_job *job = world_job(w, id);

    if (job == NULL || (job->over && !job->refused)) {
        sim_fail("job", "n%u opens job %x, which nobody has asked for", pc->index + 1, id);
    }
    job->model->open++;
    memory_open(&pc->memory, id);
}

void check_job_closed(struct world *w, struct pc *pc, job_id id) {
    struct sim_job *job = world_job(w, id);

    if (job == NULL || job->model->open == 0) {
        sim_fail("job", "n%u closes job %x, which is not open", pc->index + 1, id);
    }
    job->model->open--;
    memory_close(&pc->memory, id);
}

void check_thread_started(struct world *w, struct pc *pc, struct sim_job *job,
                          struct sim_thread *t) {
    struct model *m = job->model;

    if (t->number >= THREADS_EVER_MAX || t->number >= job->program.threads_ever) {
        sim_fail("place", "thread %u of job %x was never made", t->number, job->job);
    }
    if (m->started[t->number]++ != 0) {
        sim_fail("place", "thread %u (tid %u) of job %x is started on n%u and has run on n%u",
                 t->number, t->tid, job->job, pc->index + 1, m->running[t->number] - 1u + 1u);
    }
    for (uint32_t i = 0; i < THREADS_EVER_MAX; i++) {
        if (m->started[i] != 0 && i != t->number && m->tid[i] == t->tid) {
            sim_fail("place", "threads %u and %u of job %x have one tid %u", i, t->number, job->job,
                     t->tid);
        }
    }
    if ((t->number == 0) != (t->tid == job->job)) {
        sim_fail("place", "thread %u of job %x has tid %u", t->number, job->job, t->tid);
    }
    m->tid[t->number] = t->tid;
    m->running[t->number] = (uint8_t)(pc->index + 1);
    job->threads_alive++;
    world_hash(w, (uint64_t)t->tid << 8 | pc->index);
}

void check_thread_stopped(struct world *w, struct pc *pc, const struct sim_thread *t) {
    struct sim_job *job = world_job(w, t->job);

    if (job == NULL || job->model->running[t->number] != pc->index + 1) {
        sim_fail("place", "n%u stops thread %u of job %x, which does not run there", pc->index + 1,
                 t->number, t->job);
    }
    job->model->running[t->number] = 0;
    job->threads_alive--;
}

static void check_all_ran(const struct sim_job *job) {
    for (uint32_t i = 0; i < job->program.threads_ever; i++) {
        if (job->model->started[i] != 1) {
            sim_fail("place", "thread %u of job %x has run %u times", i, job->job,
                     job->model->started[i]);
        }
    }
}

void check_job_over(struct world *w, struct sim_job *job) {
    if (job->threads_alive != 0 || job->model->open != 0) {
        sim_fail("job", "job %x is over: %u threads still run, %u nodes have it open", job->job,
                 job->threads_alive, job->model->open);
    }
    if (!job->killed && job->status != (uint32_t)job->program.status) {
        sim_fail("job", "job %x ends with status %x and should with %x", job->job, job->status,
                 (uint32_t)job->program.status);
    }
    if (!job->killed && !job->program.loose) {
        check_all_ran(job);
        check_streams_over(job);
        check_sync_over(w, job);
    }
    world_hash(w, job->status);
    world_hash(w, job->over_us);
}
