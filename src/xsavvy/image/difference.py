# SPDX-License-Identifier: Apache-2.0
"""What two images say differently: by meaning, register by register.

A component whose bit is clear means its initial configuration, so an image that saved it and one that did not may be
equal.  Formats, layouts, padding and left-over bytes do not count.
"""

from __future__ import annotations

from dataclasses import dataclass

from xsavvy.image import legacy
from xsavvy.image.file.saved import Saved
from xsavvy.image.recover import Recovered
from xsavvy.image.registers import MXCSR_INITIAL, initial
from xsavvy.image.value import Context, Register, registers
from xsavvy.image.view import Mxcsr, component_bytes, mxcsr
from xsavvy.isa.components import indices, names

__all__ = ["Difference", "Side", "differences"]


@dataclass(frozen=True)
class Side:
    """One of the two images and its layout."""

    saved: Saved
    recovered: Recovered


@dataclass(frozen=True)
class Difference:
    """A register that is not the same.

    Attributes:
        component, register: which; the register is empty if a component cannot be compared.
        one, other: the two values as numbers.
        one_value, other_value: as people write them, if that is something else.
        note: why it cannot be compared, if it cannot.
    """

    component: str
    register: str
    one: str = ""
    other: str = ""
    one_value: str = ""
    other_value: str = ""
    note: str = ""


def differences(one: Side, other: Side) -> list[Difference]:
    """Compare two images.

    >>> from xsavvy.image.recover import Certainty
    >>> from xsavvy.isa.layout import LEGACY_PLACES, Layout
    >>> where = Recovered(Layout(LEGACY_PLACES), Certainty.FITS, "")
    >>> saved, initial = bytearray(576), bytearray(576)
    >>> saved[512], saved[24:28] = 2, (0x1F80).to_bytes(4, "little")
    >>> initial[24:28] = saved[24:28]
    >>> differences(Side(Saved(bytes(saved)), where), Side(Saved(bytes(initial)), where))
    []
    """
    found = _mxcsr(one, other)
    for index in indices(one.saved.header.xstate_bv | other.saved.header.xstate_bv):
        found += _component(index, one, other)
    return found


def _mxcsr(one: Side, other: Side) -> list[Difference]:
    values = [_mxcsr_value(side.saved) for side in (one, other)]
    if values[0] == values[1]:
        return []
    return [Difference("MXCSR", "mxcsr", f"{values[0]:#010x}", f"{values[1]:#010x}")]


def _mxcsr_value(saved: Saved) -> int:
    state, value, _ = mxcsr(saved)
    return value if state is Mxcsr.SAVED else MXCSR_INITIAL


def _component(index: int, one: Side, other: Side) -> list[Difference]:
    name = names(1 << index)[0]
    data = [_bytes(side, index) for side in (one, other)]
    for which, each, side in zip(("first", "second"), data, (one, other), strict=True):
        if each is None and side.saved.header.xstate_bv >> index & 1:
            note = f"the {which} image has it at no known place, or cut off"
            return [Difference(name, "", note=note)]
    size = max(len(each) for each in data if each is not None)
    parts = [_initial(index, size) if each is None else each.ljust(size, b"\0") for each in data]
    if parts[0] == parts[1]:
        return []
    decoded = [
        registers(index, part, Context(tilecfg=component_bytes(side.saved, side.recovered, 17)))
        for part, side in zip(parts, (one, other), strict=True)
    ]
    return list(_registers(name, *decoded))


def _bytes(side: Side, index: int) -> bytes | None:
    return component_bytes(side.saved, side.recovered, index)


def _initial(index: int, size: int) -> bytes:
    return legacy.INITIAL[:160].ljust(size, b"\0") if index == 0 else initial(index, size)


def _registers(
    name: str, one: tuple[Register, ...], other: tuple[Register, ...]
) -> list[Difference]:
    sides = [{each.name: each for each in side} for side in (one, other)]
    absent = Register("", "0x0")
    found = []
    for key in dict.fromkeys((*sides[0], *sides[1])):
        first, second = (side.get(key, absent) for side in sides)
        if first.hex != second.hex:
            found.append(Difference(name, key, first.hex, second.hex, first.value, second.value))
    return found
