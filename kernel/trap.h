/* Exceptions, system calls and interrupts: from the vector to C.
 * From ring 3 everything ends in kernel_from_user() on the empty kernel stack. From ring 0 only an
 * interrupt in cpu_halt() is legal; anything else is a panic. Sources: [IA32-3A 6]. */
#pragma once

#include <stdint.h>

#include "kernel/cpu.h"

enum trap_vector {
    TRAP_DIVIDE = 0,
    TRAP_DEBUG = 1,
    TRAP_NMI = 2, /* task gate: panic */
    TRAP_BREAKPOINT = 3,
    TRAP_OVERFLOW = 4,
    TRAP_BOUNDS = 5,
    TRAP_INVALID_OPCODE = 6,
    TRAP_NO_FPU = 7,
    TRAP_DOUBLE_FAULT = 8, /* task gate: panic, with its own stack */
    TRAP_INVALID_TSS = 10,
    TRAP_NO_SEGMENT = 11,
    TRAP_STACK = 12,
    TRAP_PROTECTION = 13,
    TRAP_PAGE_FAULT = 14,
    TRAP_FPU = 16,
    TRAP_ALIGNMENT = 17,
    TRAP_MACHINE_CHECK = 18,
    TRAP_SIMD = 19,
    TRAP_EXCEPTIONS = 32,
    TRAP_IRQ = 0x20, /* 0x20 … 0x2F: irq 0 … 15; the handler has run before kernel_from_user() */
    TRAP_SYSCALL = 0x80,
};

/* Error code of a page fault [IA32-3A 4.7]. */
enum {
    TRAP_PF_PRESENT = 1, /* the page was there, the right was missing */
    TRAP_PF_WRITE = 2,
    TRAP_PF_USER = 4,
};

/* CR2 of the last page fault from ring 3, read before anything else could fault. */
extern uint32_t trap_fault_address;

/* Name of an exception ("page fault"), for reports. */
const char *trap_name(uint32_t vector);

/* Fill the interrupt table. Once, after cpu_start(). */
void trap_start(void);

/* Implemented by kernel/pump.c. frame is the one given to user_enter(): registers of the thread
 * that trapped. Ends in user_enter() or in the idle loop. */
void kernel_from_user(struct user_frame *frame) __attribute__((noreturn));
