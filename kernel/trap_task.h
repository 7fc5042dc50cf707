/* What the processor's tables and the trap code share: the TSS, and the task that reports a
 * fault for which there is no usable stack. Only kernel/{cpu,trap,panic}.c need
 * this. */
#pragma once

#include <stdint.h>

/* [IA32-3A 7.2.1], 32-bit task state segment. */
struct cpu_tss {
    uint32_t link, esp0, ss0, esp1, ss1, esp2, ss2, cr3, eip, eflags;
    uint32_t eax, ecx, edx, ebx, esp, ebp, esi, edi;
    uint32_t es, cs, ss, ds, fs, gs, ldt;
    uint16_t trap, io_map;
};
_Static_assert(sizeof(struct cpu_tss) == 104, "[IA32-3A 7.2.1]");

/* The TSS in which the interrupted registers are found when trap_fault_task runs. */
extern struct cpu_tss cpu_main_tss;

/* Double faults and NMIs arrive here through a task gate, on their own stack. */
void trap_fault_task(void) __attribute__((noreturn));

/* Ends of the stacks, and the unmapped page below the kernel's; in boot/entry.S. */
extern char kernel_stack_guard[], kernel_stack_top[], fault_stack_top[];
