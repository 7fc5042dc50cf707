/* Two 8259As, remapped away from the CPU's exceptions. Sources: [8259A] ICW1-ICW4, OCW1-OCW3. */
#include "drivers/pic.h"

#include "kernel/cpu.h"

enum {
    MASTER = 0x20, /* command port; + 1: data */
    SLAVE = 0xA0,
    ICW1_INIT_ICW4 = 0x11,
    ICW4_8086 = 0x01,
    OCW2_END = 0x20, /* non-specific end of interrupt */
    OCW3_READ_ISR = 0x0B,
    CASCADE = 2, /* the slave hangs on line 2 */
};

static uint16_t masked; /* bit set: line is off */

static void masks_write(void) {
    cpu_out8(MASTER + 1, (uint8_t)masked);
    cpu_out8(SLAVE + 1, (uint8_t)(masked >> 8));
}

void pic_start(uint8_t first_vector) {
    cpu_out8(MASTER, ICW1_INIT_ICW4);
    cpu_out8(SLAVE, ICW1_INIT_ICW4);
    cpu_out8(MASTER + 1, first_vector);
    cpu_out8(SLAVE + 1, (uint8_t)(first_vector + 8));
    cpu_out8(MASTER + 1, 1 << CASCADE);
    cpu_out8(SLAVE + 1, CASCADE);
    cpu_out8(MASTER + 1, ICW4_8086);
    cpu_out8(SLAVE + 1, ICW4_8086);
    masked = 0xFFFF & ~(1 << CASCADE);
    masks_write();
}

void pic_mask(int line) {
    masked = (uint16_t)(masked | 1 << line);
    masks_write();
}

void pic_unmask(int line) {
    masked = (uint16_t)(masked & ~(1 << line));
    masks_write();
}

void pic_end(int line) {
    if (line >= 8) {
        cpu_out8(SLAVE, OCW2_END);
    }
    cpu_out8(MASTER, OCW2_END);
}

/* A request that went away before it was acknowledged comes as line 7 of that chip, with nothing in
 * service. The master does have the cascade in service when the slave's was spurious: end that. */
bool pic_is_spurious(int line) {
    if (line != 7 && line != 15) {
        return false;
    }
    uint16_t chip = line == 7 ? MASTER : SLAVE;
    cpu_out8(chip, OCW3_READ_ISR);
    if (cpu_in8(chip) & 0x80) {
        return false;
    }
    if (line == 15) {
        cpu_out8(MASTER, OCW2_END);
    }
    return true;
}
