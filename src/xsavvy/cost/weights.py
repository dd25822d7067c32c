# SPDX-License-Identifier: Apache-2.0
"""What each event takes on a CPU: low, mid and high, each with its source, from a TOML file.

    title = "AMD EPYC, Zen 4"
    unit = "ticks of the time-stamp counter"
    base = "genoa"                # optional: what this file does not price is priced as there

    [[weight]]
    event = "wrmsr"
    detail = "IA32_XFD"           # optional: without it, the weight is of every such event without its own
    cycles = [100, 230, 300]      # low, mid, high
    source = "measured on ..."

    [[weight]]
    event = "xsaves"
    bytes = 832                   # for events with a size; between two sizes it is interpolated
    cycles = [113, 113, 180]
    source = "measured on ..."

An event without a weight is counted and not priced, and `Weights.unpriced()` names it: no number stands in for one that
nobody has measured.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from .event import Event, Kind

__all__ = [
    "FURTHER",
    "UnreadableWeights",
    "Weight",
    "Weights",
    "load_weights",
    "parse_weights",
    "weighed_cpus",
]

FURTHER: Final = (
    "kvm_run",
    "kvm_run_io",
    "xgetbv_xinuse",
    "xrstor_standard",
    "xsavec",
    "xsaveopt",
)
"""What is measured and no step of the model executes: it may stand in a file, and prices nothing."""
EVENTS: Final = frozenset({*Kind, *FURTHER})
LARGEST: Final = 1 << 20
"""Bytes that a file of weights may have."""
MOST_CYCLES: Final = 1e12
_FIELDS: Final = frozenset({"event", "detail", "bytes", "cycles", "source"})
_HEADER: Final = frozenset({"title", "unit", "base", "platforms", "weight"})
_MOST_BASES: Final = 4


class UnreadableWeights(ValueError):
    """Say in one line what is wrong with a file of weights."""


@dataclass(frozen=True)
class Weight:
    """What one event takes; `bytes` is its size where that matters."""

    event: str
    low: float
    mid: float
    high: float
    source: str
    detail: str = ""
    bytes: int | None = None


@dataclass(frozen=True)
class Weights:
    """The weights of one CPU."""

    name: str
    title: str
    unit: str
    weights: tuple[Weight, ...]

    def find(self, event: str, detail: str = "") -> Weight | None:
        """Find what an event takes, None if that is not known.

        The event's own detail is looked up first; then a size, interpolated between the two next to it (the nearest
        one beyond the last); then a weight of all such events.
        """
        own = self._exact.get((event, detail)) if detail else None
        if own is not None:
            return own
        sized = self._sized.get(event)
        if sized and detail.isdecimal():
            return _at(sized, int(detail))
        return self._exact.get((event, ""))

    def cycles(self, kind: Kind, detail: str) -> tuple[float, float, float]:
        """Return low, mid and high; nothing for an event that is not priced (see `unpriced`)."""
        found = self.find(kind, detail)
        return (0.0, 0.0, 0.0) if found is None else (found.low, found.mid, found.high)

    def unpriced(self, events: Iterable[Event]) -> list[Event]:
        """Return the events, of those given, that have no weight here."""
        return [event for event in events if self.find(event.kind, event.detail) is None]

    def over(self, base: Weights) -> Weights:
        """Return these weights with the base's for every event and detail that has none here."""
        own = {(each.event, each.detail) for each in self.weights}
        rest = tuple(each for each in base.weights if (each.event, each.detail) not in own)
        return Weights(self.name, self.title, self.unit, (*self.weights, *rest))

    def to_toml(self) -> str:
        """Write a file that reads as these weights."""
        lines = [f"title = {_quoted(self.title)}", f"unit = {_quoted(self.unit)}"]
        for each in self.weights:
            lines += ["", "[[weight]]", f"event = {_quoted(each.event)}"]
            lines += [f"detail = {_quoted(each.detail)}"] if each.detail else []
            lines += [] if each.bytes is None else [f"bytes = {each.bytes}"]
            lines.append(f"cycles = [{each.low:g}, {each.mid:g}, {each.high:g}]")
            lines.append(f"source = {_quoted(each.source)}")
        return "\n".join(lines) + "\n"

    @cached_property
    def _exact(self) -> dict[tuple[str, str], Weight]:
        return {(each.event, each.detail): each for each in self.weights if each.bytes is None}

    @cached_property
    def _sized(self) -> dict[str, list[Weight]]:
        found: dict[str, list[Weight]] = {}
        for each in sorted(self.weights, key=lambda weight: weight.bytes or 0):
            if each.bytes is not None:
                found.setdefault(each.event, []).append(each)
        return found


