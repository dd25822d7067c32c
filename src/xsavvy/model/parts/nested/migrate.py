# SPDX-License-Identifier: Apache-2.0
"""A new vCPU that is given the state of the old one: by KVM_SET_MSRS and KVM_SET_NESTED_STATE, in any order.

Each ioctl is one step; the vCPU does not run before it has been given everything. The rest of its state (XCR0, XSAVE,
IA32_XFD, CR4) goes along without change: it is not L1's or L2's but the vCPU's.
Source: arch/x86/kvm/vmx/nested.c vmx_get_nested_state(), vmx_set_nested_state(), their siblings of SVM; commit
fa578398a0ba for the two orders in use.
"""

from xsavvy.model.constants import Constants
from xsavvy.model.run import ioctl_allowed
from xsavvy.model.vmm import vmm_event

from .machine import NestedMachine
from .values import MSRS, NESTED_STATE, Field
from .vmcb import restore_vmcb, save_vmcb
from .vmcs import bndcfgs, cet, enter_non_root, set_bndcfgs, set_cet, snapshot, sync_vmcs12

__all__ = ["VMM_EVENTS", "vcpu_is_complete"]

NESTED = "linux:arch/x86/kvm/vmx/nested.c"


def vcpu_is_complete(s: NestedMachine, k: Constants) -> bool:
    """Run a vCPU only with all of its state."""
    return s.uapi_missing == 0 and ioctl_allowed(s, k)


def save(s: NestedMachine, k: Constants) -> None:
    """KVM_GET_MSRS and KVM_GET_NESTED_STATE; then a new vCPU, whose VMCSs are empty.

    IA32_BNDCFGS and S_CET are those of the level that runs. vmcs12 goes along as part of the nested state.
    """
    s.uapi_bndcfgs = bndcfgs(s, k)
    s.uapi_cet = cet(s, k)
    s.uapi_l2 = s.vcpu_l2
    s.uapi_run_pending = s.vcpu_run_pending
    if k.nested_svm:
        save_vmcb(s, k)
    elif s.vcpu_l2:
        sync_vmcs12(s, k)
    s.vcpu_l2 = 0
    s.vcpu_run_pending = 0
    s.vmcs01_bndcfgs = Field.INIT
    s.vmcs02_bndcfgs = Field.INIT
    s.vmcs01_cet = Field.INIT
    s.vmcs02_cet = Field.INIT
    s.vmcs02_xsaves = 0
    s.vmcs02_xss_bitmap = 0
    s.uapi_missing = MSRS | NESTED_STATE


def lacks_msrs(s: NestedMachine, k: Constants) -> bool:
    """The new vCPU has not been given its MSRs."""
    return s.uapi_missing & MSRS != 0


def set_msrs(s: NestedMachine, k: Constants) -> None:
    """KVM_SET_MSRS: into the VMCS in use, whichever it is now."""
    if k.nested_mpx:
        set_bndcfgs(s, k, s.uapi_bndcfgs)
    if k.nested_cet:
        set_cet(s, k, s.uapi_cet)
    s.uapi_bndcfgs = Field.INIT
    s.uapi_cet = Field.INIT
    s.uapi_missing &= ~MSRS


def lacks_nested_state(s: NestedMachine, k: Constants) -> bool:
    """The new vCPU has not been given its nested state."""
    return s.uapi_missing & NESTED_STATE != 0


def set_nested_state(s: NestedMachine, k: Constants) -> None:
    """KVM_SET_NESTED_STATE: if L2 was active, enter it as a VMLAUNCH would, but not from one."""
    if s.uapi_l2:
        s.vcpu_run_pending = s.uapi_run_pending
        if k.nested_svm:
            restore_vmcb(s, k)
        else:
            snapshot(s, k)
            enter_non_root(s, k)
    s.uapi_l2 = 0
    s.uapi_run_pending = 0
    s.uapi_missing &= ~NESTED_STATE


VMM_EVENTS = (
    vmm_event(
        "state is saved for a new vCPU",
        save,
        when=vcpu_is_complete,
        source=f"{NESTED} vmx_get_nested_state()",
    ),
    vmm_event(
        "KVM_SET_MSRS to the new vCPU",
        set_msrs,
        when=lacks_msrs,
        source="linux:arch/x86/kvm/vmx/vmx.c vmx_set_msr()",
    ),
    vmm_event(
        "KVM_SET_NESTED_STATE to the new vCPU",
        set_nested_state,
        when=lacks_nested_state,
        source=f"{NESTED} vmx_set_nested_state()",
    ),
)
