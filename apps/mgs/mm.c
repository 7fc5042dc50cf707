/* The Matrix Market reader: first line, size line, entries, in this order below.
 *
 * Runs in one thread, before the others start. The file is streamed: one line and the dense
 * result are all that is kept (and one bit per element while coordinates are read). Whatever the
 * bytes are, the end is a matrix or one message. Contract and sources: mm.h. */
#include "apps/mgs/mm.h"

#include "apps/mgs/mm_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum format { FORMAT_ARRAY, FORMAT_COORDINATE };
enum field { FIELD_REAL, FIELD_DOUBLE, FIELD_INTEGER, FIELD_PATTERN, FIELD_COMPLEX };
enum symmetry { SYMMETRY_GENERAL, SYMMETRY_SYMMETRIC, SYMMETRY_SKEW, SYMMETRY_HERMITIAN };

_Static_assert(sizeof(((struct mm_text *)0)->line) == MM_LINE_MAX + 1, "a line and a zero");

struct reader {
    struct mm_text text;
    enum format format;
    enum field field;
    enum symmetry symmetry;
    uint32_t size_line;                /* number of the size line                          */
    uint64_t promised;                 /* entries, by the size line                        */
    uint64_t found;                    /* entries, so far                                  */
    uint8_t *seen;                     /* bit j * rows + i: (i, j) was given; coordinate   */
    struct mm_matrix m;
};

/* The index of the line's word in a list that ends with NULL; -1 and a message. */
static int keyword_find(struct mm_text *t, uint32_t word, const char *const *list,
                        const char *expected)
{
    int i = 0;

    while (list[i] != NULL && strcasecmp(t->word[word], list[i]) != 0) {
        i++;
    }
    return list[i] != NULL ? i
        : mm_text_fail(t, "expected %s, found %s", expected, mm_text_quote(t, t->word[word]));
}

static int banner_judge(struct reader *r)
{
    if (r->field == FIELD_COMPLEX || r->symmetry == SYMMETRY_HERMITIAN) {
        return mm_text_fail(&r->text, "the matrix is complex, and only real ones can be factored "
                            "here; take one whose first line says real, integer or pattern");
    }
    if (r->field == FIELD_PATTERN && r->format == FORMAT_ARRAY) {
        return mm_text_fail(&r->text, "\"array pattern\" contradicts itself: an array consists of "
                            "values; write coordinate, or real");
    }
    if (r->field == FIELD_PATTERN && r->symmetry == SYMMETRY_SKEW) {
        return mm_text_fail(&r->text, "\"pattern skew-symmetric\" contradicts itself: 1 and -1 "
                            "are values; write general, or integer");
    }
    return 0;
}

static int banner_parse(struct reader *r)
{
    static const char *const objects[] = { "matrix", NULL };
    static const char *const formats[] = { "array", "coordinate", NULL };
    static const char *const fields[] = { "real", "double", "integer", "pattern", "complex", NULL };
    static const char *const symmetries[] = { "general", "symmetric", "skew-symmetric",
                                              "hermitian", NULL };
    struct mm_text *t = &r->text;
    int format, field, symmetry;

    if (mm_text_expect(t, 5, "\"%%MatrixMarket matrix FORMAT FIELD SYMMETRY\"") != 0
        || keyword_find(t, 1, objects, "the object matrix") < 0
        || (format = keyword_find(t, 2, formats, "the format array or coordinate")) < 0
        || (field = keyword_find(t, 3, fields, "the field real, integer or pattern")) < 0
        || (symmetry = keyword_find(t, 4, symmetries,
                                    "the symmetry general, symmetric or skew-symmetric")) < 0) {
        return -1;
    }
    r->format = (enum format)format;
    r->field = (enum field)field;
    r->symmetry = (enum symmetry)symmetry;
    return banner_judge(r);
}

/* %%MatrixMarket matrix FORMAT FIELD SYMMETRY [MM 3] */
static int banner_read(struct reader *r)
{
    struct mm_text *t = &r->text;
    enum mm_line line = mm_text_first(t);

    if (line != MM_LINE_TEXT) {
        return line == MM_LINE_BAD ? -1
            : mm_text_fail(t, "the file is empty; give a Matrix Market file");
    }
    if (t->words == 0 || strcasecmp(t->word[0], "%%MatrixMarket") != 0) {
        return mm_text_fail(t, "expected a first line that begins with %%%%MatrixMarket, found %s; "
                            "is this a Matrix Market file?",
                            t->words == 0 ? "a blank one" : mm_text_quote(t, t->word[0]));
    }
    return banner_parse(r);
}

