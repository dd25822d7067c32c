# SPDX-License-Identifier: Apache-2.0
"""`xsavvy image`: what it prints, and its exit status."""

from __future__ import annotations

import json
import random
import struct
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.image.core import PART, elf, layout_note, note, prstatus
from tests.image.mutate import mutated
from xsavvy.image.header import write


@pytest.fixture
def area(tmp_path: Path) -> Path:
    """A standard area of Sapphire Rapids: x87 with pi, AVX, PKRU, a tile of two rows."""
    layout = PART["sapphire-rapids"].standard
    data = bytearray(layout.size)
    data[:24] = struct.pack("<HHBBHQQ", 0x37F, 0x3800, 0x80, 0, 0, 0, 0)
    data[24:32] = bytes.fromhex("801f0000ffff0000")
    data[32:42] = bytes.fromhex("35c26821a2da0fc90040")
    data[layout[2].offset] = 5
    data[layout[9].offset] = 0x0C
    config = layout[17].offset
    data[config], data[config + 16], data[config + 48] = 1, 8, 2
    struct.pack_into("<2i", data, layout[18].offset, 1, -2)
    write(data, xstate_bv=0x60205)
    path = tmp_path / "area"
    path.write_bytes(data)
    return path


def test_show(run: Run, area: Path) -> None:
    """Values are printed as people write them: decimals, keys, tiles as matrices, states in words."""
    ran = run("image", "show", str(area))
    assert ran.exit_code == 0
    lines = ran.stdout.splitlines()
    assert lines[0].endswith("raw XSAVE area  standard, 11,008 bytes  XSTATE_BV 0x60205")
    assert "  st0  0x4000c90fdaa22168c235  3.14159265358979323851  valid" in lines
    assert "  st1  0x00000000000000000000  empty" in lines
    assert "  pkru  0x0000000c  key 1: access denied" in lines
    assert "SSE  initial  256 bytes at 160" in lines
    at = lines.index("  tmm0  2 rows of 8 bytes, i32")
    assert [line.split() for line in lines[at + 1 : at + 3]] == [["1", "-2"], ["0", "0"]]
    assert "  remark  XTILEDATA is saved: where IA32_XFD[18]=1 a restore faults with #NM" in lines


