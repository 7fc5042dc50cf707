"""test_cluster.py: the launcher with real nodes: boot, options, refusals, ends, consoles."""

import os
import re
import signal
import subprocess
import sys
import time

import elf_files
import pexpect
import pytest
from conftest import LISSE, ROOT, WAIT_S, read_until, tagged

KERNEL = os.environ.get("LISSE_KERNEL") or os.path.join(ROOT, "build", "lisse.elf")


# ---- boot ---------------------------------------------------------------------------------------

@pytest.mark.parametrize("nic", ["e1000", "e1000-82545em", "e1000e"])
def test_cards(lisse, nic):
    assert "on node" in lisse.ok("run", "-n", 2, "--nic", nic, "hello")


def test_every_boot_reaches_the_channel(lisse):
    """Bytes may arrive on COM2 before its interrupt is set up: no boot may go deaf by that."""
    for _ in range(6):
        lisse.ok("run", "-n", 4, "--nic", "e1000e", "--boot-timeout", 20, "--quiet", "hello")


def test_unknown_boot_option(lisse):
    result = lisse.run("run", "-n", 2, "--option", "lokator=stat", "hello")
    assert result.returncode == 0
    lines = [line for line in result.stderr.splitlines() if "lokator" in line]
    assert len(lines) == 1 and "did you mean 'locator='" in lines[0]


def other_build(folder):
    """The kernel with another build id: its text and its number are changed in the file."""
    with open(os.path.join(ROOT, "build", "version.c"), encoding="ascii") as file:
        build = re.search(r'"([0-9a-f]{16})"', file.read())[1]
    with open(KERNEL, "rb") as file:
        image = file.read()
    number = int(build, 16)
    for old, new in ((build.encode(), b"%016x" % (number ^ 1)),
                     (number.to_bytes(8, "little"), (number ^ 1).to_bytes(8, "little"))):
        assert old in image, "build/version.c is not that of the kernel: run make"
        image = image.replace(old, new)
    path = folder / "other.elf"
    path.write_bytes(image)
    return path, build


def test_another_build_is_refused(lisse, tmp_path):
    kernel, build = other_build(tmp_path)
    result = lisse.run("run", "-n", 3, "--kernel", f"n2={kernel}", "--log", "logs", "hello")
    assert result.returncode == 125
    assert f"n2 runs build {int(build, 16) ^ 1:016x}, the others {build}" in result.stderr
    for name in ("n1", "n2"):
        console = (tmp_path / "logs" / f"{name}.console").read_text(errors="replace")
        assert "runs another build" in console and "boot the same image" in console


def test_capture(lisse, tmp_path):
    lisse.ok("run", "-n", 2, "--pcap", "lan.pcap", "hello")
    for name in ("lan-n1.pcap", "lan-n2.pcap"):
        data = (tmp_path / name).read_bytes()
        assert data[:4] in (b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4") and len(data) > 500


@pytest.mark.parametrize("name", ["script", "x86-64", "dynamic", "cut", "kernel-address", "entry"])
def test_the_node_refuses_what_is_no_program(lisse, tmp_path, name):
    """The launcher's check switched off: the kernel's own loader explains, and goes on."""
    (tmp_path / "bad").write_bytes(elf_files.BAD[name][0])
    result = lisse.run("run", "-n", 1, "--unchecked", "--quiet", "./bad")
    assert result.returncode == 126, result.stderr
    assert result.stderr.startswith("lisse: ") and len(result.stderr.strip().splitlines()) == 1


def test_the_smallest_program(lisse, prog):
    assert lisse.run("run", "-n", 1, "--quiet", prog).returncode == 0


# ---- ends ---------------------------------------------------------------------------------------

def started(lisse):
    process = lisse.start("run", "-n", 2, "stdin_cat")
    read_until(process.stderr, b"running stdin_cat\n")
    process.stdin.write(b"x" * 4096)
    process.stdin.flush()
    assert process.stdout.read(4096) == b"x" * 4096
    return process


def test_ctrl_c_ends_the_program_by_its_signal(lisse):
    process = started(lisse)
    process.send_signal(signal.SIGINT)
    assert process.wait(WAIT_S) == 130
    assert not lisse.left()


def test_a_killed_launcher_takes_its_vms_along(lisse):
    process = started(lisse)
    assert len(tagged(lisse.tag)) == 4
    process.kill()
    process.wait()
    assert not lisse.left()


def test_a_vm_that_is_killed_under_a_program(lisse):
    process = started(lisse)
    vms = [pid for pid, line in tagged(lisse.tag).items() if "-n2 " in line and "qemu" in line]
    os.kill(vms[0], signal.SIGKILL)
    assert process.wait(WAIT_S) == 125
    assert b"node n2: QEMU was ended by SIGKILL" in process.stderr.read()


def test_wrong_qemu_option(lisse):
    result = lisse.run("run", "-n", 2, "--cpu", "nonesuch", "hello")
    assert result.returncode == 125 and "QEMU itself refused" in result.stderr
    assert "nonesuch" in result.stderr


# ---- up -----------------------------------------------------------------------------------------

def test_up(cluster):
    three = cluster(3)
    status = three.status()
    assert status["stable"] is True and status["epoch"] >= 3
    assert sorted(node["id"] for node in status["nodes"]) == [1, 2, 3]
    assert {node["state"] for node in status["nodes"]} == {"member"}
    for node in ("n1", "n2", "n3"):
        code, text = three.exec(node, "version")
        assert code == 0 and "Lisse" in text
    assert three.exec("n1", "nonesuch")[0] == 127
    assert "joined cluster" in three.console_log("n3")


def test_a_node_that_was_paused_goes_on(cluster):
    two = cluster(2)
    two.launcher.ok("pause", "n2")
    time.sleep(0.5)
    two.launcher.ok("resume", "n2")
    assert two.exec("n2", "version")[0] == 0


def test_console_at_a_terminal(cluster):
    one = cluster(1)
    child = pexpect.spawn(sys.executable, [LISSE, "console", "n1"], env=one.launcher.env,
                          cwd=str(one.launcher.folder), timeout=WAIT_S)
    child.expect("Ctrl-] leaves")
    child.send("\rversion\r")
    child.expect("Lisse [0-9.]+, build")
    child.expect("n1> ")
    child.send("\x1d")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def test_status_works_without_a_terminal_or_a_home(cluster):
    one = cluster(1)
    env = {key: one.launcher.env[key] for key in ("LISSE_DIR", "TMPDIR", "LISSE_TEST_TAG", "PATH")}
    result = subprocess.run([sys.executable, LISSE, "status"], env=env, capture_output=True,
                            check=False, stdin=subprocess.DEVNULL)
    assert result.returncode == 0 and b"n1" in result.stdout