/* How many entries the shape has room for: all, or those below the diagonal (and on it). */
static uint64_t entries_max(const struct reader *r)
{
    uint64_t rows = r->m.rows;

    switch (r->symmetry) {
    case SYMMETRY_SYMMETRIC: return rows * (rows + 1) / 2;
    case SYMMETRY_SKEW:      return rows * (rows - 1) / 2;
    default:                 return rows * r->m.cols;
    }
}

static int size_judge(struct reader *r)
{
    unsigned rows = r->m.rows;
    unsigned cols = r->m.cols;
    uint64_t max = entries_max(r);

    if (r->symmetry != SYMMETRY_GENERAL && rows != cols) {
        return mm_text_fail(&r->text, "a symmetric matrix must be square, this one is %u x %u; "
                            "correct the size, or write general", rows, cols);
    }
    if ((uint64_t)rows * cols > MM_ELEMENTS_MAX) {
        return mm_text_fail(&r->text, "%u x %u elements are more than the limit of %u (128 MB); "
                            "take a smaller matrix", rows, cols, MM_ELEMENTS_MAX);
    }
    if (r->format == FORMAT_ARRAY) {
        r->promised = max;
    }
    if (r->promised > max) {
        return mm_text_fail(&r->text, "%llu entries are promised, but %u x %u has room for %llu, "
                            "each given once; correct the count", (unsigned long long)r->promised,
                            rows, cols, (unsigned long long)max);
    }
    return 0;
}

/* ROWS COLUMNS, for coordinates also ENTRIES [MM 3] */
static int size_read(struct reader *r)
{
    static const struct mm_range rows_range = { "a number of rows", 1, MM_ROWS_MAX };
    static const struct mm_range cols_range = { "a number of columns", 1, MM_ROWS_MAX };
    static const struct mm_range entries_range = { "a number of entries", 0, UINT64_MAX };
    struct mm_text *t = &r->text;
    int array = r->format == FORMAT_ARRAY;
    const char *expected = array ? "the size line \"ROWS COLUMNS\""
                                 : "the size line \"ROWS COLUMNS ENTRIES\"";
    enum mm_line line = mm_text_next(t);
    uint64_t rows, cols;

    if (line != MM_LINE_TEXT) {
        return line == MM_LINE_BAD ? -1
            : mm_text_fail(t, "the file ends before %s; it is cut short", expected);
    }
    if (mm_text_expect(t, array ? 2 : 3, expected) != 0
        || mm_text_whole(t, 0, &rows_range, &rows) != 0
        || mm_text_whole(t, 1, &cols_range, &cols) != 0
        || (!array && mm_text_whole(t, 2, &entries_range, &r->promised) != 0)) {
        return -1;
    }
    r->m.rows = (uint32_t)rows;
    r->m.cols = (uint32_t)cols;
    r->size_line = t->line_number;
    return size_judge(r);
}

/* Stores one entry and its mirror image. */
static void element_put(struct reader *r, const uint32_t at[2], double value)
{
    struct mm_matrix *m = &r->m;
    uint32_t i = at[0];
    uint32_t j = at[1];

    m->values[(size_t)j * m->rows + i] = value;
    if (i != j && r->symmetry != SYMMETRY_GENERAL) {
        m->values[(size_t)i * m->rows + j] = r->symmetry == SYMMETRY_SKEW ? -value : value;
    }
}

static int value_parse(struct reader *r, uint32_t word, double *value)
{
    return mm_text_number(&r->text, word, r->field == FIELD_INTEGER ? MM_NUMBER_INTEGER
                                                                    : MM_NUMBER_DECIMAL, value);
}

/* ROW COLUMN [VALUE]; rows and columns count from 1 [MM 3] */
static int coordinate_parse(struct reader *r, uint32_t at[2], double *value)
{
    const struct mm_range rows_range = { "a row", 1, r->m.rows };
    const struct mm_range cols_range = { "a column", 1, r->m.cols };
    struct mm_text *t = &r->text;
    int pattern = r->field == FIELD_PATTERN;
    uint64_t row = 1;
    uint64_t col = 1;

    *value = 1.0;
    if (mm_text_expect(t, pattern ? 2 : 3, pattern ? "\"ROW COLUMN\"" : "\"ROW COLUMN VALUE\"") != 0
        || mm_text_whole(t, 0, &rows_range, &row) != 0
        || mm_text_whole(t, 1, &cols_range, &col) != 0
        || (!pattern && value_parse(r, 2, value) != 0)) {
        return -1;
    }
    at[0] = (uint32_t)row - 1;
    at[1] = (uint32_t)col - 1;
    return 0;
}

