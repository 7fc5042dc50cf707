/* The line editor, seen through a small terminal: what the person sees is what the line is. */
/* sources: kernel/console/line_editor.c kernel/console/line_text.c kernel/format.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "kernel/console/line_editor.h"

/* ---- the terminal: one row that can be seen, the rows above as text
 * ---------------------------- */

enum { COLUMNS = LINE_COLUMNS };

static struct {
    struct print_sink sink;
    char row[COLUMNS + 1];
    int column, escape, number, bells, clears;
    char above[65536];
    size_t above_length;
} screen;

static void row_blank(int from) {
    memset(screen.row + from, ' ', (size_t)(COLUMNS - from));
}

static const char *row_text(void) { /* without the blanks at its end */
    static char text[COLUMNS + 1];
    memcpy(text, screen.row, COLUMNS);
    int n = COLUMNS;
    while (n > 0 && text[n - 1] == ' ') {
        n--;
    }
    text[n] = '\0';
    return text;
}

static void newline(void) {
    screen.above_length +=
        (size_t)snprintf(screen.above + screen.above_length,
                         sizeof screen.above - screen.above_length, "%s\n", row_text());
    assert_true(screen.above_length < sizeof screen.above);
    row_blank(0);
    screen.column = 0;
}

static void sequence(char letter) {
    if (letter == 'K') {
        row_blank(screen.column);
    } else if (letter == 'D') {
        screen.column -= screen.number;
        assert_true(screen.column >= 0);
    } else if (letter == 'J') {
        assert_int_equal(screen.number, 2);
        screen.clears++;
        row_blank(0);
    } else if (letter == 'H') {
        screen.column = 0;
    } else {
        fail_msg("unknown sequence %c", letter);
    }
}

static void terminal_byte(char c) {
    if (screen.escape == 1) {
        assert_int_equal(c, '[');
        screen.escape = 2;
        screen.number = 0;
    } else if (screen.escape == 2 && c >= '0' && c <= '9') {
        screen.number = screen.number * 10 + c - '0';
    } else if (screen.escape == 2) {
        screen.escape = 0;
        sequence(c);
    } else if (c == 27) {
        screen.escape = 1;
    } else if (c == '\r') {
        screen.column = 0;
    } else if (c == '\n') {
        newline();
    } else if (c == '\a') {
        screen.bells++;
    } else if (((uint8_t)c & 0xC0) != 0x80) {     /* a character begins: one column */
        assert_true(screen.column < COLUMNS - 1); /* never writes the last column */
        screen.row[screen.column++] = (uint8_t)c < 0x80 ? c : '?';
    }
}

static void terminal_write(struct print_sink *sink, const char *bytes, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        terminal_byte(bytes[i]);
    }
}

/* ---- driving
 * ------------------------------------------------------------------------------------ */

static struct line_editor e;
static const char *const candidates[] = {"help", "halt", "log", "locate", "locator"};

static const char *candidate(uint32_t index) {
    return index < 5 ? candidates[index] : NULL;
}

static int start(void **state) {
    memset(&screen, 0, sizeof screen);
    screen.sink.write = terminal_write;
    row_blank(0);
    line_editor_start(&e, &screen.sink, candidate);
    line_editor_set_prompt(&e, "n1> ");
    line_editor_next(&e);
    return 0;
}

/* Columns of text[from … to). */
static int columns(uint32_t from, uint32_t to) {
    int n = 0;
    for (uint32_t i = from; i < to; i++) {
        n += ((uint8_t)e.text[i] & 0xC0) != 0x80;
    }
    return n;
}

/* The screen shows the prompt, the line from e.view on, and the cursor at its place. */
static void screen_agrees(void) {
    char expected[COLUMNS + LINE_BYTES], seen[LINE_BYTES];
    size_t n = 0;
    for (uint32_t i = e.view; i < e.length; i++) {
        if (((uint8_t)e.text[i] & 0xC0) != 0x80) {
            seen[n++] = (uint8_t)e.text[i] < 0x80 ? e.text[i] : '?';
        }
    }
    seen[n] = '\0';
    snprintf(expected, sizeof expected, "n1> %s", seen);
    expected[COLUMNS - 1] = '\0';
    for (n = strlen(expected); n > 0 && expected[n - 1] == ' '; n--) {
        expected[n - 1] = '\0';
    }
    assert_string_equal(row_text(), expected);
    assert_int_equal(screen.column, 4 + columns(e.view, e.cursor));
    assert_int_equal(strlen(e.text), e.length);
}

