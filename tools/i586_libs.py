#!/usr/bin/python3
"""Makes the compiler's support libraries safe for a Pentium: libgcc.a, libgcc_eh.a, libi586.a.

    tools/i586_libs.py OUT_FOLDER OBJECT…

The cross compiler's libgcc is built for i686 and has members with instructions that a Pentium
lacks. OUT_FOLDER gets copies without those members, and libi586.a with our replacements
(the OBJECTs, from lib/i586). A symbol that has no replacement is still defined in libi586.a, by
an object that refers to a symbol named after the refused member: so a program that needs it
fails to link, and the linker's message says why, instead of dying on an old CPU.
"""

import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import check_i586  # noqa: E402

CROSS = os.environ.get("CROSS", "i686-linux-gnu-")
LIBRARIES = ("libgcc.a", "libgcc_eh.a")


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def defined_symbols(path):
    """{member: set of the global symbols it defines} of an archive or object."""
    symbols, member = {}, os.path.basename(path)
    for line in output(CROSS + "nm", "-g", "--defined-only", path).splitlines():
        fields = line.split()
        if len(fields) == 1 and line.endswith(":"):
            member = line[:-1]
        elif len(fields) == 3 and not fields[2].startswith("__x86.get_pc_thunk"):
            symbols.setdefault(member, set()).add(fields[2])
    return symbols


def filtered_copy(library, folder):
    """Copies `library` to `folder` without unfit members; returns {member: symbols} of these."""
    path = output(CROSS + "gcc", "-print-file-name=" + library).strip()
    unfit = sorted({member for member, _, _ in check_i586.forbidden(path, cross=CROSS)})
    target = os.path.join(folder, library)
    shutil.copyfile(path, target)
    if unfit:
        output(CROSS + "ar", "d", target, *unfit)
    symbols = defined_symbols(path)
    return {member: symbols.get(member, set()) for member in unfit}


def refusal(member, symbols, folder):
    """An object that defines `symbols` but cannot be linked; the reason is in the name it wants."""
    name = "".join(c if c.isalnum() else "_" for c in member[:-len(".o")])
    wanted = f"lisse_cc_refuses_libgcc_member_{name}_it_has_instructions_a_Pentium_lacks"
    lines = [".section .text.refused, \"ax\", @progbits"]
    for symbol in sorted(symbols):
        lines += [f".globl {symbol}", f"{symbol}:"]
    lines += [f".long {wanted}", ".section .note.GNU-stack, \"\", @progbits", ""]
    path = os.path.join(folder, "refused_" + name + ".o")
    subprocess.run([CROSS + "as", "--32", "-o", path, "-"], input="\n".join(lines), text=True,
                   check=True)
    return path


def main(folder, objects):
    os.makedirs(folder, exist_ok=True)
    refused = os.path.join(folder, "refused")
    shutil.rmtree(refused, ignore_errors=True)
    os.mkdir(refused)
    ours = set().union(*(s for path in objects for s in defined_symbols(path).values()))
    members = []
    for library in LIBRARIES:
        for member, symbols in filtered_copy(library, folder).items():
            if symbols - ours:
                members.append(refusal(member, symbols - ours, refused))
    archive = os.path.join(folder, "libi586.a")
    if os.path.exists(archive):
        os.unlink(archive)
    output(CROSS + "ar", "rcs", archive, *objects, *members)
    shutil.rmtree(refused)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
