# SPDX-License-Identifier: Apache-2.0
"""Machine code from LLVM's intermediate representation, by llvmlite.

Modules are small and added by key; a key stands for everything that its text depends on, so
that the text is only written when the object code is not in the cache.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import cache

import llvmlite
import llvmlite.binding as llvm

from xsavvy.checker.native.cache import Cache

LEVEL = 2  # of optimisation


def _new_target(level: int) -> llvm.TargetMachine:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=level,
        jit=True,
    )


# An engine owns its target and frees it: what only compiles has one of its own.
_target = cache(_new_target)


@cache
def machine_name(level: int) -> str:
    """Name what object code is made by and for."""
    return " ".join(
        (
            llvmlite.__version__,
            ".".join(map(str, llvm.llvm_version_info)),
            llvm.get_process_triple(),
            llvm.get_host_cpu_name(),
            llvm.get_host_cpu_features().flatten(),
            str(level),
        )
    )


def compiled(text: str, level: int = LEVEL) -> bytes:
    """Compile the text of a module to object code."""
    target = _target(level)
    context = llvm.create_context()
    module = llvm.parse_assembly(text, context)
    module.triple = llvm.get_process_triple()
    module.data_layout = str(target.target_data)
    tuning = llvm.create_pipeline_tuning_options(speed_level=level)
    tuning.loop_vectorization = False
    tuning.slp_vectorization = False
    builder = llvm.create_pass_builder(target, tuning)
    builder.getModulePassManager().run(module, builder)
    code: bytes = target.emit_object(module)
    return code


class Jit:
    """Modules in memory; what is added is compiled or fetched when an address is asked for."""

    def __init__(self, cache: Cache | None = None, level: int = LEVEL) -> None:
        self.level = level
        self.cache = cache if cache is not None else Cache()
        self.waiting: dict[bytes, Callable[[], str]] = {}
        self.loaded: set[bytes] = set()
        self.compiled = 0
        self.unfinished = False
        self.context = llvm.create_context()
        empty = llvm.parse_assembly("", self.context)
        self.engine = llvm.create_mcjit_compiler(empty, _new_target(level))

    def add(self, key: str, text: Callable[[], str]) -> None:
        """Add a module by its key; `text` writes it if it is not known."""
        digest = hashlib.sha256(f"{machine_name(self.level)}\0{key}".encode()).digest()
        if digest not in self.loaded:
            self.waiting[digest] = text

    def fetch(self) -> bool:
        """Take what was added from the cache; return whether that was all of it."""
        codes = self.cache.find(self.waiting) if self.waiting else {}
        for key, code in codes.items():
            self._place(key, code)
            del self.waiting[key]
        return not self.waiting

    def load(self) -> None:
        """Fetch or compile what was added."""
        if not self.fetch():
            self.take(self.prepare())
        if self.unfinished:
            self.engine.finalize_object()
            self.unfinished = False

    def prepare(self) -> dict[bytes, bytes]:
        """Compile what is not in the cache, in any thread; `take` puts it into use."""
        made = {key: compiled(text(), self.level) for key, text in self.waiting.items()}
        self.cache.keep(made)
        return made

    def take(self, made: Mapping[bytes, bytes]) -> None:
        """Put prepared code into use."""
        self.compiled += len(made)
        for key, code in made.items():
            self.waiting.pop(key, None)
            self._place(key, code)

    def _place(self, key: bytes, code: bytes) -> None:
        self.engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        self.loaded.add(key)
        self.unfinished = True

    def address(self, name: str) -> int:
        """Find the address of a function. Raises KeyError."""
        self.load()
        found: int = self.engine.get_function_address(name)
        if not found:
            raise KeyError(name)
        return found
