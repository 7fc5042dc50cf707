/* What the core's effects do to the simulated world, one function per effect as in
 * kernel/effects.c. Runs in list order within world_step(); performing cannot fail, so whatever
 * does not fit is a failure of the seed. */
#include "tests/sim/check.h"
#include "tests/sim/failure.h"
#include "tests/sim/world.h"

static void perform_copy_in(struct pc *pc, const struct effect *e) {
    uint8_t *bytes = memory_frame_to_fill(&pc->memory, e->frame);

    if (e->offset + (uint32_t)e->size > PAGE_BYTES) {
        sim_fail("memory", "FX_COPY_IN of %u bytes at %u", e->size, e->offset);
    }
    memcpy(bytes + e->offset, e->bytes, e->size);
}

static void perform_map(struct world *w, struct pc *pc, const struct effect *e) {
    memory_map(&pc->memory, e->job, e->page, e->frame, (enum access)e->right);
    check_rights(w, pc, e->job, e->page, (enum access)e->right);
}

static void perform_unmap(struct world *w, struct pc *pc, const struct effect *e) {
    memory_unmap(&pc->memory, e->job, e->page);
    check_rights(w, pc, e->job, e->page, ACCESS_NONE);
}

/* One effect for a range: whatever in it has more than this right is cut down to it. */
static void perform_limit(struct world *w, struct pc *pc, const struct effect *e) {
    struct mapping found;
    uint32_t at = 0;

    while (memory_next_above(&pc->memory, e->job, &at, &found, (enum access)e->right)) {
        if (found.page - e->page >= e->value) {
            continue;
        }
        if (e->right == ACCESS_NONE) {
            memory_unmap(&pc->memory, e->job, found.page);
        } else {
            memory_map(&pc->memory, e->job, found.page, found.frame, (enum access)e->right);
        }
        check_rights(w, pc, e->job, found.page, (enum access)e->right);
    }
}

static void perform_wake(struct world *w, struct pc *pc, const struct effect *e) {
    struct sim_thread *t = cpu_thread(pc, e->token);

    if (t->state == SIM_FAULT) {
        t->holds = true;
        t->failed = e->result < 0;
        cpu_ready(w, pc, t, true);
        return;
    }
    if (t->state != SIM_CALL || t->answered) {
        sim_fail("wake", "n%u: slot %u (thread %u) is woken and waits for nothing, result %d",
                 pc->index + 1, e->token, t->tid, e->result);
    }
    t->answered = true;
    t->result = e->result;
    t->value = e->value;
    t->value2 = e->value2;
    t->size = e->size;
    if (e->size != 0) {
        memcpy(t->bytes, e->bytes, e->size);
    }
    cpu_ready(w, pc, t, false);
}

static void perform_compare(struct world *w, struct pc *pc, const struct effect *e) {
    struct sim_thread *t = cpu_thread(pc, e->token);

    if (t->state != SIM_CALL || t->compare) {
        sim_fail("wake", "n%u: slot %u is to compare a futex and is in no such call",
                 pc->index + 1, e->token);
    }
    t->compare = true;
    cpu_ready(w, pc, t, true);
}

static void perform_clone_tid(struct world *w, struct pc *pc, const struct effect *e) {
    struct sim_thread *t = cpu_thread(pc, e->token);

    if (t->state != SIM_CALL || t->child_told) {
        sim_fail("wake", "n%u: slot %u is told of a child and is in no clone", pc->index + 1,
                 e->token);
    }
    t->child_told = true;
    t->child = e->value;
    cpu_ready(w, pc, t, true);
}

static void perform_thread_start(struct world *w, struct pc *pc, const struct effect *e) {
    struct sim_thread *t = cpu_thread(pc, e->token);
    struct sim_job *job = world_job(w, e->job);
    struct thread_record record = {0};

    if (t->state != SIM_EMPTY || job == NULL || e->size > sizeof(record)) {
        sim_fail("place", "n%u: a thread of job %u is started in slot %u, which is not empty",
                 pc->index + 1, e->job, e->token);
    }
    t->job = e->job;
    t->tid = e->value;
    if (e->size != 0) {
        memcpy(&record, e->bytes, e->size);
        record_check(&record, e->size);
        t->number = record.number;
        t->at = record.entry;
    }
    check_thread_started(w, pc, job, t);
    cpu_ready(w, pc, t, false);
}

