/* The files of this node; see file.h. First fit in the area; when no hole is long enough although
 * enough is free, everything is moved down first. */
#include "kernel/file.h"

#include <string.h>

#include "drivers/serial.h"
#include "kernel/panic.h"
#include "kernel/print.h"
#include "mm/frame.h"

enum {
    AREA_SHARE = 16,              /* of RAM: a program and its data, and the DSM hardly feels it */
    AREA_FRAMES_MAX = 64 << 8,    /* 64 MB */
    FILE_ALIGN = 16,
};

static struct file rows[FILE_ROWS];
static uint8_t *area;
static uint32_t area_bytes;

void file_start_with(const struct boot_info *info, uint8_t *bytes, uint32_t count) {
    memset(rows, 0, sizeof(rows));
    area = bytes;
    area_bytes = count;
    for (uint32_t i = 0; i < info->modules_count; i++) {
        const struct boot_module *m = &info->modules[i];
        memcpy(rows[i].name, m->name, sizeof(rows[i].name));
        rows[i].bytes = frame_pointer(m->start);
        rows[i].size = rows[i].got = m->end - m->start;
        rows[i].used = true;
    }
}

void file_start(const struct boot_info *info) {
    uint32_t frames = frame_total_count() / AREA_SHARE;

    frames = frames < AREA_FRAMES_MAX ? frames : AREA_FRAMES_MAX;
    frames = serial_present(SERIAL_COM2) ? frames : 0;
    file_start_with(info, frames != 0 ? pool_alloc_boot(frames * FRAME_BYTES) : NULL,
                    frames * FRAME_BYTES);
}

/* ---- the area -------------------------------------------------------------------------------- */

static uint32_t room_of(uint32_t size) {
    return (size + FILE_ALIGN - 1) & ~(uint32_t)(FILE_ALIGN - 1);
}

static bool is_sent(const struct file *f) {
    return f->used && f->set != 0;
}

static uint32_t place_of(const struct file *f) {
    return (uint32_t)(f->bytes - area);
}

uint32_t file_area_bytes(void) {
    return area_bytes;
}

uint32_t file_area_free_bytes(void) {
    uint32_t left = area_bytes;

    for (uint32_t i = 0; i < FILE_ROWS; i++) {
        left -= is_sent(&rows[i]) ? room_of(rows[i].size) : 0;
    }
    return left;
}

/* A file that uses part of these bytes; NULL: they are free. */
static struct file *used_by(uint32_t first, uint32_t bytes) {
    for (uint32_t i = 0; i < FILE_ROWS; i++) {
        struct file *f = &rows[i];
        if (is_sent(f) && place_of(f) < first + bytes && first < place_of(f) + room_of(f->size)) {
            return f;
        }
    }
    return NULL;
}

/* The first hole of that length from `first` on; FILE_NONE. */
static uint32_t hole(uint32_t first, uint32_t bytes) {
    while (bytes <= area_bytes - first) {
        const struct file *f = used_by(first, bytes);
        if (f == NULL) {
            return first;
        }
        first = place_of(f) + room_of(f->size);
    }
    return FILE_NONE;
}

/* The file at or behind `first` that begins first; NULL: none. */
static struct file *next_file(uint32_t first) {
    struct file *best = NULL;

    for (uint32_t i = 0; i < FILE_ROWS; i++) {
        bool is_behind = is_sent(&rows[i]) && rows[i].size != 0 && place_of(&rows[i]) >= first;
        if (is_behind && (best == NULL || rows[i].bytes < best->bytes)) {
            best = &rows[i];
        }
    }
    return best;
}

static void pack(void) {
    uint32_t at = 0;

    for (struct file *f = next_file(0); f != NULL; f = next_file(at)) {
        memmove(area + at, f->bytes, f->got);
        f->bytes = area + at;
        at += room_of(f->size);
    }
}

/* ---- look ------------------------------------------------------------------------------------ */

static bool is_seen(const struct file *f, uint32_t set) {
    return f->used && (f->set == 0 || f->set == set) && f->got == f->size;
}

uint32_t file_find(uint32_t set, const char *name) {
    for (uint32_t i = FILE_ROWS; i-- > 0;) { /* sent ones stand behind the modules */
        if (is_seen(&rows[i], set) && strcmp(rows[i].name, name) == 0) {
            return i;
        }
    }
    return FILE_NONE;
}

const struct file *file_at(uint32_t set, uint32_t number) {
    return number < FILE_ROWS && is_seen(&rows[number], set) ? &rows[number] : NULL;
}

