"""control.py: the keeper's socket: one line of JSON asks, lines of JSON answer.

Asked: {"do": "status"|"exec"|"run"|"console"|"kill"|"pause"|"resume"|"down", "node": "n1", …}.
The last line of an answer has "done" (an exit status) or "error" (a text); "console" goes over to
raw bytes after its line, "run" to lines both ways (control_run.py). Only the user who
owns the private folder (mode 0700) can connect.
"""

import base64
import json
import signal
import socket
import struct

from launcher import channel, status
from launcher.control_run import Relay
from launcher.failure import Failure

SAY_S_MAX = 1.0  # for last words to somebody who does not listen
STATUS_S_MAX = 2.0  # a node that has not answered by then is shown as silent
REQUEST_BYTES_MAX = 65536
CONSOLE_BACKLOG_MAX = 1 << 20  # a person who does not read loses the connection, not the node


class Server:
    def __init__(self, keeper):
        self._keeper = keeper
        self._loop = keeper.loop
        self.path = keeper.place.file("control")
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(self.path)
        self._socket.listen(16)
        self._socket.setblocking(False)
        self._loop.watch(self._socket.fileno(), self._accept)
        self._ending = []  # clients that wait for the end (`down`)

    def _accept(self):
        try:
            Client(self._keeper, self, self._socket.accept()[0])
        except BlockingIOError:
            pass

    def end(self, client):
        self._ending.append(client)
        self._loop.stop()

    def close(self):
        self._loop.unwatch(self._socket.fileno())
        self._socket.close()

    def say_ended(self):
        """Everything is gone: only now is `down` told."""
        for client in self._ending:
            client.say_blocking({"done": 0})