def weighed_cpus() -> tuple[str, ...]:
    """Return the CPUs that come with weights.

    >>> weighed_cpus()
    ('genoa', 'intel-server')
    """
    folder = files("xsavvy.cost").joinpath("weights")
    names = (each.name for each in folder.iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


def load_weights(source: str | Path) -> Weights:
    """Load the weights of a CPU by its name or a platform's (`sapphire-rapids`), or a file of one's own.

    Raises:
        UnreadableWeights: no such CPU or file, or the file breaks a rule; one line says which.

    >>> load_weights("genoa").find("xgetbv").mid
    33.0
    """
    return _load(source, _MOST_BASES)


def _load(source: str | Path, bases: int) -> Weights:
    known = weighed_cpus()
    if isinstance(source, str) and (own := _of_platform(source)):
        return _parse(_own_text(own), own, bases)
    path = Path(source)
    if not path.exists() and path.name == str(source) and not path.suffix:
        raise UnreadableWeights(
            f"no weights of CPU {str(source)!r}; there are {', '.join(known)}, or give a file"
        )
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise UnreadableWeights(f"{path}: more than {LARGEST:,} bytes")
        return _parse(data.decode("utf-8"), str(path), bases)
    except OSError as error:
        raise UnreadableWeights(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UnreadableWeights(f"{path}: not UTF-8 text") from None


def _own_text(name: str) -> str:
    return files("xsavvy.cost").joinpath("weights", f"{name}.toml").read_text("utf-8")


def _of_platform(name: str) -> str:
    """Return which of the files that come with xsavvy prices a platform; empty if none does."""
    for own in weighed_cpus():
        if name == own or name in tomllib.loads(_own_text(own)).get("platforms", []):
            return own
    return ""


def parse_weights(text: str, name: str) -> Weights:
    """Read weights from text; `name` is how messages call it.

    Raises:
        UnreadableWeights: the text breaks a rule; one line says which.
    """
    return _parse(text, name, _MOST_BASES)


def _parse(text: str, name: str, bases: int) -> Weights:
    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UnreadableWeights(f"{name}: {str(error).splitlines()[0]}") from None
    _only(table, _HEADER, name)
    rows = table.get("weight", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UnreadableWeights(f"{name}: weight: expected [[weight]] tables")
    weights = tuple(_weight(row, f"{name}: weight {at}") for at, row in enumerate(rows, 1))
    keys = [(each.event, each.detail, each.bytes) for each in weights]
    if twice := next((key for at, key in enumerate(keys) if key in keys[:at]), None):
        words = " ".join(str(part) for part in twice if part)
        raise UnreadableWeights(f"{name}: {words} has two weights")
    title, unit = (_text(table, key, name) for key in ("title", "unit"))
    own = Weights(name, title or name, unit or "cycles", weights)
    base = _text(table, "base", name)
    if not base:
        return own
    if not bases:
        raise UnreadableWeights(f"{name}: base: too many files that are based on each other")
    return own.over(_load(base, bases - 1))


def _weight(row: Mapping[str, Any], where: str) -> Weight:
    _only(row, _FIELDS, where)
    event, detail, source = (_text(row, key, where) for key in ("event", "detail", "source"))
    if event not in EVENTS:
        known = ", ".join(sorted(EVENTS))
        raise UnreadableWeights(f"{where}: event {event!r}: expected one of {known}")
    if not source:
        raise UnreadableWeights(f"{where} ({event}): source is missing: who measured it?")
    size = row.get("bytes")
    if size is not None and (type(size) is not int or not 0 <= size < 1 << 32):
        raise UnreadableWeights(f"{where} ({event}): bytes: expected a number of bytes")
    if detail and size is not None:
        raise UnreadableWeights(f"{where} ({event}): detail and bytes exclude each other")
    cycles = row.get("cycles")
    if (
        not isinstance(cycles, list)
        or len(cycles) != 3
        or not all(type(each) in {int, float} and math.isfinite(each) for each in cycles)
        or not 0 <= cycles[0] <= cycles[1] <= cycles[2] <= MOST_CYCLES
    ):
        raise UnreadableWeights(f"{where} ({event}): cycles: expected [low, mid, high], rising")
    low, mid, high = (float(each) for each in cycles)
    return Weight(event, low, mid, high, source, detail, size)


def _text(table: Mapping[str, Any], key: str, where: str) -> str:
    value = table.get(key, "")
    if not isinstance(value, str):
        raise UnreadableWeights(f"{where}: {key}: expected text")
    return value


def _only(table: Mapping[str, Any], known: frozenset[str], where: str) -> None:
    for key in table:
        if key not in known:
            expected = ", ".join(sorted(known))
            raise UnreadableWeights(f"{where}: {key!r} is unknown; expected {expected}")


def _at(sized: list[Weight], size: int) -> Weight:
    """Interpolate between the sizes next to one; the first or last one beyond them."""
    above = next((at for at, each in enumerate(sized) if (each.bytes or 0) >= size), len(sized))
    if above == len(sized):
        return sized[-1]
    high = sized[above]
    if above == 0 or high.bytes == size:
        return high
    low = sized[above - 1]
    start, end = low.bytes or 0, high.bytes or 0
    part = (size - start) / (end - start)
    low_, mid, most = (
        (1 - part) * one + part * other
        for one, other in ((low.low, high.low), (low.mid, high.mid), (low.high, high.high))
    )
    source = f"between {start:,} and {end:,} bytes: {low.source}; {high.source}"
    return Weight(high.event, low_, mid, most, source, "", size)


def _quoted(text: str) -> str:
    plain = "".join(char if char.isprintable() else " " for char in text)
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'
