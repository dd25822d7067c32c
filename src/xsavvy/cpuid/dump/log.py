# SPDX-License-Identifier: Apache-2.0
"""Logs that hold CPUID entries among other lines: Linux' complaint about XSAVE sizes, an SNP CPUID page.

    CPUID[0d, 01]: eax=0000001b ebx=000029d0 ecx=00001800 edx=00000000
    EAX_IN: 0x0000000d ECX_IN: 0x00000001 XCR0_IN: 0x00000001 XSS_IN: 0x00000000 EAX_OUT: 0x0000000f ...

The first comes from Linux (and so from a guest of openvmm that met it), the second from a confidential
guest that printed its CPUID page. That page is all that the guest is told, so it is a whole table;
entries for another XCR0 or XSS of the same subleaf stand beside the first, which counts.
"""

import re

from xsavvy.cpuid.dump.intake import Collector, Source
from xsavvy.cpuid.table import Leaf, Table

__all__ = ["read_log", "recognises_log"]

_LINUX = re.compile(
    r"CPUID\[([0-9a-f]{1,8}), ([0-9a-f]{1,8})\]: "
    r"eax=(\S{1,16}) ebx=(\S{1,16}) ecx=(\S{1,16}) edx=(\S{1,16})"
)
_PAGE = re.compile(
    r"EAX_IN: (\S{1,16}) ECX_IN: (\S{1,16}) XCR0_IN: \S{1,32} XSS_IN: \S{1,32} "
    r"EAX_OUT: (\S{1,16}) EBX_OUT: (\S{1,16}) ECX_OUT: (\S{1,16}) EDX_OUT: (\S{1,16})"
)
_LINUX_SIGN = re.compile(r"CPUID\[[0-9a-f]{1,8}, [0-9a-f]{1,8}\]: eax=")


def recognises_log(text: str) -> bool:
    """Tell whether a text has a line of one of the two forms."""
    return "EAX_IN: 0x" in text or _LINUX_SIGN.search(text) is not None


def read_log(source: Source) -> tuple[Table, ...]:
    """Read the entries of a log; other lines are passed over.

    Raises `UnreadableDump` where a line of one of the forms has something else than numbers, and where
    there is none.
    """
    collector = Collector(source)
    page = False
    for number, line in source.lines():
        match = _PAGE.search(line) or _LINUX.search(line)
        if match is None:
            continue
        leaf, subleaf, *words = (
            source.number(number, word, "a number of 32 bits") for word in match.groups()
        )
        page = page or match.re is _PAGE
        if not (match.re is _PAGE and collector.find((leaf, subleaf)) is not None):
            collector.add(number, (leaf, subleaf), Leaf(*words))
    tables = collector.finish()
    return tuple(Table(table, whole=True) for table in tables) if page else tables
