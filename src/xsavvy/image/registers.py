# SPDX-License-Identifier: Apache-2.0
"""The register file as bytes: what a save reads and a restore writes.

Each component above SSE is held as the bytes that its part of an area would have; x87 is an
`legacy.X87`, XMM the 256 bytes of its part, MXCSR a number beside them.

Source: SDM "Processor Tracking of XSAVE-Managed State" (XINUSE); initial configurations from the
component's section.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Final

from xsavvy.image import legacy
from xsavvy.image.legacy import INITIAL_X87, X87
from xsavvy.isa import masks
from xsavvy.isa.components import ALL, SSE, component
from xsavvy.isa.components import X87 as X87_BIT
from xsavvy.isa.control import Tracking
from xsavvy.isa.processor import Processor

MXCSR_INITIAL: Final = 0x1F80
XMM_INITIAL: Final = bytes(256)


@cache
def initial(index: int, size: int) -> bytes:
    """Give the initial configuration of an extended component as `size` bytes.

    >>> initial(9, 8) == bytes(8)
    True
    """
    try:
        value = component(index).initial
    except KeyError:
        value = 0
    return value.to_bytes(8, "little")[:size].ljust(size, b"\0") if value else bytes(size)


@dataclass(frozen=True, slots=True)
class Registers:
    """One logical processor's XSAVE-managed registers; immutable, equality is by value.

    Attributes:
        x87: the x87 registers.
        mxcsr: MXCSR.
        xmm: XMM0 to XMM15, 256 bytes.
        extended: bytes of every other component; do not change it.
        xinuse: XINUSE; bit 1 speaks of XMM alone.
        xfd_err: IA32_XFD_ERR.

    >>> Registers.initial(Processor()).xinuse
    0
    """

    x87: X87 = INITIAL_X87
    mxcsr: int = MXCSR_INITIAL
    xmm: bytes = XMM_INITIAL
    extended: Mapping[int, bytes] = field(default_factory=dict, hash=False)
    xinuse: int = 0
    xfd_err: int = 0

    @classmethod
    def initial(cls, processor: Processor) -> Registers:
        """Give every component of a processor its initial configuration."""
        places = processor.subleaves.items()
        return cls(extended={index: initial(index, leaf.size) for index, leaf in places})

    def tracking(self, xmodified: int = ALL) -> Tracking:
        """Give what a plan needs to know of the registers."""
        return Tracking(self.xinuse, self.mxcsr == MXCSR_INITIAL, xmodified)

    def in_initial(self, processor: Processor) -> int:
        """List the components whose value is the initial configuration (bit 1: XMM alone)."""
        found = X87_BIT if legacy.is_initial(self.x87, processor) else 0
        if self.xmm == XMM_INITIAL:
            found |= SSE
        for index, data in self.extended.items():
            if data == initial(index, len(data)):
                found |= 1 << index
        return found

    def with_xfd_err(self, xfd_err: int) -> Registers:
        """Set IA32_XFD_ERR."""
        return replace(self, xfd_err=xfd_err)

    def by_value(self, processor: Processor) -> Registers:
        """Set XINUSE to exactly the components that are not in their initial configuration."""
        xinuse = processor.features & ~self.in_initial(processor)
        return replace(self, xinuse=xinuse)

    def xinuse_is_legal(self, processor: Processor) -> bool:
        """Tell whether XINUSE has the bit of every component that is not initial."""
        return bool(masks.xinuse_ok(self.xinuse, self.in_initial(processor), processor.features))
