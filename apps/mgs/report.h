/* What mgs says in the end: a block for people, JSON for programs, Q and R for numpy. */
#pragma once

#include "apps/mgs/check.h"

#include <stdio.h>

struct report {
    const struct mgs *mgs;
    const struct check *check;
    const char *name;           /* of the file, or NULL                                        */
    uint32_t checksum;          /* CRC-32 of Q's columns and R's, whole                        */
};

/* The CRC-32 over the bytes of Q, then of R with its zeros, column after column. */
uint32_t report_checksum(const struct mgs *m);

void report_text(FILE *out, const struct report *report);
void report_json(FILE *out, const struct report *report);

/* Format: options_help, --dump. -1: the output could not be written. */
int report_dump(FILE *out, const struct mgs *m);
