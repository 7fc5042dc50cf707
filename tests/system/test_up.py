"""test_up.py: `lisse up`, its keeper, and the commands that talk to it, with fake nodes."""

import json
import os
import pty
import signal
import subprocess
import sys

import pexpect
import pytest
from conftest import LISSE, WAIT_S, Launcher, read_until, tagged, wait_for


def test_up_status_exec_down(fake):
    fake.ok("up", "-n", 3)
    status = fake.status()
    assert status["epoch"] == 3 and status["stable"] is True
    assert [(node["name"], node["id"], node["state"], node["vm"]) for node in status["nodes"]] == [
        (f"n{i}", i, "member", "running") for i in (1, 2, 3)]
    for key in ("cluster", "jobs", "changes"):
        assert key in status
    assert "n3" in fake.ok("status")
    assert fake.ok("exec", "n2", "echo hello there") == "hello there\n"
    assert fake.run("exec", "#3", "exit 4").returncode == 4
    assert fake.run("exec", "n9", "echo").stderr == (
        "lisse: there is no node 'n9'; this cluster has n1 n2 n3\n")
    fake.ok("down")
    assert not fake.left(0)
    assert fake.run("down").returncode == 125


def test_faults_of_vms(fake):
    fake.ok("up", "-n", 3)
    fake.ok("pause", "n2")
    assert fake.status()["nodes"][1]["vm"] == "paused"
    assert "lisse resume n2" in fake.run("exec", "n2", "echo x").stderr
    fake.ok("resume", "n2")
    assert fake.ok("exec", "n2", "echo x") == "x\n"
    fake.ok("kill", "n3")
    assert fake.status()["nodes"][2]["vm"] == "ended"
    assert fake.run("kill", "n3").returncode == 125


def test_up_twice_and_two_side_by_side(fake, tmp_path):
    fake.ok("up", "-n", 1)
    assert "lisse down ends it" in fake.run("up").stderr
    other = {"LISSE_DIR": str(tmp_path / ("deep" * 40) / "state")}
    fake.ok("up", "-n", 2, env=other)
    assert len(json.loads(fake.ok("status", "--json", env=other))["nodes"]) == 2
    assert len(fake.status()["nodes"]) == 1
    fake.ok("down", env=other)
    assert len(fake.status()["nodes"]) == 1


def test_up_ends_by_itself(fake):
    fake.ok("up", "-n", 1, "--for", 0.5)
    assert not fake.left()
    assert fake.run("status").returncode == 125


def test_a_removed_state_folder_ends_the_cluster(fake):
    fake.ok("up", "-n", 1)
    subprocess.run(["rm", "-rf", fake.env["LISSE_DIR"]], check=True)
    assert not fake.left(6)


def test_a_killed_keeper_leaves_nothing_and_is_recognised(fake):
    fake.ok("up", "-n", 2)
    with open(os.path.join(fake.env["LISSE_DIR"], "cluster.json"), encoding="utf-8") as file:
        os.kill(json.load(file)["keeper"], signal.SIGKILL)
    assert not fake.left()
    assert "its keeper was killed" in fake.run("status").stderr
    assert "no cluster is up" in fake.run("status").stderr
    fake.ok("up", "-n", 1)
    fake.ok("down")


def test_up_after_a_killed_keeper(fake):
    fake.ok("up", "-n", 1)
    with open(os.path.join(fake.env["LISSE_DIR"], "cluster.json"), encoding="utf-8") as file:
        os.kill(json.load(file)["keeper"], signal.SIGKILL)
    fake.left()
    assert "ended without saying so" in fake.run("up", "-n", 1).stderr
    assert len(fake.status()["nodes"]) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_up_leaves_nothing(fake, number):
    process = fake.start("up", "-n", 2, "--option", "fake=never:n1")
    wait_for(lambda: len(tagged(fake.tag)) == 5)  # launcher, keeper, switch, two nodes
    process.send_signal(number)
    assert process.wait(WAIT_S) in (130, -9)
    assert not fake.left()


def test_down_without_the_private_folder(fake):
    fake.ok("up", "-n", 1)
    with open(os.path.join(fake.env["LISSE_DIR"], "cluster.json"), encoding="utf-8") as file:
        os.unlink(json.load(file)["control"])
    fake.ok("down")
    assert not fake.left(0)


def test_up_holds_nothing_of_its_caller(fake):
    """The pipe of `lisse up | cat` ends when up returns, not when the keeper does."""
    process = fake.start("up", "-n", 1)
    process.communicate(timeout=WAIT_S)
    assert process.returncode == 0 and len(tagged(fake.tag)) == 3


def test_console_from_a_file(fake):
    fake.ok("up", "-n", 1)
    out = fake.ok("console", "n1", input=b"nodes\n")
    assert "fake node n1" in out and "you typed 'nodes\\n'" in out


def test_console_at_a_terminal(fake):
    fake.ok("up", "-n", 1)
    child = pexpect.spawn(sys.executable, [LISSE, "console", "n1"], env=fake.env,
                          cwd=str(fake.folder), timeout=WAIT_S)
    child.expect("Ctrl-] leaves")
    child.expect("fake node n1")
    child.send("\x03")
    child.expect_exact("you typed '\\x03'")
    child.send("\x1d")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def test_console_of_a_node_that_ends(fake):
    fake.ok("up", "-n", 1)
    main, side = pty.openpty()
    process = fake.start("console", "n1", stdin=side)
    read_until(process.stdout, b"fake node n1")
    fake.ok("kill", "n1")
    assert process.wait(WAIT_S) == 125
    os.close(main)
    os.close(side)


@pytest.mark.parametrize("how, text", [("panic", "PANIC on node n1"), ("die", "VM has ended")])
def test_a_node_that_fails_under_a_command(fake, how, text):
    fake.ok("up", "-n", 2)
    result = fake.run("exec", "n1", how)
    assert result.returncode == 125 and text in result.stderr
    assert [node["name"] for node in fake.status()["nodes"]] == ["n1", "n2"]


def test_many_commands_at_once(fake):
    fake.ok("up", "-n", 2)
    processes = [fake.start("exec", f"n{i % 2 + 1}", f"echo {i}") for i in range(8)]
    processes += [fake.start("status", "--json") for _ in range(4)]
    outputs = [process.communicate(timeout=WAIT_S)[0] for process in processes]
    assert outputs[:8] == [b"%d\n" % i for i in range(8)]
    assert all(json.loads(out)["stable"] for out in outputs[8:])


def test_the_watchman_sees_what_is_left(tmp_path):
    """The fixture's own check: a process with the tag is found, and is gone after sweep()."""
    launcher = Launcher(tmp_path)
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"],
                               env=launcher.env)
    assert wait_for(lambda: process.pid in launcher.left(0))
    assert process.pid in launcher.sweep()
    process.wait()
    assert not launcher.left(0)
