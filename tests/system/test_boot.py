"""Boots the kernel alone in QEMU: processors, memory sizes, boot options, both boot paths, console,
panic. No network card, so that nothing here waits for a cluster."""

import os
import re
import subprocess
import time

import pexpect
import pytest

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
KERNEL = os.environ.get("LISSE_KERNEL", os.path.join(REPO, "build", "lisse.elf"))
ISO = os.path.join(REPO, "build", "lisse.iso")
SEQUENCE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
PROMPT = "n1> "
TIMEOUT_S = 20


def plain(text):
    """Terminal output without control sequences and carriage returns."""
    return SEQUENCE.sub("", text).replace("\r", "")


class Node:
    """One VM whose COM1 is our terminal; ended by leaving the `with` block."""

    def __init__(self, options="name=n1", memory=64, cpu="max", boot=None, extra=()):
        self.command = ["qemu-system-i386", "-display", "none", "-no-reboot", "-nic", "none",
                        "-m", str(memory), "-cpu", cpu, "-serial", "chardev:com1",
                        "-chardev", "stdio,id=com1,signal=off"]
        self.command += boot if boot else ["-kernel", KERNEL, "-append", options]
        self.command += extra

    def __enter__(self):
        self.terminal = pexpect.spawn(self.command[0], self.command[1:], timeout=TIMEOUT_S,
                                      encoding="utf-8", codec_errors="replace", echo=False)
        return self

    def __exit__(self, *_):
        self.terminal.close(force=True)

    def expect(self, pattern):
        """Wait for pattern; what came before it, as plain text."""
        self.terminal.expect(pattern)
        return plain(self.terminal.before)

    def boot(self):
        return self.expect(PROMPT)

    def run(self, line):
        """A console command's output."""
        self.settle()
        self.terminal.send(line + "\r")
        self.terminal.expect(re.escape(line) + "\r+\n")
        return self.expect("\r" + PROMPT)

    def settle(self):
        """Let the output of the boot pass: quiet for a fifth of a second."""
        while True:
            try:
                self.terminal.read_nonblocking(65536, timeout=0.2)
            except pexpect.TIMEOUT:
                return


@pytest.fixture(scope="module", autouse=True)
def kernel_is_built():
    assert os.path.exists(KERNEL), f"{KERNEL} is missing: run make"


@pytest.mark.parametrize("cpu", ["pentium", "pentium3", "qemu32", "max", "max,-pse,-pge",
                                 "pentium,-tsc"])
def test_processors(cpu):
    with Node(cpu=cpu) as node:
        node.boot()
        features = node.run("version")
        assert "fpu" in features
        assert ("sse2" in features) == (cpu.startswith("max") or cpu == "qemu32")
        uptime = node.run("uptime")
        assert ("8254" if "-tsc" in cpu else "TSC at") in uptime


@pytest.mark.parametrize("memory", [16, 64, 1024, 3584])
def test_memory_sizes(memory):
    with Node(memory=memory) as node:
        node.boot()
        usable = int(re.search(r"memory +(\d+) KB usable", node.run("mem")).group(1)) // 1024
        expected = min(memory, 3072)  # QEMU puts the rest above 4 GB, which is not used
        assert expected - 5 <= usable <= expected


def test_too_little_memory_is_said():
    with Node(memory=8) as node:
        node.expect("Lisse cannot run on this PC: only [0-9]+ KB of memory")
        node.expect("add memory")


def test_clock_runs_with_the_world():
    with Node() as node:
        node.boot()

        def up_s():
            text = node.run("uptime")
            d, h, m, s = re.search(r"up (\d+) days (\d+):(\d+):(\d+\.\d+)", text).groups()
            return float(s) + 60 * (int(m) + 60 * (int(h) + 24 * int(d)))

        first, start = up_s(), time.monotonic()
        time.sleep(2)
        second, end = up_s(), time.monotonic()
        assert abs((second - first) - (end - start)) < 0.5


