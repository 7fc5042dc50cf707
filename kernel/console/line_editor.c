/* Keys, history and completion of the line editor: what a byte from the terminal means. What the
 * line looks like is line_text.c's. Source: [ECMA-48] control sequences, [xterm] what keys send. */
#include "kernel/console/line_editor.h"

#include <stddef.h>
#include <string.h>

#include "kernel/console/line_text.h"

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

enum { ESCAPE_NUMBER_MAX = 99 };

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
        line_bell(e);
        return;
    }
    if (e->history_at == e->history_count) {
        memcpy(e->draft, e->text, e->length + 1);
    }
    e->history_at--;
    line_set(e, e->history[e->history_at % LINE_HISTORY]);
}

static void history_down(struct line_editor *e) {
    if (e->history_at == e->history_count) {
        line_bell(e);
        return;
    }
    e->history_at++;
    line_set(e, e->history_at == e->history_count ? e->draft
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
    line_redraw(e);
}

/* Only the first word is completed: it is the command. */
static void complete(struct line_editor *e) {
    if (e->candidate == NULL || memchr(e->text, ' ', e->cursor) != NULL) {
        line_bell(e);
        return;
    }
    struct completion c = completion_find(e);
    if (c.count == 0) {
        line_bell(e);
    } else if (c.count == 1) {
        line_insert(e, c.first + e->cursor, c.common - e->cursor);
        line_insert(e, " ", 1);
        line_redraw(e);
    } else if (c.common > e->cursor) {
        line_insert(e, c.first + e->cursor, c.common - e->cursor);
        line_redraw(e);
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
    static const uint16_t numbers[] = {0, KEY_HOME, 0,        KEY_DELETE, KEY_END,
                                       0, 0,        KEY_HOME, KEY_END};
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
        line_move(e, 0);
        break;
    case KEY_END:
        line_move(e, e->length);
        break;
    case KEY_LEFT:
        line_move(e, line_left_of(e, e->cursor));
        break;
    case KEY_RIGHT:
        line_move(e, line_right_of(e, e->cursor));
        break;
    case KEY_BACKSPACE:
    case KEY_RUBOUT:
        line_remove(e, line_left_of(e, e->cursor), e->cursor);
        break;
    case KEY_DELETE:
    case KEY_DELETE_OR_END:
        line_remove(e, e->cursor, line_right_of(e, e->cursor));
        break;
    case KEY_KILL_RIGHT:
        line_remove(e, e->cursor, e->length);
        break;
    case KEY_KILL_LEFT:
        line_remove(e, 0, e->cursor);
        break;
    case KEY_KILL_WORD:
        line_remove_word(e);
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
        line_redraw(e);
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
        line_move(e, e->length);
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
        line_type(e, (char)byte);
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
    line_redraw(e);
}
