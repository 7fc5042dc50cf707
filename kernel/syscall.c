/* The frame of every system call: dispatch by number, the prepare phase's page needs, requests to
 * the core, the end of a call; see syscall.h. The handlers are in kernel/syscall_*.c. */
#include "kernel/syscall.h"

#include <string.h>

#include "kernel/console/launcher.h"
#include "kernel/file_window.h"
#include "kernel/job.h"
#include "kernel/panic.h"
#include "kernel/print.h"
#include "kernel/pump.h"
#include "mm/frame.h"
#include "mm/paging.h"

enum { SYSCALLS_MAX = SYSCALL_LISSE, LISSE_FIRST = 0x4C530000 /* lib/lisse.h */, LISSE_CALLS = 16 };

static const struct syscall_table *const tables[] = {
    &syscalls_memory, &syscalls_files, &syscalls_paths,  &syscalls_threads,
    &syscalls_time,   &syscalls_info,  &syscalls_signals, &syscalls_waits};
static const struct syscall_row *by_number[SYSCALLS_MAX + LISSE_CALLS];
static uint8_t told_unknown[SYSCALLS_MAX / 8 + 1]; /* one line for each unknown number */

/* Linux's numbers, then ours: 0x4C530000 + n as SYSCALLS_MAX + n. SYSCALLS_MAX + LISSE_CALLS:
 * unknown. */
static uint32_t row_index(uint32_t number) {
    if (number < SYSCALLS_MAX) {
        return number;
    }
    uint32_t ours = number - LISSE_FIRST;
    return ours < LISSE_CALLS ? SYSCALLS_MAX + ours : SYSCALLS_MAX + LISSE_CALLS;
}

static void fill_rows(void) {
    for (uint32_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        for (uint32_t j = 0; j < tables[i]->count; j++) {
            const struct syscall_row *row = &tables[i]->rows[j];
            PANIC_UNLESS(row->number < SYSCALLS_MAX + LISSE_CALLS && !by_number[row->number]);
            by_number[row->number] = row;
        }
    }
}

static struct outcome unknown_call(uint32_t number) {
    uint32_t bit = number < SYSCALLS_MAX ? number : SYSCALLS_MAX;

    if (!(told_unknown[bit / 8] & 1u << bit % 8)) {
        told_unknown[bit / 8] |= (uint8_t)(1u << bit % 8);
        print("system call %u is not known here: the program gets ENOSYS (said once)\n",
              (unsigned)number);
    }
    return syscall_done(-ERR_NO_CALL);
}

/* ---- one call ------------------------------------------------------------------------------- */

static void forget_call(struct thread *t) {
    t->step = 0;
    t->answered = 0;
    t->compare = 0;
    t->child_tid = 0;
    t->need_failed = 0;
    t->keep_failed = 0;
    t->need_count = 0;
    t->done_bytes = 0;
    memset(t->scratch, 0, sizeof(t->scratch));
}

void syscall_begin(struct thread *t) {
    t->doing = DOING_CALL;
    forget_call(t);
}

/* The call has used its pages: that is progress [P 8.3]. A call that waits now must not keep them
 * from the thread that it waits for. */
static void release_pages(struct thread *t) {
    struct event ev = {.type = EV_RAN, .ran = {t->token}};

    if (t->holds) {
        t->holds = 0;
        pump_event(&ev);
    }
}

static void finish(struct thread *t, int32_t result) {
    t->frame.eax = (uint32_t)result;
    t->doing = DOING_USER;
    file_window_leave(t);
    release_pages(t);
}

static struct outcome call_handler(struct thread *t) {
    const struct user_frame *f = &t->frame;
    const uint32_t arg[6] = {f->ebx, f->ecx, f->edx, f->esi, f->edi, f->ebp};
    uint32_t index = row_index(f->eax);

    if (by_number[20] == NULL) { /* getpid: always in a table */
        fill_rows();
    }
    if (index >= SYSCALLS_MAX + LISSE_CALLS || by_number[index] == NULL) {
        return unknown_call(f->eax);
    }
    return by_number[index]->handler(t, arg);
}

static struct outcome run_step(struct thread *t) {
    switch (t->doing) {
    case DOING_EXEC:
        return syscall_exec(t);
    case DOING_START:
        return syscall_start_child(t);
    default:
        return call_handler(t);
    }
}

