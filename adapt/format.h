/* The core's own small formatter: lines for people from a pattern and numbers, without libc. Shared
 * by the trace and the reports. Pure. */
#pragma once

#include "adapt/base.h"

/* A line under construction: never longer than size - 1 bytes, always zero-terminated. */
struct line {
    char *text;
    uint32_t size; /* of text, >= 1 */
    uint32_t used; /* bytes so far, the final zero not counted */
};

void line_begin(struct line *l, char *text, uint32_t size);
void line_add_char(struct line *l, char c);
void line_add_text(struct line *l, const char *text);
/* Decimal, right-aligned in `width` (0: as long as it is). */
void line_add_decimal(struct line *l, uint64_t value, uint32_t width);
void line_add_hex(struct line *l, uint64_t value);
/* 52:54:00:12:34:56 */
void line_add_mac(struct line *l, uint64_t mac);
/* Pattern: %a %b %c %d the arguments in decimal, %A %B %C %D in hexadecimal, %s the text, %% a
 * percent sign; text may be NULL. %[zero|one|two]a: the word with the argument's number, the number
 * itself when there is none. Any other letter is copied as it stands. */
void line_add_pattern(struct line *l, const char *pattern, const uint32_t arg[4],
                      const char *text);

enum { MAC_TEXT_BYTES = 18 };
