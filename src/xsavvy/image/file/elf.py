# SPDX-License-Identifier: Apache-2.0
"""ELF cores of Linux and FreeBSD: the extended state of every thread, from the notes.

A thread's notes follow its NT_PRSTATUS.  NT_X86_XSTATE is an area in the standard format; a thread without
it may have the older notes, NT_PRXFPREG or NT_PRFPREG.  NT_X86_XSAVE_LAYOUT (Linux 6.12) says for the whole
core where components lie.  Headers are read by pyelftools, notes here, as their sizes may lie.

Sources: linux fs/binfmt_elf.c, arch/x86/kernel/fpu/xstate.c dump_xsave_layout_desc(); FreeBSD sys/kern/imgact_elf.c.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import IO, TYPE_CHECKING, Final, NamedTuple

from xsavvy.isa.layout import EXTENDED_OFFSET, LEGACY_PLACES, Layout, Place

from .fsave import FSAVE_BYTES, from_fsave
from .saved import (
    FXSAVE_BYTES,
    MAX_AREA,
    MAX_AREAS,
    Kind,
    Saved,
    UnreadableImage,
    from_fxsave,
    sized,
)

if TYPE_CHECKING:
    from elftools.elf.elffile import ELFFile

__all__ = ["MAGIC", "MAX_NOTES", "read_elf"]

MAGIC: Final = b"\x7fELF"
MAX_NOTES: Final = 64 << 20
"""Bytes of notes that are read, all segments together."""
MAX_NOTE_SEGMENTS: Final = 64
PT_NOTE: Final = 4
NT_PRSTATUS, NT_PRFPREG = 1, 2
NT_X86_XSTATE, NT_X86_XSAVE_LAYOUT = 0x202, 0x205
NT_PRXFPREG: Final = 0x46E62B7F
_HEAD: Final = struct.Struct("<III")
_LAYOUT: Final = struct.Struct("<IIII")
_PID: Final = {("CORE", 64): 32, ("CORE", 32): 24, ("FreeBSD", 64): 40, ("FreeBSD", 32): 24}
"""Where NT_PRSTATUS has the number of the thread."""


class Note(NamedTuple):
    """One note: who defines it, what it is, its bytes."""

    owner: str
    kind: int
    data: bytes


@dataclass
class _Thread:
    """The notes of one thread, as far as they matter."""

    name: str
    notes: dict[int, bytes] = field(default_factory=dict)


def read_elf(stream: IO[bytes], name: str) -> tuple[Saved, ...]:
    """Read every thread's extended state from a core. Raises UnreadableImage."""
    elf, segments = _core(stream, name)
    threads: list[_Thread] = []
    layout: Layout | None = None
    for note in _notes(stream, segments, name):
        if note.kind == NT_X86_XSAVE_LAYOUT and note.owner == "LINUX":
            if layout is not None:
                raise UnreadableImage(f"{name}: expected one NT_X86_XSAVE_LAYOUT, found two")
            layout = read_layout(note.data, name)
        else:
            _collect(threads, note, elf.elfclass, name)
    found = [saved for thread in threads if (saved := _saved(thread, layout, name))]
    if not found:
        raise UnreadableImage(
            f"{name}: expected a core with NT_X86_XSTATE or NT_PRFPREG notes, found none"
            f" in {len(threads)} threads"
        )
    return tuple(found)


def _core(stream: IO[bytes], name: str) -> tuple[ELFFile, list[tuple[int, int]]]:
    """Parse the headers; give offset and size of each PT_NOTE segment."""
    from elftools.elf.elffile import ELFFile

    try:
        elf = ELFFile(stream)
        kind, machine = elf["e_type"], elf["e_machine"]
    except Exception as error:  # the library meets hostile bytes with whatever comes
        raise UnreadableImage(f"{name}: expected an ELF header, found {_words(error)}") from None
    if kind != "ET_CORE" or machine not in {"EM_X86_64", "EM_386"} or not elf.little_endian:
        raise UnreadableImage(
            f"{name}: expected a core (ET_CORE) of EM_X86_64 or EM_386, found {kind} of {machine}"
        )
    try:
        count, entry, start = elf.num_segments(), elf["e_phentsize"], elf["e_phoff"]
        smallest = 56 if elf.elfclass == 64 else 32
        if entry < smallest or start + count * entry > stream.seek(0, 2):
            raise UnreadableImage(
                f"{name}: expected {count} program headers of {smallest} bytes inside the file,"
                f" found {entry} bytes each from {start} on"
            )
        return elf, _note_segments(elf, stream, (start, count, entry), name)
    except UnreadableImage:
        raise
    except Exception as error:
        raise UnreadableImage(f"{name}: expected program headers, found {_words(error)}") from None


def _words(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:120]


