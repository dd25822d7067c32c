# SPDX-License-Identifier: Apache-2.0
"""A matrix of verdicts as a table that pandas and DuckDB read: Parquet, CSV, or JSON lines.

One row for each host, one column for each guest. Parquet needs pyarrow (the extra `fleet`).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .finding import EFFECTS

if TYPE_CHECKING:
    from .fleet import Codes

__all__ = ["NoParquet", "write_table"]


class NoParquet(RuntimeError):
    """pyarrow is not installed."""


def write_table(
    path: Path, hosts: Sequence[tuple[str, str]], guests: Sequence[str], codes: Codes
) -> None:
    """Write a matrix; the name's ending says how: .parquet, .csv, or else JSON lines. Raises NoParquet, OSError."""
    if path.suffix == ".parquet":
        _parquet(path, hosts, guests, codes)
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        head = ["host", "kernel", *guests]
        if path.suffix == ".csv":
            writer = csv.writer(file)
            writer.writerow(head)
            writer.writerows(_rows(hosts, codes))
        else:
            for row in _rows(hosts, codes):
                file.write(json.dumps(dict(zip(head, row, strict=True))) + "\n")


def _rows(hosts: Sequence[tuple[str, str]], codes: Codes) -> Iterator[list[str]]:
    for host, row in zip(hosts, codes.tolist(), strict=True):
        yield [*host, *(EFFECTS[code] for code in row)]


def _parquet(
    path: Path, hosts: Sequence[tuple[str, str]], guests: Sequence[str], codes: Codes
) -> None:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise NoParquet(
            "pyarrow is not installed: pip install 'xsavvy[fleet]', or write .csv"
        ) from None
    words = pa.array(EFFECTS)
    columns: dict[str, Any] = {
        "host": pa.array([name for name, _ in hosts]),
        "kernel": pa.array([kernel for _, kernel in hosts]),
    }
    for place, name in enumerate(guests):
        columns[name] = pa.DictionaryArray.from_arrays(pa.array(codes[:, place]), words)
    parquet.write_table(pa.table(columns), path)
