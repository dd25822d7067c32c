# SPDX-License-Identifier: Apache-2.0
"""Commits that change protected guests: SEV-ES, SNP and TDX."""

from .commit import Commit

PROTECTED = (
    Commit(
        "ad73109ae7ec",
        "KVM: SVM: Provide support to launch and run an SEV-ES guest",
        "v5.11",
        "A guest can be launched whose registers are in an encrypted VMSA.",
    ),
    Commit(
        "ed02b213098a",
        "KVM: SVM: Guest FPU state save/restore not needed for SEV-ES guest",
        "v5.11",
        "KVM keeps no FPU registers of a SEV-ES guest; the ioctls for them do nothing.",
    ),
    Commit(
        "296d5a17e793",
        "KVM: SEV-ES: Use V_TSC_AUX if available instead of RDTSC/MSR_TSC_AUX intercepts",
        "v5.19",
        "The processor switches TSC_AUX with a SEV-ES guest.",
        inferred=True,
    ),
    Commit(
        "916e3e5f26ab",
        "KVM: SVM: Do not use user return MSR support for virtualized TSC_AUX",
        "v6.6",
        "An exit from a SEV-ES guest loads the host's TSC_AUX, stored once when KVM is loaded.",
        inferred=True,
    ),
    Commit(
        "a26b7cd22546",
        "KVM: SEV: Do not intercept accesses to MSR_IA32_XSS for SEV-ES guests",
        "v6.7",
        "A SEV-ES guest writes its IA32_XSS without KVM.",
    ),
    Commit(
        "517987e3fb19",
        "KVM: x86: add fields to struct kvm_arch for CoCo features",
        "v6.10",
        "Ioctls that ask for a protected vCPU's registers fail, unless the VM is of the default type.",
    ),
    Commit(
        "eb4441864e03",
        "KVM: SEV: sync FPU and AVX state at LAUNCH_UPDATE_VMSA time",
        "v6.10",
        "A SEV-ES guest starts on the FPU registers that KVM_SET_XSAVE set; its fpstate is scratch from then on.",
    ),
    Commit(
        "4f5defae7089",
        "KVM: SEV: introduce KVM_SEV_INIT2 operation",
        "v6.10",
        "SEV-ES guests have a VM type of their own.",
    ),
    Commit(
        "27bd5fdc24c0",
        "KVM: SEV-ES: Prevent MSR access post VMSA encryption",
        "v6.10",
        "KVM_GET_MSRS and KVM_SET_MSRS do not reach MSRs that are in the VMSA.",
    ),
    Commit(
        "ad27ce155566",
        "KVM: SEV: Add KVM_SEV_SNP_LAUNCH_FINISH command",
        "v6.11",
        "An SNP guest can be launched.",
    ),
    Commit(
        "81bf912b2c15",
        "KVM: TDX: Implement TDX vcpu enter/exit path",
        "v6.16",
        "A TD can be run.",
    ),
    Commit(
        "6bfa6d8509ad",
        "KVM: TDX: restore host xsave state when exit from the guest TD",
        "v6.16",
        "PKRU, XCR0 and IA32_XSS are the host's again after a TD exit, by code of TDX's own.",
    ),
    Commit(
        "e0b4f31a3c65",
        "KVM: TDX: restore user ret MSRs",
        "v6.16",
        "The cache of user-return MSRs is corrected when a TD's vCPU that ran is put.",
    ),
    Commit(
        "29da8c823abf",
        "KVM: SVM: Re-load current, not host, TSC_AUX on #VMEXIT from SEV-ES guest",
        "v6.18",
        "An exit from a SEV-ES guest loads the TSC_AUX that was in the register.",
    ),
    Commit(
        "4135a9a8ccba",
        "KVM: SEV: Validate XCR0 provided by guest in GHCB",
        "v6.18",
        "KVM's copy of a SEV-ES guest's XCR0 is checked.",
    ),
    Commit(
        "b5fa221f7b08",
        "KVM: SEV: Synchronize MSR_IA32_XSS from the GHCB when it's valid",
        "v6.18",
        "KVM has a copy of a SEV-ES guest's IA32_XSS, checked.",
    ),
    Commit(
        "c0711f8c610e",
        "KVM: TDX: Explicitly set user-return MSRs that *may* be clobbered by the TDX-Module",
        "v6.19",
        "User-return MSRs are set before a TD runs to what its exit would leave.",
    ),
    Commit(
        "9b9f7962e3e8",
        "KVM: SEV: Reject attempts to sync VMSA of an already-launched/encrypted vCPU",
        "v7.1",
        "A VMSA that the guest owns is not written.",
        inferred=True,
    ),
    Commit(
        "8075360f3b96",
        "KVM: SEV: Lock all vCPUs for the duration of SEV-ES VMSA synchronization",
        "v7.1",
        "A launch of SEV-ES vCPUs locks them all at once; one vCPU sees no difference.",
        inferred=True,
    ),
    Commit(
        "cb923ee6a80f",
        "KVM: SEV: Lock all vCPUs when synchronzing VMSAs for SNP launch finish",
        "v7.1",
        "No ioctl comes in between while SNP's launch copies and encrypts a vCPU's state.",
        inferred=True,
    ),
)
