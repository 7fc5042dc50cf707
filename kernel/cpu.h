/* The processor: ports, features, segments, the way into ring 3, sleep.
 * Everything here runs with interrupts off except inside cpu_halt(). Sources: [IA32-3A] the Intel
 * manual volume 3A; [IA32-2] volume 2, CPUID. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* ---- features -------------------------------------------------------------------------------- */

struct cpu_features {
    bool fpu, tsc, cx8, cmov, mmx, pse, pge, fxsr, sse, sse2, apic; /* [IA32-2 CPUID leaf 1, EDX] */
    uint32_t leaf1_edx, leaf1_ecx; /* raw; EDX is what AT_HWCAP holds on i386 */
    uint32_t family, model, stepping;
    char vendor[13], brand[49]; /* brand is empty on old processors */
};
extern struct cpu_features cpu_features; /* written once by cpu_start() */

/* Descriptor tables, control registers, FPU. First thing in kernel_main. */
void cpu_start(void);

/* ---- ring 3 ---------------------------------------------------------------------------------- */

/* Selectors [IA32-3A 3.4.2]: GDT index * 8 + privilege. */
enum {
    CPU_KERNEL_CODE = 0x08,
    CPU_KERNEL_DATA = 0x10,
    CPU_USER_CODE = 0x1B,
    CPU_USER_DATA = 0x23,
    CPU_TSS = 0x28,
    CPU_USER_TLS = 0x33, /* GDT entry 6 on every node [D 3], as on Linux */
    CPU_FAULT_TSS = 0x38,
};

/* Registers of a thread in ring 3, exactly as the trap entry leaves them in memory. The CPU
 * pushes the last five words into it by itself (TSS.esp0 points at the end), the entry code the
 * rest. */
struct user_frame {
    uint32_t gs, fs, es, ds;
    uint32_t edi, esi, ebp, esp_unused, ebx, edx, ecx, eax; /* PUSHA order */
    uint32_t vector, error; /* why it left ring 3; error is 0 where the CPU gives none */
    uint32_t eip, cs, eflags, esp, ss;
};
_Static_assert(sizeof(struct user_frame) == 76, "kernel/trap_entry.S pushes 19 words");

/* Bits of EFLAGS that a program may set: CF PF AF ZF SF TF DF OF RF AC ID [IA32-3A 2.3]. */
#define CPU_EFLAGS_USER 0x00250DD5u
#define CPU_EFLAGS_IF   0x00000200u /* always set in ring 3 */

/* Where the next trap from ring 3 saves the registers; user_enter() does it too. The frame must
 * stay where it is and be 4-aligned, with CPU_FRAME_ROOM bytes before it that nobody uses. */
enum { CPU_FRAME_ROOM = 16 }; /* ES DS FS GS, pushed first in virtual-8086 mode [IA32-3A 20.3.1] */
void cpu_set_user_frame(struct user_frame *frame);

/* Leave the kernel: run the thread with these registers. Unusable selectors and EFLAGS bits in
 * the frame are put right first, so that whatever a program or a peer wrote there cannot hurt
 * the kernel. The kernel's stack is empty afterwards. The scheduler tick (kernel/time.h) is
 * running in ring 3. */
void user_enter(struct user_frame *frame) __attribute__((noreturn));

/* GDT entry 6: a 32-bit data segment for ring 3; limit counts bytes, or pages. Takes effect at
 * the next user_enter(). base 0, limit 0 is harmless and what boot leaves there. */
enum cpu_tls_unit { CPU_TLS_BYTES, CPU_TLS_PAGES };
void cpu_set_tls(uint32_t base, uint32_t limit, enum cpu_tls_unit unit);

/* The next call of function starts on the empty kernel stack; nothing returns. */
void cpu_restart_stack(void (*function)(void)) __attribute__((noreturn));

/* Page directory of the task that reports faults without a stack; mm/paging.c, when it is final. */
void cpu_set_fault_task(uint32_t cr3);

/* ---- sleep, stop ----------------------------------------------------------------------------- */

/* Sleep until an interrupt was handled: sti; hlt; cli. Interrupts that came before it wake it at
 * once, so check for work, then halt: nothing is lost between. */
void cpu_halt(void);

/* Never again. */
void cpu_stop(void) __attribute__((noreturn));

/* ---- instructions ---------------------------------------------------------------------------- */

static inline void cpu_out8(uint16_t port, uint8_t value) {
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port) : "memory");
}
static inline void cpu_out16(uint16_t port, uint16_t value) {
    __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port) : "memory");
}
static inline void cpu_out32(uint16_t port, uint32_t value) {
    __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port) : "memory");
}
static inline uint8_t cpu_in8(uint16_t port) {
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}
static inline uint16_t cpu_in16(uint16_t port) {
    uint16_t value;
    __asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}
static inline uint32_t cpu_in32(uint16_t port) {
    uint32_t value;
    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

/* Time stamp counter; only when cpu_features.tsc. */
static inline uint64_t cpu_tsc(void) {
    uint32_t low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}
/* In a loop that looks at memory until somebody else writes it [IA32-2 PAUSE]. */
static inline void cpu_relax(void) {
    __asm__ volatile("pause" : : : "memory");
}
static inline void cpu_barrier(void) { /* the compiler's; x86 keeps stores in order by itself */
    __asm__ volatile("" : : : "memory");
}
