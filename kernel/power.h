/* The end of a session on purpose: reset or switch off. */
#pragma once

/* Keyboard controller, then the chip set's reset port, then a triple fault. */
void power_reset(void) __attribute__((noreturn));

/* Switch off where we know how (chip sets of QEMU, Bochs and PCs like them); returns if it had no
 * effect. After pci_start(). */
void power_off(void);
