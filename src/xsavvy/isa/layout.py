# SPDX-License-Identifier: Apache-2.0
"""Where each state component lies in an XSAVE area, computed from CPUID leaf 0xD.

Nothing here knows an offset beyond the legacy region and the header: the standard format takes
each component's offset from its sub-leaf, the compacted format lays the components of XCOMP_BV
one after the other from byte 576 on, each first aligned to 64 when its sub-leaf says so.

Sources: SDM "Standard Format of an XSAVE Area", "Compacted Format of an XSAVE Area",
"Legacy Region of an XSAVE Area", "XSAVE Header"; confirmed on Zen 4 for components 0, 1, 2, 5-7.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from xsavvy.isa.components import ALL, indices

LEGACY_SIZE: Final = 512
"""Bytes of the legacy region, the first part of every XSAVE area."""
HEADER_OFFSET: Final = 512
HEADER_SIZE: Final = 64
EXTENDED_OFFSET: Final = LEGACY_SIZE + HEADER_SIZE
"""First byte after the header; also the smallest XSAVE area."""
ALIGNMENT: Final = 64
"""Alignment in bytes of an XSAVE area and of a component with the align64 flag."""
LEGACY_COMPONENTS: Final = 0b11


class SubLeaf(NamedTuple):
    """What CPUID (leaf 0xD, sub-leaf i > 1) says of component i; sizes and offsets in bytes."""

    size: int
    offset: int
    supervisor: bool = False
    align64: bool = False
    xfd: bool = False


class Place(NamedTuple):
    """A component's bytes in an XSAVE area."""

    offset: int
    size: int

    @property
    def end(self) -> int:
        """Give the offset of the first byte after the component."""
        return self.offset + self.size


LEGACY_PLACES: Final = {0: Place(0, 160), 1: Place(160, 256)}
"""x87 (which encloses MXCSR and its mask, bytes 24-31) and XMM, the same in both formats."""


class Layout(Mapping[int, Place]):
    """Immutable map from component number to its `Place`, in ascending order of component.

    >>> layout = Layout({0: Place(0, 160), 2: Place(576, 256)})
    >>> layout[2].end, layout.size, layout.mask
    (832, 832, 5)
    """

    __slots__ = ("_places", "mask", "size")

    def __init__(self, places: Mapping[int, Place]) -> None:
        self._places: Final = dict(sorted(places.items()))
        self.mask: Final = sum(1 << index for index in self._places)
        self.size: Final = self.extent(self.mask)

    def __getitem__(self, index: int) -> Place:
        return self._places[index]

    def __iter__(self) -> Iterator[int]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __repr__(self) -> str:
        return f"Layout({self._places!r})"

    def extent(self, mask: int) -> int:
        """Give the bytes of an area that reach to the end of its last component in `mask`.

        Components that the layout lacks do not count; an area has at least 576 bytes.
        """
        reach = EXTENDED_OFFSET
        for index, place in self._places.items():
            if mask >> index & 1:
                reach = max(reach, place.end)
        return reach


def standard(subleaves: Mapping[int, SubLeaf], mask: int = ALL) -> Layout:
    """Lay out user components of `mask` in the standard format.

    Supervisor components have no place in it.

    >>> standard({2: SubLeaf(256, 576), 11: SubLeaf(16, 0, supervisor=True)}, 0b111)[2]
    Place(offset=576, size=256)
    """
    places = {index: place for index, place in LEGACY_PLACES.items() if mask >> index & 1}
    for index, leaf in subleaves.items():
        if mask >> index & 1 and not leaf.supervisor:
            places[index] = Place(leaf.offset, leaf.size)
    return Layout(places)


def compacted(subleaves: Mapping[int, SubLeaf], xcomp_bv: int) -> Layout:
    """Lay out the components of XCOMP_BV (without bit 63) in the compacted format.

    x87 and SSE keep their place in the legacy region.  A component that XCOMP_BV names takes its
    room whether or not XSTATE_BV has its bit: such a hole is part of the format.  A component
    without a sub-leaf gets no place.

    >>> leaves = {2: SubLeaf(256, 576), 9: SubLeaf(8, 2688), 17: SubLeaf(64, 2752, align64=True)}
    >>> compacted(leaves, 1 << 9 | 1 << 17)
    Layout({9: Place(offset=576, size=8), 17: Place(offset=640, size=64)})
    """
    places = {index: place for index, place in LEGACY_PLACES.items() if xcomp_bv >> index & 1}
    reach = EXTENDED_OFFSET
    for index in indices(xcomp_bv & ~LEGACY_COMPONENTS):
        leaf = subleaves.get(index)
        if leaf is None:
            continue
        if leaf.align64:
            reach = (reach + ALIGNMENT - 1) & -ALIGNMENT
        places[index] = Place(reach, leaf.size)
        reach += leaf.size
    return Layout(places)
