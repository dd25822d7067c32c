# SPDX-License-Identifier: Apache-2.0
"""Object code on disk is found again, and never trusted when it is damaged."""

from __future__ import annotations

import ctypes
import sqlite3

import pytest

from xsavvy.checker.native import cache as caches
from xsavvy.checker.native.cache import Cache
from xsavvy.checker.native.jit import Jit

ADD_ONE = "define i64 @plus(i64 %x) { %y = add i64 %x, 1\n ret i64 %y }"


def file_of(place):
    """The cache's only file."""
    return place / f"objects-{caches.FORMAT}.sqlite"


def called(jit):
    """Call the function that was added."""
    return ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(jit.address("plus"))(41)


def test_code_is_compiled_once(tmp_path):
    """A second process finds what the first one made, and does not write the text again."""
    first = Jit(Cache(tmp_path))
    first.add("plus", lambda: ADD_ONE)
    assert (called(first), first.compiled) == (42, 1)
    second = Jit(Cache(tmp_path))
    second.add("plus", lambda: pytest.fail("the text is not needed"))
    assert (called(second), second.compiled) == (42, 0)


def test_another_level_of_optimisation_is_other_code(tmp_path):
    """Code is kept under everything that it depends on."""
    for level in (0, 2, 0):
        jit = Jit(Cache(tmp_path), level)
        jit.add("plus", lambda: ADD_ONE)
        assert called(jit) == 42
    with sqlite3.connect(file_of(tmp_path)) as file:
        assert file.execute("select count(*) from objects").fetchone() == (2,)


@pytest.mark.parametrize(
    "damage",
    [
        "update objects set code = zeroblob(length(code))",
        "update objects set code = 'text'",
        "update objects set digest = x'00'",
        "delete from objects",
        "drop table objects",
    ],
)
def test_damaged_code_is_compiled_again(tmp_path, damage):
    """Bytes that are not those that were stored are not run."""
    first = Jit(Cache(tmp_path))
    first.add("plus", lambda: ADD_ONE)
    called(first)
    with sqlite3.connect(file_of(tmp_path)) as file:
        file.execute(damage)
    again = Jit(Cache(tmp_path))
    again.add("plus", lambda: ADD_ONE)
    assert (called(again), again.compiled) == (42, 1)


def test_a_file_that_is_no_cache_is_done_without(tmp_path):
    """Whatever lies there, code is compiled and runs."""
    file_of(tmp_path).write_bytes(b"not a database" * 100)
    jit = Jit(Cache(tmp_path))
    jit.add("plus", lambda: ADD_ONE)
    assert (called(jit), jit.compiled) == (42, 1)


def test_a_place_that_cannot_be_written_is_done_without(tmp_path):
    """A file stands where the directory should be."""
    place = tmp_path / "file"
    place.write_text("in the way")
    jit = Jit(Cache(place))
    jit.add("plus", lambda: ADD_ONE)
    assert called(jit) == 42


def test_a_directory_of_somebody_else_is_not_used(tmp_path, monkeypatch):
    """It would be somebody else's code that runs."""
    monkeypatch.setattr(caches.os, "getuid", lambda: tmp_path.stat().st_uid + 1)
    Cache(tmp_path).keep({b"key": b"code"})
    assert Cache(tmp_path).find([b"key"]) == {}
    assert not file_of(tmp_path).exists()


def test_the_oldest_code_goes_first(tmp_path, monkeypatch):
    """The file does not grow for ever."""
    monkeypatch.setattr(caches, "LARGEST", 250)
    for n in range(4):
        Cache(tmp_path).keep({bytes([n]): bytes(100)})
    found = Cache(tmp_path).find([bytes([n]) for n in range(4)])
    assert sorted(found) == [b"\2", b"\3"]


def test_the_cache_lies_where_the_desktop_says(tmp_path, monkeypatch):
    """XDG_CACHE_HOME is heeded if it is absolute."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert caches.directory() == tmp_path / "xsavvy"
    monkeypatch.setenv("XDG_CACHE_HOME", "here")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert caches.directory() == tmp_path / ".cache" / "xsavvy"
