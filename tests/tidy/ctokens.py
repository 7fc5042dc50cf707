"""Just enough of C to measure it: tokens without comments, functions, nesting of control flow.

Used by tidy.py. It reads one file at a time, does not expand macros, and takes no account of
preprocessor lines, which are measured as lines only.
"""

import re

TOKEN = re.compile(r"""
    (?P<comment>/\*.*?\*/|//[^\n]*)
  | (?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
  | (?P<directive>^[ \t]*\#(?:\\\n|/\*.*?\*/|[^\n])*)
  | (?P<word>[A-Za-z_0-9]+)
  | (?P<mark>[^\s])
""", re.VERBOSE | re.DOTALL | re.MULTILINE)

CONTROL = {"if", "for", "while", "switch"}
# Words before a parenthesis that make no macro loop of `word (…) {`.
NOT_A_LOOP = {"return", "sizeof", "_Alignof", "typeof", "__typeof__", "case"}


class Token:
    """One word, mark or string of the source, and its line number."""

    def __init__(self, text, line):
        self.text = text
        self.line = line

    def is_name(self):
        return bool(re.match(r"[A-Za-z_]", self.text))


class Function:
    """A function definition: its name, first and last line, and where it nests deepest."""

    def __init__(self, name, first):
        self.name = name
        self.first = first
        self.last = first
        self.depth = 0
        self.depth_line = first

    def lines(self):
        return self.last - self.first + 1


def tokens(text):
    """(tokens of the code, [(line, directive)]) of C source."""
    code, directives = [], []
    line, position = 1, 0
    for match in TOKEN.finditer(text):
        line += text.count("\n", position, match.start())
        position = match.start()
        if match.lastgroup == "directive":
            directives.append((line, match.group().strip()))
        elif match.lastgroup == "string":
            code.append(Token('""', line))
        elif match.lastgroup != "comment":
            code.append(Token(match.group(), line))
    return code, directives


def matching_open(code, closing):
    """The index of the parenthesis that code[closing] closes."""
    depth = 0
    for index in range(closing, -1, -1):
        if code[index].text == ")":
            depth += 1
        elif code[index].text == "(":
            depth -= 1
            if depth == 0:
                return index
    return 0


def name_before_parens(code, closing):
    """The token before the parenthesis that code[closing] closes, or None."""
    index = matching_open(code, closing) - 1
    return code[index] if index >= 0 else None


def is_control_brace(code, index):
    """Whether the brace at `index`, inside a function, belongs to if, for, while, do, …"""
    before = code[index - 1]
    if before.text in ("else", "do"):
        return True
    if before.text != ")":
        return False
    name = name_before_parens(code, index - 1)
    return bool(name and name.is_name() and name.text not in NOT_A_LOOP)


def function_at(code, index, start):
    """The Function whose body opens at `index`, or None; `start` is its first token's index."""
    before = index - 1
    while before > start and code[before].text == ")":
        name = name_before_parens(code, before)
        if not name or not name.is_name():
            return None
        if name.text != "__attribute__":
            return Function(name.text, code[start].line)
        before = matching_open(code, before) - 2
    return None


class FunctionFinder:
    """Walks the tokens of a file once and collects its functions."""

    def __init__(self, code):
        self.code = code
        self.found = []
        self.function = None     # the one we are in
        self.open_braces = []    # for each open brace: does it belong to a control structure?
        self.start = 0           # index of the first token of what stands at file level

    def open(self, index):
        if not self.open_braces:
            self.function = function_at(self.code, index, self.start)
            self.open_braces.append(False)
            return
        self.open_braces.append(bool(self.function) and is_control_brace(self.code, index))
        depth = sum(self.open_braces)
        if self.function and depth > self.function.depth:
            self.function.depth = depth
            self.function.depth_line = self.code[index].line

    def close(self, index):
        if self.open_braces:
            self.open_braces.pop()
        if self.open_braces or not self.function:
            return
        self.function.last = self.code[index].line
        self.found.append(self.function)
        self.function = None
        self.start = index + 1

    def walk(self):
        for index, token in enumerate(self.code):
            if token.text == "{":
                self.open(index)
            elif token.text == "}":
                self.close(index)
            elif token.text == ";" and not self.open_braces:
                self.start = index + 1
        return self.found


def functions(code):
    """All function definitions, measured. A control structure adds one to the depth."""
    return FunctionFinder(code).walk()


def closing_paren(code, opening):
    """The index of the parenthesis that closes code[opening]."""
    depth = 0
    for index in range(opening, len(code)):
        if code[index].text == "(":
            depth += 1
        elif code[index].text == ")":
            depth -= 1
            if depth == 0:
                return index
    return len(code) - 1


def after_control(code, index):
    """The token that begins the body of the control word at `index`, or None."""
    if index + 1 >= len(code):
        return None
    if code[index].text in ("else", "do"):
        return code[index + 1]
    if code[index + 1].text != "(":
        return None
    end = closing_paren(code, index + 1) + 1
    return code[end] if end < len(code) else None


def unbraced(code):
    """Tokens of control structures whose body has no braces (the `while` of a do has no body)."""
    wrong = []
    for index, token in enumerate(code):
        if token.text not in CONTROL | {"else", "do"}:
            continue
        body = after_control(code, index)
        if body is None or body.text == "{" or (token.text == "else" and body.text == "if"):
            continue
        if token.text == "while" and body.text == ";" and code[index - 1].text == "}":
            continue
        wrong.append(token)
    return wrong


def struct_typedefs(code):
    """The words struct, union, enum after a typedef; the type of a function may return one."""
    wrong = []
    for index, token in enumerate(code[:-1]):
        if token.text != "typedef" or code[index + 1].text not in ("struct", "union", "enum"):
            continue
        # typedef struct outcome handler(...): NAME NAME (
        after = [following.text for following in code[index + 2:index + 5]]
        if len(after) == 3 and after[2] == "(" and after[0] != "{":
            continue
        wrong.append(code[index + 1])
    return wrong
