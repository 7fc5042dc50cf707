/* Performing the core's effects on this PC; see effects.h. One function per effect, one table. */
#include "kernel/effects.h"

#include "adapt/report.h"
#include "kernel/console/launcher.h"
#include "kernel/job.h"
#include "kernel/panic.h"
#include "kernel/print.h"
#include "kernel/pump.h"
#include "kernel/syscall.h"
#include "mm/frame.h"
#include "mm/paging.h"
#include "net/link.h"
#include "net/udp.h"

/* The contents of a page part stay in their frame: the core pins it until the receiver has it [D
 * 6.2]. */
static void perform_send(const struct effect *e) {
    if (e->ref.bytes == 0) {
        link_seal(e->datagram, e->size, NULL, 0);
        net_send(e->to, e->datagram, e->size, NULL, 0);
        return;
    }
    paddr_t frame = frame_user(e->ref.frame);
    uint8_t *bytes = frame_map(frame);
    link_seal(e->datagram, e->size, bytes + e->ref.offset, e->ref.bytes);
    frame_unmap(bytes);
    net_send_ref(e->to, e->datagram, e->size, frame + e->ref.offset, e->ref.bytes);
    if (e->ref.offset == 0) {
        net_flush(); /* the receiver wakes up while the rest of the page is sealed */
    }
}

static void perform_copy_in(const struct effect *e) {
    uint8_t *bytes = frame_map(frame_user(e->frame));

    memcpy(bytes + e->offset, e->bytes, e->size);
    frame_unmap(bytes);
}

static void perform_zero(const struct effect *e) {
    void *bytes = frame_map(frame_user(e->frame));

    memset(bytes, 0, FRAME_BYTES);
    frame_unmap(bytes);
}

/* No frame left for a page table: the job cannot go on here, the node can. The page stays unmapped;
 * the thread faults again, or goes on with its call, and ends the job then. */
static void perform_map(const struct effect *e) {
    struct job *job = job_find(e->job);

    PANIC_UNLESS(job != NULL);
    enum right right = e->right == ACCESS_WRITE ? RIGHT_WRITE : RIGHT_READ;
    if (space_map(job->space, e->page * FRAME_BYTES, frame_user(e->frame), right) != 0) {
        job_no_memory(job);
    }
}

static void perform_unmap(const struct effect *e) {
    struct job *job = job_find(e->job);

    PANIC_UNLESS(job != NULL);
    space_unmap(job->space, e->page * FRAME_BYTES);
}

static void perform_limit(const struct effect *e) {
    struct job *job = job_find(e->job);

    if (job != NULL) { /* the last word about a job may come after its space is gone */
        space_limit(job->space, e->page, e->value, (enum right)e->right);
    }
}

static void wake_from_fault(struct thread *t, int32_t result) {
    t->faulting = 0;
    t->holds = 1;
    if (result < 0 && t->doing == DOING_USER) {
        t->fault_failed = 1;
    } else if (result < 0) {
        t->need_failed = 1; /* the call ends with -EFAULT */
    }
    if (t->state == THREAD_WAITING) {
        thread_ready_first(t);
    }
}

static void perform_wake(const struct effect *e) {
    struct thread *t = thread_at(e->token);

    PANIC_UNLESS(t->state != THREAD_EMPTY && e->size <= THREAD_BYTES_MAX);
    if (t->faulting) {
        wake_from_fault(t, e->result);
        return;
    }
    t->answered = 1;
    t->answer.result = e->result;
    t->answer.value = e->value;
    t->answer.value2 = e->value2;
    t->answer.size = e->size;
    if (e->size != 0) {
        memcpy(t->answer.bytes, e->bytes, e->size);
    }
    if (t->state == THREAD_WAITING) {
        thread_ready(t);
    }
}

static void perform_compare(const struct effect *e) {
    struct thread *t = thread_at(e->token);

    PANIC_UNLESS(t->doing == DOING_CALL);
    t->compare = 1;
    if (t->state == THREAD_WAITING) {
        thread_ready_first(t);
    }
}

static void perform_clone_tid(const struct effect *e) {
    struct thread *t = thread_at(e->token);

    PANIC_UNLESS(t->doing == DOING_CALL);
    t->child_tid = e->value;
    if (t->state == THREAD_WAITING) {
        thread_ready_first(t);
    }
}

static void perform_thread_start(const struct effect *e) {
    struct job *job = job_find(e->job);

    PANIC_UNLESS(job != NULL);
    struct thread *t = thread_open(e->token, job, e->value);
    if (e->size == 0) {
        t->doing = DOING_EXEC;
        return;
    }
    /* A record of another length is a broken peer's: its thread gets what there is of its registers
     * and faults; the node is safe, since user_enter() puts every register right. */
    uint8_t record[THREAD_RECORD_BYTES] = {0};
    memcpy(record, e->bytes, e->size < sizeof(record) ? e->size : sizeof(record));
    thread_import(t, record);
    t->doing = DOING_START;
}

static void perform_thread_stop(const struct effect *e) {
    thread_close(thread_at(e->token));
}

static void perform_output(const struct effect *e) {
    struct job *job = job_find(e->job);

    if (job != NULL && job->owner != NULL) {
        job->owner->output(job->owner, e->value, e->bytes, e->size);
    }
}

/* The usual way of things: on the console, and in READY. The launcher hears of the rest. */
static bool is_progress(uint32_t code) {
    return code == REPORT_FOUNDED || code == REPORT_JOINED || code == REPORT_STABLE ||
           code == REPORT_WAITING;
}

static void perform_report(const struct effect *e) {
    char line[200];

    if (e->value == REPORT_JOB_FAULT) {
        return; /* kernel/fault.c knows more, and a call just fails: -EFAULT */
    }
    report_format(line, sizeof(line), (enum report)e->value, e->arg, (const char *)e->bytes);
    print("%s\n", line);
    if (!is_progress(e->value)) {
        launcher_report(line);
    }
}

static void perform(const struct effect *e) {
    switch (e->type) {
    case FX_SEND: perform_send(e); break;
    case FX_COPY_IN: perform_copy_in(e); break;
    case FX_ZERO: perform_zero(e); break;
    case FX_MAP: perform_map(e); break;
    case FX_UNMAP: perform_unmap(e); break;
    case FX_LIMIT: perform_limit(e); break;
    case FX_WAKE: perform_wake(e); break;
    case FX_FUTEX_COMPARE: perform_compare(e); break;
    case FX_CLONE_TID: perform_clone_tid(e); break;
    case FX_JOB_OPEN: job_open(e->job); break;
    case FX_JOB_STARTED: job_started(e->value, e->job, e->result); break;
    case FX_JOB_CLOSE: job_close(e->job); break;
    case FX_JOB_EXIT: job_exited(e->job, e->result); break;
    case FX_THREAD_START: perform_thread_start(e); break;
    case FX_THREAD_STOP: perform_thread_stop(e); break;
    case FX_OUTPUT: perform_output(e); break;
    case FX_INPUT_WANTED: job_input_wanted(e->job, e->value, e->value2); break;
    case FX_REPORT: perform_report(e); break;
    default: panic("the core wants effect %u, which this kernel does not know", e->type);
    }
}

void effects_perform(struct effects *fx) {
    for (uint32_t i = 0; i < fx->count; i++) {
        perform(&fx->list[i]);
    }
}
