"""lan.py: the launcher's side of the LAN switch process (tools/lan)."""

import array
import json
import os
import signal
import socket
import subprocess

from launcher.failure import Failure, usage
from launcher.vm import die_with_parent

ANSWER_BYTES_MAX = 65536
ANSWER_S_MAX = 5.0  # the switch answers in microseconds; this bounds a hang


def binary(root):
    path = os.environ.get("LISSE_LAN_SWITCH") or os.path.join(root, "build", "lan-switch")
    if not os.access(path, os.X_OK):
        raise Failure(f"the LAN switch {path} is not built; run make")
    return path


def check_faults(root, spec):
    """Raise when the --lan option is wrong; the switch itself is the judge."""
    result = subprocess.run([binary(root), "--check", spec], capture_output=True, check=False)
    if result.returncode != 0:
        raise usage("--lan: " + result.stderr.decode(errors="replace").strip())


class Lan:
    """The running switch. It ends with its parent and when this object is closed."""

    def __init__(self, root, faults, log_path):
        self._control, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.settimeout(ANSWER_S_MAX)
        with other, open(log_path, "wb") as log:
            self.process = subprocess.Popen(
                [binary(root), "--control", str(other.fileno()), "--faults", faults],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=(other.fileno(),),
                start_new_session=True, preexec_fn=die_with_parent(signal.SIGTERM))
        self.pidfd = os.pidfd_open(self.process.pid)

    def plug(self, name, sock):
        """Give our end of a VM's cable to the switch, which owns it from here on."""
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [sock.fileno()]))]
        self._ask(f"port {name}".encode(), rights)
        sock.close()

    def stats(self):
        """The counters as a dict; {} when the switch is gone."""
        try:
            return self._ask(b"stats", [])
        except (OSError, ValueError, Failure):
            return {}

    def _ask(self, command, rights):
        try:
            self._control.sendmsg([command], rights)
            reply = json.loads(self._control.recv(ANSWER_BYTES_MAX) or b'{"error":"it has ended"}')
        except OSError as error:
            raise Failure(f"the LAN switch does not answer: {error}") from error
        if "error" in reply:
            raise Failure("the LAN switch: " + reply["error"])
        return reply

    def close(self):
        self._control.close()  # EOF there ends it
        try:
            self.process.wait(ANSWER_S_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.pidfd)
