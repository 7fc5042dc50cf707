/* Between time.c and time_alarm.c only. */
#pragma once

enum {
    /* Without a TSC channel 0 wraps every 4 ms: an alarm is then late by up to that, and the
     * kernel must not stay longer than that without a look at the clock. */
    TIME_PIT_WRAP = 4773,
};

void time_alarm_start(void);

/* Channel 0 has wrapped and interrupted; only without a TSC. */
void time_pit_wrapped(void);
