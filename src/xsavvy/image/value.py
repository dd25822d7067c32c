# SPDX-License-Identifier: Apache-2.0
"""A component's bytes as registers, with values as people write them.

`registers()` is the one way in: component, bytes, and what else the value depends on (the lower parts of vectors, the
configuration of tiles).  The bytes may be any; nothing here fails on a value.

Sources: the SDM's section of each component ("x87 State" to "APX State") and what `words` and `tile` name.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from xsavvy.image import float80, words
from xsavvy.image.lane import LANES, lanes
from xsavvy.image.tile import TILES, configuration, matrix
from xsavvy.isa.components import component

__all__ = ["Context", "Register", "mxcsr_register", "registers"]


@dataclass(frozen=True, slots=True)
class Register:
    """One register, or one field of a component.

    Attributes:
        name: as assemblers write it.
        hex: the component's own bytes as one number.
        value: as people write it; empty if that is the hexadecimal number.
        lanes: the lanes of the whole vector, lowest first, if lanes were asked for.
        rows: a tile's rows, each a list of lanes.
        whole: the whole vector register as one number, where the component has only its upper part.
        note: what is to be known about it.
    """

    name: str
    hex: str
    value: str = ""
    lanes: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    whole: str = ""
    note: str = ""


@dataclass(frozen=True)
class Context:
    """What values depend on beside their component.

    Attributes:
        lanes: kind of lanes, empty for none.
        lower: by component, the bytes of the vectors' lower parts.
        tilecfg: TILECFG's 64 bytes, None if unknown.
    """

    lanes: str = ""
    lower: Mapping[int, bytes] = field(default_factory=dict)
    tilecfg: bytes | None = None


Decoder = Callable[[int, bytes, Context], list[Register]]


def registers(index: int, data: bytes, context: Context | None = None) -> tuple[Register, ...]:
    """Give the registers of a component from its bytes.

    >>> registers(9, bytes.fromhex("0c00000000000000"))[0]
    Register(name='pkru', hex='0x0000000c', value='key 1: access denied', ...)
    """
    decode = _DECODERS.get(index, _msrs)
    return tuple(decode(index, data, context or Context()))


def mxcsr_register(value: int, mask: int) -> tuple[Register, Register]:
    """Give MXCSR and its mask, which are no component's."""
    wrong = f"reserved bits {value & ~mask:#x} under this mask" if mask and value & ~mask else ""
    return (
        Register("mxcsr", f"{value:#010x}", words.mxcsr(value), note=wrong),
        Register("mxcsr_mask", f"{mask:#010x}", "MM (AMD)" if mask >> 17 & 1 else ""),
    )


def _hex(data: bytes) -> str:
    return f"0x{data[::-1].hex()}"


def _x87(_index: int, data: bytes, _context: Context) -> list[Register]:
    data = data.ljust(160, b"\0")
    fcw, fsw, ftw, _, fop, fip, fdp = struct.unpack_from("<HHBBHQQ", data)
    stack = [data[32 + 16 * number : 42 + 16 * number] for number in range(8)]
    tags = words.full_tags(ftw, [float80.tag(each) for each in stack], words.top(fsw))
    found = [
        Register("fcw", f"{fcw:#06x}", words.fcw(fcw)),
        Register("fsw", f"{fsw:#06x}", words.fsw(fsw)),
        Register("ftw", f"{ftw:#04x}", f"tags {tags:#06x}"),
        Register("fop", f"{fop & 0x7FF:#06x}"),
        Register("fip", f"{fip:#018x}"),
        Register("fdp", f"{fdp:#018x}"),
    ]
    for number, each in enumerate(stack):
        held = ftw >> ((words.top(fsw) + number) & 7) & 1
        value = float80.decimal(each) if held else ""
        note = float80.tag(each) if held else float80.EMPTY
        found.append(Register(f"st{number}", _hex(each), value, note=note))
    return found


