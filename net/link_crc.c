/* CRC-32 (IEEE 802.3, reflected, polynomial 0xEDB88320) of datagrams, and their seal.
 * UDP's 16 bits do not catch what a bad LAN does to a page [D 6.1]. Runs in the world of the
 * sender (link_seal) and at the door of the receiver (link_check). No state.
 *
 * "Slicing by 8": table k holds what a byte contributes when k more bytes follow it, so eight bytes
 * are eight look-ups and no chain between them. The tables are linear: entry n is the xor of the
 * entries of n's bits. So eight constants a table suffice, and the compiler makes the 2,048 entries
 * (8 KiB of .rodata). tests/unit/test_link_crc.c compares with the definition, bit by bit. */
#include "net/link.h"

#define IF(n, bit, x) ((n) & (1u << (bit)) ? (x) : 0u)
#define ENTRY(n, a, b, c, d, e, f, g, h)                                                           \
    (IF(n, 0, a) ^ IF(n, 1, b) ^ IF(n, 2, c) ^ IF(n, 3, d) ^ IF(n, 4, e) ^ IF(n, 5, f) ^           \
     IF(n, 6, g) ^ IF(n, 7, h))
#define E0(n)                                                                                      \
    ENTRY(n, 0x77073096u, 0xEE0E612Cu, 0x076DC419u, 0x0EDB8832u, 0x1DB71064u, 0x3B6E20C8u,         \
          0x76DC4190u, 0xEDB88320u)
#define E1(n)                                                                                      \
    ENTRY(n, 0x191B3141u, 0x32366282u, 0x646CC504u, 0xC8D98A08u, 0x4AC21251u, 0x958424A2u,         \
          0xF0794F05u, 0x3B83984Bu)
#define E2(n)                                                                                      \
    ENTRY(n, 0x01C26A37u, 0x0384D46Eu, 0x0709A8DCu, 0x0E1351B8u, 0x1C26A370u, 0x384D46E0u,         \
          0x709A8DC0u, 0xE1351B80u)
#define E3(n)                                                                                      \
    ENTRY(n, 0xB8BC6765u, 0xAA09C88Bu, 0x8F629757u, 0xC5B428EFu, 0x5019579Fu, 0xA032AF3Eu,         \
          0x9B14583Du, 0xED59B63Bu)
#define E4(n)                                                                                      \
    ENTRY(n, 0x3D6029B0u, 0x7AC05360u, 0xF580A6C0u, 0x30704BC1u, 0x60E09782u, 0xC1C12F04u,         \
          0x58F35849u, 0xB1E6B092u)
#define E5(n)                                                                                      \
    ENTRY(n, 0xCB5CD3A5u, 0x4DC8A10Bu, 0x9B914216u, 0xEC53826Du, 0x03D6029Bu, 0x07AC0536u,         \
          0x0F580A6Cu, 0x1EB014D8u)
#define E6(n)                                                                                      \
    ENTRY(n, 0xA6770BB4u, 0x979F1129u, 0xF44F2413u, 0x33EF4E67u, 0x67DE9CCEu, 0xCFBD399Cu,         \
          0x440B7579u, 0x8816EAF2u)
#define E7(n)                                                                                      \
    ENTRY(n, 0xCCAA009Eu, 0x4225077Du, 0x844A0EFAu, 0xD3E51BB5u, 0x7CBB312Bu, 0xF9766256u,         \
          0x299DC2EDu, 0x533B85DAu)

#define ROW4(E, n)  E(n), E((n) + 1u), E((n) + 2u), E((n) + 3u)
#define ROW16(E, n) ROW4(E, n), ROW4(E, (n) + 4u), ROW4(E, (n) + 8u), ROW4(E, (n) + 12u)
#define ROW64(E, n) ROW16(E, n), ROW16(E, (n) + 16u), ROW16(E, (n) + 32u), ROW16(E, (n) + 48u)
#define TABLE(E)                                                                                   \
    { ROW64(E, 0u), ROW64(E, 64u), ROW64(E, 128u), ROW64(E, 192u) }

static const uint32_t table[8][256] = {
    TABLE(E0), TABLE(E1), TABLE(E2), TABLE(E3), TABLE(E4), TABLE(E5), TABLE(E6), TABLE(E7),
};

/* Little-endian: every machine of ours is. The builtin, because in the freestanding kernel a plain
 * memcpy is a call, and this is the inner loop of every page. */
static uint32_t load32(const uint8_t *bytes) {
    uint32_t word;

    __builtin_memcpy(&word, bytes, sizeof(word));
    return word;
}

uint32_t crc32_update(uint32_t crc, const uint8_t *bytes, uint32_t size) {
    crc = ~crc;
    for (; size >= 8; size -= 8, bytes += 8) {
        uint32_t a = load32(bytes) ^ crc;
        uint32_t b = load32(bytes + 4);
        crc = table[7][a & 0xFF] ^ table[6][a >> 8 & 0xFF] ^ table[5][a >> 16 & 0xFF] ^
              table[4][a >> 24] ^ table[3][b & 0xFF] ^ table[2][b >> 8 & 0xFF] ^
              table[1][b >> 16 & 0xFF] ^ table[0][b >> 24];
    }
    for (; size > 0; size--, bytes++) {
        crc = crc >> 8 ^ table[0][(crc ^ *bytes) & 0xFF];
    }
    return ~crc;
}

void link_seal(uint8_t *head, uint32_t head_bytes, const uint8_t *contents,
               uint32_t contents_bytes) {
    uint32_t crc;

    ASSERT(head_bytes >= sizeof(struct datagram_head));
    crc = crc32_update(0, head + sizeof(crc), head_bytes - (uint32_t)sizeof(crc));
    if (contents_bytes != 0) {
        crc = crc32_update(crc, contents, contents_bytes);
    }
    memcpy(head, &crc, sizeof(crc));
}

bool link_check(const uint8_t *bytes, uint32_t size) {
    if (size < sizeof(struct datagram_head) || size > LINK_DATAGRAM_BYTES) {
        return false;
    }
    return load32(bytes) == crc32_update(0, bytes + 4, size - 4);
}
