# SPDX-License-Identifier: Apache-2.0
"""Commits up to v5.17 that the run loop's history rests on, and the host's own features at any time.

Where nobody of us saw an identifier, the id is a word. Releases marked as inferred follow from the dates of mails, from
the sources of two versions, or from a pull request.
"""

from .commit import Commit

__all__ = ["HISTORY"]

HISTORY = (
    Commit(
        "42bdf991f4ca",
        "KVM: x86: fix maintenance of guest/host xcr0 state",
        "v3.10",
        "An emulated XSETBV puts the host's XCR0 back before it forgets that the guest's is loaded.",
        inferred=True,
    ),
    Commit(
        "mpx_eager_fpu",
        "kvm/fpu: Enable eager restore kvm FPU for MPX",
        "v4.1",
        "A guest that has MPX keeps its FPU active.",
        id_seen=False,
    ),
    Commit(
        "653f52c316a4",
        "kvm,x86: load guest FPU context more eagerly",
        "v4.2",
        "On a host with eager FPU switching the guest's FPU is loaded at every entry, and no #NM asks for it.",
        inferred=True,
    ),
    Commit(
        "host_pkru",
        "x86/mm/pkeys: Add PKRU xsave fields and data structures",
        "v4.6",
        "The host's XCR0 has PKRU, and KVM offers it to guests.",
        inferred=True,
        id_seen=False,
    ),
    Commit(
        "fc5b7f3b",
        "kvm: x86: do not leak guest xcr0 into host interrupt handlers",
        "v4.6",
        "XCR0 is switched with interrupts off, at every entry and exit.",
    ),
    Commit(
        "b9dd21e104bc",
        "KVM: x86: simplify handling of PKRU",
        "v4.13",
        "Whether the guest's PKRU is loaded depends on CR4.PKE and not on what the last exit found.",
        inferred=True,
    ),
    Commit(
        "38cfd5e3df9c",
        "KVM, pkeys: do not use PKRU value in vcpu->arch.guest_fpu.state",
        "v4.13",
        "The load of the guest's FPU leaves PKRU alone, and KVM_GET_XSAVE takes it from the vCPU.",
    ),
    Commit(
        "240c35a3783a",
        "kvm: x86: Use task structs fpu field for user",
        "v5.0",
        "The VMM's registers are kept where the scheduler saves the thread's.",
    ),
    Commit(
        "5f409e20b794",
        "x86/fpu: Defer FPU state load until return to userspace",
        "v5.2",
        "TIF_NEED_FPU_LOAD: a task's registers are loaded when it returns to user mode, or enters its guest.",
    ),
    Commit(
        "ec269475cba7",
        'Revert "kvm: x86: Use task structs fpu field for user"',
        "v5.3",
        "The VMM's registers are kept in a buffer of their own.",
    ),
    Commit(
        "tif_at_vcpu_load",
        "KVM: X86: Fix fpu state crash in kvm guest",
        "v5.3",
        "TIF_NEED_FPU_LOAD is resolved when the vCPU is loaded, and not at entry.",
        inferred=True,
        id_seen=False,
    ),
    Commit(
        "vmx_mc_irqoff",
        "KVM: VMX: Handle NMIs, #MCs and async #PFs in common irqs-disabled fn",
        "v5.3",
        "VMX handles a #MC of the guest outside its run function.",
        inferred=True,
        id_seen=False,
    ),
    Commit(
        "tif_in_guest_fpu_swap",
        "KVM: x86: Handle TIF_NEED_FPU_LOAD in kvm_{load,put}_guest_fpu()",
        "v5.6",
        "The swap saves the registers only if they are the task's, and copies the memory otherwise.",
        id_seen=False,
    ),
    Commit(
        "emulator_fpu_lock",
        "KVM: x86: Ensure guest's FPU state is loaded when accessing for emulation",
        "v5.6",
        "The emulator locks the registers and loads the guest's before it touches them.",
        id_seen=False,
    ),
    Commit(
        "2620fe268e80",
        'KVM: x86: Revert "KVM: X86: Fix fpu state crash in kvm guest"',
        "v5.6",
        "TIF_NEED_FPU_LOAD is resolved before every entry again.",
    ),
    Commit(
        "5567d11c21a1",
        "x86/mce: Send #MC singal from task work",
        "v5.8",
        "The machine check handler leaves what may sleep to the task's way back to user mode.",
        inferred=True,
    ),
    Commit(
        "fastpath_reenters",
        "KVM: VMX: Introduce generic fastpath handler",
        "v5.8",
        "A fastpath exit goes back to the guest without leaving vcpu_enter_guest().",
        inferred=True,
        id_seen=False,
    ),
    Commit(
        "host_amx",
        "x86/fpu/amx: Enable the AMX feature in 64-bit mode",
        "v5.16",
        "The host's XCR0 has XTILECFG and XTILEDATA, and the kernel switches IA32_XFD.",
        inferred=True,
        id_seen=False,
    ),
    Commit(
        "host_cet_user",
        "the kernel's own user shadow stacks: IA32_XSS gets CET_U",
        "v6.6",
        "The host's IA32_XSS has CET_U.",
        inferred=True,
        id_seen=False,
    ),
    Commit(
        "xfd_state_in_sync",
        "x86/fpu: Keep xfd_state in sync with MSR_IA32_XFD",
        "v6.9",
        "CPU bring-up writes the kernel's cache of IA32_XFD with the register.",
        inferred=True,
        id_seen=False,
    ),
    Commit(
        "host_cet_kernel",
        "guest-only supervisor features: IA32_XSS gets CET_S",
        "v6.17",
        "The host's IA32_XSS has CET_S.",
        inferred=True,
        id_seen=False,
    ),
    Commit(
        "ebd1a3365500",
        "KVM: SVM: Handle #MCs in guest outside of fastpath",
        "v6.19",
        "SVM handles a #MC of the guest after the loop of fastpath exits.",
    ),
    Commit(
        "63669bd1d50f",
        "KVM: VMX: Handle #MCs on VM-Enter/TD-Enter outside of the fastpath",
        "v6.19",
        "VMX handles a #MC during VM entry after the loop of fastpath exits.",
    ),
)
