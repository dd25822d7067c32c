# SPDX-License-Identifier: Apache-2.0
"""Cores of others: every field of their answer key, and what is not state is not shown as such."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.image.core import KNOWN, PART, core, cores, elf, key, layout_note, note, prstatus
from xsavvy.image.file import Kind, Saved, UnreadableImage, read, read_bytes
from xsavvy.image.recover import Certainty, recover
from xsavvy.image.view import View, view

PREFIX = "lldb/Shell__Register__Core__Inputs__"
NAMES = {"fctrl": "fcw", "fstat": "fsw", "ftag": "ftw", "mxcsrmask": "mxcsr_mask"}
GENERAL = {"ecx", "edx", "edi", "esi"}
SYSTEMS = ("32-freebsd", "32-linux", "64-freebsd", "64-linux")


def areas(path: Path) -> list[Saved]:
    with path.open("rb") as file:
        return list(read(file, path.name))


def taken_apart(saved: Saved) -> View:
    return view(saved, recover(saved, known=KNOWN))


def register(found: View, name: str) -> bytes:
    """The bytes of a register as in memory; an initial component is zero, but for MXCSR."""
    if name.startswith("mm") and name[2:].isdigit():
        return register(found, f"st{name[2:]}")[:8]
    for part in found.parts:
        for each in part.registers:
            if each.name == NAMES.get(name, name):
                return bytes.fromhex(each.hex[2:])[::-1]
    return b""


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_field_of_the_answer_key(system: str) -> None:
    """Each x87 and SSE field that LLDB expects of a core is decoded to the same bytes."""
    found = taken_apart(areas(core(f"{PREFIX}x86-{system}.core"))[0])
    fields = list(key(core("lldb/x86-fp.check").read_text()))
    assert len(fields) == 30
    for _, name, expected in fields:
        assert register(found, name).ljust(len(expected), b"\0") == expected, name


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_thread_of_the_answer_key(system: str) -> None:
    """Each thread has the registers that LLDB expects of it."""
    found = {
        each.owner: taken_apart(each)
        for each in areas(core(f"{PREFIX}x86-{system}-multithread.core"))
    }
    asked = 0
    for thread, name, expected in key(core(f"lldb/x86-{system}-multithread.test").read_text()):
        if name not in GENERAL and not name.startswith("r"):
            assert register(found[f"thread {thread}"], name) == expected, (thread, name)
            asked += 1
    assert asked >= 9


@pytest.mark.parametrize("path", cores())
def test_every_core_has_a_layout_and_registers(path: Path) -> None:
    """Every core is read, its layout is sure, and only what XSTATE_BV names has registers."""
    for saved in areas(path):
        found = taken_apart(saved)
        assert found.recovered.certainty is Certainty.FITS
        for part in found.parts:
            if part.index is not None:
                assert bool(part.registers) == bool(saved.header.xstate_bv >> part.index & 1)


def test_upper_halves_are_joined_to_the_lower() -> None:
    """YMM0 of the core with an answer key is 0 to 31, its upper half from the AVX component."""
    (avx,) = [
        part
        for part in taken_apart(areas(core(f"{PREFIX}x86-64-linux.core"))[0]).parts
        if part.name == "AVX"
    ]
    assert bytes.fromhex(avx.registers[0].whole[2:])[::-1] == bytes(range(32))


def test_what_is_left_over_is_no_register() -> None:
    """Text of a kernel's log in the legacy region of an image without state is named, not decoded."""
    area = bytearray(832)
    area[:80] = (
        b"audit(1585619904.688:235): auid=1000 uid=0 gid=0 ses=1 subj=unconfined_t:s0-s0:c0"[:80]
    )
    area[464] = 7
    (saved,) = read_bytes(elf([note(b"CORE", 1, prstatus(9)), note(b"LINUX", 0x202, bytes(area))]))
    parts = {part.name: part for part in taken_apart(saved).parts}
    assert not any(part.registers for part in parts.values())
    assert parts["X87"].state == parts["MXCSR"].state == "initial"
    assert b"audit(158561" in parts["X87"].stale
    assert "XRSTOR would load them" in parts["MXCSR"].note


def test_the_layout_note_is_believed() -> None:
    """A component lies where NT_X86_XSAVE_LAYOUT says, wherever known processors have it."""
    area = bytearray(1000)
    area[512:514], area[904] = (0x200).to_bytes(2, "little"), 0x0C
    notes = [
        note(b"CORE", 1, prstatus(3)),
        note(b"LINUX", 0x202, bytes(area)),
        layout_note((9, 8, 904)),
    ]
    (saved,) = read_bytes(elf(notes))
    found = taken_apart(saved)
    assert found.recovered.certainty is Certainty.STATED
    assert register(found, "pkru") == b"\x0c\0\0\0"


