/* The line being edited and its picture. Editing is by redrawing: whatever changes, the line is
 * written anew from the left margin, except for the usual case of a character typed at the end,
 * which is only echoed. A line wider than the terminal is shown in part. Bytes above 0x7F are
 * UTF-8; the cursor steps over whole characters. Source: [ECMA-48] control sequences CUB, EL. */
#include "kernel/console/line_text.h"

#include <string.h>

enum { SCROLL_STEP = 16 };

/* ---- what is on the terminal ----------------------------------------------------------------- */

static bool is_tail(char c) { /* second … fourth byte of a UTF-8 character */
    return ((uint8_t)c & 0xC0) == 0x80;
}

static uint32_t columns_of(const struct line_editor *e, uint32_t from, uint32_t to) {
    uint32_t columns = 0;
    for (uint32_t i = from; i < to; i++) {
        columns += is_tail(e->text[i]) ? 0 : 1;
    }
    return columns;
}

static uint32_t view_columns(const struct line_editor *e) { /* the last column stays free */
    return LINE_COLUMNS - 1 - (uint32_t)strlen(e->prompt);
}

/* Choose the part of the line that is shown so that the cursor is in it. */
static void view_fit(struct line_editor *e) {
    if (e->cursor < e->view) {
        e->view = e->cursor > SCROLL_STEP ? e->cursor - SCROLL_STEP : 0;
    }
    while (columns_of(e, e->view, e->cursor) > view_columns(e) - 1) {
        e->view = e->view + SCROLL_STEP < e->cursor ? e->view + SCROLL_STEP : e->cursor;
    }
    while (e->view > 0 && is_tail(e->text[e->view])) {
        e->view--;
    }
}

static uint32_t view_end(const struct line_editor *e) {
    uint32_t end = e->view, columns = 0;
    while (end < e->length && (columns < view_columns(e) || is_tail(e->text[end]))) {
        columns += is_tail(e->text[end]) ? 0 : 1;
        end++;
    }
    return end;
}

void line_redraw(struct line_editor *e) {
    view_fit(e);
    uint32_t end = view_end(e), back = columns_of(e, e->cursor, end > e->cursor ? end : e->cursor);
    print_to(e->out, "\r%s", e->prompt);
    e->out->write(e->out, e->text + e->view, end - e->view);
    print_to(e->out, "\033[K");
    if (back > 0) {
        print_to(e->out, "\033[%uD", back);
    }
}

void line_bell(struct line_editor *e) {
    e->out->write(e->out, "\a", 1);
}

void line_editor_hide(struct line_editor *e) {
    print_to(e->out, "\r\033[K");
}

void line_editor_show(struct line_editor *e) {
    line_redraw(e);
}

/* ---- changing the text ----------------------------------------------------------------------- */

uint32_t line_left_of(const struct line_editor *e, uint32_t at) {
    while (at > 0 && is_tail(e->text[--at])) {
    }
    return at;
}

uint32_t line_right_of(const struct line_editor *e, uint32_t at) {
    at += at < e->length ? 1 : 0;
    while (at < e->length && is_tail(e->text[at])) {
        at++;
    }
    return at;
}

void line_remove(struct line_editor *e, uint32_t from, uint32_t to) {
    memmove(e->text + from, e->text + to, e->length - to + 1);
    e->length -= to - from;
    e->cursor = from;
    line_redraw(e);
}

/* False when the line has no room. */
bool line_insert(struct line_editor *e, const char *bytes, uint32_t count) {
    if (e->length + count >= LINE_BYTES) {
        line_bell(e);
        return false;
    }
    memmove(e->text + e->cursor + count, e->text + e->cursor, e->length - e->cursor + 1);
    memcpy(e->text + e->cursor, bytes, count);
    e->length += count;
    e->cursor += count;
    return true;
}

void line_type(struct line_editor *e, char c) {
    if (!line_insert(e, &c, 1)) {
        return;
    }
    bool at_end = e->cursor == e->length;
    if (at_end && columns_of(e, e->view, e->length) <= view_columns(e) - 1) {
        e->out->write(e->out, &c, 1);
    } else {
        line_redraw(e);
    }
}

void line_set(struct line_editor *e, const char *text) {
    e->length = e->cursor = (uint32_t)strlen(text);
    memcpy(e->text, text, e->length + 1);
    e->view = 0;
    line_redraw(e);
}

void line_remove_word(struct line_editor *e) {
    uint32_t from = e->cursor;
    while (from > 0 && e->text[from - 1] == ' ') {
        from--;
    }
    while (from > 0 && e->text[from - 1] != ' ') {
        from--;
    }
    line_remove(e, from, e->cursor);
}

void line_move(struct line_editor *e, uint32_t to) {
    if (to == e->cursor) {
        return;
    }
    e->cursor = to;
    line_redraw(e);
}
