/* Words of a command line; see arguments.h. */
#include "kernel/console/arguments.h"

#include <stddef.h>
#include <string.h>

/* Linux i386 [signal(7)], 1 … 31. */
static const char *const signal_names[] = {
    "?",    "HUP",  "INT",  "QUIT", "ILL",    "TRAP",   "ABRT",  "BUS",  "FPE",  "KILL", "USR1",
    "SEGV", "USR2", "PIPE", "ALRM", "TERM",   "STKFLT", "CHLD",  "CONT", "STOP", "TSTP", "TTIN",
    "TTOU", "URG",  "XCPU", "XFSZ", "VTALRM", "PROF",   "WINCH", "IO",   "PWR",  "SYS",
};
enum { SIGNAL_NAMES = sizeof(signal_names) / sizeof(signal_names[0]), SIGNALS = 64 };

static uint32_t digit_of(char c) {
    if (c >= '0' && c <= '9') {
        return (uint32_t)(c - '0');
    }
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? (uint32_t)(lower - 'a') + 10 : 16;
}

bool argument_number(const char *text, uint64_t *number) {
    uint32_t base = text[0] == '0' && (text[1] | 0x20) == 'x' ? 16 : 10;
    const char *at = base == 16 ? text + 2 : text;

    *number = 0;
    if (*at == '\0') {
        return false;
    }
    for (; *at != '\0'; at++) {
        uint32_t digit = digit_of(*at);
        if (digit >= base || *number > (UINT64_MAX - digit) / base) {
            return false;
        }
        *number = *number * base + digit;
    }
    return true;
}

bool argument_small(const char *text, uint32_t most, uint32_t *number) {
    uint64_t value;

    if (!argument_number(text, &value) || value > most) {
        return false;
    }
    *number = (uint32_t)value;
    return true;
}

bool argument_signal(const char *text, uint32_t *signal) {
    const char *name = strncmp(text, "SIG", 3) == 0 ? text + 3 : text;

    if (argument_small(text, SIGNALS, signal)) {
        return *signal > 0;
    }
    for (uint32_t i = 1; i < SIGNAL_NAMES; i++) {
        if (strcmp(name, signal_names[i]) == 0) {
            *signal = i;
            return true;
        }
    }
    return false;
}
