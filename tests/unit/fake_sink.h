/* A sink that a test can read: everything written, zero-terminated. */
#pragma once

#include <string.h>

#include "kernel/print.h"

struct fake_sink {
    struct print_sink sink;
    uint32_t length;
    char text[65536];
};

static inline void fake_sink_write(struct print_sink *sink, const char *bytes, uint32_t count) {
    struct fake_sink *f = (struct fake_sink *)sink;
    if (count < sizeof f->text - f->length) {
        memcpy(f->text + f->length, bytes, count);
        f->length += count;
    }
    f->text[f->length] = '\0';
}

static inline void fake_sink_clear(struct fake_sink *f) {
    f->sink.write = fake_sink_write;
    f->length = 0;
    f->text[0] = '\0';
}
