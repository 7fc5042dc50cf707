/* The C library's memory and string functions that the compiler, lwIP and the kernel call.
 * Freestanding; no SSE, no alignment demanded. The copies use the string instructions, which every
 * i586 has and which keep the code small. Declared by <string.h>. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

void *memcpy(void *restrict to, const void *restrict from, size_t count) {
    void *d = to;
    const void *s = from;
    size_t words = count / 4, rest = count % 4;
    __asm__ volatile("rep movsl\n\tmovl %3, %%ecx\n\trep movsb"
                     : "+D"(d), "+S"(s), "+c"(words)
                     : "r"(rest)
                     : "memory");
    return to;
}

void *memmove(void *to, const void *from, size_t count) {
    uintptr_t distance = (uintptr_t)to - (uintptr_t)from;
    if (distance >= count) { /* also when `to` is below: then it wraps to something large */
        return memcpy(to, from, count);
    }
    void *d = (uint8_t *)to + count - 1;
    const void *s = (const uint8_t *)from + count - 1;
    __asm__ volatile("std\n\trep movsb\n\tcld" : "+D"(d), "+S"(s), "+c"(count) : : "memory");
    return to;
}

void *memset(void *to, int byte, size_t count) {
    void *d = to;
    size_t words = count / 4, rest = count % 4;
    uint32_t value = (uint32_t)(uint8_t)byte * 0x01010101u;
    __asm__ volatile("rep stosl\n\tmovl %2, %%ecx\n\trep stosb"
                     : "+D"(d), "+c"(words)
                     : "r"(rest), "a"(value)
                     : "memory");
    return to;
}

int memcmp(const void *a, const void *b, size_t count) {
    const uint8_t *x = a, *y = b;
    for (size_t i = 0; i < count; i++) {
        if (x[i] != y[i]) {
            return x[i] - y[i];
        }
    }
    return 0;
}

void *memchr(const void *bytes, int byte, size_t count) {
    const uint8_t *b = bytes;
    for (size_t i = 0; i < count; i++) {
        if (b[i] == (uint8_t)byte) {
            return (void *)(uintptr_t)(b + i);
        }
    }
    return NULL;
}

size_t strlen(const char *text) {
    size_t count = 0;
    while (text[count] != '\0') {
        count++;
    }
    return count;
}

size_t strnlen(const char *text, size_t max) {
    size_t count = 0;
    while (count < max && text[count] != '\0') {
        count++;
    }
    return count;
}

int strncmp(const char *a, const char *b, size_t max) {
    for (size_t i = 0; i < max; i++) {
        if (a[i] != b[i] || a[i] == '\0') {
            return (uint8_t)a[i] - (uint8_t)b[i];
        }
    }
    return 0;
}

int strcmp(const char *a, const char *b) {
    return strncmp(a, b, SIZE_MAX);
}

char *strchr(const char *text, int byte) {
    for (;; text++) {
        if (*text == (char)byte) {
            return (char *)(uintptr_t)text;
        }
        if (*text == '\0') {
            return NULL;
        }
    }
}

char *strrchr(const char *text, int byte) {
    char *last = NULL;
    for (;; text++) {
        if (*text == (char)byte) {
            last = (char *)(uintptr_t)text;
        }
        if (*text == '\0') {
            return last;
        }
    }
}
