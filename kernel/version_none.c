/* What a kernel calls itself when the build has not said. Weak: the generated version.c wins. */
#include "kernel/version.h"

__attribute__((weak)) const char version_text[] = "0.2";
__attribute__((weak)) const char version_build_hex[] = "0000000000000000";
__attribute__((weak)) const uint64_t version_build = 0;
__attribute__((weak)) const char version_image[] = "unknown";
