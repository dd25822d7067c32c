# SPDX-License-Identifier: Apache-2.0
"""Many hosts at once: `fleet`."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from xsavvy.migrate import Guest, Host
from xsavvy.migrate.finding import EFFECTS
from xsavvy.migrate.picture import matrix_svg
from xsavvy.migrate.writing import NoParquet, write_table

from .hosts import named_guest, named_host, read_text
from .usage import UsageError

__all__ = ["FleetReport", "FleetRow", "fleet"]


@dataclass(frozen=True)
class FleetRow:
    """One kind of host: how many there are, and the verdict on each guest."""

    host: str
    kernel: str
    count: int
    verdicts: tuple[str, ...]


@dataclass(frozen=True)
class FleetReport:
    """Verdicts for a fleet.

    Attributes:
        source: where the guests come from.
        guests: their names, in the order of each row's verdicts.
        hosts: how many hosts there are.
        rows: one for each kind of host.
        totals: for each guest how many hosts there are of each verdict: loads, unknown, loses, refused.
    """

    source: str
    guests: tuple[str, ...]
    hosts: int
    rows: tuple[FleetRow, ...]
    totals: tuple[tuple[int, ...], ...]

    def svg(self) -> str:
        """Return the matrix as a picture."""
        names = [
            f"{row.host} {row.kernel}" + (f" ({row.count})" if row.count > 1 else "")
            for row in self.rows
        ]
        codes = [[EFFECTS.index(word) for word in row.verdicts] for row in self.rows]
        return matrix_svg(names, self.guests, codes, f"guests from {self.source}")


def fleet(
    hosts: Iterable[str],
    *,
    source: str | None = None,
    guests: Sequence[str] = ("host",),
    kernel: str | None = None,
    words: Sequence[str] = (),
    listed: str | None = None,
    table: Path | None = None,
    picture: Path | None = None,
) -> FleetReport:
    """Give a verdict on every guest for every host that it could move to from one source.

    Hosts are named as for `migrate`; `listed` is a CSV file with a line for each: name, kernel, configuration. `source`
    is by default the first host. The whole matrix goes to `table` (.parquet, .csv, .jsonl), a picture of the kinds of
    hosts to `picture` (SVG). Raises UsageError.

    >>> found = fleet(["genoa", "milan", "milan@v6.12"], guests=["avx", "avx512", "avx,shstk"])
    >>> [row.verdicts for row in found.rows]
    [('loads', 'loads', 'loads'), ('loads', 'refused', 'loads'), ('loads', 'refused', 'refused')]
    """
    try:
        from xsavvy.migrate.fleet import Fleet, by_kind
    except ImportError:
        raise UsageError("a fleet needs NumPy: pip install numpy") from None
    members = [*_named(hosts, kernel, words), *_listed(listed, kernel, words)]
    if not members:
        raise UsageError("no hosts: expected one at least")
    here = members[0] if source is None else named_host(source, kernel, words)
    models = [_model(text, here) for text in guests]
    gathered = Fleet.of(members)
    codes = by_kind(here, gathered, models)
    rows = [
        FleetRow(host.name, host.kernel.name, int(count), tuple(EFFECTS[code] for code in row))
        for host, count, row in zip(gathered.kinds, gathered.counts, codes.tolist(), strict=True)
    ]
    report = FleetReport(
        f"{here.name} {here.kernel.name}", tuple(each.name for each in models), len(members), tuple(rows),
        tuple(_totals(rows, place) for place in range(len(models))),
    )  # fmt: skip
    if table is not None:
        names = [(each.name, each.kernel.name) for each in members]
        _save(lambda: write_table(table, names, report.guests, codes[gathered.kind_of]), table)
    if picture is not None:
        _save(lambda: picture.write_text(report.svg(), encoding="utf-8"), picture)
    return report


def _totals(rows: Sequence[FleetRow], place: int) -> tuple[int, ...]:
    """Count the hosts of each verdict, in the order of EFFECTS."""
    return tuple(sum(row.count for row in rows if row.verdicts[place] == word) for word in EFFECTS)


def _model(text: str, here: Host) -> Guest:
    return replace(named_guest(text, here), name="all of it" if text == "host" else text)


def _named(names: Iterable[str], kernel: str | None, words: Sequence[str]) -> list[Host]:
    known: dict[str, Host] = {}
    return [
        known.get(name) or known.setdefault(name, named_host(name, kernel, words)) for name in names
    ]


def _listed(path: str | None, kernel: str | None, words: Sequence[str]) -> list[Host]:
    """Read hosts from a CSV file: name of a preset or dump, kernel, words of the configuration."""
    if path is None:
        return []
    known: dict[tuple[str, ...], Host] = {}
    found = []
    for number, row in enumerate(csv.reader(read_text(path).splitlines()), 1):
        key = tuple(cell.strip() for cell in row)
        if not key or not key[0] or key[0].startswith("#") or key[0] == "host":
            continue
        if key not in known:
            own = (*words, *key[2:])
            try:
                known[key] = named_host(key[0], key[1] if len(key) > 1 and key[1] else kernel, own)
            except UsageError as error:
                raise UsageError(f"{path}:{number}: {error}") from None
        found.append(known[key])
    return found


def _save(write: Callable[[], object], path: Path) -> None:
    try:
        write()
    except NoParquet as error:
        raise UsageError(str(error)) from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from None
