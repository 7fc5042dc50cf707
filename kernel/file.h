/* The files of this node: its boot modules, and what the launcher sent for a program that is to run
 * here [D 2]. A job sees the modules and its own set of sent files; other nodes read both from
 * here, the job's origin. Called from the kernel's one loop.
 *
 * Sent files lie in one area taken at boot: 1/16 of RAM, at most 64 MB, none where there is no
 * COM2. They are numbers, not pointers, because the area is packed anew when it is full of holes:
 * `bytes` is good until the next file_begin(). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "boot/bootinfo.h"

enum {
    FILES_SENT_MAX = 64, /* as many as boot modules */
    FILE_ROWS = BOOT_MODULES_MAX + FILES_SENT_MAX,
    FILE_NAME_BYTES = BOOT_NAME_BYTES,
};
#define FILE_NONE 0xFFFFFFFFu
/* The number under which the list of a job's files is read: records, without gaps. At most
 * FILE_ROWS x 72 bytes: less than a window (kernel/file_window.h). */
#define FILE_DIRECTORY 0xFFFFFFFEu

struct file_record {
    char name[FILE_NAME_BYTES]; /* zero-terminated */
    uint32_t number, size;
};

struct file {
    char name[FILE_NAME_BYTES];
    const uint8_t *bytes;
    uint32_t size;
    uint32_t got;  /* bytes that have come: size once it is whole */
    uint32_t set;  /* 0: a boot module; else whose it is, 1 … 255 */
    bool used;
};

void file_start(const struct boot_info *info);
/* The same with an area of the caller's: tests. */
void file_start_with(const struct boot_info *info, uint8_t *area, uint32_t bytes);
uint32_t file_area_bytes(void);
uint32_t file_area_free_bytes(void);

/* By name: of the set first, then the modules. FILE_NONE: there is none. */
uint32_t file_find(uint32_t set, const char *name);
/* The whole file of that number; NULL: there is none, or it is another set's. */
const struct file *file_at(uint32_t set, uint32_t number);
/* Copies bytes of a file or of FILE_DIRECTORY; returns how many: fewer where it ends. -1: no such
 * file. */
int32_t file_read(uint32_t set, uint32_t number, uint32_t offset, void *to, uint32_t bytes);

/* A file begins to come: its number, or FILE_NONE with a text for the person in why. */
uint32_t file_begin(uint32_t set, const char *name, uint32_t size, char why[128]);
/* More bytes of it; false: more than were announced, nothing was taken. */
bool file_put(uint32_t number, const void *bytes, uint32_t count);
bool file_is_whole(uint32_t number);
void file_set_free(uint32_t set);
