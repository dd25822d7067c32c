# SPDX-License-Identifier: Apache-2.0
"""The run loop's machine with a guest (L1) that runs a guest (L2).

XCR0, IA32_XSS, IA32_XFD, PKRU and the registers are the vCPU's: L1 and L2 share them, and the run loop's fields hold
them; CR4 is that of the level that runs. What has a field in the VMCS is in the one in use, vmcs01 or vmcs02: VM entry
loads it from there and VM exit stores it there, so the field stands for the register. vmcs12 is L1's, in the guest's
memory. S_CET, SSP and the SSP table are one token. On SVM the fields named vmcs are those of vmcb01, vmcb02, vmcb12.
"""

from typing import Annotated

from xsavvy.checker import Choice, Flag, Mask
from xsavvy.isa.components import CET_U
from xsavvy.model.machine import Machine
from xsavvy.model.values import CR4_OSXSAVE, CR4_PKE, Exit

from .values import MSRS, NESTED_STATE, Field, NestedExit, NestedFault, Route

__all__ = ["NestedMachine"]


class NestedMachine(Machine):
    """The run loop's record and that of nesting."""

    vcpu_exit: Annotated[int, Choice(Exit, NestedExit), "the exit being handled"]

    vcpu_l2: Annotated[int, Flag(), "is_guest_mode(): L2 is active"]
    vcpu_run_pending: Annotated[int, Flag(), "nested_run_pending: L2 has not been entered yet"]

    # Fields of the VMCSs.
    vmcs01_bndcfgs: Annotated[int, Choice(Field), "GUEST_BNDCFGS"]
    vmcs02_bndcfgs: Annotated[int, Choice(Field), "GUEST_BNDCFGS"]
    vmcs12_bndcfgs: Annotated[int, Choice(Field), "guest_bndcfgs"]
    vcpu_pre_bndcfgs: Annotated[int, Choice(Field), "nested.pre_vmenter_bndcfgs"]
    vmcs01_cet: Annotated[int, Choice(Field), "GUEST_S_CET, GUEST_SSP, GUEST_INTR_SSP_TABLE"]
    vmcs02_cet: Annotated[int, Choice(Field), "GUEST_S_CET, GUEST_SSP, GUEST_INTR_SSP_TABLE"]
    vmcs12_cet: Annotated[int, Choice(Field), "guest_s_cet, guest_ssp, guest_ssp_tbl"]
    vmcs12_host_cet: Annotated[int, Choice(Field), "host_s_cet, host_ssp, host_ssp_tbl"]
    vcpu_pre_cet: Annotated[int, Choice(Field), "nested.pre_vmenter_s_cet and the others"]
    vmcs12_load_bndcfgs: Annotated[int, Flag(), "VM_ENTRY_LOAD_BNDCFGS"]
    vmcs12_clear_bndcfgs: Annotated[int, Flag(), "VM_EXIT_CLEAR_BNDCFGS"]
    vmcs12_load_cet: Annotated[int, Flag(), "VM_ENTRY_LOAD_CET_STATE"]
    vmcs12_exit_load_cet: Annotated[int, Flag(), "VM_EXIT_LOAD_CET_STATE"]
    vmcs12_cr4: Annotated[int, Mask(CR4_OSXSAVE | CR4_PKE), "guest_cr4, the run loop's two bits"]
    vcpu_l1_cr4: Annotated[int, Mask(CR4_OSXSAVE | CR4_PKE), "host_cr4: what L1 had at the entry"]
    vmcs12_cr4_cet: Annotated[int, Flag(), "guest_cr4.CET"]
    vmcs12_cr0_wp: Annotated[int, Flag(), "guest_cr0.WP"]
    vmcs12_xsaves: Annotated[int, Flag(), "SECONDARY_EXEC_ENABLE_XSAVES"]
    vmcs12_xss_bitmap: Annotated[int, Mask(CET_U), "xss_exit_bitmap"]
    vmcs02_xsaves: Annotated[int, Flag(), "SECONDARY_EXEC_ENABLE_XSAVES"]
    vmcs02_xss_bitmap: Annotated[int, Mask(CET_U), "XSS_EXIT_BITMAP"]
    vmcs12_nm: Annotated[int, Flag(), "exception_bitmap has #NM"]
    vmcs12_ts_owned: Annotated[int, Flag(), "cr0_guest_host_mask.TS: L1 owns CR0.TS"]
    vmcs12_ts: Annotated[int, Flag(), "guest_cr0.TS"]
    vmcs12_ts_shadow: Annotated[int, Flag(), "cr0_read_shadow.TS"]

    # The vCPU.
    vcpu_ts: Annotated[int, Flag(), "CR0.TS that L2 runs with, without L0's"]
    vcpu_fpu_active: Annotated[int, Flag(), "the guest's FPU is loaded; L0's CR0.TS is clear"]

    # Userspace.
    uapi_missing: Annotated[int, Mask(MSRS | NESTED_STATE), "what the new vCPU has not been given"]
    uapi_bndcfgs: Annotated[int, Choice(Field), "IA32_BNDCFGS of KVM_GET_MSRS"]
    uapi_cet: Annotated[int, Choice(Field), "S_CET, SSP, the SSP table of KVM_GET_MSRS"]
    uapi_l1_cet: Annotated[int, Choice(Field), "SVM: vmcb01's, in KVM_GET_NESTED_STATE"]
    uapi_l2: Annotated[int, Flag(), "KVM_STATE_NESTED_GUEST_MODE"]
    uapi_run_pending: Annotated[int, Flag(), "KVM_STATE_NESTED_RUN_PENDING"]

    # What should be true.
    ghost_bndcfgs: Annotated[int, Choice(Field), "IA32_BNDCFGS, as the level that runs knows it"]
    ghost_cet: Annotated[int, Choice(Field), "its S_CET, SSP, SSP table"]
    ghost_l1_cet: Annotated[int, Choice(Field), "SVM: L1's, while L2 is active"]
    ghost_own_nm: Annotated[int, Flag(), "the #NM is L2's own and not L0's"]
    ghost_route: Annotated[int, Choice(Route), "where the last exit of L2 went"]

    nested_fault: Annotated[int, Choice(NestedFault), "what ended the run"]
