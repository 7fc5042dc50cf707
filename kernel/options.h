/* Boot options `key=value` [D 6]. Pure: text in, struct out, complaints to a sink; booting
 * always goes on with the default of what was bad. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "kernel/print.h"

enum {
    OPTIONS_NAME_BYTES = 16, /* = NAME_BYTES of adapt/limits.h, with the final zero */
    OPTIONS_KEY_BYTES = 32,  /* 256 bits */
    OPTIONS_RUN_BYTES = 512,
    OPTIONS_EXPECT_MAX = 256,
};

enum options_join { OPTIONS_JOIN_AUTO, OPTIONS_JOIN_MANUAL };
enum options_locator { OPTIONS_LOCATOR_TREE, OPTIONS_LOCATOR_STAT };
enum options_quorum { OPTIONS_QUORUM_MAJORITY, OPTIONS_QUORUM_WITNESS };
enum options_ip { OPTIONS_IP_NONE, OPTIONS_IP_DHCP, OPTIONS_IP_STATIC };

struct options {
    char cluster[OPTIONS_NAME_BYTES]; /* cluster=NAME, default "lisse" */
    char name[OPTIONS_NAME_BYTES];    /* name=NAME; empty: n<ID> */
    char cell[OPTIONS_NAME_BYTES];    /* cell=LABEL; empty: none */
    char nic[OPTIONS_NAME_BYTES];     /* nic=bus:slot.function or driver name; empty: the first */
    char run[OPTIONS_RUN_BYTES];      /* run="PROG ARGS" or run=PROG; empty: nothing */
    uint8_t key[OPTIONS_KEY_BYTES];   /* key=HEX, zero-filled */
    uint32_t key_bytes;               /* 0: open cluster */
    uint32_t expect;                  /* expect=N, 0: not given */
    uint8_t join;                     /* enum options_join */
    uint8_t locator;                  /* enum options_locator */
    uint8_t quorum;                   /* enum options_quorum */
    uint8_t ip;                       /* enum options_ip */
    uint8_t ip_bits;                  /* prefix length of ip=A.B.C.D/M */
    uint32_t ip_address;              /* first byte highest */
    bool pxe;                         /* pxe=on: serve others */
    uint32_t consoles;                /* console=serial|screen|both: bits of enum print_console */
    uint64_t mem_bytes;               /* mem=64M: use no more RAM; 0: all */
};

/* Defaults, then the words of text. Unknown and bad ones are reported to `complaints` (what was
 * seen, nearest valid key or the values that would do). Returns how many were bad. */
uint32_t options_parse(struct options *options, const char *text, struct print_sink *complaints);

/* The options of this boot, written by kernel/main.c before any hook runs. */
extern struct options options_boot;
