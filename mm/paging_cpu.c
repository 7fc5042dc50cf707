/* The two privileged instructions of paging, apart so that the host's tests can count them instead.
 * Source: [IA32-3A 4.10.4.1]. */
#include "mm/paging_bits.h"

void paging_flush(uint32_t address) {
    __asm__ volatile("invlpg (%0)" : : "r"(address) : "memory");
}

void paging_load(paddr_t directory) {
    __asm__ volatile("movl %0, %%cr3" : : "r"(directory) : "memory");
}
