/* The battery clock. Read twice until both agree, because an update may fall in between;
 * bounded, so a missing or mad clock costs 3 ms. Sources: [MC146818] registers A (update in
 * progress), B (formats). */
#include "drivers/rtc.h"

#include <string.h>

#include "kernel/cpu.h"

enum {
    INDEX_PORT = 0x70,
    DATA_PORT = 0x71,
    REGISTER_A = 0x0A,
    A_UPDATING = 0x80,
    REGISTER_B = 0x0B,
    REGISTER_CENTURY = 0x32, /* where PC firmware keeps it */
    TRIES_MAX = 4,
    UPDATE_POLLS_MAX = 1000, /* about 2 us each; an update takes 2 ms */
};

static uint8_t register_read(uint8_t number) {
    cpu_out8(INDEX_PORT, number);
    return cpu_in8(DATA_PORT);
}

static void registers_read(struct rtc_registers *r) {
    for (uint32_t i = 0; i < UPDATE_POLLS_MAX && register_read(REGISTER_A) & A_UPDATING; i++) {
    }
    r->second = register_read(0x00);
    r->minute = register_read(0x02);
    r->hour = register_read(0x04);
    r->day = register_read(0x07);
    r->month = register_read(0x08);
    r->year = register_read(0x09);
    r->century = register_read(REGISTER_CENTURY);
    r->status_b = register_read(REGISTER_B);
}

uint64_t rtc_read_s(void) {
    struct rtc_registers now, before;
    registers_read(&now);
    for (uint32_t i = 0; i < TRIES_MAX; i++) {
        before = now;
        registers_read(&now);
        if (memcmp(&before, &now, sizeof now) == 0) {
            return rtc_seconds(&now);
        }
    }
    return 0;
}
