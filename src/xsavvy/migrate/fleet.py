# SPDX-License-Identifier: Apache-2.0
"""Many hosts and many guest models at once: the verdicts of `move`, by bit operations on columns.

A fleet has few kinds of hosts: the same dump under the same kernel and configuration is one row, whose columns are
masks that the rules of `kvm` gave (what is offered, what images may name, where components lie). A guest is a few
integers, and its verdicts are a handful of operations on the columns. `move.judge()` is the oracle of this module: a
test compares them, and the commits behind the columns are named there.

This module needs NumPy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from xsavvy.isa.components import XTILEDATA
from xsavvy.isa.masks import xcr0_ok
from xsavvy.kvm import ioctls
from xsavvy.kvm.capabilities import FEATURES

from .finding import EFFECTS, verdict_of
from .guest import Guest
from .host import Host
from .move import at_source, image_of, judge
from .vmm import CAREFUL, Vmm

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Masks = NDArray[np.uint64]
    Flags = NDArray[np.bool_]
    Codes = NDArray[np.uint8]

__all__ = ["CODES", "Codes", "Columns", "Fleet", "by_kind", "columns", "matrix", "one_by_one"]

CODES: Final = {effect: code for code, effect in enumerate(EFFECTS)}
"""What the numbers of a matrix mean: 0 loads, 1 unknown, 2 loses, 3 refused."""
_FEATURE: Final = {name: 1 << place for place, name in enumerate(FEATURES)}
_CET: Final = _FEATURE["cet_ss"] | _FEATURE["cet_ibt"]
_FPSSE: Final = np.uint64(ioctls.FPSSE)


@dataclass(frozen=True)
class Columns:
    """One row for each kind of destination.

    Attributes:
        kinds: the hosts that stand for their kind.
        supported: what KVM supports of XCR0.
        xss, features: IA32_XSS and the bits of FEATURES.
        missing, unknown: components without a size, features without an answer, in the dump.
        default: user_xfeatures of a guest without tiles where the guest's CPUID does not bound it.
        moved: components that lie elsewhere than at the source.
        flags: the questions that kernels answer differently, by name.
    """

    kinds: tuple[Host, ...]
    supported: Masks
    xss: Masks
    features: Masks
    missing: Masks
    unknown: Masks
    default: Masks
    moved: Masks
    flags: dict[str, Flags]


@dataclass(frozen=True)
class Fleet:
    """Hosts that occur many times: kinds, and for each host the number of its kind."""

    kinds: tuple[Host, ...]
    kind_of: NDArray[np.intp]

    @classmethod
    def of(cls, hosts: Sequence[Host]) -> Fleet:
        """Gather hosts that have the same dump, kernel and configuration."""
        found: dict[tuple[object, ...], int] = {}
        kinds: list[Host] = []
        rows = np.empty(len(hosts), dtype=np.intp)
        for place, host in enumerate(hosts):
            key = (host.table, host.kernel.commits, host.configuration)
            row = found.setdefault(key, len(kinds))
            if row == len(kinds):
                kinds.append(host)
            rows[place] = row
        return cls(tuple(kinds), rows)

    @cached_property
    def counts(self) -> NDArray[np.intp]:
        """How many hosts there are of each kind."""
        return np.bincount(self.kind_of, minlength=len(self.kinds))


def _masks(numbers: Sequence[int]) -> Masks:
    return np.array(numbers, dtype=np.uint64)


def _bits(names: Sequence[str] | frozenset[str]) -> int:
    return sum(_FEATURE[name] for name in names if name in _FEATURE)


_QUESTIONS: Final = {
    "knows_tiles": "86aff7a47992",
    "knows_xfd": "820a6ee944e7",
    "keeps_fpsse": "a1020a25e697",
    "checks": "d7876f1be40a",
    "checks_header": "d69c1382e1b7",
    "strict_xss": "69cc3e886582",
    "lists_xss": "c0a5f2989122",
}


def columns(source: Host, fleet: Fleet) -> Columns:
    """Return the columns of a fleet, for guests that come from one source."""
    kinds = fleet.kinds
    flags = {
        name: np.array([commit in each.kernel for each in kinds])
        for name, commit in _QUESTIONS.items()
    }
    flags["narrows"] = np.array([each.narrows for each in kinds])
    flags["xsave"] = np.array([each.has_xsave for each in kinds])
    flags["compacts"] = np.array([each.compacts for each in kinds])
    flags["converts"] = np.array([each.converts for each in kinds])
    flags["permits"] = np.array([each.configuration.tile_permission for each in kinds])
    return Columns(
        kinds=kinds,
        supported=_masks([each.supported for each in kinds]),
        xss=_masks([each.caps.xss for each in kinds]),
        features=_masks([_bits(each.caps.features) for each in kinds]),
        missing=_masks([each.missing for each in kinds]),
        unknown=_masks([_bits(each.unknown) for each in kinds]),
        default=_masks([each.caps.host_xcr0 & ~XTILEDATA for each in kinds]),
        moved=_masks([_moved(source, each) for each in kinds]),
        flags=flags,
    )


def _moved(source: Host, host: Host) -> int:
    shared = source.places.keys() & host.places.keys()
    return sum(1 << index for index in shared if source.places[index] != host.places[index])


def by_kind(source: Host, fleet: Fleet, guests: Sequence[Guest], vmm: Vmm = CAREFUL) -> Codes:
    """Return the verdicts, a row for each kind of host and a column for each guest: numbers of CODES.

    What happens at the source is asked once for each guest, of `move`; what happens at the destinations is computed on
    the columns.
    """
    table = columns(source, fleet)
    found = np.empty((len(fleet.kinds), len(guests)), dtype=np.uint8)
    for place, guest in enumerate(guests):
        own = CODES[verdict_of(at_source(source, guest, vmm))]
        found[:, place] = np.maximum(_destination(table, source, guest, vmm), own)
    return found


def matrix(source: Host, fleet: Fleet, guests: Sequence[Guest], vmm: Vmm = CAREFUL) -> Codes:
    """Return the verdicts with a row for each host: those of its kind."""
    found: Codes = by_kind(source, fleet, guests, vmm)[fleet.kind_of]
    return found


def _destination(t: Columns, source: Host, guest: Guest, vmm: Vmm) -> Codes:
    refused = _refused_setup(t, guest) | _refused_registers(t, source, guest, vmm)
    image_refused, image_lost = _image(t, source, guest)
    features = np.uint64(_bits(guest.features))
    lost = image_lost | (features & ~t.features & ~t.unknown != 0)
    unknown = (t.missing & np.uint64(guest.mask) != 0) | (t.unknown & features != 0)
    return np.select(
        [refused | image_refused, lost, unknown],
        [np.uint8(CODES["refused"]), np.uint8(CODES["loses"]), np.uint8(CODES["unknown"])],
        np.uint8(CODES["loads"]),
    ).astype(np.uint8)


def _refused_setup(t: Columns, guest: Guest) -> Flags:
    """arch_prctl, KVM_SET_CPUID2 and KVM_SET_SREGS."""
    nothing = np.zeros(len(t.kinds), dtype=np.bool_)
    refused = nothing
    if guest.xcr0 & XTILEDATA:
        tiles = np.uint64(0x60000)
        no_tiles = t.supported & tiles != tiles
        refused = no_tiles | (t.flags["knows_tiles"] & ~t.flags["permits"])
    kept = t.features & np.uint64(_bits(guest.features))
    if guest.xcr0:
        refused = refused | ~t.flags["xsave"]
    if guest.has("pku"):
        refused = refused | (kept & np.uint64(_FEATURE["pku"]) == 0)
    if guest.has("cet_ss", "cet_ibt"):
        refused = refused | (kept & np.uint64(_CET) == 0)
    return refused


def _image(t: Columns, source: Host, guest: Guest) -> tuple[Flags, Flags]:
    """KVM_SET_XSAVE: what is refused, and what arrives wrong."""
    bits, compacted = image_of(source, guest)
    shown = np.uint64(bits)
    known = t.supported & np.uint64(guest.xcr0)
    narrow = np.where(t.flags["keeps_fpsse"], known | _FPSSE, known)
    user = np.where(t.flags["narrows"], narrow, t.default | (known & np.uint64(XTILEDATA)))
    beyond = shown & ~(t.supported & user) != 0
    refused = t.flags["checks"] & beyond
    if compacted:
        refused = refused | t.flags["checks_header"]
    refused = np.where(t.flags["xsave"], refused, bool(bits & ~ioctls.FPSSE))
    refused = refused & ~(t.flags["xsave"] & (t.missing != 0))
    stored = np.where(t.flags["converts"], t.flags["compacts"], bool(compacted))
    faults = t.flags["compacts"] & ~stored
    misread = t.flags["converts"] & bool(compacted)
    moved = t.moved & shown & np.uint64(guest.xcr0) != 0
    lost = (faults | misread | moved) & t.flags["xsave"] & ~refused & (t.missing == 0)
    return refused, lost


def _refused_registers(t: Columns, source: Host, guest: Guest, vmm: Vmm) -> Flags:
    """KVM_SET_XCRS and KVM_SET_MSRS."""
    refused = np.zeros(len(t.kinds), dtype=np.bool_)
    known = t.supported & np.uint64(guest.xcr0)
    if guest.xcr0 and source.has_xsave:
        bound = np.where(t.flags["checks"], known, t.supported) | np.uint64(1)
        illegal = not xcr0_ok(guest.xcr0, guest.xcr0 | 1)
        refused = t.flags["xsave"] & ((np.uint64(guest.xcr0) & ~bound != 0) | illegal)
    xss = guest.xss & source.caps.xss
    if xss and vmm.saves(0xDA0):
        refused = refused | _refused_xss(t, guest, xss)
    if guest.xcr0 & XTILEDATA:
        refused = refused | ~t.flags["knows_xfd"] | (known & np.uint64(XTILEDATA) == 0)
    protected = np.uint64(_bits(guest.features) & _CET)
    lacking: Flags = protected & ~t.features != 0
    return refused | lacking


def _refused_xss(t: Columns, guest: Guest, value: int) -> Flags:
    bound = np.where(t.flags["strict_xss"], t.xss & np.uint64(guest.xss), t.xss)
    refused: Flags = np.uint64(value) & ~bound != 0
    if not guest.has("xsaves"):
        refused = refused | t.flags["strict_xss"]
    return refused


def one_by_one(
    source: Host, hosts: Sequence[Host], guests: Sequence[Guest], vmm: Vmm = CAREFUL
) -> Codes:
    """Return the same matrix by asking `judge()` about each host and guest."""
    rows = [[CODES[judge(source, host, guest, vmm).verdict] for guest in guests] for host in hosts]
    return np.array(rows, dtype=np.uint8).reshape(len(hosts), len(guests))
