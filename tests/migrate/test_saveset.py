# SPDX-License-Identifier: Apache-2.0
"""What a VMM must save, against lists that VMMs had."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from xsavvy import api
from xsavvy.kvm.exposed import MSRS
from xsavvy.migrate.saveset import BadList, listed_numbers

DATA = Path(__file__).parents[3] / "shared/data/cpuid/firecracker-fingerprints"
CET = [
    "IA32_U_CET",
    "IA32_S_CET",
    "IA32_PL0_SSP",
    "IA32_PL1_SSP",
    "IA32_PL2_SSP",
    "IA32_PL3_SSP",
    "IA32_INT_SSP_TAB",
]
# Names of Firecracker's SERIALIZABLE_MSR_RANGES: before pull request 5972, with it, and superfly's pull request 10.
BEFORE = "MSR_RANGE!(MSR_IA32_TSC), MSR_RANGE!(MSR_EFER), MSR_RANGE!(MSR_IA32_MC0_CTL, 0x80)"
HEAD = f"{BEFORE}, MSR_RANGE!(MSR_IA32_XSS)"
SUPERFLY = f"{HEAD}, MSR_RANGE!(MSR_IA32_U_CET), MSR_RANGE!(MSR_IA32_S_CET), 0x6a4-0x6a8"


@pytest.mark.parametrize(
    ("text", "missing"),
    [(BEFORE, [*CET, "IA32_XSS"]), (HEAD, CET), (SUPERFLY, [])],
    ids=["before-5972", "head", "superfly"],
)
def test_firecracker_on_6_18(tmp_path: Path, text: str, missing: list[str]) -> None:
    """IA32_XSS is missing before pull request 5972, the MSRs of CET at its head, nothing in superfly's fork."""
    path = tmp_path / "msr.rs"
    path.write_text(text)
    for name in ("genoa", "milan"):
        assert list(api.save_set(name, kernel="v6.18", vmm_list=str(path)).missing) == missing
        assert list(api.save_set(name, kernel="v6.17", vmm_list=str(path)).missing) == []


# Names of QEMU 10's kvm_get_msrs() that belong to extended state; it gives its guests no CET.
QEMU = """kvm_msr_entry_add(cpu, MSR_IA32_BNDCFGS, 0); kvm_msr_entry_add(cpu, MSR_IA32_XSS, 0);
kvm_msr_entry_add(cpu, MSR_IA32_XFD, 0); kvm_msr_entry_add(cpu, MSR_IA32_XFD_ERR, 0);"""


@pytest.mark.parametrize(
    ("preset", "guest", "missing"),
    [
        ("sapphire-rapids", "avx512,pku,amx,xsaves", []),
        ("skylake-sp", "host", []),
        ("sapphire-rapids", "avx,shstk", CET),
    ],
)
def test_qemu_10(tmp_path: Path, preset: str, guest: str, missing: list[str]) -> None:
    """Its list has all that the guests need that it can make, and would not do for one with CET."""
    path = tmp_path / "kvm.c"
    path.write_text(QEMU)
    assert (
        list(api.save_set(preset, kernel="v6.18", guest=guest, vmm_list=str(path)).missing)
        == missing
    )


@pytest.mark.parametrize("name", ["AMD_GENOA", "INTEL_GRANITE_RAPIDS"])
def test_the_set_is_what_kvm_lists_on_real_hosts(name: str) -> None:
    """Every MSR of the set is in Firecracker's record of a 6.18 host, and none of extended state is left out."""
    path = DATA / f"fingerprint_{name}_6.18host.json"
    if not path.is_file():
        pytest.skip(f"no third-party data: {path.name}")
    seen = json.loads(path.read_bytes())["guest_cpu_config"]["msr_modifiers"]
    numbers = {int(each["addr"], 16) for each in seen}
    preset = {"AMD_GENOA": "genoa", "INTEL_GRANITE_RAPIDS": "granite-rapids"}[name]
    items = api.save_set(preset, kernel="v6.18").items
    listed = {item.number for item in items if item.kind == "msr"}
    assert listed == numbers & {msr.number for msr in MSRS}


def test_tiles_need_the_new_ioctl_and_xfd() -> None:
    """A guest with tiles has an image of 11,008 bytes, IA32_XFD and IA32_XFD_ERR."""
    items = {
        item.name: item
        for item in api.save_set("sapphire-rapids", kernel="v6.12", guest="avx,amx").items
    }
    assert "11008 bytes" in items["KVM_GET_XSAVE2"].why
    assert items["IA32_XFD"].needed
    assert items["IA32_XFD_ERR"].needed
    plain = {
        item.name: item
        for item in api.save_set("sapphire-rapids", kernel="v6.12", guest="avx").items
    }
    assert not plain["IA32_XFD"].needed


def test_shadow_stacks_have_a_pointer_in_no_msr() -> None:
    """SSP comes with KVM_GET_ONE_REG."""
    names = [item.name for item in api.save_set("genoa", kernel="v6.18", guest="avx,shstk").items]
    assert "KVM_GET_ONE_REG" in names
    assert "KVM_GET_ONE_REG" not in [
        item.name for item in api.save_set("genoa", kernel="v6.18", guest="avx").items
    ]


READ = [
    ("0xda0", {0xDA0}),
    ("0x6a4-0x6a6", {0x6A4, 0x6A5, 0x6A6}),
    ("0x6a4..=0x6a5", {0x6A4, 0x6A5}),
    ("IA32_XSS\nIA32_PL3_SSP", {0xDA0, 0x6A7}),
    ("MsrIndex::Ia32, MSR_IA32_XFD_ERR", {0x1C5}),
    ("MSR_IA32_TSC // MSR_IA32_XSS", set()),
    ("MSR_IA32_TSC /* IA32_XSS */", set()),
    ("# IA32_XSS is missing\nIA32_U_CET", {0x6A0}),
]


@pytest.mark.parametrize(("text", "numbers"), READ)
def test_lists_are_read_as_people_write_them(text: str, numbers: set[int]) -> None:
    """Numbers, ranges, names and source code; comments do not count."""
    assert listed_numbers(text) == numbers


def test_a_text_without_msrs_is_refused() -> None:
    """Prose is no list."""
    with pytest.raises(BadList, match="0xda0"):
        listed_numbers("save everything")
