"""test_launcher.py: `lisse run`, with fake nodes: quick, deterministic, every way to end."""

import json
import os
import signal
import sys
import time

import elf_files
import pexpect
import pytest
from conftest import LISSE, WAIT_S, read_until, tagged, wait_for


def private_folders(launcher):
    base = launcher.env["TMPDIR"]
    return [name for name in os.listdir(base) if name.startswith("lisse-")]


# ---- run: program, arguments, streams, codes ----------------------------------------------------

def test_arguments_and_environment_reach_the_program(fake, prog):
    words = ("args", "-n", "5", "--json", "a b", "ü", "--")
    assert fake.ok("run", "-n", 2, prog, *words) == "\n".join(("prog",) + words) + "\n"
    out = fake.ok("run", "-n", 1, "--env", "A=1", "--env", "B=x y=z", prog, "env")
    assert out == "A=1\nB=x y=z\n"


@pytest.mark.parametrize("words, code", [(("exit", "0"), 0), (("exit", "7"), 7),
                                         (("exit", "255"), 255), (("segv",), 139),
                                         (("refuse",), 126)])
def test_exit_code_is_the_programs(fake, prog, words, code):
    result = fake.run("run", "-n", 1, prog, *words)
    assert result.returncode == code
    assert result.stdout == ""
    if words[0] == "segv":
        assert "prog: segmentation fault at 0x00000000" in result.stderr


def test_stdout_is_the_programs_alone_and_binary_clean(fake, prog):
    result = fake.run("run", "-n", 3, prog, "out", 300000)
    assert result.raw == bytes(i % 256 for i in range(300000))
    assert "3 nodes are one cluster" in result.stderr
    assert fake.run("run", "-n", 1, "--quiet", prog, "err", "oops").stderr == "oops\n"


def test_stdin_is_passed_with_credit_and_its_end(fake, prog):
    data = bytes(range(256)) * 400
    result = fake.run("run", "-n", 1, prog, "cat", input=data)
    assert result.returncode == 0 and result.raw == data
    assert fake.run("run", "-n", 1, prog, "cat", input=b"").returncode == 0


def test_stdin_that_stays_open_is_not_waited_for(fake, prog):
    process = fake.start("run", "-n", 1, prog, "exit", "3")
    assert process.wait(WAIT_S) == 3


def test_a_slow_reader_slows_the_node_and_loses_nothing(fake, prog):
    process = fake.start("run", "-n", 1, prog, "out", 3000000)
    time.sleep(0.5)
    out = process.stdout.read()
    assert process.wait(WAIT_S) == 0
    assert out == bytes(i % 256 for i in range(3000000))


def test_a_reader_that_goes_away_ends_the_program(fake, prog):
    process = fake.start("run", "-n", 1, prog, "cat")
    read_until(process.stderr, b"running prog")
    process.stdout.close()
    process.stdin.write(b"hello")
    process.stdin.flush()
    assert process.wait(WAIT_S) == 128 + signal.SIGPIPE


def test_stats(fake, prog):
    result = fake.run("run", "-n", 2, "--stats", prog, "exit", "0")
    line = next(line for line in result.stderr.splitlines() if line.startswith("lisse: stats "))
    stats = json.loads(line.removeprefix("lisse: stats "))
    assert set(stats["cpu_s"]) == {"n1", "n2"} and stats["nodes"] == 2
    assert stats["wall_s"] > 0 and stats["lan"]["lost"] == 0


def test_timeout(fake, prog):
    result = fake.run("run", "-n", 1, "--timeout", 0.3, prog, "spin")
    assert result.returncode == 124 and "still running after --timeout 0.3 s" in result.stderr


def test_log_keeps_the_consoles(fake, prog):
    fake.ok("run", "-n", 2, "--log", "logs", "--option", "cell=x", prog)
    console = (fake.folder / "logs" / "n2.console").read_text()
    assert "name=n2" in console and "expect=2 locator=tree cell=x" in console
    assert (fake.folder / "logs" / "lan.log").read_text().startswith('{"held"')


def test_verbose_shows_the_consoles(fake, prog):
    result = fake.run("run", "-n", 2, "--verbose", prog)
    assert "n1| fake node n1" in result.stderr and "n2| fake node n2" in result.stderr


