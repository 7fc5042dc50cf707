/* The two 8259A interrupt controllers. Source: [8259A] Intel 8259A data sheet. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Vectors first_vector … +15, every line masked (but the cascade). */
void pic_start(uint8_t first_vector);
void pic_mask(int line);
void pic_unmask(int line);
void pic_end(int line); /* end of interrupt */

/* True when line 7 or 15 interrupted without a request in service: must not be ended there. */
bool pic_is_spurious(int line);
