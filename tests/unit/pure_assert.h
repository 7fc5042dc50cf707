/* The assert hook of a test that expects no broken invariant. Included once by a test's file. */
#pragma once

#include <stdio.h>
#include <stdlib.h>

#include "adapt/base.h"

void assert_failed(const char *what, const char *file, int line) {
    fprintf(stderr, "ASSERT %s at %s:%d\n", what, file, line);
    abort();
}
