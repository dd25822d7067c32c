# SPDX-License-Identifier: Apache-2.0
"""Commits that change what a guest's guest sees."""

from .commit import Commit

NESTED = (
    Commit(
        "e504c9098ed6",
        "kvm, vmx: Fix lazy FPU on nested guest",
        "v3.13",
        "A #NM of L2 goes to L1 only if CR0.TS is set as L2 reads it.",
        inferred=True,
    ),
    Commit(
        "1b385cbdd74a",
        "kvm, vmx: Really fix lazy FPU on nested guest",
        "v3.14",
        "A #NM of L2 goes to L1 only if CR0.TS is set in the guest-state area of vmcs12.",
        inferred=True,
    ),
    Commit(
        "bd7e5b0899a4",
        "KVM: x86: remove code for lazy FPU handling",
        "v4.12",
        "L0 does not set CR0.TS of its own.",
        inferred=True,
    ),
    Commit(
        "nvmx_reflect_nm",
        "KVM: nVMX: Always reflect #NM VM-exits to L1",
        "v4.20",
        "A #NM of L2 goes to L1 if L1 intercepts it.",
        inferred=True,
        id_seen=False,
    ),
    Commit(
        "fa578398a0ba",
        "KVM: nVMX: Snapshot pre-VM-Enter BNDCFGS for !nested_run_pending case",
        "v6.0",
        "KVM_SET_NESTED_STATE keeps an IA32_BNDCFGS that KVM_SET_MSRS has set before.",
    ),
    Commit(
        "19e6e083f3f9",
        "KVM: nVMX: Always forward XSAVES/XRSTORS exits from L2 to L1",
        "v6.18",
        "An exit of XSAVES goes to L1 without a look at vmcs12, which must have enabled XSAVES anyway.",
    ),
    Commit(
        "625884996bff",
        "KVM: nVMX: Prepare for enabling CET support for nested guest",
        "v6.18",
        "S_CET, SSP and the SSP table go from vmcs12 to vmcs02 and back; L1's are remembered.",
    ),
    Commit(
        "8060b2bd2dd0",
        "KVM: nVMX: Add consistency checks for CR0.WP and CR4.CET",
        "v6.18",
        "A nested entry or exit with CR4.CET and without CR0.WP fails.",
    ),
    Commit(
        "62f7533a6b3a",
        "KVM: nVMX: Add consistency checks for CET states",
        "v6.18",
        "A nested entry checks the CET state that it or the exit would load.",
    ),
    Commit(
        "c5ba49458513",
        "KVM: nSVM: Save/load CET Shadow Stack state to/from vmcb12/vmcb02",
        "v6.18",
        "S_CET, SSP and the SSP table go from vmcb12 to vmcb02 and back; vmcb01 keeps L1's.",
    ),
)
