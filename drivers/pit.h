/* The 8254 interval timer: channel 0 as a one-shot alarm (irq 0), channel 2 as a stop watch for
 * calibration. Source: [8254] Intel 8254 data sheet. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define PIT_HZ        1193182u /* 14.31818 MHz / 12 */
#define PIT_COUNT_MAX 65535u   /* 54.9 ms */
#define PIT_IRQ       0

/* irq 0 once after `count` ticks (1 … PIT_COUNT_MAX): mode 0. */
void pit_alarm(uint32_t count);

/* irq 0 every `count` ticks: mode 2; used only when there is no TSC. */
void pit_periodic(uint32_t count);

/* Channel 0's counter now (counts down). */
uint32_t pit_read(void);

/* Channel 2 counts down from 65535, without sound; stopwatch_read gives the ticks since, and
 * false when it has run out (more than 54.9 ms). */
void pit_stopwatch_start(void);
bool pit_stopwatch_read(uint32_t *ticks);