# ---- run: files ---------------------------------------------------------------------------------

def test_files_with_odd_names(fake, prog, tmp_path):
    (tmp_path / "a,b=c.mtx").write_text("x")
    (tmp_path / "with space").write_text("x")
    out = fake.ok("run", "-n", 2, "--with", "a,b=c.mtx", "--with", "with space=spaceless", "--with",
                  f"{tmp_path}/a,b=c.mtx=comma,comma", prog, "files")
    assert out.split() == ["prog", "a,b=c.mtx", "spaceless", "comma,comma"]


@pytest.mark.parametrize("words, text", [
    (("--with", "missing"), "'missing' cannot be read"),
    (("--with", "kernel=a b"), "no / and no spaces"),
    (("--with", "kernel=a/b"), "no / and no spaces"),
    (("--with", "kernel=prog"), "two files would be 'prog'"),
    (("--with", "kernel=" + "x" * 64), "1 to 63 bytes"),
])
def test_bad_files_are_explained(fake, prog, words, text):
    result = fake.run("run", *words, prog)
    assert result.returncode == 2 and text in result.stderr
    assert "booting" not in result.stderr


@pytest.mark.parametrize("name", elf_files.BAD)
def test_what_is_no_program_is_explained_before_the_boot(fake, tmp_path, name):
    data, text = elf_files.BAD[name]
    (tmp_path / "bad").write_bytes(data)
    result = fake.run("run", "./bad")
    assert result.returncode == 126, result.stderr
    assert text in result.stderr and "booting" not in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_missing_programs(fake, tmp_path):
    result = fake.run("run", "nonesuch")
    assert result.returncode == 127 and "neither built in" in result.stderr
    assert "helo" not in fake.run("run", "./x/y").stderr
    assert fake.run("run", "./x/y").returncode == 127
    assert fake.run("run", tmp_path).returncode == 126


def test_a_file_here_is_found_without_a_path(fake, prog):
    assert fake.ok("run", "-n", 1, "prog") == "prog\n"


# ---- usage --------------------------------------------------------------------------------------

@pytest.mark.parametrize("words, text", [
    ((), "usage: lisse COMMAND"),
    (("rnu",), "did you mean 'run'"),
    (("run",), "required: PROG"),
    (("run", "-n", "0", "prog"), "'0' is not a number from 1 to 60"),
    (("run", "--mem", "7", "prog"), "is not 8 to 3072"),
    (("run", "--lan", "los=5", "prog"), "known: loss dup reorder"),
    (("run", "--nic", "rtl8139", "prog"), "e1000e"),
    (("run", "--boot", "iso", "prog"), "not there yet"),
    (("run", "--option", "novalue", "prog"), "KEY=VALUE"),
    (("run", "--env", "novalue", "prog"), "is not K=V"),
    (("run", "prog", "x" * 2000), "at most 1024"),
    (("run", "prog", ""), "empty argument"),
    (("run", "--kernel", "n2=nonesuch", "prog"), "--kernel: there is no file"),
    (("kill",), "usage: lisse kill nX"),
    (("exec", "n1"), "usage: lisse exec nX"),
])
def test_wrong_usage(fake, prog, words, text):
    result = fake.run(*words)
    assert result.returncode == 2
    assert text in result.stderr + result.stdout


def test_no_kernel(fake, prog):
    result = fake.run("run", "--kernel", "nonesuch", prog)
    assert result.returncode == 125 and "run make first" in result.stderr


def test_no_qemu(fake, prog):
    result = fake.run("run", prog, env={"LISSE_QEMU": "/nonesuch/qemu"})
    assert result.returncode == 125 and "is qemu-system-i386 installed?" in result.stderr


# ---- nodes that fail ----------------------------------------------------------------------------

FAILURES = {
    "panic:n2": "node n2: has panicked\n  cause: PANIC on node n2: ASSERT(fake) failed",
    "die:n2": "| fake QEMU: cannot do this",
    "triple:n3": "node n3: its VM ended (guest-reset)\n  cause: the guest reset itself",
    "refuse:n2": "3 nodes were booted, but n2 was refused",
    "never:n3": "did not join within 1 s",
}


