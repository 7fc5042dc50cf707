/* Text for people. print() goes to every console (COM1, screen) and into the log ring that the
 * command `log` reads again; print_to() goes to a sink, which is how a command's output reaches
 * whoever asked. Formats: %s %c %d %i %u %x %X %p %%, with l, ll, z, width, 0, '-' and precision
 * for %s. Pure but for print.c's list of consoles. Never blocks, never allocates. */
#pragma once

#include <stdarg.h>
#include <stdint.h>

/* Where text goes. Embed it as the first member of your own struct. */
struct print_sink {
    void (*write)(struct print_sink *sink, const char *bytes, uint32_t count);
};

void print(const char *format, ...) __attribute__((format(printf, 1, 2)));
void print_list(const char *format, va_list args) __attribute__((format(printf, 1, 0)));
void print_to(struct print_sink *sink, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void print_list_to(struct print_sink *sink, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

/* Into a buffer of `size` bytes, always zero-terminated; returns the length that it would have
 * had. */
uint32_t print_text(char *text, uint32_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Raw bytes to every console (a program's output); not kept in the log. */
void print_bytes(const char *bytes, uint32_t count);

/* The sink behind print(): consoles and log. */
extern struct print_sink print_everywhere;

/* The consoles alone: what the console's own line and a command's output are written to. */
extern struct print_sink print_consoles;

enum print_console { PRINT_SERIAL = 1, PRINT_SCREEN = 2 };
void print_choose(uint32_t consoles); /* bits of enum print_console; default both */
void print_polling(void);             /* panic: no interrupts any more, no prompt, write straight */

enum { PRINT_LOG_BYTES = 32768 };

/* The newest `lines` lines of the log, or all that is there (lines = 0). */
void print_log_to(struct print_sink *sink, uint32_t lines);
