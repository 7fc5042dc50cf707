"""test_lan.py: the LAN switch alone: forwarding, queues, faults from the seed, its end."""

import array
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time

import pytest
from conftest import ROOT

SWITCH = os.environ.get("LISSE_LAN_SWITCH") or os.path.join(ROOT, "build", "lan-switch")
BROADCAST = b"\xff" * 6
MULTICAST = bytes.fromhex("333300000001")
SILENCE_S = 0.05  # after this long no more frames are expected


def mac(number):
    return bytes.fromhex("525400aabb") + bytes((number,))


def frame(to, source, body=b"body"):
    return to + source + b"\x86\xdd" + body


class Switch:
    """A running switch with test ends in place of VMs."""

    def __init__(self, ports, faults=""):
        self.control, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.process = subprocess.Popen(
            [SWITCH, "--control", str(other.fileno()), "--faults", faults],
            pass_fds=(other.fileno(),), stderr=subprocess.PIPE)
        other.close()
        self.ports = [self.plug(f"n{i + 1}") for i in range(ports)]

    def plug(self, name):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [theirs.fileno()]))]
        self.control.sendmsg([f"port {name}".encode()], rights)
        theirs.close()
        assert "port" in json.loads(self.control.recv(4096))
        return ours

    def send(self, port, data):
        self.ports[port].send(data)

    def receive(self, port, silence_s=SILENCE_S):
        """All frames that come until there is silence."""
        frames = []
        while select.select([self.ports[port]], [], [], silence_s)[0]:
            frames.append(self.ports[port].recv(65536))
        return frames

    def stats(self):
        self.control.send(b"stats")
        return json.loads(self.control.recv(65536))

    def close(self):
        self.control.close()
        for port in self.ports:
            port.close()
        text = self.process.stderr.read().decode()
        self.process.wait(5)
        self.process.stderr.close()
        return text


@pytest.fixture
def switch():
    running = []

    def start(ports, faults=""):
        running.append(Switch(ports, faults))
        return running[-1]
    yield start
    for one in running:
        if one.process.poll() is None:
            one.close()


# ---- forwarding ---------------------------------------------------------------------------------

def test_learns_and_forwards_to_one_port(switch):
    lan = switch(3)
    lan.send(0, frame(BROADCAST, mac(1)))
    assert lan.receive(1) == lan.receive(2) == [frame(BROADCAST, mac(1))]
    assert lan.receive(0) == []
    lan.send(1, frame(mac(1), mac(2), b"answer"))
    assert lan.receive(0) == [frame(mac(1), mac(2), b"answer")]
    assert lan.receive(2) == []


def test_floods_unknown_and_group_addresses(switch):
    lan = switch(3)
    for to in (mac(9), MULTICAST, BROADCAST):
        lan.send(0, frame(to, mac(1)))
        assert lan.receive(1) == lan.receive(2) == [frame(to, mac(1))]
        assert lan.receive(0) == []


def test_a_moved_address_is_learned_anew(switch):
    lan = switch(3)
    lan.send(0, frame(BROADCAST, mac(1)))
    lan.send(2, frame(BROADCAST, mac(1)))
    for port in range(3):
        lan.receive(port)
    lan.send(1, frame(mac(1), mac(2)))
    assert lan.receive(2) == [frame(mac(1), mac(2))]
    assert lan.receive(0) == []


def test_no_frame_goes_back_where_it_came_from(switch):
    lan = switch(2)
    lan.send(0, frame(BROADCAST, mac(1)))
    lan.receive(1)
    lan.send(0, frame(mac(1), mac(3)))
    assert lan.receive(0) == lan.receive(1) == []


def test_impossible_lengths_are_counted(switch):
    lan = switch(2)
    lan.send(0, b"short")
    lan.send(0, frame(BROADCAST, mac(1), bytes(16384)))
    lan.send(0, frame(BROADCAST, mac(1), bytes(16384 - 14)))
    assert [len(data) for data in lan.receive(1)] == [16384]
    assert lan.stats()["ports"][0]["bad"] == 2


def test_a_gone_vm_frees_its_port(switch):
    lan = switch(2)
    lan.ports[1].close()
    lan.send(0, frame(BROADCAST, mac(1)))
    time.sleep(SILENCE_S)
    assert [port["up"] for port in lan.stats()["ports"]] == [True, False]
    lan.ports[1] = lan.plug("n2")
    lan.send(0, frame(BROADCAST, mac(1)))
    assert len(lan.receive(1)) == 1
    assert len(lan.stats()["ports"]) == 2


# ---- queues -------------------------------------------------------------------------------------

def numbered(count, size=1400):
    return [frame(mac(2), mac(1), i.to_bytes(4, "big") + bytes(size)) for i in range(count)]


def test_a_full_socket_makes_frames_wait_and_loses_none(switch):
    lan = switch(2)
    frames = numbered(9000)
    for one in frames:
        lan.send(0, one)
    deadline = time.monotonic() + 20
    while lan.stats()["ports"][0]["in_frames"] < len(frames) and time.monotonic() < deadline:
        time.sleep(0.01)
    port = lan.stats()["ports"][1]
    assert port["waited"] > 0 and port["queue_peak"] > 0 and port["overflow"] == 0
    assert lan.receive(1) == frames
    port = lan.stats()["ports"][1]
    assert port["out_frames"] == len(frames) and port["queued"] == 0


def test_a_bounded_queue_counts_what_it_drops(switch):
    lan = switch(2)
    frames = numbered(24000, 200)
    for one in frames:
        lan.send(0, one)
    arrived = lan.receive(1, 0.3)
    port = lan.stats()["ports"][1]
    assert len(arrived) + port["overflow"] == len(frames)
    assert port["queue_peak"] <= 16384


# ---- faults -------------------------------------------------------------------------------------

