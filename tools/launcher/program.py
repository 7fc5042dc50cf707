"""program.py: finds PROG, checks that it is a program for Lisse, and stages boot modules.

Runs before anything is booted. The kernel's loader checks everything again; this check exists
because a person should not wait for a boot to learn that a file is missing.
Sources: [ELF 1] the header's fields; System V ABI i386 supplement.
"""

import os
import stat
import struct

from launcher.failure import (EXIT_CANNOT_EXECUTE, EXIT_NOT_FOUND, Failure, nearest, usage)

MACHINES = {2: "SPARC", 8: "MIPS", 20: "PowerPC", 21: "PowerPC 64", 22: "S/390", 40: "ARM",
            62: "x86-64", 183: "AArch64", 243: "RISC-V", 258: "LoongArch"}
EM_386, ET_REL, ET_EXEC, ET_DYN, ET_CORE = 3, 1, 2, 3, 4
PT_LOAD, PT_INTERP = 1, 3
USER_END = 0xC0000000  # the kernel's first address [D 3]
BUILD_HINT = "build it with ./lisse-cc -O2 prog.c -o prog"
MODULE_NAME_MAX = 63  # bytes; BOOT_NAME_BYTES of boot/bootinfo.h less the final zero


def builtin_folders(root):
    return [os.path.join(root, "build", name) for name in ("apps", "programs")]


def builtins(root):
    """Name -> path of the programs that came with this build."""
    found = {}
    for folder in builtin_folders(root):
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
            path = os.path.join(folder, name)
            if "." not in name and os.path.isfile(path):
                found.setdefault(name, path)
    return found


def find(root, name):
    """The path of PROG: a built-in name, else a file."""
    if "/" not in name:
        known = builtins(root)
        if name in known:
            return known[name]
        if not os.path.exists(name):
            have = " ".join(known) or "none yet (run make)"
            raise Failure(f"no program '{name}': it is neither built in ({have}) nor a file here"
                          f"{nearest(name, known)}", EXIT_NOT_FOUND)
    if not os.path.exists(name):
        raise Failure(f"no program '{name}': there is no such file; give a built-in name or the "
                      "path of a static i386 Linux program", EXIT_NOT_FOUND)
    return name


def read_file(path):
    try:
        mode = os.stat(path).st_mode
        if not stat.S_ISREG(mode):
            kind = "a directory" if stat.S_ISDIR(mode) else "not an ordinary file"
            raise Failure(f"'{path}' is {kind}, not a program", EXIT_CANNOT_EXECUTE)
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise Failure(f"'{path}' cannot be read: {error.strerror}; check its permissions",
                      EXIT_CANNOT_EXECUTE) from error


def check(path):
    """Raise a Failure with cause and remedy unless path is a static i386 Linux executable."""
    data = read_file(path)
    problem = _problem_of_header(data) or _problem_of_segments(data)
    if problem:
        raise Failure(f"'{path}' {problem}", EXIT_CANNOT_EXECUTE)


def _problem_of_header(data):
    if data[:2] == b"#!":
        return "is a script; Lisse runs compiled programs only: " + BUILD_HINT
    if data[:4] != b"\x7fELF":
        return f"is no ELF program (it begins with {data[:4]!r}); {BUILD_HINT}"
    if len(data) < 52:
        return f"is cut off: {len(data)} bytes, an ELF header alone has 52; build or copy it again"
    machine = struct.unpack_from("<H" if data[5] == 1 else ">H", data, 18)[0]
    if data[4] == 2:
        return (f"is a 64-bit program ({MACHINES.get(machine, f'machine {machine}')}); Lisse runs "
                f"32-bit i386 programs: {BUILD_HINT}")
    if machine != EM_386 or data[5] != 1:
        return (f"is a program for {MACHINES.get(machine, f'machine {machine}')}; Lisse runs "
                f"i386 programs: {BUILD_HINT}")
    return _problem_of_kind(struct.unpack_from("<H", data, 16)[0], data)


