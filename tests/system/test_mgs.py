"""Modified Gram-Schmidt: on the host, and on Lisse with every number of nodes and both locators.

The reference is `factor` below: the same algorithm in numpy, each sum in the order that kernel.h
promises, so that its Q and R must have the same bits as those of every run anywhere. That it is a
QR factorisation at all is checked against numpy's own (Householder), within rounding.
"""

import functools
import json
import os
import subprocess
import zlib

import numpy
import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RUN32 = os.path.join(ROOT, "tools", "run32")
MGS = os.path.join(ROOT, "build", "apps", "mgs")
DATA = os.path.join(ROOT, "apps", "data")
EPSILON = numpy.finfo(float).eps
REAL = ("ash219", "west0479")
FAULTS = "loss=5,dup=2,reorder=5,corrupt=1,seed=7"


def path_of(name):
    return os.path.join(DATA, name + ".mtx")


@functools.lru_cache(maxsize=None)
def matrix(name):
    """A coordinate file of the Harwell-Boeing collection as a dense array."""
    with open(path_of(name), encoding="ascii") as file:
        lines = [line.split() for line in file if not line.startswith("%")]
    rows, cols, entries = map(int, lines[0])
    a = numpy.zeros((rows, cols), order="F")
    for line in lines[1:]:
        a[int(line[0]) - 1, int(line[1]) - 1] = float(line[2]) if len(line) > 2 else 1.0
    assert len(lines) == entries + 1
    return a


def dots(q, columns):
    """q . column for each column: even elements, odd elements, their sum, the last of an odd
    number; one after the other, as numpy's accumulate does and its sum does not."""
    products = q[:, None] * columns
    pairs = len(q) // 2 * 2
    total = (numpy.add.accumulate(products[0:pairs:2])[-1]
             + numpy.add.accumulate(products[1:pairs:2])[-1])
    return total + products[-1] if len(q) % 2 else total


def factor(a):
    q = a.copy(order="F")
    r = numpy.zeros((a.shape[1], a.shape[1]), order="F")
    for k in range(a.shape[1]):
        r[k, k] = numpy.sqrt(dots(q[:, k], q[:, k:k + 1])[0])
        q[:, k] /= r[k, k]
        if k + 1 < a.shape[1]:
            r[k, k + 1:] = dots(q[:, k], q[:, k + 1:])
            q[:, k + 1:] -= r[k, k + 1:] * q[:, k][:, None]
    return q, r


@functools.lru_cache(maxsize=None)
def reference(name):
    return factor(matrix(name))


def checksum(q, r):
    return f"{zlib.crc32(r.tobytes('F'), zlib.crc32(q.tobytes('F'))):08x}"


