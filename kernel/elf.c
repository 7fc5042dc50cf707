/* ELF files of programs; see elf.h. Every number of the file is compared with its size before it is
 * used. */
#include "kernel/elf.h"

#include <stddef.h>
#include <string.h>

/* [TIS ELF 1.2, book I] */
struct elf_header {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version, entry, phoff, shoff, flags;
    uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};
struct elf_program_header {
    uint32_t type, offset, vaddr, paddr, filesz, memsz, flags, align;
};
_Static_assert(sizeof(struct elf_header) == 52 && sizeof(struct elf_program_header) == 32, "ELF32");

enum {
    ELF_CLASS = 4,
    ELF_DATA = 5,
    ELF_CLASS_32 = 1,
    ELF_CLASS_64 = 2,
    ELF_LITTLE = 1,
    ELF_EXEC = 2,
    ELF_DYN = 3,
    ELF_MACHINE_386 = 3,
    ELF_PT_LOAD = 1,
    ELF_PT_DYNAMIC = 2,
    ELF_PT_INTERP = 3,
    ELF_X = 1,
    ELF_W = 2,
    ELF_R = 4,
    ELF_FIRST_ADDRESS = 0x110000, /* = USER_FIRST, mm/layout.h */
    ELF_PAGE = 4096,
};

static const char *check_header(const struct elf_header *h, uint32_t size) {
    if (memcmp(h->ident,
               "\x7f"
               "ELF",
               4) != 0) {
        return "not an ELF file (a script, or damaged?): build it with lisse-cc";
    }
    if (h->ident[ELF_CLASS] == ELF_CLASS_64) {
        return "a 64-bit program: this is an i386 machine; build it with lisse-cc";
    }
    if (h->ident[ELF_CLASS] != ELF_CLASS_32 || h->ident[ELF_DATA] != ELF_LITTLE ||
        h->machine != ELF_MACHINE_386) {
        return "a program for another processor than i386: build it with lisse-cc";
    }
    if (h->type == ELF_DYN) {
        return "a dynamic or position-independent program: link it with -static -no-pie (lisse-cc "
               "does)";
    }
    if (h->type != ELF_EXEC) {
        return "an object file or core dump, not a program: link it with lisse-cc";
    }
    if (h->phentsize != sizeof(struct elf_program_header) || h->phnum == 0) {
        return "a damaged program: no program headers; build or copy it again";
    }
    if (h->phoff > size ||
        (uint32_t)h->phnum * sizeof(struct elf_program_header) > size - h->phoff) {
        return "a truncated program: its program headers lie behind its end; copy it again";
    }
    return NULL;
}

static const char *check_segment(const struct elf_program_header *p, uint32_t size,
                                 uint32_t limit) {
    if (p->offset > size || p->filesz > size - p->offset) {
        return "a truncated program: a segment lies behind the end of the file; copy it again";
    }
    if (p->filesz > p->memsz) {
        return "a damaged program: a segment is longer in the file than in memory; build it again";
    }
    if (p->vaddr < ELF_FIRST_ADDRESS || p->vaddr >= limit || p->memsz > limit - p->vaddr) {
        return "a program whose segments are outside 0x110000 … 0xBF7FF000: link it at the usual "
               "address";
    }
    return NULL;
}

static uint32_t page_end(const struct elf_segment *s) {
    return (s->address + s->memory_bytes - 1) / ELF_PAGE + 1;
}

static const char *add_segment(struct elf_image *image, const struct elf_program_header *p) {
    if (image->count == ELF_SEGMENTS_MAX) {
        return "a program with more than 16 segments: link it with the usual linker script";
    }
    struct elf_segment *s = &image->segment[image->count];
    if (image->count > 0 && p->vaddr / ELF_PAGE < page_end(s - 1)) {
        return "a program whose segments overlap, share a page or are out of order";
    }
    *s = (struct elf_segment){p->vaddr,
                              p->filesz,
                              p->memsz,
                              p->offset,
                              (p->flags & ELF_R) != 0,
                              (p->flags & ELF_W) != 0,
                              (p->flags & ELF_X) != 0};
    image->count++;
    return NULL;
}

static const char *take_header(struct elf_image *image, const struct elf_header *h,
                               const struct elf_program_header *p, uint32_t size, uint32_t limit) {
    if (p->type == ELF_PT_INTERP || p->type == ELF_PT_DYNAMIC) {
        return "a dynamic program: link it with -static (lisse-cc does)";
    }
    if (p->type != ELF_PT_LOAD || p->memsz == 0) {
        return NULL;
    }
    const char *reason = check_segment(p, size, limit);
    if (reason == NULL && h->phoff >= p->offset && h->phoff - p->offset < p->filesz) {
        image->headers = p->vaddr + (h->phoff - p->offset);
    }
    return reason != NULL ? reason : add_segment(image, p);
}

static bool entry_is_inside(const struct elf_image *image) {
    for (uint32_t i = 0; i < image->count; i++) {
        const struct elf_segment *s = &image->segment[i];
        if (s->executable && image->entry - s->address < s->memory_bytes) {
            return true;
        }
    }
    return false;
}

const char *elf_parse(struct elf_image *image, const uint8_t *bytes, uint32_t size,
                      uint32_t limit) {
    struct elf_header h;

    memset(image, 0, sizeof(*image));
    if (size < sizeof(h)) {
        return "not a program: shorter than an ELF header; build it with lisse-cc";
    }
    memcpy(&h, bytes, sizeof(h));
    const char *reason = check_header(&h, size);
    for (uint32_t i = 0; i < h.phnum && reason == NULL; i++) {
        struct elf_program_header p;
        memcpy(&p, bytes + h.phoff + i * sizeof(p), sizeof(p));
        reason = take_header(image, &h, &p, size, limit);
    }
    if (reason != NULL) {
        return reason;
    }
    image->entry = h.entry;
    image->header_count = h.phnum;
    return entry_is_inside(image)
               ? NULL
               : "a damaged program: it begins outside its own code; build or copy it again";
}
