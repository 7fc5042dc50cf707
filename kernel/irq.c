/* Interrupt lines: who listens, what is pending, how often. A level-triggered PCI line stays up
 * until its device is acknowledged, so handlers run before the end-of-interrupt, and all of a
 * line's handlers run. */
#include "kernel/irq.h"

#include <stddef.h>

#include "drivers/pic.h"
#include "kernel/panic.h"
#include "kernel/trap.h"

static struct {
    void (*handlers[IRQ_HANDLERS_MAX])(void);
    uint32_t count;
} lines[IRQ_LINES];
static uint32_t pending, spurious;

void irq_start(void) {
    pic_start(TRAP_IRQ);
}

void irq_register(int irq, void (*handler)(void)) {
    if (irq < 0 || irq >= IRQ_LINES) {
        panic_machine("interrupt line %d does not exist (0 ... %d): the firmware has not routed "
                      "that device; try another slot or BIOS setting",
                      irq, IRQ_LINES - 1);
    }
    uint32_t i = 0;
    while (i < IRQ_HANDLERS_MAX && lines[irq].handlers[i] != NULL) {
        i++;
    }
    if (i == IRQ_HANDLERS_MAX) {
        panic_machine("more than %d drivers share interrupt line %d; move a card to another slot",
                      IRQ_HANDLERS_MAX, irq);
    }
    lines[irq].handlers[i] = handler;
}

void irq_enable(int irq) {
    pic_unmask(irq);
}

void irq_disable(int irq) {
    pic_mask(irq);
}

uint32_t irq_take_pending(void) {
    uint32_t taken = pending;
    pending = 0;
    return taken;
}

uint32_t irq_count(int irq) {
    return lines[irq].count;
}

uint32_t irq_spurious_count(void) {
    return spurious;
}

void irq_dispatch(int irq) {
    if (pic_is_spurious(irq)) {
        spurious++;
        return;
    }
    lines[irq].count++;
    pending |= 1u << irq;
    for (uint32_t i = 0; i < IRQ_HANDLERS_MAX && lines[irq].handlers[i] != NULL; i++) {
        lines[irq].handlers[i]();
    }
    pic_end(irq);
}
