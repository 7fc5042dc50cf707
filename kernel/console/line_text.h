/* The text of the line and its picture on the terminal: what line_editor.c's keys do with them.
 * Each function leaves the terminal showing the line. Between line_text.c and line_editor.c only.
 */
#pragma once

#include "kernel/console/line_editor.h"

void line_redraw(struct line_editor *e);
void line_bell(struct line_editor *e);

/* Where the character before (after) this place begins. */
uint32_t line_left_of(const struct line_editor *e, uint32_t at);
uint32_t line_right_of(const struct line_editor *e, uint32_t at);

/* Take bytes from ... to-1 out; the cursor is then there. */
void line_remove(struct line_editor *e, uint32_t from, uint32_t to);
void line_remove_word(struct line_editor *e);

/* Put bytes in at the cursor, which moves behind them; does not redraw. False, with a bell, when
 * the line has no room. */
bool line_insert(struct line_editor *e, const char *bytes, uint32_t count);
void line_type(struct line_editor *e, char c); /* and redraws, or echoes if that is enough */

void line_set(struct line_editor *e, const char *text);
void line_move(struct line_editor *e, uint32_t to);
