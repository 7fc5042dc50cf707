"""test_console.py: what a person does at a node's console and over `lisse exec`, on real nodes."""

import os
import re
import signal
import sys
import time

import pexpect
import pytest
from conftest import LISSE, ROOT, WAIT_S, wait_for
from test_boot import Node

PROGRAMS = os.path.join(ROOT, "build", "programs")
HELLO = os.path.join(ROOT, "build", "apps", "hello")
ENDLESS = "litmus 1000000"
KEY_C, KEY_D = "\x03", "\x04"


def with_programs(*names):
    """Options that bring these programs along."""
    words = ["--with", HELLO]
    for name in names:
        words += ["--with", os.path.join(PROGRAMS, name)]
    return words


@pytest.fixture
def two(cluster):
    return cluster(2, *with_programs("stdin_cat", "litmus", "exitcodes", "fault"))


def job_of(up, node, program):
    """The number of the program's job as `jobs` tells it, or None."""
    match = re.search(rf"^ *(\d+)  running .* {program}$", up.exec(node, "jobs")[1], re.MULTILINE)
    return match[1] if match else None


def wait_for_job(up, node, program):
    job = wait_for(lambda: job_of(up, node, program))
    assert job, up.exec(node, "jobs")
    return job


# ---- commands of an idle cluster ----------------------------------------------------------------

GOOD = {
    "help": r"(?m)^nodes .*\n(.*\n)*^trace \[LINES\]",
    "help locate": r"^locate KIND JOB ADDRESS +who manages",
    "nodes": r"(?m)^n1 +#1 +0  member .* 52:54:00\S+\nn2 +#2 +1  member .*this node$",
    "view": r"(?m)^epoch +3, digest [0-9a-f]{16}, stable\nmembers +2, .*; voters 1, proposer n1\n"
            r"(.*\n)*  epoch 2: add #2 n2, START [\d.]+ ms PHYS ",
    "cells": r"root cell, 256 slots\n  n1 +seat  0  128 slots\n  n2 +seat  1  128 slots\n",
    "locate page 257 0x8049123": r"^key 0201010000008049: slot \d+ of the root cell: managed by n",
    "locate futex 1 8": r"^key 0300010000000002: ",
    "locate barrier 1 8": r"^key 0300010100000002: ",
    "locate job 258 0": r"^key 0101020000000000: ",
    "jobs": r"^no program runs$",
    "threads": r"^no thread is here\nthis node: ring 3 [\d.]+ ms, idle ",
    "pages": r"(?m)^frames +0 of \d+ used: 0 pages owned, 0 copies\ndirectory  0 of ",
    "pages 257": r"^0 pages$",
    "pages --owned": r"^0 pages$",
    "sync": r"^0 futexes and barriers are managed here; 0 threads wait",
    "net": r"(?m)^link n1 +open +rtt +\d+ us, rto +\d+ us; sent \d+",
    "trace 3": r"^(\[ *\d+ms\] #2 .*\n){3}$",
    "log 3": r"stable: epoch 3, 2 members",
    "version": r"^Lisse \S+, build [0-9a-f]{16}, image ",
    "'nodes'": r"(?m)^n1 ",
    "": r"^$",
}

WRONG = {
    "nodes all": ("'all' is too much", 2),
    "view x": ("'x' is too much", 2),
    "cells x": ("'x' is too much", 2),
    "jobs x": ("'x' is too much", 2),
    "sync x": ("'x' is too much", 2),
    "net x": ("'x' is too much", 2),
    "locate": ("usage: locate KIND JOB ADDRESS", 2),
    "locate pge 1 2": ("'pge' is no kind of entry: page futex barrier job dsm sync threads", 2),
    "locate page 65536 0": ("'65536' is no job", 2),
    "locate page 1 0x1G": ("'0x1G' is no address", 2),
    "locate page 1 99999999999999999999": ("is no address", 2),
    "kill": ("usage: kill JOB [SIGNAL]", 2),
    "kill one": ("'one' is no job", 2),
    "kill 0": ("'0' is no job", 2),
    "kill 1 HALT": ("'HALT' is no signal", 2),
    "kill 1 65": ("'65' is no signal", 2),
    "kill 4711": ("job 4711 does not run", 1),
    "threads x": ("'x' is no job", 2),
    "threads 1 2": ("usage: threads [JOB]", 2),
    "pages -x": ("'-x' is neither a job", 2),
    "pages 1 2": ("usage: pages [JOB|--owned]", 2),
    "trace 0": ("'0' is no number of lines", 2),
    "trace 257": ("'257' is no number of lines", 2),
    "join": ("this node is a member already", 1),
    "join now": ("'now' is too much", 2),
    "run": ("usage: run PROG", 2),
    "run &": ("usage: run PROG", 2),
    "run nosuch": ('no program "nosuch" came with the boot', 126),
    "run 'a b": ("quote ' is not closed", 2),
    "nodez": ("did you mean 'nodes'?", 127),
    "frobnicate": ("there is no command 'frobnicate'", 127),
}


