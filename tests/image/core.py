# SPDX-License-Identifier: Apache-2.0
"""Third-party cores beside the checkout, their answer key, and files that tests make themselves."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from xsavvy.cpuid.presets import PRESETS
from xsavvy.cpuid.processor import processor
from xsavvy.image.recover import Candidate

CORES = Path(__file__).resolve().parents[3] / "shared" / "data" / "cores"
ABSENT = "no third-party cores beside the checkout (../shared/data/cores)"
KNOWN = [Candidate(name, processor(PRESETS[name].table)) for name in PRESETS]
PART = {each.name: each.processor for each in KNOWN}
FIELD = re.compile(r"CHECK-DAG: (\w+) = (0x[0-9a-f]+|\{[^}]*\})")
TID = re.compile(r"thread #(\d+): tid = (\d+)")


def core(name: str) -> Path:
    """A core; skips the test where it is absent."""
    path = CORES / name
    if not path.exists():
        pytest.skip(ABSENT)
    return path


def cores() -> list[object]:
    """One parameter per core, or one that skips with the reason."""
    paths = [path for path in sorted(CORES.glob("*/*")) if is_core(path)]
    if not paths:
        return [pytest.param(Path("cores"), marks=pytest.mark.skip(reason=ABSENT))]
    return [pytest.param(path, id=path.name.rpartition("__")[2]) for path in paths]


def is_core(path: Path) -> bool:
    """Whether a file of the folder is a core, by its first bytes."""
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def key(text: str) -> Iterator[tuple[int, str, bytes]]:
    """The fields of an answer key: thread (0 where none is selected), register, bytes as in memory."""
    tids = {int(number): int(tid) for number, tid in TID.findall(text)}
    thread = tids.get(1, 0)
    for line in text.splitlines():
        selected = re.match(r"thread select (\d+)", line)
        if selected:
            thread = tids[int(selected[1])]
        found = FIELD.search(line)
        if found:
            yield thread, found[1], _bytes(found[2])


def _bytes(value: str) -> bytes:
    if value.startswith("{"):
        return bytes(int(each, 16) for each in value.strip("{}").split())
    return int(value, 16).to_bytes((len(value) - 1) // 2, "little")


def note(owner: bytes, kind: int, data: bytes) -> bytes:
    """A note as it stands in a core."""
    name = owner + b"\0"
    head = struct.pack("<III", len(name), len(data), kind)
    return (
        head + name.ljust(-(-len(name) // 4) * 4, b"\0") + data.ljust(-(-len(data) // 4) * 4, b"\0")
    )


def prstatus(tid: int) -> bytes:
    """NT_PRSTATUS of a 64-bit Linux thread, as far as it is read."""
    return bytes(32) + struct.pack("<I", tid) + bytes(300)


def elf(notes: Iterable[bytes], *, segments: int = 1, machine: int = 62) -> bytes:
    """A 64-bit core of nothing but notes, in that many segments with the same bytes."""
    data = b"".join(notes)
    start = 64 + 56 * segments
    head = b"\x7fELF\x02\x01\x01".ljust(16, b"\0") + struct.pack(
        "<HHIQQQIHHHHHH", 4, machine, 1, 0, 64, 0, 0, 64, 56, segments, 64, 0, 0
    )
    segment = struct.pack("<IIQQQQQQ", 4, 0, start, 0, 0, len(data), 0, 4)
    return head + segment * segments + data


def layout_note(*entries: tuple[int, int, int]) -> bytes:
    """NT_X86_XSAVE_LAYOUT with components, sizes and offsets."""
    return note(b"LINUX", 0x205, b"".join(struct.pack("<IIII", *each, 0) for each in entries))