def _note_segments(
    elf: ELFFile, stream: IO[bytes], table: tuple[int, int, int], name: str
) -> list[tuple[int, int]]:
    start, count, entry = table
    stream.seek(start)
    headers = stream.read(count * entry)
    found: list[tuple[int, int]] = []
    for number in range(count):
        if int.from_bytes(headers[number * entry : number * entry + 4], "little") == PT_NOTE:
            segment = elf.get_segment(number)
            found.append((segment["p_offset"], segment["p_filesz"]))
        if len(found) > MAX_NOTE_SEGMENTS:
            raise UnreadableImage(f"{name}: expected at most {MAX_NOTE_SEGMENTS} PT_NOTE segments")
    found.sort()
    length = stream.seek(0, 2)
    for offset, size in found:
        if offset + size > length:
            raise UnreadableImage(
                f"{name}: expected {size} bytes of notes at {offset}, found a file of {length}: cut off"
            )
    for (offset, size), (following, _) in pairwise(found):
        if offset + size > following:
            raise UnreadableImage(f"{name}: expected PT_NOTE segments apart, found two overlapping")
    return found


def _notes(stream: IO[bytes], segments: list[tuple[int, int]], name: str) -> Iterator[Note]:
    """Give the notes of all segments, each checked to lie inside of its segment."""
    if sum(size for _, size in segments) > MAX_NOTES:
        raise UnreadableImage(f"{name}: expected at most {MAX_NOTES} bytes of notes")
    for start, size in segments:
        stream.seek(start)
        data = stream.read(size)
        at = 0
        while at + _HEAD.size <= size:
            name_size, data_size, kind = _HEAD.unpack_from(data, at)
            body = at + _HEAD.size + _padded(name_size)
            if body + data_size > size:
                raise UnreadableImage(
                    f"{name}: expected a note of at most {size - at} bytes at {start + at},"
                    f" found sizes {name_size} and {data_size}"
                )
            owner = data[at + _HEAD.size : at + _HEAD.size + min(name_size, 16)]
            words = owner.rstrip(b"\0").decode("latin-1")
            yield Note(words, kind, data[body : body + data_size])
            at = body + _padded(data_size)


def _padded(size: int) -> int:
    return size + 3 & ~3


def _collect(threads: list[_Thread], note: Note, bits: int, name: str) -> None:
    """Put a note to the thread that it belongs to."""
    pid = _PID.get((note.owner, bits))
    if note.kind == NT_PRSTATUS and pid is not None:
        if len(threads) >= MAX_AREAS:
            raise UnreadableImage(f"{name}: expected at most {MAX_AREAS} threads")
        number = int.from_bytes(note.data[pid : pid + 4], "little")
        threads.append(_Thread(f"thread {number}"))
        return
    wanted = (
        (note.kind == NT_PRFPREG and pid is not None)
        or (note.kind == NT_PRXFPREG and note.owner == "LINUX")
        or (note.kind == NT_X86_XSTATE and note.owner in {"LINUX", "FreeBSD"})
    )
    if not wanted:
        return
    if not threads:
        threads.append(_Thread("a thread without NT_PRSTATUS"))
    if note.kind in threads[-1].notes:
        raise UnreadableImage(
            f"{name}: expected one note of type {note.kind:#x} for {threads[-1].name}, found two"
        )
    threads[-1].notes[note.kind] = note.data


def _saved(thread: _Thread, layout: Layout | None, name: str) -> Saved | None:
    """Make the most of a thread's notes."""
    notes: Mapping[int, bytes] = thread.notes
    where = f"{name}: {thread.name}"
    if NT_X86_XSTATE in notes:
        area = sized(notes[NT_X86_XSTATE], f"{where}: NT_X86_XSTATE")
        stated_by = "NT_X86_XSAVE_LAYOUT" if layout else ""
        return Saved(area, Kind.ELF, thread.name, layout, stated_by)
    for kind in (NT_PRXFPREG, NT_PRFPREG):
        if len(notes.get(kind, b"")) == FXSAVE_BYTES:
            return from_fxsave(notes[kind], Kind.ELF, thread.name)
    old = notes.get(NT_PRFPREG)
    if old is None:
        return None
    if len(old) < FSAVE_BYTES:
        raise UnreadableImage(
            f"{where}: NT_PRFPREG: expected {FXSAVE_BYTES} bytes of FXSAVE or {FSAVE_BYTES} of"
            f" FSAVE, found {len(old)}"
        )
    return from_fsave(old, Kind.ELF, thread.name)


def read_layout(data: bytes, name: str) -> Layout:
    """Read NT_X86_XSAVE_LAYOUT: type, size, offset and flags of each extended component.

    Raises UnreadableImage for components twice, outside of an area, or over each other.
    """
    if len(data) % _LAYOUT.size:
        raise UnreadableImage(
            f"{name}: NT_X86_XSAVE_LAYOUT: expected entries of {_LAYOUT.size} bytes,"
            f" found {len(data)} bytes"
        )
    places: dict[int, Place] = {}
    for index, size, offset, _ in _LAYOUT.iter_unpack(data[: 64 * _LAYOUT.size]):
        if index < 2:
            continue
        fits = index < 63 and size and EXTENDED_OFFSET <= offset <= offset + size <= MAX_AREA
        if not fits or index in places:
            raise UnreadableImage(
                f"{name}: NT_X86_XSAVE_LAYOUT: expected each component once, inside an area;"
                f" found component {index} with {size} bytes at {offset}"
            )
        places[index] = Place(offset, size)
    order = sorted(places.values())
    for one, other in pairwise(order):
        if one.end > other.offset:
            raise UnreadableImage(
                f"{name}: NT_X86_XSAVE_LAYOUT: expected components apart, found two at"
                f" {other.offset}"
            )
    return Layout({**LEGACY_PLACES, **places})