def test_older_notes_are_read_where_there_is_no_other() -> None:
    """NT_PRFPREG alone, as FXSAVE or as FSAVE wrote it, gives x87 and what it has beside."""
    fxsave = bytearray(512)
    fxsave[24:26], fxsave[160] = b"\x80\x1f", 0xAB
    (saved,) = read_bytes(elf([note(b"CORE", 1, prstatus(3)), note(b"CORE", 2, bytes(fxsave))]))
    assert register(taken_apart(saved), "xmm0")[0] == 0xAB
    fsave = bytearray(108)
    fsave[0:2], fsave[8:10], fsave[28:38] = b"\x7b\x03", b"\xfc\xff", bytes(range(10))
    (saved,) = read_bytes(elf([note(b"CORE", 1, prstatus(3)), note(b"CORE", 2, bytes(fsave))]))
    found = taken_apart(saved)
    assert register(found, "st0") == bytes(range(10))
    assert register(found, "ftw") == b"\x01"
    assert [part.name for part in found.parts] == ["X87", "MXCSR"]


XSTATE = note(b"LINUX", 0x202, bytes(832))
REFUSED = {
    "expected one note of type 0x202": elf([note(b"CORE", 1, prstatus(3)), XSTATE, XSTATE]),
    "found two overlapping": elf([XSTATE], segments=2),
    "expected at most 64 PT_NOTE segments": elf([XSTATE], segments=70),
    "found 12": elf([note(b"LINUX", 0x202, bytes(12))]),
    "expected a core with NT_X86_XSTATE": elf([note(b"CORE", 1, prstatus(3))]),
    "cut off": elf([XSTATE])[:-4],
    f"at {1 << 63}": elf([XSTATE])[:72] + (1 << 63).to_bytes(8, "little") + elf([XSTATE])[80:],
    "found sizes 6 and 4294967295": elf([b"\x06\0\0\0\xff\xff\xff\xff\2\2\0\0LINUX\0\0\0"]),
    "found ET_CORE of EM_AARCH64": elf([XSTATE], machine=183),
    "expected an ELF header": b"\x7fELF\x02\x01\x01",
    "expected 9 program headers of 56 bytes": elf([])[:56] + b"\x09\0" + elf([])[58:],
    "found 0 bytes each": elf([])[:54] + b"\0\0\xff\xfe" + elf([])[58:],
    "expected each component once": elf([XSTATE, layout_note((9, 8, 900), (9, 8, 950))]),
    "found component 9 with 8 bytes at 65530": elf([XSTATE, layout_note((9, 8, 65530))]),
    "expected components apart": elf([XSTATE, layout_note((2, 256, 576), (9, 8, 800))]),
    "expected one NT_X86_XSAVE_LAYOUT": elf([XSTATE, layout_note(), layout_note()]),
    "expected entries of 16 bytes": elf([XSTATE, note(b"LINUX", 0x205, bytes(15))]),
    "FSAVE, found 20": elf([note(b"CORE", 1, prstatus(3)), note(b"CORE", 2, bytes(20))]),
}


@pytest.mark.parametrize("words", REFUSED)
def test_damaged_cores_get_one_line(words: str) -> None:
    """A damaged core is refused on one line that says what was expected."""
    with pytest.raises(UnreadableImage) as caught:
        read_bytes(REFUSED[words], "a.core")
    message = str(caught.value)
    assert words in message
    assert message.startswith("a.core: ")
    assert message.isprintable()


def test_a_forced_reader_is_used() -> None:
    """`kind` decides: a core read as raw is its bytes, which are no area."""
    with pytest.raises(UnreadableImage, match="expected an ELF header"):
        read_bytes(bytes(832), kind=Kind.ELF)
    assert len(read_bytes(bytes(64) + bytes(832), kind=Kind.RAW)[0].area) == 896


def test_the_vendor_shows_in_a_core_without_a_layout() -> None:
    """AVX-512 of an AMD core is found at AMD's offsets, for its size alone."""
    area = bytearray(PART["genoa"].standard.size)
    area[464:466], area[512] = (0x2E7).to_bytes(2, "little"), 0xE7
    area[832] = 0x55
    (saved,) = read_bytes(elf([note(b"CORE", 1, prstatus(3)), note(b"LINUX", 0x202, bytes(area))]))
    found = taken_apart(saved)
    assert found.recovered.fits == ("genoa", "bergamo", "turin")
    assert register(found, "k0")[0] == 0x55