static enum line_event type(const char *keys) {
    enum line_event event = LINE_EDITING;
    for (; *keys != '\0'; keys++) {
        event = line_editor_feed(&e, (uint8_t)*keys);
        if (event == LINE_EDITING) {
            screen_agrees();
        }
    }
    return event;
}

static void enter(const char *keys) {
    assert_int_equal(type(keys), LINE_EDITING);
    assert_int_equal(type("\r"), LINE_READY);
    line_editor_next(&e);
    screen_agrees();
}

/* ---- tests
 * -------------------------------------------------------------------------------------- */

static void typing(void **state) {
    assert_string_equal(row_text(), "n1>");
    type("help");
    assert_string_equal(e.text, "help");
    assert_int_equal(type("\r"), LINE_READY);
    assert_string_equal(e.text, "help");
    assert_string_equal(screen.above, "n1> help\n");
    line_editor_next(&e);
    assert_int_equal(line_editor_feed(&e, '\n'), LINE_EDITING); /* \r\n is one Enter */
    assert_int_equal(line_editor_feed(&e, '\n'), LINE_READY);   /* a lone \n is one too */
}

static void editing(void **state) {
    type("abcdef");
    type("\x02\x02\x7f"); /* left, left, rubout */
    assert_string_equal(e.text, "abcef");
    type("\033[DX\033[C\033[3~"); /* left, X, right, delete */
    assert_string_equal(e.text, "abXcf");
    type("\x01<\x05>");
    assert_string_equal(e.text, "<abXcf>");
    type("\033[H\033[3~\033[F\x08");
    assert_string_equal(e.text, "abXcf");
    type("\033OH1\033OF2\033[1~3\033[4~4\033[7~5\033[8~6");
    assert_string_equal(e.text, "531abXcf246");
    type("\x01\x04\x06\x0b");
    assert_string_equal(e.text, "3");
    type(" two  three \x17");
    assert_string_equal(e.text, "3 two  ");
    type("\x17\x17\x17");
    assert_string_equal(e.text, "");
    type("abc\x02\x15");
    assert_string_equal(e.text, "c");
    type("\x7f\x06\x06\x7f\x7f\x7f\x7f");
    assert_string_equal(e.text, "");
}

static void enter_in_the_middle_keeps_the_rest(void **state) {
    type("abc\x02\x02");
    assert_int_equal(type("\r"), LINE_READY);
    assert_string_equal(e.text, "abc");
    assert_string_equal(screen.above, "n1> abc\n");
}

static void interrupt_and_end(void **state) {
    assert_int_equal(type("abc\x03"), LINE_INTERRUPT);
    assert_string_equal(e.text, "");
    assert_string_equal(screen.above, "n1> abc^C\n");
    line_editor_next(&e);
    assert_int_equal(line_editor_feed(&e, 4), LINE_END);
    type("x");
    assert_int_equal(type("\x04"), LINE_EDITING);
    assert_string_equal(e.text, "x");
}

static void history(void **state) {
    enter("one");
    enter("two");
    enter("two");
    enter("");
    enter("three");
    type("draft\033[A");
    assert_string_equal(e.text, "three");
    type("\x10");
    assert_string_equal(e.text, "two");
    type("\033[A");
    assert_string_equal(e.text, "one");
    int bells = screen.bells;
    type("\033[A");
    assert_int_equal(screen.bells, bells + 1);
    type("\033[B\x0e\033[B");
    assert_string_equal(e.text, "draft");
    type("\033[B");
    assert_int_equal(screen.bells, bells + 2);
    type("\033[A edited");
    assert_int_equal(type("\r"), LINE_READY);
    assert_string_equal(e.text, "three edited");
    line_editor_next(&e);
    type("\033[A\033[A"); /* the old line is as it was */
    assert_string_equal(e.text, "three");
}

static void history_is_bounded(void **state) {
    char line[16];
    for (int i = 0; i < 100; i++) {
        snprintf(line, sizeof line, "line%d", i);
        enter(line);
    }
    for (int i = 0; i < LINE_HISTORY + 5; i++) {
        type("\033[A");
    }
    snprintf(line, sizeof line, "line%d", 100 - LINE_HISTORY);
    assert_string_equal(e.text, line);
}

