/* System calls of threads: clone, exit, futex, TLS, affinity, and Lisse's own barrier and node
 * number. */
#include <string.h>

#include "adapt/node.h"
#include "kernel/job.h"
#include "kernel/pump.h"
#include "kernel/syscall.h"
#include "kernel/time.h"
#include "mm/layout.h"

/* ---- TLS [set_thread_area(2)] --------------------------------------------------------------- */

enum { TLS_ENTRY = 6, TLS_LIMIT_IN_PAGES = 1u << 4 };
struct user_desc {
    uint32_t entry, base, limit, flags;
};

static void set_tls(struct thread *t, const struct user_desc *d) {
    t->tls_base = d->base;
    t->tls_limit = d->limit;
    t->tls_pages = (d->flags & TLS_LIMIT_IN_PAGES) != 0;
}

static struct outcome sys_set_thread_area(struct thread *t, const uint32_t arg[6]) {
    struct user_desc d;

    if (!syscall_need(t, arg[0], sizeof(d), ACCESS_WRITE)) {
        return syscall_fault(t);
    }
    syscall_read_user(arg[0], &d, sizeof(d));
    if (d.entry != UINT32_MAX && d.entry != TLS_ENTRY) {
        /* a thread has one descriptor, entry 6 on every node [D 3] */
        return syscall_done(-ERR_INVALID);
    }
    d.entry = TLS_ENTRY;
    syscall_write_user(arg[0], &d.entry, sizeof(d.entry));
    set_tls(t, &d);
    return syscall_done(0);
}

/* ---- clone, exit ---------------------------------------------------------------------------- */

/* [clone(2)] what pthread_create asks for; anything less would be a process. */
enum {
    CLONE_VM_ = 0x100,
    CLONE_THREAD_ = 0x10000,
    CLONE_SETTLS_ = 0x80000,
    CLONE_PARENT_SETTID_ = 0x100000,
    CLONE_CHILD_CLEARTID_ = 0x200000,
    CLONE_CHILD_SETTID_ = 0x1000000,
};

/* The child as it will start: the parent's registers, its own stack and TLS, EAX = 0. Where the
 * child itself wants its tid, its own node writes it before the first instruction (DOING_START). */
static void make_child(const struct thread *t, const uint32_t arg[6], const struct user_desc *tls,
                       uint8_t *record) {
    static struct thread child;

    fpu_sync(&thread_at(t->token)->fpu);
    child = *t;
    child.frame.eax = 0;
    child.frame.esp = arg[1] != 0 ? arg[1] : t->frame.esp;
    child.clear_child_tid = arg[0] & CLONE_CHILD_CLEARTID_ ? arg[4] : 0;
    child.set_child_tid = arg[0] & CLONE_CHILD_SETTID_ ? arg[4] : 0;
    if (arg[0] & CLONE_SETTLS_) {
        set_tls(&child, tls);
    }
    thread_export(&child, record);
}

/* The child has a tid and is not on its way yet: the caller's copy is written now, because once the
 * child runs that memory (musl: the child's own stack) may be gone any time. A bad address is no
 * error, as on Linux. */
static struct outcome tell_tid(struct thread *t, uint32_t address) {
    struct event_call call = {.op = CALL_CLONE_GO};

    if (!t->need_failed && !syscall_need(t, address, sizeof(t->child_tid), ACCESS_WRITE) &&
        !t->need_failed) {
        return syscall_fault(t);
    }
    if (!t->need_failed) {
        syscall_write_user(address, &t->child_tid, sizeof(t->child_tid));
    }
    t->child_tid = 0;
    t->need_failed = 0;
    return syscall_tell(t, &call);
}

static struct outcome sys_clone(struct thread *t, const uint32_t arg[6]) {
    uint8_t record[THREAD_RECORD_BYTES];
    struct user_desc tls = {0};
    struct event_call call = {.op = CALL_CLONE, .bytes = record, .size = sizeof(record)};

