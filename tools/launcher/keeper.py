"""keeper.py: `lisse up`, and the process that it leaves: parent of the VMs and the switch.

The keeper holds the lock of $LISSE_DIR as long as it lives, and answers the other commands on a
socket (control.py). It ends by `down`, by --for, by a signal, when $LISSE_DIR is removed, or when
the launcher that waits for it goes away early; what it started ends with it in any case.
"""

import json
import os
import signal
import socket
import sys
import time
import traceback

from launcher import channel, program
from launcher.cluster import Cluster
from launcher.control import Server
from launcher.failure import EXIT_CLUSTER, EXIT_SIGNAL, Failure
from launcher.lan import check_faults
from launcher.loop import Loop
from launcher.place import Place, State, sweep

WATCH_STATE_S = 2.0  # how soon a removed $LISSE_DIR is noticed
LOG_NAME = "keeper.log"


def _modules(options):
    """The built-in programs, so that the consoles' `run` has something, and --with."""
    modules = program.Modules()
    for name, path in program.builtins(options.root).items():
        if os.path.dirname(path).endswith("apps"):
            modules.add(path, name)
    for spec in options.with_:
        modules.add_with(spec)
    return modules


class Keeper:
    def __init__(self, options, state, lock, launcher):
        self._options = options
        self._state = state
        self._lock = lock  # of $LISSE_DIR
        self._launcher = launcher  # socket to the waiting `up`; None once it was told
        self.loop = Loop()
        self.place = None
        self.cluster = None
        self._server = None
        self._code = 0
        self.runs = []  # control_run.Relay: programs that `lisse run` started here

    # ---- what the launcher is told ------------------------------------------------------------

    def _tell(self, **message):
        if self._launcher is None:
            print(time.strftime("%H:%M:%S "), message, file=sys.stderr, flush=True)
            return
        try:
            self._launcher.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            self.loop.stop()

    def _hang_up(self):
        if self._launcher is not None:
            self.loop.unwatch(self._launcher.fileno())
            self._launcher.close()
            self._launcher = None

    # ---- life ---------------------------------------------------------------------------------

    def run(self, modules):
        options = self._options
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self.loop.on_signal(number, lambda _: self.loop.stop())
        self.loop.watch(self._launcher.fileno(), self.loop.stop)  # EOF: `up` was interrupted
        self.place = Place(options.log or os.path.join(self._state.path, "log"))
        self.cluster = Cluster(self.loop, options.root, self.place, options, modules)
        self.cluster.on_stable = self._stable
        self.cluster.on_failure = self._failed
        self.cluster.on_node_end = self._node_ended
        self.cluster.say = self._report
        try:
            self._tell(say=f"booting {options.n} node{'s' if options.n > 1 else ''}")
            self.cluster.start()
            self.loop.after(options.for_, self.loop.stop)
            self.loop.run()
        except Failure as failure:
            self._failed(failure)
        finally:
            self._end()

    def _stable(self):
        self._server = Server(self)
        self._state.write({"keeper": os.getpid(), "control": self._server.path,
                           "place": self.place.path, "log": self.place.log_dir,
                           "nodes": [node.name for node in self.cluster.nodes],
                           "for_s": self._options.for_})
        self._watch_state()
        self._tell(up=round(self.cluster.stable_after_s, 2))
        self._hang_up()

    def _report(self, text):
        """What a node wants people to know: `up` while it waits, then those who run a program."""
        self._tell(say=text)
        for run in list(self.runs):
            run.say(text)

    def _failed(self, failure):
        logs = f"\n  logs: {self.place.log_dir}" if self.place else ""
        self._tell(fail=str(failure) + logs, code=failure.code)
        self.loop.stop()

    def _node_ended(self, node):
        """After the start a node's end is the cluster's business, not ours."""
        if self.cluster.is_stable:
            text = f"{node.name}: " + (node.panic_line or "its VM has ended")
            self._tell(say=text)
            for run in list(self.runs):  # no program survives the loss of a node yet
                run.fail(f"{text}; {run.name} ran on it")
            for callback in list(node.streams.values()):
                callback(channel.ERROR, text.encode())
        else:
            self.cluster.fail_node(node)

    def _watch_state(self):
        if self._state.record() is None:
            self.loop.stop()
        self.loop.after(WATCH_STATE_S, self._watch_state)

    def _end(self):
        why = str(self.cluster.failure or "the cluster was ended (lisse down, or its --for)")
        for run in list(self.runs):
            run.fail_blocking(f"{why} while {run.name} ran on it")
        self.cluster.close()
        if self._server:
            self._server.close()
        if os.path.isdir(self._state.path):
            self._state.forget()
        self.place.close()
        os.close(self._lock)
        self._hang_up()
        if self._server:
            self._server.say_ended()


def _become_keeper(options, state, lock, launcher, modules):
    """In the grandchild: cut every tie to the terminal and to the caller's descriptors."""
    keep = {lock, launcher.fileno()}
    os.makedirs(os.path.join(state.path, "log"), exist_ok=True)
    log = os.open(os.path.join(state.path, "log", LOG_NAME),
                  os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    null = os.open(os.devnull, os.O_RDWR)
    for fd, target in ((null, 0), (null, 1), (log, 2)):
        os.dup2(fd, target)
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and int(name) not in keep:
            try:
                os.close(int(name))
            except OSError:
                pass  # the descriptor of the listing itself
    os.chdir("/")
    Keeper(options, state, lock, launcher).run(modules)


def _fork_keeper(options, state, lock, modules):
    """Our end of the socket to the keeper, which is nobody's child but init's."""
    ours, theirs = socket.socketpair()
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setsid()
            if os.fork() == 0:
                _become_keeper(options, state, lock, theirs, modules)
            code = 0
        except BaseException:  # nothing may return into the caller's stack
            traceback.print_exc()
        finally:
            os._exit(code)
    os.waitpid(child, 0)
    theirs.close()
    os.close(lock)
    return ours


def _wait_for_keeper(sock, options):
    def say(text):
        print(f"lisse: {text}", file=sys.stderr, flush=True)

    with sock.makefile("rb") as lines:
        for line in lines:
            message = json.loads(line)
            if "say" in message and not options.quiet:
                say(message["say"])
            if "fail" in message:
                say(message["fail"])
                return message["code"]
            if "up" in message:
                if not options.quiet:
                    say(f"{options.n} node{'s' if options.n > 1 else ''} up and stable after "
                        f"{message['up']} s; lisse down, or {options.for_:g} s, ends them")
                return 0
    say(f"the keeper ended before the cluster was up; see {os.path.join(State().path, 'log')}")
    return EXIT_CLUSTER


def main(options):
    modules = _modules(options)
    check_faults(options.root, options.lan)
    sweep()
    state = State()
    lock = state.lock()
    if lock is None:
        raise Failure(f"a cluster is up already (state in {state.path}); lisse status shows it, "
                      "lisse down ends it, another LISSE_DIR keeps another one beside it")
    if state.record() is not None:
        print(f"lisse: the last cluster of {state.path} ended without saying so; its traces are "
              "removed", file=sys.stderr)
        state.forget()
    if not os.path.isfile(options.kernel):
        raise Failure(f"there is no kernel at {options.kernel}; run make first")
    with _fork_keeper(options, state, lock, modules) as sock:
        try:
            return _wait_for_keeper(sock, options)
        except KeyboardInterrupt:
            sock.shutdown(socket.SHUT_RDWR)  # the keeper ends the cluster
            return EXIT_SIGNAL + signal.SIGINT
