"""Ordinary programs that know nothing of Lisse: the same output and exit code as on Linux, on one
to four nodes, with other CPUs, little memory, either locator and a bad LAN.

The tables span programs x nodes x options; sizes are such that four nodes take a few seconds.
"""

import random

import pytest

from test_programs import FILE, assert_same, native, on_lisse

BAD_LAN = ("--lan", "loss=5,dup=2,reorder=5,corrupt=1,seed=7")

# name, arguments: small enough for four nodes on a slow host
PROGRAMS = {
    "prodcons": (30,), "sorter": (20000, 4), "stencil": (100, 12, 6), "nbody": (32, 6),
    "hashtable": (60,), "steal": (7,), "rwcache": (60,), "c11": (10,), "timers": (),
    "churn": (30,), "waves": (1, 20), "sharedfile": (FILE,), "cfunctions": (),
    "falseshare": (600,), "refusals": (FILE,), "manners": (8,),
}
SPREAD = [  # (program, nodes, options); 2 nodes: see test_on_a_bad_lan
    ("prodcons", 1, ()), ("prodcons", 3, ()),
    ("sorter", 4, ("--locator", "stat")),
    ("stencil", 1, ("--cpu", "pentium")), ("stencil", 3, ()),
    ("nbody", 4, ("--cpu", "pentium3")),
    ("hashtable", 1, ()), ("hashtable", 3, ()),
    ("steal", 4, ("--cpu", "pentium")),
    ("rwcache", 4, ("--mem", "16")),
    ("c11", 1, ()), ("c11", 3, ()),
    ("timers", 4, ()),
    ("churn", 1, ("--mem", "32")), ("churn", 3, ()),
    ("waves", 4, ()),
    ("sharedfile", 1, ()), ("sharedfile", 4, ()),
    ("cfunctions", 3, ("--cpu", "qemu32")),
    ("falseshare", 1, ()), ("falseshare", 4, ()),
    ("refusals", 4, ()),
    ("manners", 3, ("--locator", "stat")),
]
ENDINGS = [  # (how, exit code)
    ("main", 9), ("thread", 7), ("quick", 5), ("abort", 134), ("fault", 139), ("last", 0),
]


def names(row):
    return f"{row[0]}-{row[1]}" + "".join(option.lstrip("-") for option in row[2])


@pytest.mark.parametrize("row", SPREAD, ids=names)
def test_same_as_linux(lisse, row):
    name, nodes, options = row
    assert native(name, *PROGRAMS[name])[0] == 0
    assert_same(lisse, nodes, name, *PROGRAMS[name], options=options)


@pytest.mark.parametrize("name", PROGRAMS)
def test_on_a_bad_lan(lisse, name):
    assert_same(lisse, 2, name, *PROGRAMS[name], options=BAD_LAN)


@pytest.mark.parametrize("how, code", ENDINGS)
def test_end_in_the_middle(lisse, how, code):
    """Threads wait, fault, create and compute on three nodes while the program ends."""
    assert native("ending", how, code)[0] == code
    assert_same(lisse, 3, "ending", how, code)


def test_end_in_the_middle_on_a_bad_lan(lisse):
    assert_same(lisse, 4, "ending", "thread", 3, options=BAD_LAN)


def letters(count):
    dice = random.Random(1)
    return bytes(dice.choice(b"abcXYZ \n0189") for _ in range(count))


def test_a_megabyte_of_stdin(lisse):
    assert_same(lisse, 2, "streams", "lines", stdin=letters(1 << 20))


def test_stdin_through_threads_on_three_nodes(lisse):
    assert_same(lisse, 3, "streams", "pipe", stdin=letters(30000))


def test_a_megabyte_of_stdout(lisse):
    code, out, err = on_lisse(lisse, 2, "streams", "out", 1024)
    assert (code, out) == native("streams", "out", 1024), err
    assert len(out) > 1 << 20
