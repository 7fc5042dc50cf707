/* Between mm/window.c and mm/paging.c only: the page table behind WINDOW_BASE. */
#pragma once

#include <stdint.h>

extern uint32_t window_table[1024];
