# SPDX-License-Identifier: Apache-2.0
"""Which dump formats there are, and which of them a text is in.

A format is recognised by something that only it has (a line's shape, an element, a key), never by
a file's name. `FORMATS` is in the order of asking; the first that recognises a text reads it.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Final, NamedTuple

from xsavvy.cpuid.dump.aida import read_aida, recognises_aida
from xsavvy.cpuid.dump.firecracker import read_firecracker, recognises_firecracker
from xsavvy.cpuid.dump.intake import MAX_LINE, Source
from xsavvy.cpuid.dump.kcpuid import read_kcpuid, recognises_kcpuid
from xsavvy.cpuid.dump.libcpuid import read_libcpuid, recognises_libcpuid
from xsavvy.cpuid.dump.log import read_log, recognises_log
from xsavvy.cpuid.dump.model import read_model, recognises_model
from xsavvy.cpuid.dump.qmp import read_qmp, recognises_qmp
from xsavvy.cpuid.dump.raw import read_raw, recognises_raw
from xsavvy.cpuid.dump.sde import read_sde, recognises_sde
from xsavvy.cpuid.dump.virtualbox import ROLES, read_virtualbox, recognises_virtualbox
from xsavvy.cpuid.dump.xml import read_xml, recognises_xml
from xsavvy.cpuid.table import Table

__all__ = ["FORMATS", "Format", "UnknownFormat", "detect", "format_named", "read", "read_all"]


class Format(NamedTuple):
    """One dump format: a short name, what people call it, how to tell it, how to read it.

    `roles` names the tables of a format that holds different machines; else they are the logical
    processors of one.
    """

    name: str
    title: str
    recognises: Callable[[str], bool]
    reads: Callable[[Source], tuple[Table, ...]]
    roles: tuple[str, ...] = ()


FORMATS: Final[tuple[Format, ...]] = (
    Format("xml", "libvirt <cpudata> or RJCP <cpuid> XML", recognises_xml, read_xml),
    Format("cpu-model", "libvirt CPU XML", recognises_model, read_model),
    Format("firecracker", "Firecracker JSON", recognises_firecracker, read_firecracker),
    Format("qmp", "QEMU QMP replies", recognises_qmp, read_qmp),
    Format("raw", "cpuid -r", recognises_raw, read_raw),
    Format("kcpuid", "kcpuid -r", recognises_kcpuid, read_kcpuid),
    Format("sde", "SDE cpuid.def", recognises_sde, read_sde),
    Format("libcpuid", "libcpuid raw", recognises_libcpuid, read_libcpuid),
    Format("virtualbox", "VBox.log", recognises_virtualbox, read_virtualbox, ROLES),
    Format("log", "a log with CPUID[0d, 01] or EAX_IN lines", recognises_log, read_log),
    Format("aida", "AIDA64 or InstLatX64 text", recognises_aida, read_aida),
)


class UnknownFormat(ValueError):
    """A name that is no format's; `str()` names the nearest."""


def format_named(name: str) -> Format:
    """Return a format by its short name; raises `UnknownFormat`."""
    found = {each.name: each for each in FORMATS}
    if name not in found:
        near = difflib.get_close_matches(name, found, n=3, cutoff=0.4) or found
        raise UnknownFormat(f"no dump format {name!r}; nearest: {', '.join(near)}")
    return found[name]


def detect(source: Source) -> Format:
    """Return the format of a dump; raises `UnreadableDump` naming the known ones."""
    for each in FORMATS:
        if each.recognises(source.text):
            return each
    first = source.text.lstrip()[:MAX_LINE].split("\n", 1)[0].rstrip()
    titles = "; ".join(each.title for each in FORMATS)
    raise source.refusal(0, f"a CPUID dump ({titles})", first)


def read_all(
    data: str | bytes, name: str = "<dump>", form: Format | None = None
) -> tuple[Table, ...]:
    """Read a CPUID dump of any known format, one table per logical processor in it.

    `name` is what messages call the dump, usually its path; `form` takes the format as given.
    Raises `UnreadableDump`, whose text is one line: file, line, what was expected, what was found.

    >>> read_all("CPUID 0000000D: 00000007-00000340-00000340-00000000 [SL 00]")[0].read(0xD).eax
    7
    """
    source = Source(data, name)
    return (form or detect(source)).reads(source)


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
