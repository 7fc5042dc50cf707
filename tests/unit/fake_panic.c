/* kernel/panic.h for the host: a panic fails the test, unless the test waits for it. */
#include "tests/unit/fake_panic.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernel/panic.h"

jmp_buf fake_panic_return;
bool fake_panic_expected;
char fake_panic_text[512];

static void end(void) __attribute__((noreturn));
static void end(void) {
    if (fake_panic_expected) {
        longjmp(fake_panic_return, 1);
    }
    fprintf(stderr, "panic: %s\n", fake_panic_text);
    abort();
}

void panic(const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(fake_panic_text, sizeof fake_panic_text, format, args);
    va_end(args);
    end();
}

void panic_machine(const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(fake_panic_text, sizeof fake_panic_text, format, args);
    va_end(args);
    end();
}

void assert_failed(const char *what, const char *file, int line) {
    snprintf(fake_panic_text, sizeof fake_panic_text, "%s at %s:%d", what, file, line);
    end();
}