def meet_faults(switch, faults, count=400, silence_s=0.1):
    lan = switch(2, faults)
    for one in numbered(count, 60):
        lan.send(0, one)
    frames = lan.receive(1, silence_s)
    stats = lan.stats()["ports"][1]
    lan.close()
    return frames, stats


def numbers(frames):
    return [int.from_bytes(data[14:18], "big") for data in frames]


def test_loss_is_decided_by_the_seed(switch):
    first, stats = meet_faults(switch, "loss=20,seed=7")
    again, _ = meet_faults(switch, "loss=20,seed=7")
    other, _ = meet_faults(switch, "loss=20,seed=8")
    assert first == again != other
    assert len(first) + stats["lost"] == 400 and 40 <= stats["lost"] <= 130
    assert numbers(first) == sorted(numbers(first))


def test_a_further_fault_leaves_the_others_fate(switch):
    plain, _ = meet_faults(switch, "loss=20,seed=7")
    also, _ = meet_faults(switch, "loss=20,corrupt=30,seed=7")
    assert [data[:12] for data in also] == [data[:12] for data in plain]
    assert sum(a != b for a, b in zip(also, plain)) > 50


def test_corruption_flips_few_bits_after_the_addresses(switch):
    frames, stats = meet_faults(switch, "corrupt=100,seed=3")
    sent = numbered(400, 60)
    assert len(frames) == len(sent) and stats["corrupted"] == 400
    flips = set()
    for bent, whole in zip(frames, sent):
        assert bent[:12] == whole[:12] and len(bent) == len(whole)
        flips.add(sum(bin(a ^ b).count("1") for a, b in zip(bent, whole)))
    assert flips == set(range(1, 9))


def test_duplicates_are_whole_copies(switch):
    frames, stats = meet_faults(switch, "dup=50,seed=5")
    sent = numbered(400, 60)
    assert len(frames) == 400 + stats["doubled"] and 120 <= stats["doubled"] <= 280
    assert set(frames) == set(sent)


def test_reordering_loses_nothing(switch):
    frames, stats = meet_faults(switch, "reorder=10,seed=5")
    assert sorted(numbers(frames)) == list(range(400))
    assert numbers(frames) != list(range(400)) and stats["late"] > 10


def test_delay_keeps_the_order(switch):
    lan = switch(2, "delay=40")
    start = time.monotonic()
    sent = numbered(50, 60)
    for one in sent:
        lan.send(0, one)
    assert lan.receive(1, 0.2)[:1] == sent[:1]
    lan.send(0, sent[1])
    start = time.monotonic()
    select.select([lan.ports[1]], [], [], 5)
    assert time.monotonic() - start >= 0.039  # a lower bound only: hosts may be slow
    lan.close()
    frames, _ = meet_faults(switch, "delay=20.5,seed=1")
    assert numbers(frames) == list(range(400))


def test_faults_of_two_ports_do_not_touch_each_other(switch):
    """What happens between two ports does not depend on what others send in between."""
    alone, _ = meet_faults(switch, "loss=30,seed=9")
    lan = switch(3, "loss=30,seed=9")
    for one in numbered(400, 60):
        lan.send(2, frame(mac(2), mac(3), b"noise"))
        lan.send(0, one)
    mixed = [data for data in lan.receive(1) if data[6:12] == mac(1)]
    assert mixed == alone


@pytest.mark.parametrize("spec", ["loss", "loss=", "loss=101", "loss=-1", "los=5", "loss=x", "=5",
                                  "delay=10001", "loss=5,,dup=1", "loss=nan", "seed=1e99"])
def test_wrong_faults_are_explained(spec):
    result = subprocess.run([SWITCH, "--check", spec], capture_output=True, check=False)
    assert result.returncode == 2
    assert b"known: loss dup reorder corrupt" in result.stderr


def test_right_faults_are_accepted():
    spec = "loss=5,dup=2,reorder=5,corrupt=1.5,delay=0.25,seed=7"
    assert subprocess.run([SWITCH, "--check", spec], check=False).returncode == 0


# ---- its end ------------------------------------------------------------------------------------

def test_ends_with_its_control_socket_and_tells_counters(switch):
    lan = switch(2)
    lan.send(0, frame(BROADCAST, mac(1)))
    lan.receive(1)
    stats = json.loads(lan.close())
    assert stats["ports"][0]["in_frames"] == 1 and stats["ports"][1]["out_frames"] == 1
    assert lan.process.returncode == 0


def test_ends_with_sigterm(switch):
    lan = switch(1)
    lan.process.send_signal(signal.SIGTERM)
    assert lan.process.wait(5) == 0


def test_ends_when_its_parent_is_killed(tmp_path):
    """Even though another process still holds the control socket."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    script = ("import sys, time, subprocess; sys.path.insert(0, sys.argv[3])\n"
              "from launcher.vm import die_with_parent\n"
              "p = subprocess.Popen([sys.argv[1], '--control', sys.argv[2]],\n"
              "                     pass_fds=(int(sys.argv[2]),), preexec_fn=die_with_parent(15))\n"
              "print(p.pid, flush=True); time.sleep(60)")
    parent = subprocess.Popen([sys.executable, "-c", script, SWITCH, str(theirs.fileno()),
                               os.path.join(ROOT, "tools")],
                              stdout=subprocess.PIPE, pass_fds=(theirs.fileno(),))
    child = int(parent.stdout.readline())
    ours.send(b"stats")
    assert b"ports" in ours.recv(4096)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    end = time.monotonic() + 5
    while os.path.exists(f"/proc/{child}/exe") and time.monotonic() < end:
        time.sleep(0.01)
    alive = os.path.exists(f"/proc/{child}/exe")
    ours.close()
    theirs.close()
    assert not alive
