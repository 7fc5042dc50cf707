/* Exceptions of programs; see fault.h. */
#include "kernel/fault.h"

#include "adapt/port.h"
#include "kernel/job.h"
#include "kernel/print.h"
#include "kernel/pump.h"
#include "kernel/syscall.h"
#include "kernel/trap.h"
#include "mm/layout.h"
#include "mm/paging.h"

/* Linux's signal for each exception [signal(7)]. */
enum { SIGNAL_ILL = 4, SIGNAL_TRAP = 5, SIGNAL_BUS = 7, SIGNAL_FPE = 8, SIGNAL_SEGV = 11 };

enum {
    STACK_PUSH_BYTES = 64,       /* below ESP: the longest PUSHA or ENTER writes less */
    STACK_FRAME_BYTES = 1 << 16, /* above it: a function's local variables */
};

static int signal_of(uint32_t vector) {
    switch (vector) {
    case TRAP_DIVIDE:
    case TRAP_FPU:
    case TRAP_SIMD:
        return SIGNAL_FPE;
    case TRAP_DEBUG:
    case TRAP_BREAKPOINT:
        return SIGNAL_TRAP;
    case TRAP_INVALID_OPCODE:
    case TRAP_NO_FPU:
        return SIGNAL_ILL;
    case TRAP_ALIGNMENT:
        return SIGNAL_BUS;
    default:
        return SIGNAL_SEGV;
    }
}

static void end_with_report(struct thread *t, const char *what, uint32_t address) {
    int signal = signal_of(t->frame.vector);
    char text[120];

    print_text(text, sizeof(text), "%s at address %08x, instruction %08x, thread %u: signal %d",
               what, (unsigned)address, (unsigned)t->frame.eip, (unsigned)t->tid, signal);
    print("  eax %08x ebx %08x ecx %08x edx %08x esi %08x edi %08x ebp %08x esp %08x\n",
          (unsigned)t->frame.eax, (unsigned)t->frame.ebx, (unsigned)t->frame.ecx,
          (unsigned)t->frame.edx, (unsigned)t->frame.esi, (unsigned)t->frame.edi,
          (unsigned)t->frame.ebp, (unsigned)t->frame.esp);
    syscall_end_job(t, signal, text);
}

static void ask_for_page(struct thread *t, uint32_t address) {
    bool write = (t->frame.error & TRAP_PF_WRITE) != 0;
    struct event ev = {
        .type = EV_FAULT,
        .fault = {t->token, address / FRAME_BYTES, write ? ACCESS_WRITE : ACCESS_READ}};

    t->scratch[0] = address;
    t->faulting = 1;
    thread_wait(t);
    pump_event(&ev);
}

void fault_from_user(struct thread *t) {
    uint32_t address = trap_fault_address;

    if (t->job->no_memory) { /* the page is this thread's, and cannot be mapped */
        syscall_end_without_memory(t);
    } else if (t->frame.vector != TRAP_PAGE_FAULT) {
        end_with_report(t, trap_name(t->frame.vector), t->frame.eip);
    } else if (address < USER_FIRST || address >= USER_END) {
        end_with_report(t,
                        address < USER_FIRST ? "access through a null pointer"
                                             : "access to the kernel's addresses",
                        address);
    } else {
        ask_for_page(t, address);
    }
}

/* The stack pointer has left its stack, and the access is in the frame that it begins. */
static bool is_stack_overflow(const struct thread *t, uint32_t address) {
    uint32_t esp = t->frame.esp;

    return address - (esp - STACK_PUSH_BYTES) < STACK_PUSH_BYTES + STACK_FRAME_BYTES &&
           space_right(t->job->space, esp) == RIGHT_NONE;
}

void fault_deny(struct thread *t) {
    bool write = (t->frame.error & TRAP_PF_WRITE) != 0;
    uint32_t address = t->scratch[0];

    t->fault_failed = 0;
    end_with_report(t,
                    is_stack_overflow(t, address)
                        ? "stack overflow (endless recursion?)"
                    : write ? "write where the program may not"
                            : "read where the program may not",
                    address);
}
