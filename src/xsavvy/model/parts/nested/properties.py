# SPDX-License-Identifier: Apache-2.0
"""What must be true of a guest that runs a guest, and the states that must be reachable."""

from xsavvy.checker import Property, Witness
from xsavvy.isa.registers import cr0_wp_ok
from xsavvy.model.constants import Constants
from xsavvy.model.properties import in_guest
from xsavvy.model.values import CR4_PKE, USER_MODE, Exit, Value

from .machine import NestedMachine
from .values import Field, NestedExit, NestedFault, Route
from .vmcs import bndcfgs, cet

__all__ = ["PROPERTIES", "WITNESSES"]

NESTED = "linux:arch/x86/kvm/vmx/nested.c"


def runs(s: NestedMachine, k: Constants) -> bool:
    """L1 or L2 executes instructions."""
    return in_guest(s, k) and s.vcpu_exit == Exit.NONE and s.nested_fault == NestedFault.NONE


def levels_find_their_fields(s: NestedMachine, k: Constants) -> bool:
    """P10, P26: the VMCS in use holds what the level that runs knows."""
    if not runs(s, k):
        return True
    return bndcfgs(s, k) == s.ghost_bndcfgs and cet(s, k) == s.ghost_cet


def restored_is_saved(s: NestedMachine, k: Constants) -> bool:
    """P13: a vCPU that has been given everything is the vCPU that was saved, whatever the order."""
    if s.vcpu_context & USER_MODE == 0 or s.uapi_missing != 0:
        return True
    return bndcfgs(s, k) == s.ghost_bndcfgs and cet(s, k) == s.ghost_cet


def no_exit_swallowed(s: NestedMachine, k: Constants) -> bool:
    """P26: what L1 asked to see, L1 sees."""
    return s.ghost_route != Route.SWALLOWED


def no_exit_invented(s: NestedMachine, k: Constants) -> bool:
    """P26: L1 sees no exit that only L0 wanted."""
    return s.ghost_route != Route.INVENTED


def l2_is_legal(s: NestedMachine, k: Constants) -> bool:
    """P16: after a nested entry the control registers go together."""
    if s.vcpu_l2 == 0:
        return True
    return cr0_wp_ok(s.vmcs12_cr0_wp, s.vmcs12_cr4_cet) != 0


def entries_succeed(s: NestedMachine, k: Constants) -> bool:
    """P28, P29: no VM entry of L0 fails by what L1 has put into its VMCS."""
    return s.nested_fault != NestedFault.ENTRY_FAILS


def bitmap_is_l1s(s: NestedMachine, k: Constants) -> bool:
    """P26: while L2 runs, XSAVES exits exactly where L1 asked for it."""
    if not runs(s, k) or s.vcpu_l2 == 0 or s.vmcs12_xsaves == 0:
        return True
    return s.vmcs02_xsaves != 0 and s.vmcs02_xss_bitmap == s.vmcs12_xss_bitmap


PROPERTIES = (
    Property(
        "each_level_finds_its_vmcs_state",
        "In guest mode, IA32_BNDCFGS and CET state are what the level that runs put there, or L1's controls did.",
        levels_find_their_fields,
        source=f"P10, P26; {NESTED} prepare_vmcs02(), load_vmcs12_host_state()",
        witness="l2_runs_on_its_own_value",
        mutant="vmcs02 is not filled from vmcs12",
    ),
    Property(
        "nested_state_survives_a_restore",
        "A vCPU that was given its MSRs and its nested state, in any order, is the one that was saved.",
        restored_is_saved,
        source="P13; commit fa578398a0ba",
        witness="l2_was_restored",
        mutant="KVM_SET_NESTED_STATE takes no snapshot",
    ),
    Property(
        "exits_of_l1_reach_l1",
        "An exit of L2 that L1 asked for reaches L1.",
        no_exit_swallowed,
        source=f"P26; {NESTED} nested_vmx_l1_wants_exit()",
        witness="l1_gets_an_exit",
        mutant="L0 keeps exits of XSAVES",
    ),
    Property(
        "exits_of_l0_stay_with_l0",
        "An exit of L2 that only L0 wanted does not reach L1.",
        no_exit_invented,
        source=f"P26; {NESTED} nested_vmx_l0_wants_exit()",
        witness="l0_keeps_a_device_not_available",
        mutant="L1 gets the #NM of a lazy FPU",
    ),
    Property(
        "l2_control_registers_are_legal",
        "After a nested entry CR4.CET is not set without CR0.WP.",
        l2_is_legal,
        source="P16; commit 8060b2bd2dd0",
        witness="l2_runs_with_cet",
        mutant="CR4.CET is entered without CR0.WP",
    ),
    Property(
        "nested_vm_entries_succeed",
        "No VM entry of L0 fails by what L1 has put into its VMCS.",
        entries_succeed,
        source="P28, P29; commits 8060b2bd2dd0, 62f7533a6b3a",
        witness="l2_runs_with_cet",
        mutant="CET state of vmcs12 is not checked",
    ),
    Property(
        "xss_exit_bitmap_is_l1s",
        "While L2 runs, XSAVES is enabled and exits exactly as L1 asked.",
        bitmap_is_l1s,
        source=f"P26; {NESTED} prepare_vmcs02_rare(); commit 19e6e083f3f9",
        witness="l2_has_xsaves_intercepted",
        mutant="the XSS-exiting bitmap is left out of vmcs02",
    ),
)


