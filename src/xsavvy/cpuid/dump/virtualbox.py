# SPDX-License-Identifier: Apache-2.0
"""VirtualBox's VBox.log: what the guest is shown and what the host says, side by side.

    00:00:04.809443 Gst: 0000000d/0001  00000000 00000440 00000000 00000000
    00:00:04.809443 Hst:                0000000f 00000440 00000100 00000000

Older and cut logs have only the words below "Processor Extended State Enumeration (leaf 0xd)". Two of
them are wrong and are read as they are meant: the halves of "Valid IA32_XSS bits" are exchanged, and a
state called "XCR0-bit" belongs to IA32_XSS and the other way round. The alignment and XFD flags of a
state are not printed: they stay unknown. The first table is the guest, the second the host.
"""

import re

from xsavvy.cpuid.dump.intake import Collector, Source
from xsavvy.cpuid.table import EVERY_BIT, ZERO, Key, Leaf, Table

__all__ = ["ROLES", "read_virtualbox", "recognises_virtualbox"]

ROLES = ("guest", "host")
"""Whose the tables are."""

_SIGN = re.compile(
    r"^[0-9:. ]*(?:Gst: [0-9a-f]{8}/[0-9a-f]{4}|Processor Extended State Enumeration)", re.MULTILINE
)
_GUEST = re.compile(r"Gst: ([0-9a-f]{8})/([0-9a-f]{4}) +([0-9a-f ]{35})\s*\Z")
_HOST = re.compile(r"Hst: +([0-9a-f ]{35})\s*\Z")
_WHOSE = r"(?P<whose>guest|host):? *"
_SIZE = re.compile(rf"cur/max size by XCR0, +{_WHOSE}(0x[0-9a-f]+)/(0x[0-9a-f]+)", re.IGNORECASE)
_BOTH = re.compile(rf"cur size XCR0\|XSS, +{_WHOSE}(0x[0-9a-f]+)", re.IGNORECASE)
_MASK = re.compile(
    rf"Valid (?P<register>XCR0|IA32_XSS) bits, +{_WHOSE}(0x[0-9a-f]+)`([0-9a-f]+)", re.IGNORECASE
)
_FLAGS = re.compile(rf"XSAVE features, +{_WHOSE}(?P<words>[A-Z0-9 ]*)", re.IGNORECASE)
_STATE = re.compile(
    r"State #(?P<index>[0-9]{1,2}), +(?P<whose>guest|host): +off=(0x[0-9a-f]+), cb=(0x[0-9a-f]+)"
    r" (?P<register>XCR0|IA32_XSS)-bit",
    re.IGNORECASE,
)
_WORDS = {"XSAVEOPT": 1, "XSAVEC": 2, "XGETBC1": 4, "XGETBV1": 4, "XSAVES": 8}
_NO_FLAGS = Leaf(EVERY_BIT.eax, EVERY_BIT.ebx, 1, EVERY_BIT.edx)


def recognises_virtualbox(text: str) -> bool:
    """Tell whether a text has a guest's entry or the heading of leaf 0xD as VirtualBox prints them."""
    return _SIGN.search(text) is not None


class _Words:
    """What the words about leaf 0xD say, for guest and host."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.said: dict[str, dict[Key, tuple[list[int], Leaf]]] = {role: {} for role in ROLES}

    def entry(self, whose: str, subleaf: int) -> list[int]:
        known = _NO_FLAGS if subleaf > 1 else EVERY_BIT
        return self.said[whose.lower()].setdefault((0xD, subleaf), ([0] * 4, known))[0]

    def take(self, line: int, text: str) -> None:
        if size := _SIZE.search(text):
            words = [self._number(line, word) for word in size.groups()[1:]]
            self.entry(size["whose"], 0)[1:3] = words
        elif both := _BOTH.search(text):
            self.entry(both["whose"], 1)[1] = self._number(line, both[2])
        elif mask := _MASK.search(text):
            self._mask(line, mask)
        elif flags := _FLAGS.search(text):
            bits = {_WORDS.get(word, 0) for word in flags["words"].upper().split()}
            self.entry(flags["whose"], 1)[0] = sum(bits)
        elif state := _STATE.search(text):
            registers = self.entry(state["whose"], max(2, int(state["index"])))
            registers[1] = self._number(line, state[3])
            registers[0] = self._number(line, state[4])
            registers[2] = int(state["register"].upper() == "XCR0")

    def _number(self, line: int, text: str) -> int:
        return self.source.number(line, text, "a number of 32 bits")

    def _mask(self, line: int, mask: re.Match[str]) -> None:
        high, low = self._number(line, mask[3]), self._number(line, mask[4])
        if mask["register"].upper() == "XCR0":
            registers = self.entry(mask["whose"], 0)
            registers[0], registers[3] = low, high
        else:
            registers = self.entry(mask["whose"], 1)
            registers[2], registers[3] = (high, low) if low == 0 else (low, high)


def _raw(source: Source) -> dict[str, dict[Key, tuple[int, Leaf]]]:
    """Return the entries of the two sides, each with its line; a host line belongs to the guest's above."""
    found: dict[str, dict[Key, tuple[int, Leaf]]] = {role: {} for role in ROLES}
    key: Key | None = None
    for number, line in source.lines():
        guest, host = _GUEST.search(line), _HOST.search(line)
        if guest is not None:
            key = int(guest[1], 16), int(guest[2], 16)
        match = guest or host
        if match is not None and key is not None:
            words = match.groups()[-1].split()
            if len(words) != 4:
                source.refuse(number, "four registers of 8 hexadecimal digits", line.strip())
            registers = Leaf(*(source.number(number, word, "a register") for word in words))
            found["guest" if guest else "host"].setdefault(key, (number, registers))
    return found


def read_virtualbox(source: Source) -> tuple[Table, ...]:
    """Read a VBox.log, whole or in part: the guest's table, then the host's where it is there.

    Raises `UnreadableDump` for numbers of another form and for a log without any.
    """
    raw, words = _raw(source), _Words(source)
    for number, line in source.lines():
        words.take(number, line)
    tables: list[Table] = []
    for role in ROLES:
        collector = Collector(source)
        for key, (number, registers) in raw[role].items():
            collector.add(number, key, registers)
        for key, (values, known) in words.said[role].items():
            if key not in raw[role] and (Leaf(*values) != ZERO or key[1] < 2):
                collector.add(0, key, Leaf(*values), known)
        if raw[role] or words.said[role]:
            tables += collector.finish()[:1]
    if not tables:
        source.refuse(0, "at least one CPUID leaf")
    return tuple(tables)
