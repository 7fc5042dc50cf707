/* Threads of programs on this node: one slot each, numbered as the core numbers them (token). A
 * thread is portable data [D 3]: registers, TLS, FPU state, signal mask, tid, clear_child_tid;
 * thread_export() and thread_import() copy exactly that. The kernel has no threads of its own: a
 * slot that waits is only a record of why.
 *
 * Called from the kernel's one loop. Slots' life: EMPTY -> READY <-> (RUNNING) -> WAITING -> READY
 * … -> EMPTY. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "kernel/cpu.h"
#include "kernel/fpu.h"

struct space;
struct job;

enum {
    THREADS_MAX = 128,       /* = limits.threads of adapt/limits.h */
    THREAD_NEED_MAX = 16,    /* = HOLD_MAX: pages that one call may need at once [D 3] */
    THREAD_BYTES_MAX = 1024, /* = CALL_BYTES_MAX */
    THREAD_RECORD_BYTES = 680,
};

enum thread_state {
    THREAD_EMPTY,
    THREAD_READY,   /* in the ready queue, or current */
    THREAD_WAITING, /* the core will wake it */
};

/* What the thread does in the kernel. The handler of a call is run again from its start (prepare)
 * until it finishes: it reads `step` to know what has been committed already [D 3]. */
enum thread_doing {
    DOING_USER, /* nothing: it runs in ring 3, or faulted there */
    DOING_CALL, /* a system call: frame.eax holds its number until it is finished */
    DOING_START, /* a clone, before its first instruction: its tid is written for it */
    DOING_EXEC, /* the job's main thread loads the program */
};

/* Filled by the core's answer (FX_WAKE); valid while `answered`. */
struct thread_answer {
    int32_t result;
    uint32_t value, value2;
    uint32_t size;
    uint8_t bytes[THREAD_BYTES_MAX];
};

struct thread {
    uint8_t frame_room[CPU_FRAME_ROOM]; /* first: see cpu_set_user_frame() */
    struct user_frame frame;      /* the trap entry saves here */
    struct user_frame dispatched; /* as it was given to ring 3: has it run since? [P 8.3] */
    struct fpu_state fpu;         /* when it is not in the FPU (fpu_owner) */
    uint32_t tls_base, tls_limit; /* GDT entry 6 */
    uint8_t tls_pages;            /* limit counts pages */

    uint8_t state;      /* enum thread_state; thread_set_state() */
    uint8_t doing;      /* enum thread_doing */
    uint8_t step;       /* of the call: how far it has committed */
    uint8_t answered;   /* the core has answered the request of this step */
    uint8_t faulting;   /* waits for pages, not for an answer */
    uint8_t need_failed; /* the core refused a page that the call needs: it ends with -EFAULT */
    uint8_t keep_failed; /* … but not this call: it goes on without the page (exit) */
    uint8_t compare;    /* a futex call is queued at its manager: compare the word now */
    uint8_t holds;      /* pages are held for it: EV_RAN is owed */
    uint8_t fault_failed; /* the core refused the page that it faulted on in ring 3 */
    uint8_t ticks;      /* in ring 3 since dispatch */
    uint32_t token;     /* its slot */
    uint32_t next;      /* ready queue */

    struct job *job;
    uint32_t tid;
    uint32_t clear_child_tid; /* user address, 0: none */
    uint32_t set_child_tid;   /* of a new thread: user address that gets its tid, 0: none */
    uint32_t child_tid;       /* clone: the program is to be told of it now; 0: nothing to tell */
    uint64_t signal_pending;  /* blocked ones that came, bit = number - 1 */
    uint64_t signal_mask;     /* kept for the program; no handler runs yet */
    uint32_t done_bytes;      /* of a call in pieces */
    uint64_t wake_us;         /* deadline of a sleep, cluster time */
    uint32_t scratch[4];      /* of the call's handler, between its steps */

    uint32_t need_count;
    struct thread_need {
        uint32_t page;  /* number */
        uint32_t write; /* 1: write right */
    } need[THREAD_NEED_MAX];
    struct thread_answer answer;
    uint64_t cpu_us;          /* in ring 3, for times() and `threads` */
    uint64_t entered_us;      /* ring 3, last time */
};

struct thread *thread_at(uint32_t token);
extern struct thread *thread_current; /* the last one dispatched; NULL: none, or gone */

/* A slot comes to life (READY, DOING_USER, all else zero) and ends. */
struct thread *thread_open(uint32_t token, struct job *job, uint32_t tid);
void thread_close(struct thread *t);

void thread_wait(struct thread *t);        /* READY -> WAITING */
void thread_ready(struct thread *t);       /* WAITING -> READY, behind the others */
void thread_ready_first(struct thread *t); /* … in front: a page has come for it [P 8.3] */
/* The next one to run: current goes behind the others first if `rotate`. NULL: nobody is ready. */
struct thread *thread_next(bool rotate);

bool thread_any_ready(void);

/* Ring 3, now. Switches space, TLS and FPU as needed. */
void thread_enter(struct thread *t) __attribute__((noreturn));
/* True if it made progress since thread_enter(): another frame, or a whole tick in ring 3. */
bool thread_has_run(const struct thread *t);

/* Adds the time in ring 3 since thread_enter() to its account; returns it. */
uint64_t thread_account(struct thread *t, uint64_t now_us);

/* The portable record, THREAD_RECORD_BYTES long. */
void thread_export(const struct thread *t, uint8_t *record);
void thread_import(struct thread *t, const uint8_t *record);
