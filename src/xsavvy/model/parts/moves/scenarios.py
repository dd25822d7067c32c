# SPDX-License-Identifier: Apache-2.0
"""Moves: between equal hosts, to a host with another CPU, between two kernels.

`peer` is the other kernel; the kernel that is asked about is the source's, or in a `moves-from-...` the destination's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from xsavvy.isa.components import PKRU
from xsavvy.model.scenario import Scenario

from .values import TILES

__all__ = ["PEERS", "ROUTES", "SCENARIOS", "Cpu", "Route"]


@dataclass(frozen=True)
class Cpu:
    """What a host's CPU lacks of the platform's, or its kernel has turned off."""

    lacks: int = 0
    without_xsave: bool = False
    turns_off_xsaves: bool = False


@dataclass(frozen=True)
class Route:
    """From which CPU to which, and whether the other kernel is where the guest comes from."""

    source: Cpu = field(default_factory=Cpu)
    destination: Cpu = field(default_factory=Cpu)
    comes_from_peer: bool = False


SETUP = (
    "arch_prctl(ARCH_REQ_XCOMP_GUEST_PERM)",
    "KVM_CREATE_VCPU",
    "KVM_SET_CPUID2",
    "KVM_SET_SREGS",
    "KVM_SET_XCRS",
)
GUEST = ("write registers (KVM_RUN)", "WRMSR IA32_XFD (KVM_RUN)")
STATE = ("KVM_SET_MSRS IA32_XSS", "KVM_SET_XSAVE at the source")
BOUNDED = "image_names_only_what_the_guest_has"
MOVE = (
    "guest_finds_itself_after_a_move",
    "vcpu_keeps_what_was_put_into_it",
    BOUNDED,
    "image_of_a_supported_guest_is_accepted",
    "images_have_the_format_that_is_expected",
    "buffers_hold_what_is_copied",
    "no_image_makes_the_kernel_fault",
)
SEEN = ("a_guest_has_moved", "an_image_is_saved", "source_is_in_use")
LEFT_OUT = (
    "KVM_GET_FPU and KVM_SET_FPU; a VMM that gives CPUID after state, writes IA32_XFD at the source, saves a vCPU that "
    "has not run since its image was set, or has its own PKRU in the initial state; a destination "
    "vCPU that was used before; AVX-512, MPX, the contents of "
    "CET_S; what comes between the steps of KVM_RUN (part run)"
)

MOVES = (
    Scenario(
        "moves",
        "Does a guest find itself as it was after a move to an equal host?",
        events=(*SETUP, *STATE, *GUEST, "XSETBV (KVM_RUN)"),
        properties=(*MOVE, "destination_refuses_nothing"),
        witnesses=SEEN,
        leaves_out=LEFT_OUT,
        source=(
            "linux:arch/x86/kvm/x86.c kvm_vcpu_ioctl_x86_get_xsave2(), kvm_vcpu_ioctl_x86_set_xsave(); "
            "commits a1020a25e697, 471f0aa7fa64, 1937e18cc3cf, cc04b6a21d43"
        ),
        part="moves",
    ),
    Scenario(
        "moves-to-fewer",
        "Does a guest without protection keys move to a host that has none?",
        events=(*SETUP, *GUEST),
        properties=MOVE,
        witnesses=SEEN,
        leaves_out=f"images and MSRs that the VMM sets at the source; {LEFT_OUT}",
        source="linux:arch/x86/kvm/x86.c kvm_vcpu_ioctl_x86_get_xsave2(); commit ad856280ddea",
        part="moves",
        needs_xcr0=PKRU,
        stand_in={True: "sapphire-rapids", False: "genoa"},
        default=False,
    ),
    Scenario(
        "moves-without-xsave",
        "Does a guest move from a host without XSAVE to one that has it?",
        events=(*SETUP, "KVM_SET_XSAVE at the source", *GUEST),
        properties=(*MOVE, "destination_refuses_nothing"),
        witnesses=SEEN,
        leaves_out=LEFT_OUT,
        source="commit d187ba531230",
        part="moves",
        default=False,
    ),
    Scenario(
        "moves-advertised",
        "Can a guest be given what KVM_GET_SUPPORTED_CPUID tells of?",
        events=(*SETUP, "KVM_GET_SUPPORTED_CPUID", *GUEST),
        properties=(*MOVE, "advertised_features_can_be_used"),
        witnesses=(*SEEN, "userspace_knows_what_it_may_give"),
        leaves_out=f"images and MSRs that the VMM sets at the source; {LEFT_OUT}",
        source="linux:arch/x86/kvm/cpuid.c __do_cpuid_func(); commits 445ecdf79be0, 55cd57b596e8",
        part="moves",
        default=False,
    ),
    Scenario(
        "moves-xsaves-off",
        "Is a guest told of XSAVES, and does it move, where the source's kernel has turned XSAVES off?",
        events=(*SETUP, "KVM_GET_SUPPORTED_CPUID", *GUEST),
        properties=(*MOVE, "advertised_features_can_be_used", "destination_refuses_nothing"),
        witnesses=(*SEEN, "userspace_knows_what_it_may_give"),
        leaves_out=f"images and MSRs that the VMM sets at the source; {LEFT_OUT}",
        source="commit 316314ca",
        part="moves",
        default=False,
    ),
)

_EDGES: Mapping[str, Route] = {
    "moves": Route(),
    "moves-to-fewer": Route(destination=Cpu(lacks=PKRU | TILES)),
    "moves-without-xsave": Route(source=Cpu(without_xsave=True)),
    "moves-advertised": Route(),
    "moves-xsaves-off": Route(source=Cpu(turns_off_xsaves=True)),
}

PEERS = ("v5.16", "v5.19", "v6.5", "v6.17")
"""Kernels of the other host: before the guest's CPUID bounded images, with each way of bounding, before CET."""


