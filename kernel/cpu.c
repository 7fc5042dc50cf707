/* The processor's tables: GDT, the TSS that traps from ring 3 use, a second TSS for faults that
 * find no usable stack; control registers, features, sleep. One CPU, so everything is static.
 * Sources: [IA32-3A 3.4.5] descriptors, [IA32-3A 7.2.1] TSS, [IA32-3A 2.5] control registers,
 * [IA32-2 CPUID]. */
#include "kernel/cpu.h"

#include <string.h>

#include "kernel/trap_task.h"

struct cpu_features cpu_features;

/* [IA32-3A 7.2.1]; the io map base beyond the limit means: no port is open to ring 3. */
struct cpu_tss cpu_main_tss = {
    .ss0 = CPU_KERNEL_DATA,
    .io_map = sizeof(struct cpu_tss),
};
static struct cpu_tss fault_tss;

enum { GDT_ENTRIES = 8, GDT_TSS = CPU_TSS / 8, GDT_TLS = 6, GDT_FAULT_TSS = CPU_FAULT_TSS / 8 };

/* Access bytes [IA32-3A 3.4.5.1]: present, privilege, code/data, type. */
enum {
    ACCESS_KERNEL_CODE = 0x9A,
    ACCESS_KERNEL_DATA = 0x92,
    ACCESS_USER_CODE = 0xFA,
    ACCESS_USER_DATA = 0xF2,
    ACCESS_TSS = 0x89,
    FLAGS_32 = 0x4,       /* D/B: 32-bit */
    FLAGS_32_PAGES = 0xC, /* and the limit counts pages */
};

static uint64_t gdt[GDT_ENTRIES];

static uint64_t descriptor(uint32_t base, uint32_t limit, uint32_t access, uint32_t flags) {
    uint32_t low = (limit & 0xFFFF) | base << 16;
    uint32_t high =
        (base >> 16 & 0xFF) | access << 8 | (limit & 0xF0000) | flags << 20 | (base & 0xFF000000);
    return (uint64_t)high << 32 | low;
}

/* No local descriptors: after a reset the LDT register holds base 0, limit 64 KB, where a program
 * could map a gate into ring 0 [IA32-3A 9.1.1]. */
static void gdt_load(void) {
    struct {
        uint16_t limit;
        uint32_t base;
    } __attribute__((packed)) pointer = {sizeof gdt - 1, (uint32_t)gdt};
    __asm__ volatile("lgdt %0\n\t"
                     "ljmp %1, $1f\n"
                     "1:\tmovw %w2, %%ds\n\tmovw %w2, %%es\n\tmovw %w2, %%ss\n\t"
                     "xorl %%eax, %%eax\n\tmovw %%ax, %%fs\n\tmovw %%ax, %%gs\n\t"
                     "lldt %%ax\n\tltr %w3"
                     :
                     : "m"(pointer), "i"(CPU_KERNEL_CODE), "r"(CPU_KERNEL_DATA), "r"(CPU_TSS)
                     : "eax", "memory");
}

static void gdt_start(void) {
    gdt[1] = descriptor(0, 0xFFFFF, ACCESS_KERNEL_CODE, FLAGS_32_PAGES);
    gdt[2] = descriptor(0, 0xFFFFF, ACCESS_KERNEL_DATA, FLAGS_32_PAGES);
    gdt[3] = descriptor(0, 0xFFFFF, ACCESS_USER_CODE, FLAGS_32_PAGES);
    gdt[4] = descriptor(0, 0xFFFFF, ACCESS_USER_DATA, FLAGS_32_PAGES);
    gdt[GDT_TSS] = descriptor((uint32_t)&cpu_main_tss, sizeof cpu_main_tss - 1, ACCESS_TSS, 0);
    gdt[GDT_FAULT_TSS] = descriptor((uint32_t)&fault_tss, sizeof fault_tss - 1, ACCESS_TSS, 0);
    cpu_set_tls(0, 0, CPU_TLS_BYTES);
    gdt_load();
}

void cpu_set_fault_task(uint32_t cr3) {
    fault_tss = (struct cpu_tss){
        .cr3 = cr3,
        .eip = (uint32_t)trap_fault_task,
        .eflags = 2, /* bit 1 is always set [IA32-3A 2.3] */
        .esp = (uint32_t)fault_stack_top,
        .cs = CPU_KERNEL_CODE,
        .ss = CPU_KERNEL_DATA,
        .ds = CPU_KERNEL_DATA,
        .es = CPU_KERNEL_DATA,
        .io_map = sizeof(struct cpu_tss),
    };
}

