"""run.py: `lisse run`: run one program, on the cluster that is up (run_up.py) or on one of its own:
boot it, run the program, end it.

The launcher itself is the parent of all processes of its own cluster; whatever ends it ends them.
"""

import json
import os
import time

from launcher import channel, program, run_up
from launcher.cluster import Cluster
from launcher.failure import EXIT_CLUSTER, Failure, usage
from launcher.job import Job, say
from launcher.lan import check_faults
from launcher.place import Place, State, sweep


def run_payload(name, args, env):
    """RUN's argv strings, an empty one, then the environment."""
    words = [name, *args]
    if "" in words:
        raise usage("an empty argument cannot be passed to a program yet; leave it out")
    strings = [word.encode(errors="surrogateescape") for word in words] + [b""]
    strings += [word.encode(errors="surrogateescape") for word in env]
    payload = b"".join(string + b"\0" for string in strings)
    if len(payload) > channel.PAYLOAD_MAX:
        raise usage(f"arguments and --env make {len(payload)} bytes; a program gets at most "
                    f"{channel.PAYLOAD_MAX}: put the data into a file and give it --with")
    return payload


def prepare_modules(options):
    """Everything that can be wrong with files, before anything is started."""
    modules = program.Modules()
    path = program.find(options.root, options.prog)
    if not options.unchecked:
        program.check(path)
    name = os.path.basename(path)
    modules.add(path, name)
    for spec in options.with_:
        modules.add_with(spec)
    return name, modules


class Run(Job):
    """A program on a cluster of its own."""

    def __init__(self, options, name, payload):
        super().__init__(options, name)
        self.payload = payload
        self.cluster = None
        self.started = None
        self.cpu_before = {}
        self.stats = None

    def start_job(self):
        options = self.options
        if not options.quiet:
            nodes = "1 node is" if options.n == 1 else f"{options.n} nodes are"
            say(f"{nodes} one cluster after {self.cluster.stable_after_s:.2f} s; "
                f"running {self.name}")
        node = self.cluster.nodes[0]
        self.cpu_before = self.cluster.cpu_seconds()
        self.started = time.monotonic()
        self.begin(node, node.open_stream(self.take))
        node.send(channel.RUN, self.stream, self.payload)

    def ended(self, code, reason):
        if self.options.stats:
            self.stats = self.cluster.stats_since(self.started, self.cpu_before)
        super().ended(code, reason)

    def boot_and_run(self, place, modules):
        self.take_signals()
        self.cluster = Cluster(self.loop, self.options.root, place, self.options, modules)
        self.cluster.on_stable = self.start_job
        self.cluster.on_failure = self.fail
        self.cluster.say = say
        try:
            self.cluster.start()
            self.loop.run()
        except Failure as failure:
            self.fail(failure)
        finally:
            self.input.close()
            self.cluster.close()
        self.flush()

    def report(self, place):
        """Everything that is told after the end. True: the logs are worth keeping."""
        is_trouble = bool(self.failure and self.code == EXIT_CLUSTER and self.cluster.nodes)
        if self.failure:
            say(str(self.failure) + (f"\n  logs: {place.log_dir}" if is_trouble else ""))
        if self.cluster.damage():
            say(f"{self.cluster.damage()} damaged frames came over the launcher's channel: output "
                "may be missing")
        if self.stats:
            say("stats " + json.dumps(self.stats))
        return is_trouble


def main(options):
    name, modules = prepare_modules(options)
    payload = run_payload(name, options.args, options.env)
    if State().is_up():
        return run_up.main(options, name, modules, payload)
    check_faults(options.root, options.lan)
    sweep()
    place = Place(options.log)
    keep = True
    try:
        if not options.quiet:
            say(f"booting {options.n} node{'s' if options.n > 1 else ''}")
        run = Run(options, name, payload)
        run.boot_and_run(place, modules)
        keep = run.report(place)
    finally:
        place.close(keep)
    return run.code if run.code is not None else EXIT_CLUSTER
