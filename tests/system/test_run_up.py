"""test_run_up.py: `lisse run` on the cluster that is up: first the launcher with fake nodes, then a
real cluster that one test after the other uses.
"""

import json
import os
import signal
import subprocess
import tempfile
import time
import zlib
from pathlib import Path

import pytest
from conftest import ROOT, WAIT_S, Launcher, read_until, wait_for

# ---- the launcher, with fake nodes --------------------------------------------------------------


def test_a_program_and_its_files_are_sent(fake, prog, tmp_path):
    data = tmp_path / "data"
    data.write_bytes(os.urandom(50000) + b"\x7e\x7d" * 100)
    fake.ok("up", "-n", 2)
    result = fake.run("run", "--with", f"{data}=d.txt", prog, "files")
    assert result.returncode == 0 and "on the cluster that is up, from n1" in result.stderr
    lines = result.stdout.splitlines()
    assert f"prog {prog.stat().st_size} {zlib.crc32(prog.read_bytes()):08x}" in lines
    assert f"d.txt 50200 {zlib.crc32(data.read_bytes()):08x}" in lines
    assert [node["vm"] for node in fake.status()["nodes"]] == ["running", "running"]


def test_what_the_nodes_booted_with_is_not_sent_again(fake, prog, tmp_path):
    data = tmp_path / "data"
    data.write_bytes(b"one")
    fake.ok("up", "-n", 1, "--with", data)
    out = fake.ok("run", "--with", data, prog, "files").splitlines()
    assert "data" in out and not [line for line in out if line.startswith("data ")]
    data.write_bytes(b"other")
    assert f"data 5 {zlib.crc32(b'other'):08x}" in fake.ok("run", "--with", data, prog, "files")


def test_streams_exit_codes_and_words(fake, prog):
    fake.ok("up", "-n", 1)
    assert fake.ok("run", prog, "args", "a b", "-n") == "prog\nargs\na b\n-n\n"
    assert fake.ok("run", "--env", "A=1", prog, "env") == "A=1\n"
    assert fake.run("run", prog, "exit", "7").returncode == 7
    result = fake.run("run", prog, "segv")
    assert result.returncode == 139 and "segmentation fault" in result.stderr
    assert fake.run("run", prog, "refuse").returncode == 126
    data = os.urandom(300000)
    assert fake.run("run", "--quiet", prog, "cat", input=data).raw == data
    stats = fake.run("run", "--stats", prog).stderr
    assert 'stats {"nodes": 1, "wall_s": ' in stats


@pytest.mark.parametrize("words, text", [
    (["-n", 3], "the cluster that is up has 2 nodes: leave out -n 3"),
    (["--mem", 32], "--mem: a cluster is up already"),
    (["--lan", "loss=1", "--nic", "e1000e"], "--nic, --lan: a cluster is up already"),
])
def test_what_belongs_to_a_boot_is_refused(fake, prog, words, text):
    fake.ok("up", "-n", 2)
    result = fake.run("run", *words, prog)
    assert result.returncode == 2 and text in result.stderr
    assert fake.run("run", "-n", 2, prog).returncode == 0


def test_no_room_on_the_node(fake, prog):
    fake.ok("up", "-n", 1, "--option", "fake=full:n1")
    result = fake.run("run", prog)
    assert result.returncode == 126 and "does not fit" in result.stderr


def test_two_at_once_begin_on_two_nodes_and_status_shows_them(fake, prog):
    fake.ok("up", "-n", 2)
    runs = [fake.start("run", prog, "spin") for _ in range(2)]
    texts = [read_until(run.stderr, b"\n") for run in runs]
    assert sorted(text.split()[-1] for text in texts) == [b"n1", b"n2"]
    jobs = wait_for(lambda: fake.status()["jobs"])
    assert jobs and jobs[0]["program"] == "spin"
    for run in runs:
        run.send_signal(signal.SIGINT)
        assert run.wait(WAIT_S) == 130
    assert fake.status()["jobs"] == []


def test_interrupts(fake, prog):
    fake.ok("up", "-n", 1)
    run = fake.start("run", prog, "stubborn")
    read_until(run.stderr, b"from n1\n")
    run.send_signal(signal.SIGINT)
    read_until(run.stderr, b"Ctrl-C again kills it\n")
    run.send_signal(signal.SIGINT)
    assert run.wait(WAIT_S) == 130
    assert fake.run("run", "--timeout", 0.3, prog, "spin").returncode == 124
    assert [node["vm"] for node in fake.status()["nodes"]] == ["running"]


def test_output_that_nobody_reads_is_held_at_the_node(fake, prog):
    fake.ok("up", "-n", 1)
    log = Path(fake.env["LISSE_DIR"]) / "log" / "n1.console"
    run = fake.start("run", "--quiet", prog, "out", "700000")
    assert wait_for(lambda: "hold 1" in log.read_text())
    assert run.communicate(timeout=WAIT_S)[0] == bytes(i % 256 for i in range(700000))
    assert run.returncode == 0


def test_a_killed_launcher_takes_its_program_with_it(fake, prog):
    fake.ok("up", "-n", 1)
    run = fake.start("run", prog, "spin")
    read_until(run.stderr, b"from n1\n")
    run.kill()
    run.wait()
    assert wait_for(lambda: not fake.status()["jobs"])