@pytest.mark.parametrize("fault", FAILURES)
@pytest.mark.parametrize("command", ["run", "up"])
def test_a_node_that_fails_at_boot(fake, prog, command, fault):
    words = [prog] if command == "run" else []
    result = fake.run(command, "-n", 3, "--option", f"fake={fault}", "--boot-timeout", 1, *words)
    assert result.returncode == 125
    assert FAILURES[fault] in result.stderr
    logs = result.stderr.rpartition("logs: ")[2].strip()
    assert os.path.isfile(os.path.join(logs, "n1.console"))
    assert not fake.left()


@pytest.mark.parametrize("word, text", [("panic", "PANIC on node n1: the program asked"),
                                        ("die", "QEMU was ended by SIGKILL")])
def test_a_node_that_fails_under_the_program(fake, prog, word, text):
    result = fake.run("run", "-n", 2, prog, word)
    assert result.returncode == 125 and text in result.stderr
    assert not fake.left()


# ---- ends: nothing may be left ------------------------------------------------------------------

def started(fake, prog, word="spin", **more):
    process = fake.start("run", "-n", 3, prog, word, **more)
    read_until(process.stderr, b"running prog\n")
    assert len(tagged(fake.tag)) == 5  # launcher, switch, three nodes
    return process


def test_ctrl_c_goes_to_the_program(fake, prog):
    process = started(fake, prog)
    process.send_signal(signal.SIGINT)
    assert process.wait(WAIT_S) == 130
    assert b"killed by signal 2" in process.stderr.read()


def test_ctrl_c_twice_ends_the_cluster(fake, prog):
    process = started(fake, prog, "stubborn")
    process.send_signal(signal.SIGINT)
    read_until(process.stderr, b"Ctrl-C again ends the cluster")
    process.send_signal(signal.SIGINT)
    assert process.wait(WAIT_S) == 130


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_however_the_launcher_ends_its_vms_end(fake, prog, number):
    process = started(fake, prog, "stubborn")
    process.send_signal(number)
    code = process.wait(WAIT_S)
    assert code == (-9 if number == signal.SIGKILL else 128 + number)
    assert not fake.left()


def test_ctrl_c_while_booting(fake, prog):
    process = fake.start("run", "-n", 3, "--option", "fake=never:n1", prog)
    read_until(process.stderr, b"booting 3 nodes\n")
    wait_for(lambda: len(tagged(fake.tag)) == 5)
    process.send_signal(signal.SIGINT)
    assert process.wait(WAIT_S) == 130
    assert not fake.left()


def test_ctrl_c_at_a_terminal_reaches_only_the_launcher(fake, prog):
    """The whole foreground group gets SIGINT; the VMs must not be in it."""
    child = pexpect.spawn(sys.executable, [LISSE, "run", "-n", "2", str(prog), "spin"],
                          env=fake.env, cwd=str(fake.folder), timeout=WAIT_S)
    child.expect("running prog")
    child.sendintr()
    child.expect("killed by signal 2")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130


def test_what_a_killed_launcher_left_is_swept(fake, prog):
    process = started(fake, prog)
    process.kill()
    process.wait()
    fake.left()
    assert len(private_folders(fake)) == 1
    fake.ok("run", "-n", 1, prog)
    assert private_folders(fake) == []


def test_logs_of_failed_runs_do_not_pile_up(fake, prog):
    for _ in range(13):
        assert fake.run("run", "-n", 1, prog, "die").returncode == 125
    assert len(private_folders(fake)) == 11  # ten, and that of the last
    assert fake.ok("run", "-n", 1, prog) == "prog\n"
    assert len(private_folders(fake)) == 10


def test_a_living_cluster_is_not_swept(fake, prog):
    process = started(fake, prog, "cat")
    fake.ok("run", "-n", 1, prog)
    process.stdin.close()
    assert process.wait(WAIT_S) == 0


def test_nothing_is_left_in_the_private_folder(fake, prog):
    fake.ok("run", "-n", 2, prog)
    fake.run("run", "-n", 2, "--timeout", 0.1, prog, "spin")
    assert private_folders(fake) == []
