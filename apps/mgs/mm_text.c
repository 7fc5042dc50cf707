/* Lines, words and numbers of a Matrix Market file. Contract: mm_text.h.
 *
 * Runs in one thread. Keeps one line; never looks at what the words mean. Bytes may be anything. */
#include "apps/mgs/mm_text.h"

#include "apps/mgs/mm.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

int mm_text_fail(struct mm_text *t, const char *format, ...)
{
    va_list args;
    int used = t->line_number == 0
        ? snprintf(t->error, MM_ERROR_MAX, "%.80s: ", t->name)
        : snprintf(t->error, MM_ERROR_MAX, "%.80s:%u: ", t->name, (unsigned)t->line_number);

    va_start(args, format);
    (void)vsnprintf(t->error + used, MM_ERROR_MAX - (unsigned)used, format, args);
    va_end(args);
    return -1;
}

const char *mm_text_quote(struct mm_text *t, const char *text)
{
    char *out = t->quoted;
    uint32_t n = 0;

    *out++ = '"';
    for (; text[n] != '\0' && n < MM_QUOTE_MAX; n++) {
        unsigned char c = (unsigned char)text[n];

        if (c >= ' ' && c < 127) {
            *out++ = (char)c;
        } else {
            out += snprintf(out, 5, "\\x%02x", c);
        }
    }
    (void)snprintf(out, 5, "%s", text[n] != '\0' ? "...\"" : "\"");
    return t->quoted;
}

/* Reads up to the next line feed; what does not fit is counted but not kept. Returns the length,
 * or -1 at the end of the file. */
static int64_t line_read(struct mm_text *t)
{
    int64_t length = 0;
    int c = getc(t->in);

    if (c == EOF) {
        return -1;
    }
    t->line_number++;
    while (c != EOF && c != '\n') {
        if (length < MM_LINE_MAX) {
            t->line[length] = (char)c;
        }
        length++;
        c = getc(t->in);
    }
    if (length > 0 && length <= MM_LINE_MAX && t->line[length - 1] == '\r') {
        length--;
    }
    t->line[length < MM_LINE_MAX ? length : MM_LINE_MAX] = '\0';
    return length;
}

static enum mm_line line_split(struct mm_text *t, int64_t length)
{
    uint32_t kept = length < MM_LINE_MAX ? (uint32_t)length : MM_LINE_MAX;
    char *rest = t->line;

    t->words = 0;
    if (memchr(t->line, '\0', kept) != NULL) {
        (void)mm_text_fail(t, "there is a zero byte: this is no text file; "
                           "give a Matrix Market file, unpacked");
        return MM_LINE_BAD;
    }
    if (length > MM_LINE_MAX) {
        (void)mm_text_fail(t, "the line has %lld characters, at most %u are allowed; "
                           "put one entry on a line", (long long)length, MM_LINE_MAX);
        return MM_LINE_BAD;
    }
    while (t->words < MM_WORDS_MAX && *(rest += strspn(rest, " \t")) != '\0') {
        t->word[t->words++] = rest;
        rest += strcspn(rest, " \t");
        if (*rest != '\0') {
            *rest++ = '\0';
        }
    }
    return MM_LINE_TEXT;
}

static enum mm_line line_missing(struct mm_text *t)
{
    if (ferror(t->in)) {
        (void)mm_text_fail(t, "cannot be read any further: %s", strerror(errno));
        return MM_LINE_BAD;
    }
    return MM_LINE_END;
}

enum mm_line mm_text_first(struct mm_text *t)
{
    int64_t length = line_read(t);

    return length < 0 ? line_missing(t) : line_split(t, length);
}

enum mm_line mm_text_next(struct mm_text *t)
{
    enum mm_line line = MM_LINE_TEXT;

    t->words = 0;
    while (line == MM_LINE_TEXT && t->words == 0) {
        int64_t length = line_read(t);

        if (length < 0) {
            return line_missing(t);
        }
        if (t->line[0] != '%') {
            line = line_split(t, length);
        }
    }
    return line;
}

int mm_text_expect(struct mm_text *t, uint32_t words, const char *expected)
{
    if (t->words == words) {
        return 0;
    }
    if (t->words == 1) {
        return mm_text_fail(t, "expected %s, found only %s", expected,
                            mm_text_quote(t, t->word[0]));
    }
    return mm_text_fail(t, "expected %s, found %u%s words, the last is %s", expected,
                        (unsigned)t->words, t->words == MM_WORDS_MAX ? " or more" : "",
                        mm_text_quote(t, t->word[t->words - 1]));
}

int mm_text_whole(struct mm_text *t, uint32_t word, const struct mm_range *range, uint64_t *value)
{
    const char *text = t->word[word];

    errno = 0;
    *value = strtoull(text, NULL, 10);
    if (text[strspn(text, "0123456789")] != '\0' || errno != 0
        || *value < range->min || *value > range->max) {
        return mm_text_fail(t, "expected %s from %llu to %llu, found %s", range->what,
                            (unsigned long long)range->min, (unsigned long long)range->max,
                            mm_text_quote(t, text));
    }
    return 0;
}

int mm_text_number(struct mm_text *t, uint32_t word, enum mm_number kind, double *value)
{
    const char *text = t->word[word];
    const char *letters = kind == MM_NUMBER_INTEGER ? "+-0123456789" : "+-.0123456789eE";
    char *end;

    *value = strtod(text, &end);
    if (text[strspn(text, letters)] != '\0' || *end != '\0') {
        return mm_text_fail(t, "expected %s, found %s", kind == MM_NUMBER_INTEGER
                            ? "a whole number, since the first line says integer"
                            : "a decimal number such as -1.5e-3", mm_text_quote(t, text));
    }
    if (!isfinite(*value)) {
        return mm_text_fail(t, "%s is too large for a double (1.8e308); scale the matrix",
                            mm_text_quote(t, text));
    }
    return 0;
}
