/* The slots of threads, the ready queue, and the way into ring 3; see thread.h. Runs in the
 * kernel's one loop. Never talks to the core: kernel/effects.c and kernel/syscall*.c do. */
#include "kernel/thread.h"

#include <string.h>

#include "kernel/job.h"
#include "kernel/panic.h"
#include "kernel/time.h"
#include "mm/paging.h"

static struct thread threads[THREADS_MAX];
struct thread *thread_current;

/* The ready queue: a list of slots; current is not in it while it is READY and running. */
static struct thread *first, *last;

#define LIST_END 0xFFFFFFFFu

struct thread *thread_at(uint32_t token) {
    PANIC_UNLESS(token < THREADS_MAX);
    return &threads[token];
}

static void push_back(struct thread *t) {
    t->next = LIST_END;
    if (first == NULL) {
        first = t;
    } else {
        last->next = t->token;
    }
    last = t;
}

static void push_front(struct thread *t) {
    t->next = first == NULL ? LIST_END : first->token;
    first = t;
    if (last == NULL) {
        last = t;
    }
}

static struct thread *pop(void) {
    struct thread *t = first;

    if (t != NULL) {
        first = t->next == LIST_END ? NULL : &threads[t->next];
        last = first == NULL ? NULL : last;
    }
    return t;
}

static void take_out(const struct thread *t) {
    struct thread *previous = NULL;

    for (struct thread *at = first; at != NULL;) {
        struct thread *after = at->next == LIST_END ? NULL : &threads[at->next];
        if (at == t) {
            if (previous == NULL) {
                first = after;
            } else {
                previous->next = at->next;
            }
            last = after == NULL ? previous : last;
            return;
        }
        previous = at;
        at = after;
    }
}

struct thread *thread_open(uint32_t token, struct job *job, uint32_t tid) {
    struct thread *t = thread_at(token);

    PANIC_UNLESS(t->state == THREAD_EMPTY);
    memset(t, 0, sizeof(*t));
    t->token = token;
    t->job = job;
    t->tid = tid;
    t->state = THREAD_READY;
    fpu_reset(&t->fpu);
    job->threads++;
    push_back(t);
    return t;
}

void thread_close(struct thread *t) {
    PANIC_UNLESS(t->state != THREAD_EMPTY);
    take_out(t);
    fpu_forget(&t->fpu);
    t->job->threads--;
    t->state = THREAD_EMPTY;
    t->job = NULL;
    if (thread_current == t) {
        thread_current = NULL;
    }
}

void thread_wait(struct thread *t) {
    PANIC_UNLESS(t->state == THREAD_READY);
    take_out(t);
    t->state = THREAD_WAITING;
}

void thread_ready(struct thread *t) {
    PANIC_UNLESS(t->state == THREAD_WAITING);
    t->state = THREAD_READY;
    push_back(t);
}

void thread_ready_first(struct thread *t) {
    PANIC_UNLESS(t->state == THREAD_WAITING);
    t->state = THREAD_READY;
    push_front(t);
}

struct thread *thread_next(bool rotate) {
    struct thread *t = thread_current;

    if (t != NULL && t->state == THREAD_READY && t != first) {
        take_out(t);
        if (rotate) {
            push_back(t);
        } else if (first == NULL || !first->holds) {
            push_front(t);
        } else {
            push_back(t); /* the thread whose page has come goes first [P 8.3] */
        }
    }
    return pop();
}

bool thread_any_ready(void) {
    return first != NULL || (thread_current != NULL && thread_current->state == THREAD_READY);
}

static void load_tls(const struct thread *t) {
    cpu_set_tls(t->tls_base, t->tls_limit, t->tls_pages ? CPU_TLS_PAGES : CPU_TLS_BYTES);
}

void thread_enter(struct thread *t) {
    PANIC_UNLESS(t->state == THREAD_READY && t->doing == DOING_USER);
    thread_current = t;
    space_activate(t->job->space);
    fpu_switch(&t->fpu);
    load_tls(t);
    t->dispatched = t->frame;
    t->ticks = 0;
    t->entered_us = time_us();
    user_enter(&t->frame);
}

bool thread_has_run(const struct thread *t) {
    const struct user_frame *a = &t->frame, *b = &t->dispatched;

    return t->ticks > 1 || a->eip != b->eip || a->esp != b->esp || a->eax != b->eax ||
           a->ebx != b->ebx || a->ecx != b->ecx || a->edx != b->edx || a->esi != b->esi ||
           a->edi != b->edi || a->ebp != b->ebp;
}

uint64_t thread_account(struct thread *t, uint64_t now_us) {
    uint64_t spent = now_us - t->entered_us;

    t->cpu_us += spent;
    return spent;
}

/* ---- the portable record -------------------------------------------------------------------- */

/* Fixed-width, little-endian as both ends are i386. */
struct record {
    struct user_frame frame;
    uint32_t tls_base, tls_limit, tls_pages;
    uint32_t clear_child_tid;
    uint32_t signal_mask_low, signal_mask_high;
    uint32_t set_child_tid;
    uint8_t fpu[FPU_PORTABLE_BYTES];
    struct job_settings settings;
};
_Static_assert(sizeof(struct record) <= THREAD_RECORD_BYTES, "a record fits");

void thread_export(const struct thread *t, uint8_t *bytes) {
    struct record r;

    memset(&r, 0, sizeof(r));
    r.frame = t->frame;
    r.tls_base = t->tls_base;
    r.tls_limit = t->tls_limit;
    r.tls_pages = t->tls_pages;
    r.clear_child_tid = t->clear_child_tid;
    r.set_child_tid = t->set_child_tid;
    r.signal_mask_low = (uint32_t)t->signal_mask;
    r.signal_mask_high = (uint32_t)(t->signal_mask >> 32);
    r.settings = t->job->settings;
    fpu_export(&threads[t->token].fpu, r.fpu); /* a copy of a thread has the original's FPU */
    memset(bytes, 0, THREAD_RECORD_BYTES);
    memcpy(bytes, &r, sizeof(r));
}

void thread_import(struct thread *t, const uint8_t *bytes) {
    struct record r;

    memcpy(&r, bytes, sizeof(r));
    t->frame = r.frame;
    t->tls_base = r.tls_base;
    t->tls_limit = r.tls_limit;
    t->tls_pages = r.tls_pages != 0;
    t->clear_child_tid = r.clear_child_tid;
    t->set_child_tid = r.set_child_tid;
    if (r.settings.version > t->job->settings.version) {
        t->job->settings = r.settings;
    }
    t->signal_mask = (uint64_t)r.signal_mask_high << 32 | r.signal_mask_low;
    fpu_import(&t->fpu, r.fpu);
}
