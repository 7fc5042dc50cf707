/* The command line of mgs. */
#pragma once

#include <stdint.h>

enum fp_wish { FP_AUTO, FP_X87, FP_SSE2 };

struct options {
    uint64_t n;                 /* rows and columns of a random matrix; 0: not given           */
    uint64_t threads;           /* 0: not given                                                */
    uint64_t seed;              /* 1 unless given                                              */
    const char *file;           /* a Matrix Market file; NULL: a random matrix                 */
    enum fp_wish fp;
    int packed, check, json, dump, loop_only, help;
};

/* Reads argv[1] and on. -1: one message has gone to stderr. */
int options_parse(int argc, char **argv, struct options *o);

extern const char options_help[];
