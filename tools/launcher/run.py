"""run.py: `lisse run`: boot a cluster of its own, run one program on it, end it.

The launcher itself is the parent of all processes; whatever ends it ends them.
"""

import json
import os
import signal
import struct
import sys
import time

from launcher import channel, program
from launcher.cluster import Cluster
from launcher.failure import (EXIT_CANNOT_EXECUTE, EXIT_CLUSTER, EXIT_SIGNAL, EXIT_TIMEOUT,
                              Failure, usage)
from launcher.lan import check_faults
from launcher.loop import Loop, Sink
from launcher.place import Place, State, sweep

PIPE_GRACE_S = 2.0  # for a program to end after its reader went away
FLUSH_S_AFTER_SIGNAL = 0.5
FLUSH_S_MAX = 86400  # our reader may be slow; Ctrl-C ends the wait


def say(text):
    print(f"lisse: {text}", file=sys.stderr, flush=True)


def run_payload(name, args, env):
    """RUN's argv strings, an empty one, then the environment."""
    words = [name, *args]
    if "" in words:
        raise usage("an empty argument cannot be passed to a program yet; leave it out")
    strings = [word.encode(errors="surrogateescape") for word in words] + [b""]
    strings += [word.encode(errors="surrogateescape") for word in env]
    payload = b"".join(string + b"\0" for string in strings)
    if len(payload) > channel.PAYLOAD_MAX:
        raise usage(f"arguments and --env make {len(payload)} bytes; a program gets at most "
                    f"{channel.PAYLOAD_MAX}: put the data into a file and give it --with")
    return payload


def prepare_modules(options):
    """Everything that can be wrong with files, before anything is started."""
    modules = program.Modules()
    path = program.find(options.root, options.prog)
    if not options.unchecked:
        program.check(path)
    name = os.path.basename(path)
    modules.add(path, name)
    for spec in options.with_:
        modules.add_with(spec)
    return name, modules


class Input:
    """stdin -> the job, as far as the node gives credit."""

    def __init__(self, loop, send):
        self._loop = loop
        self._send = send  # send(type, payload)
        self._credit = 0
        self._is_open = True

    def give(self, credit):
        self._credit += credit
        if self._credit > 0 and self._is_open and not self._is_background():
            self._loop.watch(0, self._read)

    @staticmethod
    def _is_background():
        """Reading the terminal from the background would stop us (SIGTTIN)."""
        try:
            return os.isatty(0) and os.tcgetpgrp(0) != os.getpgrp()
        except OSError:
            return False

    def _read(self):
        try:
            data = os.read(0, min(self._credit, channel.PAYLOAD_MAX))
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            self._send(channel.STDIN_EOF, b"")
            return
        self._credit -= len(data)
        self._send(channel.STDIN, data)
        if self._credit == 0:
            self._loop.unwatch(0)

    def close(self):
        self._is_open = False
        self._loop.unwatch(0)


