# SPDX-License-Identifier: Apache-2.0
"""The text of `kcpuid -r`, of the kernel's tools.

    0x00000001: EAX=0x00a10f11, EBX=0x00800800, ECX=0x7efa320b, EDX=0x178bfbff
    0x0000000d: subleafs:
      0: EAX=0x00000207, EBX=0x00000988, ECX=0x00000988, EDX=0x00000000

The tool leaves out entries whose four registers are zero, and stops at subleaf 31 or 63, so an absent
entry is unknown here all the same.
"""

import re

from xsavvy.cpuid.dump.intake import Collector, Source
from xsavvy.cpuid.table import Leaf, Table

__all__ = ["read_kcpuid", "recognises_kcpuid"]

_LEAF = re.compile(r"(0x[0-9a-fA-F]{1,8}): +(subleafs:|EAX=.*)\Z")
_SUBLEAF = re.compile(r"([0-9]{1,3}): +(EAX=.*)\Z")
_REGISTERS = re.compile(r"EAX=(\S+), +EBX=(\S+), +ECX=(\S+), +EDX=(\S+)\Z")
_SIGN = re.compile(r"^0x[0-9a-fA-F]{8}: (?:subleafs:|EAX=0x)", re.MULTILINE)


def recognises_kcpuid(text: str) -> bool:
    """Tell whether a text has at least one leaf as kcpuid prints it."""
    return _SIGN.search(text) is not None


def _registers(source: Source, line: int, text: str) -> Leaf:
    match = _REGISTERS.match(text)
    if match is None:
        source.refuse(line, "'EAX=0x…, EBX=0x…, ECX=0x…, EDX=0x…'", text)
    return Leaf(*(source.number(line, word, "a register of 32 bits") for word in match.groups()))


def read_kcpuid(source: Source) -> tuple[Table, ...]:
    """Read `kcpuid -r` text as one table; its headings are passed over.

    Raises `UnreadableDump` for a leaf of another form and for a subleaf without its leaf.
    """
    collector = Collector(source)
    open_leaf: int | None = None
    for number, line in source.lines():
        text = line.strip()
        leaf, subleaf = _LEAF.match(text), _SUBLEAF.match(text)
        if leaf is not None:
            at = source.number(number, leaf[1], "a leaf")
            open_leaf = at if leaf[2] == "subleafs:" else None
            if open_leaf is None:
                collector.add(number, (at, 0), _registers(source, number, leaf[2]))
        elif subleaf is not None:
            if open_leaf is None:
                source.refuse(number, "'0xLEAF: subleafs:' above a subleaf", text)
            key = open_leaf, int(subleaf[1])
            collector.add(number, key, _registers(source, number, subleaf[2]))
    return collector.finish()
