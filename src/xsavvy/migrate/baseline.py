# SPDX-License-Identifier: Apache-2.0
"""The largest guest model that runs on all hosts of a fleet and moves among them, and which hosts cost which feature.

Features and components that every host offers; of these, components that lie at the same place everywhere, since an
image in the standard format is read by offset; then what is left is made legal: groups whole, and no feature without
what it needs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_, or_

from xsavvy.isa.components import SSE, X87, indices, names
from xsavvy.isa.layout import LEGACY_COMPONENTS
from xsavvy.kvm.capabilities import FEATURES

from .guest import PARTS, Guest
from .host import Host

__all__ = ["Baseline", "Cost", "baseline", "legal_guest"]


@dataclass(frozen=True)
class Cost:
    """A feature or component that others of the fleet offer, and the hosts without it, each with its reason."""

    bit: str
    hosts: tuple[str, ...]
    why: tuple[str, ...]


@dataclass(frozen=True)
class Baseline:
    """What a fleet has in common, and what was given up for it."""

    guest: Guest
    hosts: tuple[str, ...]
    costs: tuple[Cost, ...]
    vendors: tuple[str, ...]


def legal_guest(name: str, xcr0: int, xss: int, features: frozenset[str]) -> Guest:
    """Return the largest legal guest within some masks and features: groups whole, nothing without its needs.

    >>> found = legal_guest("g", 0x602E7 & ~4, 0, frozenset({"xsave", "avx", "avx512f", "pku"}))
    >>> hex(found.xcr0), sorted(found.features)
    ('0x203', ['pku', 'xsave'])
    """
    kept = set(features)
    while True:
        before = (xcr0, xss, frozenset(kept))
        for name_, (user, supervisor, needs) in PARTS.items():
            if name_ in kept and (user & ~xcr0 or supervisor & ~xss or not kept >= set(needs)):
                kept.discard(name_)
        xcr0 &= X87 | SSE | _brought(kept, 0)
        xss &= _brought(kept, 1)
        if "xsave" not in kept:
            xcr0 = xss = 0
        if (xcr0, xss, frozenset(kept)) == before:
            return Guest(name, xcr0, xss, frozenset(kept))


def _brought(features: set[str], register: int) -> int:
    masks = [PARTS[each][:2] for each in features if each in PARTS]
    return reduce(or_, (mask[register] for mask in masks), 0)


def baseline(hosts: Sequence[Host], name: str = "baseline", *, moves: bool = True) -> Baseline:
    """Return what hosts have in common; at least one host is needed.

    `moves=False` asks for a guest that starts on any of them and stays there, so that places may differ.
    """
    xcr0 = reduce(and_, (host.caps.xcr0 for host in hosts))
    xss = reduce(and_, (host.caps.xss for host in hosts))
    features = frozenset(FEATURES).intersection(*(host.caps.features for host in hosts))
    moved = (_moved(hosts, xcr0) if moves else 0) | _unknown(hosts, xcr0 | xss)
    found = legal_guest(name, xcr0 & ~moved, xss & ~moved, features)
    costs = (*_feature_costs(hosts, found), *_component_costs(hosts, moved))
    vendors = tuple(dict.fromkeys(host.table.vendor for host in hosts))
    return Baseline(found, tuple(host.name for host in hosts), costs, vendors)


def _moved(hosts: Sequence[Host], mask: int) -> int:
    """Return the components that do not lie at one place on all hosts."""
    found = 0
    for index in indices(mask & ~LEGACY_COMPONENTS):
        if len({host.places[index] for host in hosts if index in host.places}) > 1:
            found |= 1 << index
    return found


def _unknown(hosts: Sequence[Host], mask: int) -> int:
    return mask & reduce(lambda seen, host: seen | host.missing, hosts, 0)


def _feature_costs(hosts: Sequence[Host], found: Guest) -> Iterator[Cost]:
    for name in FEATURES:
        lacking = [host for host in hosts if name not in host.caps.features]
        if lacking and len(lacking) < len(hosts):
            why = [
                next(each.why for each in host.caps.reasons if each.bit == name) for host in lacking
            ]
            yield Cost(name, tuple(host.name for host in lacking), tuple(why))
        elif not lacking and name not in found.features:
            yield Cost(name, (), ("every host has it, not every host what it needs",))


def _component_costs(hosts: Sequence[Host], moved: int) -> Iterator[Cost]:
    for index in indices(moved):
        groups: dict[tuple[int, int] | None, list[str]] = {}
        for host in hosts:
            groups.setdefault(host.places.get(index), []).append(host.name)
        why = [f"{', '.join(who)}: " + (f"{place[1]} bytes at {place[0]}" if place else "unknown place")
               for place, who in groups.items()]  # fmt: skip
        fewest = min(groups.values(), key=len)
        yield Cost(f"XCR0.{names(1 << index)[0]}", tuple(fewest), tuple(why))
