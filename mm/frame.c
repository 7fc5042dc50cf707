/* Who has which frame. Below 768 MB: one bit per frame, because boot needs long runs (the core's
 * tables, rings) and later single frames in any order. Above: only whole ranges, given to the
 * user pool once. The user pool is an array of frame addresses, so that index -> frame is one
 * load. */
#include "mm/frame.h"

#include <stdbool.h>
#include <string.h>

#include "boot/bootinfo.h"
#include "kernel/panic.h"
#include "mm/frame_ranges.h"

enum {
    LOW_FRAMES_MAX = DIRECT_MAP_BYTES / FRAME_BYTES, /* 196,608: 24 KB of bits */
    WORDS = LOW_FRAMES_MAX / 32,
    HIGH_RANGES_MAX = BOOT_REGIONS_MAX + BOOT_MODULES_MAX, /* each module may split one */
    RAM_BYTES_MIN = 8 << 20, /* below this not even the tables of a small node fit */
    RESERVE_SHARE = 16,      /* the kernel keeps 1/16 of RAM for page tables … */
    RESERVE_MIN = 256,       /* … at least 1 MB … */
    RESERVE_MAX = 4096,      /* … at most 16 MB: 8 jobs of 2 GB, densely mapped */
};

static uint32_t free_bits[WORDS]; /* 1: free */
static uint32_t free_count;
static uint32_t search_word; /* no free frame below this word */
static uint32_t total_count;
static paddr_t low_end;
static uint32_t pool_frames;

static struct high_range { uint32_t first, end; /* frame numbers */ } high_ranges[HIGH_RANGES_MAX];
static uint32_t high_count;

static uint32_t *user_frames; /* addresses */
static uint32_t user_count;

/* ---- bits ------------------------------------------------------------------------------------ */

static bool bit_is_free(uint32_t number) {
    return free_bits[number / 32] >> number % 32 & 1;
}

static void bit_set(uint32_t number) {
    if (!bit_is_free(number)) {
        free_bits[number / 32] |= 1u << number % 32;
        free_count++;
    }
}

static void bit_clear(uint32_t number) {
    if (bit_is_free(number)) {
        free_bits[number / 32] &= ~(1u << number % 32);
        free_count--;
    }
}

/* ---- taking stock ---------------------------------------------------------------------------- */

static void high_add(uint32_t first, uint32_t end) {
    if (first < end && high_count < HIGH_RANGES_MAX) {
        high_ranges[high_count++] = (struct high_range){first, end};
    }
}

/* Frames first … end-1 are RAM, as far as they are known. */
static void range_add(uint32_t first, uint32_t end) {
    for (uint32_t n = first; n < end && n < LOW_FRAMES_MAX; n++) {
        bit_set(n);
    }
    high_add(first > LOW_FRAMES_MAX ? first : LOW_FRAMES_MAX, end);
}

static void range_remove(uint32_t first, uint32_t end) {
    for (uint32_t n = first; n < end && n < LOW_FRAMES_MAX; n++) {
        bit_clear(n);
    }
    for (uint32_t i = 0, ranges = high_count; i < ranges; i++) {
        struct high_range *r = &high_ranges[i];
        if (end <= r->first || first >= r->end) {
            continue;
        }
        high_add(end, r->end);                        /* what is left behind the hole … */
        r->end = first > r->first ? first : r->first; /* … and before it */
    }
}

static uint32_t frame_number(uint64_t address) {
    uint64_t number = address / FRAME_BYTES;
    return number < 0x100000 ? (uint32_t)number : 0x100000; /* 4 GB */
}

static void regions_add(const struct boot_info *info) {
    for (uint32_t i = 0; i < info->regions_count; i++) {
        const struct boot_region *r = &info->regions[i];
        if (r->type == BOOT_REGION_RAM) {
            range_add(frame_number(r->base + FRAME_BYTES - 1), frame_number(r->base + r->length));
        }
    }
    for (uint32_t i = 0; i < info->regions_count; i++) { /* in two of the map's areas: not RAM */
        const struct boot_region *r = &info->regions[i];
        if (r->type != BOOT_REGION_RAM && r->length > 0) {
            range_remove(frame_number(r->base),
                         frame_number(r->base + r->length + FRAME_BYTES - 1));
        }
    }
}

void frame_init(const struct boot_info *info) {
    regions_add(info);
    range_remove(0, LOW_MEMORY_BYTES / FRAME_BYTES);
    for (uint32_t n = 0; n < LOW_FRAMES_MAX; n++) {
        low_end = bit_is_free(n) ? (n + 1) * FRAME_BYTES : low_end;
    }
    range_remove(0, frame_number((uint64_t)kernel_image_end() + FRAME_BYTES - 1));
    for (uint32_t i = 0; i < info->modules_count; i++) {
        const struct boot_module *m = &info->modules[i];
        range_remove(frame_number(m->start), frame_number((uint64_t)m->end + FRAME_BYTES - 1));
    }
    total_count = free_count;
    for (uint32_t i = 0; i < high_count; i++) {
        total_count += high_ranges[i].end - high_ranges[i].first;
    }
    if (free_count < RAM_BYTES_MIN / FRAME_BYTES) {
        panic_machine("only %u KB of memory are free after the kernel and its %u boot modules; "
                      "Lisse needs at least %u KB: add memory (QEMU: -m) or leave modules out",
                      free_count * 4, info->modules_count, RAM_BYTES_MIN / 1024);
    }
}

