"""Shows for each rule of tidy that it can fail, and that the right thing passes it."""

import os
import subprocess
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import ctokens  # noqa: E402
import includes  # noqa: E402
import purity  # noqa: E402
import tidy  # noqa: E402

HEAD = "/* Owns nothing. */\n"
NOTE = "TO" + "DO"
FOREIGN = "Copy" + "right 1999 Somebody"
MACHINE = "/home" + "/someone/x"


def rules_broken(path, text):
    report = tidy.Report()
    tidy.check_file(path, text, report)
    return report.failed_rules()


def body(lines, name="f"):
    """A C function of `lines` lines."""
    return f"void {name}(void)\n{{\n" + "    g();\n" * (lines - 3) + "}\n"


def nest(depth):
    """A C function with control structures nested `depth` deep."""
    opening = "".join("    " * i + "if (x) {\n" for i in range(1, depth + 1))
    return "void f(int x)\n{\n" + opening + "}\n" * depth + "}\n"


GOOD = [
    ("adapt/a.c", HEAD + '#include <stdint.h>\n#include "adapt/base.h"\n' + body(70)),
    ("adapt/a.h", HEAD + "#pragma once\n#define X 1\n#undef X\n"),
    ("adapt/a.c", HEAD + nest(3)),
    ("adapt/a.c", HEAD + "/* if (x) for (;;) while (1) typedef struct: only words */\n"),
    ("adapt/a.c", HEAD + 'const char *s = "if (x) { { { { \\" ";\n'),
    ("adapt/a.c", HEAD + "void f(void)\n{\n    do {\n        g();\n    } while (x);\n}\n"),
    ("adapt/a.c", HEAD + "void f(void)\n{\n    if (x) {\n    } else if (y) {\n    } else {\n"
     "    }\n}\n"),
    ("adapt/a.c", HEAD + "typedef uint32_t node_id;\ntypedef struct result handler(int x);\n"),
    ("adapt/a.c", "/* \"Quoted\" words begin this. */\n"),
    ("net/port/cc.h", HEAD + "#pragma once\n#ifdef X\n#endif\n"),
    ("boot/b.c", HEAD + "#if 1\n#else\n#endif\n"),
    ("apps/a/a.c", HEAD + "#include <stdio.h>\n#ifdef __linux__\n#endif\n"),
    ("tools/x.mk", "# Builds x.\nx:\n\techo x\n"),
    ("tools/x.py", '#!/usr/bin/python3\n"""Does x."""\n'),
    ("README.md", "x" * 300 + "\n\tA tab is nothing here.\n"),
]

