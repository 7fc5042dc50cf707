/* Reset and power. Without ACPI tables only the two chip sets that virtual PCs have are switched
 * off by hand; elsewhere the caller says that the button is the person's. Sources: [PIIX4 7.2.3,
 * 7.1.40] and [ICH9 13.1.12, 13.8.3] PMBASE and PM1_CNT; [8042] command 0xFE; [ICH9 13.7.5]
 * reset control. */
#include "kernel/power.h"

#include <stddef.h>
#include <stdint.h>

#include "drivers/pci.h"
#include "kernel/cpu.h"

enum {
    KEYBOARD_COMMAND = 0x64,
    KEYBOARD_BUSY = 2,
    KEYBOARD_RESET = 0xFE,
    RESET_CONTROL = 0xCF9,
    RESET_HARD = 0x02,
    RESET_GO = 0x06,
    DELAY_PORT = 0x80,
    POLLS = 10000, /* about 1 us each */
    PM_BASE = 0x40,
    PM_BASE_MASK = 0xFFC0,
    PM1_CONTROL = 4,
    PM1_SLEEP = 1 << 13,
    PM1_TYPE_SHIFT = 10,
    TYPE_OFF_PIIX4 = 0, /* also what QEMU's ICH9 takes */
    TYPE_OFF_ICH9 = 7,
};

static void delay(void) {
    for (uint32_t i = 0; i < POLLS; i++) {
        cpu_in8(DELAY_PORT);
    }
}

void power_reset(void) {
    for (uint32_t i = 0; i < POLLS && cpu_in8(KEYBOARD_COMMAND) & KEYBOARD_BUSY; i++) {
    }
    cpu_out8(KEYBOARD_COMMAND, KEYBOARD_RESET);
    delay();
    cpu_out8(RESET_CONTROL, RESET_HARD);
    cpu_out8(RESET_CONTROL, RESET_GO);
    delay();
    struct {
        uint16_t limit;
        uint32_t base;
    } __attribute__((packed)) nothing = {0, 0};
    __asm__ volatile("lidt %0\n\tint3" : : "m"(nothing)); /* no table: triple fault */
    cpu_stop();
}

static void sleep_write(const struct pci_device *d, uint32_t type) {
    uint32_t base = pci_read(d, PM_BASE) & PM_BASE_MASK;
    if (base != 0) {
        cpu_out16((uint16_t)(base + PM1_CONTROL), (uint16_t)(PM1_SLEEP | type << PM1_TYPE_SHIFT));
        delay();
    }
}

void power_off(void) {
    const struct pci_device *piix4 = pci_find(0x8086, 0x7113, NULL);
    const struct pci_device *ich9 = pci_find(0x8086, 0x2918, NULL);
    if (piix4 != NULL) {
        sleep_write(piix4, TYPE_OFF_PIIX4);
    }
    if (ich9 != NULL) {
        sleep_write(ich9, TYPE_OFF_ICH9);
        sleep_write(ich9, TYPE_OFF_PIIX4);
    }
}
