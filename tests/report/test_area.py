# SPDX-License-Identifier: Apache-2.0
"""The picture of an area: every byte has its place, and the file is well-formed whatever a dump says."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from tests.arch.source import ROOT
from tests.cpuid import sample
from xsavvy import api
from xsavvy.cpuid.describe import describe
from xsavvy.cpuid.dump import read
from xsavvy.cpuid.presets import PRESETS
from xsavvy.cpuid.table import Leaf, Table
from xsavvy.report.area import area, blocks

NAMES = ("sapphire-rapids", "genoa", "rome", "bulldozer", "granite-rapids-apx", "denverton")


def texts(picture: str) -> list[str]:
    """The words of a picture."""
    root = ET.fromstring(picture)
    return [each.text or "" for each in root.iter("{http://www.w3.org/2000/svg}text")]


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("compacted", [False, True])
def test_blocks_cover_the_area_without_a_gap(name: str, compacted: bool) -> None:
    """From byte 0 to the area's end every byte is in one block; holes are blocks too."""
    cpu = describe(PRESETS[name].table)
    found = blocks(cpu, compacted=compacted)
    reach = 0
    for block in found:
        assert block.offset == reach, block
        reach += block.size
    assert reach == (cpu.sizes.compacted if compacted else cpu.sizes.standard)


def test_holes_are_named() -> None:
    """Sapphire Rapids has MPX's old place empty, and bytes before tiles for their alignment."""
    cpu = describe(PRESETS["sapphire-rapids"].table)
    standard = [
        (each.offset, each.size) for each in blocks(cpu, compacted=False) if each.kind == "hole"
    ]
    compacted = [each for each in blocks(cpu, compacted=True) if each.kind == "hole"]
    assert standard == [(832, 256), (2696, 56)]
    assert [(each.offset, each.size, each.name) for each in compacted] == [
        (3472, 48, "hole, for alignment")
    ]


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_has_every_component(name: str) -> None:
    """Each component stands in the picture by name, with its offset in both notations."""
    cpu = describe(PRESETS[name].table)
    words = texts(area(cpu))
    for row in cpu.components[2:]:
        assert any(word.startswith(row.name) for word in words)
        if row.offset is not None:
            assert any(word.endswith(f"{row.offset:#05x}") for word in words)


def test_a_processor_without_a_compacted_form() -> None:
    """Without XSAVEC and XSAVES there is one form, and the picture says why."""
    words = texts(area(describe(PRESETS["bulldozer"].table)))
    assert "No compacted form" in words
    assert "Compacted form" not in words


def test_a_compacted_form_that_nobody_knows_of() -> None:
    """Where subleaf 1 is not in the dump the picture does not claim that there is no such form."""
    words = texts(area(describe(read(sample.LIBCPUID))))
    assert "Compacted form unknown" in words
    assert "No compacted form" not in words


def test_what_is_unknown_is_said() -> None:
    """A component without its subleaf is named below the form that it would be in."""
    cut = describe(PRESETS["genoa"].table.replaced({(13, 9): None}))
    words = texts(area(cut))
    assert "place unknown: PKRU" in words
    assert "place unknown: PKRU, CET_U, CET_S" in words
    assert any(word.startswith("size unknown") for word in words)


@pytest.mark.parametrize("name", sample.SAMPLES)
def test_a_picture_of_any_dump_is_well_formed(name: str) -> None:
    """Whatever a dump holds, the file is XML."""
    assert texts(area(describe(read(sample.SAMPLES[name]))))


def test_a_dumps_text_stays_text() -> None:
    """A brand string with markup in it does not become markup."""
    word = int.from_bytes(b"<a&'", "little")
    table = Table(
        {(leaf, 0): Leaf(word, word, word, word) for leaf in range(0x80000002, 0x80000005)}
    )
    assert any("<a&'" in text for text in texts(area(describe(table))))


def test_the_picture_in_the_documents_is_current() -> None:
    """docs/cpus/sapphire-rapids.svg is what `xsavvy cpu sapphire-rapids --svg` writes."""
    shown = (ROOT / "docs" / "cpus" / "sapphire-rapids.svg").read_text(encoding="utf-8")
    assert shown == area(api.cpu("sapphire-rapids"))
