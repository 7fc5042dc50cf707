/* All consoles as one, and the log ring behind them. \n becomes \r\n on the serial line. A
 * serial ring that stays full costs its text after 2 ms, so that a terminal nobody reads cannot
 * hold the node up; the log keeps it. */
#include <stdbool.h>

#include "drivers/serial.h"
#include "drivers/vga.h"
#include "kernel/console/console.h"
#include "kernel/print.h"

enum { SERIAL_WAIT_US = 2000, LOG_MASK = PRINT_LOG_BYTES - 1, PIECE_BYTES = 64 };
_Static_assert((PRINT_LOG_BYTES & LOG_MASK) == 0, "the log's index wraps by mask");

static char log_bytes[PRINT_LOG_BYTES];
static uint32_t log_count; /* bytes ever logged; the newest PRINT_LOG_BYTES are there */
static uint32_t consoles = PRINT_SERIAL | PRINT_SCREEN;
static bool polling;
static bool serial_stuck; /* the last text did not fit: waiting would not help either */

static void serial_send(const char *bytes, uint32_t count) {
    if (polling) {
        serial_tx_polled(SERIAL_COM1, (const uint8_t *)bytes, count);
        return;
    }
    uint32_t done = serial_tx(SERIAL_COM1, (const uint8_t *)bytes, count);
    if (done < count && !serial_stuck) {
        serial_flush(SERIAL_COM1, SERIAL_WAIT_US);
        done += serial_tx(SERIAL_COM1, (const uint8_t *)bytes + done, count - done);
    }
    serial_stuck = done < count;
    serial_count_dropped(SERIAL_COM1, count - done);
}

static void serial_write(const char *bytes, uint32_t count) {
    char piece[PIECE_BYTES];
    uint32_t used = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (bytes[i] == '\n') {
            piece[used++] = '\r';
        }
        piece[used++] = bytes[i];
        if (used >= PIECE_BYTES - 1) {
            serial_send(piece, used);
            used = 0;
        }
    }
    serial_send(piece, used);
}

static void consoles_write(struct print_sink *sink, const char *bytes, uint32_t count) {
    (void)sink;
    console_note_output(bytes, count);
    if (consoles & PRINT_SERIAL) {
        serial_write(bytes, count);
    }
    if (consoles & PRINT_SCREEN) {
        vga_write(bytes, count);
    }
}

static void everywhere_write(struct print_sink *sink, const char *bytes, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        log_bytes[log_count++ & LOG_MASK] = bytes[i];
    }
    consoles_write(sink, bytes, count);
}

struct print_sink print_consoles = {consoles_write};
struct print_sink print_everywhere = {everywhere_write};

void print_choose(uint32_t wanted) {
    consoles = wanted;
}

/* Bytes in the serial ring go out first, in their order. */
void print_polling(void) {
    serial_flush(SERIAL_COM1, 100 * SERIAL_WAIT_US);
    polling = true;
    consoles = PRINT_SERIAL | PRINT_SCREEN;
}

void print_list(const char *format, va_list args) {
    if (polling) {
        print_list_to(&print_everywhere, format, args);
        return;
    }
    console_line_hide();
    print_list_to(&print_everywhere, format, args);
    console_line_show();
}

void print(const char *format, ...) {
    va_list args;
    va_start(args, format);
    print_list(format, args);
    va_end(args);
}

void print_bytes(const char *bytes, uint32_t count) {
    console_line_hide();
    consoles_write(&print_consoles, bytes, count);
    console_line_show();
}

void print_log_to(struct print_sink *sink, uint32_t lines) {
    uint32_t kept = log_count < PRINT_LOG_BYTES ? log_count : PRINT_LOG_BYTES;
    uint32_t first = log_count - kept, seen = 0;
    for (uint32_t i = 1; lines > 0 && i < kept; i++) { /* the last byte may end the last line */
        seen += log_bytes[(log_count - 1 - i) & LOG_MASK] == '\n' ? 1 : 0;
        if (seen == lines) {
            first = log_count - i;
            break;
        }
    }
    for (uint32_t i = first, piece; i != log_count; i += piece) {
        uint32_t at = i & LOG_MASK;
        piece = log_count - i < PRINT_LOG_BYTES - at ? log_count - i : PRINT_LOG_BYTES - at;
        sink->write(sink, log_bytes + at, piece);
    }
}
