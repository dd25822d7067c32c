# SPDX-License-Identifier: Apache-2.0
"""AMX tiles: TILECFG's palette, rows and bytes per row, and TILEDATA as matrices of that form.

A tile register has 16 rows of 64 bytes in the image whatever TILECFG says; only the configured part means anything.

Sources: SDM "LDTILECFG" (the 64 bytes, and what #GP is for), "XTILECFG State", "XTILEDATA State", CPUID leaf 1DH
(palette 1: 8 tiles of 1,024 bytes, 64 bytes a row, 16 rows).
"""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["TILES", "TILE_BYTES", "Configuration", "Shape", "configuration", "matrix"]

TILES: Final = 8
TILE_BYTES: Final = 1024
ROW_BYTES: Final = 64
MOST_ROWS: Final = 16
_COLUMNS: Final = 16
_ROWS: Final = 48


class Shape(NamedTuple):
    """A tile's rows, and the bytes of each."""

    rows: int
    colsb: int


class Configuration(NamedTuple):
    """What TILECFG says.

    Attributes:
        palette: 0 none, 1 the one there is.
        start_row: where an interrupted load or store goes on.
        shapes: of tmm0 to tmm7.
        illegal: why LDTILECFG would refuse it, empty if it would not.
    """

    palette: int
    start_row: int
    shapes: tuple[Shape, ...]
    illegal: str = ""


def configuration(data: bytes) -> Configuration:
    """Read the 64 bytes of TILECFG.

    >>> data = bytearray(64)
    >>> data[0], data[16], data[48] = 1, 64, 16
    >>> configuration(bytes(data))[:3]
    (1, 0, (Shape(rows=16, colsb=64), Shape(rows=0, colsb=0), ...))
    """
    shapes = tuple(
        Shape(
            data[_ROWS + number],
            int.from_bytes(data[_COLUMNS + 2 * number : _COLUMNS + 2 * number + 2], "little"),
        )
        for number in range(TILES)
    )
    return Configuration(data[0], data[1], shapes, _illegal(data, shapes))


def _illegal(data: bytes, shapes: tuple[Shape, ...]) -> str:
    if data[0] == 0:
        return ""
    if data[0] > 1:
        return f"palette {data[0]}, of which no processor knows"
    unused = data[2:16] + data[_COLUMNS + 2 * TILES : _ROWS] + data[_ROWS + TILES :]
    if any(unused):
        return "a reserved byte is not 0"
    for number, (rows, colsb) in enumerate(shapes):
        if rows > MOST_ROWS or colsb > ROW_BYTES:
            return f"tmm{number} has {rows} rows of {colsb} bytes, more than 16 of 64"
        if bool(rows) != bool(colsb):
            return f"tmm{number} has {rows} rows of {colsb} bytes: one is 0 alone"
    return ""


def matrix(data: bytes, number: int, shape: Shape) -> tuple[bytes, ...]:
    """Give the configured rows of one tile of TILEDATA.

    >>> matrix(bytes(8192), 1, Shape(2, 4))
    (b'\\x00\\x00\\x00\\x00', b'\\x00\\x00\\x00\\x00')
    """
    start = number * TILE_BYTES
    rows, colsb = min(shape.rows, MOST_ROWS), min(shape.colsb, ROW_BYTES)
    return tuple(
        data[start + ROW_BYTES * row : start + ROW_BYTES * row + colsb] for row in range(rows)
    )
