"""elf_files.py: makes the smallest good static i386 ELF, and bad ones, for tests of the loaders."""

import struct

BASE = 0x08048000
EXIT_0 = bytes((0xB8, 1, 0, 0, 0, 0x31, 0xDB, 0xCD, 0x80))  # exit(0)


def program_header(kind, offset, address, file_bytes, bytes_, flags=5):
    return struct.pack("<8I", kind, offset, address, address, file_bytes, bytes_, flags, 4096)


def elf(kind=2, machine=3, class_=1, order=1, code=EXIT_0, entry=None, headers=None):
    """A whole file; each argument bends one thing."""
    count = 1 if headers is None else len(headers)
    start = 52 + 32 * count
    if headers is None:
        headers = [program_header(1, 0, BASE, start + len(code), start + len(code))]
    ident = b"\x7fELF" + bytes((class_, order, 1)) + bytes(9)
    head = struct.pack("<HHIIIIIHHHHHH" if order == 1 else ">HHIIIIIHHHHHH", kind, machine, 1,
                       BASE + start if entry is None else entry, 52, 0, 0, 52, 32, count, 0, 0, 0)
    return ident + head + b"".join(headers) + code


def dynamic():
    """With an interpreter, as gcc makes without -static."""
    return elf(headers=[program_header(3, 52 + 64, BASE + 52 + 64, 19, 19),
                        program_header(1, 0, BASE, 200, 200)],
               code=b"/lib/ld-linux.so.2\0" + bytes(200), entry=BASE + 150)


BAD = {  # name -> (file, words of the message)
    "script": (b"#!/bin/sh\necho hi\n", "is a script"),
    "text": (b"hello, world\n", "is no ELF program"),
    "empty": (b"", "is no ELF program"),
    "short": (b"\x7fELF\x01\x01\x01", "is cut off: 7 bytes"),
    "x86-64": (elf(class_=2, machine=62), "64-bit program (x86-64)"),
    "arm": (elf(machine=40), "program for ARM"),
    "sparc": (elf(machine=2, order=2), "program for SPARC"),
    "dynamic": (dynamic(), "dynamically linked"),
    "pie": (elf(kind=3), "position-independent"),
    "object": (elf(kind=1), "object file that was not linked"),
    "core": (elf(kind=4), "is no executable (ELF type 4)"),
    "no-segment": (elf(headers=[]), "no loadable segment"),
    "cut": (elf(code=EXIT_0 + bytes(5000))[:300], "the file has 300"),
    "kernel-address": (elf(headers=[program_header(1, 0, 0xC0100000, 90, 90)]),
                       "impossible segment"),
    "wrap": (elf(headers=[program_header(1, 0, 0xFFFFF000, 90, 0x2000)]), "impossible segment"),
    "memory-less": (elf(headers=[program_header(1, 0, BASE, 90, 10)]), "impossible segment"),
    "entry": (elf(entry=0x1000), "outside its segments"),
    "headers-outside": (elf()[:60], "no loadable segment"),
}