BAD = [
    ("columns", "adapt/a.c", HEAD + "/* " + "x" * 95 + " */\n"),
    ("columns", "tools/x.py", '"""Does x."""\nx = "' + "x" * 100 + '"\n'),
    ("tabs", "adapt/a.c", HEAD + "\tint x;\n"),
    ("spaces", "adapt/a.c", HEAD + "int x; \n"),
    ("spaces", "adapt/a.c", HEAD + "int x;"),
    ("file", "adapt/a.c", HEAD + "int x;\n" * 500),
    ("file", "tests/sim/a.c", HEAD + "int x;\n" * 500),
    ("function", "adapt/a.c", HEAD + body(71)),
    ("function", "tests/unit/test_a.c", HEAD + body(71)),
    ("function", "adapt/a.c", HEAD + "static int\nf(int a,\n  int b)\n{\n" + "g();\n" * 67 + "}\n"),
    ("function", "tools/x.py", '"""Does x."""\ndef f():\n' + "    x = 1\n" * 70),
    ("function", "tools/x.py", '"""Does x."""\ndef f(:\n'),
    ("nesting", "adapt/a.c", HEAD + nest(4)),
    ("nesting", "adapt/a.c", HEAD + nest(3).replace("if (x)", "FOR_EACH(x)") .replace(
        "void f(int x)\n{", "void f(int x)\n{ switch (x) {").replace("}\n}\n}", "}\n}\n}\n}", 1)),
    ("nesting", "tools/x.py", '"""Does x."""\ndef f():\n' + "".join(
        "    " * i + "for x in y:\n" for i in range(1, 5)) + "    " * 5 + "x = 1\n"),
    ("braces", "adapt/a.c", HEAD + "void f(void)\n{\n    if (x)\n        g();\n}\n"),
    ("braces", "adapt/a.c", HEAD + "void f(void)\n{\n    for (;;);\n}\n"),
    ("braces", "adapt/a.c", HEAD + "void f(void)\n{\n    while (x);\n}\n"),
    ("braces", "adapt/a.c", HEAD + "void f(void)\n{\n    if (x) {\n    } else\n        g();\n}\n"),
    ("head", "adapt/a.c", "int x;\n"),
    ("head", "adapt/a.c", "/*\n * Owns nothing.\n */\n"),
    ("head", "boot/b.S", ".globl x\n"),
    ("head", "adapt/m.def", "MSG(A)\n"),
    ("head", "tools/x.sh", "#!/bin/bash\nset -e\n"),
    ("guard", "adapt/a.h", HEAD + "#ifndef A\n#define A\n#endif\n"),
    ("if", "adapt/a.c", HEAD + "#if 1\n#endif\n"),
    ("if", "kernel/a.c", HEAD + "#ifdef X\n#endif\n"),
    ("if", "net/link.c", HEAD + "#  ifndef X\n#  endif\n"),
    ("typedef", "adapt/a.h", HEAD + "#pragma once\ntypedef struct { int x; } thing;\n"),
    ("typedef", "adapt/a.h", HEAD + "#pragma once\ntypedef enum x { A } x;\n"),
    ("note", "adapt/a.c", HEAD + f"/* {NOTE}: later */\n"),
    ("include", "adapt/a.c", HEAD + '#include "services/dsm.h"\n'),
    ("licence", "adapt/a.c", f"/* {FOREIGN}. */\n"),
    ("licence", "docs/x.md", FOREIGN + "\n"),
    ("path", "tools/x.sh", f"#!/bin/bash\n# Does x.\nls {MACHINE}\n"),
]


@pytest.mark.parametrize("path, text", GOOD)
def test_good_passes(path, text):
    assert rules_broken(path, text) == set()


@pytest.mark.parametrize("rule, path, text", BAD)
def test_bad_fails(rule, path, text):
    assert rule in rules_broken(path, text)


def test_every_rule_has_a_case():
    shown = {rule for rule, _, _ in BAD} | {"purity"}  # purity: below
    assert shown == set(tidy.RULES)


def test_nesting_exceptions_are_empty():
    assert not tidy.NESTING_EXCEPTIONS


ALLOWED = [
    ("adapt/node.c", "net/link.h", True), ("adapt/view.c", "adapt/view.h", True),
    ("adapt/messages.def", "adapt/msg.h", True), ("net/link.c", "adapt/base.h", True),
    ("net/link_window.c", "net/link_private.h", True), ("services/dsm.c", "adapt/port.h", True),
    ("mm/frame.c", "kernel/panic.h", True), ("boot/info.c", "mm/layout.h", True),
    ("drivers/e1000/e1000.c", "net/nic.h", True), ("net/netif.c", "lwip/udp.h", True),
    ("net/netif.c", "lwip/udp.h", False), ("kernel/pump.c", "services/dsm.h", True),
    ("kernel/syscall_file.c", "adapt/port.h", True), ("kernel/console/line.c", "net/udp.h", True),
    ("kernel/thread.c", "mm/frame.h", True), ("apps/mgs/a.c", "apps/mgs/b.h", True),
    ("apps/mgs/a.c", "pthread.h", False), ("apps/mgs/a.c", "lib/lisse.h", True),
    ("net/port/arch/cc.h", "stdlib.h", False), ("adapt/a.c", "string.h", False),
    ("tests/sim/a.c", "stdio.h", False),
]

