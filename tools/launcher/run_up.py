"""run_up.py: `lisse run` on the cluster that is up: the person's side. The keeper sends the files
and passes frames on (control_run.py says how); everything else is as on a cluster of its own.
"""

import base64
import json


from launcher import client
from launcher.failure import EXIT_CLUSTER, Failure, usage
from launcher.job import Job, say

READ_BYTES = 65536


class Keeper:
    """The connection, in a node's place: send() and hold_channel()."""

    def __init__(self, loop, sock, on_message, on_end):
        self._loop = loop
        self._socket = sock
        self._on_message = on_message
        self._on_end = on_end
        self._in = b""
        self._out = bytearray()
        self._is_held = False
        sock.setblocking(False)
        self._watch()

    def _watch(self):
        if self._socket.fileno() >= 0:
            self._loop.watch(self._socket.fileno(), None if self._is_held else self._read,
                             self._write if self._out else None)

    def _read(self):
        try:
            data = self._socket.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            self._on_end()
            return
        *lines, self._in = (self._in + data).split(b"\n")
        for line in lines:
            self._on_message(json.loads(line))

    def _write(self):
        try:
            del self._out[:self._socket.send(self._out)]
        except BlockingIOError:
            return
        except OSError:
            self._out.clear()
        self._watch()

    def send(self, kind, stream, payload):
        del stream  # the keeper knows
        message = {"frame": kind, "data": base64.b64encode(payload).decode()}
        self._out += json.dumps(message).encode() + b"\n"
        self._watch()

    def hold_channel(self, is_held):
        """While held, the keeper's buffer fills, and the keeper lets the program wait."""
        self._is_held = is_held
        self._watch()

    def drain(self, seconds):
        self._loop.run_for(seconds, lambda: not self._out)

    def close(self):
        if self._socket.fileno() >= 0:
            self._loop.unwatch(self._socket.fileno())
            self._socket.close()


class RunUp(Job):
    second_interrupt = "kills it"

    def __init__(self, options, name):
        super().__init__(options, name)
        self.stats = None
        self._keeper = None

    def _message(self, message):
        if "started" in message:
            if not self.options.quiet:
                say(f"running {self.name} on the cluster that is up, from {message['started']}")
            self.begin(self._keeper, 1)
        elif "frame" in message:
            self.take(message["frame"], base64.b64decode(message["data"]))
        elif "say" in message:
            say(message["say"])
        elif "stats" in message:
            self.stats = message["stats"]
        elif "error" in message:
            self.fail(Failure(message["error"], message.get("code", EXIT_CLUSTER)))

    def _lost(self):
        if self.code is None:
            self.fail(Failure(f"the cluster ended while {self.name} ran on it: its keeper is gone"))

    def run(self, request):
        self.take_signals()
        self._keeper = Keeper(self.loop, client.connect(request), self._message, self._lost)
        try:
            self.loop.run()
        finally:
            self.input.close()
        self._keeper.close()  # a program that still runs is killed
        self.flush()
        if self.failure:
            say(str(self.failure))
        if self.stats and self.options.stats:
            say("stats " + json.dumps(self.stats))
        return self.code if self.code is not None else EXIT_CLUSTER


def main(options, name, modules, payload):
    if options.booting:
        raise usage(f"{', '.join(options.booting)}: a cluster is up already and was booted with "
                    "its own; leave it out, or lisse down, or another LISSE_DIR for a cluster of "
                    "this program's own")
    return RunUp(options, name).run({
        "do": "run", "name": name, "n": options.nodes_asked,
        "payload": base64.b64encode(payload).decode(), "files": list(modules.paths.items())})
