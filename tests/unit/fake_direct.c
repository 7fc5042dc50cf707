/* mm/direct.c for the host: 768 MB of the test's address space, touched only where it is used. */
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "kernel/panic.h"
#include "mm/frame.h"
#include "mm/frame_ranges.h"

static uint8_t *memory;

static uint8_t *memory_get(void) {
    if (memory == NULL) {
        memory = mmap(NULL, DIRECT_MAP_BYTES, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    }
    if (memory == MAP_FAILED) {
        abort();
    }
    return memory;
}

void *frame_pointer(paddr_t frame) {
    PANIC_UNLESS(frame < DIRECT_MAP_BYTES);
    return memory_get() + frame;
}

paddr_t kernel_paddr(const void *bytes) {
    return (paddr_t)((const uint8_t *)bytes - memory_get());
}

paddr_t kernel_image_end(void) {
    return 0x180123;
}