def _vectors(name: str, first: int, size: int, lower: tuple[int, ...]) -> Decoder:
    """Make the decoder of a component that has `size` bytes of each vector, above those of `lower`."""

    def decode(_index: int, data: bytes, context: Context) -> list[Register]:
        found = []
        for number in range(len(data) // size):
            part = data[size * number : size * (number + 1)]
            whole = b"".join(_lower(context, each, number) for each in lower) + part
            known = len(whole) == size + 16 * len(lower)
            shown = lanes(whole, context.lanes) if context.lanes in LANES and known else ()
            extra = _hex(whole) if lower and known else ""
            found.append(Register(f"{name}{first + number}", _hex(part), lanes=shown, whole=extra))
        return found

    return decode


def _lower(context: Context, index: int, number: int) -> bytes:
    return context.lower.get(index, b"")[16 * number : 16 * (number + 1)]


def _quads(*names: str) -> Decoder:
    """Make the decoder of a component that is 8-byte registers."""

    def decode(_index: int, data: bytes, _context: Context) -> list[Register]:
        return [
            Register(name, _hex(data[8 * number : 8 * number + 8]))
            for number, name in enumerate(names)
            if len(data) >= 8 * number + 8
        ]

    return decode


def _bounds(_index: int, data: bytes, _context: Context) -> list[Register]:
    found = []
    for number in range(len(data) // 16):
        low, high = struct.unpack_from("<QQ", data, 16 * number)
        top = ~high & (1 << 64) - 1
        value = f"{low:#x} to {top:#x}"
        found.append(Register(f"bnd{number}", _hex(data[16 * number : 16 * number + 16]), value,
                              note="the upper bound is stored inverted"))  # fmt: skip
    return found


def _pkru(_index: int, data: bytes, _context: Context) -> list[Register]:
    value = int.from_bytes(data[:4], "little")
    return [Register("pkru", f"{value:#010x}", words.pkru(value), words.pkru_keys(value))]


def _tilecfg(_index: int, data: bytes, _context: Context) -> list[Register]:
    data = data.ljust(64, b"\0")
    found = configuration(data)
    used = "no tiles are configured" if found.palette == 0 else "8 tiles of 1,024 bytes"
    result = [
        Register("palette", f"{found.palette:#04x}", used, note=found.illegal),
        Register("start_row", f"{found.start_row:#04x}", str(found.start_row)),
    ]
    for number, shape in enumerate(found.shapes):
        form = f"{shape.rows} rows of {shape.colsb} bytes" if any(shape) else "not configured"
        result.append(Register(f"tmm{number}", f"{shape.rows:#04x}{shape.colsb:04x}", form))
    return result


def _tiledata(_index: int, data: bytes, context: Context) -> list[Register]:
    known = None if context.tilecfg is None else configuration(context.tilecfg)
    kind = context.lanes if context.lanes in LANES else "i32"
    found = []
    for number in range(min(TILES, len(data) // 1024)):
        own = data[1024 * number : 1024 * (number + 1)]
        name, number_hex = f"tmm{number}", _hex(own.rstrip(b"\0") or b"\0")
        if known is None or known.palette == 0 or known.illegal:
            why = known.illegal if known and known.illegal else "no configuration says its form"
            note = why if any(own) else "zero"
            found.append(Register(name, number_hex, note=note))
            continue
        shape = known.shapes[number]
        rows = tuple(lanes(row, kind) for row in matrix(data, number, shape))
        form = (
            f"{shape.rows} rows of {shape.colsb} bytes, {kind}" if any(shape) else "not configured"
        )
        found.append(Register(name, number_hex, form, rows=rows))
    return found


def _msrs(index: int, data: bytes, _context: Context) -> list[Register]:
    """Decode MSRs in a row; what is left over, or has no meaning, is one piece."""
    try:
        names = [msr.name for msr in component(index).msrs]
    except KeyError:
        names = []
    found = []
    for number, name in enumerate(names[: len(data) // 8]):
        value = int.from_bytes(data[8 * number : 8 * number + 8], "little")
        note = words.cet(value) if name == "IA32_U_CET" else ""
        if name == "IA32_PASID":
            note = f"PASID {value & 0xFFFFF:#x}, {'valid' if value >> 31 & 1 else 'not valid'}"
        found.append(Register(name, f"{value:#018x}", note=note))
    rest = data[8 * len(found) :]
    if rest.strip(b"\0") or not found:
        found.append(
            Register("bytes", _hex(rest.rstrip(b"\0") or b"\0"), note="no meaning is known")
        )
    return found


_DECODERS: Final[dict[int, Decoder]] = {
    0: _x87,
    1: _vectors("xmm", 0, 16, ()),
    2: _vectors("ymm", 0, 16, (1,)),
    3: _bounds,
    4: _quads("bndcfgu", "bndstatus"),
    5: _quads(*(f"k{number}" for number in range(8))),
    6: _vectors("zmm", 0, 32, (1, 2)),
    7: _vectors("zmm", 16, 64, ()),
    9: _pkru,
    17: _tilecfg,
    18: _tiledata,
    19: _quads(*(f"r{number}" for number in range(16, 32))),
}
