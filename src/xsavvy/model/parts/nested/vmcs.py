# SPDX-License-Identifier: Apache-2.0
"""A nested entry and a nested exit: what goes from one VMCS to another.

Source: arch/x86/kvm/vmx/nested.c nested_vmx_run(), nested_vmx_enter_non_root_mode(), prepare_vmcs02(),
sync_vmcs02_to_vmcs12(), load_vmcs12_host_state(), as in 6.12 to 7.3.
"""

from xsavvy.checker import Path, Step
from xsavvy.isa.components import CET_U
from xsavvy.isa.registers import cr0_wp_ok
from xsavvy.kvm.nesting import field_from_vmcs12, snapshot_is_taken
from xsavvy.model.constants import Constants
from xsavvy.model.emulate import finish
from xsavvy.model.pkru import vmcs_load_guest_pkru

from .machine import NestedMachine
from .values import BndcfgsAtExit, Checks, Field, NestedFault, Snapshot

__all__ = [
    "NESTED_PATHS",
    "bndcfgs",
    "cet",
    "check_guest_state",
    "enter_guest",
    "enter_non_root",
    "set_bndcfgs",
    "set_cet",
    "sync_vmcs12",
]

NESTED = "linux:arch/x86/kvm/vmx/nested.c"
FAILED = 1


def bndcfgs(s: NestedMachine, k: Constants) -> int:
    """Return IA32_BNDCFGS of the VMCS in use."""
    return s.vmcs02_bndcfgs if s.vcpu_l2 else s.vmcs01_bndcfgs


def cet(s: NestedMachine, k: Constants) -> int:
    """Return S_CET, SSP and the SSP table of the VMCS in use."""
    return s.vmcs02_cet if s.vcpu_l2 else s.vmcs01_cet


def set_bndcfgs(s: NestedMachine, k: Constants, value: int) -> None:
    """Write IA32_BNDCFGS into the VMCS in use, and into vmcs12 if that is L2's.

    Source: arch/x86/kvm/vmx/vmx.c vmx_set_msr().
    """
    if s.vcpu_l2:
        s.vmcs02_bndcfgs = value
        s.vmcs12_bndcfgs = value
    else:
        s.vmcs01_bndcfgs = value


def set_cet(s: NestedMachine, k: Constants, value: int) -> None:
    """Write S_CET, SSP and the SSP table into the VMCS in use."""
    if s.vcpu_l2:
        s.vmcs02_cet = value
    else:
        s.vmcs01_cet = value


def enter_guest(s: NestedMachine, k: Constants) -> None:
    """Enter the guest: the processor checks the VMCS in use, and a pending run of L2 is pending no more."""
    vmcs_load_guest_pkru(s, k)
    legal = cr0_wp_ok(s.vmcs12_cr0_wp, s.vmcs12_cr4_cet) if s.vcpu_l2 else 1
    if cet(s, k) == Field.REFUSED or not legal:
        s.nested_fault = NestedFault.ENTRY_FAILS
    s.vcpu_run_pending = 0


# The entry.


def check_host_state(s: NestedMachine, k: Constants) -> int:
    """Fail VMLAUNCH if an exit would load what L1 cannot run with; L1 goes on after the instruction."""
    if k.nested_cet_check == Checks.CHECKED and s.vmcs12_exit_load_cet:
        if s.vmcs12_host_cet == Field.REFUSED:
            finish(s, k)
            return FAILED
    s.vcpu_run_pending = 1
    return 0


def snapshot(s: NestedMachine, k: Constants) -> None:
    """Remember fields of vmcs01 that vmcs02 may need."""
    pending = s.vcpu_run_pending
    looks = 1 if k.bndcfgs_snapshot == Snapshot.ALSO_IF_NO_RUN_PENDING else 0
    if k.nested_mpx and snapshot_is_taken(pending, s.vmcs12_load_bndcfgs, looks):
        s.vcpu_pre_bndcfgs = s.vmcs01_bndcfgs
    looks = 1 if k.cet_snapshot == Snapshot.ALSO_IF_NO_RUN_PENDING else 0
    if k.nested_cet and snapshot_is_taken(pending, s.vmcs12_load_cet, looks):
        s.vcpu_pre_cet = s.vmcs01_cet


def guest_state_ok(s: NestedMachine, k: Constants) -> bool:
    """Say whether KVM accepts the guest-state area of vmcs12."""
    if k.nested_cr_check == Checks.CHECKED and not cr0_wp_ok(s.vmcs12_cr0_wp, s.vmcs12_cr4_cet):
        return False
    if k.nested_cet_check == Checks.CHECKED and s.vmcs12_load_cet:
        return s.vmcs12_cet != Field.REFUSED
    return True


def check_guest_state(s: NestedMachine, k: Constants) -> int:
    """Let an entry fail whose guest-state area is illegal: that is an exit to L1."""
    return 0 if guest_state_ok(s, k) else FAILED


