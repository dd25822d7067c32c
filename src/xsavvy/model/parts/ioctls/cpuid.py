# SPDX-License-Identifier: Apache-2.0
"""KVM_SET_CPUID2: what it checks and derives, and the growth of the guest's fpstate that tiles in it bring about.

Without tiles it is one event in user mode; with them it goes on through the growth, whose swap is a locked section.
Source: arch/x86/kvm/cpuid.c kvm_set_cpuid(), kvm_check_cpuid(); arch/x86/kernel/fpu/xstate.c fpstate_realloc().
"""

from xsavvy.checker import Event, Path, Step
from xsavvy.isa.components import AVX, PKRU
from xsavvy.kvm.ioctls import allocated_components, grows_fpstate, set_cpuid2_errno
from xsavvy.model.constants import Constants
from xsavvy.model.fpu import nothing
from xsavvy.model.values import BH_OFF, TILE, USER_MODE, XCR0_ALWAYS, Buffer, Value
from xsavvy.model.vmm import vmm_event

from .derived import compacted_of, refresh_cpuid
from .machine import BASE, CET, CPUID_XSAVE, CPUID_XSAVES, TILES, Errno, IoctlMachine
from .process import drop_image

__all__ = [
    "FPSTATE_REALLOC",
    "GROWS",
    "cpuid_event",
    "set_cpuid2",
    "set_cpuid2_any_time",
    "set_cpuid2_before_run",
    "set_cpuid2_without_update",
]

GROWS = 1
CPUID = "linux:arch/x86/kvm/cpuid.c"
XSTATE = "linux:arch/x86/kernel/fpu/xstate.c"
BOTH = CPUID_XSAVE | CPUID_XSAVES


def nothing_depends_on_cpuid(s: IoctlMachine, k: Constants) -> bool:
    """The VMM has set no other state yet, or the CPUID can no longer change."""
    if s.vcpu_entered:
        return True
    return s.vcpu_xcr0 == XCR0_ALWAYS and s.vcpu_xss == 0 and s.fp_xstate_bv[Buffer.GUEST] == 0


def cpuid_makes_sense(
    s: IoctlMachine, k: Constants, xcr0: int, _xss: int, _features: int, memory: int
) -> bool:
    """KVM_SET_CPUID2 where it can be called; memory matters where the fpstate grows."""
    return (
        s.perm_locked != 0
        and nothing_depends_on_cpuid(s, k)
        and (memory != 0 or grows_fpstate(xcr0, s.fp_xfeatures[Buffer.GUEST]) != 0)
    )


def cpuid_values(k: Constants) -> dict[str, tuple[int, ...]]:
    """Return the CPUIDs that the VMM may set: what the scenario's guest may have, or less."""
    xcr0 = (BASE, BASE | AVX, BASE | AVX | PKRU, BASE | AVX | TILES)
    return {
        "xcr0": tuple(value for value in xcr0 if value & ~k.guest_xcr0 == 0),
        "xss": (0, CET) if k.guest_xss else (0,),
        "features": (CPUID_XSAVE, CPUID_XSAVES, BOTH) if k.features_vary else (BOTH,),
        "memory": (0, 1) if k.guest_xcr0 & TILES else (1,),
    }


def compare_cpuid(s: IoctlMachine, k: Constants, xcr0: int, xss: int, features: int) -> None:
    """Accept the CPUID that the vCPU has, once it has run, and no other.

    The update of sizes and CR4's bits is made in the incoming copy, so what was due on the old one is forgotten.
    Source: arch/x86/kvm/cpuid.c kvm_cpuid_check_equal().
    """
    same = (
        xcr0 == s.vcpu_cpuid_xcr0 and xss == s.vcpu_cpuid_xss and features == s.vcpu_cpuid_features
    )
    stale = (s.cpuid_size ^ s.vcpu_xcr0) | (s.cpuid_compacted ^ compacted_of(s, k))
    current = stale & ~BASE == 0 and s.cpuid_cr4 == s.vcpu_cr4
    s.cpuid_dirty = 0
    s.uapi_errno = Errno.SUCCESS if same and current else Errno.EINVAL
    if same and not current:
        s.ghost_equal_refused = 1


