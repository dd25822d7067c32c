# SPDX-License-Identifier: Apache-2.0
"""What must be true of a move, as general sentences, and what must be possible.

The letters P3' to P22 are those of the list that the upstream bugs led to.
"""

from xsavvy.checker import Property, Witness
from xsavvy.isa.components import PKRU, XTILEDATA
from xsavvy.isa.masks import xcr0_ok
from xsavvy.kvm.ioctls import FPSSE, set_cpuid2_errno

from .constants import MoveConstants
from .fpstate import kernel_bytes
from .machine import Moving
from .sizes import told_size_suffices
from .values import SUPERVISOR, TILES, USER, Fault, Host, Ioctl, Phase
from .vcpu import supported

__all__ = ["PROPERTIES", "WITNESSES"]

SRC = Host.SOURCE
DST = Host.DESTINATION


def same_contents(s: Moving, contents: int) -> bool:
    """Compare contents with what they should be, where that is decided."""
    return (contents ^ s.ghost_contents) & ~s.ghost_any == 0


def guest_finds_itself(s: Moving, k: MoveConstants) -> bool:
    """P13: whatever the guest can see after the move is as it was."""
    if s.phase != Phase.MOVED:
        return True
    registers = s.vcpu_xcr0[DST] == s.vcpu_xcr0[SRC] and s.vcpu_cr4[DST] == s.vcpu_cr4[SRC]
    msrs = s.vcpu_xss[DST] == s.vcpu_xss[SRC] and s.fp_xfd[DST] == s.fp_xfd[SRC]
    return registers and msrs and same_contents(s, s.hw_contents)


def vcpu_keeps(s: Moving, k: MoveConstants) -> bool:
    """P13, P18: what the guest and the VMM put into the vCPU is what it has."""
    if s.phase != Phase.AT_SOURCE or s.fault != Fault.NONE:
        return True
    return same_contents(s, (s.fp_xstate_bv[SRC] & ~PKRU) | (PKRU if s.vcpu_pkru[SRC] else 0))


def image_is_bounded(s: Moving, k: MoveConstants) -> bool:
    """P14: the image names only what the guest has, x87 and SSE."""
    if s.phase != Phase.RESTORING:
        return True
    return s.uapi_xstate_bv & ~((s.vcpu_supported[SRC] & USER) | FPSSE) == 0


def image_is_accepted(s: Moving, k: MoveConstants) -> bool:
    """P15: no host refuses the image of a guest that it supports."""
    if s.uapi_refused != Ioctl.SET_XSAVE:
        return True
    return s.vcpu_cpuid[SRC] & ~supported(k, DST) != 0


def nothing_refused(s: Moving, k: MoveConstants) -> bool:
    """P15: the destination refuses nothing of what the source saved."""
    return s.uapi_refused == Ioctl.NONE


def formats_match(s: Moving, k: MoveConstants) -> bool:
    """P17: userspace gets the standard format, and the host's restore instruction the format that it wants."""
    if s.phase == Phase.RESTORING and s.uapi_compacted:
        return False
    if s.fp_misplaced[SRC] or s.fp_misplaced[DST]:
        return False
    source = s.vcpu_created[SRC] and s.fp_compacted[SRC] != k.src_compacts
    destination = s.vcpu_created[DST] and s.fp_compacted[DST] != k.dst_compacts
    return not source and not destination


def buffers_suffice(s: Moving, k: MoveConstants) -> bool:
    """P19: nothing is read or written past a buffer, and every buffer holds what may be written to it."""
    if s.fault == Fault.WRITE_BEYOND_BUFFER or s.fault == Fault.READ_BEYOND_BUFFER:
        return False
    if s.vcpu_created[SRC] and s.fp_bytes[SRC] < kernel_bytes(k, SRC, s.fp_xfeatures[SRC]):
        return False
    if s.vcpu_created[DST] and s.fp_bytes[DST] < kernel_bytes(k, DST, s.fp_xfeatures[DST]):
        return False
    return told_size_suffices(s, k, SRC) and told_size_suffices(s, k, DST)


def advertised_works(s: Moving, k: MoveConstants) -> bool:
    """P22: what KVM_GET_SUPPORTED_CPUID tells of can be given to a guest and used by it."""
    xcr0 = s.uapi_advertised & USER
    if xcr0 and not xcr0_ok(xcr0, xcr0):
        return False
    permitted = FPSSE | (TILES if s.task_guest_perm[SRC] else 0)
    if set_cpuid2_errno(xcr0, k.src_default, permitted, 0, 0, 1):
        return False
    return s.uapi_instructions & ~k.src_kernel_instructions == 0


def no_faulting_restore(s: Moving, k: MoveConstants) -> bool:
    """P3': the kernel restores no image that makes the instruction fault."""
    return s.fault != Fault.XRSTOR_GP and s.fault != Fault.XRSTOR_NM


def has_moved(s: Moving, k: MoveConstants) -> bool:
    """A guest that has used its registers runs at the destination."""
    return s.phase == Phase.MOVED and s.hw_contents != 0


