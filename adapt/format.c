/* Lines for people, built a piece at a time into a caller's buffer. Pure, no libc: the kernel, the
 * simulator and the tests print the same bytes. Too long a line is cut, never overrun. */
#include "adapt/format.h"

void line_begin(struct line *l, char *text, uint32_t size) {
    ASSERT(size >= 1);
    *l = (struct line){.text = text, .size = size};
    text[0] = '\0';
}

void line_add_char(struct line *l, char c) {
    if (l->used + 1 < l->size) {
        l->text[l->used++] = c;
        l->text[l->used] = '\0';
    }
}

void line_add_text(struct line *l, const char *text) {
    for (; *text != '\0'; text++) {
        line_add_char(l, *text);
    }
}

static void add_number(struct line *l, uint64_t value, uint32_t base, uint32_t width) {
    char digits[20]; /* 2^64 - 1 has 20 decimal digits */
    uint32_t count = 0;

    do {
        digits[count++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    for (uint32_t i = count; i < width; i++) {
        line_add_char(l, ' ');
    }
    while (count != 0) {
        line_add_char(l, digits[--count]);
    }
}

void line_add_decimal(struct line *l, uint64_t value, uint32_t width) {
    add_number(l, value, 10, width);
}

void line_add_hex(struct line *l, uint64_t value) {
    add_number(l, value, 16, 0);
}

void line_add_mac(struct line *l, uint64_t mac) {
    for (uint32_t i = 0; i < 6; i++) {
        uint32_t byte = (uint32_t)(mac >> (40 - 8 * i)) & 0xFF;
        if (i != 0) {
            line_add_char(l, ':');
        }
        line_add_char(l, "0123456789abcdef"[byte >> 4]);
        line_add_char(l, "0123456789abcdef"[byte & 15]);
    }
}

/* One directive behind a '%'. */
static void add_directive(struct line *l, char c, const uint32_t arg[4], const char *text) {
    if (c >= 'a' && c <= 'd') {
        line_add_decimal(l, arg[c - 'a'], 0);
    } else if (c >= 'A' && c <= 'D') {
        line_add_hex(l, arg[c - 'A']);
    } else if (c == 's') {
        line_add_text(l, text != NULL ? text : "?");
    } else if (c == '%') {
        line_add_char(l, '%');
    } else {
        line_add_char(l, '%');
        line_add_char(l, c);
    }
}

/* words: "zero|one|two]a". Returns where the directive ends. */
static const char *add_word(struct line *l, const char *words, const uint32_t arg[4]) {
    const char *end = words;

    while (*end != ']' && *end != '\0') {
        end++;
    }
    if (*end == '\0' || end[1] < 'a' || end[1] > 'd') {
        return end - 1; /* no directive: what follows is copied */
    }
    uint32_t number = arg[end[1] - 'a'];
    const char *word = words;

    for (uint32_t i = 0; i < number && word < end; word++) {
        i += *word == '|';
    }
    if (word == end) {
        line_add_decimal(l, number, 0);
    }
    while (word < end && *word != '|') {
        line_add_char(l, *word++);
    }
    return end + 1;
}

void line_add_pattern(struct line *l, const char *pattern, const uint32_t arg[4],
                      const char *text) {
    for (const char *p = pattern; *p != '\0'; p++) {
        if (*p != '%') {
            line_add_char(l, *p);
        } else if (p[1] == '[') {
            p = add_word(l, p + 2, arg);
        } else if (p[1] != '\0') {
            add_directive(l, *++p, arg, text);
        }
    }
}