    if (t->answered) {
        return syscall_done(syscall_answer(t)->result);
    }
    if (t->child_tid != 0) {
        return tell_tid(t, arg[2]);
    }
    if (!(arg[0] & CLONE_VM_) || !(arg[0] & CLONE_THREAD_)) {
        return syscall_done(-ERR_NO_CALL); /* fork: processes are not supported */
    }
    bool there = !(arg[0] & CLONE_SETTLS_) || syscall_need(t, arg[3], sizeof(tls), ACCESS_READ);
    if (!there) {
        return syscall_fault(t);
    }
    if (arg[0] & CLONE_SETTLS_) {
        syscall_read_user(arg[3], &tls, sizeof(tls));
    }
    make_child(t, arg, &tls, record);
    call.arg[0] = (arg[0] & CLONE_PARENT_SETTID_) && arg[2] != 0;
    return syscall_ask(t, &call, 1);
}

static bool write_tid(struct thread *t, uint32_t address) {
    if (address == 0) {
        return true;
    }
    if (!syscall_need(t, address, sizeof(t->tid), ACCESS_WRITE)) {
        return false;
    }
    syscall_write_user(address, &t->tid, sizeof(t->tid));
    return true;
}

/* A word that is not there does not matter to the child, as on Linux. */
struct outcome syscall_start_child(struct thread *t) {
    bool there = t->need_failed || write_tid(t, t->set_child_tid);

    /* 0: clone's result in the child */
    return there || t->need_failed ? syscall_done(0) : syscall_fault(t);
}

/* The word of clear_child_tid is made resident, zeroed, and its waiters are woken by the core;
 * after that nothing of the thread's memory is touched any more [D 3]. */
static struct outcome sys_exit(struct thread *t, const uint32_t arg[6]) {
    struct event_call call = {.op = CALL_EXIT};
    uint32_t zero = 0;

    call.arg[0] = (arg[0] & 0xFF) << 8;
    if (t->clear_child_tid != 0 && !t->need_failed) {
        if (!syscall_need(t, t->clear_child_tid, sizeof(zero), ACCESS_WRITE)) {
            t->keep_failed = 1;
            return t->need_failed ? SYSCALL_AGAIN : syscall_fault(t);
        }
        syscall_write_user(t->clear_child_tid, &zero, sizeof(zero));
        call.arg[1] = t->clear_child_tid;
    }
    (void)syscall_tell(t, &call);
    return SYSCALL_GONE;
}

static struct outcome sys_exit_group(struct thread *t, const uint32_t arg[6]) {
    return syscall_end_job(t, (int32_t)((arg[0] & 0xFF) << 8), NULL);
}

static struct outcome sys_set_tid_address(struct thread *t, const uint32_t arg[6]) {
    t->clear_child_tid = arg[0];
    return syscall_done((int32_t)t->tid);
}

static struct outcome sys_gettid(struct thread *t, const uint32_t arg[6]) {
    (void)arg;
    return syscall_done((int32_t)t->tid);
}

static struct outcome sys_getpid(struct thread *t, const uint32_t arg[6]) {
    (void)arg;
    return syscall_done((int32_t)t->job->id);
}

static struct outcome sys_sched_yield(struct thread *t, const uint32_t arg[6]) {
    (void)t;
    (void)arg;
    syscall_yield();
    return syscall_done(0);
}

static struct outcome sys_nothing(struct thread *t, const uint32_t arg[6]) {
    (void)t;
    (void)arg;
    return syscall_done(0);
}

/* One CPU a member [P 9.6]. */
static struct outcome sys_sched_getaffinity(struct thread *t, const uint32_t arg[6]) {
    uint32_t mask[SEATS_MAX / 32] = {0};
    seat_id seats[MEMBERS_MAX];
    uint32_t members = node_members(pump_node(), seats);

    if (arg[1] < sizeof(uint32_t)) {
        return syscall_done(-ERR_INVALID);
    }
    uint32_t bytes = arg[1] < sizeof(mask) ? arg[1] & ~3u : sizeof(mask);
    if (!syscall_need(t, arg[2], bytes, ACCESS_WRITE)) {
        return syscall_fault(t);
    }
    for (uint32_t i = 0; i < members; i++) {
        mask[i / 32] |= 1u << i % 32;
    }
    syscall_write_user(arg[2], mask, bytes);
    return syscall_done((int32_t)bytes);
}

