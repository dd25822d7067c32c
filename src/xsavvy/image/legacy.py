# SPDX-License-Identifier: Apache-2.0
"""The x87 component: what a load makes of its bytes, and what a save makes of the registers.

In an area it is bytes 0-23 and 32-159 of the legacy region:

    0  FCW    2  FSW    4  FTW (abridged, 1 = not empty)    5  0    6  FOP
    8  FIP   16  FDP    (64 bits each; or 32 bits and a 16-bit selector: FCS, FDS)
    32 ST0-ST7, ten bytes in each sixteen

`X87.image` holds the registers as 160 such bytes in the 64-bit form, with the pointers that the
processor really holds; a save may show less of them.  Two rules of AMD: with XSAVEERPTR a save
writes FOP, FIP and FDP as 0 unless FSW.ES=1; without it neither save nor restore touches them
unless FSW.ES=1.

Sources: SDM "x87 State", "Legacy Region of an XSAVE Area"; APM "XSAVE"; everything but the rule
without XSAVEERPTR and FCS/FDS deprecation confirmed on Zen 4.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from xsavvy.isa.processor import Processor

FCW_BITS: Final = 0x1F7F
FCW_ALWAYS: Final = 0x0040
FSW_SUMMARY: Final = 0x8080
"""FSW.ES and FSW.B: an unmasked exception is pending."""
FSW_ES: Final = 0x80
FOP_BITS: Final = 0x07FF
_FLAGS: Final = 0x3F
_WORDS: Final = struct.Struct("<HHBBHQQ")
_POINTERS: Final = struct.Struct("<IHHIHH")
_PAD: Final = bytes(6)
_NO_POINTERS: Final = bytes(18)

INITIAL: Final = _WORDS.pack(0x037F, 0, 0, 0, 0, 0, 0) + bytes(136)
"""The x87 component after FNINIT, which is its initial configuration."""


class X87(NamedTuple):
    """The x87 registers: 160 bytes as above (24-31 are 0), and the two selectors."""

    image: bytes = INITIAL
    fcs: int = 0
    fds: int = 0


INITIAL_X87: Final = X87()


def summary(fcw: int, fsw: int) -> int:
    """Recompute FSW.ES and FSW.B: set if a flag is set that FCW does not mask.

    >>> hex(summary(0x037F, 0x8080)), hex(summary(0x037E, 0x0001))
    ('0x0', '0x8081')
    """
    pending = fsw & ~fcw & _FLAGS
    return fsw & ~FSW_SUMMARY | (FSW_SUMMARY if pending else 0)


def extend(pointer: int, linear_address_bits: int) -> int:
    """Sign-extend a linear address from the implemented width to 64 bits.

    >>> hex(extend(0x1122_3344_5566_7788, 57)), hex(extend(0x8000_0000_0000, 48))
    ('0xff22334455667788', '0xffff800000000000')
    """
    low = pointer & (1 << linear_address_bits) - 1
    sign = low >> (linear_address_bits - 1)
    return low | -sign << linear_address_bits & (1 << 64) - 1


def load(area: bytes | bytearray, processor: Processor, wide: bool, held: X87) -> X87:
    """Load the x87 registers from an area; `held` are the registers before.

    FCW loses reserved bits and gains bit 6, FSW.ES and B are recomputed whatever the area says,
    byte 5, the padding of ST0-ST7 and FOP's upper bits are dropped.  No value faults.
    """
    fcw, fsw, ftw, _, fop, fip, fdp = _WORDS.unpack_from(area)
    fcw = fcw & FCW_BITS | FCW_ALWAYS
    fsw = summary(fcw, fsw)
    fcs = fds = 0
    if processor.error_pointers_only_with_exception and not fsw & FSW_ES:
        _, _, _, _, fop, fip, fdp = _WORDS.unpack_from(held.image)
        fcs, fds = held.fcs, held.fds
    elif wide:
        width = processor.linear_address_bits
        fip, fdp = extend(fip, width), extend(fdp, width)
    else:
        fip, fcs, _, fdp, fds, _ = _POINTERS.unpack_from(area, 8)
    words = _WORDS.pack(fcw, fsw, ftw, 0, fop & FOP_BITS, fip, fdp)
    return X87(words + _registers(area[24:160]), fcs, fds)


def _registers(tail: bytes | bytearray) -> bytes:
    """Clear MXCSR (bytes 0-7) and the padding in bytes 24-159 of the legacy region."""
    return b"".join(
        (
            bytes(8), tail[8:18], _PAD, tail[24:34], _PAD, tail[40:50], _PAD, tail[56:66], _PAD,
            tail[72:82], _PAD, tail[88:98], _PAD, tail[104:114], _PAD, tail[120:130], _PAD,
        )
    )  # fmt: skip


def store(area: bytearray, x87: X87, processor: Processor, wide: bool) -> None:
    """Store the x87 registers into an area, bytes 0-23 and 32-159; MXCSR is not touched."""
    image = x87.image
    area[32:160] = image[32:160]
    pending = image[2] & FSW_ES
    if processor.is_amd and not pending:
        area[0:6] = image[0:6]
        if processor.xsaveerptr:
            area[6:24] = _NO_POINTERS
        return
    area[0:8] = image[0:8]
    if wide:
        area[8:24] = image[8:24]
        return
    fcs, fds = (0, 0) if processor.fcs_fds_deprecated else (x87.fcs, x87.fds)
    fip, _, fdp, _ = struct.unpack_from("<IIII", image, 8)
    _POINTERS.pack_into(area, 8, fip, fcs, 0, fdp, fds, 0)


def is_initial(x87: X87, processor: Processor) -> bool:
    """Tell whether the x87 component is in its initial configuration.

    On AMD the error pointers do not count: alone they leave XINUSE[0]=0 (confirmed on Zen 4).
    With an exception pending FSW is not initial anyway.

    >>> held = X87(INITIAL[:8] + bytes.fromhex("34") + INITIAL[9:])
    >>> from xsavvy.isa.processor import Processor, Vendor
    >>> is_initial(held, Processor(Vendor.AMD)), is_initial(held, Processor(Vendor.INTEL))
    (True, False)
    """
    image = x87.image
    if processor.is_amd:
        return image[0:6] == INITIAL[0:6] and image[32:160] == INITIAL[32:160]
    return image == INITIAL and not x87.fcs and not x87.fds
