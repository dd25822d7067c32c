# SPDX-License-Identifier: Apache-2.0
"""A nested VMRUN and #VMEXIT: CET state goes with the VMCB, without controls.

VMRUN loads L2's from vmcb12; #VMEXIT gives L1 back what it had, which vmcb01 has kept. KVM_SET_NESTED_STATE brings
L1's, and takes what is in the new vCPU for L2's. VMCB clean bits are left out: every entry reads the whole VMCB.
Source: arch/x86/kvm/svm/nested.c nested_svm_vmrun(), nested_vmcb02_prepare_save(), nested_svm_vmexit(),
svm_get_nested_state(), svm_set_nested_state(), as in 7.3; commit c5ba49458513.
"""

from xsavvy.checker import Path, Step
from xsavvy.model.constants import Constants
from xsavvy.model.emulate import finish
from xsavvy.model.pkru import vmcs_load_guest_pkru

from .machine import NestedMachine
from .values import Field

__all__ = ["SVM_PATHS", "enter_vmcb", "restore_vmcb", "save_vmcb"]

NESTED = "linux:arch/x86/kvm/svm/nested.c"


def enter_vmcb(s: NestedMachine, k: Constants) -> None:
    """Enter the guest: a pending run of L2 is pending no more."""
    vmcs_load_guest_pkru(s, k)
    s.vcpu_run_pending = 0


def nested_svm_vmrun(s: NestedMachine, k: Constants) -> None:
    """Make L2 active."""
    s.vcpu_l2 = 1
    s.vcpu_l1_cr4 = s.vcpu_cr4
    s.vcpu_cr4 = s.vmcs12_cr4
    s.vcpu_run_pending = 1
    finish(s, k)


def prepare_save(s: NestedMachine, k: Constants) -> None:
    """Fill vmcb02 from vmcb12."""
    if k.nested_cet:
        s.vmcs02_cet = s.vmcs12_cet
        s.ghost_l1_cet = s.ghost_cet
        s.ghost_cet = s.vmcs12_cet


def sync_vmcb12(s: NestedMachine, k: Constants) -> None:
    """Store L2's values in vmcb12."""
    finish(s, k)
    s.vmcs12_cr4 = s.vcpu_cr4
    if k.nested_cet:
        s.vmcs12_cet = s.vmcs02_cet


def load_vmcb01(s: NestedMachine, k: Constants) -> None:
    """Go on with L1 on vmcb01, as VMRUN left it."""
    s.vcpu_cr4 = s.vcpu_l1_cr4
    s.vcpu_l1_cr4 = 0
    s.vcpu_l2 = 0
    s.vcpu_run_pending = 0
    s.vmcs02_cet = Field.INIT
    if k.nested_cet:
        s.ghost_cet = s.ghost_l1_cet
        s.ghost_l1_cet = Field.INIT


def save_vmcb(s: NestedMachine, k: Constants) -> None:
    """KVM_GET_NESTED_STATE: L1's state is that of vmcb01."""
    s.uapi_l1_cet = s.vmcs01_cet if s.vcpu_l2 else Field.INIT


def restore_vmcb(s: NestedMachine, k: Constants) -> None:
    """KVM_SET_NESTED_STATE: what the vCPU has so far is L2's; what userspace brings is L1's."""
    s.vmcs02_cet = s.vmcs01_cet
    s.vmcs01_cet = s.uapi_l1_cet
    s.uapi_l1_cet = Field.INIT
    s.vcpu_l2 = 1


SVM_PATHS = (
    Path(
        "nested_svm_vmrun",
        (
            Step("nested_svm_vmrun", nested_svm_vmrun, source=f"{NESTED} nested_svm_vmrun()"),
            Step(
                "nested_vmcb02_prepare_save",
                prepare_save,
                source=f"{NESTED} nested_vmcb02_prepare_save()",
            ),
        ),
        then="vcpu_run",
        source=f"{NESTED} nested_svm_vmrun()",
    ),
    Path(
        "nested_svm_vmexit",
        (
            Step("nested_svm_vmexit", sync_vmcb12, source=f"{NESTED} nested_svm_vmexit()"),
            Step("svm_switch_vmcb", load_vmcb01, source=f"{NESTED} nested_svm_vmexit()"),
        ),
        then="vcpu_run",
        source=f"{NESTED} nested_svm_vmexit()",
    ),
)
