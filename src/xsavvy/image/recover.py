# SPDX-License-Identifier: Apache-2.0
"""Where the components of a foreign image lie, and how certain that is.

An image rarely says on which processor it was made.  In order of trust: the file states its layout; the caller names
the processor; every known processor that fits agrees; traces in the bytes favour one; a guess.  What is not known is
said to be unknown, and its bytes are then not read as registers.

Sources: what fits is asked of CPUID leaf 0xD (`isa.layout`); MXCSR_MASK tells the vendor by bit 17 (APM "Misaligned
Exception Mask"); a kernel zeroes what XSTATE_BV does not name (linux __copy_xstate_to_uabi_buf()).
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from xsavvy.image.file.saved import Kind, Saved
from xsavvy.isa.components import AVX as AVX_BIT
from xsavvy.isa.components import SSE, component, indices, names
from xsavvy.isa.layout import (
    EXTENDED_OFFSET,
    LEGACY_COMPONENTS,
    LEGACY_PLACES,
    Layout,
    Place,
    SubLeaf,
    compacted,
)
from xsavvy.isa.processor import Processor

__all__ = ["Candidate", "Certainty", "Recovered", "recover"]


class Certainty(enum.Enum):
    """How a layout is known, the surest first."""

    STATED = "stated by the file"
    GIVEN = "of the CPU given"
    FITS = "every known CPU that fits agrees"
    LIKELY = "likely"
    GUESS = "a guess"
    PARTLY = "known in part"


class Candidate(NamedTuple):
    """A processor that may have made an image, by name."""

    name: str
    processor: Processor


@dataclass(frozen=True)
class Recovered:
    """A layout for an image.

    Attributes:
        layout: places of the components that are known.
        certainty: how it is known.
        why: a sentence.
        fits: names of the known processors with this layout.
    """

    layout: Layout
    certainty: Certainty
    why: str
    fits: tuple[str, ...] = ()


_Key = tuple[tuple[int, Place], ...]


def recover(
    saved: Saved, given: Candidate | None = None, known: Sequence[Candidate] = ()
) -> Recovered:
    """Find the layout of an image.

    `given` is the processor that the caller says made it, `known` are processors to try.

    >>> area = bytearray(832)
    >>> area[512] = 7
    >>> part = Processor(xcr0_supported=7, subleaves={2: SubLeaf(256, 576)})
    >>> found = recover(Saved(bytes(area)), known=[Candidate("one", part)])
    >>> found.certainty, found.layout[2].offset
    (<Certainty.FITS: 'every known CPU that fits agrees'>, 576)
    """
    if saved.layout is not None:
        return Recovered(saved.layout, Certainty.STATED, f"{saved.stated_by} has every offset")
    named = saved.header.xcomp_bv if saved.header.compacted else saved.named
    needed = named & ~LEGACY_COMPONENTS
    if not needed:
        return Recovered(
            Layout(LEGACY_PLACES), Certainty.FITS, "x87 and SSE lie where they always do"
        )
    if given is not None:
        return _of_given(saved, given, needed)
    return (
        _compacted(saved, known, needed)
        if saved.header.compacted
        else _standard(saved, known, needed)
    )


def _layout(saved: Saved, processor: Processor) -> Layout:
    """Lay a processor's components out as the image's format does, up to the first that it lacks."""
    if not saved.header.compacted:
        return processor.standard
    xcomp_bv = saved.header.xcomp_bv
    for index in indices(xcomp_bv & ~LEGACY_COMPONENTS):
        if index not in processor.subleaves:
            xcomp_bv &= (1 << index) - 1
            break
    return processor.compacted(xcomp_bv)


def _of_given(saved: Saved, given: Candidate, needed: int) -> Recovered:
    layout = _layout(saved, given.processor)
    missing = needed & ~layout.mask
    if not missing:
        return Recovered(layout, Certainty.GIVEN, f"as {given.name} lays it out", (given.name,))
    words = ", ".join(names(missing))
    return Recovered(layout, Certainty.PARTLY, f"{given.name} has no {words}", (given.name,))


class _Fit(NamedTuple):
    """A processor that may have made the image, and its layout in the image's format."""

    candidate: Candidate
    layout: Layout


def _standard(saved: Saved, known: Sequence[Candidate], needed: int) -> Recovered:
    fitting = [_Fit(each, each.processor.standard) for each in known]
    fitting = [
        each
        for each in fitting
        if not needed & ~each.layout.mask and each.layout.extent(needed) <= len(saved.area)
    ]
    if not fitting:
        return _agreed(saved, known, needed, "no known CPU has these components in this size")
    if saved.kind is not Kind.KVM:
        fitting = [each for each in fitting if _size(each, saved) == len(saved.area)] or fitting
    return _chosen(saved, fitting, needed)


def _size(fit: _Fit, saved: Saved) -> int:
    return fit.layout.extent(saved.xcr0) if saved.xcr0 else fit.layout.size