/* ---- futex [futex(2), P 9.3] ---------------------------------------------------------------- */

enum {
    FUTEX_WAIT_ = 0,
    FUTEX_WAKE_ = 1,
    FUTEX_REQUEUE_ = 3,
    FUTEX_CMP_REQUEUE_ = 4,
    FUTEX_WAIT_BITSET_ = 9,
    FUTEX_WAKE_BITSET_ = 10,
    FUTEX_COMMAND = 0x7F,
    FUTEX_CLOCK_REALTIME_ = 0x100,
};
#define BITSET_ALL 0xFFFFFFFFu

static bool word_equals(uint32_t address, uint32_t value) {
    uint32_t word;

    syscall_read_user(address, &word, sizeof(word));
    return word == value;
}

/* The manager has queued the thread: compare now, and tell the core. */
static struct outcome compare(struct thread *t, const uint32_t arg[6]) {
    struct event_call call = {.op = CALL_FUTEX_COMPARED};

    if (!t->need_failed && !syscall_need(t, arg[0], sizeof(uint32_t), ACCESS_READ) &&
        !t->need_failed) {
        return syscall_fault(t);
    }
    call.arg[0] = !t->need_failed && word_equals(arg[0], arg[2]);
    call.arg[1] = t->need_failed ? ERR_FAULT : ERR_AGAIN;
    t->compare = 0;
    t->need_failed = 0;
    return syscall_tell(t, &call);
}

static struct outcome futex_wait(struct thread *t, const uint32_t arg[6],
                                 enum timespec_width width) {
    uint32_t command = arg[1] & FUTEX_COMMAND;
    struct event_call call = {.op = CALL_FUTEX_WAIT};
    uint64_t span_us = 0;

    if (t->answered) {
        return syscall_done(syscall_answer(t)->result);
    }
    if (t->compare) {
        return compare(t, arg);
    }
    if (arg[0] % sizeof(uint32_t) != 0) {
        return syscall_done(-ERR_INVALID);
    }
    bool there = syscall_need(t, arg[0], sizeof(uint32_t), ACCESS_READ);
    if (arg[3] != 0) {
        int known = syscall_read_timespec(t, arg[3], width, &span_us);
        if (known < 0) {
            return syscall_done(known);
        }
        there = there && known == 1;
    }
    if (!there) {
        return syscall_fault(t);
    }
    if (!word_equals(arg[0], arg[2])) {
        return syscall_done(-ERR_AGAIN); /* no message [P 9.3] */
    }
    call.arg[0] = arg[0];
    call.arg[1] = command == FUTEX_WAIT_BITSET_ ? arg[5] : BITSET_ALL;
    if (arg[3] != 0) {
        enum clock_kind clock = command == FUTEX_WAIT_           ? CLOCK_SPAN
                                : arg[1] & FUTEX_CLOCK_REALTIME_ ? CLOCK_ABSOLUTE_REAL
                                                                 : CLOCK_ABSOLUTE;
        call.deadline_us = syscall_deadline_us(clock, span_us);
    }
    return syscall_ask(t, &call, 1);
}

static struct outcome futex_wake(struct thread *t, uint32_t address, uint32_t count,
                                 uint32_t bitset) {
    if (address % sizeof(uint32_t) != 0 || bitset == 0) {
        return syscall_done(-ERR_INVALID);
    }
    if (address >= USER_END) {
        return syscall_done(-ERR_FAULT);
    }
    return syscall_ask_once(t, CALL_FUTEX_WAKE, (const uint32_t[5]){address, count, bitset});
}

/* Requeueing may simply wake all: waiters look at their word again [P 9.4]. */
static struct outcome futex_requeue(struct thread *t, const uint32_t arg[6], bool compare_first) {
    if (!t->answered && compare_first) {
        if (!syscall_need(t, arg[0], sizeof(uint32_t), ACCESS_READ)) {
            return syscall_fault(t);
        }
        if (!word_equals(arg[0], arg[5])) {
            return syscall_done(-ERR_AGAIN);
        }
    }
    return futex_wake(t, arg[0], INT32_MAX, BITSET_ALL);
}

