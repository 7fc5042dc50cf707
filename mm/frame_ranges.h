/* Between mm/frame.c and mm/direct.c, and their tests, only. */
#pragma once

#include "mm/layout.h"

/* First physical byte behind the kernel's image and its bss. */
paddr_t kernel_image_end(void);
