/* The origin of a job: `run` asks the job's manager for an entry, the main thread starts here when
 * every member knows the job, and the asker hears of the end when every member has dropped it. Also
 * `kill` of the console. */
#include "adapt/report.h"
#include "services/job_private.h"

static void started(struct node *n, job_id job, uint32_t handle, int32_t result) {
    struct effect *e = node_effect(n, FX_JOB_STARTED);

    e->job = job;
    e->value = handle;
    e->result = result;
}

/* A number that no job has here: this seat, then a count that starts again after 255 runs; the
 * generation tells the jobs of one number apart. It rises by 16, which leaves 15 restores to
 * each. */
static job_id number_next(struct node *n, uint16_t *generation) {
    struct jobs *j = jobs_of(n);
    job_id job;

    do {
        uint32_t run = j->runs++;
        job = (job_id)((uint32_t)node_seat(n) << 8 | (run % 255 + 1));
        *generation = (uint16_t)(run / 255 % 4095 * 16 + 1);
    } while (job_local_find(n, job) != NULL); /* ends: JOBS_MAX < 255 */
    return job;
}

void job_send_new(struct node *n, const struct job_local *l) {
    struct msg m;

    msg_begin(n, &m, MSG_JOB_NEW, key_make(SERVICE_JOB, l->job, 0));
    m.head.generation = l->generation;
    m.job_open.origin = node_seat(n);
    adaptation_send(n, &m);
}

void job_on_run(struct node *n, const struct event_call *call) {
    if (!node_is_stable(n)) {
        node_report(n, REPORT_RUN_UNSTABLE, call->arg[0], 0, 0, NULL);
        started(n, 0, call->arg[0], -ERR_AGAIN);
        return;
    }
    struct job_local *l = job_local_take(n);
    token_no main = l != NULL ? threads_book(n, 0) : TOKEN_NONE;

    if (l == NULL || main == TOKEN_NONE) {
        node_report(n, REPORT_RUN_FULL, call->arg[0], JOBS_MAX, node_limits(n)->threads, NULL);
        started(n, 0, call->arg[0], -ERR_NO_SPACE);
        return;
    }
    l->job = number_next(n, &l->generation);
    l->origin = node_seat(n);
    l->handle = call->arg[0];
    l->main = main;
    threads_slot(n, main)->job = l->job;
    job_local_set(n, l, LOCAL_ASKED);
    job_send_new(n, l);
}

/* Refused: JOB_CLOSE has closed what was open here, or nothing was. */
static void refused(struct node *n, struct job_local *l, int32_t result) {
    if (l->main != TOKEN_NONE) {
        threads_unbook(n, l->main);
    }
    node_report(n, REPORT_RUN_REFUSED, l->handle, JOBS_MAX, 0u - (uint32_t)result, NULL);
    started(n, 0, l->handle, result);
    job_local_set(n, l, LOCAL_FREE);
}

void job_on_made(struct node *n, const struct msg *m) {
    struct job_local *l = job_local_find(n, key_job(m->head.key));

    if (l == NULL || l->generation != m->head.generation || l->origin != node_seat(n)) {
        return;
    }
    if (m->job_open.result < 0) {
        if (l->state == LOCAL_ASKED || l->state == LOCAL_CLOSED) {
            refused(n, l, m->job_open.result);
        }
        return;
    }
    if (l->state != LOCAL_READY) {
        return; /* a repeated answer */
    }
    job_local_set(n, l, LOCAL_OPEN);
    started(n, l->job, l->handle, 0);
    threads_start_main(n, l->main, l->job);
    if (l->end_wanted) {
        job_send_end(n, l);
    }
}

void job_on_exited(struct node *n, const struct msg *m) {
    struct job_local *l = job_local_find(n, key_job(m->head.key));

    if (l == NULL || l->generation != m->head.generation || l->state != LOCAL_CLOSED) {
        return;
    }
    struct effect *e = node_effect(n, FX_JOB_EXIT);

    e->job = l->job;
    e->value = l->handle;
    e->result = (int32_t)m->end.status;
    job_local_set(n, l, LOCAL_FREE);
}

void job_on_kill(struct node *n, const struct event_call *call) {
    job_id job = (job_id)call->arg[0];

    if (call->arg[0] > 0xFFFF || job_local_find(n, job) == NULL) {
        node_report(n, REPORT_NO_JOB, call->arg[0], 0, 0, NULL);
        return;
    }
    job_end(n, job, call->arg[1]);
}
