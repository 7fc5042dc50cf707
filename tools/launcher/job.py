"""job.py: one program that runs on a cluster, as the person at the terminal has it: its output on
our stdout and stderr, our stdin for it, Ctrl-C, its end. Whose cluster it is is another file's
business: run.py (its own), run_up.py (one that is up).
"""

import os
import signal
import struct
import sys

from launcher import channel
from launcher.failure import EXIT_CANNOT_EXECUTE, EXIT_SIGNAL, EXIT_TIMEOUT, Failure
from launcher.loop import Loop, Sink

PIPE_GRACE_S = 2.0  # for a program to end after its reader went away
FLUSH_S_AFTER_SIGNAL = 0.5
FLUSH_S_MAX = 86400  # our reader may be slow; Ctrl-C ends the wait


def say(text):
    print(f"lisse: {text}", file=sys.stderr, flush=True)


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


class Job:
    """node: has send(kind, stream, payload) and hold_channel(is_held); None until it runs."""

    second_interrupt = "ends the cluster"

    def __init__(self, options, name):
        self.options = options
        self.name = name
        self.loop = Loop()
        self.node = None
        self.stream = None
        self.code = None
        self.failure = None
        self.interrupts = 0
        self.out = Sink(self.loop, 1, self._relax, self._reader_gone)
        self.err = Sink(self.loop, 2, self._relax)
        self.input = Input(self.loop, self._send)

    def _send(self, kind, payload=b""):
        self.node.send(kind, self.stream, payload)

    def begin(self, node, stream):
        """It runs now, there."""
        self.node = node
        self.stream = stream
        if self.options.timeout:
            self.loop.after(self.options.timeout, self._time_over)

    # ---- what comes from it -------------------------------------------------------------------

    def take(self, kind, payload):
        if kind == channel.STDOUT:
            self._give(self.out, payload)
        elif kind == channel.STDERR:
            self._give(self.err, payload)
        elif kind == channel.STDIN_CREDIT and len(payload) == 4:
            self.input.give(struct.unpack("<I", payload)[0])
        elif kind == channel.EXIT and len(payload) >= 4:
            self.ended(struct.unpack_from("<i", payload)[0], payload[4:])
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

    def ended(self, code, reason):
        text = reason.decode("utf-8", "replace").strip()
        if text:
            say(f"{self.name}: {text}")
        self.finish(code & 0xFF)

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
        say(f"interrupt passed to {self.name}; Ctrl-C again {self.second_interrupt}")

    def take_signals(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) != signal.SIG_IGN:  # nohup, sh's background jobs
                self.loop.on_signal(number, self.on_signal)

    def flush(self):
        """What the program wrote goes out, however slow its reader is."""
        before = self.interrupts
        self.loop.run_for(FLUSH_S_AFTER_SIGNAL if before else FLUSH_S_MAX, lambda: (
            self.interrupts > before or (self.out.is_empty() and self.err.is_empty())))
