/* printf's small brother, into a sink. Pure; the host tests compare it with the C library's.
 * Output is gathered in a small buffer on the stack so that a sink is called per piece, not per
 * character. */
#include "kernel/print.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    CHUNK_BYTES = 128,
    DIGITS_MAX = 20, /* 2^64 - 1 in decimal */
    FIELD_MAX = 256, /* widths and precisions beyond are cut */
};

struct output {
    struct print_sink *sink;
    uint32_t used;
    char chunk[CHUNK_BYTES];
};

/* One conversion: % [-0] width .precision length letter */
struct spec {
    bool left, zero;
    uint32_t width, precision; /* precision == FIELD_MAX: not given */
    uint32_t longs;            /* number of l's */
    bool size;                 /* z */
};

static void output_flush(struct output *out) {
    if (out->used > 0) {
        out->sink->write(out->sink, out->chunk, out->used);
    }
    out->used = 0;
}

static void output_byte(struct output *out, char c) {
    out->chunk[out->used++] = c;
    if (out->used == CHUNK_BYTES) {
        output_flush(out);
    }
}

static void output_repeat(struct output *out, char c, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        output_byte(out, c);
    }
}

/* sign and digits within the field's width. */
static void output_field(struct output *out, const struct spec *spec, const char *sign,
                         const char *text, uint32_t length) {
    uint32_t total = length + (*sign != '\0' ? 1 : 0);
    uint32_t fill = spec->width > total ? spec->width - total : 0;
    if (!spec->left && !spec->zero) {
        output_repeat(out, ' ', fill);
    }
    if (*sign != '\0') {
        output_byte(out, *sign);
    }
    if (spec->zero && !spec->left) {
        output_repeat(out, '0', fill);
    }
    for (uint32_t i = 0; i < length; i++) {
        output_byte(out, text[i]);
    }
    if (spec->left) {
        output_repeat(out, ' ', fill);
    }
}

static void output_number(struct output *out, const struct spec *spec, uint64_t value,
                          char letter) {
    const char *digits = letter == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
    char text[DIGITS_MAX];
    uint32_t first = DIGITS_MAX;
    const char *sign = "";
    if (letter == 'd' && (int64_t)value < 0) {
        sign = "-";
        value = 0 - value;
    }
    if (letter == 'd' || letter == 'u') {
        do { /* in 32 bits where it fits: a 64-bit division is a call */
            uint32_t digit = value > UINT32_MAX ? (uint32_t)(value % 10) : (uint32_t)value % 10;
            value = value > UINT32_MAX ? value / 10 : (uint32_t)value / 10;
            text[--first] = digits[digit];
        } while (value != 0);
    } else {
        do {
            text[--first] = digits[value & 0xF];
            value >>= 4;
        } while (value != 0);
    }
    output_field(out, spec, sign, text + first, DIGITS_MAX - first);
}

static void output_string(struct output *out, struct spec *spec, const char *text) {
    text = text != NULL ? text : "(null)";
    uint32_t length = 0;
    while (text[length] != '\0' && (spec->precision == FIELD_MAX || length < spec->precision)) {
        length++;
    }
    spec->zero = false;
    output_field(out, spec, "", text, length);
}

static const char *number_read(const char *at, uint32_t *value) {
    *value = 0;
    for (; *at >= '0' && *at <= '9'; at++) {
        *value = *value * 10 + (uint32_t)(*at - '0');
        *value = *value < FIELD_MAX ? *value : FIELD_MAX - 1;
    }
    return at;
}

static const char *spec_read(const char *at, struct spec *spec) {
    *spec = (struct spec){.precision = FIELD_MAX};
    for (; *at == '-' || *at == '0'; at++) {
        spec->left = spec->left || *at == '-';
        spec->zero = spec->zero || *at == '0';
    }
    at = number_read(at, &spec->width);
    if (*at == '.') {
        at = number_read(at + 1, &spec->precision);
    }
    for (; *at == 'l' || *at == 'z' || *at == 'h'; at++) {
        spec->longs += *at == 'l' ? 1 : 0;
        spec->size = spec->size || *at == 'z';
    }
    return at;
}

static uint64_t unsigned_argument(const struct spec *spec, va_list *args) {
    if (spec->longs >= 2) {
        return va_arg(*args, unsigned long long);
    }
    if (spec->size) {
        return va_arg(*args, size_t);
    }
    return spec->longs == 1 ? va_arg(*args, unsigned long) : va_arg(*args, unsigned int);
}

static uint64_t signed_argument(const struct spec *spec, va_list *args) {
    if (spec->longs >= 2) {
        return (uint64_t)va_arg(*args, long long);
    }
    if (spec->size) {
        return (uint64_t)va_arg(*args, ptrdiff_t);
    }
    return (uint64_t)(spec->longs == 1 ? va_arg(*args, long) : va_arg(*args, int));
}

static void convert(struct output *out, struct spec *spec, char letter, va_list *args) {
    switch (letter) {
    case 'd':
    case 'i':
        output_number(out, spec, signed_argument(spec, args), 'd');
        break;
    case 'u':
    case 'x':
    case 'X':
        output_number(out, spec, unsigned_argument(spec, args), letter);
        break;
    case 'p':
        *spec = (struct spec){.zero = true, .width = 8};
        output_number(out, spec, (uintptr_t)va_arg(*args, void *), 'x');
        break;
    case 's':
        output_string(out, spec, va_arg(*args, const char *));
        break;
    case 'c': {
        char c = (char)va_arg(*args, int);
        spec->zero = false;
        output_field(out, spec, "", &c, 1);
        break;
    }
    case '%':
        output_byte(out, '%');
        break;
    default: /* not ours: show it rather than guess an argument */
        output_byte(out, '%');
        output_byte(out, letter);
    }
}

void print_list_to(struct print_sink *sink, const char *format, va_list args) {
    struct output out = {.sink = sink};
    va_list rest;
    va_copy(rest, args);
    for (const char *at = format; *at != '\0'; at++) {
        if (*at != '%') {
            output_byte(&out, *at);
            continue;
        }
        struct spec spec;
        at = spec_read(at + 1, &spec);
        if (*at == '\0') {
            break;
        }
        convert(&out, &spec, *at, &rest);
    }
    va_end(rest);
    output_flush(&out);
}

void print_to(struct print_sink *sink, const char *format, ...) {
    va_list args;
    va_start(args, format);
    print_list_to(sink, format, args);
    va_end(args);
}

/* ---- into a buffer --------------------------------------------------------------------------- */

struct text_sink {
    struct print_sink sink;
    char *text;
    uint32_t size, length;
};

static void text_write(struct print_sink *sink, const char *bytes, uint32_t count) {
    struct text_sink *t = (struct text_sink *)sink;
    for (uint32_t i = 0; i < count; i++, t->length++) {
        if (t->length + 1 < t->size) {
            t->text[t->length] = bytes[i];
        }
    }
}

uint32_t print_text(char *text, uint32_t size, const char *format, ...) {
    struct text_sink t = {{text_write}, text, size, 0};
    va_list args;
    va_start(args, format);
    print_list_to(&t.sink, format, args);
    va_end(args);
    if (size > 0) {
        text[t.length < size ? t.length : size - 1] = '\0';
    }
    return t.length;
}
