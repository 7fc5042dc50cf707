"""conftest.py: what system tests stand on: a launcher to call, clusters that end, a watchman.

Fixtures:
  lisse    calls ./lisse with a state folder of its own; after the test nothing that it started may
           be left running, whatever the test did (every process carries LISSE_TEST_TAG)
  fake     the same, with fake nodes in place of QEMU (tests/system/fake_node.py): quick
  cluster  cluster(n, *options): a real cluster that is up; has exec, status, console_log, kill
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid

import elf_files
import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LISSE = os.path.join(ROOT, "lisse")
FAKE = os.path.join(ROOT, "tests", "system", "fake_node.py")
RUN_S_MAX = 300  # for one command; a test that needs more says so
WAIT_S = 20  # for something that comes at once on an idle host
LEFT_S_MAX = 3.0  # for what was told to end

sys.path.insert(0, os.path.join(ROOT, "tools"))
sys.dont_write_bytecode = True


def wait_for(what, seconds=WAIT_S):
    """The first true result of what(), or its last one when the time is over."""
    end = time.monotonic() + seconds
    while not (result := what()) and time.monotonic() < end:
        time.sleep(0.01)
    return result


def read_until(stream, text):
    """Bytes of an unbuffered or buffered pipe up to and with text."""
    got = b""
    while text not in got:
        byte = stream.read(1)
        assert byte, f"ended before {text!r}: {got!r}"
        got += byte
    return got


def tagged(tag):
    """{pid: command line} of the living processes with the tag in their environment."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                if f"LISSE_TEST_TAG={tag}".encode() not in file.read().split(b"\0"):
                    continue
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                found[int(pid)] = file.read().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
    return found


class Launcher:
    """./lisse with an environment of its own."""

    def __init__(self, folder, **env):
        self.tag = uuid.uuid4().hex
        self.folder = folder
        self.temporary = tempfile.mkdtemp(prefix="lt-")  # short: the launcher puts sockets there
        self.env = dict(os.environ, LISSE_TEST_TAG=self.tag, TMPDIR=self.temporary,
                        LISSE_DIR=str(folder / "state"), **env)

    def run(self, *words, input=None, timeout=RUN_S_MAX, env=None):
        """A whole command; .returncode, .stdout and .stderr (bytes -> text, as they came)."""
        result = subprocess.run(
            [sys.executable, LISSE, *map(str, words)], input=input, capture_output=True,
            timeout=timeout, env=dict(self.env, **(env or {})), cwd=self.folder, check=False,
            **({} if input is not None else {"stdin": subprocess.DEVNULL}))
        result.raw = result.stdout
        result.stdout = result.stdout.decode(errors="replace")
        result.stderr = result.stderr.decode(errors="replace")
        return result

    def ok(self, *words, **more):
        """run(), and it must succeed; returns stdout."""
        result = self.run(*words, **more)
        assert result.returncode == 0, f"exit {result.returncode}\n{result.stderr}{result.stdout}"
        return result.stdout

    def start(self, *words, **more):
        """A command that goes on: subprocess.Popen with pipes."""
        more = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE,
                **more}
        return subprocess.Popen([sys.executable, LISSE, *map(str, words)], env=self.env,
                                cwd=self.folder, **more)

    def left(self, within_s=LEFT_S_MAX):
        """What of this launcher still runs after within_s."""
        end = time.monotonic() + within_s
        while (processes := tagged(self.tag)) and time.monotonic() < end:
            time.sleep(0.02)
        return processes

    def status(self):
        return json.loads(self.ok("status", "--json"))

    def sweep(self):
        """End what is left; returns what it was."""
        subprocess.run([sys.executable, LISSE, "down"], env=self.env, cwd=self.folder,
                       capture_output=True, timeout=30, check=False)
        left = self.left()
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        shutil.rmtree(self.temporary, ignore_errors=True)
        return left


@pytest.fixture
def lisse(tmp_path):
    launcher = Launcher(tmp_path)
    yield launcher
    left = launcher.sweep()
    assert not left, f"left running after the test: {left}"


@pytest.fixture
def fake(tmp_path):
    kernel = tmp_path / "kernel"
    kernel.write_bytes(b"no kernel")
    launcher = Launcher(tmp_path, LISSE_QEMU=f"{sys.executable} {FAKE}", LISSE_KERNEL=str(kernel))
    yield launcher
    left = launcher.sweep()
    assert not left, f"left running after the test: {left}"


@pytest.fixture
def prog(tmp_path):
    """The smallest good program; fake nodes do not look into it."""
    path = tmp_path / "prog"
    path.write_bytes(elf_files.elf())
    return path


class UpCluster:
    """A real cluster that is up."""

    def __init__(self, launcher, count, options):
        self.launcher = launcher
        self.count = count
        launcher.ok("up", "-n", count, *options)

    def exec(self, node, command):
        """(exit status, output) of a console command."""
        result = self.launcher.run("exec", node, command)
        assert result.returncode != 125, result.stderr
        return result.returncode, result.stdout

    def status(self):
        return self.launcher.status()

    def console_log(self, node):
        """What the node printed on COM1 so far."""
        path = self.launcher.folder / "state" / "log" / f"{node}.console"
        return path.read_text(errors="replace")

    def kill(self, node):
        self.launcher.ok("kill", node)


@pytest.fixture
def cluster(lisse):
    """cluster(n, *options of up) -> UpCluster; ended after the test."""
    def boot(count, *options):
        return UpCluster(lisse, count, options)
    return boot