def test_commands(two):
    for command, pattern in GOOD.items():
        status, text = two.exec("n2", command)
        assert status == 0 and re.search(pattern, text), f"{command}: {status}\n{text}"
    for command, (message, code) in WRONG.items():
        status, text = two.exec("n2", command)
        assert status == code and message in text, f"{command}: {status}\n{text}"
    status, text = two.exec("n1", "log")  # as much as fits in no single frame
    assert status == 0 and "founded cluster" in text
    assert "Lisse" in two.exec("n1", "version")[1]


def test_stat_locator(cluster):
    up = cluster(2, "--locator", "stat")
    assert "no cells" in up.exec("n1", "cells")[1]
    places = [up.exec("n1", f"locate page 1 {4096 * page}")[1] for page in range(4)]
    assert [re.search(r"managed by (n\d)", text)[1] for text in places] == ["n1", "n2", "n1", "n2"]


def test_join_by_hand():
    """With join=manual a node neither joins nor founds before it is told to."""
    with Node("name=n1 join=manual") as node:
        node.boot()
        time.sleep(1.5)
        assert "no member yet: listening" in node.run("nodes")
        assert "in no cluster yet" in node.run("view")
        assert 'asking to join "lisse"' in node.run("join")
        node.expect("stable: epoch 1, 1 members")
        assert "this node is a member already" in node.run("join")


# ---- programs over exec -------------------------------------------------------------------------

def test_run_over_exec(two):
    status, text = two.exec("n2", "run hello")
    assert status == 0 and text.count("hello from thread") == 2
    assert two.exec("n1", "run exitcodes return 7")[0] == 7
    status, text = two.exec("n1", "run fault null-write")
    assert status == 139 and "access through a null pointer at address 00000000" in text
    assert "about to: null-write" in text
    assert two.exec("n1", "jobs")[1] == "no program runs\n"
    assert "null pointer" in two.console_log("n1")  # the node itself says it too, and goes on


def test_a_running_program_in_numbers(two):
    process = two.launcher.start("exec", "n2", "run " + ENDLESS)
    job = wait_for_job(two, "n2", "litmus")
    wait_for(lambda: "n2" in two.exec("n1", "jobs")[1])
    assert f"{job}  running  n2" in two.exec("n1", "jobs")[1]
    threads = two.exec("n2", f"threads {job}")[1]
    assert re.search(rf"(?m)^ +\d+ +{job} +{job}  ", threads), threads
    assert re.search(r"[1-9]\d* pages owned", two.exec("n2", "pages")[1])
    owned = two.exec("n2", "pages --owned")[1]
    assert re.search(rf"(?m)^ +{job}  [0-9a-f]{{8}}  (write|owned)", owned), owned
    status = two.status()
    assert [(j["id"], j["program"], j["origin"], j["state"]) for j in status["jobs"]] == [
        (int(job), "litmus", "n2", "running")]
    assert sum(node["threads"] for node in status["nodes"]) > 1
    assert sum(node["pages_owned"] for node in status["nodes"]) > 5
    assert sum(node["entries_managed"] for node in status["nodes"]) > 5
    assert [(c["kind"], c["node"]) for c in status["changes"]] == [("add", "n2")]
    assert two.exec("n1", f"kill {job} SIGKILL") == (0, "")  # not its origin
    assert process.wait(WAIT_S) == 137
    assert wait_for(lambda: two.exec("n1", "jobs")[1] == "no program runs\n")
    assert wait_for(lambda: two.exec("n2", "pages")[1].startswith("frames     0 of "))


