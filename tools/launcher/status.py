"""status.py: merges what the nodes say about themselves into one status, as JSON or for people.

The JSON is that of DESIGN 2; docs/launcher-channel.md says what each node contributes.
"""

import json

NODE_NUMBERS = ("id", "threads", "pages_owned", "entries_managed")


def parse(answer):
    """A node's STATUS bytes as a dict; {} when they are no JSON object."""
    try:
        value = json.loads(answer)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _number(text):
    return int(text) if isinstance(text, str) and text.isdigit() else 0


def _own_row(node, answer):
    """The node's row: from its STATUS, else from its last READY, plus what the VM's process is."""
    rows = [row for row in answer.get("nodes", []) if isinstance(row, dict)]
    row = {"name": node.name, "id": _number(node.ready.get("id")),
           "state": node.ready.get("state", "joining"), "threads": 0, "pages_owned": 0,
           "entries_managed": 0}
    row.update(next((own for own in rows if own.get("name") == node.name), {}))
    row.update(vm=node.vm_state(), pid=node.vm.pid, cpu_s=round(node.vm.cpu_seconds(), 3))
    if row["vm"] != "running":
        row["state"] = row["vm"]
    elif not answer:
        row["state"] = "silent"
    if node.panic_line is not None:
        row["state"] = "panicked"
    return row


def _newest(node, answer):
    return max(_number(node.ready.get("epoch")), answer.get("epoch") or 0)


def _jobs(answers):
    """Each job once: threads added up over the nodes, the rest from whoever says most (its origin,
    which knows the program)."""
    jobs = {}
    for answer in answers:
        for job in filter(lambda job: isinstance(job, dict), answer.get("jobs", [])):
            whole = jobs.setdefault(job.get("id"), {"id": job.get("id"), "threads": 0})
            threads = whole["threads"] + (job.get("threads") or 0)
            if "program" in job or "program" not in whole:
                whole.update(job)
            whole["threads"] = threads
    return list(jobs.values())


def merge(cluster, answers):
    """answers: node name -> dict of its STATUS ({}: it said nothing)."""
    living = [node for node in cluster.nodes if answers.get(node.name)]
    newest = max(living, key=lambda node: _newest(node, answers[node.name]), default=None)
    best = answers[newest.name] if newest else {}
    return {
        "cluster": best.get("cluster", cluster.name),
        "epoch": _newest(newest, best) if newest else 0,
        "stable": bool(living) and all(answers[node.name].get("stable") for node in living),
        "nodes": [_own_row(node, answers.get(node.name, {})) for node in cluster.nodes],
        "jobs": _jobs(answers[node.name] for node in living),
        "changes": best.get("changes", []),
        "lan": cluster.lan.stats(),
    }


def table(status):
    """For a person."""
    state = "stable" if status["stable"] else "not stable"
    out = [f"cluster {status['cluster']}, epoch {status['epoch']}, {state}", "",
           f"{'node':8}{'id':>4}  {'state':10}{'threads':>8}{'pages':>8}{'entries':>9}{'cpu s':>9}"]
    for row in status["nodes"]:
        out.append(f"{row['name']:8}{row['id']:>4}  {row['state']:10}{row['threads']:>8}"
                   f"{row['pages_owned']:>8}{row['entries_managed']:>9}{row['cpu_s']:>9.1f}")
    for job in status["jobs"]:
        out.append("job  " + "  ".join(f"{key} {value}" for key, value in job.items()))
    return "\n".join(out)
