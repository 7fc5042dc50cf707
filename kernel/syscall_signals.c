/* System calls of signals. Default actions and SIG_IGN are carried out; a handler is recorded, and
 * a signal that would run it ends the job with a message, until handlers are built (next issue).
 * Dispositions are kept on the node where they were set; masks and what is pending while blocked
 * belong to the thread. */
#include <string.h>

#include "kernel/job.h"
#include "kernel/print.h"
#include "kernel/syscall.h"

/* [signal(7)] i386; the kernel's sigset is 64 bits, bit = number - 1. */
enum {
    SIGNALS_MAX = 64,
    SIGKILL_ = 9,
    SIGSTOP_ = 19,
    SIG_BLOCK_ = 0,
    SIG_UNBLOCK_ = 1,
    SIG_SETMASK_ = 2,
    SIG_DFL_ = 0,
    SIG_IGN_ = 1,
};
#define BIT(signal) (1ull << ((signal)-1))
#define UNBLOCKABLE (BIT(SIGKILL_) | BIT(SIGSTOP_))

/* struct k_sigaction of i386: handler, flags, restorer, mask. */
struct sigaction_i386 {
    uint32_t handler, flags, restorer, mask[2];
};

static uint32_t *disposition(const struct thread *t, uint32_t signal) {
    return &t->job->settings.handler[signal - 1];
}

static struct outcome sys_rt_sigaction(struct thread *t, const uint32_t arg[6]) {
    struct sigaction_i386 action = {0};

    if (arg[0] == 0 || arg[0] > SIGNALS_MAX || arg[3] != sizeof(uint64_t) ||
        (arg[1] != 0 && (arg[0] == SIGKILL_ || arg[0] == SIGSTOP_))) {
        return syscall_done(-ERR_INVALID);
    }
    bool there = arg[1] == 0 || syscall_need(t, arg[1], sizeof(action), ACCESS_READ);
    there &= arg[2] == 0 || syscall_need(t, arg[2], sizeof(action), ACCESS_WRITE);
    if (!there) {
        return syscall_fault(t);
    }
    uint32_t old = *disposition(t, arg[0]);
    if (arg[1] != 0) {
        syscall_read_user(arg[1], &action, sizeof(action));
        *disposition(t, arg[0]) = action.handler;
        t->job->settings.version++;
    }
    if (arg[2] != 0) {
        action = (struct sigaction_i386){.handler = old};
        syscall_write_user(arg[2], &action, sizeof(action));
    }
    return syscall_done(0);
}

/* A signal to a thread. Its own: blocked ones wait; otherwise the disposition known here counts. */
static struct outcome send_signal(struct thread *t, uint32_t tid, uint32_t signal) {
    char text[100];

    if (signal > SIGNALS_MAX) {
        return syscall_done(-ERR_INVALID);
    }
    if (signal != 0 && tid == t->tid && (t->signal_mask & BIT(signal) & ~UNBLOCKABLE)) {
        t->signal_pending |= BIT(signal);
        return syscall_done(0);
    }
    uint32_t handler = signal != 0 ? *disposition(t, signal) : SIG_DFL_;
    if (handler == SIG_IGN_) {
        return syscall_done(0);
    }
    if (handler != SIG_DFL_) {
        print_text(text, sizeof(text),
                   "signal %u has a handler, and handlers are not run yet: ended",
                   (unsigned)signal);
        return syscall_end_job(t, (int32_t)signal, text);
    }
    return syscall_ask_once(t, CALL_KILL_THREAD, (const uint32_t[5]){tid, signal});
}

static struct outcome sys_tkill(struct thread *t, const uint32_t arg[6]) {
    if ((int32_t)arg[0] <= 0) {
        return syscall_done(-ERR_INVALID);
    }
    return t->answered ? syscall_done(syscall_answer(t)->result) : send_signal(t, arg[0], arg[1]);
}

