# SPDX-License-Identifier: Apache-2.0
"""libcpuid's own raw form, of `cpuid_tool --save` and of its older tests.

    _________________ Logical CPU #0 _________________
    basic_cpuid[13]=00000007 00000340 00000340 00000000
    intel_fn4[0]=1c004121 01c0003f 0000003f 00000000

Each array is one leaf's subleaves or a range of leaves with subleaf 0; of leaf 0xD there is subleaf 0
alone. A line of dashes ends the dump: what libcpuid is expected to make of it stands below.
"""

import re

from xsavvy.cpuid.dump.intake import Collector, Source
from xsavvy.cpuid.table import ZERO, Leaf, Table

__all__ = ["read_libcpuid", "recognises_libcpuid"]

_SIGN = re.compile(r"^basic_cpuid\[[0-9]{1,3}\]=[0-9a-f]{8} ", re.MULTILINE)
_HEADER = re.compile(r"_{3,} Logical CPU #[0-9]+ _{3,}\Z")
_START = re.compile(r"(?:basic_cpuid|ext_cpuid|intel_fn|amd_fn)")
_ENTRY = re.compile(r"([a-z0-9_]+)\[([0-9]{1,3})\]=(\S+) (\S+) (\S+) (\S+)\Z")
_END = re.compile(r"-{20,}\Z")
_RANGES = {"basic_cpuid": 0, "ext_cpuid": 0x80000000}
_LEAVES = {
    "intel_fn4": 0x4,
    "intel_fn11": 0xB,
    "intel_fn12h": 0x12,
    "intel_fn14h": 0x14,
    "amd_fn8000001dh": 0x8000001D,
}


def recognises_libcpuid(text: str) -> bool:
    """Tell whether a text has at least one line of the array `basic_cpuid`."""
    return _SIGN.search(text) is not None


def _add(source: Source, collector: Collector, line: int, text: str) -> None:
    match = _ENTRY.match(text)
    if match is None or match[1] not in {*_RANGES, *_LEAVES}:
        source.refuse(line, "'ARRAY[INDEX]=EAX EBX ECX EDX', each 8 hexadecimal digits", text)
    words = (source.number(line, word, "a register of 32 bits") for word in match.groups()[2:])
    registers, index = Leaf(*words), int(match[2])
    if match[1] in _LEAVES:
        key = _LEAVES[match[1]], index
        wanted = registers != ZERO and collector.find(key) is None
    else:
        key = _RANGES[match[1]] + index, 0
        first = collector.find((_RANGES[match[1]], 0)) or registers
        wanted = key[0] <= first.eax or index == 0
    if wanted:
        collector.add(line, key, registers)


def read_libcpuid(source: Source) -> tuple[Table, ...]:
    """Read libcpuid's raw form, one table per logical processor.

    Lines beyond the last leaf, and zeros of a leaf that may not have been asked, are left out.
    Raises `UnreadableDump` for a line of an array that is of another form.
    """
    collector = Collector(source)
    for number, line in source.lines():
        text = line.strip()
        if _END.match(text):
            break
        if _HEADER.match(text):
            collector.processor()
        elif _START.match(text):
            _add(source, collector, number, text)
    return collector.finish()