static void perform_thread_stop(struct world *w, struct pc *pc, const struct effect *e) {
    struct sim_thread *t = cpu_thread(pc, e->token);

    if (t->state == SIM_EMPTY) {
        sim_fail("place", "n%u: empty slot %u is stopped", pc->index + 1, e->token);
    }
    check_thread_stopped(w, pc, t);
    cpu_stop(pc, t);
}

static void perform_started(struct world *w, const struct effect *e) {
    struct sim_job *job = e->value < SIM_JOBS_MAX ? &w->job[e->value] : NULL;

    if (job == NULL || job->started || (e->result < 0 && w->plan.jobs <= 2)) {
        sim_fail("job", "run of job %u ends with %d", e->value, e->result);
    }
    job->started = true;
    if (e->result < 0) { /* no room: nothing of it may ever run */
        job->over = job->refused = true;
        check_job_refused(w, job);
        return;
    }
    job->started_us = w->now_us;
    if (w->plan.output_room != 0) {
        world_after(w, 0, (struct world_row){.type = WEV_ROOM, .pc = job->pc, .job = job->job});
    }
}

static void perform_exit(struct world *w, const struct effect *e) {
    struct sim_job *job = e->value < SIM_JOBS_MAX ? &w->job[e->value] : NULL;

    if (job == NULL || !job->started || job->over || job->job != e->job) {
        sim_fail("job", "job %u has exited (handle %u) and was not running", e->job, e->value);
    }
    job->over = true;
    job->over_us = w->now_us;
    job->status = (uint32_t)e->result;
    check_job_over(w, job);
}

static void perform_input_wanted(struct world *w, struct pc *pc, const struct effect *e) {
    world_after(w, 20 + world_random(w, 2000),
                (struct world_row){.type = WEV_INPUT, .pc = pc->index, .a = e->value,
                                   .b = e->value2, .job = e->job});
}

static void perform_file_wanted(struct world *w, struct pc *pc, const struct effect *e) {
    if (e->arg[0] != FILE_NUMBER || e->arg[1] > 0xFFFF || e->arg[2] > CALL_BYTES_MAX) {
        sim_fail("file", "%u bytes at %u of file %u are wanted", e->arg[2], e->arg[1], e->arg[0]);
    }
    world_after(w, 1 + world_random(w, 100),
                (struct world_row){.type = WEV_FILE, .pc = pc->index, .a = e->value,
                                   .b = e->arg[1] | e->arg[2] << 16, .job = e->job});
}

static void perform(struct world *w, struct pc *pc, const struct effect *e) {
    switch (e->type) {
    case FX_SEND: network_send(w, pc, e); break;
    case FX_COPY_IN: perform_copy_in(pc, e); break;
    case FX_ZERO: memset(memory_frame_to_fill(&pc->memory, e->frame), 0, PAGE_BYTES); break;
    case FX_MAP: perform_map(w, pc, e); break;
    case FX_UNMAP: perform_unmap(w, pc, e); break;
    case FX_LIMIT: perform_limit(w, pc, e); break;
    case FX_WAKE: perform_wake(w, pc, e); break;
    case FX_FUTEX_COMPARE: perform_compare(w, pc, e); break;
    case FX_CLONE_TID: perform_clone_tid(w, pc, e); break;
    case FX_JOB_OPEN: check_job_opened(w, pc, e->job); break;
    case FX_JOB_STARTED: perform_started(w, e); break;
    case FX_JOB_CLOSE: check_job_closed(w, pc, e->job); break;
    case FX_JOB_EXIT: perform_exit(w, e); break;
    case FX_THREAD_START: perform_thread_start(w, pc, e); break;
    case FX_THREAD_STOP: perform_thread_stop(w, pc, e); break;
    case FX_OUTPUT: check_output(w, e); break;
    case FX_INPUT_WANTED: perform_input_wanted(w, pc, e); break;
    case FX_FILE_WANTED: perform_file_wanted(w, pc, e); break;
    case FX_FILE_PART: check_file_part(cpu_thread(pc, e->token), e); break;
    case FX_REPORT: check_report(w, pc, e); break;
    default: sim_fail("effects", "unknown effect %u", e->type);
    }
}

void effects_perform(struct world *w, struct pc *pc, struct effects *fx) {
    for (uint32_t i = 0; i < fx->count; i++) {
        perform(w, pc, &fx->list[i]);
    }
}
