# SPDX-License-Identifier: Apache-2.0
"""What a saved image is made of and how large it is: functions of the dialect, beside those of `ioctls`.

Sizes are bytes. What differs from kernel to kernel is an argument (1 with the named behaviour, 0 without).

Sources: linux arch/x86/kvm/cpuid.c xstate_required_size(); arch/x86/kernel/fpu/core.c, xstate.c (6.1, 6.12, 7.3).
"""

from typing import Final

from .ioctls import EINVAL, FPSSE

__all__ = [
    "EXTENDED_OFFSET",
    "KVM_XSAVE_BYTES",
    "XSTATE_BV_END",
    "advertised_instructions",
    "compacted_end",
    "copied_init_states",
    "fxsave_image_errno",
    "keeps_format",
    "saved_xss",
]

KVM_XSAVE_BYTES: Final = 4096
"""sizeof(struct kvm_xsave) without its tail."""
EXTENDED_OFFSET: Final = 576
"""Where the first extended component lies: after the legacy region and the header."""
XSTATE_BV_END: Final = 520
"""The first byte after XSTATE_BV, which KVM writes and reads also on a host without XSAVE."""


def compacted_end(reach: int, size: int, align64: int, honours: int) -> int:
    """Return how far a compacted image reaches with one more component, as KVM reckons.

    `align64` is CPUID (0xD,i).ECX[1]; `honours`: KVM looks at it (cc04b6a21d43). The processor always does.
    Source: arch/x86/kvm/cpuid.c xstate_required_size().

    >>> compacted_end(840, 64, 1, 1), compacted_end(840, 64, 1, 0), compacted_end(832, 8, 0, 1)
    (960, 904, 840)
    """
    start = (reach + 63) & ~63 if align64 and honours else reach
    return start + size


def copied_init_states(user_xfeatures: int, shown_bv: int, zeroes: int) -> int:
    """Return the extended components that KVM_GET_XSAVE copies from init_fpstate.

    Those that the image may name and does not. `zeroes`: they are zeroed instead (471f0aa7fa64).
    Source: arch/x86/kernel/fpu/xstate.c __copy_xstate_to_uabi_buf().

    >>> hex(copied_init_states(0x60207, 0x3, 0)), copied_init_states(0x60207, 0x3, 1)
    ('0x60204', 0)
    """
    return 0 if zeroes else user_xfeatures & ~shown_bv & ~FPSSE


def keeps_format(converts: int, host_compacts: int, image_compacted: int) -> int:
    """Say whether an image that KVM copies one way or the other ends up compacted.

    `converts` (df1daba7d1cb): what the FPU core wants, compacted if the host uses XSAVES; else what came in.
    Source: arch/x86/kvm/x86.c kvm_vcpu_ioctl_x86_set_xsave(), load_xsave().

    >>> keeps_format(1, 1, 0), keeps_format(0, 1, 0), keeps_format(0, 1, 1)
    (1, 0, 1)
    """
    return host_compacts if converts else image_compacted


def fxsave_image_errno(xstate_bv: int, mxcsr_legal: int) -> int:
    """Return the errno of KVM_SET_XSAVE on a host without XSAVE: only x87 and SSE can be set.

    Source: arch/x86/kernel/fpu/core.c fpu_copy_uabi_to_guest_fpstate().

    >>> fxsave_image_errno(0x3, 1), fxsave_image_errno(0x7, 1), fxsave_image_errno(0x3, 0)
    (0, 22, 22)
    """
    return EINVAL if xstate_bv & ~FPSSE or not mxcsr_legal else 0


def saved_xss(listed: int, supported_xss: int, vmm_saves: int) -> int:
    """Say whether IA32_XSS is among the MSRs that a VMM saves.

    `listed`: KVM_GET_MSR_INDEX_LIST has it where KVM supports a supervisor component (c0a5f2989122); `vmm_saves`: the
    VMM's own list has it.
    Source: arch/x86/kvm/x86.c kvm_probe_msr_to_save(); Firecracker pull request 5972.

    >>> saved_xss(1, 0x1800, 1), saved_xss(1, 0, 1), saved_xss(1, 0x1800, 0)
    (1, 0, 0)
    """
    return 1 if listed and supported_xss and vmm_saves else 0


def advertised_instructions(processor: int, kernel: int, known: int, masks: int) -> int:
    """Return which instructions of CPUID (0xD,1).EAX KVM_GET_SUPPORTED_CPUID tells of.

    `processor` has them, the host's `kernel` uses them, KVM has heard of the `known`; `masks` (316314ca): those
    that the kernel has turned off are left out.
    Source: arch/x86/kvm/cpuid.c do_cpuid_ent() with cpuid_mask(); now kvm_set_cpu_caps().

    >>> advertised_instructions(0xF, 0x7, 0xF, 0), advertised_instructions(0xF, 0x7, 0xF, 1)
    (15, 7)
    """
    return processor & known & kernel if masks else processor & known
