# SPDX-License-Identifier: Apache-2.0
"""Guest programs: a few instructions and host events, in the model's words, one a line.

    title: PKRU without CR4.PKE
    kernel: v6.18
    start: vcpu_cr4 = 0x40000

    XSETBV = x87|sse|avx|pkru          # an event of the model, and the value it takes
    softirq at vcpu_run.xfer_to_guest_mode_work
    wake-up of the vCPU thread (cpu=1)
    until vmx_vcpu_run.vmenter
    expect hw_pkru[0] = guest
    violates host_runs_on_host_pkru
    repeat 1000:
        fastpath exit                  # whatever is indented

A line is an event, `until` and a place, `expect` and a field with its value, `violates` and a property that is to
break from here on, or has broken already, or `repeat N:` with lines indented below it. What the host does in between
follows from the model. The programs beside this module come with xsavvy.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

__all__ = ["BrokenProgram", "GuestProgram", "Statement", "parse", "programs", "read_program"]

LIMIT = 1 << 16
MOST_LINES = 1000
MOST_TIMES = 10**9
HEADERS = (
    *("title", "kernel", "platform", "part", "set", "start"),
    *("compare", "unit", "judge", "asks"),
)
"""The second row is for `xsavvy cost`: what a workload compares, what it counts, what a choice must not break."""
_HEADER = re.compile(r"([a-z]+):\s*(.*)")
_EXPECT = re.compile(r"expect\s+(\w+(?:\[\w+\])?)\s*=\s*(\S.*)")
_UNTIL = re.compile(r"(until|violates)\s+(\S+)")
_ARGUMENTS = re.compile(r"(.*?)\s*\(([^()]*=[^()]*)\)")
_REPEAT = re.compile(r"repeat\s+(\d[\d_]*):")
_AT = re.compile(r"(.*?)\s+at\s+(\w[\w.*]*\.[\w.]+)")


class BrokenProgram(ValueError):
    """A program that cannot be read; the message is one line: file, line, what, what was expected."""


@dataclass(frozen=True)
class Statement:
    """One line: `kind` is event, until, expect, violates or repeat.

    `name` is the event, the place, the field or the property; `value` what is expected, or the event's only value;
    `arguments` its values by name; `at` the place at which it is to happen; `body` what is repeated, `value` times.
    """

    line: int
    text: str
    kind: str
    name: str
    value: str = ""
    arguments: tuple[tuple[str, str], ...] = ()
    at: str = ""
    body: tuple["Statement", ...] = ()

    @property
    def lines(self) -> dict[int, str]:
        """The text of this line and of those below it, by number."""
        below = {number: text for each in self.body for number, text in each.lines.items()}
        return {self.line: self.text, **below}


@dataclass(frozen=True)
class GuestProgram:
    """A program: its settings, each as written, and its statements."""

    name: str
    title: str
    settings: tuple[tuple[int, str, str], ...]
    statements: tuple[Statement, ...]

    @property
    def source(self) -> str:
        """The kernel and the part of the model that it was written for."""
        return " ".join(filter(None, (self.setting("kernel"), self.setting("part") or "run")))

    def setting(self, name: str) -> str:
        """Return the last value of a setting, empty if there is none."""
        return next((value for _, key, value in reversed(self.settings) if key == name), "")


@cache
def programs() -> dict[str, GuestProgram]:
    """Return the programs that come with xsavvy, by name."""
    found = sorted(each.name for each in files(__name__).iterdir() if each.name.endswith(".guest"))
    texts = {name.removesuffix(".guest"): (files(__name__) / name).read_text() for name in found}
    return {name: parse(text, name) for name, text in texts.items()}


def read_program(path: Path) -> GuestProgram:
    """Read a program from a file. Raises BrokenProgram."""
    try:
        with path.open("rb") as file:
            data = file.read(LIMIT + 1)
    except OSError as error:
        raise BrokenProgram(f"{path}: cannot be read: {error.strerror}") from None
    try:
        return parse(data.decode(), str(path))
    except UnicodeDecodeError as error:
        raise BrokenProgram(f"{path}: not text: {error.reason}") from None


def parse(text: str, name: str) -> GuestProgram:
    """Read a program's text. Raises BrokenProgram.

    >>> parse("write XMM = guest", "demo").statements[0].value
    'guest'
    """
    if len(text) > LIMIT or text.count("\n") > MOST_LINES:
        raise BrokenProgram(f"{name}: expected at most {MOST_LINES} lines and {LIMIT} bytes")
    settings: list[tuple[int, str, str]] = []
    lines: list[_Line] = []
    for number, raw in enumerate(text.splitlines(), 1):
        line = re.sub(r"(^|\s)#.*", "", raw).rstrip().expandtabs(8)
        if not line:
            continue
        header = _HEADER.fullmatch(line)
        if header and header[1] in HEADERS:
            settings.append((number, header[1], header[2]))
        else:
            words = line.lstrip()
            lines.append(_Line(number, len(line) - len(words), words))
    if not lines:
        raise BrokenProgram(f"{name}: expected at least one line that is an event of the model")
    title = next((value for _, key, value in settings if key == "title"), "")
    return GuestProgram(name, title, tuple(settings), _block(lines, name))


class _Line(NamedTuple):
    number: int
    indent: int
    text: str


def _block(lines: Sequence[_Line], name: str) -> tuple[Statement, ...]:
    """Read lines of which the first is the least indented; what is indented more belongs to the `repeat` above it."""
    statements: list[Statement] = []
    at = 0
    while at < len(lines):
        first = lines[at]
        end = at + 1
        while end < len(lines) and lines[end].indent > first.indent:
            end += 1
        inner = lines[at + 1 : end]
        times = _REPEAT.fullmatch(first.text)
        if first.indent < lines[0].indent or (inner and not times):
            odd = first if not inner else inner[0]
            raise BrokenProgram(
                f"{name}:{odd.number}: {odd.text!r}: indented, but not below 'repeat N:'"
            )
        if times:
            statements.append(_repeat(first, times[1], inner, name))
        else:
            statements.append(_statement(first.number, first.text, name))
        at = end
    return tuple(statements)


def _repeat(first: _Line, times: str, inner: Sequence[_Line], name: str) -> Statement:
    if not inner or not 1 <= int(times) <= MOST_TIMES:
        raise BrokenProgram(
            f"{name}:{first.number}: {first.text!r}: expected 'repeat N:', N from 1 to {MOST_TIMES}, "
            "and indented lines below it"
        )
    return Statement(first.number, first.text, "repeat", "repeat", times, body=_block(inner, name))


def _statement(number: int, line: str, name: str) -> Statement:
    expect, until = _EXPECT.fullmatch(line), _UNTIL.fullmatch(line)
    if expect:
        return Statement(number, line, "expect", expect[1], expect[2].strip())
    if until:
        return Statement(number, line, until[1], until[2])
    if line.split(maxsplit=1)[0] in ("expect", "until", "violates", "repeat"):
        raise BrokenProgram(
            f"{name}:{number}: {line!r}: expected 'expect FIELD = VALUE', 'until PLACE', 'violates PROPERTY' "
            "or 'repeat N:'"
        )
    return _event(number, line)


def _event(number: int, line: str) -> Statement:
    rest, at = line, ""
    place = _AT.fullmatch(rest)
    if place:
        rest, at = place[1], place[2]
    arguments: list[tuple[str, str]] = []
    inner = _ARGUMENTS.fullmatch(rest)
    if inner:
        rest = inner[1]
        pairs = (item.partition("=") for item in inner[2].split(","))
        arguments = [(key.strip(), value.strip()) for key, _, value in pairs]
    event, _, value = rest.partition("=")
    return Statement(number, line, "event", event.strip(), value.strip(), tuple(arguments), at)
