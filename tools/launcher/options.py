"""options.py: the command line of ./lisse."""

import argparse
import os
import re

from launcher.failure import nearest, usage
from launcher.vm import NICS

NODES_MAX = 60  # the switch has 64 ports (LAN_PORTS_MAX)
DEFAULT_NODES = 3
DEFAULT_MEM_MB = 64
DEFAULT_FOR_S = 7200
DEFAULT_BOOT_TIMEOUT_S = 60

COMMANDS = {
    "run": "[OPTIONS] PROG [ARGS]   run PROG on the cluster that is up, or boot one for it",
    "up": "[OPTIONS]               boot a cluster that stays; returns when it is stable",
    "status": "[--json]                what the cluster that is up consists of and does",
    "exec": "nX 'COMMAND'            one console command on a node; its exit status",
    "console": "nX                      a node's console; Ctrl-] leaves it",
    "kill": "nX                      end a node's VM, as a power cut does",
    "pause": "nX                      stop a node's VM",
    "resume": "nX                      let it go on",
    "bench": "[--json] [--quick]      measure faults, barriers, MGS, boot against the targets",
    "down": "                        end the cluster that is up",
}

# Options that say how nodes are booted: a cluster that is up was booted with its own.
BOOTING = ("--cpu", "--mem", "--nic", "--boot", "--locator", "--lan", "--option", "--pcap", "--log",
           "--verbose", "--boot-timeout", "--kernel", "--qemu")

OVERVIEW = """usage: lisse COMMAND …

{commands}

Options of run and up (before PROG; all after PROG belongs to PROG): lisse run --help
Exit codes of run: the program's own, 128 + signal for a killed one; 127 no such program,
126 no program for Lisse, 125 the cluster failed, 124 --timeout, 2 wrong usage."""


def overview():
    rows = "\n".join(f"  lisse {name:8}{text}" for name, text in COMMANDS.items())
    return OVERVIEW.format(commands=rows)


def _whole(low, high):
    def parse(text):
        if not re.fullmatch(r"[0-9]{1,9}", text) or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"'{text}' is not a number from {low} to {high}")
        return int(text)
    return parse


def _seconds(text):
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e8:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of seconds")
    return value


def _memory(text):
    match = re.fullmatch(r"([0-9]{1,6})([MG]?)", text, re.IGNORECASE)
    value = int(match[1]) * (1024 if match[2] in "gG" and match[2] else 1) if match else 0
    if not 8 <= value <= 3072:
        raise argparse.ArgumentTypeError(f"'{text}' is not 8 to 3072 (MB)")
    return value


def _pair(what):
    def parse(text):
        if not re.fullmatch(r"[^=\s]+=.*", text, re.DOTALL):
            raise argparse.ArgumentTypeError(f"'{text}' is not {what}")
        return text
    return parse


def _boot_option(text):
    if not re.fullmatch(r"[^=\s]+=\S+", text):
        raise argparse.ArgumentTypeError(f"'{text}' is not KEY=VALUE without spaces")
    return text


def _add_cluster_options(parser, root):
    add = parser.add_argument
    add("-n", type=_whole(1, NODES_MAX), metavar="N",
        help=f"number of nodes (default {DEFAULT_NODES}; run: that of the cluster that is up)")
    add("--cpu", default="max", help="QEMU's CPU model: max (default), pentium3, pentium, …")
    add("--mem", type=_memory, default=DEFAULT_MEM_MB, metavar="MB",
        help=f"memory of each node (default {DEFAULT_MEM_MB})")
    add("--nic", choices=NICS, default=NICS[0])
    add("--boot", choices=("kernel", "iso", "pxe"), default="kernel")
    add("--locator", choices=("tree", "stat"), default="tree")
    add("--lan", default="", metavar="FAULTS",
        help="loss=%%,dup=%%,reorder=%%,corrupt=%%,delay=MS,seed=N")
    add("--with", dest="with_", action="append", default=[], metavar="FILE[=NAME]",
        help="a file that programs on the nodes can open as NAME")
    add("--option", action="append", default=[], type=_boot_option, metavar="KEY=VALUE",
        help="a further boot option for every node")
    add("--pcap", metavar="FILE", help="capture each node's frames (FILE-nX)")
    add("--log", metavar="DIR", help="keep the nodes' consoles there")
    add("--verbose", action="store_true", help="show the nodes' consoles on stderr")
    add("--quiet", action="store_true", help="no progress on stderr, only what went wrong")
    add("--boot-timeout", type=_seconds, default=DEFAULT_BOOT_TIMEOUT_S, metavar="S",
        help=f"give up when not stable after S seconds (default {DEFAULT_BOOT_TIMEOUT_S})")
    add("--kernel", action="append", default=[], metavar="[nX=]FILE",
        help="another kernel image, for all nodes or for one")
    add("--qemu", action="append", default=[], metavar="ARG", help="a further argument for QEMU")
    parser.set_defaults(root=root)


