# SPDX-License-Identifier: Apache-2.0
"""Incidents that people reported, each with the conclusion of its thread."""

from __future__ import annotations

from pathlib import Path

import pytest

from xsavvy import api
from xsavvy.api import MigrateReport
from xsavvy.cpuid.presets import PRESETS
from xsavvy.cpuid.processor import processor
from xsavvy.image.convert import Target, convert
from xsavvy.image.file.saved import Saved
from xsavvy.image.recover import Candidate, recover
from xsavvy.image.view import view
from xsavvy.isa.components import names


def found(move: MigrateReport, rule: str) -> list[str]:
    """Components that a rule names."""
    return [each.component for each in move.findings if each.rule == rule]


def commits(move: MigrateReport) -> set[str]:
    """Commits of the findings that decide."""
    return {each.commit for each in move.findings if each.effect == move.verdict}


@pytest.mark.parametrize(
    ("release", "verdict"), [("v6.2", "refused"), ("v6.6", "loads"), ("debian-6.1.192", "loads")]
)
def test_proxmox_pkru_from_5_15(release: str, verdict: str) -> None:
    """A guest without keys came from 5.15 with PKRU in its image: 6.2 refuses it, with 8647c52e9504 it loads."""
    move = api.migrate("genoa@v5.15", f"genoa@{release}", guest="avx")
    assert move.verdict == verdict
    assert found(move, "image-names-more") == ["PKRU"]
    if verdict == "refused":
        assert found(move, "KVM_SET_XSAVE") == ["PKRU"]
        assert commits(move) == {"ad856280ddea"}


def test_chef_bcpc_adds_pku() -> None:
    """chef-bcpc#2278 added the flag that the image named anyway, and the guests moved."""
    without = api.migrate("cascade-lake@v5.4", "cascade-lake@v5.19", guest="avx512,-pku")
    added = api.migrate("cascade-lake@v5.4", "cascade-lake@v5.19", guest="avx512,pku")
    assert (without.verdict, added.verdict) == ("refused", "loads")


def test_rr_3573_zen4_to_skylake() -> None:
    """A Zen 4 trace cannot be played on Skylake: the AVX-512 components lie elsewhere."""
    move = api.migrate("genoa", "skylake-sp", guest="avx512")
    assert move.verdict == "loses"
    assert found(move, "layout") == ["OPMASK", "ZMM_HI256", "HI16_ZMM"]
    assert api.migrate("genoa", "skylake-sp", guest="avx").verdict == "loads"


def test_zen2_and_zen3() -> None:
    """Zen 2 has a PKRU component of 64 bytes at 832 and no keys: guests with keys do not come, others move."""
    assert api.migrate("milan", "rome", guest="avx,pku").verdict == "refused"
    assert api.migrate("milan", "rome", guest="avx").verdict == "loads"
    assert api.migrate("rome", "milan", guest="avx").verdict == "loads"
    assert api.migrate("milan@v5.16", "rome@v6.18", guest="avx").verdict == "refused"
    offsets = [PRESETS[name].table.read(0xD, 9)[:2] for name in ("rome", "milan")]
    assert offsets == [(0x40, 0x340), (8, 0x980)]


def test_sapphire_rapids_to_ice_lake_with_tiles() -> None:
    """Tiles are refused from the first call on; the guest without them moves."""
    move = api.migrate("sapphire-rapids", "ice-lake", guest="host,-cet")
    assert move.verdict == "refused"
    calls = [each.rule for each in move.findings if each.effect == "refused"]
    assert calls[:2] == ["arch_prctl", "KVM_SET_CPUID2"]
    assert {"KVM_SET_XSAVE", "KVM_SET_XCRS", "KVM_SET_MSRS"} <= set(calls)
    assert (
        api.migrate("sapphire-rapids", "ice-lake", guest="host,-amx,-cet,-xfd").verdict == "loads"
    )


def test_cloud_hypervisor_5800_wants_get_xsave2() -> None:
    """With tiles the image is more than 4096 bytes; the old ioctl cannot give it."""
    move = api.migrate("sapphire-rapids", "sapphire-rapids", guest="avx,amx", xsave2=False)
    assert move.verdict == "refused"
    assert found(move, "KVM_GET_XSAVE") == ["XTILEDATA"]
    assert api.migrate("sapphire-rapids", "sapphire-rapids", guest="avx,amx").verdict == "loads"


def test_seccomp_hides_the_permission() -> None:
    """cloud-hypervisor#7534: without arch_prctl KVM_SET_CPUID2 answers EPERM."""
    move = api.migrate(
        "sapphire-rapids", "sapphire-rapids", guest="avx,amx", to_host=["no-tile-permission"]
    )
    assert [each.why.split(":")[0] for each in move.findings] == ["KVM_SET_CPUID2 answers EPERM"]


def test_firecracker_5972(tmp_path: Path) -> None:
    """IA32_XSS was not saved on 6.18: the guest's XRSTORS faulted after the restore."""
    own = tmp_path / "list.rs"
    own.write_text("MSR_RANGE!(MSR_IA32_U_CET), 0x6a2, 0x6a4..=0x6a8, // no IA32_XSS\n")
    move = api.migrate("genoa@v6.18", "genoa@v6.18", vmm_list=str(own))
    assert move.verdict == "loses"
    assert found(move, "not-saved") == ["IA32_XSS"]
    assert api.migrate("genoa@v6.17", "genoa@v6.17", vmm_list=str(own)).verdict == "loads"
    assert api.migrate("genoa@v6.18", "genoa@v6.18").verdict == "loads"


