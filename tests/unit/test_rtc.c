/* The battery clock's registers against the C library's calendar. */
/* sources: drivers/rtc_date.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <time.h>

#include "drivers/rtc.h"

static uint8_t bcd(int n) {
    return (uint8_t)(n / 10 << 4 | n % 10);
}

static struct rtc_registers registers_of(time_t t) {
    struct tm d;
    gmtime_r(&t, &d);
    return (struct rtc_registers){
        bcd(d.tm_sec),
        bcd(d.tm_min),
        bcd(d.tm_hour),
        bcd(d.tm_mday),
        bcd(d.tm_mon + 1),
        bcd(d.tm_year % 100),
        bcd((d.tm_year + 1900) / 100),
        0x02,
    };
}

static void every_day(void **state) {
    for (time_t t = 12345; t < 4102444800 /* 2100 */; t += 86400 + 61) {
        struct rtc_registers r = registers_of(t);
        assert_true(rtc_seconds(&r) == (uint64_t)t);
    }
}

static void formats(void **state) {
    struct rtc_registers r = {0x59, 0x30, 0x12, 0x22, 0x11, 0x26, 0x20, 0x00};
    uint64_t midnight = 1795305600;                          /* 2026-11-22 */
    assert_true(rtc_seconds(&r) == midnight + 30 * 60 + 59); /* 12 h: 12:30 am */
    r.hour |= 0x80;
    assert_true(rtc_seconds(&r) == midnight + 12 * 3600 + 30 * 60 + 59);
    r = (struct rtc_registers){59, 30, 23, 22, 11, 26, 20, 0x06}; /* binary, 24 h */
    assert_true(rtc_seconds(&r) == midnight + 23 * 3600 + 30 * 60 + 59);
    r.century = 0xFF; /* no such register */
    assert_true(rtc_seconds(&r) == midnight + 23 * 3600 + 30 * 60 + 59);
}

static void nonsense(void **state) {
    struct rtc_registers r = {0, 0, 0, 0, 0, 0, 0, 2};
    assert_true(rtc_seconds(&r) == 0);
    r = (struct rtc_registers){0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    assert_true(rtc_seconds(&r) == 0);
    r = (struct rtc_registers){0x00, 0x00, 0x00, 0x32, 0x01, 0x26, 0x20, 0x02};
    assert_true(rtc_seconds(&r) == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_day),
        cmocka_unit_test(formats),
        cmocka_unit_test(nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