def own_value(s: NestedMachine, k: Constants) -> bool:
    """L2 runs on what it wrote itself."""
    return (
        runs(s, k) and s.vcpu_l2 != 0 and (s.vmcs02_bndcfgs == Field.L2 or s.vmcs02_cet == Field.L2)
    )


def was_restored(s: NestedMachine, k: Constants) -> bool:
    """L2 is active in a vCPU that is out of KVM_RUN and complete, with a value that it wrote itself."""
    return (
        s.vcpu_context & USER_MODE != 0
        and s.uapi_missing == 0
        and s.vcpu_l2 != 0
        and (s.vmcs02_bndcfgs == Field.L2 or s.vmcs02_cet == Field.L2)
    )


def l1_gets_exit(s: NestedMachine, k: Constants) -> bool:
    """An exit of L2 that has an owner is pending and L1 has asked for it."""
    if s.vcpu_l2 == 0:
        return False
    if s.vcpu_exit == NestedExit.XSAVES:
        return s.vmcs12_xss_bitmap != 0
    return s.vcpu_exit == Exit.DEVICE_NOT_AVAILABLE and s.ghost_own_nm != 0


def l0_keeps_nm(s: NestedMachine, k: Constants) -> bool:
    """L2 has a #NM that is not its own while L1 intercepts #NM."""
    return (
        s.vcpu_l2 != 0
        and s.vcpu_exit == Exit.DEVICE_NOT_AVAILABLE
        and s.ghost_own_nm == 0
        and s.vmcs12_nm != 0
    )


def l2_has_pkru(s: NestedMachine, k: Constants) -> bool:
    """L2 runs with protection keys on, and L1 has them off."""
    return (
        runs(s, k)
        and s.vcpu_l2 != 0
        and s.vcpu_cr4 & CR4_PKE != 0
        and s.vcpu_l1_cr4 & CR4_PKE == 0
        and s.hw_pkru[s.cpu] == Value.GUEST
    )


def l2_with_cet(s: NestedMachine, k: Constants) -> bool:
    """L2 runs with CR4.CET and CET state that L1 gave it."""
    return (
        runs(s, k)
        and s.vcpu_l2 != 0
        and s.vmcs12_cr4_cet != 0
        and s.vmcs12_load_cet != 0
        and s.vmcs02_cet == Field.L1_FOR_L2
    )


def xsaves_intercepted(s: NestedMachine, k: Constants) -> bool:
    """L2 runs with XSAVES that exits."""
    return runs(s, k) and s.vcpu_l2 != 0 and s.vmcs02_xss_bitmap != 0 and s.hw_xss[s.cpu] != 0


WITNESSES = (
    Witness("l2_runs_on_its_own_value", "L2 runs on a value that it wrote itself.", own_value),
    Witness(
        "l2_was_restored",
        "A complete vCPU out of KVM_RUN has L2 active, on a value that L2 wrote.",
        was_restored,
    ),
    Witness("l1_gets_an_exit", "An exit of L2 is pending that L1 asked for.", l1_gets_exit),
    Witness(
        "l0_keeps_a_device_not_available",
        "L2 has a #NM that only L0 wanted, while L1 intercepts #NM.",
        l0_keeps_nm,
    ),
    Witness(
        "l2_reaches_pkru_alone",
        "L2 runs on the guest's PKRU with CR4.PKE set, while L1 has it clear.",
        l2_has_pkru,
    ),
    Witness(
        "l2_runs_with_cet", "L2 runs with CR4.CET and the CET state that L1 gave it.", l2_with_cet
    ),
    Witness(
        "l2_has_xsaves_intercepted", "L2 runs with an XSAVES that exits to L1.", xsaves_intercepted
    ),
)
