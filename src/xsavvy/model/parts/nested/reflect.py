# SPDX-License-Identifier: Apache-2.0
"""Who gets an exit of L2: L1, if it asked for it, or L0.

`belongs_to_l1` is the rule of the processor that L1 believes to run on; `goes_to_l1` is what KVM decides. The ghost
compares the two where the decision is made. On SVM an L1 that does not intercept XSETBV is left out.
Source: arch/x86/kvm/vmx/nested.c nested_vmx_reflect_vmexit(), nested_vmx_l0_wants_exit(), nested_vmx_l1_wants_exit();
until v4.19 arch/x86/kvm/vmx.c nested_vmx_exit_handled().
"""

from xsavvy.checker import Step
from xsavvy.isa.components import CET_U
from xsavvy.isa.nesting import xsaves_exits
from xsavvy.model.constants import Constants
from xsavvy.model.values import Exit

from .machine import NestedMachine
from .values import FpuLoad, NestedExit, NmRoute, Route, XsavesExits

__all__ = ["SVM_REFLECT", "VMX_REFLECT"]

REFLECTED = 1


def belongs_to_l1(s: NestedMachine, k: Constants) -> bool:
    """Say whether L1's own controls make L2 exit for this reason."""
    reason = s.vcpu_exit
    if reason == Exit.XSETBV or reason == NestedExit.L1_INTERCEPT:
        return True
    if reason == Exit.DEVICE_NOT_AVAILABLE:
        return s.vmcs12_nm != 0 and s.ghost_own_nm != 0
    if reason == NestedExit.XSAVES:
        return xsaves_exits(s.vmcs12_xsaves, CET_U, s.vcpu_xss, s.vmcs12_xss_bitmap) != 0
    return False


def nm_goes_to_l1(s: NestedMachine, k: Constants) -> bool:
    """Say whether KVM gives a #NM of L2 to L1: by its exception bitmap, and by CR0.TS while L0 may have set it.

    L2 reads CR0.TS from the read shadow where L1 owns the bit.
    """
    ts = 1
    if k.nested_nm == NmRoute.VMCS12_CR0:
        ts = s.vmcs12_ts
    if k.nested_nm == NmRoute.READ_CR0:
        ts = s.vmcs12_ts_shadow if s.vmcs12_ts_owned else s.vmcs12_ts
    return s.vmcs12_nm != 0 and ts != 0


def xsaves_goes_to_l1(s: NestedMachine, k: Constants) -> bool:
    """Say whether KVM gives an exit of XSAVES or XRSTORS to L1."""
    if k.xsaves_exits == XsavesExits.L1:
        return True
    return k.xsaves_exits == XsavesExits.L1_IF_ENABLED and s.vmcs12_xsaves != 0


def goes_to_l1(s: NestedMachine, k: Constants) -> bool:
    """Say whether KVM makes this exit one of L2 to L1."""
    reason = s.vcpu_exit
    if reason == Exit.XSETBV or reason == NestedExit.L1_INTERCEPT:
        return True
    if reason == Exit.DEVICE_NOT_AVAILABLE:
        return nm_goes_to_l1(s, k)
    return reason == NestedExit.XSAVES and xsaves_goes_to_l1(s, k)


def reflect(s: NestedMachine, k: Constants) -> int:
    """Decide; a #NM that stays with L0 makes it load the FPU, where that is done lazily."""
    if s.vcpu_l2 == 0:
        if s.vcpu_exit == Exit.DEVICE_NOT_AVAILABLE and k.nested_fpu == FpuLoad.LAZY:
            s.vcpu_fpu_active = 1
        s.ghost_own_nm = 0
        return 0
    owned = belongs_to_l1(s, k)
    given = goes_to_l1(s, k)
    s.ghost_route = Route.RIGHT
    if owned and not given:
        s.ghost_route = Route.SWALLOWED
    if given and not owned:
        s.ghost_route = Route.INVENTED
    s.ghost_own_nm = 0
    if given:
        return REFLECTED
    if s.vcpu_exit == Exit.DEVICE_NOT_AVAILABLE and k.nested_fpu == FpuLoad.LAZY:
        s.vcpu_fpu_active = 1
    return 0


VMX_REFLECT = Step(
    "nested_vmx_reflect_vmexit",
    reflect,
    to={REFLECTED: "nested_vmx_vmexit"},
    source="linux:arch/x86/kvm/vmx/nested.c nested_vmx_reflect_vmexit()",
)
SVM_REFLECT = Step(
    "nested_svm_exit_handled",
    reflect,
    to={REFLECTED: "nested_svm_vmexit"},
    source="linux:arch/x86/kvm/svm/nested.c nested_svm_exit_handled()",
)
