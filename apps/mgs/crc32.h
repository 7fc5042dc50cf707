/* CRC-32 (IEEE 802.3, reflected, as zlib's crc32()) of pieces that several threads compute.
 *
 * A thread keeps a table of its own on its stack, so that no page of it is shared. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct crc32_table {
    uint32_t word[4][256];      /* [d][b]: byte b followed by d zero bytes */
};

void crc32_table_init(struct crc32_table *t);

/* The CRC of what `crc` covers (0: of nothing) followed by these bytes. */
uint32_t crc32_add(const struct crc32_table *t, uint32_t crc, const void *bytes, size_t length);

/* The CRC of A followed by B, from crc(A), crc(B) and crc32_shift(length of B in bytes). */
uint32_t crc32_shift(uint64_t length_bytes);
uint32_t crc32_join(uint32_t crc_a, uint32_t crc_b, uint32_t shift);
