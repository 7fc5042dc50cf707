/* The console that a person sees on COM1 and the screen: prompt, line editor, commands, or the
 * foreground job's terminal. One of them per node; called from the pump only. */
#pragma once

#include <stdint.h>

#include "kernel/print.h"

/* Prompt on. After print_start(). */
void console_start(void);

/* Name in the prompt ("n1> "); copied. Before it is called the prompt is "lisse> ". */
void console_set_name(const char *name);
const char *console_name(void);

/* Bytes from COM1's ring into the console; returns how many. The pump calls it. */
uint32_t console_poll(void);
void console_feed(uint8_t byte);

/* While a job is in the foreground, the terminal is its: whole lines (with their \n), end of
 * file (Ctrl-D on an empty line) and Ctrl-C go to it, and there is no prompt. NULL: back to the
 * prompt. */
struct console_job {
    void (*line)(const char *bytes, uint32_t count);
    void (*end_of_file)(void);
    void (*interrupt)(void);
};
void console_foreground(const struct console_job *job);

/* print.c brackets its output with these: the line being edited disappears and comes back. */
void console_line_hide(void);
void console_line_show(void);

/* print.c tells what goes to the terminal, so that we know whether a line has ended. */
void console_note_output(const char *bytes, uint32_t count);
