/* hostile: one attack on the kernel, named by its argument; the kernel has to end it, or shrug.
 *
 * `hostile --list` prints "NAME CODE" lines: the exit code that each attack must have, 128 + signal
 * or 0. Code 66 with a line on stderr means that an attack succeeded. What a program may do wrong
 * by accident is in fault.c; here is what it has to want. */
/* lisse-cc: -pthread */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { ILL = 132, TRAP = 133, FPE = 136, SEGV = 139, PAGE = 4096, WON = 66 };
#define KERNEL_TEXT 0xC0101000u /* mm/layout.h: the image from 0xC0100000 */

static void won(const char *what)
{
    fprintf(stderr, "the attack succeeded: %s\n", what);
    _exit(WON);
}

/* ---- instructions that belong to the kernel ------------------------------------------------- */

#define ATTACK(name, ...)                                                                          \
    static void name(void)                                                                         \
    {                                                                                              \
        __asm__ volatile(__VA_ARGS__ : : : "eax", "ebx", "ecx", "edx", "esi", "edi", "memory");    \
    }

ATTACK(do_hlt, "hlt")
ATTACK(do_cli, "cli")
ATTACK(do_sti, "sti")
ATTACK(do_in, "inb $0x60, %%al")
ATTACK(do_out, "movl $0xCF9, %%edx; movb $6, %%al; outb %%al, %%dx") /* resets a PC */
ATTACK(do_insb, "movl %%esp, %%edi; movl $0x60, %%edx; insb")
ATTACK(do_lgdt, "lgdt (%%esp)")
ATTACK(do_lidt, "lidt (%%esp)")
ATTACK(do_lldt, "xorl %%eax, %%eax; lldt %%ax")
ATTACK(do_ltr, "movl $0x28, %%eax; ltr %%ax")
ATTACK(do_lmsw, "smsw %%ax; lmsw %%ax")
ATTACK(do_clts, "clts")
ATTACK(do_invd, "invd")
ATTACK(do_invlpg, "invlpg (%%esp)")
ATTACK(do_cr0, "movl %%cr0, %%eax")
ATTACK(do_cr3, "xorl %%eax, %%eax; movl %%eax, %%cr3")
ATTACK(do_cr4, "movl %%eax, %%cr4")
ATTACK(do_dr7, "movl $1, %%eax; movl %%eax, %%dr7")
ATTACK(do_rdmsr, "movl $0x174, %%ecx; rdmsr")
ATTACK(do_wrmsr, "movl $0x174, %%ecx; movl $8, %%eax; xorl %%edx, %%edx; wrmsr")
/* from the stack, since programs of a Pentium may not contain them */
ATTACK(do_rdpmc, "xorl %%ecx, %%ecx; pushl $0xC3C3330F; call *%%esp; addl $4, %%esp")
ATTACK(do_sysenter, "pushl $0xC3C3340F; call *%%esp; addl $4, %%esp")
ATTACK(do_syscall, "pushl $0xC3C3050F; call *%%esp; addl $4, %%esp")
ATTACK(do_ud2, "ud2")
ATTACK(do_into, "movl $0x7FFFFFFF, %%eax; incl %%eax; into")
ATTACK(do_bound, "pushl $2; pushl $1; movl $9, %%eax; bound %%eax, (%%esp)")

/* ---- vectors, gates, segments --------------------------------------------------------------- */

