/* Interrupt lines of the two 8259s. A handler acknowledges its device and records; work happens
 * in the pump. Handlers run with interrupts off, on the kernel stack. */
#pragma once

#include <stdint.h>

enum {
    IRQ_LINES = 16,
    IRQ_HANDLERS_MAX = 4, /* devices that share one PCI line */
};

/* Lines masked, vectors 0x20 … 0x2F. Once, before the first irq_enable(). */
void irq_start(void);

/* handler runs at every interrupt on that line (all handlers of a shared line run). Boot time only;
 * panics when the line has IRQ_HANDLERS_MAX already or irq >= IRQ_LINES. */
void irq_register(int irq, void (*handler)(void));
void irq_enable(int irq);
void irq_disable(int irq);

/* Lines that interrupted since the last call, one bit each; cleared by the call. */
uint32_t irq_take_pending(void);

uint32_t irq_count(int irq);       /* interrupts on that line since boot */
uint32_t irq_spurious_count(void); /* edges that were gone when we looked [8259A] */

/* From the trap entry only. */
void irq_dispatch(int irq);
