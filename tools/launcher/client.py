"""client.py: the commands that talk to the keeper of the cluster that is up."""

import base64
import json
import os
import select
import signal
import socket
import sys
import termios
import time
import tty

from launcher import status as status_view
from launcher.failure import EXIT_CLUSTER, Failure
from launcher.place import State, sweep

LEAVE_KEY = b"\x1d"  # Ctrl-]
QUIET_S = 0.6  # console fed from a file: leave after the node was silent so long
CONNECT_S_MAX = 10.0
DOWN_S_MAX = 20.0


def connect(request):
    """A connection to the keeper with the request sent; a Failure when no cluster is up."""
    state = State()
    record = state.record() if state.is_up() else None
    if record is None:
        if state.record() is not None:
            state.forget()
            sweep()
            raise Failure(f"no cluster is up: the last one of {state.path} ended without saying so "
                          "(its keeper was killed); lisse up starts one")
        raise Failure(f"no cluster is up (state folder {state.path}); lisse up starts one")
    sock = socket.socket(socket.AF_UNIX)
    try:
        sock.settimeout(CONNECT_S_MAX)
        sock.connect(record["control"])
        sock.settimeout(None)
        sock.sendall(json.dumps(request).encode() + b"\n")
    except OSError as error:
        raise Failure(f"the keeper (process {record['keeper']}) does not answer: "
                      f"{error}") from error
    return sock


def answers(sock):
    """The lines of the answer up to the last one; an error becomes a Failure."""
    with sock, sock.makefile("rb") as lines:
        for line in lines:
            message = json.loads(line)
            if "error" in message:
                raise Failure(message["error"], message.get("code", EXIT_CLUSTER))
            yield message
            if "done" in message:
                return
    raise Failure("the cluster ended before it answered")


def status(as_json):
    for message in answers(connect({"do": "status"})):
        whole = message["status"]
        print(json.dumps(whole) if as_json else status_view.table(whole))
    return 0


def execute(node, command):
    code = EXIT_CLUSTER
    for message in answers(connect({"do": "exec", "node": node, "command": command})):
        if "out" in message:
            sys.stdout.buffer.write(base64.b64decode(message["out"]))
            sys.stdout.buffer.flush()
        code = message.get("done", code)
    return code & 0xFF


def fault(what, node):
    for _ in answers(connect({"do": what, "node": node})):
        pass
    return 0


def down():
    try:
        for _ in answers(connect({"do": "down"})):
            pass
    except Failure:
        if not State().is_up():
            raise
        _down_by_signal(State())
    return 0


def _down_by_signal(state):
    """The keeper lives but its socket does not answer (somebody cleaned /tmp): SIGTERM ends it as
    well as `down` does. The lock, which only the living keeper holds, says when it is done."""
    record = state.record()
    if record is None:
        raise Failure(f"a cluster is being started or ended in {state.path}; try again in a moment")
    os.kill(record["keeper"], signal.SIGTERM)
    end = time.monotonic() + DOWN_S_MAX
    while state.is_up():
        if time.monotonic() > end:
            raise Failure(f"the keeper (process {record['keeper']}) does not end")
        time.sleep(0.05)


def console(node):
    sock = connect({"do": "console", "node": node})
    first = b""
    while not first.endswith(b"\n"):
        byte = sock.recv(1)
        if not byte:
            raise Failure("the cluster ended before it answered")
        first += byte
    message = json.loads(first)
    if "error" in message:
        raise Failure(message["error"], message.get("code", EXIT_CLUSTER))
    if not os.isatty(0):
        return _console_loop(sock)
    print(f"lisse: console of {node}; Ctrl-] leaves", file=sys.stderr, flush=True)
    before = termios.tcgetattr(0)
    try:
        tty.setraw(0)
        return _console_loop(sock)
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)
        print("", file=sys.stderr)


def _console_loop(sock):
    """Bytes both ways until Ctrl-], the node's end, or (input from a file) silence after EOF."""
    sources = [sock, 0]
    last = time.monotonic()
    while True:
        ready = select.select(sources, [], [], None if 0 in sources else QUIET_S)[0]
        if 0 in ready:
            data = os.read(0, 4096)
            if not data:
                sources.remove(0)
            before, key, _ = data.partition(LEAVE_KEY)
            sock.sendall(before if os.isatty(0) else data)
            if key and os.isatty(0):
                return 0
        if sock in ready:
            data = sock.recv(65536)
            if not data:
                print("lisse: the node's VM has ended", file=sys.stderr)
                return EXIT_CLUSTER
            os.write(1, data)
            last = time.monotonic()
        if 0 not in sources and time.monotonic() - last >= QUIET_S:
            return 0
