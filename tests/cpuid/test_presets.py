# SPDX-License-Identifier: Apache-2.0
"""The named platforms and where their numbers come from."""

from __future__ import annotations

from importlib.resources import files

import pytest

from tests.cpuid.source import dump
from xsavvy.cpuid.contradiction import contradictions
from xsavvy.cpuid.dump import read
from xsavvy.cpuid.presets import LEAVES, PRESETS, Preset, UnknownPreset, derived, file_text
from xsavvy.cpuid.processor import processor
from xsavvy.isa.processor import Vendor

REAL = [preset for preset in PRESETS.values() if not preset.hypothetical]


def name(preset: Preset) -> str:
    """A preset's name, for a test's."""
    return preset.name


@pytest.mark.parametrize("preset", REAL, ids=name)
def test_numbers_come_from_the_dump(preset: Preset) -> None:
    """A preset's file is what its dump gives, byte for byte."""
    table = read(dump(preset.origin.removeprefix("cpuid/")), preset.origin)
    path = files("xsavvy.cpuid").joinpath("platforms", f"{preset.name}.txt")
    assert path.read_text(encoding="utf-8") == file_text(preset, table), (
        "run tests/cpuid/rewrite_presets.py"
    )
    assert preset.table == derived(table)


def test_every_file_belongs_to_a_preset() -> None:
    """No file in platforms/ lies there unnamed."""
    found = {path.name for path in files("xsavvy.cpuid").joinpath("platforms").iterdir()}
    assert found == {f"{preset.name}.txt" for preset in REAL}


@pytest.mark.parametrize("preset", PRESETS.values(), ids=name)
def test_a_preset_is_a_sound_processor(preset: Preset) -> None:
    """Every preset is complete, free of contradictions, and of its vendor."""
    part = processor(preset.table)
    assert part.xsave
    assert contradictions(preset.table) == ()
    assert part.vendor is (Vendor.INTEL if preset.virtualization == "vmx" else Vendor.AMD)
    assert {leaf for leaf, _ in preset.table} <= set(LEAVES)
    assert preset.title
    assert preset.project


# XCR0, IA32_XSS, and the sizes of both formats with everything in them.
KNOWN = {
    "sandy-bridge": (0x7, 0, 832, 832),
    "haswell": (0x7, 0, 832, 832),
    "broadwell": (0x7, 0, 832, 832),
    "knights-landing": (0xE7, 0, 2688, 2432),
    "skylake-client": (0x1F, 0x100, 1088, 1088),
    "skylake-sp": (0x2FF, 0x100, 2696, 2696),
    "cascade-lake": (0x2FF, 0x100, 2696, 2696),
    "cooper-lake": (0x2FF, 0x100, 2696, 2696),
    "denverton": (0x1B, 0x100, 1088, 832),
    "snow-ridge": (0x3, 0x100, 576, 704),
    "ice-lake": (0x2E7, 0x100, 2696, 2568),
    "tiger-lake": (0x2E7, 0x3900, 2696, 2616),
    "alder-lake": (0x207, 0x19900, 2696, 1824),
    "arrow-lake": (0x207, 0x1D900, 2696, 1872),
    "panther-lake": (0x207, 0x1D900, 2696, 1872),
    "sapphire-rapids": (0x602E7, 0xDD00, 11008, 11776),
    "emerald-rapids": (0x602E7, 0xDD00, 11008, 11776),
    "granite-rapids": (0x602E7, 0x1DD00, 11008, 11776),
    "granite-rapids-apx": (0xE02E7, 0x1DD00, 11008, 11904),
    "bulldozer": (0x4000_0000_0000_0007, 0, 960, 960),
    "naples": (0x7, 0, 832, 832),
    "rome": (0x207, 0, 896, 896),
    "milan": (0x207, 0x1800, 2440, 880),
    "genoa": (0x2E7, 0x1800, 2440, 2480),
    "genoa-guest": (0xE7, 0x1800, 2432, 2472),
    "bergamo": (0x2E7, 0x1800, 2440, 2480),
    "turin": (0x2E7, 0x1800, 2440, 2480),
}


def test_known_masks_and_sizes() -> None:
    """The masks and sizes of every platform are written down; a change to one is looked at."""
    found = {}
    for preset in PRESETS.values():
        part = processor(preset.table)
        compacted = part.compacted(part.features).size
        sizes = (part.standard.size, compacted)
        found[preset.name] = (part.xcr0_supported, part.xss_supported, *sizes)
    assert found == KNOWN


def test_apx_takes_the_place_of_mpx() -> None:
    """The hypothetical platform differs from its base in three entries, and says that it is one."""
    apx, base = PRESETS["granite-rapids-apx"], PRESETS["granite-rapids"]
    assert apx.hypothetical
    assert not base.hypothetical
    assert {key for key, _ in apx.table.items() ^ base.table.items()} == {(7, 1), (13, 0), (13, 19)}
    assert processor(apx.table).standard[19].offset == 960


def test_an_unknown_name_gets_the_nearest() -> None:
    """Asking for a platform that is not there names those that are like it."""
    with pytest.raises(UnknownPreset) as caught:
        PRESETS["saphire-rapids"]
    message = "no platform 'saphire-rapids'; nearest: sapphire-rapids"
    assert str(caught.value).startswith(message)
    assert "genoa" in PRESETS
    assert "pentium" not in PRESETS
    assert PRESETS.get("pentium") is None
