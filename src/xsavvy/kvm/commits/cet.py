# SPDX-License-Identifier: Apache-2.0
"""Commits that give guests control-flow enforcement (CET), and those that repair it.

Identifiers and subjects: the revision list of the merge of kvm-x86-cet-6.18, the mails of the series (v16, 19 Sep
2025), the `Fixes:` tags of the repairs.
"""

from .commit import Commit

CET = (
    Commit(
        "a554d207dc46",
        "KVM: X86: Processor States following Reset or INIT",
        "v4.14",
        "INIT zeroes MPX state; for that it takes the guest's registers out of the CPU.",
        inferred=True,
    ),
    Commit(
        "f775b13eedee",
        "x86,kvm: move qemu/guest FPU switching out to vcpu_run",
        "v4.15",
        "The guest's registers are swapped in by KVM_RUN alone, no longer by every ioctl.",
        inferred=True,
    ),
    Commit(
        "f958bd2314d1",
        "KVM: x86: Fix potential put_fpu() w/o load_fpu() on MPX platform",
        "v5.6",
        "KVM_GET_MP_STATE loads the guest's registers first, where MPX is supported.",
    ),
    Commit(
        "991625f3dd2c",
        "x86/ibt: Add IBT feature, MSR and #CP handling",
        "v5.18",
        "The host tracks its own indirect branches: its S_CET is not zero.",
    ),
    Commit(
        "c26675447faf",
        "KVM: x86: Zero XSTATE components on INIT by iterating over supported features",
        "v6.18",
        "INIT zeroes every supported component that the architecture zeroes.",
    ),
    Commit(
        "e44eb58334bb",
        "KVM: x86: Load guest FPU state when access XSAVE-managed MSRs",
        "v6.18",
        "KVM_GET_MSRS and KVM_SET_MSRS swap the guest's registers in for U_CET and PLx_SSP.",
    ),
    Commit(
        "586ef9dcbb28",
        "KVM: x86: Add fault checks for guest CR4.CET setting",
        "v6.18",
        "MOV to CR0 and CR4 are refused if CR4.CET would be set without CR0.WP.",
    ),
    Commit(
        "9d6812d41535",
        "KVM: x86: Enable guest SSP read/write interface with new uAPIs",
        "v6.18",
        "SSP is a register of KVM_GET_ONE_REG and KVM_SET_ONE_REG.",
    ),
    Commit(
        "8b59d0275c96",
        "KVM: VMX: Emulate read and write to CET MSRs",
        "v6.18",
        "S_CET, SSP and INT_SSP_TAB are fields of the VMCS.",
    ),
    Commit(
        "1a61bd0d126a",
        "KVM: x86: Save and reload SSP to/from SMRAM",
        "v6.18",
        "SSP is saved in SMRAM at an SMI and loaded by RSM.",
    ),
    Commit(
        "25f3840483e6",
        "KVM: VMX: Set up interception for CET MSRs",
        "v6.18",
        "RDMSR and WRMSR of U_CET, S_CET and PL0_SSP to PL3_SSP do not exit.",
    ),
    Commit(
        "584ba3ffb984",
        "KVM: VMX: Set host constant supervisor states to VMCS fields",
        "v6.18",
        "The VMCS fields with the host's S_CET, SSP and INT_SSP_TAB are written.",
    ),
    Commit(
        "57c3db7e2e26",
        "KVM: x86: Don't emulate instructions affected by CET features",
        "v6.18",
        "The emulator refuses a branch that shadow stacks or indirect branch tracking would see.",
    ),
    Commit(
        "82c0ec028258",
        "KVM: x86: Don't emulate task switches when IBT or SHSTK is enabled",
        "v6.18",
        "The emulator refuses a task switch while CET is enabled at any privilege.",
    ),
    Commit(
        "d4c03f63957c",
        "KVM: x86: Emulate SSP[63:32]!=0 #GP(0) for FAR JMP to 32-bit mode",
        "v6.18",
        "An emulated far jump to compatibility mode faults if SSP does not fit.",
    ),
    Commit(
        "b3744c59ebc5",
        "KVM: x86: Allow setting CR4.CET if IBT or SHSTK is supported",
        "v6.18",
        "CR4.CET is reserved only where neither feature is there.",
    ),
    Commit(
        "1f6f68fcfe43",
        "KVM: x86: Disable support for Shadow Stacks if TDP is disabled",
        "v6.18",
        "Without two-dimensional paging no shadow stacks are offered.",
    ),
    Commit(
        "343acdd158a5",
        "KVM: x86: Disable support for IBT and SHSTK if allow_smaller_maxphyaddr is true",
        "v6.18",
        "Where KVM emulates accesses to reserved guest addresses, no CET is offered.",
    ),
    Commit(
        "e140467bbdaf",
        "KVM: x86: Enable CET virtualization for VMX and advertise to userspace",
        "v6.18",
        "Guests on VMX are offered shadow stacks and indirect branch tracking.",
    ),
    Commit(
        "f7336d47be53",
        "KVM: VMX: Configure nested capabilities after CPU capabilities",
        "v6.18",
        "What a nested hypervisor may use is computed after what a guest may use.",
    ),
    Commit(
        "42ae6448531b",
        "KVM: nVMX: Advertise new VM-Entry/Exit control bits for CET state",
        "v6.18",
        "A nested hypervisor is offered the VMX controls for CET, if the guest is offered CET.",
    ),
    Commit(
        "38c46bdbf998",
        "KVM: SVM: Pass through shadow stack MSRs as appropriate",
        "v6.18",
        "On SVM, RDMSR and WRMSR of the shadow stack MSRs do not exit.",
    ),
    Commit(
        "8db428fd5229",
        "KVM: SVM: Enable shadow stack virtualization for SVM",
        "v6.18",
        "Guests on SVM are offered shadow stacks, never indirect branch tracking.",
    ),
    Commit(
        "d292035fb5d2",
        "KVM: VMX: Make CR4.CET a guest owned bit",
        "v6.18",
        "MOV to CR4 does not exit for CR4.CET on VMX; the processor checks CR0.WP.",
    ),
    Commit(
        "8819a49f9ff8",
        'KVM: x86: Unload "FPU" state on INIT if and only if its currently in-use',
        "v6.18",
        "INIT takes the guest's registers out only if they are in; KVM_GET_MP_STATE loads nothing.",
    ),
    Commit(
        "f8ade833b733",
        "KVM: x86: Explicitly configure supported XSS from {svm,vmx}_set_cpu_caps()",
        "v6.19",
        "CET is dropped for want of its components before anything is derived from the capabilities.",
    ),
)