static struct outcome sys_tgkill(struct thread *t, const uint32_t arg[6]) {
    if ((int32_t)arg[0] <= 0 || (int32_t)arg[1] <= 0) {
        return syscall_done(-ERR_INVALID);
    }
    return t->answered ? syscall_done(syscall_answer(t)->result) : send_signal(t, arg[1], arg[2]);
}

/* kill(2): the job itself (its pid, 0, -1) is all that a program can see. */
static struct outcome sys_kill(struct thread *t, const uint32_t arg[6]) {
    bool self = arg[0] == t->job->id || arg[0] == 0 || arg[0] == UINT32_MAX;

    if (t->answered) {
        return syscall_done(syscall_answer(t)->result);
    }
    return self ? send_signal(t, t->job->id, arg[1]) : syscall_done(-ERR_NO_PROCESS);
}

/* What became deliverable by unblocking: the lowest one. */
static struct outcome deliver_pending(struct thread *t) {
    uint64_t due = t->signal_pending & ~t->signal_mask;

    if (due == 0) {
        return syscall_done(0);
    }
    uint32_t signal = (uint32_t)__builtin_ctzll(due) + 1;
    t->signal_pending &= ~BIT(signal);
    return send_signal(t, t->tid, signal);
}

static struct outcome sys_rt_sigprocmask(struct thread *t, const uint32_t arg[6]) {
    uint64_t set = 0, old = t->signal_mask;

    if (t->answered) {
        return syscall_done(0); /* the pending signal did nothing */
    }
    if (arg[3] != sizeof(uint64_t) || (arg[1] != 0 && arg[0] > SIG_SETMASK_)) {
        return syscall_done(-ERR_INVALID);
    }
    bool there = arg[1] == 0 || syscall_need(t, arg[1], sizeof(set), ACCESS_READ);
    there &= arg[2] == 0 || syscall_need(t, arg[2], sizeof(old), ACCESS_WRITE);
    if (!there) {
        return syscall_fault(t);
    }
    if (arg[1] != 0) {
        syscall_read_user(arg[1], &set, sizeof(set));
        t->signal_mask = arg[0] == SIG_BLOCK_     ? old | set
                         : arg[0] == SIG_UNBLOCK_ ? old & ~set
                                                  : set;
        t->signal_mask &= ~UNBLOCKABLE;
    }
    if (arg[2] != 0) {
        syscall_write_user(arg[2], &old, sizeof(old));
    }
    return deliver_pending(t);
}

static struct outcome sys_rt_sigpending(struct thread *t, const uint32_t arg[6]) {
    if (!syscall_need(t, arg[0], sizeof(t->signal_pending), ACCESS_WRITE)) {
        return syscall_fault(t);
    }
    syscall_write_user(arg[0], &t->signal_pending, sizeof(t->signal_pending));
    return syscall_done(0);
}

/* An alternate stack matters to handlers only. */
static struct outcome sys_sigaltstack(struct thread *t, const uint32_t arg[6]) {
    const uint32_t disabled[3] = {0, 2 /* SS_DISABLE */, 0};

    if (arg[1] != 0) {
        if (!syscall_need(t, arg[1], sizeof(disabled), ACCESS_WRITE)) {
            return syscall_fault(t);
        }
        syscall_write_user(arg[1], disabled, sizeof(disabled));
    }
    return syscall_done(0);
}

static const struct syscall_row rows[] = {
    {37, "kill", sys_kill},
    {174, "rt_sigaction", sys_rt_sigaction},
    {175, "rt_sigprocmask", sys_rt_sigprocmask},
    {176, "rt_sigpending", sys_rt_sigpending},
    {186, "sigaltstack", sys_sigaltstack},
    {238, "tkill", sys_tkill},
    {270, "tgkill", sys_tgkill},
};
const struct syscall_table syscalls_signals = {rows, sizeof(rows) / sizeof(rows[0])};
