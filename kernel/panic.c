/* The report of a broken kernel. Runs with interrupts off on whatever stack there is; touches
 * nothing that could be what is broken but the consoles, which print_polling() makes independent
 * of interrupts. A panic inside a panic says so in one line and stops. */
#include "kernel/panic.h"

#include <stdbool.h>
#include <stddef.h>

#include "kernel/cpu.h"
#include "kernel/print.h"
#include "kernel/symbols.h"
#include "kernel/trap_task.h"
#include "kernel/version.h"

enum { CALLS_MAX = 32 };

static bool in_panic;
static const char *node_name = "not yet named";

extern const char kernel_text_start[], kernel_text_end[]; /* boot/kernel.ld */

void panic_set_name(const char *name) {
    node_name = name;
}

__attribute__((weak)) void panic_print_trace(void) {
}

/* A call that repeats (a recursion) is shown once, with how often. */
struct calls {
    uint32_t last, repeats, shown;
};

static void print_repeats(const struct calls *c) {
    if (c->repeats > 0) {
        print("  ... the same %u times more\n", c->repeats);
    }
}

static void print_call(struct calls *c, uint32_t address) {
    if (address == c->last) {
        c->repeats++;
        return;
    }
    print_repeats(c);
    uint32_t offset;
    const char *name = symbol_find(address, &offset);
    print("  %08x  %s+0x%x\n", address, name, offset);
    *c = (struct calls){address, 0, c->shown + 1};
}

static bool stack_holds(uint32_t address) {
    uint32_t low = (uint32_t)kernel_stack_guard + 4096, high = (uint32_t)fault_stack_top;
    return address >= low && address <= high - 8 && address % 4 == 0;
}

/* Frames are linked through EBP: [ebp] the caller's ebp, [ebp + 4] the return address. */
static void print_calls(uint32_t eip, uint32_t ebp) {
    struct calls calls = {0, 0, 0};
    print("call chain:\n");
    print_call(&calls, eip);
    while (calls.shown < CALLS_MAX && stack_holds(ebp)) {
        const uint32_t *frame = (const uint32_t *)ebp;
        if (frame[1] < (uint32_t)kernel_text_start || frame[1] >= (uint32_t)kernel_text_end) {
            break;
        }
        print_call(&calls, frame[1] - 1); /* the call: what follows may be another function */
        if (frame[0] <= ebp) {            /* the stack grows down, so this ends */
            break;
        }
        ebp = frame[0];
    }
    print_repeats(&calls);
}

static void print_registers(const struct panic_registers *r) {
    print("eax %08x  ebx %08x  ecx %08x  edx %08x\n", r->eax, r->ebx, r->ecx, r->edx);
    print("esi %08x  edi %08x  ebp %08x  esp %08x\n", r->esi, r->edi, r->ebp, r->esp);
    print("eip %08x  eflags %08x  cr2 %08x  cr3 %08x\n", r->eip, r->eflags, r->cr2, r->cr3);
}

static void panic_begin(void) {
    __asm__ volatile("cli");
    print_polling();
    if (in_panic) {
        print("\nPANIC inside a panic; this node stops.\n");
        cpu_stop();
    }
    in_panic = true;
    print("\nPANIC on node %s: ", node_name);
}

static void panic_end(uint32_t eip, uint32_t ebp) {
    print("Lisse %s, build %s, image %s\n", version_text, version_build_hex, version_image);
    print_calls(eip, ebp);
    panic_print_trace();
    print("This node has stopped; the others treat it as failed. This is a bug in Lisse:\n"
          "please report the lines above. Reset the PC to boot it again.\n");
    cpu_stop();
}

void panic_at(const struct panic_registers *at, const char *format, ...) {
    panic_begin();
    va_list args;
    va_start(args, format);
    print_list(format, args);
    va_end(args);
    print("\n");
    print_registers(at);
    panic_end(at->eip, at->ebp);
    cpu_stop();
}

void panic(const char *format, ...) {
    panic_begin();
    va_list args;
    va_start(args, format);
    print_list(format, args);
    va_end(args);
    print("\n");
    panic_end((uint32_t)__builtin_return_address(0) - 1, *(uint32_t *)__builtin_frame_address(0));
    cpu_stop();
}

void panic_machine(const char *format, ...) {
    print_polling();
    print("\nLisse cannot run on this PC: ");
    va_list args;
    va_start(args, format);
    print_list(format, args);
    va_end(args);
    print("\nThis node has stopped.\n");
    cpu_stop();
}

void assert_failed(const char *what, const char *file, int line) {
    panic("ASSERT(%s) failed at %s:%d", what, file, line);
}
