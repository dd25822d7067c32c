# SPDX-License-Identifier: Apache-2.0
"""Names that other tools give to CPUID's bits, and the tables that lists of such names make.

libvirt, QEMU and their kin describe a CPU by feature names. `named_bits()` turns names into a table that
knows these bits and no other: leaf 0xD's numbers, which no name says, stay unknown.
`names.txt` has the places; `feature.py` has the bits that decide about extended state, with titles.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

from xsavvy.cpuid.table import EVERY_BIT, Key, Leaf, Table

__all__ = ["VENDORS", "Place", "known_vendor", "named_bits", "place_of", "spelled"]

VENDORS: Final = {
    "Intel": "GenuineIntel",
    "AMD": "AuthenticAMD",
    "Hygon": "HygonGenuine",
    "Centaur": "CentaurHauls",
}
"""libvirt's names of vendors, and what CPUID says."""


class Place(NamedTuple):
    """Where one feature bit stands."""

    leaf: int
    subleaf: int
    register: str
    bit: int

    def __str__(self) -> str:
        """Spell the place as the manuals do."""
        return f"CPUID.({self.leaf:02X}H,{self.subleaf}):{self.register.upper()}[{self.bit}]"


def spelled(name: str) -> str:
    """Return the one spelling of a name: QEMU, libvirt and Linux differ in `-`, `_` and `.`.

    >>> spelled("SSE4.1"), spelled("lahf_lm")
    ('sse4-1', 'lahf-lm')
    """
    return name.strip().lower().replace("_", "-").replace(".", "-")


@cache
def _places() -> dict[str, Place]:
    text = files("xsavvy.cpuid").joinpath("names.txt").read_text(encoding="utf-8")
    found = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            leaf, subleaf, register, bit, *names = line.split()
            place = Place(int(leaf, 16), int(subleaf), register, int(bit))
            found.update(dict.fromkeys(names, place))
    return found


def place_of(name: str) -> Place | None:
    """Return where a feature stands, or None for a name that is no feature bit of CPUID.

    >>> str(place_of("shstk")), place_of("host-phys-bits")
    ('CPUID.(07H,0):ECX[7]', None)
    """
    return _places().get(spelled(name))


def known_vendor(name: str) -> str:
    """Return CPUID's vendor name for libvirt's or QEMU's, or an empty string for another."""
    found = VENDORS.get(name, name)
    return found if found in VENDORS.values() else ""


def named_bits(
    features: Mapping[str, bool],
    vendor: str = "",
    exact: Iterable[tuple[Key, Leaf, Leaf]] = (),
) -> Table:
    """Return the table that knows what names say, the vendor, and `exact` (key, value, mask) entries.

    A name that is no bit of CPUID is passed over. Of two names of one bit the one that is set wins.

    >>> table = named_bits({"pku": True, "ospke": False}, "Intel")
    >>> table.bit(7, 0, "ecx", 3), table.bit(7, 0, "ecx", 4), table.bit(7, 0, "ecx", 7), table.vendor
    (True, False, None, 'GenuineIntel')
    """
    values: dict[Key, list[int]] = {}
    masks: dict[Key, list[int]] = {}
    for key, value, mask in exact:
        values[key], masks[key] = list(value), list(mask)
    if known_vendor(vendor):
        _name_vendor(known_vendor(vendor), values, masks)
    for name, present in features.items():
        place = place_of(name)
        if place is not None:
            key, register = (place.leaf, place.subleaf), Leaf._fields.index(place.register)
            masks.setdefault(key, [0] * 4)[register] |= 1 << place.bit
            values.setdefault(key, [0] * 4)[register] |= present << place.bit
    entries = {key: Leaf(*value) for key, value in values.items()}
    return Table(entries, known={key: Leaf(*mask) for key, mask in masks.items()})


def _name_vendor(name: str, values: dict[Key, list[int]], masks: dict[Key, list[int]]) -> None:
    """Put a vendor's name where leaf 0 has it: EBX, EDX, ECX."""
    words = [int.from_bytes(name[at : at + 4].encode(), "little") for at in (0, 4, 8)]
    value, mask = values.setdefault((0, 0), [0] * 4), masks.setdefault((0, 0), [0] * 4)
    for register, word in zip((1, 3, 2), words, strict=True):
        value[register], mask[register] = word, EVERY_BIT.eax
