# SPDX-License-Identifier: Apache-2.0
"""Turn CPUID's answers into the processor that the instruction plans ask about.

Here a table stops being numbers: the masks of leaf 0xD, its subleaves and the feature bits become
an `xsavvy.isa.processor.Processor`. What the table does not say is refused, not guessed: without
its subleaf, a component that XCR0 or IA32_XSS may enable has no known layout.
"""

from __future__ import annotations

from typing import Final

from xsavvy.cpuid.feature import has
from xsavvy.cpuid.table import Leaf, Table
from xsavvy.isa.components import ALL, indices, names
from xsavvy.isa.layout import LEGACY_COMPONENTS, SubLeaf
from xsavvy.isa.processor import Processor, Vendor

__all__ = [
    "XSAVE_LEAF",
    "IncompleteTable",
    "linear_address_bits",
    "missing_subleaves",
    "processor",
    "subleaf",
    "vendor",
    "xcr0_supported",
    "xss_supported",
]

XSAVE_LEAF: Final = 0xD
"""The leaf that enumerates extended state."""

_EXTENDED: Final = ALL & ~LEGACY_COMPONENTS
_VENDORS: Final = {
    "GenuineIntel": Vendor.INTEL,
    "GenuineIotel": Vendor.INTEL,
    "AuthenticAMD": Vendor.AMD,
    "HygonGenuine": Vendor.AMD,
}


class IncompleteTable(ValueError):
    """A table that lacks what the question needs; `str()` says which leaf and why."""


def vendor(table: Table) -> Vendor:
    """Return whose rules a processor follows.

    Hygon's parts are AMD's design. `GenuineIotel` is a known corruption of the name in real dumps.
    Status: inferred for both.
    """
    return _VENDORS.get(table.vendor, Vendor.OTHER)


def xcr0_supported(table: Table) -> int:
    """Return the bits that XCR0 may have: (0xD, 0) EDX:EAX, or 0 where XSAVE is not enumerated.

    Where the table lacks leaf 1, leaf 0xD alone decides. Bit 63 is reserved and never counted.
    """
    if table.find(1) is not None and not has(table, "xsave"):
        return 0
    leaf = table.read(XSAVE_LEAF, 0)
    return (leaf.eax | leaf.edx << 32) & ALL


def xss_supported(table: Table) -> int:
    """Return the bits that IA32_XSS may have: (0xD, 1) EDX:ECX, or 0 without XSAVES.

    IA32_XSS exists only with XSAVES. Some firmware leaves bits here though XSAVES is clear.
    """
    if not xcr0_supported(table) or not has(table, "xsaves"):
        return 0
    leaf = table.read(XSAVE_LEAF, 1)
    return (leaf.ecx | leaf.edx << 32) & ALL


def subleaf(leaf: Leaf) -> SubLeaf:
    """Read (0xD, i) for a component i > 1: EAX size, EBX offset, ECX flags.

    >>> subleaf(Leaf(0x2000, 0xB00, 0b110, 0))
    SubLeaf(size=8192, offset=2816, supervisor=False, align64=True, xfd=True)
    """
    return SubLeaf(
        size=leaf.eax,
        offset=leaf.ebx,
        supervisor=bool(leaf.ecx & 1),
        align64=bool(leaf.ecx >> 1 & 1),
        xfd=bool(leaf.ecx >> 2 & 1),
    )


def missing_subleaves(table: Table) -> int:
    """Return the mask of supported components whose subleaf the table lacks or has with size 0."""
    mask = (xcr0_supported(table) | xss_supported(table)) & _EXTENDED
    return sum(1 << index for index in indices(mask) if not table.read(XSAVE_LEAF, index).eax)


def processor(table: Table) -> Processor:
    """Return the processor that a table describes.

    Without XSAVE no feature of the family is there, whatever leaf 0xD says. MXCSR's mask is not in
    CPUID: bit 17 follows MisAlignSse, the rest is what every part with XSAVE has. The width of
    linear addresses is 48 where leaf 0x80000008 is missing.

    Raises `IncompleteTable` where a supported component has no subleaf with a size.
    Sources: SDM "Enumeration of CPU Support for XSAVE Instructions and XSAVE-Supported Features";
    APM "Media eXtension Control and Status Register" (MM).
    """
    missing = missing_subleaves(table)
    if missing:
        raise IncompleteTable(
            f"leaf 0xd lacks the size of {', '.join(names(missing))}"
            f" (subleaf {', '.join(map(hex, indices(missing)))}), which XCR0 or IA32_XSS may enable"
        )
    xcr0 = xcr0_supported(table)
    return Processor(
        vendor=vendor(table),
        xcr0_supported=xcr0,
        xss_supported=xss_supported(table),
        subleaves=_subleaves(table),
        xsave=bool(xcr0),
        **{name: bool(xcr0) and has(table, name) for name in _INSTRUCTIONS},
        **{name: has(table, name) for name in _FEATURES},
        mxcsr_mask=0x2FFFF if has(table, "misalignsse") else 0xFFFF,
        linear_address_bits=linear_address_bits(table),
    )


_INSTRUCTIONS: Final = ("xsaveopt", "xsavec", "xgetbv1", "xsaves", "xfd")
_FEATURES: Final = (
    "pku",
    "pks",
    "cet_ss",
    "cet_ibt",
    "xsaveerptr",
    "fdp_exception_only",
    "fcs_fds_deprecated",
)


def _subleaves(table: Table) -> dict[int, SubLeaf]:
    """Return the component subleaves that have a size, supported or not, ascending."""
    return {
        index: subleaf(table.read(XSAVE_LEAF, index))
        for index in table.subleaves(XSAVE_LEAF)
        if 2 <= index < 63 and table.read(XSAVE_LEAF, index).eax
    }


def linear_address_bits(table: Table) -> int:
    """Return the width of linear addresses, (0x80000008, 0) EAX[15:8]; 48 where it is not said."""
    return table.read(0x80000008).eax >> 8 & 0xFF or 48