def _between(peer: str, comes_from: bool) -> Scenario:
    way = "from" if comes_from else "to"
    ours = MOVE if not comes_from else tuple(name for name in MOVE if name != BOUNDED)
    return Scenario(
        f"moves-{way}-{peer}",
        f"Which guests move {way} a host with {peer}, and find themselves as they were?",
        events=(*SETUP, "KVM_SET_MSRS IA32_XSS", *GUEST),
        properties=(*ours, "destination_refuses_nothing"),
        witnesses=SEEN,
        leaves_out=f"images that the VMM sets at the source; {LEFT_OUT}",
        source="commits d7876f1be40a, ad856280ddea, a1020a25e697, 8647c52e9504",
        part="moves",
        peer=peer,
        default=False,
    )


OLD_TO_FEWER = Scenario(
    "moves-from-v5.16-to-fewer",
    "Does a guest without protection keys get from v5.16 to a host that has none?",
    events=(*SETUP, *GUEST),
    properties=tuple(name for name in MOVE if name != BOUNDED),
    witnesses=(SEEN[2],),
    leaves_out=f"images and MSRs that the VMM sets at the source; {LEFT_OUT}",
    source="thread of commit 8647c52e9504, its cover letter: this one is not repaired",
    part="moves",
    peer="v5.16",
    needs_xcr0=PKRU,
    stand_in={True: "sapphire-rapids", False: "genoa"},
    default=False,
)
"""What the source has saved too much, no destination can make good: it refuses, on every kernel."""

SCENARIOS = (
    *MOVES,
    OLD_TO_FEWER,
    *(_between(peer, comes_from) for comes_from in (False, True) for peer in PEERS),
)

ROUTES: Mapping[str, Route] = {
    **_EDGES,
    OLD_TO_FEWER.name: Route(destination=Cpu(lacks=PKRU | TILES), comes_from_peer=True),
    **{f"moves-to-{peer}": Route() for peer in PEERS},
    **{f"moves-from-{peer}": Route(comes_from_peer=True) for peer in PEERS},
}