class Client:
    """One connection of a command."""

    def __init__(self, keeper, server, sock):
        self._keeper = keeper
        self._cluster = keeper.cluster
        self._loop = keeper.loop
        self._server = server
        self._socket = sock
        self._in = b""
        self._out = bytearray()
        self._on_data = self._take_request
        self._cleanup = []
        self._is_closing = False
        self.on_drained = lambda left: None  # (bytes that still wait) after some went out
        sock.setblocking(False)
        self._watch()

    # ---- the connection -----------------------------------------------------------------------

    def _watch(self):
        self._loop.watch(self._socket.fileno(), self._read, self._write if self._out else None)

    def _read(self):
        try:
            data = self._socket.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._on_data(data)
        else:
            self.close()

    def _write(self):
        try:
            del self._out[:self._socket.send(self._out)]
        except BlockingIOError:
            return
        except OSError:
            self.close()
            return
        if not self._out and self._is_closing:
            self.close()
        else:
            self._watch()
            self.on_drained(len(self._out))

    def waiting(self):
        """Bytes that the other end has not taken yet."""
        return len(self._out)

    def _send(self, data):
        if self._socket.fileno() < 0:
            return
        self._out += data
        if len(self._out) > CONSOLE_BACKLOG_MAX:
            self.close()
        else:
            self._watch()

    def say(self, message, is_last=False):
        self._is_closing = self._is_closing or is_last
        self._send(json.dumps(message).encode() + b"\n")

    def _finish(self):
        """Close when what is waiting was sent."""
        self._is_closing = True
        if not self._out:
            self.close()

    def say_blocking(self, message):
        try:
            self._socket.settimeout(SAY_S_MAX)
            self._socket.sendall(bytes(self._out) + json.dumps(message).encode() + b"\n")
        except OSError:
            pass
        self._socket.close()

    def close(self):
        for undo in self._cleanup:
            undo()
        self._cleanup = []
        if self._socket.fileno() >= 0:
            self._loop.unwatch(self._socket.fileno())
            self._socket.close()

    # ---- requests -----------------------------------------------------------------------------

    def _take_request(self, data):
        self._in += data
        line, newline, rest = self._in.partition(b"\n")
        if not newline:
            if len(line) > REQUEST_BYTES_MAX:
                self.close()
            return
        self._on_data = lambda more: None
        try:
            self._dispatch(json.loads(line), rest)
        except Failure as failure:
            self.say({"error": str(failure), "code": failure.code}, is_last=True)
        except (ValueError, KeyError, TypeError) as error:
            self.say({"error": f"not understood: {error!r}"}, is_last=True)

    def _dispatch(self, request, rest):
        what = request["do"]
        if what == "status":
            self._status()
        elif what == "down":
            self._server.end(self)
        elif what == "exec":
            self._exec(self._running_node(request["node"]), request["command"])
        elif what == "run":
            self._run(request, rest)
        elif what == "console":
            self._console(self._cluster.node(request["node"]), rest)
        elif what in ("kill", "pause", "resume"):
            self._fault(what, self._cluster.node(request["node"]))
        else:
            raise Failure(f"unknown request '{what}': launcher and keeper differ; lisse down, up")

    def _running_node(self, name):
        return self.check_running(self._cluster.node(name))

    @staticmethod
    def check_running(node):
        name = node.name
        if node.vm_state() != "running":
            remedy = f"lisse resume {name}" if node.vm_state() == "paused" else "use another node"
            raise Failure(f"{name}'s VM is {node.vm_state()}; {remedy}")
        if node.panic_line is not None:
            raise Failure(f"{name} has panicked ({node.panic_line.strip()}); use another node")
        return node

    def _status(self):
        asked = [node for node in self._cluster.nodes
                 if node.vm_state() == "running" and node.panic_line is None]
        answers = {}

        def finish():
            self._loop.cancel(timer)
            if not self._is_closing:
                self.say({"status": status.merge(self._cluster, answers), "done": 0}, True)

        timer = self._loop.after(STATUS_S_MAX, finish)

        def answered(node, whole):
            answers[node.name] = status.parse(whole)
            if len(answers) == len(asked):
                finish()

        for node in asked:
            node.status_waiters.append(lambda whole, node=node: answered(node, whole))
            node.send(channel.STATUS_ASK)
        if not asked:
            finish()

    def _exec(self, node, command):
        if len(command.encode()) > channel.PAYLOAD_MAX:
            raise Failure(f"the command has more than {channel.PAYLOAD_MAX} bytes")
        stream = node.open_stream(self._exec_frame)
        if stream is None:
            raise Failure(f"{node.name} runs 255 commands already; wait for one of them")
        self._cleanup.append(lambda: self._exec_over(node, stream))
        node.send(channel.EXEC, stream, command.encode())

    def _exec_over(self, node, stream):
        node.close_stream(stream)
        if not self._is_closing and node.is_running():  # Ctrl-C at the command
            node.send(channel.SIGNAL, stream, bytes((signal.SIGINT,)))

    def _exec_frame(self, kind, payload):
        if kind in (channel.EXEC_OUT, channel.STDOUT, channel.STDERR):
            self.say({"out": base64.b64encode(payload).decode()})
        elif kind == channel.EXEC_END and len(payload) == 4:
            self.say({"done": struct.unpack("<i", payload)[0]}, is_last=True)
            self._cleanup_now()
        elif kind == channel.ERROR:
            self.say({"error": payload.decode("utf-8", "replace")}, is_last=True)
            self._cleanup_now()

    def _cleanup_now(self):
        cleanup, self._cleanup = self._cleanup, []
        for undo in cleanup:
            undo()

    def _run(self, request, rest):
        relay = Relay(self._keeper, self, request)
        self._cleanup.append(relay.gone)
        self.on_drained = relay.drained
        self._on_data = relay.take
        relay.begin()
        if rest:
            relay.take(rest)

    def _console(self, node, rest):
        if not node.is_running():
            raise Failure(f"{node.name}'s VM has ended; its console is in "
                          f"{self._keeper.place.log(node.name + '.console')}")
        self.say({"console": node.name})
        self._send(node.replay)
        node.console_watchers.append(self._send)
        self._cleanup.append(lambda: node.console_watchers.remove(self._send))
        node.end_watchers.append(self._finish)
        self._cleanup.append(lambda: node.end_watchers.remove(self._finish))
        self._on_data = node.type
        if rest:
            node.type(rest)

    def _fault(self, what, node):
        if not node.is_running():
            raise Failure(f"{node.name}'s VM has ended already")
        if what == "kill":
            node.vm.kill()
            node.vm.wait()
            self.say({"done": 0}, is_last=True)
            return

        def done(problem):
            if problem:
                self.say({"error": f"{what} {node.name}: {problem}"}, is_last=True)
            else:
                self.say({"done": 0}, is_last=True)
        node.qmp.command("stop" if what == "pause" else "cont", done)