/* ---- single frames --------------------------------------------------------------------------- */

paddr_t frame_alloc(void) {
    while (search_word < WORDS && free_bits[search_word] == 0) {
        search_word++;
    }
    if (search_word == WORDS) {
        return 0;
    }
    uint32_t number = search_word * 32 + (uint32_t)__builtin_ctz(free_bits[search_word]);
    bit_clear(number);
    return number * FRAME_BYTES;
}

void frame_free(paddr_t frame) {
    uint32_t number = frame / FRAME_BYTES;
    PANIC_UNLESS(frame % FRAME_BYTES == 0 && number < LOW_FRAMES_MAX && !bit_is_free(number));
    bit_set(number);
    search_word = number / 32 < search_word ? number / 32 : search_word;
}

uint32_t frame_free_count(void) {
    return free_count;
}

uint32_t frame_total_count(void) {
    return total_count;
}

paddr_t direct_map_end(void) {
    return low_end;
}

/* ---- runs, for ever -------------------------------------------------------------------------- */

/* The lowest run of `count` free frames that starts at a multiple of `step` frames; 0: none. */
static uint32_t run_find(uint32_t count, uint32_t step) {
    uint32_t start = step;
    while (start + count <= low_end / FRAME_BYTES) {
        uint32_t length = 0;
        while (length < count && bit_is_free(start + length)) {
            length++;
        }
        if (length == count) {
            return start;
        }
        start = (start + length + step) / step * step;
    }
    return 0;
}

void *dma_alloc(uint32_t bytes, uint32_t align, paddr_t *paddr) {
    PANIC_UNLESS(bytes > 0 && align > 0 && (align & (align - 1)) == 0);
    uint32_t count = (bytes - 1) / FRAME_BYTES + 1;
    uint32_t start = run_find(count, align > FRAME_BYTES ? align / FRAME_BYTES : 1);
    if (start == 0) {
        panic_machine("no %u KB of contiguous memory are left at boot (%u KB free, %u KB of RAM): "
                      "add memory (QEMU: -m) or leave boot modules out",
                      count * 4, free_count * 4, total_count * 4);
    }
    for (uint32_t i = 0; i < count; i++) {
        bit_clear(start + i);
    }
    pool_frames += count;
    *paddr = start * FRAME_BYTES;
    return memset(frame_pointer(*paddr), 0, count * FRAME_BYTES);
}

void *pool_alloc_boot(uint32_t bytes) {
    paddr_t paddr;
    return dma_alloc(bytes, FRAME_BYTES, &paddr);
}

uint32_t pool_bytes(void) {
    return pool_frames * FRAME_BYTES;
}

/* ---- the user pool --------------------------------------------------------------------------- */

static uint32_t reserve_frames(void) {
    uint32_t reserve = total_count / RESERVE_SHARE;
    reserve = reserve > RESERVE_MIN ? reserve : RESERVE_MIN;
    return reserve < RESERVE_MAX ? reserve : RESERVE_MAX;
}

static uint32_t user_available(void) {
    uint32_t high = 0;
    for (uint32_t i = 0; i < high_count; i++) {
        high += high_ranges[i].end - high_ranges[i].first;
    }
    uint32_t reserve = reserve_frames();
    return high + (free_count > reserve ? free_count - reserve : 0);
}

static void user_take_high(uint32_t want) {
    for (uint32_t i = 0; i < high_count; i++) {
        struct high_range *r = &high_ranges[i];
        while (user_count < want && r->first < r->end) {
            user_frames[user_count++] = --r->end * FRAME_BYTES;
        }
    }
}

static void user_take_low(uint32_t want) {
    for (uint32_t n = low_end / FRAME_BYTES; n-- > 0 && user_count < want;) {
        if (bit_is_free(n)) {
            bit_clear(n);
            user_frames[user_count++] = n * FRAME_BYTES;
        }
    }
}

uint32_t frame_user_reserve(uint32_t max) {
    PANIC_UNLESS(user_frames == NULL);
    uint32_t available = user_available();
    uint32_t want = max < available ? max : available;
    if (want == 0) {
        return 0;
    }
    user_frames = pool_alloc_boot(want * (uint32_t)sizeof user_frames[0]);
    available = user_available(); /* the array itself took some */
    want = want < available ? want : available;
    user_take_high(want);
    user_take_low(want);
    return user_count;
}

uint32_t frame_user_count(void) {
    return user_count;
}

paddr_t frame_user(uint32_t index) {
    PANIC_UNLESS(index < user_count);
    return user_frames[index];
}