def read_dump(raw):
    head, raw = raw.split(b"\n", 1)
    word, rows, cols = head.split()
    rows, cols = int(rows), int(cols)
    assert word == b"mgs-dump" and len(raw) == 8 * (rows * cols + cols * (cols + 1) // 2)
    numbers = numpy.frombuffer(raw, "<f8")
    q = numpy.asfortranarray(numbers[:rows * cols].reshape(cols, rows).T)
    r = numpy.zeros((cols, cols), order="F")
    at = rows * cols
    for j in range(cols):
        r[:j + 1, j] = numbers[at:at + j + 1]
        at += j + 1
    return q, r


def result_of(text):
    """The JSON line among what else was said."""
    return json.loads([line for line in text.splitlines() if line.startswith("{")][-1])


def native(*words, code=0):
    done = subprocess.run([RUN32, MGS, *map(str, words)], capture_output=True, check=False,
                          timeout=120, stdin=subprocess.DEVNULL)
    assert done.returncode == code, done.stderr.decode()
    return done


@functools.lru_cache(maxsize=None)
def native_result(*words):
    return result_of(native(*words, "--check", "--json").stdout.decode())


def assert_is_qr(a, q, r):
    """Q and R are A's factors within rounding. How far Q and R themselves may be from numpy's is a
    matter of A's condition; what counts is the condition with the columns scaled to norm 1, since
    both algorithms are indifferent to that scaling."""
    norms = numpy.linalg.norm(a, axis=0)
    allowed = 10 * numpy.linalg.cond(a / norms) * EPSILON
    residual = numpy.linalg.norm(a - q @ r, axis=0) / norms
    other_q, other_r = numpy.linalg.qr(a)
    sign = numpy.sign(numpy.diag(other_r))
    assert (numpy.diag(r) > 0).all() and not numpy.tril(r, -1).any()
    assert residual.max() < 10 * numpy.sqrt(a.shape[1]) * EPSILON
    assert abs(q - other_q * sign).max() < allowed
    assert (abs(r - other_r * sign[:, None]) / norms).max() < allowed
    assert abs(q.T @ q - numpy.eye(q.shape[1])).max() < allowed


# ---- on the host ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", REAL)
def test_reference_is_a_qr_factorisation(name):
    assert_is_qr(matrix(name), *reference(name))


@pytest.mark.parametrize("name", REAL)
def test_host_writes_the_reference(name):
    done = native("--file", path_of(name), "--dump", "--json", "--check")
    q, r = read_dump(done.stdout)
    result = result_of(done.stderr.decode())
    assert numpy.array_equal(q, reference(name)[0])
    assert numpy.array_equal(r, reference(name)[1])
    assert result["checksum"] == checksum(q, r)
    assert result["ok"] is True
    loss = abs(q.T @ q - numpy.eye(q.shape[1])).max()
    assert result["max_norm"] == pytest.approx(loss, abs=20 * EPSILON)


@pytest.mark.parametrize("fp", ("x87", "sse2"))
def test_threads_and_paths_do_not_matter(fp):
    for size in (1, 2, 3, 65, 200):
        results = {native_result("-n", size, "-t", t, "--fp", fp)["checksum"] for t in (1, 2, 3, 5)}
        results.add(native_result("-n", size, "-t", 4, "--fp", fp, "--packed")["checksum"])
        results.add(native_result("-n", size)["checksum"])
        assert len(results) == 1
    result = native_result("--file", path_of("west0479"), "-t", 5, "--fp", fp)
    assert result["checksum"] == checksum(*reference("west0479"))


def test_seed_makes_another_matrix():
    sums = {native_result("-n", 50, "--seed", seed)["checksum"] for seed in range(5)}
    assert len(sums) == 5


def test_condition_estimate():
    for words in (("--file", path_of("west0479")), ("--file", path_of("ash219")),
                  ("-n", 200), ("-n", 150, "--seed", 4)):
        q, r = read_dump(native(*words, "--dump").stdout)
        result = native_result(*words)
        scaled = numpy.linalg.cond(r / numpy.linalg.norm(r, axis=0))
        assert 0.85 < result["cond"] / numpy.linalg.cond(q @ r) < 1.01
        assert 0.85 < result["cond_scaled"] / scaled < 1.01


def test_singular_matrices(tmp_path):
    head = "%%MatrixMarket matrix array integer general\n"
    (tmp_path / "twice.mtx").write_text(head + "3 2\n1\n0\n0\n1\n0\n0\n")
    done = native("--file", tmp_path / "twice.mtx", code=1)
    assert b"column 2 is a combination" in done.stderr and done.stdout == b""
    (tmp_path / "huge.mtx").write_text(head.replace("integer", "real") + "2 1\n1e200\n1e200\n")
    done = native("--file", tmp_path / "huge.mtx", "--fp", "sse2", code=1)
    assert b"column 1 has no finite norm" in done.stderr
    nearly = numpy.vander(numpy.linspace(0.5, 1, 40), 30)
    lines = "\n".join(repr(float(value)) for value in nearly.ravel("F"))
    (tmp_path / "nearly.mtx").write_text(head.replace("integer", "real") + f"40 30\n{lines}\n")
    done = native("--file", tmp_path / "nearly.mtx", "--check", code=1)
    assert b"FAIL: the matrix is singular to working precision" in done.stdout


@pytest.mark.parametrize("words, message", (
    ((), "no matrix"),
    (("-n", "0"), "1 to 4096"),
    (("-n", "4097"), "1 to 4096"),
    (("-n", "5x"), '"5x"'),
    (("-n",), "needs a value"),
    (("-n", "5", "--file", "x"), "not both"),
    (("-n", "5", "--chek"), '"--chek"'),
    (("-n", "5", "--check=1"), "takes no value"),
    (("-n", "5", "--fp=mmx"), "auto, x87 or sse2"),
    (("-n", "5", "--check", "--loop-only"), "contradict"),
    (("-n", "5", "-t", "257"), "1 to 256"),
    (("--file", "no-such.mtx"), "--with"),
))
def test_bad_options(words, message):
    done = native(*words, code=2)
    assert done.stdout == b"" and done.stderr.count(b"\n") == 1
    assert done.stderr.startswith(b"mgs: ") and message in done.stderr.decode()


def test_wide_matrix(tmp_path):
    path = tmp_path / "wide.mtx"
    path.write_text("%%MatrixMarket matrix coordinate real general\n2 3 1\n1 1 1\n")
    assert b"transpose" in native("--file", path, code=2).stderr


# ---- on Lisse ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", REAL)
def test_real_matrix_on_three_nodes(lisse, name):
    """Its checksum is that of the reference's bits, and the reference is checked above."""
    text = lisse.ok("run", "--quiet", "-n", 3, "--with", path_of(name), "mgs", "--file",
                    name + ".mtx", "--check", "--json")
    result = result_of(text)
    assert result["checksum"] == checksum(*reference(name))
    assert result["ok"] is True and len(set(result["nodes"])) == 3
    assert result["cond"] == native_result("--file", path_of(name))["cond"]


def test_q_and_r_from_two_nodes(lisse):
    done = lisse.run("run", "--quiet", "-n", 2, "--with", path_of("ash219"), "mgs", "--file",
                     "ash219.mtx", "--dump", "--json")
    assert done.returncode == 0, done.stderr
    q, r = read_dump(done.raw)
    assert_is_qr(matrix("ash219"), q, r)
    assert result_of(done.stderr)["checksum"] == checksum(q, r)


@pytest.mark.parametrize("locator", ("tree", "stat"))
@pytest.mark.parametrize("nodes", (1, 2, 3, 4))
def test_512_on(lisse, nodes, locator):
    result = result_of(lisse.ok("run", "--quiet", "-n", nodes, "--locator", locator,
                                "mgs", "-n", 512, "--check", "--json"))
    expected = native_result("-n", 512)
    assert result["checksum"] == expected["checksum"]
    assert result["max_norm"] == expected["max_norm"] < 1e-10
    assert result["ok"] is True and result["fp"] == "sse2"
    assert result["threads"] == nodes and len(set(result["nodes"])) == nodes


@pytest.mark.parametrize("nodes, locator", ((3, "tree"), (2, "stat")))
def test_512_over_a_bad_lan(lisse, nodes, locator):
    result = result_of(lisse.ok("run", "--quiet", "-n", nodes, "--locator", locator, "--lan",
                                FAULTS, "mgs", "-n", 512, "--check", "--json"))
    assert result["checksum"] == native_result("-n", 512)["checksum"]
    assert result["ok"] is True and result["max_norm"] < 1e-10


def test_64_on_pentiums(lisse):
    """No SSE anywhere: the x87 path, with the same bits."""
    result = result_of(lisse.ok("run", "--quiet", "-n", 2, "--cpu", "pentium", "mgs", "-n", 64,
                                "--check", "--json"))
    assert result["fp"] == "x87" and result["ok"] is True
    assert result["checksum"] == native_result("-n", 64)["checksum"]


def test_packed_vectors(lisse):
    """Vectors that share pages cost much and change nothing."""
    result = result_of(lisse.ok("run", "--quiet", "-n", 2, "mgs", "-n", 32, "--packed", "--check",
                                "--json"))
    assert result["checksum"] == native_result("-n", 32)["checksum"] and result["packed"] is True


def test_malformed_file(lisse, tmp_path):
    bad = tmp_path / "bad.mtx"
    with open(path_of("ash219"), encoding="ascii") as file:
        bad.write_text(file.read().replace("219 85 438", "219 85 437"))
    done = lisse.run("run", "--quiet", "-n", 2, "--with", bad, "mgs", "--file", "bad.mtx")
    lines = [line for line in done.stderr.splitlines() if "mgs:" in line]
    assert done.returncode == 2 and done.stdout == ""
    assert len(lines) == 1 and "bad.mtx:452: " in lines[0] and "correct the count" in lines[0]
