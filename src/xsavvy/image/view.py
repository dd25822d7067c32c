# SPDX-License-Identifier: Apache-2.0
"""One image, component by component: what is saved, what is initial, what the bytes beyond that are not.

A component whose bit in XSTATE_BV is clear is in its initial configuration; the bytes in its place are left over from
something else, and are never read as registers.  MXCSR follows a rule of its own: a kernel writes it with SSE or AVX,
a processor writes and reads it in the standard format whatever XSTATE_BV says.

Sources: SDM "XSAVE Header", "MXCSR State", "Operation of XRSTOR"; linux arch/x86/kernel/fpu/xstate.c
__copy_xstate_to_uabi_buf().
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from xsavvy.image import legacy
from xsavvy.image.file.saved import Saved
from xsavvy.image.recover import Recovered
from xsavvy.image.registers import MXCSR_INITIAL, initial
from xsavvy.image.value import Context, Register, mxcsr_register, registers
from xsavvy.isa import masks
from xsavvy.isa.components import ALL, SSE, XTILECFG, XTILEDATA, component, indices, names
from xsavvy.isa.layout import Place

__all__ = ["Mxcsr", "Part", "State", "View", "component_bytes", "mxcsr", "view"]

_X87_BYTES = slice(0, 160)
_MXCSR = struct.Struct("<II")
WIDEST_MXCSR = 0x2FFFF
"""Bits that MXCSR has on some processor; the mask in an image is not asked by any restore."""


class State(enum.Enum):
    """What an image says of a component."""

    SAVED = "saved"
    INITIAL = "initial"
    CUT = "cut off"
    UNPLACED = "no known place"


class Mxcsr(enum.Enum):
    """What an image says of MXCSR."""

    SAVED = "saved"
    INITIAL = "initial"
    STALE = "stale"


@dataclass(frozen=True)
class Part:
    """A component of an image.

    Attributes:
        index, name, title: which; MXCSR has no index.
        state: saved, initial, cut off, or without a known place.
        offset, size: its place in bytes, None if it has none.
        registers: with values, empty unless saved.
        stale: bytes in its place that mean nothing, if there are any.
        note: what is to be known about it.
    """

    index: int | None
    name: str
    title: str
    state: str
    offset: int | None = None
    size: int | None = None
    registers: tuple[Register, ...] = ()
    stale: bytes = b""
    note: str = ""


@dataclass(frozen=True)
class View:
    """An image taken apart.

    Attributes:
        saved, recovered: what it is made of.
        parts: MXCSR and every component that the image speaks of, lowest first.
        remarks: sentences about the whole.
    """

    saved: Saved
    recovered: Recovered
    parts: tuple[Part, ...]
    remarks: tuple[str, ...]


def component_bytes(saved: Saved, recovered: Recovered, index: int) -> bytes | None:
    """Give a saved component's bytes; None if it is not saved, has no known place, or is cut off.

    >>> from xsavvy.image.recover import Certainty
    >>> from xsavvy.isa.layout import LEGACY_PLACES, Layout
    >>> area = bytearray(576)
    >>> area[512] = 2
    >>> where = Recovered(Layout(LEGACY_PLACES), Certainty.FITS, "")
    >>> component_bytes(Saved(bytes(area)), where, 1) == bytes(256)
    True
    >>> component_bytes(Saved(bytes(area)), where, 0) is None
    True
    """
    place = recovered.layout.get(index)
    if not saved.header.xstate_bv >> index & 1 or place is None or place.end > len(saved.area):
        return None
    return saved.area[place.offset : place.end]


def mxcsr(saved: Saved) -> tuple[Mxcsr, int, int]:
    """Give what an image says of MXCSR, its value and its mask as they stand in the area.

    In the standard format written by a processor it counts always, unless no processor accepts it.
    """
    value, mask = _MXCSR.unpack_from(saved.area, 24)
    xstate_bv = saved.header.xstate_bv
    if saved.header.compacted:
        counts = masks.compacted_loads_mxcsr(ALL, xstate_bv)
    elif saved.fxsave:
        counts = xstate_bv & SSE
    else:
        counts = xstate_bv & masks.MXCSR_BITS
        if not counts and not saved.by_a_kernel:
            counts = masks.mxcsr_ok(value, WIDEST_MXCSR)
    if counts:
        return Mxcsr.SAVED, value, mask
    left_over = value not in {0, MXCSR_INITIAL}
    return (Mxcsr.STALE if left_over else Mxcsr.INITIAL), value, mask


def view(saved: Saved, recovered: Recovered, lanes: str = "") -> View:
    """Take an image apart; `lanes` asks for lanes of vectors and tiles of that kind."""
    context = Context(lanes, _lower(saved, recovered), component_bytes(saved, recovered, 17))
    parts = [_part(saved, recovered, index, context) for index in indices(saved.named)]
    parts.insert(1 if saved.named & 1 else 0, _mxcsr_part(saved))
    return View(saved, recovered, tuple(parts), tuple(_remarks(saved, recovered)))


def _lower(saved: Saved, recovered: Recovered) -> Mapping[int, bytes]:
    """Give the lower parts of vectors: saved, or initial where the image says so."""
    found = {}
    for index in (1, 2):
        if saved.header.xstate_bv >> index & 1:
            data = component_bytes(saved, recovered, index)
        else:
            data = bytes(256)
        if data is not None:
            found[index] = data
    return found


def _part(saved: Saved, recovered: Recovered, index: int, context: Context) -> Part:
    name = names(1 << index)[0]
    try:
        title = component(index).title
    except KeyError:
        title = "a component that has no meaning yet"
    place = recovered.layout.get(index)
    if not saved.header.xstate_bv >> index & 1:
        stale = _stale(saved, index, place)
        note = f"{len(stale)} bytes in its place are left over from something else" if stale else ""
        offset, size = place or (None, None)
        return Part(index, name, title, State.INITIAL.value, offset, size, (), stale, note)
    if place is None:
        return Part(
            index, name, title, State.UNPLACED.value, note="its bytes cannot be told from others"
        )
    if place.end > len(saved.area):
        note = f"it ends at byte {place.end}, the area at {len(saved.area)}"
        return Part(index, name, title, State.CUT.value, *place, note=note)
    data = saved.area[place.offset : place.end]
    note = "the initial configuration" if is_initial(index, data) else ""
    found = registers(index, data, context)
    return Part(index, name, title, State.SAVED.value, *place, found, b"", note)


def is_initial(index: int, data: bytes) -> bool:
    """Tell whether a component's bytes are its initial configuration; x87's padding does not count.

    >>> is_initial(9, bytes(8)), is_initial(0, legacy.INITIAL), is_initial(0, bytes(160))
    (True, True, False)
    """
    if index == 0:
        return registers(0, data) == registers(0, legacy.INITIAL)
    return data == initial(index, len(data))


def _stale(saved: Saved, index: int, place: Place | None) -> bytes:
    if place is None or place.offset >= len(saved.area):
        return b""
    data = saved.area[place.offset : min(place.end, len(saved.area))]
    if index == 0:
        return b"" if _blank_x87(data) else data[:24] + data[32:]
    return b"" if data in (bytes(len(data)), initial(index, len(data))) else data


def _blank_x87(data: bytes) -> bool:
    words, stack = data[:24], data[32:]
    return not any(stack) and words in (bytes(24), legacy.INITIAL[:24])


def _mxcsr_part(saved: Saved) -> Part:
    state, value, mask = mxcsr(saved)
    if state is Mxcsr.SAVED:
        bits = saved.header.xstate_bv & masks.MXCSR_BITS
        note = "" if bits or saved.header.compacted else "XRSTOR loads it whatever XSTATE_BV says"
        return Part(
            None,
            "MXCSR",
            "MXCSR and its mask",
            state.value,
            24,
            8,
            mxcsr_register(value, mask),
            note=note,
        )
    if state is Mxcsr.INITIAL:
        return Part(None, "MXCSR", "MXCSR and its mask", state.value, 24, 8)
    note = "4 bytes in its place are left over from something else"
    if not saved.header.compacted:
        note += "; XRSTOR would load them"
    return Part(
        None, "MXCSR", "MXCSR and its mask", Mxcsr.INITIAL.value, 24, 8, (), saved.area[24:32], note
    )


def _remarks(saved: Saved, recovered: Recovered) -> list[str]:
    """Say what concerns the whole image: XFD, a damaged header, values beside the area."""
    head, found = saved.header, []
    tiles = XTILECFG | XTILEDATA
    if head.xstate_bv & XTILEDATA:
        found.append("XTILEDATA is saved: where IA32_XFD[18]=1 a restore faults with #NM")
    elif head.compacted and head.xcomp_bv & XTILEDATA:
        found.append(
            "XCOMP_BV has XTILEDATA and XSTATE_BV has not: initial, or disabled by IA32_XFD when it was saved"
        )
    if head.xstate_bv & tiles == XTILEDATA and component_bytes(saved, recovered, 18) is not None:
        found.append("XTILEDATA is saved with TILECFG initial: no tile is configured")
    if head.xstate_bv_63:
        found.append("XSTATE_BV has bit 63, which is never legal")
    if not head.bytes_16_23_zero or not head.bytes_24_63_zero:
        found.append("reserved bytes of the header are not 0")
    if not head.compacted and head.xcomp_bv:
        found.append("XCOMP_BV has bits without bit 63, which is never legal")
    if head.compacted and head.xstate_bv & ~head.xcomp_bv:
        words = ", ".join(names(head.xstate_bv & ~head.xcomp_bv))
        found.append(f"XSTATE_BV names {words}, which XCOMP_BV does not")
    found += [f"beside the area: {name} {value:#x}" for name, value in saved.beside.items()]
    return found