void cpu_set_tls(uint32_t base, uint32_t limit, enum cpu_tls_unit unit) {
    gdt[GDT_TLS] = descriptor(base, limit & 0xFFFFF, ACCESS_USER_DATA,
                              unit == CPU_TLS_PAGES ? FLAGS_32_PAGES : FLAGS_32);
}

void cpu_set_user_frame(struct user_frame *frame) {
    cpu_main_tss.esp0 = (uint32_t)(frame + 1);
}

/* ---- features -------------------------------------------------------------------------------- */

static void cpuid(uint32_t leaf, uint32_t out[4]) {
    __asm__ volatile("cpuid"
                     : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3])
                     : "a"(leaf), "c"(0));
}

static void features_read_brand(void) {
    uint32_t r[4];
    cpuid(0x80000000u, r);
    if (r[0] < 0x80000004u || r[0] > 0x8000FFFFu) { /* old ones answer with leaf 1's values */
        return;
    }
    for (uint32_t i = 0; i < 3; i++) {
        cpuid(0x80000002u + i, r);
        memcpy(cpu_features.brand + 16 * i, r, sizeof r);
    }
}

static void features_read(void) {
    struct cpu_features *f = &cpu_features;
    uint32_t r[4];
    cpuid(0, r);
    memcpy(f->vendor, &r[1], 4);
    memcpy(f->vendor + 4, &r[3], 4);
    memcpy(f->vendor + 8, &r[2], 4);
    cpuid(1, r);
    f->family = r[0] >> 8 & 0xF;
    f->model = r[0] >> 4 & 0xF;
    f->stepping = r[0] & 0xF;
    if (f->family >= 6) {
        f->model |= r[0] >> 12 & 0xF0;
    }
    if (f->family == 0xF) {
        f->family += r[0] >> 20 & 0xFF;
    }
    f->leaf1_edx = r[3];
    f->leaf1_ecx = r[2];
    f->fpu = r[3] & 1u << 0;
    f->pse = r[3] & 1u << 3;
    f->tsc = r[3] & 1u << 4;
    f->cx8 = r[3] & 1u << 8;
    f->apic = r[3] & 1u << 9;
    f->pge = r[3] & 1u << 13;
    f->cmov = r[3] & 1u << 15;
    f->mmx = r[3] & 1u << 23;
    f->fxsr = r[3] & 1u << 24;
    f->sse = f->fxsr && r[3] & 1u << 25;
    f->sse2 = f->sse && r[3] & 1u << 26;
    features_read_brand();
}

/* FPU errors as exception 16 (NE), no lazy switching (TS, EM clear): a thread's FPU state is
 * saved when it leaves the CPU [D 3]. MP is set as the manual wants it beside an FPU [IA32-3A
 * 9.2.1]. */
static void control_start(void) {
    enum {
        CR0_MP = 1 << 1,
        CR0_EM = 1 << 2,
        CR0_TS = 1 << 3,
        CR0_NE = 1 << 5,
        CR0_WP = 1 << 16,
        CR0_AM = 1 << 18
    };
    enum {
        CR4_TSD = 1 << 2,
        CR4_PSE = 1 << 4,
        CR4_PGE = 1 << 7,
        CR4_OSFXSR = 1 << 9,
        CR4_OSXMMEXCPT = 1 << 10
    };
    uint32_t cr0, cr4;
    __asm__ volatile("movl %%cr0, %0" : "=r"(cr0));
    cr0 |= CR0_MP | CR0_NE | CR0_WP;
    cr0 &= ~(uint32_t)(CR0_EM | CR0_TS | CR0_AM);
    __asm__ volatile("movl %0, %%cr0" : : "r"(cr0));
    __asm__ volatile("movl %%cr4, %0" : "=r"(cr4));
    cr4 &= ~(uint32_t)CR4_TSD;
    cr4 |= (cpu_features.pse ? CR4_PSE : 0u) | (cpu_features.pge ? CR4_PGE : 0u) |
           (cpu_features.fxsr ? CR4_OSFXSR : 0u) | (cpu_features.sse ? CR4_OSXMMEXCPT : 0u);
    __asm__ volatile("movl %0, %%cr4" : : "r"(cr4));
    if (cpu_features.fpu) {
        __asm__ volatile("fninit");
    }
}

void cpu_start(void) {
    uint32_t cr3;
    __asm__ volatile("movl %%cr3, %0" : "=r"(cr3));
    gdt_start();
    cpu_set_fault_task(cr3);
    features_read();
    control_start();
}

/* ---- sleep, stop ----------------------------------------------------------------------------- */

void cpu_halt(void) {
    __asm__ volatile("sti\n\thlt\n\tcli" : : : "memory");
}

void cpu_stop(void) {
    for (;;) {
        __asm__ volatile("cli\n\thlt");
    }
}
