"""Programs on Lisse: the same file gives the same output and exit code as on Linux.

The expectation is always what the program does on this host (tools/run32); where the nodes differ
from the host by design, the test says what is expected.
"""

import functools
import os
import re
import subprocess

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RUN32 = os.path.join(ROOT, "tools", "run32")
DATA = os.path.join(ROOT, "apps", "data")
FILE = "ash219.mtx"
LITMUS_ROUNDS = 25

FAULTS = {
    "null-write": 139, "text-write": 139, "kernel-write": 139, "port": 139,
    "stack-overflow": 139, "divide": 136, "illegal": 132, "breakpoint": 133, "abort": 134,
    "kill": 137, "ignored": 0,
}


def path_of(name):
    folder = "apps" if name == "hello" else "programs"
    return os.path.join(ROOT, "build", folder, name)


@functools.lru_cache(maxsize=None)
def native(name, *words, stdin=b""):
    """(exit code as a shell tells it, stdout) on this host."""
    done = subprocess.run([RUN32, path_of(name), *map(str, words)], cwd=DATA, input=stdin,
                          capture_output=True, timeout=60, check=False)
    code = done.returncode
    return (128 - code if code < 0 else code), done.stdout


def on_lisse(lisse, nodes, name, *words, options=(), stdin=b""):
    """The same, and stderr, on a cluster of its own."""
    done = lisse.run("run", "--quiet", "-n", nodes, "--with", os.path.join(DATA, FILE), *options,
                     path_of(name), *words, input=stdin)
    return done.returncode, done.raw, done.stderr


def assert_same(lisse, nodes, name, *words, **more):
    code, out, err = on_lisse(lisse, nodes, name, *words, **more)
    expected = native(name, *words, stdin=more.get("stdin", b""))
    assert (code, out) == expected, err
    return err


def test_one_fault_and_one_futex(lisse):
    err = assert_same(lisse, 2, "onefault")
    match = re.search(r"main ran on node (\d+), the thread on node (\d+)", err)
    assert match and match[1] != match[2] and "0" not in match.groups(), err


@pytest.mark.parametrize("nodes", (1, 2, 3))
def test_pthreads(lisse, nodes):
    assert_same(lisse, nodes, "pthreads", FILE)


def test_pthreads_on_pentiums(lisse):
    assert_same(lisse, 2, "pthreads", FILE, options=("--cpu", "pentium"))


@pytest.mark.parametrize("nodes, options", (
    (1, ()), (2, ()), (4, ("--locator", "stat")), (4, ("--cpu", "pentium")),
))
def test_sequential_consistency(lisse, nodes, options):
    code, out, err = on_lisse(lisse, nodes, "litmus", "--expect-sc", LITMUS_ROUNDS,
                              options=options)
    lines = out.decode().splitlines()
    assert code == 0 and lines[-1] == "sequentially consistent", out.decode() + err
    assert len(lines) == 13
    for line in lines[:-1]:
        assert line.endswith(f"{LITMUS_ROUNDS} rounds, forbidden 0")


def test_litmus_with_fences_on_the_host():
    """The program itself: with fences, a PC is sequentially consistent."""
    code, out = native("litmus", "--expect-sc", "--fence", 200)
    assert code == 0 and out.endswith(b"\nsequentially consistent\n")


@pytest.mark.parametrize("nodes", (2, 4))
def test_one_hammered_word(lisse, nodes):
    assert_same(lisse, nodes, "hammer", 1000)


@pytest.mark.parametrize("nodes", (1, 2))
def test_system_calls(lisse, nodes):
    assert_same(lisse, nodes, "calls", FILE)


def test_hello_from_every_node(lisse):
    code, out, err = on_lisse(lisse, 3, "hello", "--env", "--file", FILE, "one", "two three",
                              options=("--env", "COLOUR=green blue"))
    text = out.decode()
    assert code == 0, err
    greetings = re.findall(r"hello from thread (\d) of 3 on node (\d+)\n", text)
    assert [thread for thread, _ in greetings] == ["1", "2", "3"]
    assert len({node for _, node in greetings}) == 3
    assert "argument 1: one\nargument 2: two three\n" in text
    assert "environment: COLOUR=green blue\n" in text
    assert text.endswith("3374 bytes, 452 lines\n")


def test_stdin_to_stdout(lisse):
    """Every byte value, more than any buffer on the way holds."""
    data = bytes(range(256)) * 400 + os.urandom(20000)
    code, out, err = on_lisse(lisse, 2, "stdin_cat", 3000, stdin=data)
    assert code == 0 and out == data, err


@pytest.mark.parametrize("nodes, words", (
    (1, ("return", 300)), (1, ("_exit", 7)), (2, ("thread", 9)), (2, ("pthread_exit",)),
    (2, ("running", 5)),
))
def test_exit_codes(lisse, nodes, words):
    assert_same(lisse, nodes, "exitcodes", *words)


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_end_the_program(lisse, fault):
    assert native("fault", fault)[0] == FAULTS[fault]
    assert_same(lisse, 1, "fault", fault)


def test_fault_of_a_thread_elsewhere(lisse):
    """The whole job ends, main's node with it; the first line came out before."""
    assert_same(lisse, 2, "fault", "thread")


def test_node_outlives_the_fault(cluster):
    up = cluster(1, "--with", path_of("fault"))
    status, text = up.exec("n1", "run fault null-write")
    assert status == 139 and "null-write" in text
    status, text = up.exec("n1", "version")
    assert status == 0 and text
    assert "access through a null pointer" in up.console_log("n1")
