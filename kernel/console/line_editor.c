/* Line editing by redrawing: whatever changes, the line is written anew from the left margin,
 * except for the usual case of a character typed at the end, which is only echoed. Bytes above
 * 0x7F are UTF-8; the cursor steps over whole characters. Source: [ECMA-48] control sequences
 * CUB, EL, ED, CUP. */
#include "kernel/console/line_editor.h"

#include <stddef.h>
#include <string.h>

enum escape_state { ESCAPE_NONE, ESCAPE_SEEN, ESCAPE_CSI, ESCAPE_SS3 };

enum key {
    KEY_NONE = 0,
    KEY_HOME = 0x01, /* the control characters that mean the same */
    KEY_LEFT = 0x02,
    KEY_INTERRUPT = 0x03,
    KEY_DELETE_OR_END = 0x04,
    KEY_END = 0x05,
    KEY_RIGHT = 0x06,
    KEY_BACKSPACE = 0x08,
    KEY_TAB = 0x09,
    KEY_NEWLINE = 0x0A,
    KEY_KILL_RIGHT = 0x0B,
    KEY_CLEAR = 0x0C,
    KEY_RETURN = 0x0D,
    KEY_DOWN = 0x0E,
    KEY_UP = 0x10,
    KEY_KILL_LEFT = 0x15,
    KEY_KILL_WORD = 0x17,
    KEY_ESCAPE = 0x1B,
    KEY_RUBOUT = 0x7F,
    KEY_DELETE = 0x100, /* no control character */
};

enum { SCROLL_STEP = 16, ESCAPE_NUMBER_MAX = 99 };

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

static void redraw(struct line_editor *e) {
    view_fit(e);
    uint32_t end = view_end(e), back = columns_of(e, e->cursor, end > e->cursor ? end : e->cursor);
    print_to(e->out, "\r%s", e->prompt);
    e->out->write(e->out, e->text + e->view, end - e->view);
    print_to(e->out, "\033[K");
    if (back > 0) {
        print_to(e->out, "\033[%uD", back);
    }
}

static void bell(struct line_editor *e) {
    e->out->write(e->out, "\a", 1);
}

void line_editor_hide(struct line_editor *e) {
    print_to(e->out, "\r\033[K");
}

void line_editor_show(struct line_editor *e) {
    redraw(e);
}

/* ---- changing the text ----------------------------------------------------------------------- */

static uint32_t left_of(const struct line_editor *e, uint32_t at) {
    while (at > 0 && is_tail(e->text[--at])) {
    }
    return at;
}

static uint32_t right_of(const struct line_editor *e, uint32_t at) {
    at += at < e->length ? 1 : 0;
    while (at < e->length && is_tail(e->text[at])) {
        at++;
    }
    return at;
}

static void text_remove(struct line_editor *e, uint32_t from, uint32_t to) {
    memmove(e->text + from, e->text + to, e->length - to + 1);
    e->length -= to - from;
    e->cursor = from;
    redraw(e);
}

/* False when the line has no room. */
static bool text_insert(struct line_editor *e, const char *bytes, uint32_t count) {
    if (e->length + count >= LINE_BYTES) {
        bell(e);
        return false;
    }
    memmove(e->text + e->cursor + count, e->text + e->cursor, e->length - e->cursor + 1);
    memcpy(e->text + e->cursor, bytes, count);
    e->length += count;
    e->cursor += count;
    return true;
}

static void character_insert(struct line_editor *e, char c) {
    if (!text_insert(e, &c, 1)) {
        return;
    }
    bool at_end = e->cursor == e->length;
    if (at_end && columns_of(e, e->view, e->length) <= view_columns(e) - 1) {
        e->out->write(e->out, &c, 1);
    } else {
        redraw(e);
    }
}

static void text_set(struct line_editor *e, const char *text) {
    e->length = e->cursor = (uint32_t)strlen(text);
    memcpy(e->text, text, e->length + 1);
    e->view = 0;
    redraw(e);
}

static void word_remove(struct line_editor *e) {
    uint32_t from = e->cursor;
    while (from > 0 && e->text[from - 1] == ' ') {
        from--;
    }
    while (from > 0 && e->text[from - 1] != ' ') {
        from--;
    }
    text_remove(e, from, e->cursor);
}

