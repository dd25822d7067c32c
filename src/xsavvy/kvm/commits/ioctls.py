# SPDX-License-Identifier: Apache-2.0
"""Commits that change what the ioctls accept, and what KVM derives from what they set."""

from .commit import Commit

IOCTLS = (
    Commit(
        "d7876f1be40a",
        "KVM: x86: prevent setting unsupported XSAVE states",
        "v3.13",
        "XCR0 and images are checked against the guest's CPUID and the host, not against the host's XCR0 alone.",
    ),
    Commit(
        "4344ee981e21",
        "KVM: x86: only copy XSAVE state for the supported features",
        "v3.13",
        "KVM_GET_XSAVE leaves out components that the guest's CPUID lacks.",
    ),
    Commit(
        "mxcsr_reserved_bits",
        "KVM: X86: Fix load damaged SSEx MXCSR register",
        "v4.12",
        "KVM_SET_XSAVE refuses reserved bits of MXCSR.",
        inferred=True,
        id_seen=False,
    ),
    Commit(
        "c4d2188206ba",
        "KVM: x86: Update cpuid properly when CR4.OSXAVE or CR4.PKE is changed",
        "v4.16",
        "KVM_SET_SREGS that clears CR4.OSXSAVE and CR4.PKE brings CPUID up to date, too.",
        inferred=True,
    ),
    Commit(
        "01643c51bfcf",
        "KVM: x86: KVM_CAP_SYNC_REGS",
        "v4.17",
        "KVM_RUN can take registers along, CR4 among them.",
        inferred=True,
    ),
    Commit(
        "c034f2aa8622",
        "KVM: VMX: Fix conditions for guest IA32_XSS support",
        "v5.5",
        "A guest has IA32_XSS if its CPUID has XSAVES; XSAVE is not asked for.",
    ),
    Commit(
        "312a1c87798e",
        "KVM: SVM: Use wrmsr for switching between guest and host IA32_XSS on AMD",
        "v5.5",
        "IA32_XSS is switched on SVM if the processor has XSAVES. (The id is the fourth of a list of the series.)",
        inferred=True,
    ),
    Commit(
        "8d214c481611",
        "KVM: x86: Reset MMU context if guest toggles CR4.SMAP or CR4.PKE",
        "v5.9",
        "A guest's change of CR4.PKE resets the MMU.",
    ),
    Commit(
        "a3ca5281bb77",
        "KVM: MMU: Reset mmu->pkru_mask to avoid stale data",
        "v5.15",
        "mmu->pkru_mask is computed from nothing, not added to.",
    ),
    Commit(
        "feb627e8d6f6",
        "KVM: x86: Forbid KVM_SET_CPUID{,2} after KVM_RUN",
        "v5.16",
        "KVM_SET_CPUID2 is refused once the vCPU has run.",
    ),
    Commit(
        "c6617c61e8fe",
        "KVM: x86: Partially allow KVM_SET_CPUID{,2} after KVM_RUN",
        "v5.17",
        "KVM_SET_CPUID2 with the CPUID that the vCPU has is accepted again.",
    ),
    Commit(
        "445ecdf79be0",
        "kvm: x86: Exclude unpermitted xfeatures at KVM_GET_SUPPORTED_CPUID",
        "v5.17",
        "KVM advertises what the process may use.",
    ),
    Commit(
        "1ffce0924a8c",
        "KVM: x86/cpuid: Exclude unpermitted xfeatures sizes at KVM_GET_SUPPORTED_CPUID",
        "v5.17",
        "KVM advertises the size of what the process may use.",
    ),
    Commit(
        "05a9e065059e",
        "KVM: x86: Sync the states size with the XCR0/IA32_XSS at, any time",
        "v5.17",
        "RESET and INIT write XCR0 and IA32_XSS by the way that brings CPUID up to date.",
    ),
    Commit(
        "4c282e51e445",
        "KVM: x86: Update vCPU's runtime CPUID on write to MSR_IA32_XSS",
        "v5.17",
        "A write of IA32_XSS brings CPUID up to date.",
    ),
    Commit(
        "be4f3b3f8227",
        "KVM: x86: Keep MSR_IA32_XSS unchanged for INIT",
        "v5.17",
        "INIT leaves IA32_XSS as it is.",
    ),
    Commit(
        "063452fd94d1",
        "x86/fpu/xstate: Fix the ARCH_REQ_XCOMP_PERM implementation",
        "v5.18",
        "A permission is added to the mask, not put in its place.",
    ),
    Commit(
        "781c64bfcb73",
        "x86/fpu/xstate: Handle supervisor states in XSTATE permissions",
        "v5.18",
        "The size of a host task's fpstate counts supervisor components; a guest's is as before.",
    ),
    Commit(
        "6be3ae45f567",
        "KVM: x86: Add a helper to handle filtering of unpermitted XCR0 features",
        "v6.4",
        "One function says which XCR0 is advertised; the outcome is the same on a host with tiles.",
    ),
    Commit(
        "55cd57b596e8",
        "KVM: x86: Filter out XTILE_CFG if XTILE_DATA isn't permitted",
        "v6.4",
        "The tiles are advertised whole or not at all.",
    ),
    Commit(
        "93da6af3ae56",
        "KVM: x86: Defer runtime updates of dynamic CPUID bits until CPUID emulation",
        "v6.14",
        "The guest's CPUID follows XCR0, IA32_XSS and CR4 when it is read.",
        inferred=True,
    ),
    Commit(
        "3ef0df3f760f",
        "KVM: VMX: Don't modify guest XFD_ERR if CR0.TS=1",
        "v6.15",
        "A #NM of CR0.TS does not touch KVM's copy of IA32_XFD_ERR, which equals the register there in any case.",
    ),
    Commit(
        "d8414603b29f",
        "x86/fpu/xstate: Always preserve non-user xfeatures/flags in __state_perm",
        "v6.16",
        "Supervisor components stay in the permissions when one is added.",
    ),
    Commit(
        "9622e116d0d2",
        "KVM: x86: Refresh CPUID on write to guest MSR_IA32_XSS",
        "v6.18",
        "CPUID (0xD,1).EBX says the size of the components of XCR0 and IA32_XSS.",
    ),
    Commit(
        "e2b43fb25243",
        "KVM: x86: Apply runtime updates to current CPUID during KVM_SET_CPUID{,2}",
        "v6.19",
        "KVM_SET_CPUID2 brings the old CPUID up to date before it compares or exchanges.",
        inferred=True,
    ),
)
