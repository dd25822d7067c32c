# SPDX-License-Identifier: Apache-2.0
"""What all dump readers share: bounded decoding of the bytes, collecting of entries, one error.

A dump comes from somebody else, so nothing in it is trusted: its size and the number of its
entries are bounded, numbers are checked against 32 bits, and whatever is quoted back in a message
has its control characters escaped and its length cut.
"""

import re
from collections.abc import Iterator
from typing import NoReturn

from xsavvy.cpuid.table import ZERO, Key, Leaf, Table

__all__ = [
    "MAX_BYTES",
    "MAX_ENTRIES",
    "MAX_LINE",
    "MAX_PROCESSORS",
    "Collector",
    "Source",
    "UnreadableDump",
    "escaped",
    "not_asked",
]

MAX_BYTES = 8 << 20
"""The largest dump that is read: more than a thousand logical processors at 6 KB each."""

MAX_ENTRIES = 4096
"""The most entries that one logical processor may have; public dumps stay below 100."""

MAX_PROCESSORS = 4096
"""The most logical processors that one dump may describe."""

MAX_LINE = 4096
"""The longest line of a line-by-line format, in characters."""

_REGISTER = re.compile(r"(?:0[xX])?([0-9a-fA-F]{1,8})\Z")


def escaped(text: str, limit: int = 60) -> str:
    """Return text that is safe to print on one line: unprintable characters escaped, then cut.

    >>> escaped("a\\x1b[2Jb")
    'a\\\\x1b[2Jb'
    >>> escaped("x" * 100, limit=8)
    'xxxxxxx…'
    """
    head = text[:limit]
    safe = "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in head
    )
    return safe if len(text) <= limit and len(safe) <= limit else safe[: limit - 1] + "…"


def not_asked(key: Key, registers: Leaf) -> bool:
    """Tell whether an entry is zeros that AIDA64 printed for a state component of leaf 0xD.

    Some versions end the leaf so though the processor has the component: dozens of public dumps, of processors
    whose other dumps have its size. Such an entry says nothing, in AIDA64's form or converted from it.
    """
    return key[0] == 0xD and key[1] > 1 and registers == ZERO


class UnreadableDump(ValueError):
    """A dump that is not what it should be; `str()` is one line: file, line, what was expected."""

    def __init__(self, name: str, line: int, expected: str, found: str | None = None) -> None:
        self.name = name
        self.line = line
        self.expected = expected
        self.found = found
        where = escaped(name, 200) + (f":{line}" if line else "")
        what = "" if found is None else f", found '{escaped(found)}'"
        super().__init__(f"{where}: expected {expected}{what}")


class Source:
    """The text of one dump and the name that messages give it.

    Decodes UTF-8, UTF-16 with a byte order mark (a Windows shell's redirection) and, failing these,
    Latin-1, which old AIDA64 files use. Raises `UnreadableDump` for an empty, binary or oversized
    dump.
    """

    def __init__(self, data: str | bytes, name: str) -> None:
        self.name = name
        if len(data) > MAX_BYTES:
            self.refuse(0, f"a CPUID dump of at most {MAX_BYTES >> 20} MiB", f"{len(data)} bytes")
        self.text = (data if isinstance(data, str) else self._decoded(data)).removeprefix("\ufeff")
        if not self.text.strip():
            self.refuse(0, "a CPUID dump", "an empty file")
        if "\0" in self.text:
            line = self.text.count("\n", 0, self.text.index("\0")) + 1
            self.refuse(line, "text", "a NUL byte (a binary file)")

    def _decoded(self, data: bytes) -> str:
        if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
            try:
                return data.decode("utf-16")
            except UnicodeDecodeError:
                self.refuse(0, "UTF-16 text after its byte order mark")
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError:
            return data.decode("latin-1")

    def lines(self) -> Iterator[tuple[int, str]]:
        """Yield (line number from 1, line without its end); only newlines end a line."""
        for number, line in enumerate(self.text.split("\n"), start=1):
            if len(line) > MAX_LINE:
                self.refuse(number, f"a line of at most {MAX_LINE} characters", line)
            yield number, line.rstrip("\r")

    def refusal(self, line: int, expected: str, found: str | None = None) -> UnreadableDump:
        """Return the error for a line; line 0 stands for the whole file."""
        return UnreadableDump(self.name, line, expected, found)

    def refuse(self, line: int, expected: str, found: str | None = None) -> NoReturn:
        """Raise the error for a line."""
        raise self.refusal(line, expected, found)

    def number(self, line: int, text: str, what: str) -> int:
        """Return a hexadecimal number of at most 32 bits, with or without 0x."""
        match = _REGISTER.match(text)
        if match is None:
            self.refuse(line, f"{what}: at most 8 hexadecimal digits", text)
        return int(match.group(1), 16)


class Collector:
    """Gathers entries in a dump's order and splits them by logical processor.

    A new processor starts where a format says so, and where leaf 0 comes again: it has no
    subleaves. An entry may be repeated with the same value, never with another.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._done: list[Table] = []
        self._entries: dict[Key, Leaf] = {}
        self._lines: dict[Key, int] = {}
        self._known: dict[Key, Leaf] = {}

    def processor(self) -> None:
        """Start the next logical processor, unless the present one is still empty."""
        if not self._entries:
            return
        if len(self._done) >= MAX_PROCESSORS:
            self._source.refuse(0, f"at most {MAX_PROCESSORS} logical processors")
        self._done.append(Table(self._entries, known=self._known))
        self._entries = {}
        self._lines = {}
        self._known = {}

    def add(self, line: int, key: Key, registers: Leaf, known: Leaf | None = None) -> None:
        """Take one entry, of which `known` bits are known (all if it is None).

        Raises `UnreadableDump` where it contradicts an earlier one.
        """
        if key == (0, 0) and key in self._entries:
            self.processor()
        earlier = self._entries.get(key)
        if earlier is not None and earlier != registers:
            self._source.refuse(
                line,
                f"the same registers as in line {self._lines[key]} for leaf {key[0]:#x}"
                f" subleaf {key[1]:#x} of the same processor",
                " ".join(f"{register:08x}" for register in registers),
            )
        if len(self._entries) >= MAX_ENTRIES:
            self._source.refuse(line, f"at most {MAX_ENTRIES} entries for one processor")
        self._entries[key] = registers
        self._lines.setdefault(key, line)
        if known is not None:
            self._known[key] = known

    def find(self, key: Key) -> Leaf | None:
        """Return an entry of the present processor, if it has come already."""
        return self._entries.get(key)

    def finish(self) -> tuple[Table, ...]:
        """Return one table per logical processor; raises `UnreadableDump` if there is none."""
        self.processor()
        if not self._done:
            self._source.refuse(0, "at least one CPUID leaf")
        return tuple(self._done)
