/* System calls of programs: int 0x80, two phases [D 3]. *Prepare* reads the arguments and makes
 * every user page that the call will touch resident with the needed right, changing nothing; a
 * missing page becomes fault events and the handler runs again from its start. *Commit* has its
 * side effect once, writes results to pages that are there, then the call is finished: EAX set. A
 * call that waits after commit keeps what it has done in thread->step, done_bytes, scratch, and is
 * completed by the core's answer, never re-executed. */
#pragma once

#include "adapt/port.h"
#include "kernel/thread.h"

/* The thread has executed int 0x80 / has been woken while in a call. */
void syscall_begin(struct thread *t);
void syscall_run(struct thread *t);

/* ---- for the handlers ----------------------------------------------------------------------- */

/* What a handler returns: DONE(result) or one of these. */
enum outcome_kind {
    OUTCOME_DONE,   /* finished: result goes to EAX */
    OUTCOME_AGAIN,  /* pages were missing and are asked for: run me again from the start */
    OUTCOME_WAIT,   /* a request is under way: run me again when it is answered (t->answered) */
    OUTCOME_GONE,   /* the thread does not come back: exit, or registers were replaced (exec) */
};
struct outcome {
    enum outcome_kind kind;
    int32_t result;
};
static inline struct outcome syscall_done(int32_t result) {
    return (struct outcome){OUTCOME_DONE, result};
}
#define SYSCALL_AGAIN ((struct outcome){OUTCOME_AGAIN, 0})
#define SYSCALL_WAIT ((struct outcome){OUTCOME_WAIT, 0})
#define SYSCALL_GONE ((struct outcome){OUTCOME_GONE, 0})

/* Is this result an errno? Addresses above 2 GB are negative too [Linux's rule: the last 4095
 * values]. */
static inline bool syscall_is_error(int32_t result) {
    return result < 0 && result > -4096;
}

typedef struct outcome syscall_handler(struct thread *t, const uint32_t arg[6]);

/* Prepare: these bytes of the program must be resident with that right. True: they are. False: what
 * is missing is noted; go on with the call's other buffers, then return syscall_fault(). At most
 * THREAD_NEED_MAX pages in all. Addresses outside the program's range: t->need_failed is set, and
 * syscall_fault() ends the call with -EFAULT. */
bool syscall_need(struct thread *t, uint32_t address, uint32_t bytes, enum access access);
/* After a false syscall_need(): raises the faults and waits, or ends the call with -EFAULT. */
struct outcome syscall_fault(struct thread *t);

/* Commit: bytes that syscall_need() found resident in this very run, no event of the core in
 * between. */
void syscall_read_user(uint32_t address, void *to, uint32_t bytes);
void syscall_write_user(uint32_t address, const void *from, uint32_t bytes);
/* A zero-terminated string into text[size]: 1 there, 0 pages are missing (syscall_fault),
 * -ERR_RANGE longer. */
int syscall_read_string(struct thread *t, uint32_t address, char *text, uint32_t size);

/* Sends a request to the core for this thread. Returns SYSCALL_WAIT; t->answered when the handler
 * runs again (it may be answered at once). `step` becomes the thread's step: the handler's own mark
 * that this was committed. */
struct outcome syscall_ask(struct thread *t, struct event_call *call, uint8_t step);
/* The same for the next part of a request that is under way: step and answer stay as they are. */
struct outcome syscall_tell(struct thread *t, struct event_call *call);
/* The whole of a call that is one request: asks, and is done with the answer's result. */
struct outcome syscall_ask_once(struct thread *t, enum call_op op, const uint32_t arg[5]);
/* Takes the answer: clears t->answered for the next request of the same call. */
const struct thread_answer *syscall_answer(struct thread *t);

/* The thread goes behind the others that are ready (sched_yield). */
void syscall_yield(void);

/* Ends the thread's job with this wait(2) status; the thread does not run again. reason: for the
 * person, or NULL. */
struct outcome syscall_end_job(struct thread *t, int32_t status, const char *reason);
/* … because job_no_memory() was called for it. */
struct outcome syscall_end_without_memory(struct thread *t);

/* Tables of handlers by number, one for each file of handlers; kernel/syscall.c looks them up in
 * turn. */
struct syscall_row {
    uint16_t number;
    const char *name;
    syscall_handler *handler;
};
struct syscall_table {
    const struct syscall_row *rows;
    uint32_t count;
};
extern const struct syscall_table syscalls_memory, syscalls_files, syscalls_paths;
extern const struct syscall_table syscalls_threads, syscalls_time,
    syscalls_info, syscalls_signals, syscalls_waits;

/* Row numbers of Lisse's own calls: 0x4C530000 + n of lib/lisse.h stands at SYSCALL_LISSE + n. */
enum { SYSCALL_LISSE = 512 };

/* Times of programs (kernel/syscall_time.c). A timespec as microseconds, rounded up: 1 there, 0
 * pages are missing (syscall_fault), -ERR_INVALID. */
enum timespec_width { TIMESPEC_32, TIMESPEC_64 };
int syscall_read_timespec(struct thread *t, uint32_t address, enum timespec_width width,
                          uint64_t *us);
/* The same as a deadline in cluster time, never 0. */
enum clock_kind { CLOCK_SPAN, CLOCK_ABSOLUTE, CLOCK_ABSOLUTE_REAL };
uint64_t syscall_deadline_us(enum clock_kind clock, uint64_t us);

/* A new thread before its first instruction: its tid is written where clone's caller wanted it. */
struct outcome syscall_start_child(struct thread *t);

/* The main thread's way from nothing to its program's first instruction (kernel/syscall_exec.c). */
struct outcome syscall_exec(struct thread *t);