static void cursor_move(struct line_editor *e, uint32_t to) {
    if (to == e->cursor) {
        return;
    }
    e->cursor = to;
    redraw(e);
}

/* ---- history --------------------------------------------------------------------------------- */

static void history_keep(struct line_editor *e) {
    const char *last = e->history[(e->history_count + LINE_HISTORY - 1) % LINE_HISTORY];
    if (e->length > 0 && (e->history_count == 0 || strcmp(last, e->text) != 0)) {
        memcpy(e->history[e->history_count % LINE_HISTORY], e->text, e->length + 1);
        e->history_count++;
    }
    e->history_at = e->history_count;
}

static void history_up(struct line_editor *e) {
    uint32_t oldest = e->history_count > LINE_HISTORY ? e->history_count - LINE_HISTORY : 0;
    if (e->history_at == oldest) {
        bell(e);
        return;
    }
    if (e->history_at == e->history_count) {
        memcpy(e->draft, e->text, e->length + 1);
    }
    e->history_at--;
    text_set(e, e->history[e->history_at % LINE_HISTORY]);
}

static void history_down(struct line_editor *e) {
    if (e->history_at == e->history_count) {
        bell(e);
        return;
    }
    e->history_at++;
    text_set(e, e->history_at == e->history_count ? e->draft
                                                  : e->history[e->history_at % LINE_HISTORY]);
}

/* ---- completion ------------------------------------------------------------------------------ */

/* What the candidates that begin with the typed word have in common. */
struct completion {
    const char *first;
    uint32_t count, common; /* common: bytes that all of them share */
};

static bool candidate_matches(const struct line_editor *e, const char *word) {
    return strncmp(word, e->text, e->cursor) == 0;
}

static struct completion completion_find(const struct line_editor *e) {
    struct completion c = {NULL, 0, 0};
    const char *word;
    for (uint32_t i = 0; (word = e->candidate(i)) != NULL; i++) {
        if (!candidate_matches(e, word)) {
            continue;
        }
        if (c.count++ == 0) {
            c.first = word;
            c.common = (uint32_t)strlen(word);
        }
        while (strncmp(c.first, word, c.common) != 0) {
            c.common--;
        }
    }
    return c;
}

static void candidates_list(struct line_editor *e) {
    const char *word;
    print_to(e->out, "\n");
    for (uint32_t i = 0; (word = e->candidate(i)) != NULL; i++) {
        if (candidate_matches(e, word)) {
            print_to(e->out, "%s  ", word);
        }
    }
    print_to(e->out, "\n");
    redraw(e);
}

/* Only the first word is completed: it is the command. */
static void complete(struct line_editor *e) {
    if (e->candidate == NULL || memchr(e->text, ' ', e->cursor) != NULL) {
        bell(e);
        return;
    }
    struct completion c = completion_find(e);
    if (c.count == 0) {
        bell(e);
    } else if (c.count == 1) {
        text_insert(e, c.first + e->cursor, c.common - e->cursor);
        text_insert(e, " ", 1);
        redraw(e);
    } else if (c.common > e->cursor) {
        text_insert(e, c.first + e->cursor, c.common - e->cursor);
        redraw(e);
    } else {
        candidates_list(e);
    }
}

/* ---- keys ------------------------------------------------------------------------------------ */

/* A byte inside an escape sequence; returns the key when the sequence is complete. */
static uint32_t escape_feed(struct line_editor *e, uint8_t byte) {
    static const struct {
        char letter;
        uint16_t key;
    } letters[] = {{'A', KEY_UP},   {'B', KEY_DOWN}, {'C', KEY_RIGHT},
                   {'D', KEY_LEFT}, {'H', KEY_HOME}, {'F', KEY_END}};
    static const uint16_t numbers[] = {0, KEY_HOME, 0, KEY_DELETE, KEY_END, 0,
                                       0, KEY_HOME, KEY_END};
    if (e->escape == ESCAPE_SEEN) {
        e->escape = byte == '[' ? ESCAPE_CSI : byte == 'O' ? ESCAPE_SS3 : ESCAPE_NONE;
        e->escape_number = 0;
        return KEY_NONE;
    }
    if (byte >= '0' && byte <= '9') {
        uint32_t number = e->escape_number * 10 + (byte - '0');
        e->escape_number = number < ESCAPE_NUMBER_MAX ? number : ESCAPE_NUMBER_MAX;
        return KEY_NONE;
    }
    if (byte >= 0x20 && byte < 0x40) { /* parameter separators: the sequence goes on */
        return KEY_NONE;
    }
    e->escape = ESCAPE_NONE;
    if (byte == '~') {
        return e->escape_number < sizeof numbers / sizeof numbers[0] ? numbers[e->escape_number]
                                                                     : (uint32_t)KEY_NONE;
    }
    for (uint32_t i = 0; i < sizeof letters / sizeof letters[0]; i++) {
        if (letters[i].letter == (char)byte) {
            return letters[i].key;
        }
    }
    return KEY_NONE;
}