@pytest.mark.parametrize("end, text", [("down", "lisse down"), ("kill n2", "n2: its VM has ended")])
def test_a_run_that_outlives_its_cluster_is_told(fake, prog, end, text):
    fake.ok("up", "-n", 2)
    run = fake.start("run", prog, "spin")
    read_until(run.stderr, b"from n1\n")
    fake.ok(*end.split())
    error = run.communicate(timeout=WAIT_S)[1].decode()
    assert run.returncode == 125 and text in error and "prog ran on it" in error


def test_a_killed_keeper(fake, prog):
    fake.ok("up", "-n", 1)
    run = fake.start("run", prog, "spin")
    read_until(run.stderr, b"from n1\n")
    with open(os.path.join(fake.env["LISSE_DIR"], "cluster.json"), encoding="utf-8") as file:
        os.kill(json.load(file)["keeper"], signal.SIGKILL)
    assert run.wait(WAIT_S) == 125 and b"the cluster ended" in run.stderr.read()


# ---- real nodes ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real():
    """A cluster of 2 that stays for all tests of this file."""
    with tempfile.TemporaryDirectory(prefix="lt-") as folder:
        launcher = Launcher(Path(folder))
        try:
            launcher.ok("up", "-n", 2)
            yield launcher
        finally:
            left = launcher.sweep()
        assert not left, f"left running: {left}"


@pytest.fixture(scope="module")
def readers(tmp_path_factory):
    path = tmp_path_factory.mktemp("programs") / "readers"
    subprocess.run([os.path.join(ROOT, "lisse-cc"), "-O2", "-pthread", "-I", ROOT,
                    os.path.join(ROOT, "tests/system/readers.c"), "-o", path], check=True)
    return path


def room_for_files(launcher):
    """What the console command `mem` says of each node."""
    return [[line for line in launcher.ok("exec", node, "mem").splitlines() if "files" in line]
            for node in ("n1", "n2")]


def test_threads_of_every_node_read_what_was_sent(real, readers, tmp_path):
    data = os.urandom(150001)
    (tmp_path / "data").write_bytes(data)
    before = room_for_files(real)
    for chunk in (65536, 1000):
        out = real.ok("run", "--with", tmp_path / "data", readers, "data", chunk)
        lines = [line.split() for line in out.splitlines()]
        assert [line[0] for line in lines] == ["node", "node", "node"]
        assert {line[1] for line in lines} == {"1", "2"}
        assert {(line[3], line[5], line[7]) for line in lines} == {
            ("150001", "150001", f"{zlib.crc32(data):08x}")}
    assert room_for_files(real) == before


def test_a_sent_file_hides_a_module(real, readers, tmp_path):
    (tmp_path / "hello").write_bytes(b"not the module")
    out = real.ok("run", "--with", tmp_path / "hello", readers, "hello", 100)
    crc = f"{zlib.crc32(b'not the module'):08x}"
    assert {line.split()[7] for line in out.splitlines()} == {crc}
    assert real.run("run", readers, "nothing", 1).stderr.count("No such file") == 3


def test_stdin_stdout_and_codes_of_a_real_program(real):
    data = bytes(range(256)) * 40
    assert real.run("run", "--quiet", "stdin_cat", input=data).raw == data
    assert real.run("run", "exitcodes", "exit", "42").returncode == 42
    assert "hello from thread 2 of 2" in real.ok("run", "hello")


def test_several_at_once_and_jobs_in_status(real, tmp_path):
    (tmp_path / "data").write_bytes(os.urandom(100000))
    runs = [real.start("run", "--quiet", "stdin_cat") for _ in range(3)]
    wait_for(lambda: len(real.status()["jobs"]) == 3)
    jobs = real.status()["jobs"]
    assert [job["program"] for job in jobs] == ["stdin_cat"] * 3
    assert {job["origin"] for job in jobs} == {"n1", "n2"}
    for i, run in enumerate(runs):
        assert run.communicate(b"%d" % i, timeout=WAIT_S)[0] == b"%d" % i
    assert wait_for(lambda: not real.status()["jobs"])


def test_ctrl_c_and_timeout_leave_the_cluster(real):
    run = real.start("run", "stdin_cat")
    wait_for(lambda: real.status()["jobs"])
    run.send_signal(signal.SIGINT)
    assert run.wait(WAIT_S) == 130
    assert real.run("run", "--timeout", 0.5, "stdin_cat", input=None).returncode in (0, 124)
    assert wait_for(lambda: not real.status()["jobs"])
    assert real.status()["stable"]


def test_a_reader_that_does_not_read(real, readers):
    """The node's channel goes on for others meanwhile."""
    runs = [real.start("run", "--quiet", readers, "--flood") for _ in range(2)]
    time.sleep(1)
    assert "hello from thread 1" in real.ok("run", "hello")
    assert runs[0].stdout.read(100000) == b"f" * 100000
    for run in runs:
        run.kill()
        run.communicate()
    assert wait_for(lambda: not real.status()["jobs"])


def test_a_file_that_does_not_fit(real, tmp_path):
    with open(tmp_path / "big", "wb") as file:
        file.truncate(30 << 20)
    result = real.run("run", "--with", tmp_path / "big", "hello")
    assert result.returncode == 126 and "big (30721 KB) does not fit" in result.stderr
    assert "hello from thread 1" in real.ok("run", "hello")
