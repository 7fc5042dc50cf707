/* What the boot loader told us, in one struct, whichever loader it was. Filled once at boot by
 * one of the two parsers, read by everybody afterwards. The parsers are pure: they see physical
 * memory as bytes 0 … size-1 and never follow a pointer out of it, so that tests feed them
 * truncated and hostile tables on the host. Sources: [MB1] Multiboot 0.6.96 section 3.3, [MB2]
 * Multiboot2 2.0 section 3.6. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "mm/layout.h"

enum {
    BOOT_OPTIONS_BYTES = 1024, /* command line with its final zero; longer is cut and said */
    BOOT_REGIONS_MAX = 64,     /* PC firmware gives 5 … 30 */
    BOOT_MODULES_MAX = 64,     /* programs and files that came with the boot */
    BOOT_NAME_BYTES = 64,
    BOOT_ARGS_BYTES = 256,
    BOOT_LOADER_BYTES = 48,
};

enum boot_region_type {
    BOOT_REGION_RAM = 1,      /* [MB1 3.3] [MB2 3.6.8] usable; every other number is not for us */
    BOOT_REGION_RESERVED = 2, /* also what an unknown type becomes */
};

struct boot_region {
    uint64_t base, length; /* bytes; base + length does not wrap */
    uint32_t type;         /* enum boot_region_type */
};

struct boot_module {
    paddr_t start, end;         /* bytes start … end-1; end >= start */
    char name[BOOT_NAME_BYTES]; /* last path component of the first word of its string */
    char args[BOOT_ARGS_BYTES]; /* the rest of its string */
};

enum boot_loader_kind { BOOT_LOADER_NONE, BOOT_LOADER_MB1, BOOT_LOADER_MB2 };

struct boot_info {
    uint8_t loader_kind;                        /* enum boot_loader_kind */
    bool text_screen;                           /* VGA text mode 80 x 25 is (as far as known) on */
    bool options_cut, modules_cut, regions_cut; /* something did not fit and was left out */
    uint32_t regions_count, modules_count;
    char options[BOOT_OPTIONS_BYTES]; /* without the kernel's path */
    char loader[BOOT_LOADER_BYTES];   /* its name, or empty */
    struct boot_region regions[BOOT_REGIONS_MAX];
    struct boot_module modules[BOOT_MODULES_MAX];
};

/* Magic numbers that the loader leaves in EAX [MB1 3.2] [MB2 3.3]. */
#define BOOT_MAGIC_MB1 0x2BADB002u
#define BOOT_MAGIC_MB2 0x36D76289u

/* Read the loader's tables.
 *   in    base: bytes of physical memory 0 … size-1; at: physical address of the information struct
 *   out   *info completely written, whatever the result
 *   fails -1 when the tables are unreadable (outside base, no memory map); single bad entries are
 *         left out and the rest is used */
int boot_info_parse_mb1(struct boot_info *info, const uint8_t *base, uint32_t size, paddr_t at);
int boot_info_parse_mb2(struct boot_info *info, const uint8_t *base, uint32_t size, paddr_t at);

/* Leave only the first `bytes` of physical memory in the map (option mem=). */
void boot_info_limit(struct boot_info *info, uint64_t bytes);

/* Bytes of RAM below 4 GB in the map. */
uint64_t boot_info_ram_bytes(const struct boot_info *info);

/* The module of that name, or NULL. */
const struct boot_module *boot_info_module(const struct boot_info *info, const char *name);
