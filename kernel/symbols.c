/* Address -> function name, by binary search in the generated table. Used by panic only. */
#include "kernel/symbols.h"

#include <stddef.h>

const char *symbol_find(uint32_t address, uint32_t *offset) {
    uint32_t low = 0, high = symbol_count; /* the answer is below high, and not below low - 1 */
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (symbol_table[middle].address <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *offset = 0;
    if (low == 0) {
        return "?";
    }
    *offset = address - symbol_table[low - 1].address;
    return symbol_names + symbol_table[low - 1].name;
}
