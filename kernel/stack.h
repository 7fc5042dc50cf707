/* How deep the kernel's one stack has ever been. All of the kernel runs on it (boot/entry.S), from
 * the top, one event at a time; below it lies a page that is never mapped. */
#pragma once

#include <stdint.h>

/* Marks what is below the caller as untouched. First thing in kernel_main. */
void stack_start(void);

uint32_t stack_bytes(void);      /* its size */
uint32_t stack_used_bytes(void); /* the most that was ever in use */