@pytest.mark.parametrize("width", [80, 100])
def test_show_fits_its_terminal(
    run: Run, area: Path, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    """No line is wider than the terminal, but for a single long number."""
    monkeypatch.setenv("COLUMNS", str(width))
    lines = run("image", "show", str(area), "--lanes", "f32").stdout.splitlines()
    wide = [line for line in lines if len(line) > width and len(line.split()) > 2]
    assert wide == []


def test_show_as_json(run: Run, area: Path) -> None:
    """`--json` has every register with its value, masks as numbers and sizes in bytes."""
    (found,) = json.loads(run("image", "show", "--json", "--lanes", "i64", str(area)).stdout)[
        "results"
    ]
    assert (found["size"], found["xstate_bv"], found["certainty"]) == (
        11008, 0x60205, "every known CPU that fits agrees",
    )  # fmt: skip
    parts = {each["name"]: each for each in found["components"]}
    assert parts["X87"]["registers"][6]["value"] == "3.14159265358979323851"
    assert parts["AVX"]["registers"][0]["lanes"] == ["0", "0", "5", "0"]
    assert len(parts["XTILEDATA"]["registers"]) == 8


def test_left_over_bytes_are_shown_as_such(run: Run, tmp_path: Path) -> None:
    """Stale bytes are mentioned, and printed only if they are asked for, marked as stale."""
    data = bytearray(832)
    data[40:60] = b"audit(1585619904.688"
    core = tmp_path / "core"
    notes = [
        note(b"CORE", 1, prstatus(5)),
        note(b"LINUX", 0x202, bytes(data)),
        layout_note((2, 256, 576)),
    ]
    core.write_bytes(elf(notes))
    plain = run("image", "show", str(core)).stdout
    assert "audit" not in plain
    assert "X87  initial  160 bytes at 0  152 bytes in its place are left over" in plain
    assert "layout  stated by the file: NT_X86_XSAVE_LAYOUT has every offset" in plain
    stale = run("image", "show", "--stale", str(core)).stdout
    assert [line for line in stale.splitlines() if "stale" in line and "audit(15856199" in line]


def test_check(run: Run, area: Path) -> None:
    """The status is 0 if all take it as it is, and 1 if one refuses or reads something else."""
    ran = run("image", "check", str(area), "--cpu", "sapphire-rapids", "--kernel", "v6.18")
    assert ran.exit_code == 0
    assert "XRSTOR  on sapphire-rapids  takes it\n" in ran.stdout
    assert "  loaded: X87 AVX PKRU XTILECFG XTILEDATA\n" in ran.stdout
    ran = run(
        "image",
        "check",
        str(area),
        "--cpu",
        "sapphire-rapids",
        "--xfd",
        "0x40000",
        "--by",
        "xrstor",
    )
    assert ran.exit_code == 1
    assert ran.stdout == (
        "XRSTOR  on sapphire-rapids  refuses: #NM\n"
        "  because  IA32_XFD disables XTILEDATA, which XSTATE_BV has\n"
    )
    ran = run("image", "check", str(area), "--cpu", "sapphire-rapids", "--guest-xcr0", "0x207", "--by", "kvm",
              "--kernel", "v6.18", "--json")  # fmt: skip
    (found,) = json.loads(ran.stdout)["results"]
    assert (ran.exit_code, found["accepts"], found["stop"]) == (1, False, "EINVAL")


def test_convert_and_diff(run: Run, area: Path, tmp_path: Path) -> None:
    """A conversion says what it wrote; the result differs in nothing, and from others in registers."""
    small = tmp_path / "small"
    ran = run("image", "convert", str(area), "--to", "compacted", "--cpu", "genoa", "-o", str(small),
              "--drop", "XTILECFG", "--drop", "xtiledata")  # fmt: skip
    assert ran.exit_code == 0
    assert (
        ran.stdout
        == f"{small}  compacted, 840 bytes, for genoa  components X87 SSE AVX PKRU  saved X87 AVX PKRU\n"
    )
    assert len(small.read_bytes()) == 840
    ran = run("image", "diff", str(small), str(area), "--cpu", "genoa", "--cpu", "sapphire-rapids")
    assert ran.exit_code == 1
    assert (
        "  XTILECFG palette\n    - 0x00  no tiles are configured\n    + 0x01  8 tiles" in ran.stdout
    )
    assert run("image", "diff", str(area), str(area)).stdout == "the same by meaning\n"
    ran = run("image", "diff", "--json", str(area), str(area))
    assert (ran.exit_code, json.loads(ran.stdout)["results"]) == (0, [])
    ran = run(
        "image",
        "convert",
        str(area),
        "--to",
        "standard",
        "--cpu",
        "sapphire-rapids",
        "-o",
        str(small),
        "--json",
    )
    assert json.loads(ran.stdout)["results"][0]["size"] == 11008


def test_wrong_usage(run: Run, area: Path, tmp_path: Path) -> None:
    """Wrong masks, places and losses end with status 2 and one line."""
    for arguments, words in (
        (["check", str(area), "--xcr0", "all"], "expected a mask of bits 0 to 62"),
        (["check", str(area), "--xss", str(1 << 63)], "expected a mask of bits 0 to 62"),
        (["show", str(tmp_path / "none")], "does not exist"),
        (["convert", str(area), "--to", "standard", "--cpu", "genoa", "-o", str(tmp_path / "x")], "XTILEDATA"),
        (["convert", str(area), "--to", "standard", "--cpu", "sapphire-rapids", "-o", str(tmp_path / "no" / "x")],
         "cannot be written"),
        (["diff", "-", "-"], "can be read once"),
        (["diff", str(area), str(area), "--cpu", "a", "--cpu", "b", "--cpu", "c"], "at most two"),
    ):  # fmt: skip
        ran = run("image", *arguments)
        assert (ran.exit_code, ran.stdout) == (2, "")
        assert words in ran.stderr
        assert ran.stderr.count("\n") == 1


def test_damaged_files_give_a_result_or_one_line(run: Run, tmp_path: Path) -> None:
    """Whatever is in a file, the commands end with a result or with one line."""
    rng = random.Random(3)
    path, out = tmp_path / "damaged", tmp_path / "out"
    for _ in range(40):
        path.write_bytes(mutated(rng))
        for arguments in (
            ["show", str(path), "--stale"],
            ["check", str(path), "--cpu", "genoa"],
            ["convert", str(path), "--to", "compacted", "--cpu", "genoa", "-o", str(out)],
        ):
            ran = run("image", *arguments)
            assert ran.exit_code in {0, 1, 2}
            assert (ran.exit_code == 2) == (ran.stderr.count("\n") == 1)
            assert ran.stdout.isascii()