def _problem_of_kind(kind, data):
    is_dynamic = any(segment[0] == PT_INTERP for segment in _segments(data))
    if is_dynamic:
        return ("is dynamically linked (it asks for an interpreter such as ld-linux.so); Lisse "
                "runs static programs: link it with -static, or use ./lisse-cc")
    if kind == ET_DYN:
        return ("is position-independent (a shared library or static-pie); link it with "
                "-static -no-pie, or use ./lisse-cc")
    if kind == ET_REL:
        return "is an object file that was not linked; link it with ./lisse-cc"
    if kind != ET_EXEC:
        return f"is no executable (ELF type {kind}); {BUILD_HINT}"
    return None


def _segments(data):
    """Program headers as (type, offset, vaddr, paddr, filesz, memsz, flags, align)."""
    offset, size, count = (struct.unpack_from("<I", data, 28)[0],
                           *struct.unpack_from("<HH", data, 42))
    if size < 32 or offset + size * count > len(data):
        return []
    return [struct.unpack_from("<8I", data, offset + size * i) for i in range(count)]


def _problem_of_segments(data):
    loads = [segment for segment in _segments(data) if segment[0] == PT_LOAD]
    entry = struct.unpack_from("<I", data, 24)[0]
    again = "; it is damaged or cut off: build or copy it again"
    if not loads:
        return "has no loadable segment" + again
    for _, offset, address, _, file_bytes, bytes_, _, _ in loads:
        if offset + file_bytes > len(data):
            return (f"says that a segment ends at byte {offset + file_bytes}, but the file has "
                    f"{len(data)}{again}")
        if file_bytes > bytes_ or address + bytes_ > USER_END:
            return f"has an impossible segment ({bytes_} bytes at 0x{address:08x}){again}"
    if not any(s[2] <= entry < s[2] + s[5] for s in loads):
        return f"starts at 0x{entry:08x}, outside its segments{again}"
    return None


def module_name(name):
    """name, if a node can know a file by it."""
    if not name or len(name.encode()) > MODULE_NAME_MAX or name in (".", ".."):
        raise usage(f"'{name}' cannot be a file's name on a node: 1 to {MODULE_NAME_MAX} bytes")
    if "/" in name or any(c.isspace() or not c.isprintable() for c in name):
        raise usage(f"'{name}' cannot be a file's name on a node: no / and no spaces; rename it "
                    "with --with FILE=NAME")
    return name


def identity(path):
    """Equal for two looks at a file that nobody has changed in between; None: it is not there."""
    try:
        look = os.stat(path)
    except OSError:
        return None
    return look.st_dev, look.st_ino, look.st_size, look.st_mtime_ns


class Modules:
    """The files that every node gets: name -> path, each checked."""

    def __init__(self):
        self.paths = {}
        self.staged = {}  # name -> identity of the file as the nodes have it

    def has(self, name, path):
        """The nodes have this very file under this name."""
        return name in self.staged and self.staged[name] == identity(path)

    def add(self, path, name=None):
        name = module_name(name if name is not None else os.path.basename(path))
        if not os.path.isfile(path) or not os.access(path, os.R_OK):
            raise usage(f"--with: '{path}' cannot be read or is no file; check the path")
        path = os.path.abspath(path)
        if self.paths.get(name, path) != path:
            raise usage(f"two files would be '{name}' on the nodes: {self.paths[name]} and {path}; "
                        "rename one with --with FILE=NAME")
        self.paths[name] = path

    def add_with(self, spec):
        """--with FILE or FILE=NAME; a file whose own name has an = wins."""
        path, equals, name = spec.rpartition("=")
        if equals and not os.path.exists(spec):
            self.add(path, name)
        else:
            self.add(spec)

    def stage(self, folder):
        """Link every file into folder under its name; the value of QEMU's -initrd."""
        os.makedirs(folder, exist_ok=True)
        links = []
        for name, path in self.paths.items():
            link = os.path.join(folder, name)
            os.symlink(path, link)
            self.staged[name] = identity(path)
            links.append(link.replace(",", ",,"))
        return ",".join(links)