def enter_non_root(s: NestedMachine, k: Constants) -> None:
    """Fill vmcs02 and make it the VMCS in use; the XSS-exiting bitmap is L1's, verbatim.

    Source: arch/x86/kvm/vmx/nested.c prepare_vmcs02(), prepare_vmcs02_rare().
    """
    pending = s.vcpu_run_pending
    s.vcpu_l2 = 1
    s.vcpu_cr4 = s.vmcs12_cr4
    if k.nested_mpx:
        from_vmcs12 = field_from_vmcs12(pending, s.vmcs12_load_bndcfgs)
        s.vmcs02_bndcfgs = s.vmcs12_bndcfgs if from_vmcs12 else s.vcpu_pre_bndcfgs
    if k.nested_cet:
        from_vmcs12 = field_from_vmcs12(pending, s.vmcs12_load_cet)
        s.vmcs02_cet = s.vmcs12_cet if from_vmcs12 else s.vcpu_pre_cet
    s.vcpu_pre_bndcfgs = Field.INIT
    s.vcpu_pre_cet = Field.INIT
    s.vmcs02_xsaves = s.vmcs12_xsaves
    s.vmcs02_xss_bitmap = s.vmcs12_xss_bitmap & CET_U if s.vmcs12_xsaves else 0
    s.vcpu_ts = s.vmcs12_ts


def prepare_vmcs02(s: NestedMachine, k: Constants) -> None:
    """Enter L2; the ghosts follow the rule of the processor."""
    s.vcpu_l1_cr4 = s.vcpu_cr4
    enter_non_root(s, k)
    if k.nested_mpx and s.vmcs12_load_bndcfgs:
        s.ghost_bndcfgs = s.vmcs12_bndcfgs
    if k.nested_cet and s.vmcs12_load_cet:
        s.ghost_cet = s.vmcs12_cet
    finish(s, k)


# The exit.


def leave_guest_mode(s: NestedMachine, k: Constants) -> None:
    """Forget the exit, which is L1's now."""
    finish(s, k)


def sync_vmcs12(s: NestedMachine, k: Constants) -> None:
    """Store L2's values in vmcs12."""
    s.vmcs12_cr4 = s.vcpu_cr4
    if k.nested_mpx:
        s.vmcs12_bndcfgs = s.vmcs02_bndcfgs
    if k.nested_cet:
        s.vmcs12_cet = s.vmcs02_cet
    if not s.vmcs12_ts_owned:
        s.vmcs12_ts = s.vcpu_ts


def load_host_state(s: NestedMachine, k: Constants) -> None:
    """Give L1 its state back, as the exit controls say.

    IA32_BNDCFGS that is not cleared should be L2's, says the comment in the kernel; it is what vmcs01 had.
    """
    if s.vcpu_l2:
        s.vcpu_cr4 = s.vcpu_l1_cr4
    s.vcpu_l1_cr4 = 0
    s.vcpu_l2 = 0
    s.vcpu_run_pending = 0
    s.vmcs02_bndcfgs = Field.INIT
    s.vmcs02_xss_bitmap = 0
    s.vmcs02_xsaves = 0
    s.vmcs02_cet = Field.INIT
    s.vcpu_ts = 0
    if s.vmcs12_clear_bndcfgs:
        s.vmcs01_bndcfgs = Field.INIT
    elif k.bndcfgs_at_exit == BndcfgsAtExit.L2S:
        s.vmcs01_bndcfgs = s.vmcs12_bndcfgs
    if k.nested_cet:
        s.vmcs01_cet = s.vmcs12_host_cet if s.vmcs12_exit_load_cet else s.vmcs12_cet


def load_vmcs12_host_state(s: NestedMachine, k: Constants) -> None:
    """Leave L2; the ghosts follow the rule of the processor."""
    load_host_state(s, k)
    if s.vmcs12_clear_bndcfgs:
        s.ghost_bndcfgs = Field.INIT
    if k.nested_cet and s.vmcs12_exit_load_cet:
        s.ghost_cet = s.vmcs12_host_cet


def fail_entry(s: NestedMachine, k: Constants) -> None:
    """Tell L1 that its entry failed: an exit that stores nothing in the guest-state area."""
    load_vmcs12_host_state(s, k)
    finish(s, k)


NESTED_PATHS = (
    Path(
        "nested_vmx_run",
        (
            Step(
                "nested_vmx_check_host_state",
                check_host_state,
                to={FAILED: "vcpu_run"},
                source=f"{NESTED} nested_vmx_check_host_state()",
            ),
            Step(
                "nested_vmx_enter_non_root_mode",
                snapshot,
                source=f"{NESTED} nested_vmx_enter_non_root_mode()",
            ),
            Step(
                "nested_vmx_check_guest_state",
                check_guest_state,
                to={FAILED: "vmentry_fail_vmexit"},
                source=f"{NESTED} nested_vmx_check_guest_state()",
            ),
            Step("prepare_vmcs02", prepare_vmcs02, source=f"{NESTED} prepare_vmcs02()"),
        ),
        then="vcpu_run",
        source=f"{NESTED} nested_vmx_run()",
    ),
    Path(
        "vmentry_fail_vmexit",
        (Step("load_vmcs12_host_state", fail_entry, source=f"{NESTED} load_vmcs12_host_state()"),),
        then="vcpu_run",
        source=f"{NESTED} nested_vmx_enter_non_root_mode(), label vmentry_fail_vmexit",
    ),
    Path(
        "nested_vmx_vmexit",
        (
            Step("leave_guest_mode", leave_guest_mode, source=f"{NESTED} nested_vmx_vmexit()"),
            Step("sync_vmcs02_to_vmcs12", sync_vmcs12, source=f"{NESTED} sync_vmcs02_to_vmcs12()"),
            Step(
                "load_vmcs12_host_state",
                load_vmcs12_host_state,
                source=f"{NESTED} load_vmcs12_host_state()",
            ),
        ),
        then="vcpu_run",
        source=f"{NESTED} nested_vmx_vmexit()",
    ),
)
