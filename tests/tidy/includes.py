"""Who may include whom: the include table of the design [D 5], which keeps the layers apart.

Used by tidy.py. A file matches the first row whose pattern fits its path.
"""

import re

STANDARD = {"assert.h", "float.h", "inttypes.h", "iso646.h", "limits.h", "stdalign.h", "stdarg.h",
            "stdbool.h", "stddef.h", "stdint.h", "stdnoreturn.h", "string.h"}

BASICS = r"kernel/(cpu|print|panic)\.h"
LWIP = r"(lwip|netif|arch)/.*|lwipopts\.h"
ANY = r".*"

# Pattern of the file, pattern of what it may include beside standard headers, libc allowed, and
# the sentence that a violation prints. Order matters: special cases come first.
TABLE = (
    (r"adapt/node\.c", r"adapt/.*|net/link\.h", False,
     "adapt/node.c includes standard headers, adapt/* and net/link.h only"),
    (r"adapt/.*", r"adapt/.*", False, "adapt/* includes standard headers and adapt/* only"),
    (r"net/link.*", r"adapt/base\.h|net/link.*", False,
     "net/link* includes standard headers and adapt/base.h only"),
    (r"services/.*", r"adapt/.*|services/.*", False,
     "services/* includes standard headers, adapt/* and services/* only"),
    (r"(mm|boot)/.*", r"(mm|boot)/.*|" + BASICS, False,
     "mm/* and boot/* include standard headers, each other and kernel/{cpu,print,panic}.h only"),
    (r"drivers/.*", r"(drivers|mm)/.*|net/nic\.h|" + BASICS, False,
     "drivers/* includes drivers/*, mm/*, net/nic.h and kernel/{cpu,print,panic}.h only"),
    (r"net/port/.*", r"(net|mm)/.*|adapt/base\.h|" + BASICS + "|" + LWIP, True,
     "net/port/* includes lwIP, what lwIP wants of libc, net/*, mm/*, adapt/base.h and "
     "kernel/{cpu,print,panic}.h only"),
    (r"net/.*", r"(net|mm)/.*|adapt/base\.h|" + BASICS + "|" + LWIP, False,
     "net/* includes lwIP, net/*, mm/*, adapt/base.h and kernel/{cpu,print,panic}.h only"),
    (r"kernel/((main|pump|effects|fault|syscall\w*)\.[chS]|console/.*)", ANY, False, ""),
    (r"kernel/.*", r"(kernel|mm|boot|drivers)/.*", False,
     "only kernel/{main,pump,effects,fault,syscall*} and kernel/console/* include everything; "
     "other kernel/* includes kernel/*, mm/*, boot/* and drivers/* only"),
    (r"docs/examples/.*", r"lib/lisse\.h", True,
     "an example includes libc and lib/lisse.h only"),
    (r"apps/([^/]+)/.*", r"apps/\1/.*|lib/lisse\.h|lisse\.h", True,
     "a program includes libc, lib/lisse.h and its own folder only"),
    (r"lib/.*", r"lib/.*", True, "lib/* includes libc and lib/* only"),
    (r"(tests|tools)/.*", ANY, True, ""),
)

INCLUDE = re.compile(r'#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')


def included(directive):
    """(name, quoted) that a directive includes, or None."""
    match = INCLUDE.match(directive)
    if not match:
        return None
    return match.group(1) or match.group(2), bool(match.group(1))


def violation(path, name, quoted):
    """Why `path` may not include `name`, or None."""
    for pattern, allowed, libc, sentence in TABLE:
        match = re.fullmatch(pattern, path)
        if not match:
            continue
        if allowed == ANY:
            return None
        if not quoted and (libc or name in STANDARD):
            return None
        if re.fullmatch(match.expand(allowed) if "\\1" in allowed else allowed, name):
            return None
        return f"{sentence}; this is {name}"
    return f"{path} is in no row of the include table (tests/tidy/includes.py)"
