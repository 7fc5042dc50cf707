/* The text screen. A small terminal: it understands what the line editor sends, so that the screen
 * shows the same as a serial terminal. The adapter's 32 KB hold eight screens: scrolling moves the
 * shown window down a row and only at the end copies one screen to the top, because every access to
 * this memory is slow (in a virtual machine 50 ns and more). Sources: [VGA] attribute byte; CRT
 * controller index 0x3D4, data 0x3D5, registers 0x0A cursor shape, 0x0C/0x0D start address,
 * 0x0E/0x0F cursor. */
#include "drivers/vga.h"

#include "kernel/cpu.h"
#include "mm/layout.h"

enum {
    SCREEN_PADDR = 0xB8000,
    CELLS = VGA_COLUMNS * VGA_ROWS,
    MEMORY_ROWS = 0x8000 / 2 / VGA_COLUMNS, /* 204 */
    BLANK = 0x0720,                         /* light grey on black, space */
    CRTC_INDEX = 0x3D4,
    CRTC_DATA = 0x3D5,
    CRTC_CURSOR_SHAPE = 0x0A,
    CRTC_START = 0x0C,  /* high byte; low byte in the next register */
    CRTC_CURSOR = 0x0E, /* the same */
    TAB = 8,
    PARAMETER_MAX = 999,
};

enum state { STATE_TEXT, STATE_ESCAPE, STATE_CSI };

static volatile uint16_t *memory; /* NULL: no screen */
static volatile uint16_t *cells;  /* the shown window: memory + top * VGA_COLUMNS */
static uint32_t top;              /* first shown row of the memory */
static uint32_t row, column;      /* column == VGA_COLUMNS: the next character wraps */
static enum state state;
static uint32_t parameter;

static void crtc_write(uint8_t number, uint32_t value) {
    cpu_out8(CRTC_INDEX, number);
    cpu_out8(CRTC_DATA, (uint8_t)value);
}

static void crtc_write_pair(uint8_t number, uint32_t value) {
    crtc_write(number, value >> 8);
    crtc_write((uint8_t)(number + 1), value);
}

static void cursor_show(void) {
    uint32_t last = VGA_COLUMNS - 1;
    crtc_write_pair(CRTC_CURSOR, (top + row) * VGA_COLUMNS + (column < last ? column : last));
}

static void window_set(uint32_t first_row) {
    top = first_row;
    cells = memory + top * VGA_COLUMNS;
    crtc_write_pair(CRTC_START, top * VGA_COLUMNS);
}

static void cells_blank(uint32_t from, uint32_t to) {
    for (uint32_t i = from; i < to; i++) {
        cells[i] = BLANK;
    }
}

void vga_start(bool text_screen) {
    volatile uint16_t *at = (volatile uint16_t *)(KERNEL_BASE + SCREEN_PADDR);
    at[0] = 0x0741;
    at[1] = 0x0742;
    if (!text_screen || at[0] != 0x0741 || at[1] != 0x0742) {
        return; /* graphics mode, or no adapter at all */
    }
    memory = at;
    window_set(0);
    cells_blank(0, CELLS);
    crtc_write(CRTC_CURSOR_SHAPE, 14); /* on: lines 14-15 */
    cursor_show();
}

bool vga_present(void) {
    return memory != 0;
}

static void line_feed(void) {
    if (row + 1 < VGA_ROWS) {
        row++;
        return;
    }
    if (top + VGA_ROWS < MEMORY_ROWS) {
        window_set(top + 1);
    } else {
        for (uint32_t i = 0; i < CELLS - VGA_COLUMNS; i++) {
            memory[i] = cells[i + VGA_COLUMNS];
        }
        window_set(0);
    }
    cells_blank(CELLS - VGA_COLUMNS, CELLS);
}

static void character_put(uint8_t c) {
    if (column == VGA_COLUMNS) {
        column = 0;
        line_feed();
    }
    cells[row * VGA_COLUMNS + column++] = (uint16_t)(0x0700 | c);
}

/* The end of a control sequence: ESC [ number letter. */
static void sequence_do(char letter) {
    uint32_t n = parameter > 0 ? parameter : 1;
    uint32_t here = row * VGA_COLUMNS + (column < VGA_COLUMNS ? column : VGA_COLUMNS - 1);
    switch (letter) {
    case 'C':
        column = column + n < VGA_COLUMNS ? column + n : VGA_COLUMNS - 1;
        break;
    case 'D':
        column = column > n ? column - n : 0;
        break;
    case 'H':
        row = column = 0;
        break;
    case 'J':
        cells_blank(parameter == 2 ? 0 : here, CELLS);
        break;
    case 'K':
        cells_blank(here, (row + 1) * VGA_COLUMNS);
        break;
    default: /* colours and the like: not ours */
        break;
    }
}

static void text_put(char c) {
    switch (c) {
    case '\r':
        column = 0;
        break;
    case '\n':
        column = 0;
        line_feed();
        break;
    case '\b':
        column -= column > 0 ? 1 : 0;
        break;
    case '\t':
        column = column / TAB * TAB + TAB < VGA_COLUMNS ? column / TAB * TAB + TAB : VGA_COLUMNS;
        break;
    case 27:
        state = STATE_ESCAPE;
        break;
    default:
        if ((uint8_t)c >= ' ') {
            character_put((uint8_t)c);
        }
    }
}

static void byte_put(char c) {
    if (state == STATE_TEXT) {
        text_put(c);
    } else if (state == STATE_ESCAPE) {
        parameter = 0;
        state = c == '[' ? STATE_CSI : STATE_TEXT;
    } else if (c >= '0' && c <= '9') {
        uint32_t number = parameter * 10 + (uint32_t)(c - '0');
        parameter = number < PARAMETER_MAX ? number : PARAMETER_MAX;
    } else if (c == ';' || c == '?') {
        parameter = 0;
    } else {
        state = STATE_TEXT;
        sequence_do(c);
    }
}

void vga_write(const char *bytes, uint32_t count) {
    if (memory == 0) {
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        byte_put(bytes[i]);
    }
    cursor_show();
}