def _settle_kernels(options):
    """--kernel FILE and --kernel nX=FILE -> options.kernel, options.node_kernels."""
    default = os.environ.get("LISSE_KERNEL") or os.path.join(options.root, "build", "lisse.elf")
    options.node_kernels = {}
    for word in options.kernel:
        match = re.fullmatch(r"(n[0-9]+)=(.+)", word)
        if match:
            options.node_kernels[match[1]] = os.path.abspath(match[2])
        else:
            default = word
    options.kernel = os.path.abspath(default)
    for path in options.node_kernels.values():
        if not os.path.isfile(path):
            raise usage(f"--kernel: there is no file '{path}'")


def _settle(options, parser):
    """Defaults; options.booting names what only the boot of a cluster can obey and was given."""
    options.booting = [name for name in BOOTING
                       if getattr(options, name.strip("-").replace("-", "_")) !=
                       parser.get_default(name.strip("-").replace("-", "_"))]
    options.nodes_asked, options.n = options.n, options.n or DEFAULT_NODES
    if options.boot != "kernel":
        raise usage(f"--boot {options.boot} is not there yet; --boot kernel is")
    _settle_kernels(options)
    return options


def parse_run(root, words):
    parser = argparse.ArgumentParser("lisse run", allow_abbrev=False)
    _add_cluster_options(parser, root)
    parser.add_argument("--env", action="append", default=[], type=_pair("K=V"), metavar="K=V",
                        help="a variable of PROG's environment")
    parser.add_argument("--timeout", type=_seconds, metavar="S",
                        help="end PROG after S seconds, exit code 124")
    parser.add_argument("--stats", action="store_true",
                        help="one line of JSON on stderr: wall and CPU seconds, LAN counters")
    parser.add_argument("--unchecked", action="store_true",
                        help="let the node judge PROG's file (for tests of its loader)")
    parser.add_argument("prog", metavar="PROG", help="a built-in name, or a static i386 Linux ELF")
    parser.add_argument("args", nargs=argparse.REMAINDER, metavar="ARGS", help="PROG's arguments")
    return _settle(parser.parse_args(words), parser)


def parse_up(root, words):
    parser = argparse.ArgumentParser("lisse up", allow_abbrev=False)
    _add_cluster_options(parser, root)
    parser.add_argument("--for", dest="for_", type=_seconds, default=DEFAULT_FOR_S, metavar="S",
                        help=f"end the cluster after S seconds (default {DEFAULT_FOR_S})")
    return _settle(parser.parse_args(words), parser)


def parse_bench(root, words):
    parser = argparse.ArgumentParser("lisse bench", allow_abbrev=False)
    parser.add_argument("--json", action="store_true",
                        help="the figures as one JSON object; the table goes to stderr")
    parser.add_argument("--quick", action="store_true", help="few repetitions, no MGS: 40 s")
    parser.add_argument("--nic", choices=NICS, default=NICS[0])
    parser.add_argument("--rounds", type=_whole(1, 1000), default=25, metavar="R",
                        help="rounds of faults and echoes, 8 samples each (25)")
    parser.set_defaults(root=root)
    return parser.parse_args(words)


def parse_bench(root, words):
    parser = argparse.ArgumentParser("lisse bench", allow_abbrev=False)
    parser.add_argument("--json", action="store_true",
                        help="the figures as one JSON object; the table goes to stderr")
    parser.add_argument("--quick", action="store_true", help="few repetitions, no MGS: 40 s")
    parser.add_argument("--nic", choices=NICS, default=NICS[0])
    parser.add_argument("--rounds", type=_whole(1, 1000), default=25, metavar="R",
                        help="rounds of faults and echoes, 8 samples each (25)")
    parser.set_defaults(root=root)
    return parser.parse_args(words)


def parse_status(words):
    parser = argparse.ArgumentParser("lisse status", allow_abbrev=False)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args(words)


def parse_node(command, words):
    """kill, pause, resume, console: one node's name."""
    if len(words) != 1 or words[0].startswith("-"):
        raise usage(f"usage: lisse {command} nX   (lisse status lists the nodes)")
    return words[0]


def parse_exec(words):
    if len(words) < 2 or words[0].startswith("-"):
        raise usage("usage: lisse exec nX 'COMMAND'   (for example: lisse exec n1 'nodes')")
    return words[0], " ".join(words[1:])


def unknown_command(word):
    return usage(f"unknown command '{word}'{nearest(word, COMMANDS)}\n" + overview())