def exchange_cpuid(
    s: IoctlMachine, k: Constants, xcr0: int, xss: int, features: int, memory: int
) -> int:
    """Check the incoming CPUID and put it in the place of the old one; say whether the fpstate must grow."""
    drop_image(s, k)
    xfeatures = s.fp_xfeatures[Buffer.GUEST]
    errno = set_cpuid2_errno(xcr0, xfeatures, s.perm_guest, 0, 0, memory)
    s.uapi_errno = errno
    if errno != Errno.SUCCESS:
        return 0
    s.vcpu_cpuid_xcr0 = xcr0
    s.vcpu_cpuid_xss = xss
    s.vcpu_cpuid_features = features
    s.ghost_cpuid_xcr0 = xcr0
    s.ghost_cpuid_xss = xss
    refresh_cpuid(s, k)
    return GROWS if grows_fpstate(xcr0, xfeatures) else 0


def set_cpuid2_without_update(
    s: IoctlMachine, k: Constants, xcr0: int, xss: int, features: int, memory: int
) -> int:
    """Set the guest's CPUID, or compare once the vCPU has run; what is due on the old one is not done first.

    Source: commits feb627e8d6f6, c6617c61e8fe (KVM: x86: Partially allow KVM_SET_CPUID{,2} after KVM_RUN).
    """
    if s.vcpu_entered:
        compare_cpuid(s, k, xcr0, xss, features)
        return 0
    return exchange_cpuid(s, k, xcr0, xss, features, memory)


def set_cpuid2_any_time(
    s: IoctlMachine, k: Constants, xcr0: int, xss: int, features: int, memory: int
) -> int:
    """Set the guest's CPUID, whether or not the vCPU has run (to v5.15)."""
    return exchange_cpuid(s, k, xcr0, xss, features, memory)


def set_cpuid2_before_run(
    s: IoctlMachine, k: Constants, xcr0: int, xss: int, features: int, memory: int
) -> int:
    """Set the guest's CPUID; once the vCPU has run, refuse even the one that it has (v5.16)."""
    if s.vcpu_entered:
        if xcr0 == s.vcpu_cpuid_xcr0 and xss == s.vcpu_cpuid_xss:
            s.ghost_equal_refused = 1
        s.uapi_errno = Errno.EINVAL
        return 0
    return exchange_cpuid(s, k, xcr0, xss, features, memory)


def set_cpuid2(
    s: IoctlMachine, k: Constants, xcr0: int, xss: int, features: int, memory: int
) -> int:
    """Bring the old CPUID up to date, then set the new one.

    Source: commit e2b43fb25243 (KVM: x86: Apply runtime updates to current CPUID during KVM_SET_CPUID{,2}).
    """
    if s.cpuid_dirty:
        refresh_cpuid(s, k)
    return set_cpuid2_without_update(s, k, xcr0, xss, features, memory)


def swap_fpstate(s: IoctlMachine, k: Constants) -> None:
    """Put a larger, empty fpstate in the place of the guest's; its size was computed with the permission.

    The old contents are not copied: were they in the registers, they would be saved to the new one later.
    """
    s.fp_room = allocated_components(s.perm_size)
    s.fp_xfeatures[Buffer.GUEST] |= TILE
    s.fp_xfd[Buffer.GUEST] &= ~TILE
    s.fp_xstate_bv[Buffer.GUEST] = 0
    s.fp_sse[Buffer.GUEST] = Value.INIT
    s.fp_cet_u[Buffer.GUEST] = Value.INIT
    s.fp_tile[Buffer.GUEST] = Value.INIT
    s.fp_avx = 0
    s.fp_mxcsr_bad = 0


FPSTATE_REALLOC = Path(
    "fpstate_grows",
    (
        Step("vzalloc", nothing, source=f"{XSTATE} fpstate_realloc()"),
        Step("fpregs_lock", nothing, enters=BH_OFF, source=f"{XSTATE} fpstate_realloc()"),
        Step("swap_fpstate", swap_fpstate, needs=BH_OFF, source=f"{XSTATE} fpstate_realloc()"),
        Step("fpregs_unlock", nothing, leaves=BH_OFF, source=f"{XSTATE} fpstate_realloc()"),
    ),
    then="exit_to_user",
    source=f"{XSTATE} fpstate_realloc(); {CPUID} kvm_check_cpuid()",
)


def cpuid_event(k: Constants) -> Event:
    """Return KVM_SET_CPUID2, with every CPUID that the scenario's guest may have."""
    return vmm_event(
        "KVM_SET_CPUID2",
        set_cpuid2_without_update,
        source=f"{CPUID} kvm_set_cpuid()",
        when=cpuid_makes_sense,
        choose=cpuid_values(k),
        to={GROWS: "fpstate_grows"},
        leaves=USER_MODE,
    )
