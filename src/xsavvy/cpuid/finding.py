# SPDX-License-Identifier: Apache-2.0
"""What a lint says: a number that is wrong, and a number that is not known."""

from __future__ import annotations

import msgspec

from xsavvy.cpuid.table import Table

__all__ = ["Finding", "Unknown", "finding", "unknown"]


class Finding(msgspec.Struct, frozen=True):
    """One number that cannot be right; `rule` is a stable short name, `source` says who says so.

    `register` is empty where a whole subleaf is meant.
    """

    rule: str
    leaf: int
    subleaf: int
    register: str
    found: int
    expected: str
    sentence: str
    source: str = ""


class Unknown(msgspec.Struct, frozen=True):
    """What a table does not say, and what could therefore not be judged."""

    leaf: int
    subleaf: int
    register: str
    sentence: str


def finding(
    rule: str, place: tuple[int, int, str], found: int, expected: str, says: str, source: str
) -> Finding:
    """Return a finding at (leaf, subleaf, register); its sentence begins with place and number.

    >>> finding("size", (0xD, 1, "ebx"), 0x370, "0", "too much", "SDM").sentence
    'leaf 0xd subleaf 0x1 EBX=0x370: too much'
    """
    leaf, subleaf, register = place
    value = f" {register.upper()}={found:#x}" if register else ""
    sentence = f"leaf {leaf:#x} subleaf {subleaf:#x}{value}: {says}"
    return Finding(rule, leaf, subleaf, register, found, expected, sentence, source)


def unknown(table: Table, leaf: int, subleaf: int, register: str, says: str) -> Unknown:
    """Return what a table does not know at a place, with a sentence that begins with it."""
    what = "is not in the dump" if table.find(leaf, subleaf) is None else "is known in part"
    place = f"leaf {leaf:#x} subleaf {subleaf:#x}" + (f" {register.upper()}" if register else "")
    return Unknown(leaf, subleaf, register, f"{place} {what}: {says}")