static void key_edit(struct line_editor *e, uint32_t key) {
    switch (key) {
    case KEY_HOME:
        cursor_move(e, 0);
        break;
    case KEY_END:
        cursor_move(e, e->length);
        break;
    case KEY_LEFT:
        cursor_move(e, left_of(e, e->cursor));
        break;
    case KEY_RIGHT:
        cursor_move(e, right_of(e, e->cursor));
        break;
    case KEY_BACKSPACE:
    case KEY_RUBOUT:
        text_remove(e, left_of(e, e->cursor), e->cursor);
        break;
    case KEY_DELETE:
    case KEY_DELETE_OR_END:
        text_remove(e, e->cursor, right_of(e, e->cursor));
        break;
    case KEY_KILL_RIGHT:
        text_remove(e, e->cursor, e->length);
        break;
    case KEY_KILL_LEFT:
        text_remove(e, 0, e->cursor);
        break;
    case KEY_KILL_WORD:
        word_remove(e);
        break;
    case KEY_UP:
        history_up(e);
        break;
    case KEY_DOWN:
        history_down(e);
        break;
    case KEY_TAB:
        complete(e);
        break;
    case KEY_CLEAR:
        print_to(e->out, "\033[2J\033[H");
        redraw(e);
        break;
    default: /* a control character that means nothing here */
        break;
    }
}

static void text_clear(struct line_editor *e) {
    e->text[0] = '\0';
    e->length = e->cursor = e->view = 0;
}

static enum line_event key_feed(struct line_editor *e, uint32_t key) {
    if (key == KEY_RETURN || key == KEY_NEWLINE) {
        cursor_move(e, e->length);
        print_to(e->out, "\n");
        return LINE_READY;
    }
    if (key == KEY_INTERRUPT) {
        print_to(e->out, "^C\n");
        text_clear(e);
        return LINE_INTERRUPT;
    }
    if (key == KEY_DELETE_OR_END && e->length == 0) {
        return LINE_END;
    }
    key_edit(e, key);
    return LINE_EDITING;
}

enum line_event line_editor_feed(struct line_editor *e, uint8_t byte) {
    bool after_cr = e->after_cr;
    e->after_cr = byte == KEY_RETURN;
    if (byte == KEY_NEWLINE && after_cr) {
        return LINE_EDITING;
    }
    if (e->escape != ESCAPE_NONE && byte != KEY_ESCAPE) {
        uint32_t key = escape_feed(e, byte);
        return key != KEY_NONE ? key_feed(e, key) : LINE_EDITING;
    }
    if (byte == KEY_ESCAPE) {
        e->escape = ESCAPE_SEEN;
        return LINE_EDITING;
    }
    if (byte >= 0x20 && byte != KEY_RUBOUT) {
        character_insert(e, (char)byte);
        return LINE_EDITING;
    }
    return byte != 0 ? key_feed(e, byte) : LINE_EDITING;
}

/* ---- lines ----------------------------------------------------------------------------------- */

void line_editor_start(struct line_editor *e, struct print_sink *out,
                       const char *(*candidate)(uint32_t index)) {
    memset(e, 0, sizeof *e);
    e->out = out;
    e->candidate = candidate;
}

void line_editor_set_prompt(struct line_editor *e, const char *prompt) {
    size_t length = strlen(prompt);
    length = length < LINE_PROMPT_BYTES ? length : LINE_PROMPT_BYTES - 1;
    memcpy(e->prompt, prompt, length);
    e->prompt[length] = '\0';
}

void line_editor_next(struct line_editor *e) {
    history_keep(e);
    text_clear(e);
    redraw(e);
}
