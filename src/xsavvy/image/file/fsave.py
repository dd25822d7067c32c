# SPDX-License-Identifier: Apache-2.0
"""The x87 registers as FSAVE wrote them, which 32-bit cores still have: turned into an XSAVE area.

108 bytes: seven double words (FCW, FSW, the full tag word, FIP, FCS and FOP, FDP, FDS), then ST0 to ST7 of
ten bytes each.  FreeBSD has more bytes after these, which say nothing about registers.

Source: SDM "FSAVE/FNSAVE" and "x87 State"; linux arch/x86/kernel/fpu/regset.c struct user_i387_ia32_struct.
"""

from __future__ import annotations

import struct
from typing import Final

from xsavvy.image import header
from xsavvy.isa.components import X87
from xsavvy.isa.layout import EXTENDED_OFFSET

from .saved import Kind, Saved

__all__ = ["FSAVE_BYTES", "abridged", "from_fsave"]

FSAVE_BYTES: Final = 108
_ENVIRONMENT: Final = struct.Struct("<HHHHHHIHHIHH")
_EMPTY: Final = 3


def abridged(tags: int) -> int:
    """Turn a full tag word (two bits a register, 3 empty) into FXSAVE's byte (1 not empty).

    >>> hex(abridged(0xFFFF)), hex(abridged(0xC000)), hex(abridged(0x0000))
    ('0x0', '0x7f', '0xff')
    """
    return sum(1 << number for number in range(8) if tags >> 2 * number & 3 != _EMPTY)


def from_fsave(data: bytes, kind: Kind, owner: str) -> Saved:
    """Turn FSAVE's bytes into an area that has the x87 component and nothing else."""
    fcw, _, fsw, _, tags, _, fip, fcs, fop, fdp, fds, _ = _ENVIRONMENT.unpack_from(data)
    area = bytearray(EXTENDED_OFFSET)
    struct.pack_into(
        "<HHBBHIHHIHH", area, 0, fcw, fsw, abridged(tags), 0, fop, fip, fcs, 0, fdp, fds, 0
    )
    for number in range(8):
        start = 28 + 10 * number
        area[32 + 16 * number : 42 + 16 * number] = data[start : start + 10]
    header.write(area, xstate_bv=X87)
    return Saved(bytes(area), kind, owner, fxsave=True)
