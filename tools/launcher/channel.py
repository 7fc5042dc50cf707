"""channel.py: the frames of the launcher's channel (COM2), the host's side.

Twin of kernel/console/channel.c; docs/launcher-channel.md is the contract, and
tests/system/test_channel.py feeds both with the same bytes. Never raises on what a node sends.
"""

import re
import struct
import zlib

FLAG = b"\x7e"
PAYLOAD_MAX = 1024
CONTENT_MIN = 6  # type 1 + stream 1 + CRC-32 4
CONTENT_MAX = CONTENT_MIN + PAYLOAD_MAX

BAD_ESCAPE = re.compile(rb"\x7d(?![\x5d\x5e])")

HELLO, RUN, STDIN, STDIN_EOF, SIGNAL, EXEC, STATUS_ASK, POWER = range(0x01, 0x09)
FILE_BEGIN, FILE_DATA, FILE_END, HOLD = range(0x09, 0x0D)
READY, STDOUT, STDERR, EXIT, STDIN_CREDIT = range(0x81, 0x86)
EXEC_OUT, EXEC_END, STATUS, REPORT, ERROR, FILE_CREDIT = range(0x86, 0x8C)
KNOWN = frozenset(range(HELLO, HOLD + 1)) | frozenset(range(READY, FILE_CREDIT + 1))


def encode(kind, stream, payload=b""):
    """One frame in wire form. A payload of more than PAYLOAD_MAX bytes is the caller's bug."""
    if len(payload) > PAYLOAD_MAX:
        raise ValueError(f"channel payload of {len(payload)} bytes; the limit is {PAYLOAD_MAX}")
    content = bytes((kind, stream)) + payload
    content += struct.pack("<I", zlib.crc32(content))
    return FLAG + content.replace(b"\x7d", b"\x7d\x5d").replace(b"\x7e", b"\x7d\x5e") + FLAG


class Decoder:
    """Turns received bytes into (type, stream, payload) tuples; counts what it drops."""

    def __init__(self):
        self.damaged = 0
        self.unknown = 0
        self.garbage = 0  # bytes before the first flag
        self._rest = None  # bytes since the last flag; None until there was one
        self._skip = False  # the frame being received is too long: drop up to its flag

    def feed(self, data):
        """All frames that these bytes complete."""
        parts = data.split(FLAG)
        if self._rest is None:
            self.garbage += len(parts[0])
            if len(parts) == 1:
                return []
            parts = parts[1:]
        else:
            parts[0] = self._rest + parts[0]
        self._rest = parts.pop()
        frames = [frame for part in parts if (frame := self._finish(part)) is not None]
        if len(self._rest) > 2 * CONTENT_MAX:
            self.damaged += 0 if self._skip else 1
            self._skip = True
            self._rest = b""
        return frames

    def _finish(self, part):
        if self._skip:
            self._skip = False
            return None
        if not part:
            return None
        if b"\x7d" in part:
            part = self._unescape(part)
        if part is None or not CONTENT_MIN <= len(part) <= CONTENT_MAX:
            self.damaged += 1
            return None
        if zlib.crc32(part[:-4]) != struct.unpack("<I", part[-4:])[0]:
            self.damaged += 1
            return None
        if part[0] not in KNOWN:
            self.unknown += 1
            return None
        return part[0], part[1], part[2:-4]

    @staticmethod
    def _unescape(part):
        """None when an escape is followed by anything that is never escaped."""
        if BAD_ESCAPE.search(part):
            return None
        return part.replace(b"\x7d\x5e", b"\x7e").replace(b"\x7d\x5d", b"\x7d")


def ready_words(payload):
    """READY's "key=value key=value" line as a dict; words without = are ignored."""
    words = payload.decode("utf-8", "replace").split()
    return dict(word.split("=", 1) for word in words if "=" in word)