def _compacted(saved: Saved, known: Sequence[Candidate], needed: int) -> Recovered:
    """Lay XCOMP_BV out with the sizes of processors that have all of it; the last end must fit."""
    able = [each for each in known if each.processor.xsavec and not needed & ~_has(each.processor)]
    fitting = [_Fit(each, _layout(saved, each.processor)) for each in able]
    xstate_bv = saved.header.xstate_bv
    fitting = [each for each in fitting if each.layout.extent(xstate_bv) <= len(saved.area)]
    if not fitting:
        why = "no known CPU has all components of XCOMP_BV in this size"
        return _agreed(saved, known, needed, why)
    exact = [each for each in fitting if each.layout.size == len(saved.area)]
    return _chosen(saved, exact or fitting, needed)


def _chosen(saved: Saved, fitting: Sequence[_Fit], needed: int) -> Recovered:
    """Take the layout that all have for what is saved, or else the one that the bytes betray."""
    groups: dict[_Key, list[_Fit]] = {}
    for each in fitting:
        key = tuple((i, each.layout[i]) for i in indices(needed & saved.header.xstate_bv))
        groups.setdefault(key, []).append(each)
    if len(groups) == 1:
        return _of(fitting, needed, Certainty.FITS, Certainty.FITS.value)
    groups, reasons = _by_traces(saved, groups)
    best = max(groups.values(), key=len)
    if len(groups) == 1:
        return _of(best, needed, Certainty.LIKELY, " and ".join(reasons))
    others = sum(map(len, groups.values())) - len(best)
    why = f"{len(groups)} layouts fit; this one is of {len(best)} known CPUs, others of {others}"
    return _of(best, needed, Certainty.GUESS, f"{why}: name the CPU")


def _of(fits: Sequence[_Fit], needed: int, certainty: Certainty, why: str) -> Recovered:
    """Give the places that some processors agree on."""
    places = dict(LEGACY_PLACES)
    for index in indices(needed):
        found = {each.layout[index] for each in fits}
        if len(found) == 1:
            places[index] = found.pop()
    return Recovered(Layout(places), certainty, why, tuple(each.candidate.name for each in fits))


def _by_traces(
    saved: Saved, groups: dict[_Key, list[_Fit]]
) -> tuple[dict[_Key, list[_Fit]], list[str]]:
    """Leave the layouts that the bytes betray, and say by what."""
    reasons = []
    if saved.header.xstate_bv & (SSE | AVX_BIT):
        mask = int.from_bytes(saved.area[28:32], "little")
        same = {
            key: kept
            for key, fits in groups.items()
            if (kept := [e for e in fits if e.candidate.processor.mxcsr_mask == mask])
        }
        if same and len(same) < len(groups):
            groups = same
            reasons.append(f"MXCSR_MASK is {mask:#x}")
    strays = {key: _stray_bytes(saved, key) for key in groups}
    least = min(strays.values())
    if any(count > least for count in strays.values()):
        groups = {key: groups[key] for key, count in strays.items() if count == least}
        reasons.append("the other layouts leave data outside of any component")
    return groups, reasons


def _stray_bytes(saved: Saved, key: _Key) -> int:
    """Count the bytes that are not zero and that no saved component has."""
    rest = bytearray(saved.area)
    rest[:EXTENDED_OFFSET] = bytes(EXTENDED_OFFSET)
    for _, place in key:
        end = min(place.end, len(rest))
        rest[place.offset : end] = bytes(max(0, end - place.offset))
    return len(rest) - rest.count(0)


def _has(processor: Processor) -> int:
    return sum(1 << index for index in processor.subleaves)


def _agreed(saved: Saved, known: Sequence[Candidate], needed: int, why: str) -> Recovered:
    """Take what all known processors agree on, component by component; the rest has no known place."""
    if saved.header.compacted:
        leaves = {index: leaf for index in indices(needed) if (leaf := _agreed_leaf(known, index))}
        xcomp_bv = saved.header.xcomp_bv
        for index in indices(needed):
            if index not in leaves:
                xcomp_bv &= (1 << index) - 1
                break
        return Recovered(
            compacted(leaves, xcomp_bv), Certainty.PARTLY, f"{why}: sizes are the usual ones"
        )
    places = dict(LEGACY_PLACES)
    for index in indices(needed):
        found = {e.processor.standard[index] for e in known if index in e.processor.standard}
        if len(found) == 1:
            places[index] = found.pop()
    return Recovered(
        Layout(places), Certainty.PARTLY, f"{why}: only what all CPUs agree on has a place"
    )


def _agreed_leaf(known: Sequence[Candidate], index: int) -> SubLeaf | None:
    found = {(leaf.size, leaf.align64) for e in known if (leaf := e.processor.subleaves.get(index))}
    if len(found) == 1:
        size, align64 = found.pop()
        return SubLeaf(size, 0, align64=align64)
    try:
        fixed = component(index).size
    except KeyError:
        return None
    return SubLeaf(fixed, 0, align64=index in _ALIGNED) if fixed else None


_ALIGNED: Final = frozenset({17, 18})
"""XTILECFG and XTILEDATA, on every processor that has them (inferred for others)."""
