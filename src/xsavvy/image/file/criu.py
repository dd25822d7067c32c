# SPDX-License-Identifier: Apache-2.0
"""CRIU's core images: `core-TID.img` (protobuf) and what `crit decode` prints of it (JSON).

CRIU takes an area apart into arrays, one for each component that it knows, and puts it together on the CPU where it
restores.  Here the arrays become an area in the standard format with a layout of its own, which the result states.
A component that is named in XSTATE_BV and has no array is cut off: CRIU lost it.

Sources: CRIU images/core.proto, images/core-x86.proto, criu/include/magic.h, criu/arch/x86/crtools.c (at 2cf8f13c).
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from xsavvy.image import header
from xsavvy.isa.components import ALL
from xsavvy.isa.layout import EXTENDED_OFFSET, LEGACY_PLACES, Layout, Place

from .saved import Kind, Saved, UnreadableImage
from .wire import Malformed, fields, numbers

__all__ = ["MAX_BYTES", "is_crit", "is_criu", "read_crit", "read_criu"]

MAX_BYTES: Final = 8 << 20
MAX_ENTRIES: Final = 4096
_COMMON: Final = (0x54564319).to_bytes(4, "little")
_CORE: Final = (0x55053847).to_bytes(4, "little")
_THREAD_INFO, _FPREGS, _XSAVE, _CET = 2, 3, 13, 9


class _Array(NamedTuple):
    """A repeated field: its number and name, the component, bytes of a number, how many numbers."""

    number: int
    name: str
    component: int
    width: int
    length: int


_WORDS: Final = (
    (1, "cwd"),
    (2, "swd"),
    (3, "twd"),
    (4, "fop"),
    (5, "rip"),
    (6, "rdp"),
    (7, "mxcsr"),
    (8, "mxcsr_mask"),
)
_LEGACY: Final = (_Array(9, "st_space", 0, 4, 32), _Array(10, "xmm_space", 1, 4, 64))
_EXTENDED: Final = (
    _Array(2, "ymmh_space", 2, 4, 64),
    _Array(3, "bndreg_state", 3, 8, 8),
    _Array(4, "bndcsr_state", 4, 8, 8),
    _Array(5, "opmask_reg", 5, 8, 8),
    _Array(6, "zmm_upper", 6, 8, 64),
    _Array(7, "hi16_zmm", 7, 8, 128),
    _Array(8, "pkru", 9, 4, 2),
)


def is_criu(start: bytes) -> bool:
    """Tell a core image by its magic numbers (also of CRIU's first image version)."""
    return start[:8] == _COMMON + _CORE or start[:4] == _CORE


def is_crit(start: bytes) -> bool:
    """Tell the JSON of `crit decode` by its first key."""
    head = start.lstrip()[:200]
    return head.startswith(b"{") and b'"magic"' in head and b'"CORE"' in head


def read_criu(data: bytes, name: str) -> tuple[Saved, ...]:
    """Read a core image. Raises UnreadableImage."""
    at = 8 if data[:4] == _COMMON else 4
    found: list[Saved | None] = []
    try:
        while at < len(data) and len(found) < MAX_ENTRIES:
            size = int.from_bytes(data[at : at + 4], "little")
            if at + 4 + size > len(data):
                raise Malformed(
                    f"expected an entry of {size} bytes at {at}, found {len(data) - at - 4}"
                )
            found.append(_entry(data[at + 4 : at + 4 + size]))
            at += 4 + size
    except Malformed as error:
        raise UnreadableImage(f"{name}: CRIU core image: {error}") from None
    return _all(found, name)


def read_crit(data: bytes, name: str) -> tuple[Saved, ...]:
    """Read what `crit decode` printed. Raises UnreadableImage."""
    try:
        whole = json.loads(data)
        entries = whole["entries"][:MAX_ENTRIES]
        found = [_from_json(each.get("thread_info", {}).get("fpregs")) for each in entries]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        words = " ".join(str(error).split())[:100]
        raise UnreadableImage(
            f"{name}: expected what 'crit decode' prints of a core image, found {words}"
        ) from None
    return _all(found, name)


def _all(found: Iterable[Saved | None], name: str) -> tuple[Saved, ...]:
    saved = tuple(each for each in found if each is not None)
    if not saved:
        raise UnreadableImage(
            f"{name}: expected thread_info.fpregs of x86 in a CRIU core image, found none"
        )
    return saved


def _nested(data: bytes, number: int) -> bytes:
    """Return the last message in a field, as protobuf wants, or nothing."""
    found = b""
    for each, value in fields(data):
        if each == number and isinstance(value, bytes):
            found = value
    return found


def _entry(data: bytes) -> Saved | None:
    fpregs = _nested(_nested(data, _THREAD_INFO), _FPREGS)
    if not fpregs:
        return None
    xsave = _nested(fpregs, _XSAVE)
    words = dict(_WORDS)
    values: dict[str, int] = {}
    for number, value in fields(fpregs):
        if number in words and isinstance(value, int):
            values[words[number]] = value
    for number, value in fields(xsave):
        if number == 1 and isinstance(value, int):
            values["xstate_bv"] = value
    cet = {
        number: value for number, value in fields(_nested(xsave, _CET)) if isinstance(value, int)
    }
    beside = {
        word: cet[number]
        for number, word in ((1, "IA32_U_CET"), (2, "IA32_PL3_SSP"))
        if number in cet
    }
    arrays = _repeated(fpregs, _LEGACY) | _repeated(xsave, _EXTENDED)
    return _assembled(values, arrays, beside, bool(xsave))


def _repeated(data: bytes, arrays: Iterable[_Array]) -> dict[str, list[int]]:
    known = {each.number: each for each in arrays}
    found: dict[str, list[int]] = {}
    for number, value in fields(data):
        if number in known:
            array = known[number]
            items = found.setdefault(array.name, [])
            items.extend(numbers(value))
            if len(items) > array.length:
                raise Malformed(f"expected at most {array.length} numbers in {array.name}")
    return found


def _from_json(fpregs: Mapping[str, Any] | None) -> Saved | None:
    if not fpregs:
        return None
    xsave = fpregs.get("xsave") or {}
    values = {name: _number(fpregs.get(name, 0)) for _, name in _WORDS}
    values["xstate_bv"] = _number(xsave.get("xstate_bv", 0))
    arrays = {}
    for source, known in ((fpregs, _LEGACY), (xsave, _EXTENDED)):
        for array in known:
            items = source.get(array.name)
            if items:
                if len(items) > array.length:
                    raise ValueError(f"{len(items)} numbers in {array.name}, not {array.length}")
                arrays[array.name] = [_number(each) for each in items]
    cet = xsave.get("cet") or {}
    names = (("cet", "IA32_U_CET"), ("ssp", "IA32_PL3_SSP"))
    beside = {word: _number(cet[key]) for key, word in names if key in cet}
    return _assembled(values, arrays, beside, bool(xsave))


def _number(value: object) -> int:
    """Turn a JSON number, or text such as 0x1f80, into 64 bits."""
    if isinstance(value, str):
        value = int(value[:32], 0)
    if not isinstance(value, int) or not 0 <= value < 1 << 64:
        raise ValueError(f"a value that is no number of 64 bits: {str(value)[:30]}")
    return value


def _assembled(
    values: Mapping[str, int],
    arrays: Mapping[str, list[int]],
    beside: Mapping[str, int],
    has_xsave: bool,
) -> Saved:
    """Put the arrays into an area, extended components one after the other."""
    head = struct.pack(
        "<HHBBHQQII",
        values.get("cwd", 0) & 0xFFFF, values.get("swd", 0) & 0xFFFF, values.get("twd", 0) & 0xFF, 0,
        values.get("fop", 0) & 0xFFFF, values.get("rip", 0), values.get("rdp", 0),
        values.get("mxcsr", 0) & 0xFFFF_FFFF, values.get("mxcsr_mask", 0) & 0xFFFF_FFFF,
    )  # fmt: skip
    area = bytearray(EXTENDED_OFFSET)
    area[:32] = head
    area[32:160] = _packed(arrays.get("st_space", []), _LEGACY[0])
    area[160:416] = _packed(arrays.get("xmm_space", []), _LEGACY[1])
    places = dict(LEGACY_PLACES)
    for array in _EXTENDED:
        if array.name in arrays:
            places[array.component] = Place(len(area), array.width * array.length)
            area += _packed(arrays[array.name], array)
    xstate_bv = values.get("xstate_bv", 3) & ALL if has_xsave else 3
    header.write(area, xstate_bv=xstate_bv)
    return Saved(bytes(area), Kind.CRIU, "", Layout(places), "CRIU's format", not has_xsave, beside)


def _packed(items: list[int], array: _Array) -> bytes:
    mask = (1 << 8 * array.width) - 1
    data = b"".join((each & mask).to_bytes(array.width, "little") for each in items)
    return data.ljust(array.width * array.length, b"\0")
