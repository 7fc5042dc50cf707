"""qmp.py: a small client of QEMU's control protocol: stop, continue, and why a guest ended.

Source: QEMU 7.2 docs/interop/qmp-spec.txt. Lines of JSON both ways; events come in between.
"""

import json


class Qmp:
    def __init__(self, loop, sock):
        self._loop = loop
        self._sock = sock
        self._rest = b""
        self._waiting = []  # callbacks of commands without an answer yet, oldest first
        self.shutdown_reason = None  # "guest-reset", "guest-shutdown", "host-signal", …
        self.is_paused = False
        sock.setblocking(False)
        loop.watch(sock.fileno(), self._read)
        self.command("qmp_capabilities")

    def command(self, name, done=lambda problem: None):
        """Send it; done(None) or done(text) when QEMU has answered."""
        self._waiting.append(done)
        try:
            self._sock.send(json.dumps({"execute": name}).encode())
        except OSError as error:
            self._waiting.pop()
            done(f"QEMU does not listen: {error.strerror}")

    def _read(self):
        try:
            data = self._sock.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._loop.unwatch(self._sock.fileno())
            self._fail_all("the VM has ended")
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._take(line)

    def _take(self, line):
        try:
            message = json.loads(line)
        except ValueError:
            return
        event = message.get("event")
        if event == "SHUTDOWN":
            self.shutdown_reason = message.get("data", {}).get("reason")
        elif event in ("STOP", "RESUME"):
            self.is_paused = event == "STOP"
        elif ("return" in message or "error" in message) and self._waiting:
            self._waiting.pop(0)(message.get("error", {}).get("desc"))

    def _fail_all(self, text):
        waiting, self._waiting = self._waiting, []
        for done in waiting:
            done(text)
