/* Physical address <-> pointer, in the direct map. Apart from frame.c so that the host's tests
 * can put a piece of their own memory in its place. */
#include "kernel/panic.h"
#include "mm/frame.h"

void *frame_pointer(paddr_t frame) {
    PANIC_UNLESS(frame < DIRECT_MAP_BYTES);
    return (void *)(KERNEL_BASE + frame);
}

paddr_t kernel_paddr(const void *bytes) {
    uint32_t address = (uint32_t)bytes;
    PANIC_UNLESS(address >= KERNEL_BASE && address < KERNEL_BASE + DIRECT_MAP_BYTES);
    return address - KERNEL_BASE;
}

/* End of the kernel's image, boot/kernel.ld. */
extern char kernel_end[];

paddr_t kernel_image_end(void) {
    return kernel_paddr(kernel_end);
}
