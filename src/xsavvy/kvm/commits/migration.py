# SPDX-License-Identifier: Apache-2.0
"""Commits that decide whether a guest's state can be saved on one host and restored on another."""

from .commit import Commit

MIGRATION = (
    Commit(
        "f31a9f7c7169",
        "x86/xsaves: Use xsaves/xrstors to save and restore xsave area",
        "v3.17",
        "The host keeps its images in the compacted format; KVM still copies them as they are.",
        inferred=True,
    ),
    Commit(
        "df1daba7d1cb",
        "KVM: x86: support XSAVES usage in the host",
        "v3.19",
        "KVM_GET_XSAVE and KVM_SET_XSAVE convert between the compacted and the standard format.",
        inferred=True,
    ),
    Commit(
        "316314ca",
        "KVM: x86: mask CPUID(0xD,0x1).EAX against host value",
        "v4.6",
        "A guest is not told of XSAVES and its kin where the host's kernel has turned them off.",
    ),
    Commit(
        "d69c1382e1b7",
        "x86/kvm: Convert FPU handling to a single swap buffer",
        "v5.16",
        "KVM_SET_XSAVE goes through the FPU core, which refuses an image in the compacted format.",
        inferred=True,
    ),
    Commit(
        "be50b2065dfa",
        "kvm: x86: Add support for getting/setting expanded xstate buffer",
        "v5.17",
        "KVM_GET_XSAVE2; the size of an image is that of the vCPU's features.",
    ),
    Commit(
        "86aff7a47992",
        "kvm: x86: Add XCR0 support for Intel AMX",
        "v5.17",
        "A guest may have tiles.",
    ),
    Commit(
        "cc04b6a21d43",
        "kvm: x86: Fix xstate_required_size() to follow XSTATE alignment rule",
        "v5.17",
        "The size that CPUID tells for the compacted format counts the gaps before aligned components.",
    ),
    Commit(
        "ad856280ddea",
        "x86/kvm/fpu: Limit guest user_xfeatures to supported bits of XCR0",
        "v5.17",
        "The guest's CPUID bounds what KVM_GET_XSAVE shows, and what KVM_SET_XSAVE accepts.",
    ),
    Commit(
        "988896bb6182",
        "x86/kvm/fpu: Remove kvm_vcpu_arch.guest_supported_xcr0",
        "v5.17",
        "user_xfeatures serves as the bound of XCR0, too; the outcome is the same.",
    ),
    Commit(
        "d187ba531230",
        "x86/fpu: KVM: Set the base guest FPU uABI size to sizeof(struct kvm_xsave)",
        "v5.19",
        "An image for userspace has 4096 bytes at least, also on a host without XSAVE.",
    ),
    Commit(
        "ee519b3a2ae3",
        "KVM: x86: Reinstate kvm_vcpu_arch.guest_supported_xcr0",
        "v6.0",
        "The bound of XCR0 is a field of its own again, so that user_xfeatures can have more.",
    ),
    Commit(
        "a1020a25e697",
        "KVM: x86: Always enable legacy FP/SSE in allowed user XFEATURES",
        "v6.0",
        "The image of a guest without XSAVE has x87 and SSE.",
    ),
    Commit(
        "471f0aa7fa64",
        "x86/fpu: Fix copy_xstate_to_uabi() to copy init states correctly",
        "v6.1",
        "A component in its initial state is zeroed in the image, not copied from init_fpstate.",
    ),
    Commit(
        "18164f66e6c5",
        "x86/fpu: Allow caller to constrain xfeatures when copying to uabi buffer",
        "v6.6",
        "What an image shows can be bounded without a change of user_xfeatures.",
    ),
    Commit(
        "8647c52e9504",
        "KVM: x86: Constrain guest-supported xfeatures only at KVM_GET_XSAVE{2}",
        "v6.6",
        "KVM_SET_XSAVE accepts again what the host supports, whatever the guest's CPUID says.",
    ),
    Commit(
        "1c450ffef589",
        "KVM: x86: Advertise AVX10.1 CPUID to userspace",
        "v6.12",
        "A guest is told of AVX10, which has AVX-512's registers: leaf 0x24. No step of the model asks.",
        inferred=True,
    ),
    Commit(
        "1937e18cc3cf",
        "x86/fpu: Fix guest FPU state buffer allocation size",
        "v6.15",
        "The guest's fpstate has the size of the kernel's compacted format, supervisor components included.",
    ),
    Commit(
        "dda366083e5f",
        "x86/fpu/xstate: Fix inconsistencies in guest FPU xfeatures",
        "v6.15",
        "guest_fpu.xfeatures is what the fpstate has; nothing that is modelled reads the difference.",
    ),
    Commit(
        "c0a5f2989122",
        "KVM: x86: Report XSS as to-be-saved if there are supported features",
        "v6.18",
        "KVM_GET_MSR_INDEX_LIST has IA32_XSS.",
    ),
)
