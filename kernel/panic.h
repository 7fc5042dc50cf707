/* The end of this node, told properly: reason, registers, symbolised call chain, node's name,
 * build, last trace lines, on every console; then nothing more. Only for our own bugs and for a
 * machine that cannot work; never for anything that came from outside [D E]. */
#pragma once

#include <stdint.h>

void panic(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* This PC cannot run Lisse: what is wrong and what would help, then stop. For boot only; not a bug,
 * so no registers and no call chain. */
void panic_machine(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* The hook behind ASSERT (adapt/base.h has the same declaration). */
void assert_failed(const char *what, const char *file, int line) __attribute__((noreturn));

/* ASSERT for files that may not include adapt/base.h. */
#define PANIC_UNLESS(cond)                                                                         \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            assert_failed(#cond, __FILE__, __LINE__);                                              \
        }                                                                                          \
    } while (0)

/* Registers at an exception in ring 0. */
struct panic_registers {
    uint32_t eax, ebx, ecx, edx, esi, edi, ebp, esp, eip, eflags, cr2, cr3;
};
void panic_at(const struct panic_registers *at, const char *format, ...)
    __attribute__((format(printf, 2, 3), noreturn));

/* Prints the last 64 trace lines with print(). Weak and empty here; kernel/effects.c or pump.c
 * has the real one. Must not assert. */
void panic_print_trace(void);

/* Shown in the report; a static string or buffer of the caller. */
void panic_set_name(const char *name);
