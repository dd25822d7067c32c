# SPDX-License-Identifier: Apache-2.0
"""The 64 bytes at offset 512 of an XSAVE area.

Bytes 0-7 XSTATE_BV, 8-15 XCOMP_BV, 16-63 reserved.  Bit 63 of both bitmaps is kept apart.

Source: SDM "XSAVE Header".
"""

from __future__ import annotations

import struct
from typing import Final

from xsavvy.isa.components import ALL
from xsavvy.isa.layout import HEADER_OFFSET
from xsavvy.isa.restore import Header

BITMAPS: Final = struct.Struct("<QQ")
_RESERVED_16_23: Final = slice(HEADER_OFFSET + 16, HEADER_OFFSET + 24)
_RESERVED_24_63: Final = slice(HEADER_OFFSET + 24, HEADER_OFFSET + 64)
_ZERO_8: Final = bytes(8)
_ZERO_40: Final = bytes(40)


def read(area: bytes | bytearray) -> Header:
    """Read an area's header.

    >>> area = bytearray(576)
    >>> write(area, xstate_bv=0b11, xcomp_bv=0b111, compacted=True)
    >>> read(area)[:4]
    (3, 7, 1, 0)
    """
    xstate_bv, xcomp_bv = BITMAPS.unpack_from(area, HEADER_OFFSET)
    return Header(
        xstate_bv & ALL,
        xcomp_bv & ALL,
        xcomp_bv >> 63,
        xstate_bv >> 63,
        1 if area[_RESERVED_16_23] == _ZERO_8 else 0,
        1 if area[_RESERVED_24_63] == _ZERO_40 else 0,
    )


def write(area: bytearray, *, xstate_bv: int, xcomp_bv: int = 0, compacted: bool = False) -> None:
    """Write both bitmaps; the reserved bytes stay as they are."""
    BITMAPS.pack_into(area, HEADER_OFFSET, xstate_bv, xcomp_bv | compacted << 63)
