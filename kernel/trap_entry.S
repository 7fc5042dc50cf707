/* The doors of the kernel: one stub per vector, and the way back to ring 3. From ring 3 the CPU
 * has pushed ss esp eflags cs eip (and an error code) straight into the current thread's struct
 * user_frame (TSS.esp0 points at its end) and the rest is pushed below; then C runs on the empty
 * kernel stack. From ring 0 everything lies on the kernel stack. [IA32-3A 6.12] */

#define KERNEL_DATA 0x10
#define FRAME_CS    60          /* offsetof(struct user_frame, cs) */
#define FRAME_FLAGS 64          /* … eflags */
#define FLAGS_VM    0x20000     /* virtual-8086 mode [IA32-3A 2.3] */

    .section .text

/* Bit v: at vector v the CPU pushes an error code: 8 10-14 17 21 29 30 [IA32-3A table 6-1] */
#define ERROR_CODES 0x60227D00

.macro stub number
    .globl trap_stub_\number
    .type trap_stub_\number, @function
trap_stub_\number:
    .if \number >= 32
    pushl $0
    .elseif !((ERROR_CODES >> \number) & 1)
    pushl $0
    .endif
    pushl $\number
    jmp trap_common
.endm

    .altmacro
.macro stub_value number
    stub \number
.endm
    .set vector, 0
    .rept 48
    stub_value %vector
    .set vector, vector + 1
    .endr
    stub 128

trap_common:
    pushal
    pushl %ds
    pushl %es
    pushl %fs
    pushl %gs
    movl $KERNEL_DATA, %eax
    movl %eax, %ds
    movl %eax, %es
    cld
    movl %esp, %eax
    testl $FLAGS_VM, FRAME_FLAGS(%esp)
    jnz from_v86
    testb $3, FRAME_CS(%esp)
    jz from_kernel
    movl $kernel_stack_top, %esp
    xorl %ebp, %ebp             /* a call chain ends at the door */
    subl $12, %esp
    pushl %eax
    call trap_from_user
    ud2

from_v86:                       /* CS says nothing about the ring there */
    movl $kernel_stack_top, %esp
    xorl %ebp, %ebp
    subl $12, %esp
    pushl %eax
    call trap_from_v86
    ud2

from_kernel:                    /* EBP is the interrupted code's: the call chain goes on */
    pushl %eax
    call trap_from_kernel
    addl $4, %esp
    popl %gs
    popl %fs
    popl %es
    popl %ds
    popal
    addl $8, %esp
    iret

/* void trap_return_user(struct user_frame *): load everything from the frame, go to ring 3. An
 * NMI in here has its own task and stack, so nothing is written below the frame. */
    .globl trap_return_user
    .type trap_return_user, @function
trap_return_user:
    movl 4(%esp), %esp
    popl %gs
    popl %fs
    popl %es
    popl %ds
    popal
    addl $8, %esp
    iret

/* void cpu_restart_stack(void (*function)(void)) */
    .globl cpu_restart_stack
    .type cpu_restart_stack, @function
cpu_restart_stack:
    movl 4(%esp), %eax
    movl $kernel_stack_top, %esp
    xorl %ebp, %ebp
    subl $12, %esp
    pushl $0
    jmp *%eax

    .section .rodata
    .balign 4
    .globl trap_stubs
trap_stubs:
.macro stub_address number
    .long trap_stub_\number
.endm
    .set vector, 0
    .rept 48
    stub_address %vector
    .set vector, vector + 1
    .endr

    .section .note.GNU-stack, "", @progbits
