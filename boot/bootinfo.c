/* Multiboot tables -> struct boot_info. Physical memory is an array of bytes here; every read
 * goes through bytes_at(), which knows its end, so a hostile table can at worst be left out.
 * Little-endian reads byte by byte: tables are not aligned. Sources: [MB1 3.3], [MB2 3.4] … [MB2
 * 3.6]. */
#include "boot/bootinfo.h"

#include <stddef.h>
#include <string.h>

struct memory {
    const uint8_t *base;
    uint32_t size;
};

/* [MB1 3.3] offsets in the information struct, and bits of its flags. */
enum {
    MB1_BYTES_MIN = 52, /* up to and with the memory map */
    MB1_FLAGS = 0,
    MB1_FLAG_MEMORY = 1 << 0,
    MB1_FLAG_OPTIONS = 1 << 2,
    MB1_FLAG_MODULES = 1 << 3,
    MB1_FLAG_MAP = 1 << 6,
    MB1_FLAG_LOADER = 1 << 9,
    MB1_FLAG_FRAMEBUFFER = 1 << 12,
    MB1_MEM_UPPER = 8,
    MB1_OPTIONS = 16,
    MB1_MODULES_COUNT = 20,
    MB1_MODULES = 24,
    MB1_MODULE_BYTES = 16,
    MB1_MAP_BYTES = 44,
    MB1_MAP = 48,
    MB1_LOADER = 64,
    MB1_FRAMEBUFFER_TYPE = 109,
};

/* [MB2 3.6] tag types. */
enum {
    MB2_END = 0,
    MB2_OPTIONS = 1,
    MB2_LOADER = 2,
    MB2_MODULE = 3,
    MB2_MAP = 6,
    MB2_FRAMEBUFFER = 8,
    MB2_MAP_ENTRY_MIN = 24,
    MB2_FRAMEBUFFER_TYPE = 29,
};

enum { FRAMEBUFFER_EGA_TEXT = 2 }; /* [MB1 3.3] [MB2 3.6.12] */

#define ADDRESS_END (1ull << 52) /* [IA32-3A 4.1.4] no processor has more physical address bits */

static const uint8_t *bytes_at(const struct memory *m, uint64_t at, uint64_t count) {
    return at <= m->size && count <= m->size - at ? m->base + at : NULL;
}

