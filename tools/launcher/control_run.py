"""control_run.py: the keeper's side of `lisse run` on the cluster that is up.

The request: {"do": "run", "name": PROG's name, "n": N or null, "payload": RUN's payload,
"files": [[name, path], …]}; payloads are base64. The files and then RUN go to one node, over the
channel's own flow control. Afterwards lines go both ways: {"frame": type, "data": payload} is a
frame of the program's stream, {"say": text} a line for the person; {"started": node} comes before
the first of them, {"stats": {…}} before the last line, which is {"done": 0} or {"error", "code"}.
"""

import base64
import json
import os
import signal
import struct
import time
import zlib

from launcher import channel
from launcher.failure import EXIT_CANNOT_EXECUTE, EXIT_CLUSTER, Failure, usage

BACKLOG_BYTES = 262144  # more waits for the person: the program has to wait too
LINE_BYTES_MAX = 65536
STALL_S_MAX = 30.0  # without a byte of a file taken by the node
FROM_PERSON = frozenset((channel.STDIN, channel.STDIN_EOF, channel.SIGNAL))


class Upload:
    """One file on its way to a node, as the node gives credit."""

    def __init__(self, name, path):
        self.name = name
        try:
            self._file = open(path, "rb")
            self.left = os.fstat(self._file.fileno()).st_size
        except OSError as error:
            raise Failure(f"'{path}' cannot be read: {error.strerror}",
                          EXIT_CANNOT_EXECUTE) from error
        self._crc = 0

    def begin(self):
        return struct.pack("<I", self.left) + self.name.encode()

    def piece(self, most):
        """The next bytes; fewer than announced when somebody cut the file meanwhile."""
        data = self._file.read(min(most, self.left, channel.PAYLOAD_MAX))
        self._crc = zlib.crc32(data, self._crc)
        self.left -= len(data)
        return data

    def end(self):
        self.close()
        return struct.pack("<I", self._crc)

    def close(self):
        self._file.close()


