"""The build's own tools: fetching sources, the symbol table, build ids, missing packages.

Nothing here needs the network or root; what is fetched for real is shown by the build itself.
"""

import importlib.machinery
import importlib.util
import os
import subprocess
import sys

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TOOLS = os.path.join(ROOT, "tools")
sys.path.insert(0, TOOLS)
import symbols  # noqa: E402


def load(name):
    """A tool without .py in its name, as a module."""
    loader = importlib.machinery.SourceFileLoader(name, os.path.join(TOOLS, name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    sys.dont_write_bytecode = True
    loader.exec_module(module)
    return module


fetch = load("fetch")

DEB822 = """# The system's archive
Types: deb
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
Trusted: yes

Types: deb
URIs: http://tool.example/apt
Suites: stable
Components: main

Types: deb deb-src
Enabled: no
URIs: http://other.example/debian/
Suites: sid
Components: main
"""

ONE_LINE = """# deb http://commented.example/debian bookworm main
deb [signed-by=/k.gpg check-valid-until=no] http://s.example/archive/debian/20250520T000000Z b main
deb-src http://mirror.example/debian-security bookworm-security main non-free # note
deb cdrom:[Debian 12]/ bookworm main
deb https://packages.example/apt stable main
"""


def apt_etc(folder, **files):
    """A folder like /etc/apt; the keys are file names with `__` for a dot."""
    (folder / "sources.list.d").mkdir()
    for name, text in files.items():
        (folder / "sources.list.d" / name.replace("__", ".")).write_text(text)
    return str(folder)


def test_deb822_sources_become_source_stanzas(tmp_path):
    etc = apt_etc(tmp_path, debian__sources=DEB822)
    assert fetch.source_stanzas(fetch.system_stanzas(etc)) == [
        "Types: deb-src\nURIs: http://mirror.example/debian\nSuites: bookworm bookworm-updates\n"
        "Components: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"]


def test_one_line_sources_become_source_stanzas(tmp_path):
    (tmp_path / "sources.list").write_text(ONE_LINE)
    etc = apt_etc(tmp_path)
    assert fetch.source_stanzas(fetch.system_stanzas(etc)) == [
        "Types: deb-src\nURIs: http://s.example/archive/debian/20250520T000000Z\nSuites: b\n"
        "Components: main\nSigned-By: /k.gpg\nCheck-Valid-Until: no\n",
        "Types: deb-src\nURIs: http://mirror.example/debian-security\n"
        "Suites: bookworm-security\nComponents: main\n"]


def test_the_same_source_is_asked_once(tmp_path):
    etc = apt_etc(tmp_path, a__list="deb http://m.example/debian bookworm main\n",
                  b__list="deb-src http://m.example/debian bookworm main\n",
                  c__list__save="deb http://saved.example/debian bookworm main\n")
    assert len(fetch.source_stanzas(fetch.system_stanzas(etc))) == 1


def run_fetch(arguments, **variables):
    return subprocess.run([os.path.join(TOOLS, "fetch"), *arguments], capture_output=True,
                          text=True, env=dict(os.environ, **variables))


def test_no_debian_source_is_said(tmp_path):
    result = run_fetch(["lwip"], LISSE_CACHE=str(tmp_path / "cache"), LWIP_SRC="",
                       LISSE_APT_ETC=apt_etc(tmp_path))
    assert result.returncode != 0
    assert "no Debian source" in result.stderr and "LWIP_SRC" in result.stderr


def test_given_folder_is_used_without_cache(tmp_path):
    (tmp_path / "src/core").mkdir(parents=True)
    (tmp_path / "src/core/init.c").write_text("")
    result = run_fetch(["lwip"], LISSE_CACHE="/nowhere", LWIP_SRC=str(tmp_path))
    assert result.stdout == f"{tmp_path}\n"


def test_given_folder_without_sources_is_refused(tmp_path):
    result = run_fetch(["musl"], LISSE_CACHE="/nowhere", MUSL_SRC=str(tmp_path))
    assert result.returncode != 0 and "MUSL_SRC" in result.stderr


@pytest.mark.parametrize("arguments", [[], ["glibc"]])
def test_wrong_names_are_refused(arguments):
    assert "usage" in run_fetch(arguments).stderr


def test_symbols_are_sorted_text_above_the_base():
    lines = ["c0102000 T second", "00100000 T low", "c0101000 t first", "c0101000 T global",
             "c0103000 d data", "c0104000 t .Llocal"]
    table = symbols.text_symbols(lines)
    assert table == [(0xC0101000, "global"), (0xC0102000, "second")]
    source = symbols.source(table)
    assert "symbol_count IN_SYMBOLS = 2;" in source and "{0xc0102000u, 7u}," in source


def version_source(*arguments):
    return subprocess.run([os.path.join(TOOLS, "version_source"), "1.0", *arguments],
                          capture_output=True, text=True, cwd=ROOT)


def test_build_id_follows_the_contents(tmp_path):
    file = tmp_path / "a"
    file.write_text("one")
    first = version_source("", str(file)).stdout
    assert version_source("", str(file)).stdout == first
    file.write_text("two")
    assert version_source("", str(file)).stdout != first


def test_build_id_can_be_given():
    assert 'version_build_hex[] = "00000000000000ab"' in version_source("0xAB").stdout
    assert "not a number" in version_source("rubbish").stderr


def test_deps_prints_only_missing_packages():
    result = subprocess.run([os.path.join(TOOLS, "deps"), "--print"], capture_output=True,
                            text=True)
    assert (result.returncode == 0) == (result.stdout == "")


def test_kernel_image_is_small_enough():
    with open(os.path.join(ROOT, "build/lisse.link/size")) as file:
        sizes = dict(line.split() for line in file)
    assert 0 < int(sizes["image_bytes"]) <= 512 * 1024
