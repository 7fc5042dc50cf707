/* Names of the kernel's functions, for panic's call chain. The table is made by the build: it
 * links once with the weak empty one in symbols_none.c, runs nm, and links again with the real
 * one. It is sorted by address; only text symbols; it lies after the text so that adding it
 * moves no function. */
#pragma once

#include <stdint.h>

struct symbol {
    uint32_t address;
    uint32_t name; /* offset of its zero-terminated name in symbol_names */
};
extern const struct symbol symbol_table[];
extern const uint32_t symbol_count;
extern const char symbol_names[];

/* Name of the function that holds address, and address - its start in *offset; "?" when unknown. */
const char *symbol_find(uint32_t address, uint32_t *offset);
