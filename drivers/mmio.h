/* Access to device registers in memory: the one seam below the drivers. The kernel links mmio.c, a
 * unit test links a model of the device instead (tests/unit/fake_mmio.c). */
#pragma once

#include <stdint.h>

/* 32-bit registers at `offset` bytes behind what mmio_map() gave. Accesses happen once, whole and
 * in program order; stores to memory before a write are visible to the device before it. */
uint32_t mmio_read(const void *registers, uint32_t offset);
void mmio_write(void *registers, uint32_t offset, uint32_t value);
