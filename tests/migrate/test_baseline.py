# SPDX-License-Identifier: Apache-2.0
"""What hosts have in common, in the words of VMMs, and against libvirt's own answers."""

from __future__ import annotations

import json
import re
from itertools import product
from pathlib import Path

import pytest

from xsavvy import api
from xsavvy.cpuid import read
from xsavvy.cpuid.feature import has
from xsavvy.cpuid.presets import PRESETS
from xsavvy.isa.masks import xcr0_ok
from xsavvy.kvm import kernel
from xsavvy.migrate import Guest, Host, guest_of, judge
from xsavvy.migrate.baseline import baseline, legal_guest
from xsavvy.migrate.guest import NAMES

LIBVIRT = Path(__file__).parents[3] / "shared/data/cpuid/libvirt"


def hosts(names: str, release: str = "v6.18") -> list[Host]:
    """Presets under a kernel."""
    return [Host(name, PRESETS[name].table, kernel(release)) for name in names.split()]


FLEETS = [
    "genoa bergamo turin",
    "milan rome naples",
    "sapphire-rapids emerald-rapids granite-rapids",
    "ice-lake sapphire-rapids cascade-lake",
    "haswell skylake-client alder-lake",
    "genoa sapphire-rapids",
    "denverton snow-ridge",
    "sandy-bridge bulldozer",
]


@pytest.mark.parametrize("names", FLEETS)
def test_the_baseline_moves_everywhere(names: str) -> None:
    """The model runs on every host and moves between any two, and no larger one by a component does."""
    fleet = hosts(names)
    guest = baseline(fleet).guest
    assert xcr0_ok(guest.xcr0, guest.xcr0)
    verdicts = {judge(here, there, guest).verdict for here, there in product(fleet, fleet)}
    assert verdicts == {"loads"}


@pytest.mark.parametrize("names", FLEETS)
def test_no_larger_model_moves_everywhere(names: str) -> None:
    """Every feature that was given up is refused, or lost, or on no host."""
    fleet = hosts(names)
    guest = baseline(fleet).guest
    for cost in baseline(fleet).costs:
        if cost.bit in NAMES:
            larger = guest_of(f"{cost.bit}", fleet[0])
            joined = Guest(
                "larger",
                guest.xcr0 | larger.xcr0,
                guest.xss | larger.xss,
                guest.features | larger.features,
            )
            found = {judge(here, there, joined).verdict for here, there in product(fleet, fleet)}
            assert found != {"loads"}, cost


def test_one_old_host_costs_tiles_and_cet() -> None:
    """Ice Lake among Sapphire Rapids takes AMX and CET from all."""
    found = api.baseline(["sapphire-rapids", "emerald-rapids", "ice-lake"], kernel="v6.18")
    costs = {each.bit: each.hosts for each in found.costs}
    assert found.xcr0 == 0x2E7
    assert found.xss == 0
    assert {bit for bit, who in costs.items() if who == ("ice-lake",)} == {
        "xfd",
        "cet_ss",
        "cet_ibt",
        "amx_tile",
    }


def test_kernels_cost_features_too() -> None:
    """The same processor under an old kernel takes CET from the others."""
    found = api.baseline(["genoa@v6.18", "genoa@v6.12"])
    assert {each.bit: each.why[0] for each in found.costs} == {
        "cet_ss": "this KVM offers no CET to guests"
    }


def test_firecracker_templates_are_read_as_they_are_written(tmp_path: Path) -> None:
    """A template of the baseline, applied to each host, gives the baseline."""
    names = ["sapphire-rapids", "ice-lake"]
    found = api.baseline(names, form="firecracker")
    json.loads(found.text)
    path = tmp_path / "template.json"
    path.write_text(found.text)
    for name in names:
        move = api.migrate(name, "ice-lake", guest=str(path))
        assert (move.guest_xcr0, move.guest_xss, move.verdict) == (found.xcr0, found.xss, "loads")


@pytest.mark.parametrize("form", ["qemu", "libvirt"])
def test_models_are_read_as_they_are_written(tmp_path: Path, form: str) -> None:
    """The features that are required are those of the guest."""
    found = api.baseline(["sapphire-rapids", "ice-lake"], form=form)
    if form == "libvirt":
        path = tmp_path / "cpu.xml"
        path.write_text(found.text)
        guest = str(path)
    else:
        guest = re.sub(r"-cpu \w+,enforce,", "", found.text.strip())
    move = api.migrate("sapphire-rapids", "ice-lake", guest=guest)
    assert (move.guest_xcr0, move.verdict) == (found.xcr0, "loads")


PAIRS = {
    "Cascadelake+Icelake": ("Xeon-Platinum-8268", "Ice-Lake-Server"),
    "Cooperlake+Icelake": ("Cooperlake", "Ice-Lake-Server"),
    "Cooperlake+Cascadelake": ("Cooperlake", "Xeon-Platinum-8268"),
    "Skylake-Client+Server": ("Core-i7-8550U", "Xeon-Gold-6148"),
    "EPYC+Rome": ("EPYC-7601-32-Core", "EPYC-7502-32-Core"),
    "Broadwell-IBRS+Cascadelake": ("Xeon-E5-2650-v4", "Xeon-Platinum-8268"),
}


@pytest.mark.parametrize("name", PAIRS)
def test_libvirts_baselines_name_no_feature_that_we_do_not_share(name: str) -> None:
    """What libvirt's baseline of two real hosts requires around extended state is in ours, on the level of CPUID."""
    result = LIBVIRT / f"x86_64-cpuid-baseline-{name}.xml"
    if not result.is_file():
        pytest.skip(f"no third-party data: {result.name}")
    tables = [read((LIBVIRT / f"x86_64-cpuid-{one}.xml").read_bytes(), one) for one in PAIRS[name]]
    required = re.findall(r"policy='require' name='([^']+)'", result.read_text())
    wanted = {NAMES[word] for word in required if word in NAMES}
    disabled = {
        NAMES[word]
        for word in re.findall(r"policy='disable' name='([^']+)'", result.read_text())
        if word in NAMES
    }
    shared = {each for each in NAMES.values() if all(has(table, each) for table in tables)}
    assert wanted <= shared
    assert not disabled & shared - {"mpx"}


def test_a_legal_guest_is_whole() -> None:
    """What is left of groups goes, and features without their components."""
    every = frozenset(NAMES.values())
    assert legal_guest("g", 0x602E7, 0x1800, every).xcr0 == 0x602E7 & ~0x18
    half = legal_guest("g", 0x202E7 & ~0x20, 0x800, every)
    assert (half.xcr0, half.xss) == (0x207, 0)
    assert not half.features & {"avx512f", "amx_tile", "cet_ss", "mpx"}
    assert legal_guest("g", 0x7, 0, frozenset({"avx"})).xcr0 == 0
