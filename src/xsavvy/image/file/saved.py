# SPDX-License-Identifier: Apache-2.0
"""An XSAVE area as a file keeps it: its bytes, who wrote them, and what the file says of the layout.

Readers make `Saved` objects; everything after that (showing, checking, converting, comparing) is the same for
all of them.  What is read is untrusted: every size and count has a bound here, and every refusal is one line.

Sources: linux arch/x86/kernel/fpu/xstate.c copy_xstate_to_uabi_buf() (bytes 464-511),
arch/x86/include/uapi/asm/sigcontext.h struct _fpx_sw_bytes;
FreeBSD sys/x86/include/specialreg.h (X86_XSTATE_XCR0_OFFSET).
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from xsavvy.image import header
from xsavvy.isa.components import ALL, SSE, USER, X87
from xsavvy.isa.layout import EXTENDED_OFFSET, Layout
from xsavvy.isa.restore import Header

__all__ = [
    "FRAME_MAGIC",
    "FXSAVE_BYTES",
    "KVM_BYTES",
    "MAX_AREA",
    "MAX_AREAS",
    "Kind",
    "Saved",
    "UnreadableImage",
    "from_fxsave",
    "sized",
]

FXSAVE_BYTES: Final = 512
KVM_BYTES: Final = 4096
"""sizeof(struct kvm_xsave), which KVM_GET_XSAVE fills."""
MAX_AREA: Final = 1 << 16
"""The largest area that is read; 11,008 bytes is what processors have today."""
MAX_AREAS: Final = 1 << 15
"""The most threads that one core may have."""
_SOFTWARE: Final = slice(464, 472)
_FRAME_FEATURES: Final = slice(472, 480)
FRAME_MAGIC: Final = b"SXPF"
"""FP_XSTATE_MAGIC1 in a signal frame; then the mask comes 8 bytes later."""


class UnreadableImage(ValueError):
    """A file that is no image, or a damaged one; `str()` says on one line what, where, what was expected."""


class Kind(enum.Enum):
    """What kind of file an area was in."""

    ELF = "elf"
    KVM = "kvm"
    CRIU = "criu"
    RAW = "raw"

    @property
    def title(self) -> str:
        """Say what people call such a file."""
        return _TITLES[self]


_TITLES: Final = {
    Kind.ELF: "ELF core",
    Kind.KVM: "KVM_GET_XSAVE blob",
    Kind.CRIU: "CRIU image",
    Kind.RAW: "raw XSAVE area",
}


@dataclass(frozen=True)
class Saved:
    """One XSAVE area of a file.

    Attributes:
        area: its bytes, 576 at least.
        kind: what the file is.
        owner: whose registers they are (a thread), empty if the file does not say.
        layout: where components lie, if the file states it.
        stated_by: what states it.
        fxsave: the file had 512 bytes without a header, so that x87 and SSE are there and nothing else.
        beside: values that the file keeps apart from the area.
    """

    area: bytes
    kind: Kind = Kind.RAW
    owner: str = ""
    layout: Layout | None = None
    stated_by: str = ""
    fxsave: bool = False
    beside: Mapping[str, int] = field(default_factory=dict, hash=False)

    @cached_property
    def header(self) -> Header:
        """Read the header."""
        return header.read(self.area)

    @property
    def by_a_kernel(self) -> bool:
        """Tell whether a kernel wrote the area: it then means nothing where XSTATE_BV is clear."""
        return self.kind is not Kind.RAW or self.fxsave or self.area[464:468] == FRAME_MAGIC

    @cached_property
    def xcr0(self) -> int:
        """Give the XCR0 mask that a kernel left in the area, 0 if there is none.

        It is believed if it has x87, knows every bit of XSTATE_BV and names user components only.

        >>> area = bytearray(576)
        >>> area[464], area[512] = 7, 3
        >>> Saved(bytes(area)).xcr0
        7
        """
        if self.header.compacted:
            return 0
        where = _FRAME_FEATURES if self.area[464:468] == FRAME_MAGIC else _SOFTWARE
        value = int.from_bytes(self.area[where], "little")
        believable = value & X87 and not self.header.xstate_bv & ~value and not value & ~USER
        return value if believable else 0

    @property
    def named(self) -> int:
        """Give the components that the image speaks of: saved or known to be initial."""
        if self.header.compacted:
            return self.header.xcomp_bv | self.header.xstate_bv
        if self.fxsave:
            return self.header.xstate_bv
        return (self.header.xstate_bv | self.xcr0 | X87 | SSE) & ALL


def sized(data: bytes, where: str) -> bytes:
    """Return an area whose size can be right. Raises UnreadableImage."""
    if not EXTENDED_OFFSET <= len(data) <= MAX_AREA:
        raise UnreadableImage(
            f"{where}: expected an XSAVE area of {EXTENDED_OFFSET} to {MAX_AREA} bytes,"
            f" found {len(data)}"
        )
    return data


def from_fxsave(data: bytes, kind: Kind, owner: str = "") -> Saved:
    """Turn 512 bytes of FXSAVE into an area with a header that names x87 and SSE.

    >>> from_fxsave(bytes(512), Kind.RAW).header.xstate_bv
    3
    """
    area = bytearray(EXTENDED_OFFSET)
    area[:464] = data[:464]
    header.write(area, xstate_bv=X87 | SSE)
    return Saved(bytes(area), kind, owner, fxsave=True)
