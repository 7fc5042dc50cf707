/* The screen as a mirror of the console: VGA text mode, 80 x 25, with a cursor. Understands \r
 * \n \b \t and the few escape sequences that the line editor sends (CSI K, C, D, H, J). Source:
 * [VGA] CRT controller registers 0x0A-0x0F. Nothing happens when there is no text screen. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { VGA_COLUMNS = 80, VGA_ROWS = 25 };

/* Looks whether there is memory at 0xB8000, clears it. */
void vga_start(bool text_screen);
bool vga_present(void);
void vga_write(const char *bytes, uint32_t count);
