/* The order in which the kernel comes up, and the hooks that other parts implement. */
#pragma once

#include "boot/bootinfo.h"

/* From boot/entry.S, paging on, interrupts off, on the kernel's stack. */
void kernel_main(uint32_t magic, paddr_t info) __attribute__((noreturn));

/* What the loader gave, for ever; modules lie in the direct map. */
extern struct boot_info boot_info;

/* net/: find the NIC and start its receiver at once (the rest may come later). */
void net_start(void);

/* kernel/pump.c: make the core from boot_info and options_boot. Then the loop. */
void pump_start(const struct boot_info *info);
void pump_loop(void) __attribute__((noreturn));
