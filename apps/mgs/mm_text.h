/* The text of a Matrix Market file, as mm.c reads it: lines, words, numbers, messages.
 *
 * All calls return 0, or -1 with the one message "NAME:LINE: ..." in t->error. */
#pragma once

#include <stdint.h>
#include <stdio.h>

#define MM_WORDS_MAX 6u  /* the first line has 5; a sixth shows that there are too many */
#define MM_QUOTE_MAX 48u /* characters of the file in a message                         */

enum mm_line { MM_LINE_END, MM_LINE_TEXT, MM_LINE_BAD };

struct mm_text {
    FILE *in;
    const char *name;                   /* for messages                                     */
    char *error;                        /* MM_ERROR_MAX bytes                               */
    uint32_t line_number;               /* of `line`; 0 before the first                    */
    uint32_t words;                     /* of the line                                      */
    char *word[MM_WORDS_MAX];
    char line[1024 + 1];                /* MM_LINE_MAX and a zero                           */
    char quoted[MM_QUOTE_MAX * 4 + 6];  /* each as \xNN at worst, quotes, dots, a zero      */
};

/* A whole number without sign: what it is called in the message, from where to where it may go. */
struct mm_range {
    const char *what;
    uint64_t min, max;
};

__attribute__((format(printf, 2, 3)))
int mm_text_fail(struct mm_text *t, const char *format, ...);

/* The file's own text for a message: in quotes, cut, nothing that a terminal would obey.
 * Valid until the next call. */
const char *mm_text_quote(struct mm_text *t, const char *text);

/* Reads the first line, which alone may begin with '%', and splits it into words. */
enum mm_line mm_text_first(struct mm_text *t);

/* The next line that is neither blank nor a comment, split into words (at least one). */
enum mm_line mm_text_next(struct mm_text *t);

/* Fails unless the line has as many words as `expected`. */
int mm_text_expect(struct mm_text *t, uint32_t words, const char *expected);

int mm_text_whole(struct mm_text *t, uint32_t word, const struct mm_range *range, uint64_t *value);

/* A decimal number, or a whole one with a sign; finite. */
enum mm_number { MM_NUMBER_DECIMAL, MM_NUMBER_INTEGER };
int mm_text_number(struct mm_text *t, uint32_t word, enum mm_number kind, double *value);
