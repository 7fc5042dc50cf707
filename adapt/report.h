/* Reports: what people must be told, as codes with arguments, so that the core needs no printf and
 * the simulator can check them. One row of report.def each; report_format() makes the line for a
 * console. */
#pragma once

#include "adapt/base.h"

#define REPORT(name, text) REPORT_##name,
enum report {
    REPORT_NONE,
#include "adapt/report.def"
    REPORTS
};
#undef REPORT

enum { REPORT_TEXT_BYTES_MAX = 160 }; /* of a report's own text: seven names of 16 bytes, or so */

struct node;
/* FX_REPORT with code, three arguments and an optional text, which is copied (cut at
 * REPORT_TEXT_BYTES_MAX - 1) and comes zero-terminated in the effect's bytes. The effect: value =
 * code, arg[0..2], arg[3] = 0, bytes and size of the text with its zero (NULL: none). */
void node_report(struct node *n, enum report code, uint32_t a, uint32_t b, uint32_t c,
                 const char *text);
/* The line for people, zero-terminated and cut at size - 1: %a %b %c %d decimal, %A … hexadecimal,
 * %s the text. Returns its length. */
uint32_t report_format(char *line, uint32_t size, enum report code, const uint32_t arg[4],
                       const char *text);
