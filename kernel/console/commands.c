/* A command line into words, words to a command. Pure but for the tables. */
#include "kernel/console/commands.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "kernel/nearest.h"

enum { NEAR_ENOUGH = 2 };

/* The list of tables. commands_core is empty until kernel/console/commands_core.c is linked. */
__attribute__((weak)) const struct command_table commands_core = {NULL, 0};
static const struct command_table *const tables[] = {&commands_basic, &commands_core};
enum { TABLES = sizeof tables / sizeof tables[0] };

/* The index-th command over all tables, NULL after the last. */
static const struct command *command_at(uint32_t index) {
    for (uint32_t t = 0; t < TABLES; t++) {
        if (index < tables[t]->count) {
            return &tables[t]->commands[index];
        }
        index -= tables[t]->count;
    }
    return NULL;
}

const struct command *commands_next_visible(uint32_t *index) {
    const struct command *c;
    while ((c = command_at((*index)++)) != NULL) {
        if (c->help != NULL) {
            return c;
        }
    }
    return NULL;
}

const char *commands_name(uint32_t index) {
    const struct command *c = NULL;
    uint32_t at = 0;
    for (uint32_t i = 0; i <= index; i++) {
        c = commands_next_visible(&at);
    }
    return c != NULL ? c->name : NULL;
}

static const struct command *command_find(const char *name) {
    const struct command *c;
    for (uint32_t i = 0; (c = command_at(i)) != NULL; i++) {
        if (strcmp(c->name, name) == 0) {
            return c;
        }
    }
    return NULL;
}

static void report_unknown(const char *name, struct print_sink *out) {
    uint32_t best = NEAR_ENOUGH + 1, at = 0;
    const struct command *c, *nearest = NULL;
    while ((c = commands_next_visible(&at)) != NULL) {
        uint32_t distance = nearest_distance(name, c->name);
        if (distance < best && distance < strlen(c->name)) {
            best = distance;
            nearest = c;
        }
    }
    print_to(out, "there is no command '%.40s'; ", name);
    if (nearest != NULL) {
        print_to(out, "did you mean '%s'? ", nearest->name);
    }
    print_to(out, "'help' lists all\n");
}

/* ---- words ----------------------------------------------------------------------------------- */

/* The reader's place in a line that is being split in place. */
struct words {
    const char *from;
    char *to;
    char quote;
};

/* One word, its quotes removed; false when nothing is left. */
static bool word_take(struct words *w, char **word) {
    while (*w->from == ' ' || *w->from == '\t') {
        w->from++;
    }
    if (*w->from == '\0') {
        return false;
    }
    *word = w->to;
    for (; *w->from != '\0' && (w->quote != '\0' || (*w->from != ' ' && *w->from != '\t'));
         w->from++) {
        char c = *w->from;
        bool toggles = w->quote != '\0' ? c == w->quote : c == '"' || c == '\'';
        if (toggles) {
            w->quote = w->quote != '\0' ? '\0' : c;
        } else {
            *w->to++ = c;
        }
    }
    w->from += *w->from != '\0' ? 1 : 0; /* before the zero below overwrites it */
    *w->to++ = '\0';
    return true;
}

/* Words of line, split in place; -1 when there are too many or a quote is not closed. */
static int words_split(char *line, char **argv, struct print_sink *out) {
    struct words w = {line, line, '\0'};
    char *word;
    int argc = 0;
    while (word_take(&w, &word)) {
        if (argc == COMMAND_ARGS_MAX) {
            print_to(out, "more than %d words on a command line\n", COMMAND_ARGS_MAX);
            return -1;
        }
        argv[argc++] = word;
    }
    if (w.quote != '\0') {
        print_to(out, "the quote %c is not closed\n", w.quote);
        return -1;
    }
    argv[argc] = NULL;
    return argc;
}

int console_execute(const char *line, struct print_sink *out) {
    char words[COMMAND_LINE_BYTES];
    char *argv[COMMAND_ARGS_MAX + 1];
    size_t length = strlen(line);
    if (length >= sizeof words) {
        print_to(out, "a command line has at most %d characters\n", COMMAND_LINE_BYTES - 1);
        return COMMAND_USAGE;
    }
    memcpy(words, line, length + 1);
    int argc = words_split(words, argv, out);
    if (argc <= 0) {
        return argc < 0 ? COMMAND_USAGE : 0;
    }
    const struct command *c = command_find(argv[0]);
    if (c == NULL) {
        report_unknown(argv[0], out);
        return COMMAND_UNKNOWN;
    }
    int status = c->run(argc, argv, out);
    if (status == COMMAND_USAGE) {
        print_to(out, "usage: %s%s%s\n", c->name, *c->usage != '\0' ? " " : "", c->usage);
    }
    return status;
}
