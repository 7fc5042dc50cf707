"""node.py: one node as the launcher sees it: VM, console lines (COM1), channel (COM2), QMP."""

import collections
import re
import time

from launcher import channel
from launcher.qmp import Qmp
from launcher.vm import Vm

TAIL_LINES = 400  # of the console kept in memory, for reports
REPLAY_BYTES = 4096  # shown to a person who opens the console
READ_BYTES = 65536
SMALL_BYTES = 1024  # fewer in one read: the UART is slower than we are
REST_S = 0.001
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]|[\x00-\x08\x0b-\x1f\x7f]")
PANIC = re.compile(r"\bPANIC\b")  # kernel/panic.c


class Node:
    """on_change(node) is called after every READY, end of the VM or panic."""

    def __init__(self, loop, spec, number, place):
        self.name = f"n{number}"
        self.number = number
        self._loop = loop
        self.ready = {}  # the words of the last READY
        self.panic_line = None
        self.tail = collections.deque(maxlen=TAIL_LINES)
        self.replay = b""
        self._last_stream = 0
        self.streams = {}  # stream -> callback(type, payload)
        self.console_watchers = []  # callback(bytes)
        self.end_watchers = []  # callback(), when the VM has ended
        self.on_change = lambda node: None
        self.on_report = lambda node, text: None
        self.on_console_line = lambda node, line: None
        self.status_waiters = []
        self._status = b""
        self._line = ""
        self._decoder = channel.Decoder()
        self._out = {"com1": bytearray(), "com2": bytearray()}
        self._is_com2_held = False
        self._is_com2_resting = False
        self._last_small = 0.0  # when a few bytes came on COM2 (monotonic)
        self._console_log = open(place.log(f"{self.name}.console"), "wb", buffering=0)
        self.vm = Vm(spec, number, place.log(f"{self.name}.qemu"))
        self.qmp = Qmp(loop, self.vm.ends["qmp"])
        for name in ("com1", "com2"):
            self.vm.ends[name].setblocking(False)
            self._watch(name)
        loop.watch(self.vm.pidfd, self._vm_ended)

    # ---- the two ports ------------------------------------------------------------------------

    def _watch(self, name):
        reader = self._read_com1 if name == "com1" else self._read_com2
        if name == "com2" and (self._is_com2_held or self._is_com2_resting):
            reader = None
        writer = (lambda: self._write(name)) if self._out[name] else None
        self._loop.watch(self.vm.ends[name].fileno(), reader, writer)

    def _recv(self, name):
        try:
            data = self.vm.ends[name].recv(READ_BYTES)
        except BlockingIOError:
            return b""
        except OSError:
            data = b""
        if not data:
            self._loop.unwatch(self.vm.ends[name].fileno())
        return data

    def _write(self, name):
        try:
            count = self.vm.ends[name].send(self._out[name])
        except BlockingIOError:
            return
        except OSError:  # the VM is ending; its pidfd tells the rest
            count = len(self._out[name])
        del self._out[name][:count]
        self._watch(name)

    def send(self, kind, stream=0, payload=b""):
        self._out["com2"] += channel.encode(kind, stream, payload)
        self._watch("com2")

    def type(self, data):
        """Bytes of a keyboard, to the console."""
        self._out["com1"] += data
        self._watch("com1")

    def hold_channel(self, is_held):
        """While held, the node's COM2 is not read, and its program waits in write."""
        self._is_com2_held = is_held
        if self.vm.is_running():
            self._watch("com2")

    # ---- what comes ---------------------------------------------------------------------------

    def _read_com1(self):
        """True when there was something."""
        data = self._recv("com1")
        if not data:
            return False
        self._console_log.write(data)
        self.replay = (self.replay + data)[-REPLAY_BYTES:]
        for watcher in list(self.console_watchers):
            watcher(data)
        *lines, self._line = (self._line + data.decode("utf-8", "replace")).split("\n")
        self._line = self._line[-1000:]
        for line in lines:
            self._take_line(ESCAPES.sub("", line.rpartition("\r\x1b[K")[2]).rstrip())
        return True

    def _take_line(self, line):
        self.tail.append(line)
        self.on_console_line(self, line)
        if self.panic_line is None and PANIC.search(line):
            self.panic_line = line
            self.on_change(self)

    def _read_com2(self):
        """True when there was something."""
        data = self._recv("com2")
        if 0 < len(data) < SMALL_BYTES:
            self._rest_com2()
        for kind, stream, payload in self._decoder.feed(data) if data else []:
            self._take_frame(kind, stream, payload)
        return bool(data)

    def _rest_com2(self):
        """A UART gives single bytes: waking for each would cost a core while a program prints. So
        in a burst we look once a millisecond; the first bytes after a silence come at once."""
        now = time.monotonic()
        is_burst, self._last_small = now - self._last_small < 4 * REST_S, now
        if is_burst and not self._is_com2_resting:
            self._is_com2_resting = True
            self._watch("com2")
            self._loop.after(REST_S, self._rested)

    def _rested(self):
        self._is_com2_resting = False
        if self.vm.ends["com2"].fileno() >= 0:
            self._watch("com2")

    def _take_frame(self, kind, stream, payload):
        if kind == channel.READY:
            self.ready = channel.ready_words(payload)
            self.on_change(self)
        elif kind == channel.STATUS:
            self._take_status(payload)
        elif stream in self.streams:
            self.streams[stream](kind, payload)
        elif kind in (channel.REPORT, channel.ERROR):
            self.on_report(self, payload.decode("utf-8", "replace").rstrip())

    def _take_status(self, payload):
        self._status += payload
        if payload:
            return
        whole, self._status = self._status, b""
        waiters, self.status_waiters = self.status_waiters, []
        for waiter in waiters:
            waiter(whole)

    def _vm_ended(self):
        while self._read_com1() or self._read_com2():
            pass  # what is still in the pipes came before the end
        self._loop.unwatch(self.vm.pidfd)
        self.vm.wait()
        for watcher in list(self.end_watchers):
            watcher()
        self.on_change(self)

    # ---- streams ------------------------------------------------------------------------------

    def open_stream(self, callback):
        """A fresh stream number for a RUN or EXEC; None when all 255 are in use."""
        for _ in range(255):  # not the lowest free one: late frames of an old one may still come
            self._last_stream = self._last_stream % 255 + 1
            if self._last_stream not in self.streams:
                self.streams[self._last_stream] = callback
                return self._last_stream
        return None

    def close_stream(self, stream):
        self.streams.pop(stream, None)

    # ---- state --------------------------------------------------------------------------------

    def is_running(self):
        return self.vm.is_running()

    def is_stable_with(self, members):
        return (self.ready.get("members") == str(members) and self.ready.get("stable") == "1")

    def damaged_frames(self):
        return self._decoder.damaged

    def vm_state(self):
        if not self.is_running():
            return "ended"
        return "paused" if self.qmp.is_paused else "running"

    def close(self):
        for end in self.vm.ends.values():
            if end.fileno() >= 0:
                self._loop.unwatch(end.fileno())
        self._loop.unwatch(self.vm.pidfd)
        self.vm.kill()
        self.vm.wait()
        while self._read_com1():
            pass  # the log gets the last words
        self.vm.close()
        self._console_log.close()
