# SPDX-License-Identifier: Apache-2.0
"""Many hosts at once: `fleet` and `fleet_pairs`."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from xsavvy.migrate import BadGuest, Guest, Host
from xsavvy.migrate.finding import EFFECTS
from xsavvy.migrate.picture import matrix_svg
from xsavvy.migrate.writing import NoParquet, write_table

from .file import writing
from .hosts import guest_data, named_guest, named_host, read_text
from .matrix.cluster import connected, same_code
from .usage import UsageError

if TYPE_CHECKING:
    from xsavvy.migrate.fleet import Codes, Fleet
    from xsavvy.migrate.pairs import Totals

__all__ = ["FleetReport", "FleetRow", "PairsReport", "PairsRow", "fleet", "fleet_pairs"]

HOSTS_LIMIT = 256 << 20
"""Bytes of a file with a line for each host: some millions of them."""
PIECE = 20
"""Sources that a worker takes at a time."""


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
        _save(table, names, report.guests, codes[gathered.kind_of])
    if picture is not None:
        with writing(picture):
            picture.write_text(report.svg(), encoding="utf-8")
    return report


@dataclass(frozen=True)
class PairsRow:
    """One kind of source: for each guest how many hosts there are of each verdict: loads, unknown, loses, refused."""

    host: str
    kernel: str
    count: int
    totals: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class PairsReport:
    """From every kind of host to every host."""

    guests: tuple[str, ...]
    hosts: int
    rows: tuple[PairsRow, ...]


def fleet_pairs(
    hosts: Iterable[str],
    *,
    guests: Sequence[str] = ("host",),
    kernel: str | None = None,
    words: Sequence[str] = (),
    listed: str | None = None,
    cluster: str | None = None,
) -> PairsReport:
    """Count, from every kind of host, the hosts that take each guest, and those that do not.

    Sources are shared out among the workers of `cluster`, a Dask scheduler's address, if one is given. The guest `host`
    is another one at each source. Raises UsageError.

    >>> [row.totals[0] for row in fleet_pairs(["genoa", "milan"], kernel="v6.18").rows]
    [(1, 0, 0, 1), (2, 0, 0, 0)]
    """
    from xsavvy.migrate.fleet import Fleet
    from xsavvy.migrate.pairs import totals_from

    members = [*_named(hosts, kernel, words), *_listed(listed, kernel, words)]
    if not members:
        raise UsageError("no hosts: expected one at least")
    gathered = Fleet.of(members)
    for text in guests:
        named_guest(text, members[0])
    models = [(text, guest_data(text)) for text in guests]
    every = range(len(gathered.kinds))
    try:
        if cluster is None:
            found = totals_from(gathered, every, models)
        else:
            found = _shared_out(cluster, gathered, models)
    except BadGuest as error:
        raise UsageError(str(error)) from None
    rows = [
        PairsRow(host.name, host.kernel.name, int(count), tuple(tuple(each) for each in totals))
        for host, count, totals in zip(gathered.kinds, gathered.counts, found, strict=True)
    ]
    return PairsReport(tuple(guests), len(members), tuple(rows))


def _shared_out(
    address: str, gathered: Fleet, models: Sequence[tuple[str, bytes | None]]
) -> list[Totals]:
    """Let a cluster's workers count, some sources at a time."""
    from xsavvy.migrate.pairs import totals_from

    client = connected(address)
    try:
        same_code(client, address)
        whole = client.scatter(gathered, broadcast=True)
        pieces = [
            range(first, min(first + PIECE, len(gathered.kinds)))
            for first in range(0, len(gathered.kinds), PIECE)
        ]
        tasks = [
            client.submit(totals_from, whole, list(piece), models, pure=False) for piece in pieces
        ]
        return [totals for piece in client.gather(tasks) for totals in piece]
    finally:
        client.close()


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
    for number, row in _rows(path):
        key = tuple(cell.strip() for cell in row)
        if not key or not key[0] or key[0].startswith("#") or key[0] == "host":
            continue
        if key not in known:
            own = (*words, *key[2:])
            try:
                known[key] = named_host(key[0], (key[1] if len(key) > 1 else "") or kernel, own)
            except UsageError as error:
                raise UsageError(f"{path}:{number}: {error}") from None
        found.append(known[key])
    return found


def _rows(path: str) -> Iterator[tuple[int, list[str]]]:
    """Give the rows of a CSV file and the lines on which they end. Raises UsageError."""
    reader = csv.reader(read_text(path, HOSTS_LIMIT).splitlines())
    try:
        yield from ((reader.line_num, row) for row in reader)
    except csv.Error as error:
        raise UsageError(
            f"{path}:{reader.line_num}: {error}; expected host, kernel, words"
        ) from None


def _save(
    path: Path, hosts: Sequence[tuple[str, str]], guests: Sequence[str], codes: Codes
) -> None:
    try:
        with writing(path):
            write_table(path, hosts, guests, codes)
    except NoParquet as error:
        raise UsageError(str(error)) from None
