"""bench.py: `lisse bench`: what docs/performance.md describes, as one JSON object and a table.

Each figure's repetitions are spread over the whole run and taken in turns with those that it is
compared with, because a host's speed drifts. No figure is judged here: targets stand beside them.
"""

import json
import os
import platform
import re
import statistics
import struct
import subprocess
import sys
import time

from launcher import bench_table
from launcher.bench_session import IdleLoops, Session
from launcher.failure import Failure
from launcher.place import sweep

STAGES = ("trap", "core", "send", "away", "install", "return")
GAP_US = 300  # between echoes, as between the program's faults (apps/bench/parts.c)


def percentiles(samples):
    if not samples:
        return None
    ordered = sorted(samples)
    return {"p50": ordered[len(ordered) // 2], "p99": ordered[len(ordered) * 99 // 100]}


def say(text):
    print(f"lisse: bench: {text}", file=sys.stderr, flush=True)


def host():
    model = platform.machine()
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
        match = re.search(r"model name\s*: (.*)", file.read())
        model = match[1] if match else model
    qemu = subprocess.run(["qemu-system-i386", "--version"], capture_output=True, text=True,
                          check=False).stdout.split("\n")[0]
    return {"cpu": model, "cores": len(os.sched_getaffinity(0)), "qemu": qemu,
            "load_before": os.getloadavg()[0], "idle_loops": True}


def image_bytes(path):
    """Bytes of PT_LOAD in the file [ELF32]."""
    with open(path, "rb") as file:
        data = file.read()
    start, size, count = struct.unpack_from("<I", data, 28) + struct.unpack_from("<HH", data, 42)
    total = 0
    for i in range(count):
        kind, _, _, _, in_file = struct.unpack_from("<5I", data, start + i * size)
        total += in_file if kind == 1 else 0
    return total


class Bench:
    def __init__(self, options):
        self.root = options.root
        self.quick = options.quick
        self.nic = options.nic
        self.rounds, self.batch = (2, 4) if self.quick else (options.rounds, 8)
        self.samples = {"raw_64": [], "raw_4k": [], "udp_4k": []}
        self.got = {}
        self.probes = {}
        self.messages = {}

    # ---- faults, barriers, futexes: the program apps/bench --------------------------------------

    def _echoes(self, s):
        server = s.begin("n2", "bench serve")
        s.rest(0.02)
        text = s.execute("n1", f"bench echo n2 {self.batch} {GAP_US}")
        s.end(server)
        for name, numbers in re.findall(r"^us (\S+)(.*)$", text, re.MULTILINE):
            self.samples[name] += [float(number) for number in numbers.split()]

    def _messages_out(self, s):
        texts = [s.execute(node.name, "net") for node in s.cluster.nodes]
        return sum(int(re.search(r"^messages in \d+, out (\d+)", text, re.MULTILINE)[1])
                   for text in texts)

    def _probe_end(self, s, kind):
        words = [s.execute(name, "bench probe").split()[1:] for name in ("n1", "n2")]
        here, there = ({word[i]: int(word[i + 1]) for i in range(0, len(word), 2)}
                       for word in words)
        self.probes[kind] = {**{stage: here[stage] for stage in STAGES}, "serve": there["serve"],
                             "hz": here["hz"], "faults": here["faults"]}

    def _step(self, s, what, kind):
        """The program waits and says for what."""
        if what == "round":
            self._echoes(s)
        elif what == "cpu":
            for name in ("n1", "n2"):
                s.execute(name, "bench probe on")
            s.rest(0.1)
            self._before = s.cluster.cpu_seconds()
        elif what == "cpu_end":
            self.got["fault_read_cpu_us"] = s.cpu_since(self._before) * 1e6 / self._count
            self._probe_end(s, kind)
        elif what == "barrier":
            self._before = self._messages_out(s)
        elif what == "barrier_end":
            members = str(len(self.messages) + 1)  # "1": none, what the frame around them costs
            self.messages[members] = (self._messages_out(s) - self._before) / self._count
        s.go()

    def program(self, kind, rounds, batch, *words):
        with Session(self.root, ["-n", "4", "--locator", "stat", "--nic", self.nic, *words],
                     "bench", (rounds, batch)) as s:
            s.start()
            while (line := s.line()) is not None:
                word = line.split()
                if word and word[0] == "wait":
                    self._step(s, word[1], kind)
                    if word[1] == "cpu_end" and kind == "instructions":
                        return
                elif word and word[0] == "count":
                    self._count = int(word[1])
                elif word and word[0] == "us":
                    self.got[word[1]] = {"p50": float(word[2]), "p99": float(word[3])}
                elif word and word[0] == "mb_s":
                    self.got[word[1]] = float(word[2])
                elif word and word[0] != "end":
                    say(line)
            if s.exit_code != 0:
                raise Failure(f"the bench program ended with code {s.exit_code}")

    # ---- the rest -------------------------------------------------------------------------------

    def locate_instructions(self):
        """With -icount shift=0 the TSC counts instructions [D 14]."""
        with Session(self.root, ["-n", "1", "--qemu=-icount", "--qemu=shift=0"], "hello") as s:
            words = s.execute("n1", "bench locate").split()
        return int(words[2])

    def mgs(self, nodes):
        with Session(self.root, ["-n", str(nodes), "--nic", self.nic], "mgs",
                     ("-n", "512", "--json")) as s:
            s.start()
            result = None
            while (line := s.line()) is not None:
                result = json.loads(line) if line.startswith("{") else result
            return {"s": result["seconds"], "cpu_s": round(s.cpu_s, 3)}

    def boot_s(self, nic):
        with Session(self.root, ["-n", "2", "--nic", nic], "hello") as s:
            return round(s.cluster.stable_after_s, 3)

    def in_turns(self, keys, measure, times):
        """{key: [results]}, one of each key, again and again."""
        results = {key: [] for key in keys}
        for _ in range(times):
            for key in keys:
                results[key].append(measure(key))
        return results

    def measure(self):
        say("faults, barriers, futexes against echoes on 4 nodes")
        with IdleLoops():
            self.program("ticks", self.rounds, self.batch)
        say("the stages of a fault in instructions, the cost of locate()")
        self.program("instructions", 0, 2, "--qemu=-icount", "--qemu=shift=0")
        locate = self.locate_instructions()
        say("booting")
        boots = self.in_turns(("e1000", "e1000e"), self.boot_s, 1 if self.quick else 3)
        mgs = {str(n): [] for n in (1, 2, 3, 4)}
        if not self.quick:
            say("mgs 512 on 1 to 4 nodes")
            mgs = self.in_turns(("1", "2", "3", "4"), lambda key: self.mgs(int(key)), 3)
        return self.whole(locate, boots, mgs)

    def whole(self, locate, boots, mgs):
        got = self.got
        return {
            "host": host(),
            "raw_64_us": percentiles(self.samples["raw_64"]),
            "raw_4k_us": percentiles(self.samples["raw_4k"]),
            "udp_4k_us": percentiles(self.samples["udp_4k"]),
            "link_4k_us": None,
            "fault_read_us": {hops: got.get("fault_read_" + hops) for hops in ("2hop", "3hop")},
            "fault_write_us": {copies: got.get("fault_write_" + copies) for copies in "013"},
            "fault_read_cpu_us": round(got["fault_read_cpu_us"], 1),
            "barrier_us": {n: got.get("barrier_" + n) for n in "234"},
            "barrier_messages": {n: self.messages_of_barrier(n) for n in "234"},
            "futex_wake_us": got.get("futex_wake"),
            "seq_read_mb_s": {"none": got.get("seq_read"), "prefetch": None,
                              "publish": got.get("seq_read_publish")},
            "locate_instructions": locate,
            "boot_to_joined_s": {nic: statistics.median(times) for nic, times in boots.items()},
            "image_bytes": image_bytes(os.path.join(self.root, "build", "lisse.elf")),
            "mgs_512": {n: self.best(runs) for n, runs in mgs.items()},
        }

    def messages_of_barrier(self, members):
        return round(self.messages[members] - self.messages["1"], 1)

    @staticmethod
    def best(runs):
        """Median of each."""
        if not runs:
            return {"s": None, "cpu_s": None}
        return {key: statistics.median(run[key] for run in runs) for key in ("s", "cpu_s")}


def main(options):
    sweep()
    bench = Bench(options)
    started = time.monotonic()
    result = bench.measure()
    say(f"took {time.monotonic() - started:.0f} s")
    table = bench_table.table(result, bench.probes)
    if options.json:
        print(json.dumps(result))
        print(table, file=sys.stderr)
    else:
        print(table)
    return 0
