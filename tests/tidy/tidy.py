#!/usr/bin/python3
"""Checks the law of the house: sizes, include table, purity of the core, and a few habits.

    tests/tidy/tidy.py [--root DIR] [--no-purity]

Prints each violation as `file:line: message [rule]` and ends with `tidy: N passed, N failed`,
where each rule counts as one test. `make tidy` builds the pure objects first.
Standard library only. Tokens of C: ctokens.py; include table: includes.py; objects: purity.py.
"""

import argparse
import ast
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import ctokens  # noqa: E402
import includes  # noqa: E402
import purity  # noqa: E402

FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70
LINE_COLUMNS_MAX = 100
NESTING_MAX = 3

# Functions that may nest deeper, as "file:function". It may only shrink.
NESTING_EXCEPTIONS = frozenset()

RULES = {
    "columns": f"lines have at most {LINE_COLUMNS_MAX} columns",
    "tabs": "indentation is by spaces",
    "spaces": "no space at the end of a line, a line end at the end of a file",
    "file": f"files have at most {FILE_LINES_MAX} lines",
    "function": f"functions have at most {FUNCTION_LINES_MAX} lines",
    "nesting": f"control structures nest at most {NESTING_MAX} deep",
    "braces": "each control structure has braces",
    "head": "each file says in its first comment what it owns",
    "guard": "headers have #pragma once",
    "if": "#if only in net/port and boot: seams are link-time",
    "typedef": "no typedef of a struct, union or enum",
    "note": "known gaps are `GAP:` with their consequence",
    "include": "the include table of the design",
    "licence": "third-party source is fetched, never committed",
    "path": "no path of one machine",
    "purity": "the core needs mem*, 64-bit arithmetic and assert_failed; no writable data",
}

C_FILES = (".c", ".h", ".S", ".def", ".ld")
SCRIPTS = (".py", ".sh", ".mk", ".awk")

# Words that would trip this very file are written in two parts.
NOTE = re.compile(r"\b(TO" r"DO|FIX" r"ME)\b")
LICENCE = re.compile(r"Copy" r"right|All rights res" r"erved|SPDX-Lic" r"ense|"
                     r"General Public Lic" r"ense", re.IGNORECASE)
MACHINE_PATH = re.compile(r"(?<![\w.])/(work/main|work/shared|home/\w)")


class Report:
    """Collects violations; one per (file, line, rule, message)."""

    def __init__(self):
        self.violations = []

    def add(self, path, line, rule, message):
        self.violations.append((path, line, rule, message))

    def failed_rules(self):
        return {rule for _, _, rule, _ in self.violations}


# ---- which files ---------------------------------------------------------------------------------

