/* The empty symbol table of the first link, and of a kernel built without the second one. Weak:
 * the generated table takes its place. Apart from symbols.c, so that no value here is folded
 * into code. */
#include "kernel/symbols.h"

__attribute__((weak)) const struct symbol symbol_table[1] = {{0, 0}};
__attribute__((weak)) const uint32_t symbol_count = 0;
__attribute__((weak)) const char symbol_names[1] = "";
