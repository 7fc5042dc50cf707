"""bench_table.py: the bench's figures beside their targets [D 14]; where a fault's time goes."""

MGS_CPU_RATIOS = {"2": 1.15, "3": 1.3, "4": 1.5}
STAGES = (
    ("trap", "trap", "the CPU's exception, until the core is asked"),
    ("core", "core", "requester: finds the area, a row, the manager"),
    ("send", "send", "effects, link, card; ready to sleep"),
    ("wire", None, "both ways and waking up: what is left of the time away"),
    ("serve", "serve", "manager and owner: from the interrupt to the tail write and sleep"),
    ("install", "install", "three datagrams in, page copied and mapped, DONE queued"),
    ("return", "return", "thread picked, DONE sent, back in ring 3"),
)


def _ratio(value, base):
    return value / base if value is not None and base else None


def _show(value, digits=1):
    return "-" if value is None else f"{value:.{digits}f}"


def _p50(figure):
    return figure["p50"] if figure else None


def _row(name, figure, unit, ratio="", target=""):
    if isinstance(figure, dict):
        text = f"{_show(figure['p50'])} / {_show(figure['p99'])}"
    else:
        text = "-" if figure is None else f"{figure:g}"
    return f"{name:34}{text:>18} {unit:5}{ratio:>9}  {target}"


def _against(value, base, most):
    ratio = _ratio(value, base)
    if ratio is None:
        return "", f"<= {most}"
    return f"{ratio:.2f} x", f"<= {most} x: {'reached' if ratio <= most else 'missed'}"


def _limit(value, most):
    if value is None:
        return f"<= {most}"
    return f"<= {most}: {'reached' if value <= most else 'missed'}"


def _latencies(r):
    raw = _p50(r["raw_4k_us"])
    small = _p50(r["raw_64_us"])
    yield _row("raw echo 64 B -> 64 B", r["raw_64_us"], "us")
    yield _row("raw echo 64 B -> 4 KB", r["raw_4k_us"], "us", "1.00 x", "measure of the faults")
    yield _row("UDP echo 64 B -> 4 KB", r["udp_4k_us"], "us", *_against_free(r["udp_4k_us"], raw))
    yield _row("link echo 64 B -> 4 KB", r["link_4k_us"], "us")
    for hops, most in (("2hop", 1.5), ("3hop", 2.2)):
        figure = r["fault_read_us"][hops]
        yield _row(f"read fault, {hops}", figure, "us", *_against(_p50(figure), raw, most))
    for copies, figure in r["fault_write_us"].items():
        yield _row(f"write fault, {copies} copies", figure, "us", *_against_free(figure, raw))
    yield _row("read fault, CPU of all nodes", r["fault_read_cpu_us"], "us", "",
               "<= 340 (a quarter of a Linux guest's)")
    for n, figure in r["barrier_us"].items():
        words = _against(_p50(figure), small, 1.5) if n == "2" else _against_free(figure, small)
        yield _row(f"barrier of {n} nodes", figure, "us", *words)
    for n, count in r["barrier_messages"].items():
        yield _row(f"messages of a barrier of {n}", count, "", "", _limit(count, 2 * (int(n) - 1)))
    yield _row("futex wake", r["futex_wake_us"], "us", *_against_free(r["futex_wake_us"], small))


def _against_free(figure, base):
    ratio = _ratio(_p50(figure), base)
    return (f"{ratio:.2f} x" if ratio else "", "")


def _rest(r):
    for how, value in r["seq_read_mb_s"].items():
        yield _row(f"reading in sequence, {how}", value, "MB/s", "",
                   "" if value is not None else "not there yet")
    yield _row("locate()", r["locate_instructions"], "instr", "",
               _limit(r["locate_instructions"], 50))
    for nic, most in (("e1000", 1.5), ("e1000e", 1.0)):
        seconds = r["boot_to_joined_s"][nic]
        yield _row(f"boot to joined, 2 nodes, {nic}", seconds, "s", "", _limit(seconds, most))
    yield _row("kernel image", r["image_bytes"], "bytes", "", _limit(r["image_bytes"], 524288))
    one = r["mgs_512"]["1"]
    for n, run in r["mgs_512"].items():
        words = _against(run["cpu_s"], one["cpu_s"], MGS_CPU_RATIOS[n]) if n != "1" else ()
        yield _row(f"MGS 512, CPU seconds, {n} node(s)", run["cpu_s"], "s", *words)
    for n, run in r["mgs_512"].items():
        ratio = _ratio(one["s"], run["s"])
        target = "" if n != "2" or ratio is None else (
            f">= 1.6 x faster: {'reached' if ratio >= 1.6 else 'missed'}")
        yield _row(f"MGS 512, wall seconds, {n} node(s)", run["s"], "s",
                   f"{ratio:.2f} x" if ratio else "", target)


def _break_down(probes):
    ticks, counted = probes.get("ticks"), probes.get("instructions")
    yield ""
    yield f"{'one read fault in 2 hops, medians':34}{'us':>10}{'cycles':>12}{'instructions':>14}"
    for name, key, text in STAGES:
        cycles = ticks[key] if key else max(0, ticks["away"] - ticks["serve"])
        count = str(counted[key]) if key and counted and counted["faults"] else "-"
        yield f"  {name:32}{cycles * 1e6 / ticks['hz']:10.1f}{cycles:12}{count:>14}  {text}"


def table(result, probes):
    lines = [f"{'':34}{'p50 / p99':>18}      {'ratio':>9}  target", *_latencies(result),
             *_rest(result)]
    if probes.get("ticks"):
        lines += _break_down(probes)
    return "\n".join(lines)