class Run:
    def __init__(self, options, name, payload):
        self.options = options
        self.name = name
        self.payload = payload
        self.loop = Loop()
        self.cluster = None
        self.node = None  # n1, the job's origin
        self.stream = None
        self.code = None
        self.failure = None
        self.interrupts = 0
        self.started = None
        self.cpu_before = {}
        self.stats = None
        self.out = Sink(self.loop, 1, self._relax, self._reader_gone)
        self.err = Sink(self.loop, 2, self._relax)
        self.input = Input(self.loop, self._send)

    # ---- the job ------------------------------------------------------------------------------

    def _send(self, kind, payload=b""):
        self.node.send(kind, self.stream, payload)

    def start_job(self):
        options = self.options
        if not options.quiet:
            nodes = "1 node is" if options.n == 1 else f"{options.n} nodes are"
            say(f"{nodes} one cluster after {self.cluster.stable_after_s:.2f} s; "
                f"running {self.name}")
        self.node = self.cluster.nodes[0]
        self.stream = self.node.open_stream(self._take)
        self.cpu_before = self.cluster.cpu_seconds()
        self.started = time.monotonic()
        self._send(channel.RUN, self.payload)
        if options.timeout:
            self.loop.after(options.timeout, self._time_over)

    def _take(self, kind, payload):
        if kind == channel.STDOUT:
            self._give(self.out, payload)
        elif kind == channel.STDERR:
            self._give(self.err, payload)
        elif kind == channel.STDIN_CREDIT and len(payload) == 4:
            self.input.give(struct.unpack("<I", payload)[0])
        elif kind == channel.EXIT and len(payload) >= 4:
            self._job_ended(struct.unpack_from("<i", payload)[0], payload[4:])
        elif kind == channel.ERROR:
            text = payload.decode("utf-8", "replace").strip()
            self.fail(Failure(text or "the node cannot run it", EXIT_CANNOT_EXECUTE))

    def _give(self, sink, payload):
        sink.write(payload)
        if sink.is_full():
            self.node.hold_channel(True)

    def _relax(self):
        if self.node and not self.out.is_full() and not self.err.is_full():
            self.node.hold_channel(False)

    def _job_ended(self, code, reason):
        if self.options.stats:
            self._take_stats()
        text = reason.decode("utf-8", "replace").strip()
        if text:
            say(f"{self.name}: {text}")
        self.finish(code & 0xFF)

    def _take_stats(self):
        after = self.cluster.cpu_seconds()
        cpu = {name: round(after[name] - self.cpu_before[name], 4) for name in after}
        self.stats = {"nodes": len(after), "wall_s": round(time.monotonic() - self.started, 4),
                      "boot_s": round(self.cluster.stable_after_s, 4),
                      "cpu_s": cpu, "cpu_total_s": round(sum(cpu.values()), 4),
                      "lan": self._lan_totals()}

    def _lan_totals(self):
        ports = self.cluster.lan.stats().get("ports", [])
        keys = [key for key, value in ports[0].items() if type(value) is int] if ports else []
        return {key: sum(port[key] for port in ports) for key in keys}

    # ---- ends ---------------------------------------------------------------------------------

    def finish(self, code):
        if self.code is None:
            self.code = code
        self.loop.stop()

    def fail(self, failure):
        self.failure = self.failure or failure
        self.finish(failure.code)

    def _reader_gone(self):
        """Whoever read our stdout has ended: the program gets what a pipe's writer gets."""
        if self.stream is not None and self.code is None:
            self._send(channel.SIGNAL, bytes((signal.SIGPIPE,)))
            self.loop.after(PIPE_GRACE_S, lambda: self.finish(EXIT_SIGNAL + signal.SIGPIPE))

    def _time_over(self):
        self.fail(Failure(f"{self.name} was still running after --timeout "
                          f"{self.options.timeout:g} s; it was ended", EXIT_TIMEOUT))

    def on_signal(self, number):
        self.interrupts += 1
        if number != signal.SIGINT or self.stream is None or self.interrupts > 1:
            self.finish(EXIT_SIGNAL + number)
            return
        self._send(channel.SIGNAL, bytes((signal.SIGINT,)))
        say(f"interrupt passed to {self.name}; Ctrl-C again ends the cluster")

    # ---- whole --------------------------------------------------------------------------------

    def boot_and_run(self, place, modules):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) != signal.SIG_IGN:  # nohup, sh's background jobs
                self.loop.on_signal(number, self.on_signal)
        self.cluster = Cluster(self.loop, self.options.root, place, self.options, modules)
        self.cluster.on_stable = self.start_job
        self.cluster.on_failure = self.fail
        self.cluster.say = say
        try:
            self.cluster.start()
            self.loop.run()
        except Failure as failure:
            self.fail(failure)
        finally:
            self.input.close()
            self.cluster.close()
        self._flush()

    def _flush(self):
        before = self.interrupts
        self.loop.run_for(FLUSH_S_AFTER_SIGNAL if before else FLUSH_S_MAX, lambda: (
            self.interrupts > before or (self.out.is_empty() and self.err.is_empty())))

    def report(self, place):
        """Everything that is told after the end. True: the logs are worth keeping."""
        is_trouble = bool(self.failure and self.code == EXIT_CLUSTER and self.cluster.nodes)
        if self.failure:
            say(str(self.failure) + (f"\n  logs: {place.log_dir}" if is_trouble else ""))
        if self.cluster.damage():
            say(f"{self.cluster.damage()} damaged frames came over the launcher's channel: output "
                "may be missing")
        if self.stats:
            say("stats " + json.dumps(self.stats))
        return is_trouble


def main(options):
    name, modules = prepare_modules(options)
    payload = run_payload(name, options.args, options.env)
    check_faults(options.root, options.lan)
    sweep()
    if State().is_up() and not options.quiet:
        say("a cluster is up, but run cannot use it yet: booting another one for this program")
    place = Place(options.log)
    keep = True
    try:
        if not options.quiet:
            say(f"booting {options.n} node{'s' if options.n > 1 else ''}")
        run = Run(options, name, payload)
        run.boot_and_run(place, modules)
        keep = run.report(place)
    finally:
        place.close(keep)
    return run.code if run.code is not None else EXIT_CLUSTER
