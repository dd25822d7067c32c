# SPDX-License-Identifier: Apache-2.0
"""The text of `cpuid -r` (Todd Allen's tool), read and written.

One entry a line, below a header for each logical processor (none is needed):

    CPU 0:
       0x0000000d 0x01: eax=0x0000000f ebx=0x00000a08 ecx=0x00000100 edx=0x00000000

Mails quote and wrap such lines, so `>` before and a break between registers are accepted, and
prose around them is passed over. A line that begins like an entry must be one.
"""

import re

from xsavvy.cpuid.dump.intake import Collector, Source
from xsavvy.cpuid.table import Leaf, Table

__all__ = ["read_raw", "recognises_raw", "write_raw"]

_HEADER = re.compile(r"CPU(?: +\d+)?:\s*\Z")
_START = re.compile(r"[0-9]|e[abcd]x\s*=", re.IGNORECASE)
_MORE = re.compile(r"e[bcd]x\s*=", re.IGNORECASE)
_FIELD = re.compile(r"(?P<register>e[abcd]x) *= *(?P<value>\S+)\Z", re.IGNORECASE)
_ENTRY = re.compile(r"(?P<leaf>0x\S+) +(?P<subleaf>0x[^\s:]+): +(?P<registers>\S.*)\Z")
_SIGN = re.compile(
    r"^[ \t>|]*0x[0-9a-f]{1,8} +0x[0-9a-f]{1,8}: +eax *=", re.IGNORECASE | re.MULTILINE
)
_LONGEST = 200
_SHAPE = "'0xLEAF 0xSUBLEAF: eax=0x… ebx=0x… ecx=0x… edx=0x…'"


def recognises_raw(text: str) -> bool:
    """Tell whether a text has at least one line of `cpuid -r`."""
    return _SIGN.search(text) is not None


def _registers(source: Source, line: int, text: str, whole: str) -> Leaf:
    """Return the registers of an entry; each of the four must be there once, in any order."""
    found: dict[str, int] = {}
    for word in re.sub(r" *= *", "=", text).split():
        field = _FIELD.match(word)
        if field is None or field["register"].lower() in found:
            source.refuse(line, _SHAPE, whole)
        found[field["register"].lower()] = source.number(
            line, field["value"], f"{field['register']} of 32 bits"
        )
    if len(found) != 4:
        source.refuse(line, _SHAPE, whole)
    return Leaf(found["eax"], found["ebx"], found["ecx"], found["edx"])


def _take(source: Source, collector: Collector, line: int, text: str) -> None:
    entry = _ENTRY.match(text)
    if entry is None:
        source.refuse(line, _SHAPE, text)
    leaf = source.number(line, entry["leaf"], "a leaf")
    subleaf = source.number(line, entry["subleaf"], "a subleaf")
    collector.add(line, (leaf, subleaf), _registers(source, line, entry["registers"], text))


def read_raw(source: Source) -> tuple[Table, ...]:
    """Read `cpuid -r` text, one table per logical processor.

    Raises `UnreadableDump` for a line that begins like an entry and is not one.
    """
    collector = Collector(source)
    pending: tuple[int, str] | None = None
    for number, line in source.lines():
        text = line.lstrip(" \t>|").rstrip()
        if pending is not None and _MORE.match(text) and len(pending[1]) < _LONGEST:
            pending = (pending[0], f"{pending[1]} {text}")
            continue
        if pending is not None:
            _take(source, collector, *pending)
            pending = None
        if _HEADER.match(text):
            collector.processor()
        elif _START.match(text):
            pending = (number, text)
    if pending is not None:
        _take(source, collector, *pending)
    return collector.finish()


def write_raw(table: Table) -> str:
    """Return a table as `cpuid -1 -r` would print it.

    >>> print(write_raw(Table({(0xD, 1): Leaf(15, 0x9a8, 0x1800, 0)})), end="")
    CPU:
       0x0000000d 0x01: eax=0x0000000f ebx=0x000009a8 ecx=0x00001800 edx=0x00000000
    """
    lines = ["CPU:"]
    for (leaf, subleaf), registers in table.items():
        words = " ".join(
            f"{name}=0x{value:08x}" for name, value in zip(Leaf._fields, registers, strict=True)
        )
        lines.append(f"   0x{leaf:08x} 0x{subleaf:02x}: {words}")
    return "\n".join(lines) + "\n"