static struct outcome futex(struct thread *t, const uint32_t arg[6], enum timespec_width width) {
    switch (arg[1] & FUTEX_COMMAND) {
    case FUTEX_WAIT_:
    case FUTEX_WAIT_BITSET_:
        return futex_wait(t, arg, width);
    case FUTEX_WAKE_:
        return futex_wake(t, arg[0], arg[2], BITSET_ALL);
    case FUTEX_WAKE_BITSET_:
        return futex_wake(t, arg[0], arg[2], arg[5]);
    case FUTEX_REQUEUE_:
        return futex_requeue(t, arg, false);
    case FUTEX_CMP_REQUEUE_:
        return futex_requeue(t, arg, true);
    default:
        return syscall_done(-ERR_NO_CALL); /* PI and the rest */
    }
}

static struct outcome sys_futex(struct thread *t, const uint32_t arg[6]) {
    return futex(t, arg, TIMESPEC_32);
}

static struct outcome sys_futex_time64(struct thread *t, const uint32_t arg[6]) {
    return futex(t, arg, TIMESPEC_64);
}

/* ---- Lisse's own [lib/lisse.h] -------------------------------------------------------------- */

static struct outcome sys_lisse_barrier(struct thread *t, const uint32_t arg[6]) {
    if (arg[0] % sizeof(uint32_t) != 0 || arg[1] == 0) {
        return syscall_done(-ERR_INVALID);
    }
    return syscall_ask_once(t, CALL_BARRIER, (const uint32_t[5]){arg[0], arg[1]});
}

static struct outcome sys_lisse_node(struct thread *t, const uint32_t arg[6]) {
    (void)t;
    (void)arg;
    return syscall_done((int32_t)node_self_id(pump_node()));
}

/* A hint to the DSM, in pieces of as many pages as the core takes at once. */
static struct outcome sys_lisse_publish(struct thread *t, const uint32_t arg[6]) {
    struct event_call call = {.op = CALL_PUBLISH};
    uint32_t last = (arg[0] + arg[1] - 1) / FRAME_BYTES;
    uint32_t first = arg[0] / FRAME_BYTES + t->done_bytes / FRAME_BYTES;

    if (t->answered) {
        (void)syscall_answer(t);
        t->done_bytes += HOLD_MAX * FRAME_BYTES;
        return SYSCALL_AGAIN;
    }
    if (arg[0] < USER_FIRST || arg[0] >= USER_END || arg[1] > USER_END - arg[0]) {
        return syscall_done(-ERR_INVALID);
    }
    if (arg[1] == 0 || first > last) {
        return syscall_done(0);
    }
    call.arg[0] = first;
    call.arg[1] = last - first + 1 < HOLD_MAX ? last - first + 1 : HOLD_MAX;
    return syscall_ask(t, &call, 0);
}

static const struct syscall_row rows[] = {
    {1, "exit", sys_exit},
    {20, "getpid", sys_getpid},
    {120, "clone", sys_clone},
    {158, "sched_yield", sys_sched_yield},
    {224, "gettid", sys_gettid},
    {240, "futex", sys_futex},
    {241, "sched_setaffinity", sys_nothing},
    {242, "sched_getaffinity", sys_sched_getaffinity},
    {243, "set_thread_area", sys_set_thread_area},
    {252, "exit_group", sys_exit_group},
    {258, "set_tid_address", sys_set_tid_address},
    {311, "set_robust_list", sys_nothing},
    {375, "membarrier", sys_nothing},
    {422, "futex_time64", sys_futex_time64},
    {SYSCALL_LISSE + 1, "lisse_barrier", sys_lisse_barrier},
    {SYSCALL_LISSE + 2, "lisse_node", sys_lisse_node},
    {SYSCALL_LISSE + 3, "lisse_publish", sys_lisse_publish},
};
const struct syscall_table syscalls_threads = {rows, sizeof(rows) / sizeof(rows[0])};
