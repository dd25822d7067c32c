# SPDX-License-Identifier: Apache-2.0
"""The kernel's functions, compiled for states of a given number of words."""

from __future__ import annotations

import ctypes
import hashlib
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Protocol

from xsavvy.checker.native.lower import lower

Entry = Callable[..., int]

SOURCES = ("primitive", "lower", "control", "hashing", "collapse", "kernel", "seek")
ENTRIES = {
    "search": 2,
    "begin": 2,
    "seek": 2,
    "sieve_bit": 1,
    "rebuild": 5,
    "transfer": 3,
    "locate": 3,
    "encode_all": 4,
    "decode": 4,
    "find": 2,
    "relay": 4,
    "relearn": 3,
    "sound": 3,
}


class Compiler(Protocol):
    """What the kernel needs of `jit.Jit`."""

    def add(self, key: str, text: Callable[[], str]) -> None:
        """Add a module by its key."""

    def address(self, name: str) -> int:
        """Find the address of a function."""


class Kernel:
    """The entries of the kernel as functions; a call releases Python's lock."""

    def __init__(self, jit: Compiler, words: int) -> None:
        self.jit = jit  # its code is gone when it is
        digest = _digest()
        prefix = f"walk_{digest[:16]}_{words}_"
        jit.add(f"{prefix}{digest}", lambda: text(words, prefix))
        self.search = self.bind(jit, prefix, "search")
        self.begin = self.bind(jit, prefix, "begin")
        self.seek = self.bind(jit, prefix, "seek")
        self.sieve_bit = self.bind(jit, prefix, "sieve_bit")
        self.rebuild = self.bind(jit, prefix, "rebuild")
        self.transfer = self.bind(jit, prefix, "transfer")
        self.locate = self.bind(jit, prefix, "locate")
        self.encode_all = self.bind(jit, prefix, "encode_all")
        self.decode = self.bind(jit, prefix, "decode")
        self.find = self.bind(jit, prefix, "find")
        self.relay = self.bind(jit, prefix, "relay")
        self.relearn = self.bind(jit, prefix, "relearn")
        self.sound = self.bind(jit, prefix, "sound")

    def bind(self, jit: Compiler, prefix: str, name: str) -> Entry:
        """Make a Python function of a compiled one."""
        kinds = [ctypes.c_uint64] * (1 + ENTRIES[name])
        function: Entry = ctypes.CFUNCTYPE(*kinds)(jit.address(prefix + name))
        return function


def text(words: int, prefix: str) -> str:
    """Write the kernel in LLVM's language."""
    from xsavvy.checker.native import collapse, hashing, kernel, seek

    rooms = (collapse, hashing, kernel, seek)
    entries = [next(getattr(r, name) for r in rooms if hasattr(r, name)) for name in ENTRIES]
    return lower(entries, prefix, {"WORDS": words})


@cache
def _digest() -> str:
    """Digest of everything that the kernel's text depends on."""
    digest = hashlib.sha256()
    for name in SOURCES:
        digest.update(files("xsavvy.checker.native").joinpath(f"{name}.py").read_bytes())
    return digest.hexdigest()
