/* The command line: a table of options, each `--name value`, `--name=value` or `-n value`.
 *
 * Main only. Says what is wrong and what would be right; never guesses. */
#include "apps/mgs/options.h"

#include "apps/mgs/mgs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char options_help[] =
    "Factors A = QR by Modified Gram-Schmidt with several threads, in double precision.\n"
    "\n"
    "usage: mgs -n SIZE | --file FILE.mtx  [options]\n"
    "  -n SIZE        a random SIZE x SIZE matrix, 1 to 4096\n"
    "  --seed S       of the random matrix (1)\n"
    "  --file FILE    a Matrix Market file: real, integer or pattern; its columns are the vectors\n"
    "  -t THREADS     1 to 256 (as many as there are CPUs; on Lisse, a node has one)\n"
    "  --fp PATH      x87, sse2 or auto (auto: sse2 where all CPUs have it)\n"
    "  --packed       vectors without gaps, so that they share pages: shows what that costs\n"
    "  --check        measure the residual and the condition too, and judge: exit code 1 on FAIL\n"
    "  --loop-only    do not even measure the loss of orthogonality\n"
    "  --json         the result as one JSON object\n"
    "  --dump         Q and R on stdout: a line \"mgs-dump ROWS COLUMNS\", Q's columns, then of\n"
    "                 R's column j the first j + 1 elements, as little-endian doubles; the\n"
    "                 result goes to stderr\n";

enum option_kind { OPTION_FLAG, OPTION_NUMBER, OPTION_TEXT, OPTION_FP };

struct option {
    const char *name;
    enum option_kind kind;
    uint64_t min, max;          /* of a number                                                 */
    void *value;                /* int, uint64_t, const char * or enum fp_wish, by kind        */
};

static int option_number(const struct option *option, const char *text)
{
    char *end;
    unsigned long long value;

    errno = 0;
    value = strtoull(text, &end, 10);
    if (strchr("0123456789", text[0]) == NULL || text[0] == '\0' || *end != '\0' || errno != 0
        || value < option->min || value > option->max) {
        fprintf(stderr, "mgs: %s needs a whole number from %llu to %llu, not \"%s\"\n",
                option->name, (unsigned long long)option->min,
                (unsigned long long)option->max, text);
        return -1;
    }
    *(uint64_t *)option->value = value;
    return 0;
}

static int option_fp(const struct option *option, const char *text)
{
    static const char *const names[] = { [FP_AUTO] = "auto", [FP_X87] = "x87", [FP_SSE2] = "sse2" };

    for (int i = FP_AUTO; i <= FP_SSE2; i++) {
        if (strcmp(text, names[i]) == 0) {
            *(enum fp_wish *)option->value = (enum fp_wish)i;
            return 0;
        }
    }
    fprintf(stderr, "mgs: %s needs auto, x87 or sse2, not \"%s\"\n", option->name, text);
    return -1;
}

static int option_set(const struct option *option, const char *text)
{
    switch (option->kind) {
    case OPTION_NUMBER:
        return option_number(option, text);
    case OPTION_FP:
        return option_fp(option, text);
    case OPTION_TEXT:
        *(const char **)option->value = text;
        return 0;
    default:
        *(int *)option->value = 1;
        return 0;
    }
}

/* The option that `arg` names; *value: what follows a '=' in it, or NULL. */
static const struct option *option_find(const struct option *table, const char *arg,
                                        const char **value)
{
    size_t length = strcspn(arg, "=");

    *value = arg[length] == '=' ? arg + length + 1 : NULL;
    for (; table->name != NULL; table++) {
        if (strlen(table->name) == length && strncmp(table->name, arg, length) == 0) {
            return table;
        }
    }
    return NULL;
}

static int options_judge(const struct options *o)
{
    const char *wrong = NULL;

    if (o->help) {
        return 0;
    }
    if (o->n == 0 && o->file == NULL) {
        wrong = "no matrix: give -n SIZE for a random one, or --file FILE.mtx";
    } else if (o->n != 0 && o->file != NULL) {
        wrong = "two matrices: give either -n SIZE or --file FILE, not both";
    } else if (o->check && o->loop_only) {
        wrong = "--check and --loop-only contradict each other: leave one out";
    }
    if (wrong != NULL) {
        fprintf(stderr, "mgs: %s (mgs --help tells more)\n", wrong);
        return -1;
    }
    return 0;
}

int options_parse(int argc, char **argv, struct options *o)
{
    const struct option table[] = {
        { "-n", OPTION_NUMBER, 1, MGS_COLS_MAX, &o->n },
        { "-t", OPTION_NUMBER, 1, MGS_THREADS_MAX, &o->threads },
        { "--threads", OPTION_NUMBER, 1, MGS_THREADS_MAX, &o->threads },
        { "--seed", OPTION_NUMBER, 0, UINT64_MAX, &o->seed },
        { "--file", OPTION_TEXT, 0, 0, &o->file },
        { "--fp", OPTION_FP, 0, 0, &o->fp },
        { "--packed", OPTION_FLAG, 0, 0, &o->packed },
        { "--check", OPTION_FLAG, 0, 0, &o->check },
        { "--loop-only", OPTION_FLAG, 0, 0, &o->loop_only },
        { "--json", OPTION_FLAG, 0, 0, &o->json },
        { "--dump", OPTION_FLAG, 0, 0, &o->dump },
        { "--help", OPTION_FLAG, 0, 0, &o->help },
        { "-h", OPTION_FLAG, 0, 0, &o->help },
        { NULL, OPTION_FLAG, 0, 0, NULL },
    };

    *o = (struct options){ .seed = 1 };
    for (int i = 1; i < argc; i++) {
        const char *value;
        const struct option *option = option_find(table, argv[i], &value);

        if (option == NULL) {
            fprintf(stderr, "mgs: unknown option \"%s\" (mgs --help lists them)\n", argv[i]);
            return -1;
        }
        if (option->kind == OPTION_FLAG && value != NULL) {
            fprintf(stderr, "mgs: %s takes no value, leave out \"=%s\"\n", option->name, value);
            return -1;
        }
        if (option->kind != OPTION_FLAG && value == NULL && ++i < argc) {
            value = argv[i];
        }
        if (option->kind != OPTION_FLAG && value == NULL) {
            fprintf(stderr, "mgs: %s needs a value after it (mgs --help tells which)\n",
                    option->name);
            return -1;
        }
        if (option_set(option, value) != 0) {
            return -1;
        }
    }
    return options_judge(o);
}