def test_ctrl_c_at_exec_ends_the_program(two):
    process = two.launcher.start("exec", "n1", "run " + ENDLESS)
    wait_for_job(two, "n1", "litmus")
    process.send_signal(signal.SIGINT)
    assert process.wait(WAIT_S) == 130
    assert wait_for(lambda: two.exec("n1", "jobs")[1] == "no program runs\n")


def test_programs_side_by_side(two):
    """Three at once from two nodes; each gets its own output and exit code."""
    words = {"n1": "run exitcodes return 3", "n2": "run exitcodes thread 9"}
    processes = [(two.launcher.start("exec", node, line), int(line[-1]))
                 for node, line in words.items() for _ in range(3)]
    for process, code in processes:
        out = process.communicate(timeout=WAIT_S)[0]
        assert process.returncode == code, out


# ---- the terminal -------------------------------------------------------------------------------

@pytest.fixture
def terminal(two):
    child = pexpect.spawn(sys.executable, [LISSE, "console", "n1"], env=two.launcher.env,
                          cwd=str(two.launcher.folder), timeout=WAIT_S, encoding="utf-8")
    child.expect_exact("stable: epoch 3, 2 members")
    child.up = two
    yield child
    child.close(force=True)


def test_foreground_program(terminal):
    terminal.send("run hello\r")
    terminal.expect("hello from thread 1 of 2 on node")
    terminal.expect_exact("n1> ")
    terminal.send("run stdin_cat\r")
    wait_for_job(terminal.up, "n1", "stdin_cat")
    terminal.send("first line\rx\x7fsecond\r")  # Backspace edits, as on any terminal
    terminal.expect("first line\r\n.*first line\r\n.*second\r\n")
    terminal.send(KEY_D)
    terminal.expect_exact("stdin_cat: 18 bytes")
    terminal.expect_exact("n1> ")
    terminal.send("run exitcodes return 5\r")
    terminal.expect_exact("exitcodes ended with exit code 5")
    terminal.send("run nosuch\r")
    terminal.expect_exact('no program "nosuch" came with the boot')
    terminal.expect_exact("n1> ")


def test_ctrl_c_at_the_terminal(terminal):
    terminal.send("run " + ENDLESS + "\r")
    wait_for_job(terminal.up, "n1", "litmus")
    terminal.send(KEY_C)
    terminal.expect_exact("litmus was ended by signal 2")
    terminal.expect_exact("n1> ")
    terminal.send("jobs\r")
    terminal.expect_exact("no program runs")


def test_background_program(terminal):
    terminal.send("run " + ENDLESS + " &\r")
    job = wait_for_job(terminal.up, "n1", "litmus")
    terminal.send("run hello\r")  # beside it
    terminal.expect("hello from thread 2 of 2 on node")
    terminal.send("run stdin_cat &\r")
    terminal.expect_exact("stdin_cat: 0 bytes")  # the terminal is not its stdin
    terminal.send(f"kill {job}\r")
    terminal.expect_exact("litmus was ended by signal 15")


def test_run_option(cluster):
    """Every node got run=hello; the lowest runs it, once."""
    up = cluster(2, *with_programs(), "--option", "run=hello")
    assert wait_for(lambda: "hello from thread 2 of 2" in up.console_log("n1"))
    assert wait_for(lambda: "run=hello is left to n1" in up.console_log("n2"))
    time.sleep(0.5)
    assert up.console_log("n1").count("hello from thread 1 of 2") == 1
    assert "hello from" not in up.console_log("n2")


# ---- flow control -------------------------------------------------------------------------------

def test_a_slow_reader_makes_the_program_wait_and_loses_nothing(lisse):
    data = os.urandom(300000)
    process = lisse.start("run", "--quiet", "-n", 2, "stdin_cat", 5000)
    pid = os.fork()
    if pid == 0:
        process.stdin.write(data)
        os._exit(0)
    process.stdin.close()
    time.sleep(4)  # nobody reads: pipe, launcher, UART and node are full, the program waits
    out = process.stdout.read()
    os.waitpid(pid, 0)
    assert process.wait(WAIT_S) == 0 and out == data
