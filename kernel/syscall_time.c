/* System calls of time. CLOCK_MONOTONIC is the cluster's time [P 9.9], so it respects cause and
 * effect between threads on different nodes; CLOCK_REALTIME is the
 * battery clock of the cluster's founder plus cluster time, so it does too. */
#include <string.h>

#include "kernel/pump.h"
#include "kernel/syscall.h"
#include "kernel/time.h"

/* [clock_gettime(2)] */
enum {
    CLOCK_REALTIME_ = 0,
    CLOCK_MONOTONIC_ = 1,
    CLOCK_PROCESS_CPU = 2,
    CLOCK_THREAD_CPU = 3,
    CLOCK_MONOTONIC_RAW_ = 4,
    CLOCK_REALTIME_COARSE_ = 5,
    CLOCK_MONOTONIC_COARSE_ = 6,
    CLOCK_BOOTTIME_ = 7,
    TIMER_ABSTIME_ = 1,
};
enum { US_PER_S = 1000000, NS_PER_US = 1000, NS_PER_S = 1000000000 };

struct timespec_32 {
    int32_t s, ns;
};
struct timespec_64 {
    int64_t s;
    int32_t ns, pad;
};

static uint64_t realtime_us(void) {
    return node_wall_us(pump_node(), time_us());
}

/* False: no such clock. */
static bool clock_us(const struct thread *t, uint32_t clock, uint64_t *us) {
    switch (clock) {
    case CLOCK_REALTIME_:
    case CLOCK_REALTIME_COARSE_:
        *us = realtime_us();
        return true;
    case CLOCK_MONOTONIC_:
    case CLOCK_MONOTONIC_RAW_:
    case CLOCK_MONOTONIC_COARSE_:
    case CLOCK_BOOTTIME_:
        *us = pump_cluster_us();
        return true;
    case CLOCK_PROCESS_CPU:
    case CLOCK_THREAD_CPU:
        *us = t->cpu_us;
        return true;
    default:
        return false;
    }
}

int syscall_read_timespec(struct thread *t, uint32_t address, enum timespec_width width,
                          uint64_t *us) {
    struct timespec_64 wide = {0};
    struct timespec_32 narrow;

    if (!syscall_need(t, address, width == TIMESPEC_64 ? sizeof(wide) : sizeof(narrow),
                      ACCESS_READ)) {
        return 0;
    }
    if (width == TIMESPEC_64) {
        syscall_read_user(address, &wide, sizeof(wide));
    } else {
        syscall_read_user(address, &narrow, sizeof(narrow));
        wide.s = narrow.s;
        wide.ns = narrow.ns;
    }
    if (wide.s < 0 || wide.ns < 0 || wide.ns >= NS_PER_S) {
        return -ERR_INVALID;
    }
    uint64_t s = (uint64_t)wide.s < UINT32_MAX ? (uint64_t)wide.s : UINT32_MAX;
    *us = s * US_PER_S + ((uint32_t)wide.ns + NS_PER_US - 1) / NS_PER_US;
    return 1;
}

/* 0 means "none" to the core, so a time that is long past becomes 1. */
uint64_t syscall_deadline_us(enum clock_kind clock, uint64_t us) {
    uint64_t now = pump_cluster_us();

    switch (clock) {
    case CLOCK_SPAN:
        return now + us;
    case CLOCK_ABSOLUTE_REAL: {
        uint64_t real = realtime_us();
        return us > real ? now + (us - real) : 1;
    }
    default:
        return us != 0 ? us : 1;
    }
}

static struct outcome write_time(struct thread *t, uint32_t address, uint64_t us,
                                 enum timespec_width width) {
    struct timespec_64 wide = {(int64_t)(us / US_PER_S), (int32_t)(us % US_PER_S * NS_PER_US), 0};
    struct timespec_32 narrow = {(int32_t)wide.s, wide.ns};
    uint32_t bytes = width == TIMESPEC_64 ? sizeof(wide) : sizeof(narrow);

    if (!syscall_need(t, address, bytes, ACCESS_WRITE)) {
        return syscall_fault(t);
    }
    syscall_write_user(address, width == TIMESPEC_64 ? (const void *)&wide : &narrow, bytes);
    return syscall_done(0);
}

static struct outcome clock_gettime(struct thread *t, const uint32_t arg[6],
                                    enum timespec_width width) {
    uint64_t us;

    return clock_us(t, arg[0], &us) ? write_time(t, arg[1], us, width) : syscall_done(-ERR_INVALID);
}

static struct outcome sys_clock_gettime(struct thread *t, const uint32_t arg[6]) {
    return clock_gettime(t, arg, TIMESPEC_32);
}

