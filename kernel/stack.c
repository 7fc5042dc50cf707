/* The kernel's stack as words: those that still hold the mark were never written. A word that was
 * written with the very same value is not counted; the next one is. */
#include "kernel/stack.h"

#include "kernel/trap_task.h"

#define STACK_MARK 0x6B736174u /* no address, no small number, no text of ours */

enum { STACK_GUARD_BYTES = 4096, STACK_OWN_BYTES = 256 /* stack_start() and its caller's */ };

static uint32_t *bottom(void) {
    return (uint32_t *)(kernel_stack_guard + STACK_GUARD_BYTES);
}

void stack_start(void) {
    uint32_t *here = (uint32_t *)((uint32_t)__builtin_frame_address(0) - STACK_OWN_BYTES);

    for (volatile uint32_t *word = bottom(); word < here; word++) {
        *word = STACK_MARK;
    }
}

uint32_t stack_bytes(void) {
    return (uint32_t)(kernel_stack_top - (char *)bottom());
}

uint32_t stack_used_bytes(void) {
    const uint32_t *word = bottom();

    while (word < (const uint32_t *)kernel_stack_top && *word == STACK_MARK) {
        word++;
    }
    return (uint32_t)(kernel_stack_top - (const char *)word);
}
