# SPDX-License-Identifier: Apache-2.0
"""The text of AIDA64's CPUID dumps, the form of the InstLatX64 collection; libcpuid's tests too.

    CPUID 0000000D: 000602E7-00002B00-00002B00-00000000 [SL 00] [x87]

`[SL n]` is the subleaf; what else stands in brackets is decoration and is not trusted (it calls
subleaves 0 and 1 of leaf 0xD "x87" and "SSE"). Some have spaces or a tab for the colon. Dumps of
before about 2013 have no `[SL n]` and repeat the leaf instead, in order of the subleaf. For leaf 0xD
they leave some subleaves out, so the order alone says nothing: the subleaf is inferred there, or the
entry is left unknown.

Some versions end leaf 0xD with four zeros for a component that the processor has (six public dumps, of
processors whose other dumps have its size): such an entry is left unknown too.
"""

import re

from xsavvy.cpuid.dump.intake import Collector, Source, not_asked
from xsavvy.cpuid.table import Leaf, Table

__all__ = ["read_aida", "recognises_aida"]

_HEADER = re.compile(r"-+\[ .*Logical CPU #|CPUID Registers \(CPU #|CPU#\d+ AffMask")
_START = re.compile(r"CPUID\s+(?:\S*\d|[A-Fa-f]{8}:)")
_ENTRY = re.compile(
    r"CPUID\s+(?P<leaf>[^\s:]+)(?:\s*:\s*|\s+)(?P<registers>[^\s-]+-[^\s-]+-[^\s-]+-[^\s-]+)"
    r"(?P<notes>\s.*)?\Z"
)
_LEAF_0 = tuple(f"CPUID 00000000{after}" for after in ": \t")
_SUBLEAF = re.compile(r"\[SL ([^\]]*)\]")
_SIGN = re.compile(
    r"^CPUID [0-9A-Fa-f]{8}(?:[ \t]{0,8}:[ \t]{0,8}|[ \t]{1,8})(?:[0-9A-Fa-f]{8}-){3}", re.MULTILINE
)
_SHAPE = "'CPUID LEAF: EAX-EBX-ECX-EDX', each 8 hexadecimal digits"
_XSAVE = 0xD

Entry = tuple[int, int, "int | None", Leaf]
"""Line, leaf, subleaf as tagged, registers."""


def recognises_aida(text: str) -> bool:
    """Tell whether a text has at least one `CPUID LEAF: A-B-C-D` line."""
    return _SIGN.search(text) is not None


def _entry(source: Source, line: int, text: str) -> Entry:
    match = _ENTRY.match(text)
    if match is None:
        source.refuse(line, _SHAPE, text)
    leaf = source.number(line, match["leaf"], "a leaf")
    words = match["registers"].split("-")
    if any(len(word) != 8 for word in words):
        source.refuse(line, _SHAPE, text)
    registers = Leaf(*(source.number(line, word, "a register of 32 bits") for word in words))
    tag = _SUBLEAF.search(match["notes"] or "")
    subleaf = None if tag is None else source.number(line, tag[1], "a subleaf after 'SL'")
    return line, leaf, subleaf, registers


def _xsave_subleaves(entries: list[Leaf]) -> list[int | None]:
    """Infer the subleaves of untagged entries of leaf 0xD, in order; None where not to be known.

    The first is subleaf 0. The second is subleaf 1 unless it has a standard offset, as only a state
    component has: then subleaf 1 was zero. The rest are the components in order, if as many as
    XCR0's and IA32_XSS's bits name. Status: inferred, from the dumps.
    """
    if not entries:
        return []
    found: list[int | None] = [0]
    masks, rest = entries[0].eax | entries[0].edx << 32, entries[1:]
    if rest and not (rest[0].ebx >= 576 and rest[0].eax >= 32 and rest[0].ecx < 8):
        found.append(1)
        masks |= rest[0].ecx | rest[0].edx << 32
        rest = rest[1:]
    components = [index for index in range(2, 63) if masks >> index & 1]
    known = len(rest) == len(components)
    found.extend(components if known else [None] * len(rest))
    return found


def _add_processor(collector: Collector, entries: list[Entry]) -> None:
    """Give each entry of one processor its subleaf and hand it to the collector."""
    untagged = [registers for _, leaf, tag, registers in entries if leaf == _XSAVE and tag is None]
    inferred = iter(_xsave_subleaves(untagged))
    seen: dict[int, int] = {}
    for line, leaf, tag, registers in entries:
        subleaf = tag
        if tag is None:
            subleaf = next(inferred) if leaf == _XSAVE else seen.get(leaf, 0)
            seen[leaf] = seen.get(leaf, 0) + 1
        if subleaf is not None and not not_asked((leaf, subleaf), registers):
            collector.add(line, (leaf, subleaf), registers)
    collector.processor()


def read_aida(source: Source) -> tuple[Table, ...]:
    """Read an AIDA64, InstLatX64 or libcpuid dump, one table per logical processor.

    Lines that do not begin with CPUID and a number (MSRs, caches, headings) are passed over.
    Raises `UnreadableDump` for a CPUID line of another form.
    """
    collector = Collector(source)
    entries: list[Entry] = []
    for number, line in source.lines():
        text = line.strip()
        if _HEADER.match(text) or (_START.match(text) and _new_leaf_0(text, entries)):
            _add_processor(collector, entries)
            entries = []
        if _START.match(text):
            entries.append(_entry(source, number, text))
    _add_processor(collector, entries)
    return collector.finish()


def _new_leaf_0(text: str, entries: list[Entry]) -> bool:
    """Tell whether leaf 0 comes again: it has no subleaves, so another processor begins."""
    return text.startswith(_LEAF_0) and any(leaf == 0 for _, leaf, _, _ in entries)