def test_bad_boot_options_are_reported():
    with Node(options="name=n1 expct=3 locator=maze quiet") as node:
        text = node.boot()
        assert "boot option 'expct=3' is unknown and ignored; did you mean 'expect='?" in text
        assert "boot option 'locator=maze' has a bad value and is ignored; " \
               "locator= wants tree or stat" in text
        assert "boot option 'quiet' is unknown and ignored; there are: cluster= key=" in text
        assert "expct" in node.run("log")


def test_memory_option():
    with Node(options="name=n1 mem=20M") as node:
        node.boot()
        assert 15000 < int(re.search(r"(\d+) KB usable", node.run("mem")).group(1)) < 20000


def test_modules(tmp_path):
    first, second = tmp_path / "first.txt", tmp_path / "second"
    first.write_text("one\n")
    second.write_bytes(b"x" * 5000)
    with Node(extra=["-initrd", f"{first} -v 3,{second}"]) as node:
        node.boot()
        text = node.run("mem")
        assert re.search(r"module +first.txt +4 bytes", text)
        assert re.search(r"module +second +5000 bytes", text)


def test_iso():
    if not os.path.exists(ISO):
        subprocess.run(["make", "-C", REPO, "iso"], check=True, capture_output=True)
    with Node(boot=["-cdrom", ISO], memory=128) as node:
        node.expect("Lisse 0")
        node.expect("> ")
        node.settle()
        node.terminal.send("mem\r")
        node.expect(r"module +mgs ")


def test_console():
    with Node() as node:
        node.boot()
        text = node.run("help")
        for name in ("help", "version", "log", "uptime", "mem", "pci", "net", "reboot", "halt"):
            assert re.search(rf"^{name} ", text, re.M)
        assert "crash" not in text
        assert "did you mean 'uptime'?" in node.run("uptmie")
        assert "8086:" in node.run("pci")
        assert "usage: log [LINES]" in node.run("log x")
        node.terminal.send("xver\x01\x04\x05\t")  # Home, delete the x, End, complete
        node.terminal.expect("version ")
        node.terminal.send("\r")
        assert "processor" in node.expect("\r" + PROMPT)
        node.terminal.send("\x1b[A\r")  # again, from the history
        assert "processor" in node.expect("features")
        node.terminal.send("abc\x03")
        node.expect(r"\^C")
        assert node.run("nonsense") == "there is no command 'nonsense'; 'help' lists all\n"


def test_pasted_text_is_not_lost():
    with Node() as node:
        node.boot()
        node.settle()
        for i in range(40):
            node.terminal.send(f"nothing{i}\r")
        for i in range(40):
            node.terminal.expect(f"there is no command 'nothing{i}'")


@pytest.mark.parametrize("how, reason, functions", [
    ("page", "page fault in the kernel: write of address fffff000, which is not mapped",
     ["crash_store", "console_execute"]),
    ("text", "page fault in the kernel: write of address c01", ["crash_store"]),
    ("stack", "the kernel's stack has overflowed", ["crash_recurse", "the same", "run_crash"]),
    ("assert", r"ASSERT\(argc == 0\) failed at kernel/console/commands_basic.c:",
     ["assert_failed", "run_crash", "console_execute"]),
    ("code", "invalid instruction in the kernel", ["run_crash", "console_execute"]),
])
def test_panic(how, reason, functions):
    with Node() as node:
        node.boot()
        node.settle()
        node.terminal.send(f"crash {how}\r")
        node.expect("PANIC on node n1: " + reason)
        report = node.expect("This node has stopped")
        assert "Lisse 0" in report and "build" in report
        chain = report[report.index("call chain:"):]
        positions = [chain.index(name) for name in functions]
        assert positions == sorted(positions)


@pytest.mark.parametrize("command", ["halt", "reboot"])
def test_the_end(command):
    """QEMU ends when the PC switches itself off, and (-no-reboot) when it is reset."""
    with Node() as node:
        node.boot()
        node.settle()
        node.terminal.send(command + "\r")
        node.terminal.expect(pexpect.EOF)
        node.terminal.wait()
        assert node.terminal.exitstatus == 0