static uint32_t u32_of(const uint8_t *b) {
    return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static uint64_t u64_of(const uint8_t *b) {
    return u32_of(b) | (uint64_t)u32_of(b + 4) << 32;
}

/* ---- pieces that both formats have ----------------------------------------------------------- */

/* At most `max` bytes of a string; true when all of it fitted into text. */
static bool string_copy(char *text, uint32_t text_bytes, const uint8_t *from, uint32_t max) {
    uint32_t n = 0;
    while (n + 1 < text_bytes && n < max && from[n] != '\0') {
        text[n] = (char)from[n];
        n++;
    }
    text[n] = '\0';
    return n == max || from[n] == '\0';
}

static bool string_copy_at(char *text, uint32_t text_bytes, const struct memory *m, uint64_t at) {
    uint32_t max = at < m->size ? m->size - (uint32_t)at : 0;
    return string_copy(text, text_bytes, m->base + (max > 0 ? at : 0), max);
}

static void region_add(struct boot_info *info, uint64_t base, uint64_t length, uint32_t type) {
    if (length == 0 || base >= ADDRESS_END) {
        return;
    }
    if (info->regions_count == BOOT_REGIONS_MAX) {
        info->regions_cut = true;
        return;
    }
    length = length < ADDRESS_END - base ? length : ADDRESS_END - base;
    type = type == BOOT_REGION_RAM ? BOOT_REGION_RAM : BOOT_REGION_RESERVED;
    info->regions[info->regions_count++] = (struct boot_region){base, length, type};
}

/* "path/name args" -> name, args. A nameless one is called module<N>. */
static void module_name(struct boot_module *m, const char *string, uint32_t number) {
    uint32_t start = 0, end = 0;
    for (; string[end] != '\0' && string[end] != ' '; end++) {
        start = string[end] == '/' ? end + 1 : start;
    }
    uint32_t length = end - start < BOOT_NAME_BYTES ? end - start : BOOT_NAME_BYTES - 1;
    memcpy(m->name, string + start, length);
    m->name[length] = '\0';
    while (string[end] == ' ') {
        end++;
    }
    string_copy(m->args, BOOT_ARGS_BYTES, (const uint8_t *)string + end, UINT32_MAX);
    if (length == 0) {
        memcpy(m->name, "module00", 9);
        m->name[6] = (char)('0' + number / 10 % 10);
        m->name[7] = (char)('0' + number % 10);
    }
}

/* start 0 is inside the first MiB, where no loader puts a module: the entry is empty or wrong. */
static void module_add(struct boot_info *info, paddr_t start, paddr_t end, const char *string) {
    if (end < start || start == 0) {
        return;
    }
    if (info->modules_count == BOOT_MODULES_MAX) {
        info->modules_cut = true;
        return;
    }
    struct boot_module *m = &info->modules[info->modules_count];
    m->start = start;
    m->end = end;
    module_name(m, string, info->modules_count);
    info->modules_count++;
}

static bool has_ram(const struct boot_info *info) {
    for (uint32_t i = 0; i < info->regions_count; i++) {
        if (info->regions[i].type == BOOT_REGION_RAM) {
            return true;
        }
    }
    return false;
}

/* ---- version 1 ------------------------------------------------------------------------------- */

/* QEMU, iPXE and the older GRUB begin the command line with the kernel's path, GRUB 2 does not.
 * A path is a first word that does not look like key=…: no loader calls its kernel just "abc=…". */
static void options_drop_path(char *options) {
    uint32_t key = 0, end = 0, length = (uint32_t)strlen(options);
    while (options[key] >= 'a' && options[key] <= 'z') {
        key++;
    }
    if (key > 0 && options[key] == '=') {
        return;
    }
    while (options[end] != '\0' && options[end] != ' ') {
        end++;
    }
    while (options[end] == ' ') {
        end++;
    }
    memmove(options, options + end, length - end + 1);
}

static void mb1_map(struct boot_info *info, const struct memory *m, uint32_t at, uint32_t length) {
    uint32_t used = 0;
    while (used < length && length - used >= 24) {
        const uint8_t *entry = bytes_at(m, (uint64_t)at + used, 24);
        if (entry == NULL) {
            return;
        }
        uint32_t size = u32_of(entry); /* of the rest of the entry, at least 20 [MB1 3.3] */
        region_add(info, u64_of(entry + 4), u64_of(entry + 12), u32_of(entry + 20));
        if (size < 20 || size > length - used) {
            return;
        }
        used += size + 4;
    }
}

static void mb1_modules(struct boot_info *info, const struct memory *m, uint32_t at,
                        uint32_t count) {
    char string[BOOT_NAME_BYTES + BOOT_ARGS_BYTES + 256]; /* a path before the name */
    for (uint32_t i = 0; i < count && !info->modules_cut; i++) {
        const uint8_t *entry =
            bytes_at(m, (uint64_t)at + (uint64_t)i * MB1_MODULE_BYTES, MB1_MODULE_BYTES);
        if (entry == NULL) {
            return;
        }
        string[0] = '\0';
        if (u32_of(entry + 8) != 0) {
            string_copy_at(string, sizeof string, m, u32_of(entry + 8));
        }
        module_add(info, u32_of(entry), u32_of(entry + 4), string);
    }
}

int boot_info_parse_mb1(struct boot_info *info, const uint8_t *base, uint32_t size, paddr_t at) {
    struct memory m = {base, size};
    memset(info, 0, sizeof *info);
    info->loader_kind = BOOT_LOADER_MB1;
    info->text_screen = true;
    const uint8_t *b = bytes_at(&m, at, MB1_BYTES_MIN);
    if (b == NULL) {
        return -1;
    }
    uint32_t flags = u32_of(b + MB1_FLAGS);
    if (flags & MB1_FLAG_OPTIONS) {
        info->options_cut =
            !string_copy_at(info->options, BOOT_OPTIONS_BYTES, &m, u32_of(b + MB1_OPTIONS));
        options_drop_path(info->options);
    }
    if (flags & MB1_FLAG_MODULES) {
        mb1_modules(info, &m, u32_of(b + MB1_MODULES), u32_of(b + MB1_MODULES_COUNT));
    }
    if (flags & MB1_FLAG_MAP) {
        mb1_map(info, &m, u32_of(b + MB1_MAP), u32_of(b + MB1_MAP_BYTES));
    } else if (flags & MB1_FLAG_MEMORY) { /* KB from 1 MiB up to the first hole */
        region_add(info, LOW_MEMORY_BYTES, (uint64_t)u32_of(b + MB1_MEM_UPPER) * 1024,
                   BOOT_REGION_RAM);
    }
    const uint8_t *loader = bytes_at(&m, (uint64_t)at + MB1_LOADER, 4);
    if (flags & MB1_FLAG_LOADER && loader != NULL) {
        string_copy_at(info->loader, BOOT_LOADER_BYTES, &m, u32_of(loader));
    }
    const uint8_t *type = bytes_at(&m, (uint64_t)at + MB1_FRAMEBUFFER_TYPE, 1);
    if (flags & MB1_FLAG_FRAMEBUFFER && type != NULL) {
        info->text_screen = *type == FRAMEBUFFER_EGA_TEXT;
    }
    return has_ram(info) ? 0 : -1;
}

/* ---- version 2 ------------------------------------------------------------------------------- */

static void mb2_map(struct boot_info *info, const uint8_t *tag, uint32_t size) {
    uint32_t entry_bytes = size >= 16 ? u32_of(tag + 8) : 0;
    if (entry_bytes < MB2_MAP_ENTRY_MIN) {
        return;
    }
    for (uint32_t at = 16; size - at >= entry_bytes; at += entry_bytes) {
        region_add(info, u64_of(tag + at), u64_of(tag + at + 8), u32_of(tag + at + 16));
    }
}

/* tag is whole: size bytes (>= 8) are there. */
static void mb2_tag(struct boot_info *info, const uint8_t *tag, uint32_t size) {
    char string[BOOT_NAME_BYTES + BOOT_ARGS_BYTES + 256];
    switch (u32_of(tag)) {
    case MB2_OPTIONS:
        info->options_cut = !string_copy(info->options, BOOT_OPTIONS_BYTES, tag + 8, size - 8);
        break;
    case MB2_LOADER:
        string_copy(info->loader, BOOT_LOADER_BYTES, tag + 8, size - 8);
        break;
    case MB2_MODULE:
        if (size >= 16) {
            string_copy(string, sizeof string, tag + 16, size - 16);
            module_add(info, u32_of(tag + 8), u32_of(tag + 12), string);
        }
        break;
    case MB2_MAP:
        mb2_map(info, tag, size);
        break;
    case MB2_FRAMEBUFFER:
        if (size > MB2_FRAMEBUFFER_TYPE) {
            info->text_screen = tag[MB2_FRAMEBUFFER_TYPE] == FRAMEBUFFER_EGA_TEXT;
        }
        break;
    default: /* not needed */
        break;
    }
}

int boot_info_parse_mb2(struct boot_info *info, const uint8_t *base, uint32_t size, paddr_t at) {
    struct memory m = {base, size};
    memset(info, 0, sizeof *info);
    info->loader_kind = BOOT_LOADER_MB2;
    info->text_screen = true;
    const uint8_t *b = bytes_at(&m, at, 8);
    if (b == NULL || bytes_at(&m, at, u32_of(b)) == NULL) {
        return -1;
    }
    uint64_t total = u32_of(b);
    for (uint64_t used = 8; used + 8 <= total;) {
        uint32_t tag_bytes = u32_of(b + used + 4);
        if (u32_of(b + used) == MB2_END || tag_bytes < 8 || tag_bytes > total - used) {
            break;
        }
        mb2_tag(info, b + used, tag_bytes);
        used += ((uint64_t)tag_bytes + 7) & ~7ull; /* tags are padded [MB2 3.6.1] */
    }
    return has_ram(info) ? 0 : -1;
}

/* ---- use ------------------------------------------------------------------------------------- */

void boot_info_limit(struct boot_info *info, uint64_t bytes) {
    for (uint32_t i = 0; i < info->regions_count; i++) {
        struct boot_region *r = &info->regions[i];
        if (r->type == BOOT_REGION_RAM && r->base + r->length > bytes) {
            r->length = bytes > r->base ? bytes - r->base : 0;
        }
    }
}

uint64_t boot_info_ram_bytes(const struct boot_info *info) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < info->regions_count; i++) {
        const struct boot_region *r = &info->regions[i];
        uint64_t end = r->base + r->length < 1ull << 32 ? r->base + r->length : 1ull << 32;
        sum += r->type == BOOT_REGION_RAM && end > r->base ? end - r->base : 0;
    }
    return sum;
}

const struct boot_module *boot_info_module(const struct boot_info *info, const char *name) {
    for (uint32_t i = 0; i < info->modules_count; i++) {
        if (strcmp(info->modules[i].name, name) == 0) {
            return &info->modules[i];
        }
    }
    return NULL;
}
