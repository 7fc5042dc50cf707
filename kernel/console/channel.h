/* channel.h: the frames of the launcher's channel (COM2), both directions.
 *
 * Pure: no I/O, no allocation, no libc but mem*; the kernel, the host tests and the cross test
 * of tools/launcher/channel.py use the same code. docs/launcher-channel.md is the contract
 * between ./lisse and a node; this header is its C side.
 *
 * On the wire: 0x7E | type, stream, payload, CRC-32, with 0x7E and 0x7D escaped | 0x7E. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHANNEL_FLAG 0x7Eu         /* begins and ends a frame          [RFC 1662 4.1] */
#define CHANNEL_ESCAPE 0x7Du       /* the next byte was sent ^ 0x20    [RFC 1662 4.2] */
#define CHANNEL_ESCAPE_FLIP 0x20u  /*                                  [RFC 1662 4.2] */

#define CHANNEL_PAYLOAD_MAX 1024u  /* bytes; ours: 90 ms at 115200 baud, so keys stay quick */
#define CHANNEL_CONTENT_MIN 6u     /* type 1 + stream 1 + CRC-32 4 */
#define CHANNEL_CONTENT_MAX (CHANNEL_CONTENT_MIN + CHANNEL_PAYLOAD_MAX)
#define CHANNEL_WIRE_MAX (2u * CHANNEL_CONTENT_MAX + 2u) /* every byte escaped, two flags */

/* stream 0 is the node itself; 1..255 name a job or command and are chosen by the host. */
enum channel_type {
    CHANNEL_HELLO = 0x01,        /* host: empty; the node answers CHANNEL_READY */
    CHANNEL_RUN = 0x02,          /* host: argv strings, "", env strings, each NUL-terminated */
    CHANNEL_STDIN = 0x03,        /* host: bytes, at most the credit given */
    CHANNEL_STDIN_EOF = 0x04,    /* host: empty */
    CHANNEL_SIGNAL = 0x05,       /* host: u8 signal number; 2 = Ctrl-C */
    CHANNEL_EXEC = 0x06,         /* host: one console command line */
    CHANNEL_STATUS_ASK = 0x07,   /* host: empty */
    CHANNEL_POWER = 0x08,        /* host: u8, enum channel_power */
    CHANNEL_FILE_BEGIN = 0x09,   /* host: u32 size, then the name */
    CHANNEL_FILE_DATA = 0x0A,    /* host: bytes, at most the credit given */
    CHANNEL_FILE_END = 0x0B,     /* host: u32 CRC-32 of the whole file */
    CHANNEL_HOLD = 0x0C,         /* host: u8, 1: send no output of this stream until 0 */
    CHANNEL_READY = 0x81,        /* node: "name=n1 id=1 epoch=3 members=3 stable=1 build=… …\n" */
    CHANNEL_STDOUT = 0x82,       /* node: bytes */
    CHANNEL_STDERR = 0x83,       /* node: bytes */
    CHANNEL_EXIT = 0x84,         /* node: i32 code (128 + signal), then a text, may be empty */
    CHANNEL_STDIN_CREDIT = 0x85, /* node: u32, more bytes of stdin that the host may send */
    CHANNEL_EXEC_OUT = 0x86,     /* node: bytes of the command's output */
    CHANNEL_EXEC_END = 0x87,     /* node: i32 status of the command */
    CHANNEL_STATUS = 0x88,       /* node: a piece of JSON; the last frame is empty */
    CHANNEL_REPORT = 0x89,       /* node: one line of text for the person */
    CHANNEL_ERROR = 0x8A,        /* node: why a request could not be done, and the remedy */
    CHANNEL_FILE_CREDIT = 0x8B,  /* node: u32, more bytes of the file that the host may send */
};

enum channel_power { CHANNEL_POWER_HALT = 0, CHANNEL_POWER_REBOOT = 1 };

struct channel_frame {
    uint8_t type;   /* enum channel_type; a decoded frame has a known one */
    uint8_t stream; /* 0 or the host's handle */
    uint16_t payload_bytes;
    const uint8_t *payload; /* decoded: inside the channel_in, good until the next byte */
};

/* A receiver. All-zero bytes are a valid start; written by channel_decode_byte() alone. */
struct channel_in {
    uint32_t frames_count;    /* good frames handed out */
    uint32_t damaged_count;   /* dropped: CRC, too short, too long, bad escape */
    uint32_t unknown_count;   /* dropped: good CRC, unknown type (another version's) */
    uint32_t garbage_bytes;   /* skipped before the first flag */
    uint16_t content_bytes;   /* of the frame being received */
    uint8_t state;            /* enum in channel.c */
    uint8_t content[CHANNEL_CONTENT_MAX];
    struct channel_frame frame;
};

/* Take one received byte.
 *   out   the frame that this byte completed, else NULL
 *   fails never: damage is counted and dropped, and the next flag begins anew
 *   time  O(1), O(frame) for the byte that ends a frame */
const struct channel_frame *channel_decode_byte(struct channel_in *in, uint8_t byte);

/* Write frame in wire form, flags included.
 *   in    frame->payload_bytes <= CHANNEL_PAYLOAD_MAX (longer: 0 is returned)
 *         wire: at least CHANNEL_WIRE_MAX bytes, or what channel_wire_bytes() says
 *   out   bytes written; 0 when the payload is too long and nothing was written */
size_t channel_encode(const struct channel_frame *frame, uint8_t *wire);

/* The bytes that channel_encode() would write (0: payload too long). */
size_t channel_wire_bytes(const struct channel_frame *frame);

/* True for the types of enum channel_type. */
bool channel_is_type_known(uint8_t type);