REFUSED = [
    ("adapt/view.c", "net/link.h", True), ("adapt/a.c", "services/dsm.h", True),
    ("adapt/a.c", "stdlib.h", False), ("adapt/a.c", "kernel/panic.h", True),
    ("net/link.c", "adapt/view.h", True), ("net/link.c", "lwip/udp.h", True),
    ("services/dsm.c", "net/link.h", True), ("services/dsm.c", "kernel/cpu.h", True),
    ("mm/frame.c", "adapt/base.h", True), ("mm/frame.c", "kernel/thread.h", True),
    ("drivers/pci.c", "lwip/udp.h", True), ("drivers/pci.c", "adapt/port.h", True),
    ("drivers/pci.c", "kernel/thread.h", True), ("net/netif.c", "services/dsm.h", True),
    ("net/netif.c", "adapt/view.h", True), ("kernel/thread.c", "services/dsm.h", True),
    ("kernel/thread.c", "net/udp.h", True), ("apps/mgs/a.c", "apps/hello/b.h", True),
    ("apps/mgs/a.c", "adapt/base.h", True), ("lib/a.c", "adapt/base.h", True),
    ("misc/a.c", "adapt/base.h", True), ("net/udp.c", "stdlib.h", False),
]


@pytest.mark.parametrize("path, name, quoted", ALLOWED)
def test_include_allowed(path, name, quoted):
    assert includes.violation(path, name, quoted) is None


@pytest.mark.parametrize("path, name, quoted", REFUSED)
def test_include_refused(path, name, quoted):
    assert includes.violation(path, name, quoted)


def test_functions_are_found_where_they_are():
    text = HEAD + "struct s { int x; };\nint a[] = { 1 };\n" \
        "__attribute__((noreturn)) static void f(void)\n{\n    g((struct s){ 1 });\n}\n\n" + body(9)
    found = ctokens.functions(ctokens.tokens(text)[0])
    assert [(f.name, f.first, f.last, f.depth) for f in found] == [("f", 4, 7, 0), ("f", 9, 17, 0)]


# ---- purity, with real objects -------------------------------------------------------------------

def impurities(folder, source):
    """What purity says of a core that consists of `source` alone."""
    target = folder / "build/kernel/adapt"
    target.mkdir(parents=True)
    (folder / "adapt").mkdir()
    (folder / "adapt/a.c").write_text(source)
    subprocess.run([purity.CROSS + "gcc", "-O1", "-ffreestanding", "-fno-pic", "-c",
                    folder / "adapt/a.c", "-o", target / "a.o"], check=True)
    return [message for _, message in purity.check(str(folder), "build", ["adapt/a.c"])]


@pytest.mark.parametrize("source", [
    "const char *const names[] = { \"a\", \"b\" };\n",
    "unsigned long long f(unsigned long long a, unsigned long long b) { return a / b; }\n",
    "void assert_failed(void); void f(int x) { if (!x) { assert_failed(); } }\n",
])
def test_pure_core_passes(tmp_path, source):
    assert impurities(tmp_path, source) == []


@pytest.mark.parametrize("source, complaint", [
    ("int printf(const char *, ...); void f(void) { printf(\"x\"); }\n", "needs printf"),
    ("double f(double a, double b) { return a < b ? a : b; } double pow(double, double);\n"
     "double g(double a) { return pow(a, a); }\n", "needs pow"),
    ("int counter = 1;\n", "writable bytes in .data"),
    ("static int counter; int f(void) { return ++counter; }\n", "writable bytes in .bss"),
    ("__attribute__((common)) int counter;\n", "writable bytes in COMMON"),
])
def test_impure_core_fails(tmp_path, source, complaint):
    assert any(complaint in message for message in impurities(tmp_path, source))


def test_missing_object_fails(tmp_path):
    messages = [message for _, message in purity.check(str(tmp_path), "build", ["adapt/a.c"])]
    assert any("not compiled" in message for message in messages)


def test_program_prints_place_and_rule(tmp_path):
    (tmp_path / "adapt").mkdir()
    (tmp_path / "adapt/a.c").write_text(HEAD + "\tint x;\n")
    result = subprocess.run([sys.executable, os.path.join(HERE, "tidy.py"), "--root",
                             str(tmp_path), "--no-purity"], capture_output=True, text=True)
    assert result.returncode == 1
    assert "adapt/a.c:2: a tab" in result.stdout and "[tabs:" in result.stdout
    assert result.stdout.rstrip().endswith("1 failed")
