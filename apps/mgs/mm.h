/* Matrix Market files: reads one into a dense real matrix.
 *
 * Formats array and coordinate; fields real (also "double"), integer, pattern (every entry is 1);
 * symmetries general, symmetric, skew-symmetric. Complex and hermitian matrices are refused.
 * Accepted besides: CRLF, blank lines and comments anywhere, keywords in any case.
 * Refused besides: an entry given twice (some readers add them up, others take the last one),
 * entries above the diagonal of a symmetric matrix, NaN, infinities, anything after the last entry.
 * [MM] Boisvert, Pozo, Remington: The Matrix Market Exchange Formats, NISTIR 5935. */
#pragma once

#include <stdint.h>
#include <stdio.h>

#define MM_ROWS_MAX     65536u           /* with one column: 512 KB                       */
#define MM_ELEMENTS_MAX (16u << 20)      /* rows x columns; 8 bytes each: 128 MB          */
#define MM_LINE_MAX     1024u            /* characters of a line, the end excluded [MM]   */
#define MM_ERROR_MAX    512u             /* name (cut at 80) + line + text + quoted text  */

struct mm_matrix {
    uint32_t rows, cols;
    double *values;                      /* element (i, j) at [j * rows + i], from calloc */
};

/* Reads a whole file, from its first byte; `in` is read once, front to back, never seeked.
 *   name  stands in messages only
 *   out   0: *out is filled in, to be given back with mm_free();
 *         -1: `error` is one line: file, line number, what was expected, what was seen, a remedy */
int mm_read(FILE *in, const char *name, struct mm_matrix *out, char error[MM_ERROR_MAX]);

/* The same by name. */
int mm_load(const char *path, struct mm_matrix *out, char error[MM_ERROR_MAX]);

void mm_free(struct mm_matrix *m);