static struct outcome sys_clock_gettime64(struct thread *t, const uint32_t arg[6]) {
    return clock_gettime(t, arg, TIMESPEC_64);
}

static struct outcome clock_getres(struct thread *t, const uint32_t arg[6],
                                   enum timespec_width width) {
    uint64_t us;

    if (!clock_us(t, arg[0], &us)) {
        return syscall_done(-ERR_INVALID);
    }
    return arg[1] == 0 ? syscall_done(0) : write_time(t, arg[1], 1, width);
}

static struct outcome sys_clock_getres(struct thread *t, const uint32_t arg[6]) {
    return clock_getres(t, arg, TIMESPEC_32);
}

static struct outcome sys_clock_getres64(struct thread *t, const uint32_t arg[6]) {
    return clock_getres(t, arg, TIMESPEC_64);
}

static struct outcome sys_gettimeofday(struct thread *t, const uint32_t arg[6]) {
    uint64_t us = realtime_us();
    int32_t pair[2] = {(int32_t)(us / US_PER_S), (int32_t)(us % US_PER_S)};

    if (arg[0] == 0) {
        return syscall_done(0);
    }
    if (!syscall_need(t, arg[0], sizeof(pair), ACCESS_WRITE)) {
        return syscall_fault(t);
    }
    syscall_write_user(arg[0], pair, sizeof(pair));
    return syscall_done(0);
}

static struct outcome sys_time(struct thread *t, const uint32_t arg[6]) {
    int32_t s = (int32_t)(realtime_us() / US_PER_S);

    if (arg[0] != 0) {
        if (!syscall_need(t, arg[0], sizeof(s), ACCESS_WRITE)) {
            return syscall_fault(t);
        }
        syscall_write_user(arg[0], &s, sizeof(s));
    }
    return syscall_done(s);
}

/* CPU time of the caller in clock ticks of 10 ms; the children's is 0. */
static struct outcome sys_times(struct thread *t, const uint32_t arg[6]) {
    uint32_t ticks[4] = {(uint32_t)(t->cpu_us / 10000), 0, 0, 0};

    if (arg[0] != 0) {
        if (!syscall_need(t, arg[0], sizeof(ticks), ACCESS_WRITE)) {
            return syscall_fault(t);
        }
        syscall_write_user(arg[0], ticks, sizeof(ticks));
    }
    return syscall_done((int32_t)(pump_cluster_us() / 10000 & INT32_MAX));
}

/* ---- sleep ---------------------------------------------------------------------------------- */

static struct outcome sleep_until(struct thread *t, uint32_t address, enum timespec_width width,
                                  enum clock_kind clock) {
    struct event_call call = {.op = CALL_SLEEP};
    uint64_t us = 0;

    if (t->answered) {
        return syscall_done(syscall_answer(t)->result);
    }
    int known = syscall_read_timespec(t, address, width, &us);
    if (known <= 0) {
        return known == 0 ? syscall_fault(t) : syscall_done(known);
    }
    call.deadline_us = syscall_deadline_us(clock, us);
    return syscall_ask(t, &call, 1);
}

static struct outcome sys_nanosleep(struct thread *t, const uint32_t arg[6]) {
    return sleep_until(t, arg[0], TIMESPEC_32, CLOCK_SPAN);
}

static enum clock_kind sleep_clock(const uint32_t arg[6]) {
    if (!(arg[1] & TIMER_ABSTIME_)) {
        return CLOCK_SPAN;
    }
    return arg[0] == CLOCK_REALTIME_ ? CLOCK_ABSOLUTE_REAL : CLOCK_ABSOLUTE;
}

static struct outcome sys_clock_nanosleep(struct thread *t, const uint32_t arg[6]) {
    return sleep_until(t, arg[2], TIMESPEC_32, sleep_clock(arg));
}

static struct outcome sys_clock_nanosleep64(struct thread *t, const uint32_t arg[6]) {
    return sleep_until(t, arg[2], TIMESPEC_64, sleep_clock(arg));
}

static const struct syscall_row rows[] = {
    {13, "time", sys_time},
    {43, "times", sys_times},
    {78, "gettimeofday", sys_gettimeofday},
    {162, "nanosleep", sys_nanosleep},
    {265, "clock_gettime", sys_clock_gettime},
    {266, "clock_getres", sys_clock_getres},
    {267, "clock_nanosleep", sys_clock_nanosleep},
    {403, "clock_gettime64", sys_clock_gettime64},
    {406, "clock_getres_time64", sys_clock_getres64},
    {407, "clock_nanosleep_time64", sys_clock_nanosleep64},
};
const struct syscall_table syscalls_time = {rows, sizeof(rows) / sizeof(rows[0])};
