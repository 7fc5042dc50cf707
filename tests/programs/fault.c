/* fault: does what a program must not do, in the way its argument names; the kernel has to end it.
 *
 * Prints one line first (flushed), then faults. Exit code 128 + signal:
 *   null-read null-write null-call text-write kernel-read kernel-write privileged port
 *   stack-overflow thread                                            SIGSEGV 139
 *   divide SIGFPE 136    illegal SIGILL 132    breakpoint SIGTRAP 133    abort SIGABRT 134
 *   kill SIGKILL 137     term SIGTERM 143
 *   ignored        SIGTERM is ignored, SIGCHLD is by default: the program ends with 0 */
/* lisse-cc: -pthread */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const int text = 1;
static volatile int zero;

/* An address that no optimiser sees through. */
static volatile int *address(unsigned long at)
{
    volatile unsigned long hidden = at;

    return (volatile int *)hidden;
}

static void null_read(void)
{
    (void)*address(0);
}

static void null_write(void)
{
    *address(0) = 1;
}

static void null_call(void)
{
    void (*volatile call)(void) = NULL;

    call();
}

static void text_write(void)
{
    *address((unsigned long)&text) = 2;
}

static void kernel_read(void)
{
    (void)*address(0xC0101000ul);
}

static void kernel_write(void)
{
    *address(0xC0101000ul) = 1;
}

static void privileged(void)
{
    __asm__ volatile("hlt");
}

static void port(void)
{
    __asm__ volatile("outb %%al, $0x80" : : "a"(0));
}

static int stack_eat(int depth)
{
    volatile char eaten[8192];

    eaten[0] = (char)depth;
    return depth > 1000000 ? eaten[0] : stack_eat(depth + 1) + eaten[0];
}

static void stack_overflow(void)
{
    zero = stack_eat(0);
}

static void divide(void)
{
    volatile int hundred = 100;

    printf("%d\n", hundred / zero);
}

static void illegal(void)
{
    __asm__ volatile("ud2");
}

static void breakpoint(void)
{
    __asm__ volatile("int3");
}

static void signal_term(void)
{
    (void)raise(SIGTERM);
}

static void signal_kill(void)
{
    (void)kill(getpid(), SIGKILL);
}

static void *thread_main(void *unused)
{
    null_write();
    return unused;
}

static void thread_fault(void)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, thread_main, NULL) == 0) {
        (void)pthread_join(thread, NULL);
    }
}

static void ignored(void)
{
    (void)signal(SIGTERM, SIG_IGN);
    (void)raise(SIGTERM);
    (void)raise(SIGCHLD);
    printf("still here\n");
    exit(0);
}

static const struct {
    const char *name;
    void (*run)(void);
} faults[] = {
    { "null-read", null_read }, { "null-write", null_write }, { "null-call", null_call },
    { "text-write", text_write }, { "kernel-read", kernel_read },
    { "kernel-write", kernel_write }, { "privileged", privileged }, { "port", port },
    { "stack-overflow", stack_overflow }, { "thread", thread_fault }, { "divide", divide },
    { "illegal", illegal }, { "breakpoint", breakpoint }, { "abort", abort },
    { "kill", signal_kill }, { "term", signal_term }, { "ignored", ignored },
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc == 2 && i < sizeof(faults) / sizeof(faults[0]); i++) {
        if (strcmp(argv[1], faults[i].name) == 0) {
            printf("about to: %s\n", argv[1]);
            (void)fflush(stdout);
            faults[i].run();
            printf("nothing happened\n");
            return 1;
        }
    }
    fprintf(stderr, "usage: fault NAME\n");
    return 2;
}
