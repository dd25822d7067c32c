# SPDX-License-Identifier: Apache-2.0
"""Firecracker's JSON: a fingerprint, what `cpu-template-helper template dump` prints, or a template.

All list `cpuid_modifiers` with one bitmap of 32 characters per register, most significant bit
first. In a fingerprint and in a dump every bit is 0 or 1, and what is not listed is zero: it is all
that KVM was given. In a *template* `x` leaves the bit as the host has it, and so does a register that
is not listed: these bits are unknown.
"""

import re

import msgspec

from xsavvy.cpuid.dump.intake import Collector, Source
from xsavvy.cpuid.table import EVERY_BIT, Leaf, Table

__all__ = ["read_firecracker", "recognises_firecracker"]

_BITMAP = re.compile(r"0b[01xX]{1,32}\Z")


class _Modifier(msgspec.Struct):
    register: str
    bitmap: str


class _Entry(msgspec.Struct):
    leaf: str
    subleaf: str
    modifiers: list[_Modifier]


class _Template(msgspec.Struct):
    cpuid_modifiers: list[_Entry] | None = None


class _Document(msgspec.Struct):
    guest_cpu_config: _Template | None = None
    cpuid_modifiers: list[_Entry] | None = None


def recognises_firecracker(text: str) -> bool:
    """Tell whether a text is JSON with Firecracker's list of CPUID entries."""
    return text.lstrip().startswith("{") and '"cpuid_modifiers"' in text


def _bits(source: Source, entry: _Entry) -> tuple[Leaf, Leaf]:
    """Return an entry's registers and which of their bits it says."""
    where = f"leaf {entry.leaf} subleaf {entry.subleaf}"
    values, known = dict.fromkeys(Leaf._fields, 0), dict.fromkeys(Leaf._fields, 0)
    for modifier in entry.modifiers:
        bitmap = modifier.bitmap.replace("_", "").lower()
        if modifier.register not in values:
            source.refuse(0, f"eax, ebx, ecx or edx in {where}", modifier.register)
        if _BITMAP.match(bitmap) is None:
            source.refuse(
                0,
                f"0b and at most 32 digits 0, 1 or x for {modifier.register} of {where}",
                modifier.bitmap,
            )
        digits = bitmap[2:].rjust(32, "x" if "x" in bitmap else "0")
        values[modifier.register] = int(digits.replace("x", "0"), 2)
        known[modifier.register] = int(digits.replace("0", "1").replace("x", "0"), 2)
    return Leaf(**values), Leaf(**known)


def _entries(source: Source) -> list[_Entry]:
    try:
        document = msgspec.json.decode(source.text.encode("utf-8", "replace"), type=_Document)
    except (msgspec.DecodeError, RecursionError) as error:
        source.refuse(0, "JSON of a Firecracker fingerprint or template", str(error))
    if document.guest_cpu_config is not None:
        return document.guest_cpu_config.cpuid_modifiers or []
    return document.cpuid_modifiers or []


def read_firecracker(source: Source) -> tuple[Table, ...]:
    """Read a fingerprint, a dump or a template as one table.

    It is whole, what KVM showed to the guest, if it has leaf 0 and leaves no bit open; else a template,
    which knows the bits that it sets and clears. Raises `UnreadableDump` for JSON of another form.
    """
    found = []
    for entry in _entries(source):
        leaf = source.number(0, entry.leaf, "a leaf")
        found.append(((leaf, source.number(0, entry.subleaf, "a subleaf")), _bits(source, entry)))
    listed = all(not word or word == EVERY_BIT.eax for _, (_, known) in found for word in known)
    whole = listed and any(key == (0, 0) for key, _ in found)
    collector = Collector(source)
    for key, (registers, known) in found:
        collector.add(0, key, registers, None if whole else known)
    (table,) = collector.finish()[:1]
    return (Table(table, whole=True) if whole else table,)
