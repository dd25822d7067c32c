# SPDX-License-Identifier: Apache-2.0
"""Commits that change the run loop, the FPU core or the scheduler's part."""

from .commit import Commit

RUN_LOOP = (
    Commit(
        "1be0e61c1f25",
        "KVM, pkeys: save/restore PKRU when guest/host switches",
        "v4.6",
        "PKRU is switched on VMX, if the last exit found another one than the host's.",
    ),
    Commit(
        "1811d979c716",
        "x86/kvm: move kvm_load/put_guest_xcr0 into atomic context",
        "v5.1",
        "XCR0 is switched in the vendor's run function, with interrupts off.",
    ),
    Commit(
        "577ff465f5a6",
        "x86/fpu: Only write PKRU if it is different from current",
        "v5.2",
        "A RDPKRU hides in every write of PKRU.",
        inferred=True,
    ),
    Commit(
        "37486135d3a7",
        "KVM: x86: Fix pkru save/restore when guest CR4.PKE=0, move it to x86.c",
        "v5.8",
        "PKRU is switched when XCR0[9] or CR4.PKE is set, on both vendors.",
    ),
    Commit(
        "30a304a13873",
        "x86/fpu: Mask PKRU from kernel XRSTOR[S] operations",
        "v5.14",
        "The kernel restores every component but PKRU.",
    ),
    Commit(
        "69f6ed1d14c6",
        "x86/fpu: Provide infrastructure for KVM FPU cleanup",
        "v5.16",
        "KVM swaps a pointer to an fpstate instead of copying.",
    ),
    Commit(
        "820a6ee944e7",
        "kvm: x86: Add emulation for IA32_XFD",
        "v5.17",
        "A guest has IA32_XFD.",
    ),
    Commit(
        "5429cead0119",
        "x86/fpu: Provide fpu_sync_guest_vmexit_xfd_state()",
        "v5.17",
        "IA32_XFD is read back after an exit, with interrupts off.",
    ),
    Commit(
        "ec5be88ab29f",
        "kvm: x86: Intercept #NM for saving IA32_XFD_ERR",
        "v5.17",
        "IA32_XFD_ERR is remembered at a #NM exit.",
    ),
    Commit(
        "b5274b1b7ba8",
        "kvm: x86: Disable interception for IA32_XFD on demand",
        "v5.17",
        "WRMSR of IA32_XFD stops exiting after the first write of a nonzero value.",
    ),
    Commit(
        "59f5ede3bc0f",
        "x86/fpu: Prevent FPU state corruption",
        "v5.18",
        "A hard interrupt does not use the FPU while bottom halves are off.",
    ),
    Commit(
        "945024d764a1",
        "KVM: x86: optimize PKU branching in kvm_load_{guest|host}_xsave_state",
        "v5.19",
        "The tests for PKRU are made in another order; the outcome is the same.",
    ),
    Commit(
        "11df586d774f",
        "KVM: VMX: Handle NMI VM-Exits in noinstr region",
        "v6.3",
        "The host handles an NMI that caused an exit before PKRU and XCR0 are the host's again.",
    ),
    Commit(
        "1876dd69dfe8",
        "KVM: x86: Add fastpath handling of HLT VM-Exits",
        "v6.12",
        "HLT of a guest that has a wake event pending stays in the loop of fastpath exits.",
    ),
    Commit(
        "4c20cd4cee92",
        "KVM: x86: Avoid double RDPKRU when loading host/guest PKRU",
        "v6.14",
        "PKRU is written without the hidden RDPKRU.",
    ),
    Commit(
        "d02198550423",
        "x86/fpu: Improve crypto performance by making kernel-mode FPU reliably usable in softirqs",
        "v6.15",
        "The kernel's use of the FPU turns bottom halves off.",
    ),
    Commit(
        "730faa15a069",
        "x86/fpu: Simplify the switch_fpu_prepare() + switch_fpu_finish() logic",
        "v6.16",
        "TIF_NEED_FPU_LOAD is set on the outgoing task, before the save, and not on the incoming one.",
    ),
    Commit(
        "69cc3e886582",
        "KVM: x86: Add XSS support for CET_KERNEL and CET_USER",
        "v6.18",
        "A guest's IA32_XSS may have CET_U and CET_S.",
    ),
    Commit(
        "9bc610b6a2a7",
        "KVM: x86: Harden KVM against imbalanced load/put of guest FPU state",
        "v6.18",
        "A put of the guest's fpstate that is not installed is a warning and nothing else.",
    ),
    Commit(
        "b45f72177594",
        "x86/fpu: Clear XSTATE_BV[i] in guest XSAVE state whenever XFD[i]=1",
        "v6.19",
        "A component that XFD disables leaves the header of the image in memory.",
    ),
    Commit(
        "75c69c82f211",
        "KVM: x86: Load guest/host XCR0 and XSS outside of the fastpath run loop",
        "v6.19",
        "XCR0 and IA32_XSS are switched once around the loop of fastpath exits.",
    ),
    Commit(
        "7649412af3ea",
        "KVM: x86: Load guest/host PKRU outside of the fastpath run loop",
        "v6.19",
        "PKRU is switched once around the loop of fastpath exits.",
    ),
    Commit(
        "0b28f21ad462",
        "KVM: x86: Add a helper to dedup loading guest/host XCR0 and XSS",
        "v6.19",
        "One function switches XCR0 and IA32_XSS in both directions; the outcome is the same.",
    ),
)