def image_saved(s: Moving, k: MoveConstants) -> bool:
    """An image with contents has been saved."""
    return s.phase == Phase.RESTORING and s.uapi_xstate_bv != 0


def source_in_use(s: Moving, k: MoveConstants) -> bool:
    """The guest at the source has used its registers."""
    return s.phase == Phase.AT_SOURCE and s.ghost_contents != 0


def told(s: Moving, k: MoveConstants) -> bool:
    """Userspace knows what it may give a guest."""
    return s.uapi_advertised != 0


def tiles_moved(s: Moving, k: MoveConstants) -> bool:
    """A guest with tiles in use runs at the destination."""
    return s.phase == Phase.MOVED and s.hw_contents & XTILEDATA != 0


def supervisor_state_moved(s: Moving, k: MoveConstants) -> bool:
    """A guest with CET in IA32_XSS runs at the destination."""
    return s.phase == Phase.MOVED and s.vcpu_xss[DST] & SUPERVISOR != 0


PROPERTIES = (
    Property(
        "guest_finds_itself_after_a_move",
        "XCR0, CR4, IA32_XSS, IA32_XFD and the registers are after a move as the guest left them.",
        guest_finds_itself,
        source="P13; linux:arch/x86/kvm/x86.c kvm_vcpu_ioctl_x86_get_xsave2(), kvm_vcpu_ioctl_x86_set_xsave()",
        witness="a_guest_has_moved",
        mutant="the image loses x87 and SSE",
    ),
    Property(
        "vcpu_keeps_what_was_put_into_it",
        "What the guest wrote and what the VMM set stays in the vCPU; an image without PKRU leaves PKRU alone.",
        vcpu_keeps,
        source="P13, P18; linux:arch/x86/kernel/fpu/core.c fpu_copy_uabi_to_guest_fpstate(); commit 2c87767c35ee",
        witness="source_is_in_use",
        mutant="an image without PKRU clears PKRU",
    ),
    Property(
        "image_names_only_what_the_guest_has",
        "KVM_GET_XSAVE emits components of the guest's CPUID, x87 and SSE, and no others.",
        image_is_bounded,
        source="P14; commit 8647c52e9504",
        witness="an_image_is_saved",
        mutant="the image is not bounded",
    ),
    Property(
        "image_of_a_supported_guest_is_accepted",
        "KVM_SET_XSAVE accepts every image of a guest that the destination supports.",
        image_is_accepted,
        source="P15; commit 8647c52e9504",
        witness="a_guest_has_moved",
        mutant="every image is refused",
    ),
    Property(
        "destination_refuses_nothing",
        "Every call that restores what the source saved succeeds.",
        nothing_refused,
        source="P15; linux:arch/x86/kvm/x86.c kvm_vcpu_ioctl_x86_set_xsave(); commit 8647c52e9504",
        witness="a_guest_has_moved",
        mutant="every image is refused",
    ),
    Property(
        "images_have_the_format_that_is_expected",
        "Userspace gets images in the standard format, the host's restore instruction those that it can read.",
        formats_match,
        source="P17; commit df1daba7d1cb",
        witness="an_image_is_saved",
        mutant="images are copied as they are",
    ),
    Property(
        "buffers_hold_what_is_copied",
        "No copy passes the end of a buffer, and every buffer has room for all that may be saved to it.",
        buffers_suffice,
        source="P19; commits d187ba531230, 471f0aa7fa64, 1937e18cc3cf, cc04b6a21d43",
        witness="a_guest_has_moved",
        mutant="the guest's fpstate is too small",
    ),
    Property(
        "advertised_features_can_be_used",
        "KVM_SET_CPUID2 and XSETBV accept what KVM_GET_SUPPORTED_CPUID tells of, and the host has its instructions.",
        advertised_works,
        source="P22; commit 316314ca",
        witness="userspace_knows_what_it_may_give",
        mutant="tiles are advertised by halves",
    ),
    Property(
        "no_image_makes_the_kernel_fault",
        "The kernel restores no image that makes XRSTOR or XRSTORS fault.",
        no_faulting_restore,
        source="P1, P3; linux:arch/x86/kernel/fpu/xstate.c copy_uabi_to_xstate()",
        witness="source_is_in_use",
        mutant="MXCSR is not checked",
    ),
)

WITNESSES = (
    Witness(
        "a_guest_has_moved",
        "A guest that has used its registers runs at the destination.",
        has_moved,
    ),
    Witness("an_image_is_saved", "An image with contents has been saved.", image_saved),
    Witness("source_is_in_use", "The guest at the source has used its registers.", source_in_use),
    Witness(
        "userspace_knows_what_it_may_give",
        "Userspace has asked what it may give a guest.",
        told,
    ),
    Witness("tiles_have_moved", "A guest runs at the destination with its tiles.", tiles_moved),
    Witness(
        "supervisor_state_has_moved",
        "A guest runs at the destination with CET in IA32_XSS.",
        supervisor_state_moved,
    ),
)
