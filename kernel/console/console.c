/* Whoever types on COM1 talks to this. At the prompt a line is a command; while a job is in the
 * foreground lines are its stdin, edited as a Unix terminal does in cooked mode (Backspace,
 * Ctrl-U, Ctrl-D, Ctrl-C). Text that arrives while a line is being typed takes the line away and
 * puts it back below. */
#include "kernel/console/console.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "drivers/serial.h"
#include "kernel/console/commands.h"
#include "kernel/console/line_editor.h"

_Static_assert((int)LINE_BYTES == (int)COMMAND_LINE_BYTES, "a line is a command");

enum {
    POLL_BYTES_MAX = 256, /* of one poll: typing and pasting, not a flood */
    CONTROL_C = 0x03,
    CONTROL_D = 0x04,
    BACKSPACE = 0x08,
    CONTROL_U = 0x15,
    RUBOUT = 0x7F,
};

/* What the terminal shows of the line. */
enum line_state {
    LINE_OFF, /* there is no prompt: not started, a command runs, a job has the terminal */
    LINE_SHOWN,
    LINE_HIDDEN, /* output came; the line comes back with the next complete output line */
};

static struct line_editor editor;
static enum line_state line_state;
static const struct console_job *job;
static char cooked[LINE_BYTES];
static uint32_t cooked_count;
static bool cooked_after_cr;
static bool column_zero = true; /* the last output ended a line */
static char name[LINE_PROMPT_BYTES - 4] = "lisse";

void console_note_output(const char *bytes, uint32_t count) {
    if (count > 0) {
        column_zero = bytes[count - 1] == '\n';
    }
}

void console_line_hide(void) {
    if (line_state == LINE_SHOWN) {
        line_editor_hide(&editor);
        line_state = LINE_HIDDEN;
        column_zero = true;
    }
}

void console_line_show(void) {
    if (line_state == LINE_HIDDEN && column_zero) {
        line_editor_show(&editor);
        line_state = LINE_SHOWN;
    }
}

/* Before the editor draws: it must have the terminal, on a line of its own. */
static void line_claim(void) {
    if (line_state == LINE_HIDDEN) {
        print_to(&print_consoles, "\n");
        line_editor_show(&editor);
        line_state = LINE_SHOWN;
    }
}

static void line_begin(void) {
    if (!column_zero) {
        print_to(&print_consoles, "\n");
    }
    line_editor_next(&editor);
    line_state = LINE_SHOWN;
}

/* ---- name and start -------------------------------------------------------------------------- */

static void prompt_set(void) {
    char prompt[LINE_PROMPT_BYTES];
    print_text(prompt, sizeof prompt, "%s> ", name);
    line_editor_set_prompt(&editor, prompt);
}

void console_set_name(const char *new_name) {
    console_line_hide();
    print_text(name, sizeof name, "%s", new_name);
    prompt_set();
    console_line_show();
}

const char *console_name(void) {
    return name;
}

void console_start(void) {
    line_editor_start(&editor, &print_consoles, commands_name);
    prompt_set();
    line_begin();
}

/* ---- a job in the foreground ----------------------------------------------------------------- */

void console_foreground(const struct console_job *new_job) {
    if (new_job != NULL) {
        console_line_hide();
        line_state = LINE_OFF;
        cooked_count = 0;
    }
    bool was_job = job != NULL;
    job = new_job;
    if (new_job == NULL && was_job) {
        line_begin();
    }
}

static void cooked_erase(uint32_t from) {
    for (; cooked_count > from; cooked_count--) {
        if (((uint8_t)cooked[cooked_count - 1] & 0xC0) != 0x80) { /* one column per character */
            print_to(&print_consoles, "\b \b");
        }
    }
}

static uint32_t cooked_before_last(void) {
    uint32_t at = cooked_count;
    while (at > 0 && ((uint8_t)cooked[--at] & 0xC0) == 0x80) {
    }
    return at;
}

static void cooked_send(void) {
    uint32_t count = cooked_count;
    cooked_count = 0;
    job->line(cooked, count);
}

static void cooked_insert(uint8_t byte) {
    if (cooked_count < LINE_BYTES - 1) { /* one byte is kept for the \n */
        cooked[cooked_count++] = (char)byte;
        print_consoles.write(&print_consoles, (const char *)&byte, 1);
    }
}

static void cooked_control(uint8_t byte) {
    switch (byte) {
    case CONTROL_C:
        print_to(&print_consoles, "^C\n");
        cooked_count = 0;
        job->interrupt();
        break;
    case CONTROL_D:
        if (cooked_count > 0) {
            cooked_send();
        } else {
            job->end_of_file();
        }
        break;
    case BACKSPACE:
    case RUBOUT:
        cooked_erase(cooked_before_last());
        break;
    case CONTROL_U:
        cooked_erase(0);
        break;
    default: /* Tab goes to the program, other control characters nowhere */
        if (byte == '\t') {
            cooked_insert(byte);
        }
    }
}

static void cooked_feed(uint8_t byte) {
    bool after_cr = cooked_after_cr;
    cooked_after_cr = byte == '\r';
    if (byte == '\r' || (byte == '\n' && !after_cr)) {
        print_to(&print_consoles, "\n");
        cooked[cooked_count++] = '\n';
        cooked_send();
    } else if (byte >= ' ' && byte != RUBOUT) {
        cooked_insert(byte);
    } else if (byte != '\n') {
        cooked_control(byte);
    }
}

/* ---- bytes ----------------------------------------------------------------------------------- */

static void command_run(void) {
    char line[COMMAND_LINE_BYTES];
    memcpy(line, editor.text, editor.length + 1);
    line_state = LINE_OFF;
    console_execute(line, &print_consoles);
    if (job == NULL && line_state == LINE_OFF) { /* it may have run a job that is over already */
        line_begin();
    }
}

void console_feed(uint8_t byte) {
    if (job != NULL) {
        cooked_feed(byte);
        return;
    }
    if (line_state == LINE_OFF) {
        return;
    }
    line_claim();
    enum line_event event = line_editor_feed(&editor, byte);
    if (event == LINE_READY) {
        command_run();
    } else if (event == LINE_INTERRUPT) {
        line_begin();
    }
}

uint32_t console_poll(void) {
    uint8_t bytes[POLL_BYTES_MAX];
    uint32_t count = serial_rx(SERIAL_COM1, bytes, sizeof bytes);
    for (uint32_t i = 0; i < count; i++) {
        console_feed(bytes[i]);
    }
    return count;
}
