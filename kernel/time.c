/* The clock. With a TSC: its rate is measured once against PIT channel 2, then microseconds are
 * one multiplication away. Without: PIT channel 0 runs round and round, and each look at it adds
 * what went by; the irq at every wrap makes sure that somebody looks. Never goes back in either
 * case. */
#include "kernel/time.h"

#include "drivers/pit.h"
#include "drivers/rtc.h"
#include "kernel/cpu.h"
#include "kernel/print.h"
#include "kernel/time_alarm.h"

enum {
    CALIBRATE_TICKS = 11932, /* 10 ms */
    CALIBRATE_TRIES = 3,
    SAMPLES = 5, /* looks at both clocks at once, of which the quickest counts */
};

static uint64_t rtc_at_boot_s;
static uint64_t tsc_hz, tsc_base;
/* 32 bits of fraction: 10^6 * 2^32 / tsc_hz, so the TSC must beat 1 MHz */
static uint32_t us_per_tick;

/* Without a TSC, in ticks of the 8254: up to the last wrap that interrupted, and the last
 * answer. */
static uint64_t pit_base, pit_last;

/* ---- calibration ----------------------------------------------------------------------------- */

struct sample {
    uint64_t tsc;
    uint32_t ticks;
    bool good;
};

/* Both clocks at the same moment, as nearly as the host lets us: the reading with the shortest
 * span. */
static struct sample sample_take(void) {
    struct sample best = {0, 0, true};
    uint64_t best_span = UINT64_MAX;
    for (uint32_t i = 0; i < SAMPLES; i++) {
        uint64_t before = cpu_tsc();
        uint32_t ticks;
        best.good = pit_stopwatch_read(&ticks) && best.good;
        uint64_t span = cpu_tsc() - before;
        if (span < best_span) {
            best_span = span;
            best.tsc = before + span / 2;
            best.ticks = ticks;
        }
    }
    return best;
}

/* TSC ticks per second, or 0 when the host stalled us for so long that the PIT ran out. */
static uint64_t calibrate_once(void) {
    pit_stopwatch_start();
    struct sample first = sample_take();
    uint32_t ticks = first.ticks;
    while (ticks - first.ticks < CALIBRATE_TICKS) {
        if (!pit_stopwatch_read(&ticks)) {
            return 0;
        }
    }
    struct sample last = sample_take();
    if (!last.good || last.ticks <= first.ticks) {
        return 0;
    }
    return (last.tsc - first.tsc) * PIT_HZ / (last.ticks - first.ticks);
}

static void calibrate(void) {
    for (uint32_t i = 0; i < CALIBRATE_TRIES && tsc_hz == 0; i++) {
        tsc_hz = calibrate_once();
    }
    if (tsc_hz <= 1000000) {
        print("time: the TSC does not give a sensible rate (%llu Hz); using the 8254 alone\n",
              (unsigned long long)tsc_hz);
        tsc_hz = 0;
        return;
    }
    us_per_tick = (uint32_t)((1000000ull << 32) / tsc_hz);
    tsc_base = cpu_tsc();
}

/* ---- reading --------------------------------------------------------------------------------- */

void time_pit_wrapped(void) {
    pit_base += TIME_PIT_WRAP;
}

/* The counter may have wrapped while its interrupt waits: then the time seems to go back. */
static uint64_t pit_time_us(void) {
    uint64_t ticks = pit_base + TIME_PIT_WRAP - pit_read();
    ticks += ticks < pit_last ? TIME_PIT_WRAP : 0;
    pit_last = ticks > pit_last ? ticks : pit_last;
    return pit_last / PIT_HZ * 1000000u + pit_last % PIT_HZ * 1000000u / PIT_HZ;
}

uint64_t time_us(void) {
    if (tsc_hz == 0) {
        return pit_time_us();
    }
    uint64_t ticks = cpu_tsc() - tsc_base;
    uint64_t high = (ticks >> 32) * us_per_tick;
    return high + ((ticks & 0xFFFFFFFFu) * us_per_tick >> 32);
}

uint64_t time_boot_rtc_s(void) {
    return rtc_at_boot_s;
}

uint64_t time_tsc_hz(void) {
    return tsc_hz;
}

void time_start(void) {
    rtc_at_boot_s = rtc_read_s();
    if (cpu_features.tsc) {
        calibrate();
    }
    if (tsc_hz == 0) {
        pit_periodic(TIME_PIT_WRAP);
    }
    time_alarm_start();
}

void time_delay_us(uint32_t us) {
    uint64_t end = time_us() + us;
    while (time_us() < end) {
    }
}

/* The low bits of how long a slow port read takes are different each time; 64 of them, stirred. */
uint64_t time_jitter(void) {
    uint64_t bits = rtc_at_boot_s ^ time_us() << 32;
    for (uint32_t i = 0; i < 64; i++) {
        uint32_t ticks = pit_read();
        bits ^= ticks + (cpu_features.tsc ? cpu_tsc() : 0);
        bits = (bits << 7 | bits >> 57) * 0x9E3779B97F4A7C15ull; /* odd: loses nothing */
    }
    return bits ^ bits >> 29;
}
