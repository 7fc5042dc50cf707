/* Device registers, for real. Uncached memory (mm/paging.h) and x86's order of stores do the work;
 * the compiler is held by the barrier. Any level may call it. Sources: [IA32-3A 8.2]. */
#include "drivers/mmio.h"

#include "kernel/cpu.h"

uint32_t mmio_read(const void *registers, uint32_t offset) {
    uint32_t value = *(const volatile uint32_t *)((const uint8_t *)registers + offset);
    cpu_barrier();
    return value;
}

void mmio_write(void *registers, uint32_t offset, uint32_t value) {
    cpu_barrier();
    *(volatile uint32_t *)((uint8_t *)registers + offset) = value;
}
