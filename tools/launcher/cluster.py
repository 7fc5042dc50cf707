"""cluster.py: N nodes and their LAN, from nothing to stable, and what to say when one fails.

The owner (launcher or keeper) is the parent of every process here. States: booting -> stable ->
closed; booting or stable -> failed. Callbacks come from the loop.
"""

import collections
import os
import re
import time

from launcher import channel, diagnose
from launcher.failure import Failure
from launcher.lan import Lan
from launcher.node import Node
from launcher.vm import Spec

HELLO_S = 0.1  # between greetings until a node answers; a booting node loses the early ones
ROUTINE = re.compile("founded cluster|joined cluster|stable: epoch|waiting for ")
REFUSAL_TELL_S = 2.5  # nodes of different builds need 1.3 s to hear each other and say so
PANIC_TELL_S = 0.7  # a panicking node prints its call chain and trace before we report


class Cluster:
    def __init__(self, loop, root, place, options, modules):
        self._loop = loop
        self._root = root
        self._place = place
        self.options = options
        self.modules = modules
        self._initrd = modules.stage(place.file("files"))
        self.nodes = []
        self.lan = None
        self.is_stable = False
        self.failure = None
        self.started = None  # time.monotonic()
        self.stable_after_s = None
        self.on_stable = lambda: None
        self.on_failure = lambda failure: None
        self.on_node_end = self.fail_node  # the keeper of `up` takes it more lightly
        self.say = lambda text: None
        self._boot_timer = None
        self._is_doomed = False  # it cannot become stable; the nodes have a moment to say why

    def start(self):
        options = self.options
        if not os.path.isfile(options.kernel):
            raise Failure(f"there is no kernel at {options.kernel}; run make first")
        name = "lisse-" + os.urandom(2).hex()
        spec = Spec(options, dict(word.split("=", 1) for word in options.option)
                    .get("cluster", name), self._initrd)
        self.name = spec.cluster
        self.started = time.monotonic()
        self.lan = Lan(self._root, options.lan, self._place.log("lan.log"))
        self._loop.watch(self.lan.pidfd, self._lan_ended)
        for number in range(1, options.n + 1):
            self._start_node(spec, number)
        self._boot_timer = self._loop.after(options.boot_timeout, self._boot_is_late)
        self._greet()

    def _start_node(self, spec, number):
        try:
            node = Node(self._loop, spec, number, self._place)
        except OSError as error:
            raise Failure(f"cannot start a VM: {error}; is qemu-system-i386 installed? "
                          "(make deps installs what is missing)") from error
        self.nodes.append(node)
        node.on_change = self._node_changed
        node.on_report = self._report
        node.on_console_line = self._console_line
        self.lan.plug(node.name, node.vm.ends["lan"])

    def _report(self, node, text):
        """What a node wants people to know; --verbose shows it on the console already."""
        if not self.options.verbose and not self._is_doomed and not ROUTINE.match(text):
            self.say(f"{node.name}: {text}")

    def _console_line(self, node, line):
        if self.options.verbose:
            self.say(f"{node.name}| {line}")
        elif node.number == 1 and line.startswith("boot option "):
            self.say(line)  # the same on all nodes

    def _greet(self):
        """HELLO until a node answers; from then on it sends READY unasked."""
        silent = [node for node in self.nodes if not node.ready]
        if self.failure or not silent:
            return
        for node in silent:
            node.send(channel.HELLO)
        self._loop.after(HELLO_S, self._greet)

    def node(self, name):
        """By name (n2) or by the cluster's number (#2)."""
        for node in self.nodes:
            if name in (node.name, "#" + node.ready.get("id", "")):
                return node
        have = " ".join(node.name for node in self.nodes)
        raise Failure(f"there is no node '{name}'; this cluster has {have}", 2)

    def _node_changed(self, node):
        if self.failure:
            return
        if node.panic_line is not None:
            self._loop.after(PANIC_TELL_S, lambda: self.on_node_end(node))
        elif not node.is_running():
            self.on_node_end(node)
        elif not self.is_stable:
            self._judge(node)

    def _judge(self, node):
        builds = {other.ready["build"] for other in self.nodes if "build" in other.ready}
        if (len(builds) > 1 or node.ready.get("state") == "refused") and not self._is_doomed:
            self._is_doomed = True
            self._loop.after(REFUSAL_TELL_S, self._refused)
            return
        all_stable = all(node.is_stable_with(len(self.nodes)) and node.panic_line is None
                         for node in self.nodes)
        if all_stable and len({node.ready.get("epoch") for node in self.nodes}) == 1:
            self.is_stable = True
            self.stable_after_s = time.monotonic() - self.started
            self._loop.cancel(self._boot_timer)
            self.on_stable()

    def _refused(self):
        builds = collections.Counter(node.ready.get("build") for node in self.nodes)
        if len(builds) > 1:
            self.fail(Failure(diagnose.builds_differ(self, builds.most_common(1)[0][0])))
            return
        refused = [node for node in self.nodes if node.ready.get("state") == "refused"]
        self.fail(Failure(diagnose.never_joined(self, refused or self.nodes)))

    def _boot_is_late(self):
        late = [node for node in self.nodes if not node.is_stable_with(len(self.nodes))]
        self.fail(Failure(diagnose.never_joined(self, late or self.nodes)))

    def fail_node(self, node):
        self.fail(Failure(diagnose.node_ended(self, node)))

    def _lan_ended(self):
        self._loop.unwatch(self.lan.pidfd)
        self.fail(Failure("the LAN switch has ended, so the nodes cannot hear each other; its last "
                          f"words are in {self._place.log('lan.log')}"))

    def fail(self, failure):
        if self.failure is None:
            self.failure = failure
            self._loop.cancel(self._boot_timer)
            self.on_failure(failure)

    def cpu_seconds(self):
        return {node.name: node.vm.cpu_seconds() for node in self.nodes}

    def stats_since(self, started, cpu_before):
        """The line of --stats: what a program cost, from time.monotonic() `started` to now."""
        after = self.cpu_seconds()
        cpu = {name: round(after[name] - cpu_before[name], 4) for name in after}
        return {"nodes": len(after), "wall_s": round(time.monotonic() - started, 4),
                "boot_s": round(self.stable_after_s, 4), "cpu_s": cpu,
                "cpu_total_s": round(sum(cpu.values()), 4), "lan": self._lan_totals()}

    def _lan_totals(self):
        ports = self.lan.stats().get("ports", [])
        keys = [key for key, value in ports[0].items() if type(value) is int] if ports else []
        return {key: sum(port[key] for port in ports) for key in keys}

    def damage(self):
        """Frames of the channel that arrived damaged, over all nodes."""
        return sum(node.damaged_frames() for node in self.nodes)

    def close(self):
        """End every process; returns when none is left."""
        if self.failure is None:
            self.failure = Failure("closed")
        for node in self.nodes:
            node.vm.kill()
        for node in self.nodes:
            node.close()
        if self.lan is not None:
            self._loop.unwatch(self.lan.pidfd)
            self.lan.close()
