#!/usr/bin/python3
"""Finds instructions that a Pentium (i586 with FPU) lacks, in ELF files, objects and archives.

    tools/check_i586.py [--allow REGEX] [--cross PREFIX] FILE…

Prints `file: member: function: instruction` for each and exits with 1 if there was any. What
REGEX matches in `function: instruction` is accepted: code that runs only after CPUID (or
AT_HWCAP) has said that the instruction exists. Sources: [IA32-2] (which family has what).
"""

import argparse
import re
import subprocess
import sys

# P6 and later: conditional moves, compares to EFLAGS, hint NOPs (also ENDBR), MMX and SSE
# registers, fences, prefetches, fast system calls, bit counts, extended state.
FORBIDDEN = re.compile(
    r"\b(f?cmov\w+|fu?comip?|endbr32|nop[wl]|%?[xyz]?mm\d+|[sml]fence|prefetch\w*|movnti|"
    r"ldmxcsr|stmxcsr|fx(save|rstor)\w*|x(save|rstor)\w*|sys(enter|exit|call|ret)\w*|popcnt\w*|"
    r"lzcnt\w*|movbe\w*|crc32\w*|rdtscp|rdpmc|clflush\w*|monitor|mwait)\b|%[xyz]?mm\d")

# TZCNT is not among them: it is BSF with a prefix that older CPUs ignore, and gcc emits it as such.

# fcom, fucom, fcomp… without the i are old: the pattern above must not match them.
OLD = re.compile(r"\bfu?comp?p?[sl]?\b")


def instructions(path, cross="i686-linux-gnu-"):
    """Yields (member or None, function, instruction) of all code in `path`."""
    command = [cross + "objdump", "-d", "--no-show-raw-insn", path]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, errors="replace")
    member = function = None
    for line in process.stdout:
        if line.startswith(" "):
            text = line.partition("\t")[2].partition("#")[0].strip()
            if text:
                yield member, function, text
        elif line.endswith(">:\n"):
            function = line.partition("<")[2][:-3]
        elif ":     file format" in line:
            member = line.partition(":     file format")[0]
    if process.wait() != 0:
        sys.exit(f"check_i586: {' '.join(command)} failed with status {process.returncode}")


def forbidden(path, allow=None, cross="i686-linux-gnu-"):
    """Yields (member, function, instruction) for what a Pentium cannot execute."""
    for member, function, text in instructions(path, cross):
        if FORBIDDEN.search(re.sub(r"<.*?>", "", text)) and not OLD.match(text):
            if not (allow and re.search(allow, f"{function}: {text}")):
                yield member, function, text


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--allow")
    parser.add_argument("--cross", default="i686-linux-gnu-")
    parser.add_argument("files", nargs="+")
    options = parser.parse_args()
    count = 0
    for path in options.files:
        for member, function, text in forbidden(path, options.allow, options.cross):
            where = path if member in (None, path) else f"{path}: {member}"
            print(f"{where}: {function}: {' '.join(text.split())}")
            count += 1
    if count:
        sys.exit(f"check_i586: {count} instructions that a Pentium lacks (listed above). Built "
                 "with another -march than i586, or linked with a library that was?")


if __name__ == "__main__":
    main()
