"""What a person reads when something is wrong: one clear line with the cause and what to do next.

Here are the words that reach the terminal of `lisse run` when the nodes themselves find the mistake
(--unchecked switches the launcher's own look at the program off). That the launcher finds most of
them before it boots anything is tested in test_launcher.py.
"""

import os

import elf_files
import pytest
from conftest import ROOT

WRONG_BUILD = os.path.join(ROOT, "build", "wrong-build.elf")
MATRIX = "%%MatrixMarket matrix coordinate real general\n"


def said(result):
    """The lines that a person sees, without progress."""
    return result.stderr.strip().splitlines()


@pytest.mark.parametrize("name, cause, remedy", (
    ("script", "not a program", "build it with lisse-cc"),
    ("x86-64", "a 64-bit program: this is an i386 machine", "build it with lisse-cc"),
    ("arm", "a program for another processor than i386", "build it with lisse-cc"),
    ("dynamic", "a dynamic program", "link it with -static (lisse-cc does)"),
    ("pie", "dynamic or position-independent", "link it with -static -no-pie (lisse-cc does)"),
    ("object", "an object file or core dump", "link it with lisse-cc"),
    ("cut", "a truncated program: a segment lies behind the end of the file", "copy it again"),
    ("headers-outside", "a truncated program: its program headers", "copy it again"),
    ("no-segment", "a damaged program: no program headers", "build or copy it again"),
    ("memory-less", "longer in the file than in memory", "build it again"),
    ("entry", "it begins outside its own code", "build or copy it again"),
    ("kernel-address", "outside 0x110000 … 0xBF7FF000", "link it at the usual address"),
    ("wrap", "outside 0x110000 … 0xBF7FF000", "link it at the usual address"),
))
def test_files_that_are_no_programs(cluster_of_bad_files, name, cause, remedy):
    status, text = cluster_of_bad_files.exec("n1", f"run {name}")
    assert status == 126
    assert len(text.splitlines()) == 1
    assert text.startswith(f"{name} is ") and cause in text and text.rstrip().endswith(remedy)


@pytest.fixture(scope="module")
def cluster_of_bad_files(tmp_path_factory):
    """One boot for all of them: each must leave the node as it was."""
    from conftest import Launcher, UpCluster
    folder = tmp_path_factory.mktemp("bad")
    words = []
    for name, (data, _) in elf_files.BAD.items():
        (folder / name).write_bytes(data or b"\0")
        words += ["--with", name]
    launcher = Launcher(folder)
    try:
        yield UpCluster(launcher, 1, words)
    finally:
        left = launcher.sweep()
        assert not left, f"left running after the test: {left}"


def test_a_program_that_did_not_come_along(cluster_of_bad_files):
    status, text = cluster_of_bad_files.exec("n1", "run nonesuch")
    assert status == 126
    assert text == ('no program "nonesuch" came with the boot: give it as a boot module '
                    '(run PROG)\n')


def test_a_bad_program_reaches_the_terminal(lisse, tmp_path):
    (tmp_path / "bad").write_bytes(elf_files.BAD["x86-64"][0])
    result = lisse.run("run", "-n", 2, "--unchecked", "--quiet", "./bad")
    assert result.returncode == 126
    assert said(result) == ["lisse: bad is a 64-bit program: this is an i386 machine; build it "
                            "with lisse-cc"]


def test_boot_options(lisse):
    """Each is told once, not by every node, and the program runs."""
    result = lisse.run("run", "-n", 2, "--quiet", "--option", "lokator=stat", "--option",
                       "expect=x", "hello")
    assert result.returncode == 0 and "hello from thread" in result.stdout
    assert sorted(said(result)) == [
        "lisse: boot option 'expect=x' has a bad value and is ignored; expect= wants a number of "
        "nodes, 1 ... 256",
        "lisse: boot option 'lokator=stat' is unknown and ignored; did you mean 'locator='?",
    ]


@pytest.mark.skipif(not os.path.exists(WRONG_BUILD), reason="make wrong-build makes it")
def test_another_build_on_one_node(lisse):
    result = lisse.run("run", "-n", 2, "--kernel", f"n2={WRONG_BUILD}", "--quiet", "hello")
    lines = said(result)
    assert result.returncode == 125
    assert lines[0].startswith("lisse: n2 runs build 000badb01dc0ffee, the others ")
    assert any(line.startswith("  cause: nodes of one cluster must be of one build")
               for line in lines)
    assert any(line.startswith("  next: boot the same image everywhere") for line in lines)


@pytest.mark.parametrize("text, words", (
    ("hello\n", 'bad.mtx:1: expected a first line that begins with %%MatrixMarket, found "hello"; '
                "is this a Matrix Market file?"),
    (MATRIX + "2 2 1\n3 1 1\n", 'bad.mtx:3: expected a row from 1 to 2, found "3"'),
))
def test_malformed_matrix_files(lisse, tmp_path, text, words):
    (tmp_path / "bad.mtx").write_text(text)
    result = lisse.run("run", "-n", 1, "--quiet", "--with", "bad.mtx", "mgs", "--file", "bad.mtx")
    assert result.returncode == 2 and result.stdout == ""
    assert said(result) == [f"mgs: {words}"]


def test_a_matrix_file_that_did_not_come_along(lisse):
    result = lisse.run("run", "-n", 1, "--quiet", "mgs", "--file", "none.mtx")
    assert result.returncode == 2
    assert len(said(result)) == 1 and "./lisse run --with FILE" in said(result)[0]


@pytest.mark.parametrize("fault, words", (
    ("null-write", "access through a null pointer at address 00000000"),
    ("kernel-read", "access to the kernel's addresses at address c0101000"),
    ("text-write", "write where the program may not"),
    ("stack-overflow", "stack overflow (endless recursion?)"),
    ("privileged", "protection fault"),
))
def test_a_fault_of_the_program(lisse, fault, words):
    """What, where, which thread; the exit code is that of a shell."""
    program = os.path.join(ROOT, "build", "programs", "fault")
    result = lisse.run("run", "-n", 1, "--quiet", program, fault)
    assert result.returncode == 139
    assert len(said(result)) == 1
    assert words in said(result)[0] and said(result)[0].endswith("signal 11")
