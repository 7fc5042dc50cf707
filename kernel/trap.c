/* The interrupt table and the first C code behind it.
 * From ring 3: note CR2, run an interrupt's handlers, hand over to kernel_from_user(). From ring 0:
 * interrupts (only cpu_halt() lets them in) are handled and return, everything else is our bug and
 * panics. Double faults and NMIs are tasks of their own, because the stack may be what is broken.
 * Sources: [IA32-3A 6.11] gates, [IA32-3A 6.15] exceptions. */
#include "kernel/trap.h"

#include <stddef.h>
#include <string.h>

#include "kernel/irq.h"
#include "kernel/panic.h"
#include "kernel/time.h"
#include "kernel/trap_task.h"

uint32_t trap_fault_address;

/* trap_entry.S */
extern const uint32_t trap_stubs[];
void trap_stub_128(void);
void trap_return_user(struct user_frame *frame) __attribute__((noreturn));
void trap_from_user(struct user_frame *frame) __attribute__((noreturn));
void trap_from_v86(const struct user_frame *low) __attribute__((noreturn));
void trap_from_kernel(struct user_frame *frame);

enum { IDT_ENTRIES = 129, STUBS = 48, STACK_GUARD_BYTES = 4096 };

/* Gate types with the present bit [IA32-3A 6.11]; DPL 3 lets `int` through from ring 3. */
enum { GATE_INTERRUPT = 0x8E, GATE_INTERRUPT_USER = 0xEE, GATE_TASK = 0x85 };

static struct {
    uint16_t offset_low, selector;
    uint8_t zero, type;
    uint16_t offset_high;
} idt[IDT_ENTRIES];
_Static_assert(sizeof idt[0] == 8, "[IA32-3A 6.11]");

_Static_assert(offsetof(struct user_frame, cs) == 60, "FRAME_CS in trap_entry.S");
_Static_assert(offsetof(struct user_frame, eflags) == 64, "FRAME_FLAGS in trap_entry.S");

static void gate_set(uint32_t vector, uint32_t offset, uint16_t selector, uint8_t type) {
    idt[vector].offset_low = (uint16_t)offset;
    idt[vector].offset_high = (uint16_t)(offset >> 16);
    idt[vector].selector = selector;
    idt[vector].zero = 0;
    idt[vector].type = type;
}

void trap_start(void) {
    for (uint32_t v = 0; v < STUBS; v++) {
        gate_set(v, trap_stubs[v], CPU_KERNEL_CODE, GATE_INTERRUPT);
    }
    gate_set(TRAP_BREAKPOINT, trap_stubs[TRAP_BREAKPOINT], CPU_KERNEL_CODE, GATE_INTERRUPT_USER);
    gate_set(TRAP_OVERFLOW, trap_stubs[TRAP_OVERFLOW], CPU_KERNEL_CODE, GATE_INTERRUPT_USER);
    gate_set(TRAP_SYSCALL, (uint32_t)trap_stub_128, CPU_KERNEL_CODE, GATE_INTERRUPT_USER);
    gate_set(TRAP_DOUBLE_FAULT, 0, CPU_FAULT_TSS, GATE_TASK);
    gate_set(TRAP_NMI, 0, CPU_FAULT_TSS, GATE_TASK);
    struct {
        uint16_t limit;
        uint32_t base;
    } __attribute__((packed)) pointer = {sizeof idt - 1, (uint32_t)idt};
    __asm__ volatile("lidt %0" : : "m"(pointer));
}

const char *trap_name(uint32_t vector) {
    static const char *const names[] = {
        "divide error",
        "debug trap",
        "non-maskable interrupt",
        "breakpoint",
        "overflow",
        "bounds exceeded",
        "invalid instruction",
        "no FPU",
        "double fault",
        "FPU segment",
        "invalid TSS",
        "segment not present",
        "stack fault",
        "protection fault",
        "page fault",
        "exception 15",
        "floating-point error",
        "alignment check",
        "machine check",
        "SIMD floating-point error",
    };
    return vector < sizeof names / sizeof names[0] ? names[vector] : "unknown exception";
}

static uint32_t cr2_read(void) {
    uint32_t cr2;
    __asm__ volatile("movl %%cr2, %0" : "=r"(cr2));
    return cr2;
}

static uint32_t cr3_read(void) {
    uint32_t cr3;
    __asm__ volatile("movl %%cr3, %0" : "=r"(cr3));
    return cr3;
}

static bool vector_is_irq(uint32_t vector) {
    return vector >= TRAP_IRQ && vector < TRAP_IRQ + IRQ_LINES;
}

