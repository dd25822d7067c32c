# SPDX-License-Identifier: Apache-2.0
"""What the functions of `images` are given by name: files with areas, CPUs, kernels, components."""

import io
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import IO

from xsavvy.cpuid import UnreadableDump, read
from xsavvy.cpuid.presets import PRESETS
from xsavvy.cpuid.processor import IncompleteTable, processor
from xsavvy.image.file import Kind, Saved, UnreadableImage
from xsavvy.image.file import read as read_image
from xsavvy.image.recover import Candidate, Recovered, recover
from xsavvy.isa.components import COMPONENTS
from xsavvy.kvm import NEWEST, Kernel, UnknownKernel
from xsavvy.kvm import kernel as kernel_named
from xsavvy.live import Unreachable, read_cpuid

from .file import dump_bytes, reading
from .usage import UsageError, unknown

__all__ = [
    "layout_of",
    "mask_of",
    "named_cpu",
    "named_kernel",
    "names_mxcsr",
    "read_areas",
    "this_cpu",
]

STREAM_LIMIT = 256 << 20
THIS_MACHINE = "this machine"


def read_areas(path: str, kind: str | None, thread: int | None) -> tuple[Saved, ...]:
    """Read the areas of a file or of standard input (`-`), all or those of a thread. Raises UsageError."""
    kinds = {each.value: each for each in Kind}
    if kind is not None and kind not in kinds:
        raise unknown("kind of image", kind, kinds)
    wanted = None if kind is None else kinds[kind]
    try:
        if path == "-":
            areas = read_image(_whole(sys.stdin.buffer, "<stdin>"), "<stdin>", wanted)
        else:
            with reading(path), Path(path).open("rb") as file:
                areas = read_image(file if file.seekable() else _whole(file, path), path, wanted)
    except UnreadableImage as error:
        raise UsageError(str(error)) from None
    if thread is None:
        return areas
    found = tuple(each for each in areas if each.owner == f"thread {thread}")
    if not found:
        raise unknown(
            "thread",
            str(thread),
            [
                each.owner.removeprefix("thread ")
                for each in areas
                if each.owner.startswith("thread ")
            ],
        )
    return found


def _whole(stream: IO[bytes], name: str) -> IO[bytes]:
    """Take what comes out of a pipe, so that it can be sought in."""
    data = stream.read(STREAM_LIMIT + 1)
    if len(data) > STREAM_LIMIT:
        raise UsageError(f"{name}: expected at most {STREAM_LIMIT} bytes from a pipe; give a file")
    return io.BytesIO(data)


def named_cpu(cpu: str | None) -> Candidate | None:
    """Return the CPU that a preset's name or a file with a CPUID dump names, if one is named. Raises UsageError."""
    if cpu is None:
        return None
    if cpu in PRESETS:
        return Candidate(cpu, processor(PRESETS[cpu].table))
    try:
        return Candidate(cpu, processor(read(dump_bytes(cpu, "CPU"), cpu)))
    except (UnreadableDump, IncompleteTable) as error:
        raise UsageError(str(error)) from None


def this_cpu() -> Candidate:
    """Return the CPU that this runs on. Raises UsageError."""
    try:
        return Candidate(THIS_MACHINE, processor(read_cpuid()))
    except (Unreachable, IncompleteTable) as error:
        raise UsageError(f"this machine's CPUID cannot be used ({error}): name a CPU") from None


def layout_of(saved: Saved, made_by: Candidate | None) -> Recovered:
    """Find the layout of an image, of all known CPUs if nobody says which made it."""
    if saved.layout is not None or made_by is not None:
        return recover(saved, made_by)
    return recover(saved, None, _known())


@cache
def _known() -> tuple[Candidate, ...]:
    return tuple(Candidate(name, processor(PRESETS[name].table)) for name in PRESETS)


def named_kernel(name: str | None) -> Kernel:
    """Return a kernel by name, the newest by default. Raises UsageError."""
    try:
        return kernel_named(name or NEWEST)
    except UnknownKernel as error:
        raise UsageError(str(error)) from None


def mask_of(components: Sequence[str]) -> int:
    """Return the mask of components by name; MXCSR is none. Raises UsageError."""
    known = {each.name: each.mask for each in COMPONENTS}
    mask = 0
    for name in components:
        if name.upper() == "MXCSR":
            continue
        if name.upper() not in known:
            raise unknown("component", name, (*known, "MXCSR"))
        mask |= known[name.upper()]
    return mask


def names_mxcsr(components: Sequence[str]) -> bool:
    """Tell whether MXCSR is among the names."""
    return any(name.upper() == "MXCSR" for name in components)
