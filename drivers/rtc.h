/* The battery clock: date and time at boot. Source: [MC146818] registers 0x00-0x0D; century at
 * 0x32. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Seconds since 1970, taking the clock as UTC; 0 when it gives no sensible date. < 3 ms. */
uint64_t rtc_read_s(void);

/* The same from raw register values, for tests: seconds, minutes, hours, day, month, year, century,
 * register B. */
struct rtc_registers {
    uint8_t second, minute, hour, day, month, year, century, status_b;
};
uint64_t rtc_seconds(const struct rtc_registers *r);