ATTACK(int_2, "int $2")      /* task gates of the kernel */
ATTACK(int_8, "int $8")
ATTACK(int_13, "int $13")
ATTACK(int_14, "int $14")    /* a page fault without one */
ATTACK(int_32, "int $0x20")  /* a timer interrupt without one */
ATTACK(int_48, "int $0x30")  /* no gate */
ATTACK(int_255, "int $0xFF") /* behind the table */
ATTACK(call_kernel, "movl $0xC0101000, %%eax; call *%%eax")
ATTACK(call_far, "lcall $0x08, $0xC0101000")
ATTACK(call_tss, "lcall $0x28, $0")
ATTACK(call_fault_tss, "ljmp $0x38, $0")
ATTACK(ds_kernel, "movl $0x10, %%eax; movl %%eax, %%ds")
ATTACK(ss_null, "xorl %%eax, %%eax; movl %%eax, %%ss")
ATTACK(gs_system, "movl $0x28, %%eax; movl %%eax, %%gs")
ATTACK(gs_behind, "movl $0x43, %%eax; movl %%eax, %%gs")
ATTACK(return_far, "pushl $0x08; pushl $0xC0101000; lret")
ATTACK(return_ring_0, "pushl $0x10; pushl %%esp; pushl $2; pushl $0x08; pushl $0xC0101000; iret")
ATTACK(return_v86, "pushl $0x20202; pushl $0x08; pushl $0xC0101000; iret")
ATTACK(return_task, "pushfl; orl $0x4000, (%%esp); popfl; iret")
ATTACK(single_step, "pushfl; orl $0x100, (%%esp); popfl; nop; nop")
ATTACK(single_step_call,
       "pushfl; orl $0x100, (%%esp); movl $20, %%eax; popfl; int $0x80; nop; nop")
/* flags that must change nothing: I/O privilege, nested task, interrupts off, alignment check */
ATTACK(flags, "pushfl; orl $0x47000, (%%esp); andl $0xFFFFFDFF, (%%esp); popfl; "
              "movl $20, %%eax; int $0x80; movl 1(%%esp), %%eax; "
              "pushfl; andl $0xFFFB8FFF, (%%esp); popfl")
ATTACK(stack_kernel, "movl $0xC0000004, %%esp; pushl %%eax")
ATTACK(stack_null, "xorl %%esp, %%esp; pushl %%eax")
ATTACK(stack_call, "movl $0xC0101000, %%esp; movl $20, %%eax; int $0x80; popl %%eax")
ATTACK(top_page, "movl $0xBFFFF000, %%eax; movl (%%eax), %%eax")
ATTACK(top_word, "movl $0xBFFFFFFE, %%eax; movl %%eax, (%%eax)")
ATTACK(data_run, "pushl $0xC3C3C390; call *%%esp; addl $4, %%esp") /* no NX here: it runs */

/* A local descriptor table that begins at address 0, as processors have it after a reset, would
 * take its descriptors from memory that a program may map. The code runs in ring 0 then. */
static uint32_t ring_0_saw;

static void __attribute__((used)) ring_0(void)
{
    __asm__ volatile(".globl ring_0_code\nring_0_code:\n\tmovl %%cr0, %%eax\n\t"
                     "movl %%eax, %0\n\tlret" : "=m"(ring_0_saw) : : "eax");
}
extern char ring_0_code[];