class Relay:
    """One `lisse run`: client is its connection (control.Client)."""

    def __init__(self, keeper, client, request):
        self._keeper = keeper
        self._cluster = keeper.cluster
        self._client = client
        self.name = str(request["name"])
        self._payload = base64.b64decode(request["payload"])
        self._files = [(str(name), str(path)) for name, path in request["files"]
                       if not self._cluster.modules.has(name, path)]
        self._upload = None
        self._credit = 0
        self._in = b""
        self._is_held = False
        self._is_over = False
        self._has_run = False  # RUN was sent
        self._timer = None
        self._started = None
        self._cpu_before = {}
        size = len(self._cluster.nodes)
        if request["n"] not in (None, size):
            raise usage(f"the cluster that is up has {size} node{'s' if size > 1 else ''}: leave "
                        f"out -n {request['n']}, or lisse down and up -n {request['n']}, or "
                        "another LISSE_DIR for a cluster of its own")
        self.node = self._choose()
        self._stream = self.node.open_stream(self._take_frame)
        if self._stream is None:
            raise Failure(f"{self.node.name} runs 255 commands already; wait for one of them")

    def _choose(self):
        """The node on which the fewest of our programs begin."""
        for node in self._cluster.nodes:
            self._client.check_running(node)  # a program needs all of them
        return min(self._cluster.nodes, key=lambda node: (
            sum(run.node is node for run in self._keeper.runs), node.number))

    # ---- files, then RUN ----------------------------------------------------------------------

    def _send(self, kind, payload=b""):
        self.node.send(kind, self._stream, payload)

    def begin(self):
        self._keeper.runs.append(self)
        self._next_file()

    def _next_file(self):
        if not self._files:
            self._run()
            return
        try:
            self._upload = Upload(*self._files.pop(0))
        except Failure as failure:
            self.fail(str(failure), failure.code)
            return
        self._credit = 0
        self._send(channel.FILE_BEGIN, self._upload.begin())
        self._watch_for_stall()

    def _watch_for_stall(self):
        self._keeper.loop.cancel(self._timer)
        self._timer = self._keeper.loop.after(STALL_S_MAX, lambda: self.fail(
            f"{self.node.name} has taken no byte of {self._upload.name} for {STALL_S_MAX:g} s; "
            "its console may say why"))

    def _feed(self, credit):
        self._credit += credit
        self._watch_for_stall()
        while self._upload.left and self._credit:
            data = self._upload.piece(self._credit)
            if not data:
                self.fail(f"{self._upload.name} was cut while it was being sent; run it again")
                return
            self._credit -= len(data)
            self._send(channel.FILE_DATA, data)
        if not self._upload.left:
            self._send(channel.FILE_END, self._upload.end())
            self._upload = None
            self._keeper.loop.cancel(self._timer)
            self._next_file()

    def _run(self):
        self._client.say({"started": self.node.name})
        self._started = time.monotonic()
        self._cpu_before = self._cluster.cpu_seconds()
        self._has_run = True
        self._send(channel.RUN, self._payload)

    # ---- frames both ways ---------------------------------------------------------------------

    def _take_frame(self, kind, payload):
        if kind == channel.FILE_CREDIT:
            if self._upload is not None and len(payload) == 4:
                self._feed(struct.unpack("<I", payload)[0])
            return
        is_last = kind in (channel.EXIT, channel.ERROR)
        if is_last and self._has_run:
            self._client.say({"stats": self._cluster.stats_since(self._started, self._cpu_before)})
        self._client.say({"frame": kind, "data": base64.b64encode(payload).decode()})
        if is_last:
            self._over()
            self._client.say({"done": 0}, is_last=True)
        elif self._client.waiting() > BACKLOG_BYTES and not self._is_held:
            self._hold(True)

    def _hold(self, is_held):
        self._is_held = is_held
        self._send(channel.HOLD, bytes((is_held,)))

    def drained(self, left):
        if self._is_held and left < BACKLOG_BYTES // 4 and not self._is_over:
            self._hold(False)

    def take(self, data):
        """Lines of the person's launcher."""
        *lines, self._in = (self._in + data).split(b"\n")
        for line in lines:
            try:
                message = json.loads(line)
                kind, payload = message["frame"], base64.b64decode(message["data"])
            except (ValueError, KeyError, TypeError):
                continue
            if kind in FROM_PERSON and not self._is_over and self._has_run:
                self._send(kind, payload[:channel.PAYLOAD_MAX])
        if len(self._in) > LINE_BYTES_MAX:
            self._client.close()

    # ---- ends ---------------------------------------------------------------------------------

    def say(self, text):
        self._client.say({"say": text})

    def _over(self):
        """Nothing more comes from the node for this program, or nothing more is wanted."""
        self._is_over = True
        self._keeper.loop.cancel(self._timer)
        if self._upload is not None:
            self._upload.close()
        if self in self._keeper.runs:
            self._keeper.runs.remove(self)
        self.node.close_stream(self._stream)

    def _end_program(self):
        """The node frees the files; a program that runs is killed, and its end is waited for, so
        that its stream is not used again before."""
        stream, node, has_run = self._stream, self.node, self._has_run
        self._over()
        if not node.is_running():
            return
        node.send(channel.SIGNAL, stream, bytes((signal.SIGKILL,)))
        node.send(channel.HOLD, stream, b"\0")
        if has_run:
            node.streams[stream] = lambda kind, payload: (
                node.close_stream(stream) if kind in (channel.EXIT, channel.ERROR) else None)

    def gone(self):
        """The connection is closed: the person's launcher has ended, or was told all."""
        if not self._is_over:
            self._end_program()

    def fail(self, text, code=EXIT_CLUSTER):
        if not self._is_over:
            self._end_program()
            self._client.say({"error": text, "code": code}, is_last=True)

    def fail_blocking(self, text):
        """The keeper itself ends."""
        self._over()
        self._client.say_blocking({"error": text, "code": EXIT_CLUSTER})
