# SPDX-License-Identifier: Apache-2.0
"""Nested guests: what each commit changes, on both vendors, and what no kernel does yet."""

from __future__ import annotations

import pytest

from tests.model.world import explored, program
from xsavvy.checker import Outcome
from xsavvy.kvm import NEWEST

INTEL = "sapphire-rapids"
WITH_MPX = "skylake-sp"
AMD = "genoa"


def broken(outcome: Outcome) -> dict[str, int | None]:
    """Return the depth of every violated property."""
    return {each.name: each.depth for each in outcome.verdicts if each.verdict != "holds"}


def test_msrs_before_nested_state_lose_bndcfgs_before_fa578398a0ba() -> None:
    """KVM_SET_NESTED_STATE without a pending run takes what was not remembered; the other order is sound."""
    before = explored("nested-migration", "v5.19", WITH_MPX)
    assert broken(before) == {
        "nested_state_survives_a_restore": 78,
        "each_level_finds_its_vmcs_state": 98,
    }
    trace = before.verdict("nested_state_survives_a_restore").trace
    assert trace is not None
    steps = [hop.step for hop in trace.hops]
    assert steps[-2:] == ["KVM_SET_MSRS to the new vCPU", "KVM_SET_NESTED_STATE to the new vCPU"]
    assert broken(explored("nested-migration", "v5.19+fa578398a0ba", WITH_MPX)) == {}


def test_cet_state_needs_the_same_snapshot() -> None:
    """Without it the restore of CET state depends on the order, too."""
    assert broken(explored("nested-migration", NEWEST, INTEL)) == {}
    wrong = explored("nested-migration", NEWEST, INTEL, cet_snapshot="if_not_loaded")
    assert broken(wrong)["nested_state_survives_a_restore"] == 78


@pytest.mark.parametrize("scenario", ["nested-shared", "nested-pkru", "nested-migration"])
def test_svm_shares_and_restores_as_well(scenario: str) -> None:
    """CET state goes with the VMCB; XCR0, PKRU and the registers stay the vCPU's."""
    outcome = explored(scenario, NEWEST, AMD)
    assert broken(outcome) == {}
    assert all(each.verdict == "seen" for each in outcome.witnesses)
    assert "VMLAUNCH" not in {event.name for event in program(scenario, NEWEST, AMD).events}


def test_levels_that_differ_in_cr4_pke_need_more_than_pke() -> None:
    """PKRU is shared: a switch by CR4.PKE alone loses it where a level has it in XCR0 only."""
    assert broken(explored("nested-pkru", NEWEST, INTEL)) == {}
    by_pke = explored("nested-pkru", NEWEST, INTEL, pkru_switch="pke")
    assert "guest_sees_its_own_pkru" in broken(by_pke)


def test_no_exit_of_xsaves_was_ever_lost() -> None:
    """19e6e083f3f9 changes nothing that can be seen: without it L1 gets every exit as well."""
    with_it = explored("nested-xsaves", "v6.18", INTEL)
    without = explored("nested-xsaves", "v6.18-19e6e083f3f9", INTEL)
    assert broken(with_it) == broken(without) == {}
    assert with_it.states == without.states
    assert with_it.witness("l1_gets_an_exit").verdict == "seen"
    before = explored("nested-xsaves", "v6.17", INTEL)
    assert "XSAVES by L2" in before.unreached.events


def test_an_l0_that_keeps_exits_of_xsaves_is_refuted() -> None:
    """Where IA32_XSS can be nonzero, L1's bitmap has to be served."""
    outcome = explored("nested-xsaves", NEWEST, INTEL, xsaves_exits="l0")
    assert broken(outcome) == {"exits_of_l1_reach_l1": 89}


def test_cr4_cet_without_cr0_wp_is_entered_before_8060b2bd2dd0() -> None:
    """L2's control registers do not go together, and the processor refuses the entry."""
    before = explored("nested-checks", "v6.18-8060b2bd2dd0", INTEL)
    assert broken(before) == {
        "l2_control_registers_are_legal": 39,
        "nested_vm_entries_succeed": 50,
    }
    assert broken(explored("nested-checks", "v6.18", INTEL)) == {}


def test_l1_makes_an_entry_fail_before_62f7533a6b3a() -> None:
    """A value that no entry accepts goes from vmcs12 to vmcs01 or vmcs02."""
    before = explored("nested-checks", "v6.18-62f7533a6b3a", INTEL)
    assert broken(before) == {"nested_vm_entries_succeed": 50}


def test_a_device_not_available_of_a_lazy_fpu() -> None:
    """L1 gets L0's #NM before v3.13, loses its own in v3.13, and gets its own and no other in v3.14."""
    assert set(broken(explored("nested-nm", "v3.12", INTEL))) == {"exits_of_l0_stay_with_l0"}
    assert "exits_of_l1_reach_l1" in broken(explored("nested-nm", "v3.13", INTEL))
    assert broken(explored("nested-nm", "v3.13+1b385cbdd74a", INTEL)) == {}


def test_a_device_not_available_where_l2_has_cr0_ts() -> None:
    """The CR0 of vmcs12 is not L2's then, which nobody repaired before L0 stopped to look at it."""
    assert set(broken(explored("nested-nm-free", "v4.19", INTEL))) == {"exits_of_l1_reach_l1"}
    assert broken(explored("nested-nm-free", "v4.19+nvmx_reflect_nm", INTEL)) == {}
    assert broken(explored("nested-nm-free", NEWEST, INTEL)) == {}


def test_xfd_is_shared_and_its_device_not_available_has_an_owner() -> None:
    """L2's #NM goes to L1 if it asked for it, and IA32_XFD_ERR is there for it."""
    outcome = explored("nested-xfd", NEWEST, INTEL)
    assert broken(outcome) == {}
    assert all(each.verdict == "seen" for each in outcome.witnesses)


def test_l2_keeps_the_window_of_b45f72177594_open() -> None:
    """L1 has got its writes of IA32_XFD passed through, and L2's still exit: each of them can kill an old kernel."""
    verdict = explored("nested-xfd", "v6.18", INTEL).verdict("kernel_survives")
    assert verdict.depth == 82
    assert verdict.trace is not None
    assert verdict.trace.end["vcpu_l2"] == "1"
    assert verdict.trace.end["vcpu_xfd_passthrough"] == "1"
    assert verdict.trace.end["fault"] == "xrstors_nm"


def test_bndcfgs_that_an_exit_does_not_clear_is_l1s_in_every_kernel() -> None:
    """Known since 2020: the comment in the kernel promises L2's value; the sketch of that thread keeps it."""
    assert broken(explored("nested-bndcfgs", NEWEST, WITH_MPX)) == {
        "each_level_finds_its_vmcs_state": 78
    }
    fixed = explored("nested-bndcfgs", NEWEST, WITH_MPX, bndcfgs_at_exit="l2s")
    assert broken(fixed) == {}