static uint32_t *low_page(void)
{
    void *at = mmap((void *)0x1000, PAGE, PROT_READ | PROT_WRITE,
                    MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return at == MAP_FAILED ? NULL : at;
}

static void local_gate(void)
{
    uint32_t *at = low_page(), code = (uint32_t)ring_0_code;

    if (at != NULL) {
        at[0] = 0x00080000 | (code & 0xFFFF); /* call gate, ring 3 may use it [IA32-3A 5.8.3] */
        at[1] = (code & 0xFFFF0000) | 0xEC00;
    }
    __asm__ volatile("lcall $0x1007, $0" : : : "memory");
    won("code of the program ran in ring 0");
}

static void local_data(void)
{
    uint32_t *at = low_page();

    if (at != NULL) {
        at[0] = 0x0000FFFF;
        at[1] = 0x00CFF200; /* data, base 0, 4 GB, ring 3 */
    }
    __asm__ volatile("movl $0x1007, %%eax; movl %%eax, %%gs" : : : "eax");
    won("a segment of the program's making was loaded");
}

/* ---- TLS ------------------------------------------------------------------------------------ */

static void set_tls(uint32_t base, uint32_t limit, uint32_t flags)
{
    uint32_t desc[4] = { 6, base, limit, flags };

    (void)syscall(SYS_set_thread_area, desc);
    __asm__ volatile("movl $0x33, %%eax; movl %%eax, %%gs" : : : "eax");
}

static void tls_kernel(void)
{
    set_tls(KERNEL_TEXT, 0xFFFFF, 0x51);
    __asm__ volatile("movl %%gs:0, %%eax" : : : "eax");
}

static void tls_limit(void)
{
    set_tls(0x08048000, 0, 0x41);
    __asm__ volatile("movl %%gs:8, %%eax" : : : "eax");
}

static void tls_wrap(void)
{
    set_tls(0xFFFFF000, 0xFFFFF, 0x51);
    __asm__ volatile("movl %%gs:0xFFFFF000, %%eax; movl %%gs:0x1000, %%eax" : : : "eax");
}

/* ---- floating point ------------------------------------------------------------------------- */

static void x87_unmask(void)
{
    uint16_t control = 0x0372; /* invalid operation and division by zero not masked */

    __asm__ volatile("fninit; fldcw %0; fld1; fldz; fdivrp" : : "m"(control));
}

static void x87_pending(void)
{
    x87_unmask();
    __asm__ volatile("fwait");
}

/* The kernel must not meet the exception that waits here, neither in a call nor when it switches
 * threads. */
static void x87_in_kernel(void)
{
    struct { int32_t s, ns; } nap = { 0, 20000000 };

    x87_unmask();
    (void)syscall(SYS_getpid);
    (void)syscall(SYS_nanosleep, &nap, NULL);
    (void)syscall(SYS_sched_yield);
    __asm__ volatile("fwait");
}

/* What one program leaves in the registers, the next one must not find. */
static void fpu_secret(void)
{
    __asm__ volatile("fninit; fldpi; fldpi; fldpi; fldpi; fldpi; fldpi; fldpi; fldpi");
    _exit(0);
}

static void fpu_spy(void)
{
    uint8_t image[108]; /* [IA32-1 8.1.10]: the registers are the last 80 bytes */

    __asm__ volatile("fnsave %0" : "=m"(image));
    for (int i = 28; i < 108; i++) {
        if (image[i] != 0) {
            won("registers of another program were read");
        }
    }
}

/* ---- memory --------------------------------------------------------------------------------- */

static volatile uint8_t *page_of(int protection)
{
    return mmap(NULL, PAGE, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void none_read(void)
{
    (void)*page_of(PROT_NONE);
}

static void read_only_write(void)
{
    *page_of(PROT_READ) = 1;
}

static void unmapped_read(void)
{
    volatile uint8_t *at = page_of(PROT_READ | PROT_WRITE);

    *at = 1;
    (void)munmap((void *)at, PAGE);
    (void)*at;
}

static void string_over_end(void)
{
    volatile uint8_t *at = page_of(PROT_READ | PROT_WRITE);

    (void)munmap((void *)(at + PAGE), PAGE);
    __asm__ volatile("movl %0, %%edi; movl $0x40000000, %%ecx; std; cld; rep stosb"
                     : : "r"(at) : "edi", "ecx", "memory");
}

/* ---- threads -------------------------------------------------------------------------------- */

enum { THREAD_FLAGS = 0x50F00 }; /* VM FS FILES SIGHAND THREAD SYSVSEM [clone(2)] */

static void thread_stack_kernel(void)
{
    long tid = syscall(SYS_clone, THREAD_FLAGS, KERNEL_TEXT, 0, 0, 0);

    (void)tid; /* the child's first push faults, or its return from here does */
    for (;;) {
        (void)syscall(SYS_sched_yield);
    }
}

/* The words for tids are in the kernel and in a hole: clone gives the tid all the same, and the end
 * of the thread is one. */
static void thread_words(void)
{
    static uint32_t stack[1024];
    long tid;

    __asm__ volatile("movl %1, %%ebx; movl %2, %%ecx; movl $0xC0101000, %%edx; xorl %%esi, %%esi; "
                     "movl $0xFFFFFFFC, %%edi; movl $120, %%eax; int $0x80; testl %%eax, %%eax; "
                     "jnz 1f; movl $258, %%eax; movl $0x1001, %%ebx; int $0x80; "
                     "movl $1, %%eax; xorl %%ebx, %%ebx; int $0x80; 1:"
                     : "=a"(tid)
                     : "i"(THREAD_FLAGS | 0x1300000), "r"(stack + 1024)
                     : "ebx", "ecx", "edx", "esi", "edi", "memory");
    if (tid <= 0) {
        _exit(1);
    }
    for (int i = 0; i < 200; i++) {
        (void)syscall(SYS_sched_yield);
    }
}

#define ROW(name, code) { #name, name, code }
static const struct {
    const char *name;
    void (*run)(void);
    int code;
} attacks[] = {
    ROW(do_hlt, SEGV), ROW(do_cli, SEGV), ROW(do_sti, SEGV), ROW(do_in, SEGV), ROW(do_out, SEGV),
    ROW(do_insb, SEGV), ROW(do_lgdt, SEGV), ROW(do_lidt, SEGV), ROW(do_lldt, SEGV),
    ROW(do_ltr, SEGV), ROW(do_lmsw, SEGV), ROW(do_clts, SEGV), ROW(do_invd, SEGV),
    ROW(do_invlpg, SEGV), ROW(do_cr0, SEGV), ROW(do_cr3, SEGV), ROW(do_cr4, SEGV),
    ROW(do_dr7, SEGV), ROW(do_rdmsr, SEGV), ROW(do_wrmsr, SEGV), ROW(do_rdpmc, SEGV),
    ROW(do_sysenter, SEGV), ROW(do_syscall, ILL), ROW(do_ud2, ILL),
    ROW(do_into, SEGV), ROW(do_bound, SEGV),
    ROW(int_2, SEGV), ROW(int_8, SEGV), ROW(int_13, SEGV), ROW(int_14, SEGV), ROW(int_32, SEGV),
    ROW(int_48, SEGV), ROW(int_255, SEGV), ROW(call_kernel, SEGV), ROW(call_far, SEGV),
    ROW(call_tss, SEGV), ROW(call_fault_tss, SEGV), ROW(ds_kernel, SEGV), ROW(ss_null, SEGV),
    ROW(gs_system, SEGV), ROW(gs_behind, SEGV), ROW(return_far, SEGV), ROW(return_ring_0, SEGV),
    ROW(return_v86, SEGV), ROW(return_task, SEGV), ROW(single_step, TRAP),
    ROW(single_step_call, TRAP), ROW(flags, 0), ROW(stack_kernel, SEGV), ROW(stack_null, SEGV),
    ROW(stack_call, SEGV), ROW(top_page, SEGV), ROW(top_word, SEGV), ROW(data_run, 0),
    ROW(local_gate, SEGV), ROW(local_data, SEGV),
    ROW(tls_kernel, SEGV), ROW(tls_limit, SEGV), ROW(tls_wrap, SEGV),
    ROW(x87_pending, FPE), ROW(x87_in_kernel, FPE), ROW(fpu_secret, 0), ROW(fpu_spy, 0),
    ROW(none_read, SEGV), ROW(read_only_write, SEGV), ROW(unmapped_read, SEGV),
    ROW(string_over_end, SEGV), ROW(thread_stack_kernel, SEGV), ROW(thread_words, 0),
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc == 2 && i < sizeof(attacks) / sizeof(attacks[0]); i++) {
        if (strcmp(argv[1], "--list") == 0) {
            printf("%s %d\n", attacks[i].name, attacks[i].code);
        } else if (strcmp(argv[1], attacks[i].name) == 0) {
            attacks[i].run();
            return 0;
        }
    }
    return argc == 2 && strcmp(argv[1], "--list") == 0 ? 0 : 2;
}
