"""The shape of what `lisse bench --quick` prints.

No time is judged here: machines are noisy.
"""

import json

FIGURES = {
    "fault_read_us": ("2hop", "3hop"), "fault_write_us": ("0", "1", "3"),
    "barrier_us": ("2", "3", "4"), "barrier_messages": ("2", "3", "4"),
    "seq_read_mb_s": ("none", "prefetch", "publish"), "boot_to_joined_s": ("e1000", "e1000e"),
    "mgs_512": ("1", "2", "3", "4"),
}
SINGLE = ("host", "raw_64_us", "raw_4k_us", "udp_4k_us", "link_4k_us", "fault_read_cpu_us",
          "futex_wake_us", "locate_instructions", "image_bytes")


def is_latency(value):
    return set(value) == {"p50", "p99"} and 0 < value["p50"] <= value["p99"]


def test_shape(lisse):
    done = lisse.run("bench", "--quick", "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert set(result) == set(FIGURES) | set(SINGLE)
    for name, keys in FIGURES.items():
        assert tuple(result[name]) == keys
    for name in ("fault_read_us", "fault_write_us", "barrier_us"):
        assert all(is_latency(value) for value in result[name].values())
    for name in ("raw_64_us", "raw_4k_us", "udp_4k_us", "futex_wake_us"):
        assert is_latency(result[name])
    assert result["fault_read_cpu_us"] > 0 and result["seq_read_mb_s"]["none"] > 0
    assert 0 < result["locate_instructions"] < 1000
    for nodes, messages in result["barrier_messages"].items():
        assert int(nodes) - 1 <= messages < 4 * int(nodes)
    assert all(run == {"s": None, "cpu_s": None} for run in result["mgs_512"].values())
    assert "read fault, 2hop" in done.stderr and "install" in done.stderr
    assert not lisse.left(0)