static void completion(void **state) {
    type("he\t");
    assert_string_equal(e.text, "help ");
    type("\t");
    assert_int_equal(screen.bells, 1); /* an argument is not completed */
    type("\x15lo\t");
    assert_string_equal(e.text, "lo");
    assert_string_equal(screen.above, "n1> lo\nlog  locate  locator\n");
    type("c\t");
    assert_string_equal(e.text, "locat");
    type("o\t");
    assert_string_equal(e.text, "locator ");
    type("\x15zz\t");
    assert_int_equal(screen.bells, 2);
    type("\x15"
         "me\x01he\t"); /* completes before the cursor */
    assert_string_equal(e.text, "help me");
}

static void long_lines_scroll_and_stop(void **state) {
    for (int i = 0; i < 600; i++) {
        char key[2] = {(char)('a' + i % 26), '\0'};
        type(key);
    }
    assert_int_equal(e.length, LINE_BYTES - 1);
    assert_int_equal(screen.bells, 600 - (LINE_BYTES - 1));
    for (int i = 0; i < 600; i++) {
        type("\x02");
    }
    assert_int_equal(e.cursor, 0);
    type("\x05\x17");
    assert_int_equal(e.length, 0);
}

static void characters_of_several_bytes(void **state) {
    type("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z"); /* a é € and a face */
    type("\x02\x02\x02");                           /* before € */
    assert_int_equal(e.cursor, 3);
    type("\x7f");
    assert_string_equal(e.text, "a\xe2\x82\xac\xf0\x9f\x98\x80z");
    type("\033[3~\x06");
    assert_string_equal(e.text, "a\xf0\x9f\x98\x80z");
    assert_int_equal(e.cursor, 5);
}

static void hidden_and_shown(void **state) {
    type("abc\x02");
    line_editor_hide(&e);
    assert_string_equal(row_text(), "");
    terminal_write(NULL, "news\n", 5);
    line_editor_show(&e);
    screen_agrees();
    type("\x0c");
    assert_int_equal(screen.clears, 1);
}

static void unknown_keys_do_nothing(void **state) {
    type("ab");
    type("\033[15~\033[1;5C\033[Z\033x\033OP\033[99999999~\x1a\x1f");
    assert_string_equal(e.text, "ab");
    assert_int_equal(line_editor_feed(&e, 0), LINE_EDITING);
}

/* Any bytes at all: the screen always agrees, nothing is written outside. */
static void noise(void **state) {
    static const char keys[] = "abc \x01\x02\x04\x05\x06\x08\t\x0b\x0c\x0e\x10\x15\x17\x7f"
                               "\033[ADC3~\r\n\x03\xc3\xa9\x80";
    uint64_t seed = 1;
    for (int i = 0; i < 100000; i++) {
        seed = seed * 6364136223846793005ull + 1442695040888963407ull;
        uint32_t r = (uint32_t)(seed >> 33);
        uint8_t key = r % 8 == 0 ? (uint8_t)(r >> 8) : (uint8_t)keys[(r >> 8) % (sizeof keys - 1)];
        enum line_event event = line_editor_feed(&e, key);
        if (event != LINE_EDITING) {
            line_editor_next(&e);
        }
        assert_true(e.length < LINE_BYTES && e.cursor <= e.length && e.view <= e.cursor);
        assert_int_equal(strlen(e.text), e.length);
        assert_int_equal(screen.column, 4 + columns(e.view, e.cursor));
        screen.above_length = 0;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(typing, start),
        cmocka_unit_test_setup(editing, start),
        cmocka_unit_test_setup(enter_in_the_middle_keeps_the_rest, start),
        cmocka_unit_test_setup(interrupt_and_end, start),
        cmocka_unit_test_setup(history, start),
        cmocka_unit_test_setup(history_is_bounded, start),
        cmocka_unit_test_setup(completion, start),
        cmocka_unit_test_setup(long_lines_scroll_and_stop, start),
        cmocka_unit_test_setup(characters_of_several_bytes, start),
        cmocka_unit_test_setup(hidden_and_shown, start),
        cmocka_unit_test_setup(unknown_keys_do_nothing, start),
        cmocka_unit_test_setup(noise, start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
