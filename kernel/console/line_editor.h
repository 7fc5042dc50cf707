/* The line that a person edits at the prompt. Pure: bytes in, terminal bytes out to a sink, one
 * event when the line is complete; the host tests drive it with a small terminal. Everything is
 * bounded: a line that is full refuses characters with a bell; a line wider than the terminal
 * scrolls sideways. Keys: arrows, Home, End, Delete, Backspace, Ctrl-A E B F D K U W L P N C,
 * Tab. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "kernel/print.h"

enum {
    LINE_BYTES = 512,  /* with the final zero; = COMMAND_LINE_BYTES */
    LINE_HISTORY = 16, /* 16 x 512 B = 8 KB */
    LINE_COLUMNS = 80,
    LINE_PROMPT_BYTES = 32,
};

enum line_event {
    LINE_EDITING,   /* nothing to do */
    LINE_READY,     /* Enter: text is complete, the cursor is on a fresh line */
    LINE_INTERRUPT, /* Ctrl-C: text is empty again */
    LINE_END,       /* Ctrl-D on an empty line */
};

struct line_editor {
    struct print_sink *out;
    const char *(*candidate)(uint32_t index); /* words for Tab, NULL after the last; or NULL */
    char prompt[LINE_PROMPT_BYTES];
    char text[LINE_BYTES];   /* zero-terminated */
    uint32_t length, cursor; /* bytes */
    uint32_t view;           /* first byte that is shown */
    uint8_t escape;          /* enum escape_state of line_editor.c */
    uint32_t escape_number;
    bool after_cr; /* a \n now belongs to the \r before it */
    char history[LINE_HISTORY][LINE_BYTES];
    uint32_t history_count; /* lines ever kept; line i is in row i % LINE_HISTORY */
    uint32_t history_at;    /* shown now; history_count: the line being written */
    char draft[LINE_BYTES]; /* the line being written, while an old one is shown */
};

void line_editor_start(struct line_editor *e, struct print_sink *out,
                       const char *(*candidate)(uint32_t index));
void line_editor_set_prompt(struct line_editor *e, const char *prompt);

/* One byte from the terminal. After LINE_READY e->text is the line until line_editor_next(). */
enum line_event line_editor_feed(struct line_editor *e, uint8_t byte);

/* Begin a new line: remembers the old one in the history, shows the prompt. */
void line_editor_next(struct line_editor *e);

/* Take the prompt and the line off the terminal, and put them back (elsewhere). */
void line_editor_hide(struct line_editor *e);
void line_editor_show(struct line_editor *e);
