/* lwIP's platform: clock, randomness, assertions. Runs in the one loop. Sources: lwIP 2.1.3,
 * doc/sys_arch.txt. */
#include "net/port/port.h"

#include "adapt/base.h"
#include "kernel/panic.h"
#include "lwip/sys.h"

static uint32_t now_ms;
static uint64_t random_state = 0x9E3779B97F4A7C15ull; /* any but 0; net_seed() replaces it */

void port_set_now(uint64_t now_us) {
    now_ms = (uint32_t)(now_us / 1000);
}

u32_t sys_now(void) {
    return now_ms;
}

void port_seed(uint64_t seed) {
    random_state = mix64(seed) | 1;
}

uint32_t port_random(void) {
    return random_next(&random_state);
}

void port_assert_failed(const char *what, const char *file, int line) {
    panic("lwIP: %s (%s:%d): a bug in how we use it or in it; `net` shows the counters", what, file,
          line);
}

int port_atoi(const char *text) {
    int value = 0;
    while (*text >= '0' && *text <= '9' && value < 1000) {
        value = value * 10 + (*text++ - '0');
    }
    return value;
}