static uint32_t copy_out(void *to, uint32_t bytes, const void *from, uint32_t size) {
    uint32_t count = bytes < size ? bytes : size;

    memcpy(to, from, count);
    return count;
}

/* In the order of file_find(), so that the first record of a name is the one that counts. */
static uint32_t read_directory(uint32_t set, uint32_t offset, uint8_t *to, uint32_t bytes) {
    uint32_t begin = 0, done = 0;

    for (uint32_t i = FILE_ROWS; i-- > 0 && done < bytes;) {
        struct file_record r = {.number = i, .size = rows[i].size};
        if (!is_seen(&rows[i], set)) {
            continue;
        }
        uint32_t skip = offset + done - begin;
        if (skip < sizeof(r)) {
            memcpy(r.name, rows[i].name, sizeof(r.name));
            done += copy_out(to + done, bytes - done, (const uint8_t *)&r + skip, sizeof(r) - skip);
        }
        begin += sizeof(r);
    }
    return done;
}

int32_t file_read(uint32_t set, uint32_t number, uint32_t offset, void *to, uint32_t bytes) {
    if (number == FILE_DIRECTORY) {
        return (int32_t)read_directory(set, offset, to, bytes);
    }
    const struct file *f = file_at(set, number);

    if (f == NULL) {
        return -1;
    }
    return offset < f->size ? (int32_t)copy_out(to, bytes, f->bytes + offset, f->size - offset) : 0;
}

/* ---- come and go ----------------------------------------------------------------------------- */

static struct file *free_row(void) {
    for (uint32_t i = BOOT_MODULES_MAX; i < FILE_ROWS; i++) {
        if (!rows[i].used) {
            return &rows[i];
        }
    }
    return NULL;
}

static bool set_has(uint32_t set, const char *name) {
    for (uint32_t i = BOOT_MODULES_MAX; i < FILE_ROWS; i++) {
        if (rows[i].used && rows[i].set == set && strcmp(rows[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* Why the file cannot come; NULL: it can. */
static const char *refusal(uint32_t set, const char *name, uint32_t size) {
    if (name[0] == '\0' || strlen(name) >= FILE_NAME_BYTES) {
        return "a name has 1 to 63 bytes";
    }
    if (set_has(set, name)) {
        return "a file of this name was sent already";
    }
    if (free_row() == NULL) {
        return "64 files are here already: wait for a program to end";
    }
    if (size > area_bytes || room_of(size) > file_area_free_bytes()) {
        return "no room";
    }
    return NULL;
}

uint32_t file_begin(uint32_t set, const char *name, uint32_t size, char why[128]) {
    const char *reason = refusal(set, name, size);

    PANIC_UNLESS(set != 0);
    if (reason != NULL && strcmp(reason, "no room") == 0) {
        print_text(why, 128, "%.40s (%u KB) does not fit: %u of %u KB for files are free on this "
                   "node; up --mem", name, (unsigned)(size / 1024 + 1),
                   (unsigned)(file_area_free_bytes() / 1024), (unsigned)(area_bytes / 1024));
        return FILE_NONE;
    }
    if (reason != NULL) {
        print_text(why, 128, "%.63s cannot be sent: %s", name, reason);
        return FILE_NONE;
    }
    uint32_t at = hole(0, room_of(size));
    if (at == FILE_NONE) {
        pack();
        at = hole(0, room_of(size));
    }
    PANIC_UNLESS(at != FILE_NONE); /* packed, and so many bytes are free */
    struct file *f = free_row();
    *f = (struct file){.bytes = area + at, .size = size, .set = set, .used = true};
    memcpy(f->name, name, strlen(name));
    return (uint32_t)(f - rows);
}

bool file_put(uint32_t number, const void *bytes, uint32_t count) {
    struct file *f = &rows[number];

    PANIC_UNLESS(number < FILE_ROWS && is_sent(f));
    if (count > f->size - f->got) {
        return false;
    }
    memcpy(area + place_of(f) + f->got, bytes, count);
    f->got += count;
    return true;
}

bool file_is_whole(uint32_t number) {
    PANIC_UNLESS(number < FILE_ROWS && rows[number].used);
    return rows[number].got == rows[number].size;
}

void file_set_free(uint32_t set) {
    for (uint32_t i = BOOT_MODULES_MAX; i < FILE_ROWS && set != 0; i++) {
        if (rows[i].used && rows[i].set == set) {
            memset(&rows[i], 0, sizeof(rows[i]));
        }
    }
}