void syscall_run(struct thread *t) {
    struct outcome o;

    PANIC_UNLESS(t->state == THREAD_READY && t->doing != DOING_USER);
    space_activate(t->job->space);
    t->need_count = 0;
    if (t->job->no_memory) {
        o = syscall_end_without_memory(t);
    } else if (t->need_failed && t->doing == DOING_CALL && !t->compare && !t->child_tid &&
               !t->keep_failed) {
        o = syscall_done(-ERR_FAULT);
    } else {
        o = run_step(t);
    }
    if (o.kind == OUTCOME_DONE) {
        finish(t, o.result);
    }
}

/* ---- prepare -------------------------------------------------------------------------------- */

static void note_need(struct thread *t, uint32_t page, enum access access) {
    if (t->need_count == THREAD_NEED_MAX) {
        return; /* the rest comes with the next run */
    }
    t->need[t->need_count++] = (struct thread_need){page, access == ACCESS_WRITE};
}

bool syscall_need(struct thread *t, uint32_t address, uint32_t bytes, enum access access) {
    bool there = true;

    if (bytes == 0) {
        return true;
    }
    if (address < USER_FIRST || address >= USER_END || bytes > USER_END - address) {
        t->need_failed = 1;
        return false;
    }
    for (uint32_t page = address / FRAME_BYTES; page <= (address + bytes - 1) / FRAME_BYTES;
         page++) {
        if (space_right(t->job->space, page * FRAME_BYTES) < (enum right)access) {
            note_need(t, page, access);
            there = false;
        }
    }
    return there;
}

struct outcome syscall_fault(struct thread *t) {
    if (t->need_failed) {
        return syscall_done(-ERR_FAULT);
    }
    PANIC_UNLESS(t->need_count > 0);
    t->faulting = 1;
    thread_wait(t);
    for (uint32_t i = 0; i < t->need_count && t->faulting && t->state == THREAD_WAITING; i++) {
        struct event ev = {
            .type = EV_FAULT,
            .fault = {t->token, t->need[i].page, t->need[i].write ? ACCESS_WRITE : ACCESS_READ}};
        pump_event(&ev);
    }
    return SYSCALL_AGAIN;
}

void syscall_read_user(uint32_t address, void *to, uint32_t bytes) {
    memcpy(to, (const void *)address, bytes);
}

void syscall_write_user(uint32_t address, const void *from, uint32_t bytes) {
    memcpy((void *)address, from, bytes);
}

int syscall_read_string(struct thread *t, uint32_t address, char *text, uint32_t size) {
    for (uint32_t i = 0; i < size; i++) {
        bool new_page = i == 0 || (address + i) % FRAME_BYTES == 0;
        if (new_page && !syscall_need(t, address + i, 1, ACCESS_READ)) {
            return 0;
        }
        syscall_read_user(address + i, &text[i], 1);
        if (text[i] == 0) {
            return 1;
        }
    }
    return -ERR_RANGE;
}

/* ---- requests ------------------------------------------------------------------------------- */

struct outcome syscall_ask(struct thread *t, struct event_call *call, uint8_t step) {
    t->step = step;
    t->answered = 0;
    return syscall_tell(t, call);
}

struct outcome syscall_tell(struct thread *t, struct event_call *call) {
    call->token = t->token;
    release_pages(t);
    thread_wait(t);
    pump_call(call);
    return SYSCALL_WAIT;
}

struct outcome syscall_ask_once(struct thread *t, enum call_op op, const uint32_t arg[5]) {
    struct event_call call = {.op = op};

    if (t->answered) {
        return syscall_done(syscall_answer(t)->result);
    }
    memcpy(call.arg, arg, sizeof(call.arg));
    return syscall_ask(t, &call, 0);
}

void syscall_yield(void) {
    pump_rotate();
}

const struct thread_answer *syscall_answer(struct thread *t) {
    PANIC_UNLESS(t->answered);
    t->answered = 0;
    return &t->answer;
}

/* On this console; to the launcher with the exit status at the origin, as a report elsewhere. */
static void tell_reason(struct job *job, const char *reason) {
    char line[160];

    print_text(line, sizeof(line), "job %u: %s", (unsigned)job->id, reason);
    print("%s\n", line);
    job_note_reason(job, reason);
    if (job->owner == NULL) {
        launcher_report(line);
    }
}

struct outcome syscall_end_job(struct thread *t, int32_t status, const char *reason) {
    struct event_call call = {.op = CALL_EXIT_GROUP, .token = t->token};

    if (reason != NULL) {
        tell_reason(t->job, reason);
    }
    call.arg[0] = (uint32_t)status;
    thread_wait(t);
    pump_call(&call);
    return SYSCALL_GONE;
}

struct outcome syscall_end_without_memory(struct thread *t) {
    return syscall_end_job(t, 9, "no frame is left for a page table: more RAM or more nodes");
}
