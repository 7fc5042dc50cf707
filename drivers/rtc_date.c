/* From the battery clock's registers to seconds since 1970. Pure; tested on the host.
 * Source: [MC146818] register B: bit 2 binary instead of BCD, bit 1 24 hours instead of 12. */
#include "drivers/rtc.h"

enum { B_24_HOURS = 0x02, B_BINARY = 0x04, HOUR_PM = 0x80 };

static uint32_t number(uint8_t value, uint8_t status_b) {
    return status_b & B_BINARY ? value : (uint32_t)(value >> 4) * 10 + (value & 0xF);
}

/* Days from 1970-01-01 to the given date of the Gregorian calendar: years begin in March, so
 * that the leap day is a year's last and months follow the 153-days-in-5 pattern. */
static uint32_t days_since_1970(uint32_t year, uint32_t month, uint32_t day) {
    uint32_t y = month > 2 ? year : year - 1;
    uint32_t m = month > 2 ? month - 3 : month + 9;
    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

uint64_t rtc_seconds(const struct rtc_registers *r) {
    uint32_t second = number(r->second, r->status_b), minute = number(r->minute, r->status_b);
    uint32_t hour = number(r->hour & 0x7F, r->status_b);
    uint32_t day = number(r->day, r->status_b), month = number(r->month, r->status_b);
    uint32_t year = number(r->year, r->status_b), century = number(r->century, r->status_b);
    if (!(r->status_b & B_24_HOURS)) {
        hour = hour % 12 + (r->hour & HOUR_PM ? 12 : 0);
    }
    if (century < 19 || century > 21) { /* no century register: this is not the 1900s */
        century = 20;
    }
    year += century * 100;
    if (second > 59 || minute > 59 || hour > 23 || day < 1 || day > 31 || month < 1 || month > 12 ||
        year < 1970 || year > 2199) {
        return 0;
    }
    return (uint64_t)days_since_1970(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
}
