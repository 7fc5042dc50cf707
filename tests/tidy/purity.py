"""Purity of the core, read from its objects: what it needs from outside, and what it could write.

Used by tidy.py. The pure objects of the kernel's build are linked with each other; what is still
undefined then is all that the core calls: it may be memory functions, the compiler's 64-bit
arithmetic and the assert hook. None may have writable data: state lives in struct node.
"""

import os
import re
import subprocess
import tempfile

CROSS = os.environ.get("CROSS", "i686-linux-gnu-")

ALLOWED = {
    "memcpy", "memmove", "memset", "memcmp", "assert_failed",
    # libgcc's integer helpers
    "__udivdi3", "__umoddi3", "__divdi3", "__moddi3", "__udivmoddi4", "__divmoddi4",
    "__popcountsi2", "__popcountdi2", "__clzdi2", "__ctzdi2", "__ashldi3", "__lshrdi3",
    "__ashrdi3", "__muldi3", "__ffsdi2", "__bswapdi2", "__bswapsi2", "__cmpdi2", "__ucmpdi2",
}

PURE = re.compile(r"(adapt|services)/[^/]*\.c|net/link[^/]*\.c")
WRITABLE = re.compile(r"\.(data|bss|tdata|tbss)(\.(?!rel\.ro).*)?$")


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def undefined(objects):
    """Symbols that the objects, linked together, still want from outside."""
    with tempfile.TemporaryDirectory() as folder:
        linked = os.path.join(folder, "core.o")
        output(CROSS + "ld", "-r", "-o", linked, *objects)
        return {line.split()[-1] for line in output(CROSS + "nm", "-u", linked).splitlines()}


def users_of(symbol, objects):
    """The objects that refer to `symbol`."""
    return [path for path in objects
            if any(line.split()[-1] == symbol
                   for line in output(CROSS + "nm", "-u", path).splitlines() if line.strip())]


def writable(path):
    """(section, bytes) of writable sections that are not empty, COMMON included."""
    found = []
    for line in output(CROSS + "readelf", "-SW", path).splitlines():
        match = re.match(r"\s*\[\s*\d+\]\s+(\S+)\s+\S+\s+\S+\s+\S+\s+([0-9a-f]+)", line)
        if match and WRITABLE.match(match.group(1)) and int(match.group(2), 16):
            found.append((match.group(1), int(match.group(2), 16)))
    for line in output(CROSS + "nm", "-S", path).splitlines():
        if re.search(r" C ", line):
            found.append(("COMMON", int(line.split()[1], 16)))
    return found


def check(root, build, files):
    """Yields (source, message) for each impurity; `files` are the project's paths."""
    sources = [path for path in files if PURE.fullmatch(path)]
    objects = {os.path.join(root, build, "kernel", path[:-2] + ".o"): path for path in sources}
    missing = [path for path in objects if not os.path.isfile(path)]
    for path in missing:
        yield objects[path], "not compiled, see above (`make tidy` compiles the pure objects)"
    present = [path for path in objects if path not in missing]
    for path in present:
        for section, size in writable(path):
            yield objects[path], f"has {size} writable bytes in {section}; state lives in the node"
    if missing or not present:
        return
    try:
        wanted = undefined(present)
    except subprocess.CalledProcessError as error:
        yield objects[present[0]], f"the pure objects do not link together: {error.stderr.strip()}"
        return
    for symbol in sorted(wanted - ALLOWED):
        for user in users_of(symbol, present):
            yield objects[user], f"needs {symbol} from outside the core"
