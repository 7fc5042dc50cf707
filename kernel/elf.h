/* ELF files of programs: static ELF32 i386 executables [ELF 1, TIS ELF 1.2]. Pure, total: any bytes
 * may come. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { ELF_SEGMENTS_MAX = 16 };

struct elf_segment {
    uint32_t address;          /* virtual, of its first byte */
    uint32_t file_bytes, memory_bytes;
    uint32_t offset;           /* of its bytes in the file */
    bool readable, writable, executable;
};

struct elf_image {
    uint32_t entry;
    /* virtual address of the program headers, 0: not in a segment (AT_PHDR) */
    uint32_t headers;
    uint32_t header_count;
    /* PT_LOAD segments, in ascending order of address, not overlapping pages */
    uint32_t count;
    struct elf_segment segment[ELF_SEGMENTS_MAX];
};

/* NULL, or what is wrong with the file and what to do about it. limit: first address that no
 * program may use. */
const char *elf_parse(struct elf_image *image, const uint8_t *bytes, uint32_t size, uint32_t limit);
