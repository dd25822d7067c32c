# SPDX-License-Identifier: Apache-2.0
"""Intel SDE's `cpuid.def`: the definition of a processor to emulate, numbers in hexadecimal.

    # CPUID_VERSION = 1.0
    0000000d 00000001 => 0000001f 00000240 00000100 00000000 #note
    0000001e ******** => 00000000 00004010 00000000 00000000

`********` stands for every subleaf. The file is all that the emulated CPUID answers from, so what it
leaves out is zero: the table is whole.
"""

import re

from xsavvy.cpuid.dump.intake import Collector, Source
from xsavvy.cpuid.table import Leaf, Table

__all__ = ["read_sde", "recognises_sde"]

_SIGN = re.compile(
    r"^(?:# *CPUID_VERSION\b|[0-9a-fA-F]{8} +(?:[0-9a-fA-F]{8}|\*{8}) *=>)", re.MULTILINE
)
_ENTRY = re.compile(r"(\S+) +(\S+) +=> +(\S+) +(\S+) +(\S+) +(\S+)\Z")
_ANY = "*" * 8


def recognises_sde(text: str) -> bool:
    """Tell whether a text has SDE's version line or an entry with an arrow."""
    return _SIGN.search(text) is not None


def read_sde(source: Source) -> tuple[Table, ...]:
    """Read a definition as one whole table; comments are passed over.

    Raises `UnreadableDump` for a line that is neither an entry nor a comment.
    """
    collector = Collector(source)
    for number, line in source.lines():
        text = line.partition("#")[0].strip()
        if not text:
            continue
        match = _ENTRY.match(re.sub(r"[ \t]+", " ", text))
        if match is None:
            source.refuse(number, "'EAX ECX => EAX EBX ECX EDX', hexadecimal", text)
        leaf = source.number(number, match[1], "a leaf")
        subleaf = 0 if match[2] == _ANY else source.number(number, match[2], "a subleaf")
        words = (
            source.number(number, word, "a register of 32 bits") for word in match.groups()[2:]
        )
        collector.add(number, (leaf, subleaf), Leaf(*words))
    return tuple(Table(table, whole=True) for table in collector.finish())
