# SPDX-License-Identifier: Apache-2.0
"""Who is offered CET: bug 45 is found, and each alternative of seed 003 holds or breaks as told."""

from __future__ import annotations

from typing import Any

import pytest

from tests.model.world import explored, system
from xsavvy.checker import Outcome, Program, Witness, search
from xsavvy.kvm import NEWEST
from xsavvy.kvm.cet import IBT

INTEL, AMD = "sapphire-rapids", "genoa"
FIXED = "v6.18+f8ade833b733"


def look(release: str, platform: str = INTEL, **choices: str) -> Outcome:
    """Explore every machine, host and configuration of a vendor."""
    return explored("capabilities", release, platform, **choices)


def broken(outcome: Outcome) -> dict[str, int | None]:
    """Return the depth of every violated property."""
    return {each.name: each.depth for each in outcome.verdicts if each.verdict != "holds"}


@pytest.mark.parametrize("platform", [INTEL, AMD])
def test_what_the_newest_kernel_offers_works_everywhere(platform: str) -> None:
    """On no machine and with no parameter anything breaks, and no CPU is refused."""
    outcome = look(NEWEST, platform)
    assert broken(outcome) == {}
    assert [each.name for each in outcome.witnesses if each.verdict != "seen"] == []
    assert outcome.unreached.steps == ("out_unwind_ops.unwind",)
    assert outcome.unreached.events == ()


def test_kvm_intel_does_not_load_before_f8ade833b733() -> None:
    """The reference has the nested controls for CET, the CPU that is enabled has not."""
    before = look("v6.18")
    assert broken(before) == {"kvm_loads": 22}
    trace = before.verdict("kvm_loads").trace
    assert trace is not None
    assert [hop.step for hop in trace.hops][-4:] == [
        "kvm_x86_vendor_init.kvm_setup_xss_caps",
        "kvm_x86_vendor_init.done",
        "kvm_x86_vendor_init.kvm_online_cpu",
        "out_unwind_ops.unwind",
    ]
    assert broken(look(FIXED)) == {}
    assert broken(look("v6.18", AMD)) == {}


def test_nested_capabilities_before_the_others_would_not_load_either() -> None:
    """Commit f7336d47be53 turned the order round for that reason, before CET was offered."""
    assert broken(look(f"{FIXED}-f7336d47be53")) == {"kvm_loads": 20}


def test_shadow_stacks_without_nested_paging_break() -> None:
    """One of two commits is enough: SVM allows a smaller MAXPHYADDR exactly without nested paging."""
    assert broken(look("v6.18-343acdd158a5-1f6f68fcfe43", AMD)) == {"what_is_offered_works": 19}
    assert broken(look("v6.18-343acdd158a5", AMD)) == {}
    assert broken(look("v6.18-1f6f68fcfe43", AMD)) == {}


def test_cet_with_a_smaller_maxphyaddr_breaks_on_vmx() -> None:
    """KVM would emulate what the guest does at a reserved address."""
    assert broken(look(f"{FIXED}-343acdd158a5")) == {"what_is_offered_works": 23}


@pytest.mark.parametrize(
    ("missing", "name"),
    [
        ("69cc3e886582", "what_is_offered_works"),
        ("42ae6448531b", "nested_caps_follow_final_caps"),
        ("584ba3ffb984", "hosts_s_cet_is_remembered"),
    ],
)
def test_each_patch_of_the_series_is_needed(missing: str, name: str) -> None:
    """The series without one patch breaks a promise."""
    assert list(broken(look(f"{FIXED}-{missing}"))) == [name]


def ibt_although_off(s: Any, k: Any) -> int:
    """A guest has branch tracking on a host that was booted with ibt=off."""
    return 1 if s.vcpu_caps & IBT and s.host_ibt_off else 0


def asks_for_ibt(whole: Program) -> Program:
    """Ask whether a guest has what its host refused for itself."""
    return whole.with_witness(Witness("ibt_although_off", "A guest has it.", ibt_although_off))


@pytest.mark.parametrize(
    ("choices", "seen"),
    [
        ({}, "unseen"),
        ({"cet_capability": "raw_cpuid"}, "seen"),
        ({"host_ibt": "ignored"}, "seen"),
    ],
)
def test_raw_cpuid_offers_ibt_against_the_host_and_nothing_breaks(
    choices: dict[str, str], seen: str
) -> None:
    """As long as the components are checked: seed 003's question is one of policy then."""
    outcome = search(system("capabilities", NEWEST, INTEL, choices, asks_for_ibt))
    assert broken(outcome) == {}
    assert outcome.witness("ibt_although_off").verdict == seen


@pytest.mark.parametrize("capability", ["boot_cpu_data", "raw_cpuid"])
def test_cet_without_its_components_breaks(capability: str) -> None:
    """A guest writes U_CET without an exit, and no fpstate has room for it."""
    outcome = look(NEWEST, cet_capability=capability, cet_components="assumed")
    assert broken(outcome) == {"what_is_offered_works": 24}
    trace = outcome.verdict("what_is_offered_works").trace
    assert trace is not None
    assert trace.end["breakage"] in {"not_switched", "refused"}


def test_a_tie_to_shadow_stacks_overrules_userspace() -> None:
    """KVM would return another CPUID than it was given."""
    assert broken(look(NEWEST, ibt_alone="tied")) == {"userspace_decides_on_cpuid": 23}


def test_no_guest_has_cet_before_v6_18() -> None:
    """Nothing is offered, so nothing breaks."""
    outcome = look("v6.17")
    assert broken(outcome) == {}
    assert outcome.witness("guest_has_shadow_stacks").verdict == "unseen"
