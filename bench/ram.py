# SPDX-License-Identifier: Apache-2.0
"""Measure how many random accesses a second this machine's memory takes.

A search needs about one for each transition, so this is the limit that its speed is compared
with. The loop is compiled by gcc, or by llvmlite where there is no gcc.
"""

from __future__ import annotations

import ctypes
import mmap
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Accesses", "better", "measure"]

HERE = Path(__file__).parent
COUNT = 16_000_000
HUGE = getattr(mmap, "MADV_HUGEPAGE", 14)

Touch = Callable[[int, int, int, int], None]
_signature = ctypes.CFUNCTYPE(
    None, ctypes.c_uint64, ctypes.c_uint64, ctypes.c_uint64, ctypes.c_uint64
)


@dataclass(frozen=True)
class Accesses:
    """Prefetched read-modify-writes of 8 random bytes, in millions a second, of all threads."""

    megabytes: int
    threads: int
    millions: float
    compiler: str


def measure(megabytes: int, threads: int, runs: int = 5) -> Accesses:
    """Return the best of some runs on a table that was filled before, in huge pages.

    A limit is the best that was seen: what else runs on the machine can only hide it.
    """
    with _compiled() as (touch, compiler), _memory(megabytes) as memory:
        memory.madvise(HUGE)
        view = ctypes.c_char.from_buffer(memory)
        address = ctypes.addressof(view)
        ctypes.memset(address, 1, megabytes << 20)
        mask = (megabytes << 17) - 1
        _timed(touch, address, mask, threads, 0)
        seconds = [_timed(touch, address, mask, threads, run + 1) for run in range(runs)]
        del view
    rate = threads * COUNT / min(seconds) / 1e6
    return Accesses(megabytes, threads, round(rate, 1), compiler)


def better(one: Sequence[Accesses], other: Sequence[Accesses]) -> list[Accesses]:
    """Take the better of two measurements of the same tables."""
    pairs = zip(one, other, strict=True)
    return [first if first.millions > second.millions else second for first, second in pairs]


def _memory(megabytes: int) -> mmap.mmap:
    # Memory that is shared between processes, Python's default, gets no huge pages.
    return mmap.mmap(-1, megabytes << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)


def _timed(touch: Touch, address: int, mask: int, threads: int, run: int) -> float:
    seeds = [(run * threads + thread) * COUNT for thread in range(threads)]
    workers = [threading.Thread(target=touch, args=(address, mask, s, COUNT)) for s in seeds]
    began = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return time.perf_counter() - began


@contextmanager
def _compiled() -> Iterator[tuple[Touch, str]]:
    if shutil.which("gcc"):
        with tempfile.TemporaryDirectory() as folder:
            library = Path(folder) / "ram.so"
            source = str(HERE / "ram.c")
            command = [
                "gcc",
                "-O2",
                "-march=native",
                "-shared",
                "-fPIC",
                "-o",
                str(library),
                source,
            ]
            subprocess.run(command, check=True)  # noqa: S603
            address = ctypes.cast(ctypes.CDLL(str(library)).touch, ctypes.c_void_p).value or 0
            yield _signature(address), "gcc"
            return
    import llvmlite.binding as llvm

    from xsavvy.checker.native.jit import compiled

    code = compiled((HERE / "ram.ll").read_text())
    target = llvm.Target.from_default_triple().create_target_machine(jit=True)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), target)
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    yield _signature(engine.get_function_address("touch")), "llvmlite"