def all_files(root):
    """Paths of the project's files, relative to root: what git would commit."""
    command = ["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, capture_output=True, text=True)
    if listing.returncode == 0:
        names = [name for name in listing.stdout.split("\0") if name]
    else:
        names = []
        for folder, folders, files in os.walk(root):
            folders[:] = [f for f in folders if f not in ("build", ".git", "__pycache__")]
            names += [os.path.relpath(os.path.join(folder, name), root) for name in files]
    return sorted(name for name in set(names) if os.path.isfile(os.path.join(root, name)))


def is_script(path, text):
    return path.endswith(SCRIPTS) or text.startswith("#!") or os.path.basename(path) == "Makefile"


def is_python(path, text):
    return path.endswith(".py") or bool(re.match(r"#!.*python", text))


# ---- rules about any text ------------------------------------------------------------------------

def check_lines(path, text, report):
    """Columns, tabs, ends of lines, notes, length of the file."""
    lines = text.splitlines()
    makefile = path.endswith(".mk") or os.path.basename(path) == "Makefile"
    for number, line in enumerate(lines, 1):
        if len(line) > LINE_COLUMNS_MAX:
            report.add(path, number, "columns",
                       f"{len(line)} columns; the limit is {LINE_COLUMNS_MAX}")
        if "\t" in line and not makefile:
            report.add(path, number, "tabs", "a tab; indent by 4 spaces")
        if line != line.rstrip():
            report.add(path, number, "spaces", "space at the end of the line")
        if NOTE.search(line):
            report.add(path, number, "note",
                       f"`{NOTE.search(line).group()}`: finish it, or say `GAP:` and what follows")
    if text and not text.endswith("\n"):
        report.add(path, len(lines), "spaces", "no line end at the end of the file")
    if len(lines) > FILE_LINES_MAX:
        report.add(path, len(lines), "file", f"{len(lines)} lines; the limit is {FILE_LINES_MAX}: "
                   "split it by what its parts own")


def check_origin(path, text, report):
    """Nothing of a third party, nothing of one machine. For every text file."""
    if path == "LICENSE":
        return
    for number, line in enumerate(text.splitlines(), 1):
        if LICENCE.search(line) and "The Lisse authors" not in line:
            report.add(path, number, "licence", "somebody else's licence or authorship; "
                       "third-party source is fetched by tools/fetch, never committed")
        if MACHINE_PATH.search(line):
            report.add(path, number, "path", "a path that exists on one machine only")


def check_head(path, text, report):
    """The first comment. C: the file's first line; scripts: the line after `#!`."""
    lines = text.splitlines() or [""]
    if path.endswith(C_FILES):
        if not re.match(r"/\*\s*[^\s*]", lines[0]):
            report.add(path, 1, "head", "must begin with a comment `/* What this file owns. …`")
        return
    first = 1 if lines[0].startswith("#!") else 0
    line = lines[first] if len(lines) > first else ""
    if not re.match(r'#\s*\w|[rb]?"""\w', line):
        report.add(path, first + 1, "head", "must begin with a comment that says what it does")


# ---- rules about C -------------------------------------------------------------------------------

def if_allowed(path):
    return path.startswith(("net/port/", "boot/", "apps/", "lib/", "tests/", "tools/"))


def check_directives(path, directives, report):
    names = [re.sub(r"#\s*", "#", text).split()[0] for _, text in directives]
    if path.endswith(".h") and not any(re.match(r"#\s*pragma\s+once", d) for _, d in directives):
        report.add(path, 1, "guard", "no `#pragma once`")
    for (line, text), name in zip(directives, names):
        if name in ("#if", "#ifdef", "#ifndef", "#elif", "#else", "#endif") \
                and not if_allowed(path):
            report.add(path, line, "if", f"`{name}`; link another definition of the symbol instead")
        target = includes.included(text)
        message = includes.violation(path, *target) if target else None
        if message:
            report.add(path, line, "include", message)


def check_functions(path, code, report):
    for function in ctokens.functions(code):
        if function.lines() > FUNCTION_LINES_MAX:
            report.add(path, function.first, "function", f"{function.name} has {function.lines()} "
                       f"lines; the limit is {FUNCTION_LINES_MAX}")
        if function.depth > NESTING_MAX and f"{path}:{function.name}" not in NESTING_EXCEPTIONS:
            report.add(path, function.depth_line, "nesting", f"{function.name} nests "
                       f"{function.depth} deep; the limit is {NESTING_MAX}")


def check_c(path, text, report):
    code, directives = ctokens.tokens(text)
    check_directives(path, directives, report)
    check_functions(path, code, report)
    for token in ctokens.unbraced(code):
        report.add(path, token.line, "braces", f"`{token.text}` without braces")
    for token in ctokens.struct_typedefs(code):
        report.add(path, token.line, "typedef",
                   f"typedef of a {token.text}; write `{token.text} name` where it is used")


# ---- rules about Python --------------------------------------------------------------------------

BLOCKS = (ast.If, ast.For, ast.While)  # as in C; `with` and `try` decide nothing


def python_depth(node, depth=0):
    """(depth, line) of the deepest control structure in `node`; `elif` adds nothing."""
    deepest = (depth, getattr(node, "lineno", 0))
    for field, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or isinstance(child, ast.FunctionDef):
                continue
            elif_ = field == "orelse" and isinstance(node, ast.If) and isinstance(child, ast.If) \
                and len(value) == 1
            inner = depth + (isinstance(child, BLOCKS) and not elif_)
            deepest = max(deepest, python_depth(child, inner), key=lambda found: found[0])
    return deepest


def check_python(path, text, report):
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        report.add(path, error.lineno or 1, "function", f"not Python: {error.msg}")
        return
    for node in ast.walk(tree):
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        lines = node.end_lineno - node.lineno + 1
        if lines > FUNCTION_LINES_MAX:
            report.add(path, node.lineno, "function",
                       f"{node.name} has {lines} lines; the limit is {FUNCTION_LINES_MAX}")
        depth, line = python_depth(node)
        if depth > NESTING_MAX and f"{path}:{node.name}" not in NESTING_EXCEPTIONS:
            report.add(path, line, "nesting",
                       f"{node.name} nests {depth} deep; the limit is {NESTING_MAX}")


# ---- all of it -----------------------------------------------------------------------------------

def check_file(path, text, report):
    """All rules that one file can break."""
    check_origin(path, text, report)
    if path.endswith(C_FILES):
        check_lines(path, text, report)
        check_head(path, text, report)
        check_c(path, text, report)
    elif is_script(path, text):
        check_lines(path, text, report)
        check_head(path, text, report)
        if is_python(path, text):
            check_python(path, text, report)


def read(root, path):
    """The text of a file, or None for binary data."""
    with open(os.path.join(root, path), "rb") as file:
        data = file.read()
    return None if b"\0" in data else data.decode("utf-8", errors="replace")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    here = os.path.dirname(os.path.abspath(__file__))
    parser.add_argument("--root", default=os.path.dirname(os.path.dirname(here)))
    parser.add_argument("--build", default="build")
    parser.add_argument("--no-purity", action="store_true")
    options = parser.parse_args()

    report = Report()
    files = all_files(options.root)
    for path in files:
        text = read(options.root, path)
        if text is not None:
            check_file(path, text, report)
    rules = set(RULES)
    if options.no_purity:
        rules.discard("purity")
    else:
        for path, message in purity.check(options.root, options.build, files):
            report.add(path, 0, "purity", message)
    for path, line, rule, message in sorted(report.violations):
        print(f"{path}:{line}: {message} [{rule}: {RULES[rule]}]")
    failed = len(report.failed_rules())
    print(f"tidy: {len(files)} files, {len(report.violations)} violations; "
          f"{len(rules) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
