"""test_readme.py: every command that README shows is run, and says what README says it says.

A command is a line `$ …` in a console block; the lines below it are its output. Numbers may differ
(times, addresses, names of clusters), words may not, and README may leave lines out. `make run` is
run whole; `make test` is the run that this test is part of.
"""

import os
import re
import subprocess

from conftest import ROOT

BLOCK = re.compile(r"^```console\n(.*?)^```", re.M | re.S)
NUMBER = re.compile(r"[0-9a-f]*[0-9][0-9a-fx.,:e+-]*")
STEPS_S_MAX = 120


def steps():
    """[(command, [lines shown])] in README's order."""
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
        text = file.read()
    found = []
    for block in BLOCK.findall(text):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            elif line.strip():
                found[-1][1].append(line)
    return found


def shape(line):
    """The line with every number as # and spaces folded."""
    return " ".join(NUMBER.sub("#", line).split())


def run(command, env):
    return subprocess.run(command, shell=True, cwd=ROOT, env=env, capture_output=True, text=True,
                          timeout=STEPS_S_MAX, stdin=subprocess.DEVNULL)


def check(command, shown, result):
    assert result.returncode == 0, f"{command}: exit {result.returncode}\n{result.stderr[-2000:]}"
    said = {shape(line) for line in (result.stdout + result.stderr).splitlines()}
    for line in shown:
        assert shape(line) in said, f"{command}: README shows {line!r}; it said\n{result.stdout}"


def test_readme_shows_commands():
    commands = [command for command, _ in steps()]

    assert len(commands) >= 12
    assert any("./lisse up" in command for command in commands)


def test_every_command_of_readme(tmp_path):
    env = dict(os.environ, LISSE_DIR=str(tmp_path / "state"))
    for name in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL"):
        env.pop(name, None)
    try:
        for command, shown in steps():
            check(command, shown, run(command, env))
    finally:
        run("./lisse down", env)


def test_make_run():
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    result = run("make run", env)

    assert result.returncode == 0, result.stderr[-2000:]
    assert result.stdout.count("check           PASS") == 3
    for checksum in ("e173b614", "88359319", "28c24ebe"):
        assert checksum in result.stdout
