/* A panic that a test survives: PANIC_EXPECTED(call) passes when the call panics. Include after
 * cmocka. */
#pragma once

#include <setjmp.h>
#include <stdbool.h>

extern jmp_buf fake_panic_return;
extern bool fake_panic_expected;
extern char fake_panic_text[512];

#define PANIC_EXPECTED(call)                                                                       \
    do {                                                                                           \
        fake_panic_expected = true;                                                                \
        if (setjmp(fake_panic_return) == 0) {                                                      \
            call;                                                                                  \
            fake_panic_expected = false;                                                           \
            fail_msg("no panic");                                                                  \
        }                                                                                          \
        fake_panic_expected = false;                                                               \
    } while (0)