static int coordinate_store(struct reader *r)
{
    uint32_t at[2] = { 0, 0 };
    double value;
    size_t bit;

    if (coordinate_parse(r, at, &value) != 0) {
        return -1;
    }
    if (r->symmetry != SYMMETRY_GENERAL && at[0] < at[1]) {
        return mm_text_fail(&r->text, "entry (%u, %u) is above the diagonal, and a symmetric file "
                            "gives the lower half; swap row and column, or write general",
                            (unsigned)at[0] + 1, (unsigned)at[1] + 1);
    }
    if (r->symmetry == SYMMETRY_SKEW && at[0] == at[1]) {
        return mm_text_fail(&r->text, "entry (%u, %u) is on the diagonal, which is zero in a "
                            "skew-symmetric matrix; leave it out, or write general",
                            (unsigned)at[0] + 1, (unsigned)at[1] + 1);
    }
    bit = (size_t)at[1] * r->m.rows + at[0];
    if (((uint32_t)r->seen[bit / 8] >> (bit % 8) & 1u) != 0) {
        return mm_text_fail(&r->text, "entry (%u, %u) is given a second time; "
                            "remove one, or add them up",
                            (unsigned)at[0] + 1, (unsigned)at[1] + 1);
    }
    r->seen[bit / 8] = (uint8_t)(r->seen[bit / 8] | 1u << (bit % 8));
    element_put(r, at, value);
    return 0;
}

/* One value a line, column by column; symmetric ones from the diagonal down [MM 3]. `at` is the
 * place of this value and moves on to the next. */
static int array_store(struct reader *r, uint32_t at[2])
{
    double value;

    if (mm_text_expect(&r->text, 1, "one value on a line") != 0
        || value_parse(r, 0, &value) != 0) {
        return -1;
    }
    element_put(r, at, value);
    if (++at[0] == r->m.rows) {
        at[1]++;
        at[0] = r->symmetry == SYMMETRY_GENERAL ? 0
            : r->symmetry == SYMMETRY_SKEW ? at[1] + 1 : at[1];
    }
    return 0;
}

static int entries_read(struct reader *r)
{
    uint32_t at[2] = { r->symmetry == SYMMETRY_SKEW ? 1 : 0, 0 };
    struct mm_text *t = &r->text;
    enum mm_line line;

    while ((line = mm_text_next(t)) == MM_LINE_TEXT) {
        if (r->found == r->promised) {
            return mm_text_fail(t, "found %s after the last of the %llu entries that line %u "
                                "promises; correct the count, or remove the rest",
                                mm_text_quote(t, t->word[0]), (unsigned long long)r->promised,
                                (unsigned)r->size_line);
        }
        if ((r->format == FORMAT_ARRAY ? array_store(r, at) : coordinate_store(r)) != 0) {
            return -1;
        }
        r->found++;
    }
    if (line == MM_LINE_END && r->found != r->promised) {
        return mm_text_fail(t, "the file ends after %llu of the %llu entries that line %u "
                            "promises; it is cut short, or the count is wrong",
                            (unsigned long long)r->found, (unsigned long long)r->promised,
                            (unsigned)r->size_line);
    }
    return line == MM_LINE_BAD ? -1 : 0;
}

static int matrix_read(struct reader *r)
{
    size_t elements;

    if (banner_read(r) != 0 || size_read(r) != 0) {
        return -1;
    }
    elements = (size_t)r->m.rows * r->m.cols;
    r->m.values = calloc(elements, sizeof(double));
    r->seen = calloc(elements / 8 + 1, 1);
    if (r->m.values == NULL || r->seen == NULL) {
        return mm_text_fail(&r->text, "no memory for %u x %u elements; take a smaller matrix, "
                            "or more nodes", (unsigned)r->m.rows, (unsigned)r->m.cols);
    }
    return entries_read(r);
}

int mm_read(FILE *in, const char *name, struct mm_matrix *out, char error[MM_ERROR_MAX])
{
    struct reader r = { .text = { .in = in, .name = name, .error = error } };
    int result = matrix_read(&r);

    free(r.seen);
    if (result != 0) {
        mm_free(&r.m);
        return -1;
    }
    *out = r.m;
    return 0;
}

int mm_load(const char *path, struct mm_matrix *out, char error[MM_ERROR_MAX])
{
    static char buffer[32768]; /* a read is a message to the node that has the file: few of them */
    FILE *in = fopen(path, "r");
    int result;

    if (in == NULL) {
        (void)snprintf(error, MM_ERROR_MAX, "%.80s: cannot be opened: %s; on Lisse, bring the file "
                       "along with: ./lisse run --with FILE", path, strerror(errno));
        return -1;
    }
    (void)setvbuf(in, buffer, _IOFBF, sizeof(buffer));
    result = mm_read(in, path, out, error);
    (void)fclose(in);
    return result;
}

void mm_free(struct mm_matrix *m)
{
    free(m->values);
    m->values = NULL;
}
