"""test_channel.py: the launcher's codec and the kernel's must agree on every stream of bytes."""

import os
import random
import subprocess

import pytest
from conftest import ROOT
from launcher import channel

ROUNDS = 60


@pytest.fixture(scope="module")
def kernel_codec(tmp_path_factory):
    """The unit test's program in its "pipe" mode: (frames as lines, re-encoded bytes)."""
    program = tmp_path_factory.mktemp("codec") / "test_channel"
    subprocess.run(["gcc", "-std=c11", "-O1", "-I", ROOT, "-o", program,
                    os.path.join(ROOT, "tests/unit/test_channel.c"),
                    os.path.join(ROOT, "kernel/console/channel.c"), "-lcmocka"], check=True)

    def decode(data):
        result = subprocess.run([program, "pipe"], input=data, capture_output=True, check=True)
        return result.stdout.decode().splitlines(), result.stderr
    return decode


def python_lines(data, chunks):
    decoder = channel.Decoder()
    frames = []
    at = 0
    while at < len(data):
        step = chunks()
        frames += decoder.feed(data[at:at + step])
        at += step
    lines = [f"{kind:02x} {stream:02x} {payload.hex()}" for kind, stream, payload in frames]
    return lines + [f"damaged {decoder.damaged} unknown {decoder.unknown}"], frames


def mixed_bytes(dice):
    """Good frames, unknown types, bit errors, lost bytes, garbage, oversize, doubled flags."""
    out = bytearray()
    for _ in range(dice.randrange(1, 60)):
        alphabet = dice.choice((bytes(range(256)), b"}~]^", b"ab"))
        payload = bytes(dice.choice(alphabet) for _ in range(dice.choice((0, 1, 5, 300, 1024))))
        wire = bytearray(channel.encode(dice.randrange(256), dice.randrange(256), payload))
        fate = dice.randrange(8)
        if fate == 0:
            wire[dice.randrange(len(wire))] ^= 1 << dice.randrange(8)
        elif fate == 1:
            del wire[dice.randrange(len(wire))]
        elif fate == 2:
            wire += dice.randbytes(dice.randrange(3000))
        elif fate == 3:
            wire += b"x" * dice.randrange(5000)
        elif fate == 4:
            wire = wire[:-1]
        out += wire
    return bytes(out)


def test_both_decoders_agree_on_mixed_bytes(kernel_codec):
    for seed in range(ROUNDS):
        dice = random.Random(seed)
        data = dice.randbytes(dice.randrange(20)) + mixed_bytes(dice) + channel.FLAG
        ours, frames = python_lines(data, lambda dice=dice: dice.choice((1, 2, 7, 100, 5000)))
        theirs, wire = kernel_codec(data)
        assert ours == theirs, f"seed {seed}"
        assert wire == b"".join(channel.encode(*frame) for frame in frames), f"seed {seed}"


def test_payload_limit():
    assert channel.Decoder().feed(channel.encode(0x82, 1, bytes(1024)))
    with pytest.raises(ValueError):
        channel.encode(0x82, 1, bytes(1025))


def test_ready_words():
    words = channel.ready_words(b"name=n1 id=1 members=3 stable=1 build=1f= odd state=member\n")
    assert words == {"name": "n1", "id": "1", "members": "3", "stable": "1", "build": "1f=",
                     "state": "member"}
