/* 8254 channels 0 and 2. Sources: [8254] control word, modes 0 and 2; the gate and output of
 * channel 2 are in port 0x61 [PC/AT]. */
#include "drivers/pit.h"

#include "kernel/cpu.h"

enum {
    CHANNEL_0 = 0x40,
    CHANNEL_2 = 0x42,
    CONTROL = 0x43,
    LATCH_0 = 0x00,
    LATCH_2 = 0x80,
    CH0_ONE_SHOT = 0x30, /* channel 0, low then high byte, mode 0: irq at zero */
    CH0_PERIODIC = 0x34, /* mode 2: rate generator */
    CH2_ONE_SHOT = 0xB0, /* channel 2, mode 0: output rises at zero */
    PORT_B = 0x61,
    PORT_B_GATE_2 = 0x01,
    PORT_B_SPEAKER = 0x02,
    PORT_B_OUT_2 = 0x20,
};

static void count_write(uint16_t channel, uint32_t count) {
    cpu_out8(channel, (uint8_t)count);
    cpu_out8(channel, (uint8_t)(count >> 8));
}

static uint32_t count_read(uint16_t channel, uint8_t latch) {
    cpu_out8(CONTROL, latch);
    uint32_t low = cpu_in8(channel);
    return low | (uint32_t)cpu_in8(channel) << 8;
}

void pit_alarm(uint32_t count) {
    cpu_out8(CONTROL, CH0_ONE_SHOT);
    count_write(CHANNEL_0, count);
}

void pit_periodic(uint32_t count) {
    cpu_out8(CONTROL, CH0_PERIODIC);
    count_write(CHANNEL_0, count);
}

uint32_t pit_read(void) {
    return count_read(CHANNEL_0, LATCH_0);
}

void pit_stopwatch_start(void) {
    uint8_t port = (uint8_t)(cpu_in8(PORT_B) & ~(PORT_B_GATE_2 | PORT_B_SPEAKER));
    cpu_out8(PORT_B, port);
    cpu_out8(CONTROL, CH2_ONE_SHOT);
    count_write(CHANNEL_2, PIT_COUNT_MAX);
    cpu_out8(PORT_B, (uint8_t)(port | PORT_B_GATE_2));
}

bool pit_stopwatch_read(uint32_t *ticks) {
    *ticks = PIT_COUNT_MAX - count_read(CHANNEL_2, LATCH_2);
    return (cpu_in8(PORT_B) & PORT_B_OUT_2) == 0;
}
