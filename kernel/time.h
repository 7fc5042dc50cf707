/* The node's clock and its one alarm. time_us() counts from boot and never goes back: TSC
 * calibrated against the PIT, or the PIT alone when there is no TSC. The alarm is PIT channel 0,
 * one shot at a time. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define TIME_NEVER   UINT64_MAX
#define TIME_TICK_US 10000u /* scheduler tick, only while ring 3 runs */

/* Calibrate (10 ms; up to 3 tries when the host stalls us), read the RTC, register irq 0. */
void time_start(void);

uint64_t time_us(void);

/* Wake me: at deadline_us (of time_us()) cpu_halt() returns, or ring 3 is interrupted. Replaces the
 * deadline set before; TIME_NEVER: none. It may come early (an alarm is at most 54 ms long), never
 * late by more than an interrupt. Cheap when nothing changes. */
void time_arm(uint64_t deadline_us);

/* Before ring 3: an interrupt will come within TIME_TICK_US. user_enter() calls it. */
void time_arm_tick(void);

/* Seconds since 1970 (UTC, as the battery clock says) at the moment of boot; 0 when unreadable. */
uint64_t time_boot_rtc_s(void);

/* TSC ticks per second; 0 when there is no TSC. */
uint64_t time_tsc_hz(void);

/* Bits that differ between boots and machines: RTC, TSC, jitter of PIT against TSC. For nonces; not
 * for keys. Takes < 1 ms. */
uint64_t time_jitter(void);

/* Busy wait, for device resets at boot only. */
void time_delay_us(uint32_t us);