void trap_from_user(struct user_frame *frame) {
    if (frame->vector == TRAP_PAGE_FAULT) {
        trap_fault_address = cr2_read();
    } else if (vector_is_irq(frame->vector)) {
        irq_dispatch((int)(frame->vector - TRAP_IRQ));
    } else if (frame->vector == TRAP_MACHINE_CHECK) {
        panic("the processor reports a machine check (hardware error) at eip %08x in ring 3",
              frame->eip);
    }
    kernel_from_user(frame);
}

/* QEMU's IRET lets ring 3 enter virtual-8086 mode; a processor gives a protection fault, and so do
 * we at the first trap, which is the first instruction: none can be fetched below USER_FIRST. The
 * four data segments were pushed first [IA32-3A 20.3.1], so all lies 16 bytes too low, in the room
 * that is kept before the frame. */
void trap_from_v86(const struct user_frame *low) {
    struct user_frame *frame = (struct user_frame *)((uint32_t)low + CPU_FRAME_ROOM);

    if (vector_is_irq(low->vector)) {
        irq_dispatch((int)(low->vector - TRAP_IRQ));
    }
    memmove(frame, low, sizeof(*frame));
    frame->vector = TRAP_PROTECTION;
    frame->error = 0;
    kernel_from_user(frame);
}

/* No stack switch happened, so the frame ends at eflags and the interrupted ESP is just above
 * it. */
static void panic_in_kernel(const struct user_frame *f) {
    struct panic_registers at = {
        .eax = f->eax,
        .ebx = f->ebx,
        .ecx = f->ecx,
        .edx = f->edx,
        .esi = f->esi,
        .edi = f->edi,
        .ebp = f->ebp,
        .esp = (uint32_t)&f->esp,
        .eip = f->eip,
        .eflags = f->eflags,
        .cr2 = cr2_read(),
        .cr3 = cr3_read(),
    };
    if (f->vector == TRAP_PAGE_FAULT) {
        panic_at(&at, "page fault in the kernel: %s of address %08x, which %s",
                 f->error & TRAP_PF_WRITE ? "write" : "read", at.cr2,
                 f->error & TRAP_PF_PRESENT ? "may not be accessed so" : "is not mapped");
    }
    panic_at(&at, "%s in the kernel (vector %u, error code %x)", trap_name(f->vector), f->vector,
             f->error);
}

void trap_from_kernel(struct user_frame *frame) {
    if (!vector_is_irq(frame->vector)) {
        panic_in_kernel(frame);
    }
    irq_dispatch((int)(frame->vector - TRAP_IRQ));
}

/* The task switch has saved the broken context in the main TSS [IA32-3A 7.3]. CR3 there is what was
 * loaded by the last task switch, not the current one, so it is not shown. */
void trap_fault_task(void) {
    const struct cpu_tss *t = &cpu_main_tss;
    struct panic_registers at = {
        .eax = t->eax,
        .ebx = t->ebx,
        .ecx = t->ecx,
        .edx = t->edx,
        .esi = t->esi,
        .edi = t->edi,
        .ebp = t->ebp,
        .esp = t->esp,
        .eip = t->eip,
        .eflags = t->eflags,
        .cr2 = cr2_read(),
    };
    uint32_t guard = (uint32_t)kernel_stack_guard;
    if (at.esp - guard < STACK_GUARD_BYTES + 64 || at.cr2 - guard < STACK_GUARD_BYTES) {
        panic_at(&at,
                 "the kernel's stack has overflowed (esp %08x): endless recursion, or a big "
                 "local variable in the function named first below",
                 at.esp);
    }
    panic_at(&at, "double fault or non-maskable interrupt; address of the last page fault %08x",
             at.cr2);
}

/* ---- back to ring 3 -------------------------------------------------------------------------- */

/* A selector that ring 3 may hold in a data segment register: null, its code or data, its TLS.
 * Anything else would fault in the kernel when it is loaded. */
static uint32_t selector_safe(uint32_t selector) {
    selector &= 0xFFFF;
    bool usable = selector <= 3 || selector == CPU_USER_DATA || selector == CPU_USER_CODE ||
                  selector == CPU_USER_TLS;
    return usable ? selector : 0;
}

void user_enter(struct user_frame *frame) {
    frame->gs = selector_safe(frame->gs);
    frame->fs = selector_safe(frame->fs);
    frame->es = selector_safe(frame->es);
    frame->ds = selector_safe(frame->ds);
    frame->cs = CPU_USER_CODE;
    frame->ss = CPU_USER_DATA;
    frame->eflags = (frame->eflags & CPU_EFLAGS_USER) | CPU_EFLAGS_IF | 2;
    time_arm_tick();
    cpu_set_user_frame(frame);
    trap_return_user(frame);
}
