/* The alarm: one deadline for the whole node, on PIT channel 0, and the 10 ms tick under ring 3.
 * A shot that is already under way and comes early enough is left alone, so that the usual way
 * out of the kernel writes no port. An early shot does no harm: whoever wakes looks at the
 * clock. */
#include "drivers/pit.h"
#include "kernel/cpu.h"
#include "kernel/irq.h"
#include "kernel/time.h"
#include "kernel/time_alarm.h"

static uint64_t deadline_us = TIME_NEVER;
static uint64_t shot_us = TIME_NEVER; /* when channel 0 fires next; TIME_NEVER: not running */

enum {
    SHOT_MAX_US = 54000,
    SHOT_SLACK_US = 50, /* a shot so little later than wanted is not worth three port writes */
};

static void shot_set(uint64_t at_us, uint64_t now_us) {
    uint64_t wait_us = at_us > now_us ? at_us - now_us : 0;
    if (wait_us > SHOT_MAX_US) {
        wait_us = SHOT_MAX_US;
    }
    uint32_t count = (uint32_t)wait_us * 1193u / 1000u + 2; /* PIT_HZ, never early by rounding */
    pit_alarm(count < PIT_COUNT_MAX ? count : PIT_COUNT_MAX);
    shot_us = now_us + wait_us;
}

/* Make sure that a shot comes by at_us (or as near as 54 ms allow). */
static void shot_want(uint64_t at_us) {
    if (time_tsc_hz() == 0) { /* the clock itself interrupts every 4 ms */
        return;
    }
    if (shot_us != TIME_NEVER && shot_us <= at_us + SHOT_SLACK_US) {
        return;
    }
    shot_set(at_us, time_us());
}

void time_arm(uint64_t at_us) {
    deadline_us = at_us;
    if (at_us != TIME_NEVER) {
        shot_want(at_us);
    }
}

void time_arm_tick(void) {
    uint64_t tick = time_us() + TIME_TICK_US;
    shot_want(tick < deadline_us ? tick : deadline_us);
}

/* May run for a shot that was replaced meanwhile (the 8259 had latched it): then the newer one
 * is still under way, and setting it again costs nothing but the ports. */
static void on_shot(void) {
    if (time_tsc_hz() == 0) {
        time_pit_wrapped();
        return;
    }
    uint64_t now = time_us();
    shot_us = TIME_NEVER;
    if (deadline_us != TIME_NEVER && deadline_us > now) {
        shot_set(deadline_us, now);
    }
}

void time_alarm_start(void) {
    irq_register(PIT_IRQ, on_shot);
    irq_enable(PIT_IRQ);
}
