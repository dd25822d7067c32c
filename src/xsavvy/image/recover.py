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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from xsavvy.image.file.saved import Kind, Saved
from xsavvy.isa.components import AVX as AVX_BIT
from xsavvy.isa.components import SSE, component, indices, names
from xsavvy.isa.layout import LEGACY_COMPONENTS, LEGACY_PLACES, Layout, Place, SubLeaf, compacted
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


def _standard(saved: Saved, known: Sequence[Candidate], needed: int) -> Recovered:
    fitting = [each for each in known if not needed & ~each.processor.standard.mask
               and each.processor.standard.extent(needed) <= len(saved.area)]  # fmt: skip
    if not fitting:
        return _agreed(saved, known, needed, "no known CPU has these components in this size")
    fitting = _of_that_size(saved, fitting)
    groups = _groups(fitting, {each.name: each.processor.standard for each in fitting}, needed)
    if len(groups) == 1:
        return _of_group(
            groups, next(iter(groups)), Certainty.FITS, "every known CPU that fits agrees"
        )
    return _by_traces(saved, fitting, groups)


def _of_that_size(saved: Saved, fitting: list[Candidate]) -> list[Candidate]:
    """Keep the processors whose area has exactly this size, if there are any."""
    if saved.kind is Kind.KVM:
        return fitting

    def size(each: Candidate) -> int:
        layout = each.processor.standard
        return layout.extent(saved.xcr0) if saved.xcr0 else layout.size

    return [each for each in fitting if size(each) == len(saved.area)] or fitting


def _groups(
    fitting: Sequence[Candidate], layouts: Mapping[str, Layout], needed: int
) -> dict[_Key, list[Candidate]]:
    """Put the processors together that agree on the places of what is needed."""
    groups: dict[_Key, list[Candidate]] = {}
    for each in fitting:
        layout = layouts[each.name]
        key = tuple((index, layout[index]) for index in indices(needed))
        groups.setdefault(key, []).append(each)
    return groups


def _of_group(
    groups: Mapping[_Key, list[Candidate]], key: _Key, certainty: Certainty, why: str
) -> Recovered:
    fits = tuple(each.name for each in groups[key])
    return Recovered(Layout({**LEGACY_PLACES, **dict(key)}), certainty, why, fits)


def _by_traces(
    saved: Saved, fitting: Sequence[Candidate], groups: dict[_Key, list[Candidate]]
) -> Recovered:
    """Choose among layouts by what the bytes betray."""
    reasons = []
    if saved.header.xstate_bv & (SSE | AVX_BIT):
        mask = int.from_bytes(saved.area[28:32], "little")
        same = _groups_with(groups, [e for e in fitting if e.processor.mxcsr_mask == mask])
        if same and len(same) < len(groups):
            groups = same
            reasons.append(f"MXCSR_MASK is {mask:#x}")
    if len(groups) > 1:
        strays = {key: _stray_bytes(saved, key) for key in groups}
        least = min(strays.values())
        if any(count > least for count in strays.values()):
            groups = {key: groups[key] for key, count in strays.items() if count == least}
            reasons.append("the other layouts leave data outside of any component")
    best = max(groups, key=lambda key: len(groups[key]))
    if len(groups) == 1:
        return _of_group(groups, best, Certainty.LIKELY, " and ".join(reasons))
    others = sum(len(each) for key, each in groups.items() if key != best)
    why = f"{len(groups)} layouts fit; this one is of {len(groups[best])} known CPUs, others of {others}"
    return _of_group(groups, best, Certainty.GUESS, f"{why}: name the CPU")


def _groups_with(
    groups: Mapping[_Key, list[Candidate]], kept: Sequence[Candidate]
) -> dict[_Key, list[Candidate]]:
    wanted = {each.name for each in kept}
    left = {key: [e for e in each if e.name in wanted] for key, each in groups.items()}
    return {key: each for key, each in left.items() if each}


def _stray_bytes(saved: Saved, key: _Key) -> int:
    """Count the bytes that are not zero and that no saved component has."""
    rest = bytearray(saved.area[576:])
    for index, place in key:
        if saved.header.xstate_bv >> index & 1:
            rest[place.offset - 576 : place.end - 576] = bytes(
                max(0, min(place.end, len(saved.area)) - place.offset)
            )
    return len(rest) - rest.count(0)


def _compacted(saved: Saved, known: Sequence[Candidate], needed: int) -> Recovered:
    """Lay XCOMP_BV out with the sizes of processors that have all of it; the last end must fit."""
    fitting = [
        each for each in known if each.processor.xsavec and not needed & ~_has(each.processor)
    ]
    layouts = {each.name: _layout(saved, each.processor) for each in fitting}
    inside = [
        e for e in fitting if layouts[e.name].extent(saved.header.xstate_bv) <= len(saved.area)
    ]
    exact = [each for each in inside if layouts[each.name].size == len(saved.area)]
    groups = _groups(exact or inside, layouts, needed)
    if not groups:
        return _agreed(
            saved, known, needed, "no known CPU has all components of XCOMP_BV in this size"
        )
    if len(groups) == 1:
        return _of_group(
            groups, next(iter(groups)), Certainty.FITS, "every known CPU that fits agrees"
        )
    return _by_traces(saved, exact or inside, groups)


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
