/* The first instructions: headers for both Multiboot versions in one image, early page tables,
 * jump to the high half. Runs with paging off at its physical address, on the loader's segments,
 * interrupts off; uses nothing but its registers until the stack is set. Ends in
 * kernel_main(magic, info). Sources: [MB1 3.1], [MB2 3.1], [IA32-3A 4.3] (4 MB pages), [IA32-3A
 * 2.5] (CR0, CR4). */

#define KERNEL_BASE  0xC0000000 /* = mm/layout.h */
#define PHYSICAL(symbol) ((symbol) - KERNEL_BASE)

#define MB1_MAGIC    0x1BADB002
#define MB1_FLAGS    0x00000003 /* modules on page boundaries, memory map wanted [MB1 3.1.2] */
#define MB2_MAGIC    0xE85250D6

#define CR0_PG       0x80000000
#define CR0_WP       0x00010000
#define CR4_PSE      0x00000010
#define CPUID_PSE    0x00000008 /* EDX bit 3 of leaf 1 [IA32-2 CPUID] */
#define EFLAGS_ID    0x00200000

#define PAGE_RW      0x003      /* present, writable */
#define PAGE_RW_4MB  0x083
#define DIRECT_PDES  192        /* 768 MB / 4 MB */
#define EARLY_TABLES 4          /* without 4 MB pages: the first 16 MB */

    .section .boot.headers, "a"
    .balign 8
mb2_header:
    .long MB2_MAGIC, 0, mb2_end - mb2_header
    .long -(MB2_MAGIC + 0 + (mb2_end - mb2_header))
    /* information request, optional: command line, loader, modules, map, framebuffer [MB2 3.1.4] */
    .short 1, 1
    .long 28
    .long 1, 2, 3, 6, 8
    .balign 8
    /* console flags, optional: we can use EGA text [MB2 3.1.9] */
    .short 4, 1
    .long 12
    .long 2
    .balign 8
    /* modules on page boundaries [MB2 3.1.11] */
    .short 6, 0
    .long 8
    .short 0, 0
    .long 8
mb2_end:

    .balign 4
mb1_header:
    .long MB1_MAGIC, MB1_FLAGS, -(MB1_MAGIC + MB1_FLAGS)

    .section .boot, "ax"
    .globl _start
    .type _start, @function
_start:
    cli
    cld
    movl $PHYSICAL(kernel_stack_top), %esp
    movl %eax, %ebp             /* magic, kept in EBP; info in ESI */
    movl %ebx, %esi

    pushfl                      /* CPUID exists if EFLAGS.ID can be changed [IA32-2 CPUID] */
    popl %eax
    movl %eax, %ecx
    xorl $EFLAGS_ID, %eax
    pushl %eax
    popfl
    pushfl
    popl %eax
    xorl %ecx, %eax
    testl $EFLAGS_ID, %eax
    jz no_cpuid

    movl $1, %eax
    cpuid
    movl $PHYSICAL(boot_page_directory), %edi
    testl $CPUID_PSE, %edx
    jz small_pages

    movl %cr4, %eax
    orl $CR4_PSE, %eax
    movl %eax, %cr4
    movl $PAGE_RW_4MB, %eax     /* identity for the jump, then 768 MB from KERNEL_BASE */
    movl %eax, (%edi)
    xorl %ecx, %ecx
1:  movl %eax, 768*4(%edi,%ecx,4)
    addl $0x400000, %eax
    incl %ecx
    cmpl $DIRECT_PDES, %ecx
    jb 1b
    jmp paging_on

small_pages:
    movl $PHYSICAL(boot_page_tables), %ebx
    leal PAGE_RW(%ebx), %edx
    movl $PAGE_RW, %eax
    xorl %ecx, %ecx
2:  movl %eax, (%ebx,%ecx,4)
    addl $4096, %eax
    incl %ecx
    cmpl $(EARLY_TABLES * 1024), %ecx
    jb 2b
    xorl %ecx, %ecx
3:  movl %edx, (%edi,%ecx,4)
    movl %edx, 768*4(%edi,%ecx,4)
    addl $4096, %edx
    incl %ecx
    cmpl $EARLY_TABLES, %ecx
    jb 3b

paging_on:
    movl %edi, %cr3
    movl %cr0, %eax
    orl $(CR0_PG | CR0_WP), %eax
    movl %eax, %cr0
    movl $high, %eax
    jmp *%eax

no_cpuid:                       /* a 486 or older: say so on the screen, stop */
    movl $no_cpuid_text, %esi
    movl $0xB8000, %edi
    movb $0x4F, %ah
4:  lodsb
    testb %al, %al
    jz 5f
    stosw
    jmp 4b
5:  hlt
    jmp 5b
no_cpuid_text:
    .asciz "Lisse needs a Pentium (i586) or newer: this processor has no CPUID instruction."

    .section .text
high:
    movl $kernel_stack_top, %esp
    subl $8, %esp               /* 16-byte alignment at the call */
    pushl %esi
    pushl %ebp
    xorl %ebp, %ebp             /* the call chain ends here */
    call kernel_main
    ud2

    /* The kernel's one stack, with a page below it that paging_start() unmaps: running over it is a
     * page fault that finds no stack, hence a double fault, which has its own task and stack. */
    .section .stack, "aw", @nobits
    .globl kernel_stack_guard, kernel_stack_top, fault_stack_top
    .balign 4096
kernel_stack_guard:
    .skip 4096
    .skip 32768
kernel_stack_top:
    .skip 4096
fault_stack_top:

    .section .bss
    .balign 4096
boot_page_directory:
    .skip 4096
boot_page_tables:
    .skip 4096 * EARLY_TABLES

    .section .note.GNU-stack, "", @progbits
