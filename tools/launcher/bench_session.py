"""bench_session.py: a cluster that the bench drives step by step, and the host's idle loops.

Synchronous on top of the launcher's loop: each call runs the loop until its answer is here.
"""

import os
import signal
import struct

from launcher import channel, options, run
from launcher.cluster import Cluster
from launcher.failure import Failure
from launcher.loop import Loop
from launcher.place import Place
from launcher.vm import die_with_parent

ANSWER_S_MAX = 120.0


class IdleLoops:
    """One process for each core that does nothing, at the lowest priority there is: a host core
    that sleeps takes longer to wake than a fault takes [D 14]."""

    def __init__(self):
        self._pids = []

    def __enter__(self):
        for core in sorted(os.sched_getaffinity(0)):
            pid = os.fork()
            if pid == 0:
                die_with_parent(signal.SIGKILL)()
                os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
                os.sched_setaffinity(0, {core})
                while True:
                    pass
            self._pids.append(pid)
        return self

    def __exit__(self, *_):
        for pid in self._pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


class Session:
    """N nodes with one program on board. with Session(...) as s: s.start(…); s.line(); s.go()"""

    def __init__(self, root, words, program, args=()):
        self._options = options.parse_run(root, [*words, "--quiet", program, *map(str, args)])
        self._loop = Loop()
        self._lines = []
        self._rest = b""
        self._credit = 0
        self._stream = None
        self.exit_code = None
        self.failure = None
        self.cluster = None

    def __enter__(self):
        self._name, modules = run.prepare_modules(self._options)
        self._place = Place(None)
        self.cluster = Cluster(self._loop, self._options.root, self._place, self._options, modules)
        self.cluster.on_failure = self._fail
        try:
            self.cluster.start()
            self._until(lambda: self.cluster.is_stable)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.cluster.close()
        self._place.close(False)

    def _fail(self, failure):
        self.failure = failure

    def _until(self, is_done):
        self._loop.run_for(ANSWER_S_MAX, lambda: is_done() or self.failure)
        if self.failure:
            raise self.failure
        if not is_done():
            raise Failure(f"bench: no answer for {ANSWER_S_MAX:g} s")

    # ---- the program ----------------------------------------------------------------------------

    def start(self):
        node = self.cluster.nodes[0]
        self._stream = node.open_stream(self._take)
        self._cpu_before = self.cluster.cpu_seconds()
        node.send(channel.RUN, self._stream,
                  run.run_payload(self._name, self._options.args, []))

    def _take(self, kind, payload):
        if kind in (channel.STDOUT, channel.STDERR):
            *lines, self._rest = (self._rest + payload).split(b"\n")
            self._lines += [line.decode("utf-8", "replace") for line in lines]
        elif kind == channel.STDIN_CREDIT:
            self._credit += struct.unpack("<I", payload)[0]
        elif kind == channel.EXIT:
            self.cpu_s = self.cpu_since(self._cpu_before)
            self.exit_code = struct.unpack_from("<i", payload)[0]
        elif kind == channel.ERROR:
            self.failure = Failure("bench: " + payload.decode("utf-8", "replace"))

    def line(self):
        """The program's next line; None after its end."""
        self._until(lambda: self._lines or self.exit_code is not None)
        return self._lines.pop(0) if self._lines else None

    def go(self):
        self._until(lambda: self._credit > 0)
        self._credit -= 1
        self.cluster.nodes[0].send(channel.STDIN, self._stream, b"\n")

    def cpu_since(self, before):
        return sum(self.cluster.cpu_seconds().values()) - sum(before.values())

    # ---- consoles -------------------------------------------------------------------------------

    def begin(self, name, command):
        """Starts a console command; the result is for end()."""
        node = self.cluster.node(name)
        state = {"text": b"", "status": None, "node": node}

        def take(kind, payload):
            if kind == channel.EXEC_OUT:
                state["text"] += payload
            elif kind == channel.EXEC_END:
                state["status"] = struct.unpack_from("<i", payload)[0]
        state["stream"] = node.open_stream(take)
        node.send(channel.EXEC, state["stream"], command.encode())
        return state

    def end(self, state):
        self._until(lambda: state["status"] is not None)
        state["node"].close_stream(state["stream"])
        return state["text"].decode("utf-8", "replace")

    def execute(self, name, command):
        return self.end(self.begin(name, command))

    def rest(self, seconds):
        """Lets the nodes be for a moment."""
        self._loop.run_for(seconds)
