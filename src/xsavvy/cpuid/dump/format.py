# SPDX-License-Identifier: Apache-2.0
"""Which dump formats there are, and which of them a text is in.

A format is recognised by something that only it has (a line's shape, an element, a key), never by
a file's name. `FORMATS` is in the order of asking; the first that recognises a text reads it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from xsavvy.cpuid.dump.aida import read_aida, recognises_aida
from xsavvy.cpuid.dump.firecracker import read_firecracker, recognises_firecracker
from xsavvy.cpuid.dump.intake import MAX_LINE, Source
from xsavvy.cpuid.dump.raw import read_raw, recognises_raw
from xsavvy.cpuid.dump.xml import read_xml, recognises_xml
from xsavvy.cpuid.table import Table

__all__ = ["FORMATS", "Format", "detect", "read", "read_all"]


class Format(NamedTuple):
    """One dump format: a short name, what people call it, how to tell it, how to read it."""

    name: str
    title: str
    recognises: Callable[[str], bool]
    reads: Callable[[Source], tuple[Table, ...]]


FORMATS: Final[tuple[Format, ...]] = (
    Format("xml", "libvirt <cpudata> or RJCP <cpuid> XML", recognises_xml, read_xml),
    Format("firecracker", "Firecracker JSON", recognises_firecracker, read_firecracker),
    Format("raw", "cpuid -r", recognises_raw, read_raw),
    Format("aida", "AIDA64 or InstLatX64 text", recognises_aida, read_aida),
)


def detect(source: Source) -> Format:
    """Return the format of a dump; raises `UnreadableDump` naming the known ones."""
    for each in FORMATS:
        if each.recognises(source.text):
            return each
    first = source.text.lstrip()[:MAX_LINE].split("\n", 1)[0].rstrip()
    titles = "; ".join(each.title for each in FORMATS)
    raise source.refusal(0, f"a CPUID dump ({titles})", first)


def read_all(data: str | bytes, name: str = "<dump>") -> tuple[Table, ...]:
    """Read a CPUID dump of any known format, one table per logical processor in it.

    `name` is what messages call the dump, usually its path.
    Raises `UnreadableDump`, whose text is one line: file, line, what was expected, what was found.

    >>> read_all("CPUID 0000000D: 00000007-00000340-00000340-00000000 [SL 00]")[0].read(0xD).eax
    7
    """
    source = Source(data, name)
    return detect(source).reads(source)


def read(data: str | bytes, name: str = "<dump>", processor: int = 0) -> Table:
    """Read one logical processor (by default the first) of a CPUID dump of any known format.

    Raises `UnreadableDump` as `read_all()` does, and where the dump has fewer processors.
    """
    tables = read_all(data, name)
    if not 0 <= processor < len(tables):
        Source(data, name).refuse(
            0, f"a logical processor below {len(tables)}, the number in the dump", str(processor)
        )
    return tables[processor]
