/* System calls that wait for what comes from outside the job: select, pause, sigsuspend, sigwait.
 * Descriptors are always ready, as for poll (a read of stdin then waits), and no signal is ever
 * delivered to a waiting thread: what is left of these calls is their time. */
#include <string.h>

#include "kernel/pump.h"
#include "kernel/syscall.h"
#include "kernel/time.h"

enum { SET_BITS_MAX = 1024, SET_WORDS_MAX = SET_BITS_MAX / 32 /* [select(2)] FD_SETSIZE */ };
enum { US_PER_S = 1000000 };
enum { SIGINFO_WORDS = 32, SI_TKILL_ = -6 }; /* [sigaction(2)] siginfo_t: signo, errno, code */

/* Until the deadline in cluster time (UINT64_MAX: until the job ends), then `result`. */
static struct outcome sleep_then(struct thread *t, uint64_t deadline_us, int32_t result) {
    struct event_call call = {.op = CALL_SLEEP, .deadline_us = deadline_us};

    return t->answered ? syscall_done(result) : syscall_ask(t, &call, 1);
}

/* ---- select [select(2)] ---------------------------------------------------------------------- */

/* Bits below `count` of a set; 0 when there is none. */
static uint32_t set_bits(uint32_t address, uint32_t count) {
    uint32_t words[SET_WORDS_MAX], bits = 0;

    if (address == 0) {
        return 0;
    }
    syscall_read_user(address, words, (count + 31) / 32 * 4);
    for (uint32_t i = 0; i < count; i++) {
        bits += words[i / 32] >> i % 32 & 1;
    }
    return bits;
}

/* Everything in the sets for reading and writing is ready; nothing is exceptional. set_at: the
 * addresses of the three sets. timed: there is a limit, of span_us. */
static struct outcome select_sets(struct thread *t, uint32_t count, const uint32_t set_at[3],
                                  bool timed, uint64_t span_us) {
    static const uint32_t none[SET_WORDS_MAX];
    uint32_t bytes = (count + 31) / 32 * 4;
    bool there = true;

    if (count > SET_BITS_MAX) {
        return syscall_done(-ERR_INVALID);
    }
    for (uint32_t i = 0; i < 3; i++) {
        there &= set_at[i] == 0 || syscall_need(t, set_at[i], bytes, ACCESS_WRITE);
    }
    if (!there) {
        return syscall_fault(t);
    }
    uint32_t ready = set_bits(set_at[0], count) + set_bits(set_at[1], count);
    if (ready == 0) {
        uint64_t deadline = timed ? syscall_deadline_us(CLOCK_SPAN, span_us) : UINT64_MAX;
        return sleep_then(t, deadline, 0);
    }
    if (set_at[2] != 0) {
        syscall_write_user(set_at[2], none, bytes);
    }
    return syscall_done((int32_t)ready);
}

static struct outcome sys_newselect(struct thread *t, const uint32_t arg[6]) {
    int32_t pair[2] = {0, 0}; /* struct timeval: seconds, microseconds */

    if (t->answered) {
        return syscall_done(0);
    }
    if (arg[4] != 0) {
        if (!syscall_need(t, arg[4], sizeof(pair), ACCESS_READ)) {
            return syscall_fault(t);
        }
        syscall_read_user(arg[4], pair, sizeof(pair));
    }
    if (pair[0] < 0 || pair[1] < 0) {
        return syscall_done(-ERR_INVALID);
    }
    uint64_t us = (uint64_t)pair[0] * US_PER_S + (uint32_t)pair[1];
    return select_sets(t, arg[0], &arg[1], arg[4] != 0, us);
}

static struct outcome pselect(struct thread *t, const uint32_t arg[6], enum timespec_width width) {
    uint64_t us = 0;

    if (t->answered) {
        return syscall_done(0);
    }
    if (arg[4] != 0) {
        int known = syscall_read_timespec(t, arg[4], width, &us);
        if (known <= 0) {
            return known == 0 ? syscall_fault(t) : syscall_done(known);
        }
    }
    return select_sets(t, arg[0], &arg[1], arg[4] != 0, us);
}

static struct outcome sys_pselect6(struct thread *t, const uint32_t arg[6]) {
    return pselect(t, arg, TIMESPEC_32);
}

static struct outcome sys_pselect6_time64(struct thread *t, const uint32_t arg[6]) {
    return pselect(t, arg, TIMESPEC_64);
}

/* ---- signals [pause(2), sigtimedwait(2)] ----------------------------------------------------- */

static struct outcome sys_pause(struct thread *t, const uint32_t arg[6]) {
    (void)arg;
    return sleep_then(t, UINT64_MAX, -ERR_INTERRUPTED);
}

/* One that is pending for the thread itself, or nobody comes until the time is over. */
static struct outcome sigtimedwait(struct thread *t, const uint32_t arg[6],
                                   enum timespec_width width) {
    uint32_t info[SIGINFO_WORDS] = {0, 0, (uint32_t)SI_TKILL_};
    uint64_t set, us = 0, deadline = UINT64_MAX;

    if (t->answered) {
        return syscall_done(-ERR_AGAIN);
    }
    bool there = syscall_need(t, arg[0], sizeof(set), ACCESS_READ);
    there &= arg[1] == 0 || syscall_need(t, arg[1], sizeof(info), ACCESS_WRITE);
    if (arg[2] != 0) {
        int known = syscall_read_timespec(t, arg[2], width, &us);
        if (known < 0) {
            return syscall_done(known);
        }
        there &= known == 1;
        deadline = syscall_deadline_us(CLOCK_SPAN, us);
    }
    if (!there) {
        return syscall_fault(t);
    }
    syscall_read_user(arg[0], &set, sizeof(set));
    uint64_t due = set & t->signal_pending;
    if (due == 0) {
        return sleep_then(t, deadline, -ERR_AGAIN);
    }
    info[0] = (uint32_t)__builtin_ctzll(due) + 1;
    t->signal_pending &= ~(due & -due);
    if (arg[1] != 0) {
        syscall_write_user(arg[1], info, sizeof(info));
    }
    return syscall_done((int32_t)info[0]);
}

static struct outcome sys_rt_sigtimedwait(struct thread *t, const uint32_t arg[6]) {
    return sigtimedwait(t, arg, TIMESPEC_32);
}

static struct outcome sys_rt_sigtimedwait_time64(struct thread *t, const uint32_t arg[6]) {
    return sigtimedwait(t, arg, TIMESPEC_64);
}

static const struct syscall_row rows[] = {
    {29, "pause", sys_pause},
    {142, "_newselect", sys_newselect},
    {177, "rt_sigtimedwait", sys_rt_sigtimedwait},
    {179, "rt_sigsuspend", sys_pause},
    {308, "pselect6", sys_pselect6},
    {413, "pselect6_time64", sys_pselect6_time64},
    {421, "rt_sigtimedwait_time64", sys_rt_sigtimedwait_time64},
};
const struct syscall_table syscalls_waits = {rows, sizeof(rows) / sizeof(rows[0])};
