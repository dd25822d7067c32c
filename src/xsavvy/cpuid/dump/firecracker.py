# SPDX-License-Identifier: Apache-2.0
"""Firecracker's JSON: a fingerprint, or what `cpu-template-helper template dump` prints.

Both list `cpuid_modifiers` with one bitmap of 32 characters per register, most significant bit
first. In a dump every bit is 0 or 1. A *template* also has `x` (leave the bit as the host has it):
that is a change to a CPU, not a CPU, and is refused with that reason.
"""

import re

import msgspec

from xsavvy.cpuid.dump.intake import Collector, Source
from xsavvy.cpuid.table import Leaf, Table

__all__ = ["read_firecracker", "recognises_firecracker"]

_BITMAP = re.compile(r"0b[01]{1,32}\Z")


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


def _registers(source: Source, entry: _Entry) -> Leaf:
    where = f"leaf {entry.leaf} subleaf {entry.subleaf}"
    found = dict.fromkeys(Leaf._fields, 0)
    for modifier in entry.modifiers:
        bits = modifier.bitmap.replace("_", "")
        if modifier.register not in found:
            source.refuse(0, f"eax, ebx, ecx or edx in {where}", modifier.register)
        if _BITMAP.match(bits) is None:
            source.refuse(
                0,
                f"0b and at most 32 digits 0 or 1 for {modifier.register} of {where}"
                " ('x' makes it a template, which is no CPU)",
                modifier.bitmap,
            )
        found[modifier.register] = int(bits, 2)
    return Leaf(**found)


def read_firecracker(source: Source) -> tuple[Table, ...]:
    """Read a fingerprint or a dumped template as one table: what KVM showed to the guest.

    Raises `UnreadableDump` for JSON of another form and for a template with `x` bits.
    """
    try:
        document = msgspec.json.decode(source.text.encode("utf-8", "replace"), type=_Document)
    except (msgspec.DecodeError, RecursionError) as error:
        source.refuse(0, "JSON of a Firecracker fingerprint", str(error))
    entries = document.cpuid_modifiers
    if document.guest_cpu_config is not None:
        entries = document.guest_cpu_config.cpuid_modifiers
    collector = Collector(source)
    for entry in entries or ():
        leaf = source.number(0, entry.leaf, "a leaf")
        subleaf = source.number(0, entry.subleaf, "a subleaf")
        collector.add(0, (leaf, subleaf), _registers(source, entry))
    return collector.finish()
