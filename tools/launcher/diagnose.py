"""diagnose.py: tells a person which node failed, what it said last, why probably, and what next."""

import signal

CONSOLE_LINES = 25  # of the console shown; the whole is in the log
ERROR_LINES = 8
LIKELY = {  # QMP's reason of a guest's end
    "guest-reset": "the guest reset itself: a triple fault (an exception that could not be "
                   "delivered) or the reboot command",
    "guest-shutdown": "the guest switched itself off (the halt command)",
    "guest-panic": "the guest reported a panic",
}


def _lines(label, lines):
    if not lines:
        return [f"  {label}: nothing"]
    return [f"  {label}:"] + [f"    | {line}" for line in lines]


def _read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().splitlines()
    except OSError:
        return []


def _tail(node):
    lines = [line for line in node.tail if line]
    if node.panic_line is None or node.panic_line not in lines:
        return lines[-CONSOLE_LINES:]
    start = len(lines) - 1 - lines[::-1].index(node.panic_line)
    return lines[max(0, start - 5):start + 2 * CONSOLE_LINES]


def _end_of_vm(node):
    """(what happened, likely cause) of a VM that is not there any more."""
    status = node.vm.process.returncode
    if status is not None and status < 0:
        name = signal.Signals(-status).name
        cause = "somebody ended the process"
        if name == "SIGKILL":
            cause += ", or the host is out of memory (see dmesg); try fewer nodes or less --mem"
        return f"QEMU was ended by {name}", cause
    if status:
        return (f"QEMU ended with status {status}",
                "QEMU itself refused: its message is below; an option, --cpu, --nic or --qemu "
                "may be wrong")
    reason = node.qmp.shutdown_reason
    return (f"its VM ended ({reason or 'no reason given'})",
            LIKELY.get(reason, "the guest ended by itself"))


def node_ended(cluster, node):
    """A node panicked or its VM ended."""
    if node.panic_line is not None:
        what, cause = "has panicked", node.panic_line.strip()
    else:
        what, cause = _end_of_vm(node)
    out = [f"node {node.name}: {what}", f"  cause: {cause}"]
    out += _lines("its console's last lines", _tail(node))
    errors = _read(node.vm.error_path)[-ERROR_LINES:]
    if errors:
        out += _lines("QEMU's own messages", errors)
    return "\n".join(out + [_next_step(cluster, node)])


def builds_differ(cluster, usual):
    """Nodes were booted with kernels of different builds."""
    odd = [node for node in cluster.nodes if node.ready.get("build") != usual]
    out = [f"{node.name} runs build {node.ready.get('build', '(not known)')}, the others {usual}"
           for node in odd]
    out += _lines(f"last lines of {odd[0].name}'s console", _tail(odd[0]))
    out.append("  cause: nodes of one cluster must be of one build, which is made from the "
               "messages and the core's sources")
    return "\n".join(out + ["  next: boot the same image everywhere: make, and no --kernel nX="])


def never_joined(cluster, late):
    """The cluster was not stable in time."""
    count = len(cluster.nodes)
    refused = [node for node in late if node.ready.get("state") == "refused"]
    names = " ".join(node.name for node in refused or late)
    what = "was refused" if refused else f"did not join within {cluster.options.boot_timeout:g} s"
    out = [f"{count} nodes were booted, but {names} {what}"]
    for node in cluster.nodes:
        state = " ".join(f"{key}={value}" for key, value in node.ready.items())
        out.append(f"  {node.name}: " + (state or "no sign of life on the launcher's channel"))
    for node in (refused or late)[:2]:
        out += _lines(f"last lines of {node.name}'s console", _tail(node))
    out.append("  cause: " + _why_not_joined(cluster, refused or late))
    return "\n".join(out + [_next_step(cluster, late[0])])


def _why_not_joined(cluster, late):
    if all(not node.ready for node in cluster.nodes):
        return ("no node answered: its kernel stopped early, has no launcher's channel (COM2), or "
                "this host is too busy; --boot-timeout S waits longer")
    if any(not node.ready for node in late):
        return "a node's kernel stopped before it reached the network; its console says where"
    if any(node.ready.get("state") == "refused" for node in late):
        return "the cluster refused it (another build, or no place); the consoles say why"
    if cluster.options.lan:
        return (f"perhaps the LAN is too bad (--lan {cluster.options.lan}); try less, or "
                "--boot-timeout S")
    return "the nodes run but do not agree on one view; compare their consoles"


def _next_step(cluster, node):
    return (f"  next: read {node.name}.console in the logs, or run again with --verbose to "
            "see all consoles live")