def test_firecracker_6_1_to_5_10() -> None:
    """A snapshot of 6.1 with all that KVM offers did not come back under 5.10."""
    move = api.migrate("granite-rapids@v6.1", "granite-rapids@v5.10")
    assert move.verdict == "refused"
    assert "KVM_SET_XCRS" in {each.rule for each in move.findings}


def test_fwupd_6633_shadow_stacks_without_branch_tracking() -> None:
    """AMD has SHSTK and no IBT: a guest with both does not come, one with SHSTK alone does, layouts apart."""
    both = api.migrate("sapphire-rapids", "genoa", guest="avx,shstk,ibt")
    assert both.verdict == "refused"
    assert found(both, "KVM_SET_MSRS") == ["IA32_S_CET"]
    assert api.migrate("sapphire-rapids", "genoa", guest="avx,shstk").verdict == "loads"


TEMPLATES = Path(__file__).parents[3] / "shared/data/cpuid/firecracker-templates"


@pytest.mark.parametrize("release", ["v5.10", "v6.1"])
@pytest.mark.parametrize(
    ("here", "there", "template"),
    [
        ("sapphire-rapids", "ice-lake", "SPR_TO_T2_5.10"),
        ("ice-lake", "sapphire-rapids", "T2"),
        ("cascade-lake", "ice-lake", "T2S"),
        ("ice-lake", "cascade-lake", "T2S"),
        ("skylake-sp", "cascade-lake", "C3"),
    ],
)
def test_firecrackers_templates_do_what_they_are_for(
    here: str, there: str, template: str, release: str
) -> None:
    """A guest of a template moves between the processors that the template is for."""
    path = TEMPLATES / f"{template}.json"
    if not path.is_file():
        pytest.skip(f"no third-party data: {path.name}")
    move = api.migrate(here, there, guest=str(path), from_kernel=release, to_kernel=release)
    assert (move.guest_xcr0, move.verdict) == (0x7, "loads")


def test_a_template_for_5_10_leaves_cet_on_6_18() -> None:
    """Made before KVM offered CET, it masks IA32_XSS and not SHSTK and IBT: the guest no longer gets to Ice Lake."""
    path = TEMPLATES / "SPR_TO_T2_5.10.json"
    if not path.is_file():
        pytest.skip(f"no third-party data: {path.name}")
    move = api.migrate("sapphire-rapids@v6.18", "ice-lake@v6.18", guest=str(path))
    assert (move.guest_xss, move.verdict) == (0, "refused")
    assert "CR4 for CET" in found(move, "KVM_SET_SREGS")


def area(name: str, mask: int, header: int) -> Saved:
    """An image in the standard format of a preset, each component filled with its number."""
    layout = processor(PRESETS[name].table).standard
    data = bytearray(4096)
    for index, place in layout.items():
        if mask >> index & 1:
            data[place.offset : place.end] = bytes([index + 1]) * place.size
    data[24:32] = (0x1F80).to_bytes(4, "little") + (0xFFFF).to_bytes(4, "little")
    data[512:520] = header.to_bytes(8, "little")
    return Saved(bytes(data))


def test_gem5_296_a_header_of_zeros(tmp_path: Path) -> None:
    """KVM takes a header of zeros for initial registers: nothing is refused, everything is lost."""
    path = tmp_path / "checkpoint.bin"
    path.write_bytes(area("genoa", 0x7, 0).area)
    move = api.migrate("genoa", "genoa", guest="avx", image=str(path))
    assert move.verdict == "loses"
    assert set(found(move, "header")) >= {"X87", "SSE"}
    path.write_bytes(area("genoa", 0x7, 0x7).area)
    assert api.migrate("genoa", "genoa", guest="avx", image=str(path)).verdict == "loads"


def test_an_image_of_another_layout(tmp_path: Path) -> None:
    """An image from Zen 4 names components that Ice Lake reads elsewhere."""
    path = tmp_path / "image.bin"
    path.write_bytes(area("genoa", 0xE7, 0xE7).area)
    move = api.migrate("genoa", "ice-lake", guest="avx512", image=str(path))
    assert move.verdict == "loses"
    assert set(found(move, "layout")) == {"OPMASK", "ZMM_HI256", "HI16_ZMM"}


@pytest.mark.parametrize(
    ("here", "there"), [("genoa", "skylake-sp"), ("skylake-sp", "genoa"), ("genoa", "ice-lake")]
)
def test_delve_3827_a_conversion_keeps_the_registers(here: str, there: str) -> None:
    """ZMM_Hi256 lies at 896 on AMD and at 1152 on Intel; converted, every register has its value."""
    mask = 0xE7
    maker, taker = (Candidate(name, processor(PRESETS[name].table)) for name in (here, there))
    saved = area(here, mask, mask)
    where = recover(saved, maker)
    done = convert(saved, where, Target(taker.processor, False, 0, 0, False, 4096))
    new = Saved(done.area)
    parts = (view(saved, where).parts, view(new, recover(new, taker)).parts)
    # The mask of MXCSR is the processor's, not the guest's.
    before, after = (
        [r for part in each for r in part.registers if r.name != "mxcsr_mask"] for each in parts
    )
    assert before == after
    assert {each.name for each in parts[1]} >= set(names(mask))


def test_gdb_guesses_five_layouts_and_presets_have_more() -> None:
    """The sizes that gdb knows do not cover the tiles, nor Zen 2 with its PKRU."""
    known = {2696, 2440, 2688, 1088, 832}
    sizes = {
        name: PRESETS[name].table.read(0xD).ecx
        for name in ("sapphire-rapids", "rome", "genoa", "ice-lake")
    }
    assert {name for name, size in sizes.items() if size not in known} == {
        "sapphire-rapids",
        "rome",
    }
