# SPDX-License-Identifier: Apache-2.0
"""The record of a move: two hosts with one vCPU each, what the VMM has saved, what should be true.

`hw_` is in registers, `fp_` in the guest's fpstate, `vcpu_` KVM's copy, `uapi_` seen or held by userspace, `ghost_`
what the guest knows (only properties read it). Lists have one value for each host.
"""

from typing import Annotated

from xsavvy.checker import Below, Choice, Each, Flag, Location, Mask, Record
from xsavvy.isa.components import XTILEDATA

from .values import CONTENTS, CR4_BITS, MODEL_BITS, SUPERVISOR, USER, Fault, Host, Ioctl, Phase

__all__ = ["Moving"]

HOSTS = len(Host)
BYTES = 1 << 14


class Moving(Record):
    """A guest on its way from one host to another."""

    vmm_at: Annotated[int, Location("vmm"), "where the VMM is in the move"]
    phase: Annotated[int, Choice(Phase), "how far the move is"]

    # What each host's kernel holds for the VMM's process and its vCPU.
    task_guest_perm: Annotated[list[int], Each(HOSTS, Flag(), Host), "guest_perm has the tiles"]
    vcpu_created: Annotated[list[int], Each(HOSTS, Flag(), Host), "KVM_CREATE_VCPU was called"]
    vcpu_has_cpuid: Annotated[list[int], Each(HOSTS, Flag(), Host), "KVM_SET_CPUID2 was accepted"]
    vcpu_cpuid: Annotated[
        list[int], Each(HOSTS, Mask(MODEL_BITS), Host), "CPUID 0xD as the VMM gave it"
    ]
    vcpu_supported: Annotated[
        list[int], Each(HOSTS, Mask(MODEL_BITS), Host), "guest_supported_xcr0 and _xss"
    ]
    vcpu_cr4: Annotated[list[int], Each(HOSTS, Mask(CR4_BITS), Host), "CR4.OSXSAVE and CR4.PKE"]
    vcpu_xcr0: Annotated[list[int], Each(HOSTS, Mask(USER), Host), "vcpu->arch.xcr0"]
    vcpu_xss: Annotated[list[int], Each(HOSTS, Mask(SUPERVISOR), Host), "vcpu->arch.ia32_xss"]
    vcpu_has_run: Annotated[
        int, Flag(), "the source's vCPU was in the guest since the VMM last set an image"
    ]
    vcpu_pkru: Annotated[list[int], Each(HOSTS, Flag(), Host), "vcpu->arch.pkru is the guest's"]

    # The guest's fpstate on each host.
    fp_xfeatures: Annotated[list[int], Each(HOSTS, Mask(MODEL_BITS), Host), "fpstate.xfeatures"]
    fp_xstate_bv: Annotated[list[int], Each(HOSTS, Mask(CONTENTS), Host), "XSTATE_BV of its header"]
    fp_xfd: Annotated[list[int], Each(HOSTS, Mask(XTILEDATA), Host), "fpstate.xfd"]
    fp_compacted: Annotated[list[int], Each(HOSTS, Flag(), Host), "XCOMP_BV[63] of its header"]
    fp_misplaced: Annotated[
        list[int],
        Each(HOSTS, Flag(), Host),
        "its extended components lie where another format has them",
    ]
    fp_mxcsr_reserved: Annotated[
        list[int], Each(HOSTS, Flag(), Host), "its MXCSR has reserved bits"
    ]
    fp_bytes: Annotated[list[int], Each(HOSTS, Below(BYTES), Host), "what was allocated for it"]
    uabi_bytes: Annotated[list[int], Each(HOSTS, Below(BYTES), Host), "guest_fpu.uabi_size"]

    # What userspace was told and what it has saved.
    uapi_advertised: Annotated[int, Mask(MODEL_BITS), "CPUID 0xD of KVM_GET_SUPPORTED_CPUID"]
    uapi_instructions: Annotated[int, Below(16), "(0xD,1).EAX of KVM_GET_SUPPORTED_CPUID"]
    uapi_cr4: Annotated[int, Mask(CR4_BITS), "of KVM_GET_SREGS"]
    uapi_xstate_bv: Annotated[int, Mask(CONTENTS), "XSTATE_BV of the image of KVM_GET_XSAVE2"]
    uapi_compacted: Annotated[int, Flag(), "XCOMP_BV[63] of the image"]
    uapi_pkru: Annotated[int, Flag(), "its PKRU slot has the guest's value"]
    uapi_xcr0: Annotated[int, Mask(USER), "of KVM_GET_XCRS; 0: there was none"]
    uapi_has_xss: Annotated[int, Flag(), "IA32_XSS is among the saved MSRs"]
    uapi_xss: Annotated[int, Mask(SUPERVISOR), "its value"]
    uapi_xfd: Annotated[int, Mask(XTILEDATA), "the saved IA32_XFD"]
    uapi_cet_u: Annotated[int, Flag(), "the saved IA32_U_CET is the guest's"]
    uapi_refused: Annotated[int, Choice(Ioctl), "which call of the destination failed"]

    # What should be true.
    hw_contents: Annotated[int, Mask(CONTENTS), "what the guest finds in its registers"]
    ghost_contents: Annotated[int, Mask(CONTENTS), "what the guest, or the VMM for it, put there"]
    ghost_any: Annotated[int, Mask(XTILEDATA), "lost or kept, as the architecture pleases"]
    fault: Annotated[int, Choice(Fault), "what went wrong in the kernel"]
