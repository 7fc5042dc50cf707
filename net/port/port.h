/* What lwIP needs from its platform, in net/port/port.c: a clock in milliseconds, bits that look
 * random, the end of an assertion. Included by lwIP itself through arch/cc.h: none of its types. */
#pragma once

#include <stdint.h>

/* lwIP's clock stands still between these calls: it only serves timers of seconds. */
void port_set_now(uint64_t now_us);

/* Seeds port_random(); any value. For identifiers, never for keys. */
void port_seed(uint64_t seed);
uint32_t port_random(void);

void port_assert_failed(const char *what, const char *file, int line) __attribute__((noreturn));
int port_atoi(const char *text);
