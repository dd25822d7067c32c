# SPDX-License-Identifier: Apache-2.0
"""Fleets as files: tables that other tools read, and a picture."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from xsavvy import api
from xsavvy.api import fleets
from xsavvy.cpuid import write_raw
from xsavvy.cpuid.presets import PRESETS

NAMES = ["genoa", "milan", "ice-lake", "genoa", "genoa@v6.12"]
GUESTS = ["avx", "avx512", "host"]
WORDS = [
    ["loads", "loads", "loads"],
    ["loads", "refused", "refused"],
    ["loads", "loses", "refused"],
    ["loads", "loads", "loads"],
    ["loads", "loads", "refused"],
]


def write(path: Path) -> api.FleetReport:
    """A fleet's verdicts in a file."""
    return api.fleet(NAMES, guests=GUESTS, kernel="v6.18", table=path)


def test_kinds_and_totals() -> None:
    """Two equal hosts are one row, and count twice."""
    found = api.fleet(NAMES, guests=GUESTS, kernel="v6.18")
    assert [row.count for row in found.rows] == [2, 1, 1, 1]
    assert found.totals == ((5, 0, 0, 0), (3, 0, 1, 1), (2, 0, 0, 3))


def test_csv_has_a_line_for_each_host(tmp_path: Path) -> None:
    """Names, kernels, then the words."""
    write(tmp_path / "fleet.csv")
    rows = list(csv.reader((tmp_path / "fleet.csv").read_text().splitlines()))
    assert rows[0] == ["host", "kernel", "avx", "avx512", "all of it"]
    assert [row[2:] for row in rows[1:]] == WORDS
    assert rows[5][:2] == ["genoa", "v6.12"]


def test_json_lines(tmp_path: Path) -> None:
    """Any other name gets JSON lines."""
    write(tmp_path / "fleet.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "fleet.jsonl").read_text().splitlines()]
    assert [list(line.values())[2:] for line in lines] == WORDS


def test_parquet_is_read_by_others(tmp_path: Path) -> None:
    """Columns of words, each stored once."""
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    write(tmp_path / "fleet.parquet")
    table = parquet.read_table(tmp_path / "fleet.parquet")
    assert table.column_names == ["host", "kernel", "avx", "avx512", "all of it"]
    assert [[row[name] for name in table.column_names[2:]] for row in table.to_pylist()] == WORDS


def test_the_picture_is_xml_without_scripts(tmp_path: Path) -> None:
    """A cell for each kind and guest, each with its words; names are escaped."""
    path = tmp_path / "fleet.svg"
    api.fleet(NAMES, guests=GUESTS, kernel="v6.18", picture=path)
    found = list(ET.fromstring(path.read_text()).iter())
    names = [each.tag.rpartition("}")[2] for each in found]
    assert "genoa v6.12, all of it: refused" in [each.text for each in found]
    assert names.count("rect") == 1 + 4 + 12
    assert "script" not in names


def test_a_name_cannot_break_the_picture(tmp_path: Path) -> None:
    """A file name may hold what XML cannot: it is spelled out, or escaped."""
    dump = tmp_path / "a\x1b[2J<script>\uffff&.txt"
    dump.write_text(write_raw(PRESETS["genoa"].table))
    path = tmp_path / "fleet.svg"
    api.fleet([str(dump)], guests=["avx"], picture=path)
    root = ET.fromstring(path.read_text())
    texts = [each.text or "" for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert any("a\\x1b[2J<script>\\xffff&.txt" in text for text in texts)


def test_hosts_of_a_file(tmp_path: Path) -> None:
    """A line names a preset or a dump, a kernel, and the host's configuration."""
    dump = tmp_path / "own.txt"
    dump.write_text(write_raw(PRESETS["genoa"].table))
    listed = tmp_path / "hosts.csv"
    listed.write_text(
        f"host,kernel,configuration\ngenoa,v6.18\ngenoa,v6.18,nopku\n{dump},v6.18\n# old\nmilan,\n"
    )
    found = api.fleet([], listed=str(listed), guests=["avx,pku"])
    assert [row.verdicts for row in found.rows] == [("loads",), ("refused",), ("loads",)]
    assert found.rows[0].count == 2


@pytest.mark.parametrize(
    ("line", "message"),
    [("genova,v6.18", "no host"), ("genoa,v9", "kernel 'v9'"), ("genoa,v6.18,nopkru", "nopkru")],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    """The file, the line and what was expected."""
    listed = tmp_path / "hosts.csv"
    listed.write_text(f"genoa\n{line}\n")
    with pytest.raises(api.UsageError, match=rf"hosts.csv:2: .*{message}"):
        api.fleet([], listed=str(listed))
    with pytest.raises(api.UsageError, match="no hosts"):
        api.fleet([])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"genoa\n" + b"x" * 200_000, r"hosts.csv:2: field larger than field limit"),
        (b"genoa\ngen\0oa\n", r"hosts.csv:2: no host .*gen\\x00oa"),
        (
            b"genoa\n" + b"\xff" * 4096,
            r"hosts.csv:2: no host .{,200}; expected one of: sandy-bridge",
        ),
        (b"\n" * 300, "expected at most 256 bytes"),
    ],
)
def test_a_hostile_list_is_one_line(
    tmp_path: Path, data: bytes, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An endless field, a name that no file can have, a list that is longer than what is read: no host is lost."""
    listed = tmp_path / "hosts.csv"
    listed.write_bytes(data)
    if b"genoa" not in data:
        monkeypatch.setattr(fleets, "HOSTS_LIMIT", 256)
    with pytest.raises(api.UsageError, match=message) as refused:
        api.fleet([], listed=str(listed))
    assert len(str(refused.value)) < 1000


def test_a_table_that_cannot_be_written(tmp_path: Path) -> None:
    """One line says which file and why."""
    with pytest.raises(api.UsageError, match="cannot be written"):
        write(tmp_path / "none" / "fleet.csv")
