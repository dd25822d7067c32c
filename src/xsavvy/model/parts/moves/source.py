# SPDX-License-Identifier: Apache-2.0
"""What happens at the source before the guest leaves: the VMM's ioctls, and the guest's own instructions.

KVM_RUN is one step here: the guest's registers are loaded, it executes one instruction, they are saved. The VMM gives
CPUID once and before any state, as VMMs do, and it writes IA32_XFD only where it restores.
"""

from collections.abc import Callable, Sequence
from typing import Any

from xsavvy.checker import Event
from xsavvy.isa.components import AVX, CET_S, CET_U, PKRU, SSE, X87, XTILEDATA
from xsavvy.kvm.ioctls import FPSSE, filtered_xcr0
from xsavvy.kvm.migration import advertised_instructions
from xsavvy.kvm.rules import CR4_OSXSAVE, CR4_PKE

from .constants import MoveConstants
from .fpstate import create_vcpu, load_guest_fpu, put_guest_fpu
from .image import set_xsave
from .machine import Moving
from .values import SUPERVISOR, TILES, USER, CpuidXsave, GuestModel, Host
from .vcpu import (
    request_guest_permission,
    set_cpuid2,
    set_msr_xss,
    set_sregs,
    set_xcrs,
    supported,
)

__all__ = ["MODELS", "source_events"]

BASE = X87 | SSE | AVX
MODELS = {
    GuestModel.PLAIN: 0,
    GuestModel.AVX: BASE,
    GuestModel.KEYS: BASE | PKRU,
    GuestModel.TILES: BASE | PKRU | TILES,
    GuestModel.CET: BASE | CET_U | CET_S,
}
"""CPUID 0xD of each kind of guest; 0 is a guest without XSAVE."""

SRC = Host.SOURCE
Effect = Callable[..., Any]
Guard = Callable[..., Any]


def has_cpuid(s: Moving, k: MoveConstants) -> bool:
    """The source's vCPU exists and has its CPUID."""
    return s.vcpu_has_cpuid[SRC] == 1


def request_permission(s: Moving, k: MoveConstants) -> None:
    """Ask for tiles in guests."""
    request_guest_permission(s, k, SRC)


def permission_missing(s: Moving, k: MoveConstants) -> bool:
    """A second request changes nothing."""
    return s.task_guest_perm[SRC] == 0


def create(s: Moving, k: MoveConstants) -> None:
    """Create the vCPU, which locks the permissions."""
    create_vcpu(s, k, SRC)


def no_vcpu(s: Moving, k: MoveConstants) -> bool:
    """There is no vCPU yet."""
    return s.vcpu_created[SRC] == 0


def get_supported_cpuid(s: Moving, k: MoveConstants) -> None:
    """Tell userspace which components and instructions a guest may be given.

    Without asking, a process may use everything but dynamic components; TILECFG is not one of these.
    """
    perm = k.src_default | (TILES if s.task_guest_perm[SRC] else 0)
    offered = supported(k, SRC) & USER
    both = k.src_drops_tilecfg
    advertised = filtered_xcr0(offered, perm, k.src_filters, both, both)
    s.uapi_advertised = advertised | (supported(k, SRC) & SUPERVISOR)
    masks = 1 if k.src_cpuid_xsave == CpuidXsave.KERNEL else 0
    known = k.src_instructions
    s.uapi_instructions = advertised_instructions(known, k.src_kernel_instructions, known, masks)


def give_cpuid(s: Moving, k: MoveConstants, cpuid: int) -> None:
    """Give the guest its CPUID; a refusal changes nothing."""
    set_cpuid2(s, k, SRC, cpuid)


def model_offered(s: Moving, k: MoveConstants, cpuid: int) -> bool:
    """The VMM gives what this host's KVM supports, once, and the kind of guest that was asked for."""
    if s.vcpu_created[SRC] == 0 or s.vcpu_has_cpuid[SRC] or cpuid & ~supported(k, SRC):
        return False
    return k.guest_model == GuestModel.ANY or cpuid == k.guest_cpuid


def give_sregs(s: Moving, k: MoveConstants, cr4: int) -> None:
    """Set CR4, as the guest's own MOV CR4 does."""
    set_sregs(s, k, SRC, cr4)


def give_xcr0(s: Moving, k: MoveConstants, xcr0: int) -> None:
    """Set XCR0; what KVM refuses changes nothing."""
    set_xcrs(s, k, SRC, xcr0)


def may_execute_xsetbv(s: Moving, k: MoveConstants) -> bool:
    """XSETBV is #UD without CR4.OSXSAVE."""
    return s.vcpu_has_cpuid[SRC] == 1 and s.vcpu_cr4[SRC] & CR4_OSXSAVE != 0


def give_xss(s: Moving, k: MoveConstants, xss: int) -> None:
    """Set IA32_XSS, as the guest's own WRMSR does."""
    set_msr_xss(s, k, SRC, xss)


def give_image(s: Moving, k: MoveConstants, xstate_bv: int, mxcsr_legal: int) -> None:
    """Set the guest's registers; components that the image does not name are initial, PKRU excepted."""
    errno = set_xsave(s, k, SRC, xstate_bv, 0, 1, mxcsr_legal)
    if errno == 0:
        s.vcpu_has_run = 0
        s.ghost_any = xstate_bv & s.fp_xfd[SRC]
        kept = (CET_U | PKRU) if xstate_bv & PKRU == 0 else CET_U
        s.ghost_contents = (s.ghost_contents & kept) | (xstate_bv & ~s.ghost_any)


def image_is_the_guests(s: Moving, k: MoveConstants, xstate_bv: int, _mxcsr_legal: int) -> bool:
    """The VMM sets what the guest has, on a host that knows the component."""
    if s.vcpu_has_cpuid[SRC] == 0:
        return False
    return xstate_bv & ~(s.vcpu_supported[SRC] & USER | FPSSE) == 0


def write_registers(s: Moving, k: MoveConstants, component: int) -> None:
    """Run the guest, which writes registers of a component."""
    registers = load_guest_fpu(s, k, SRC)
    if component & PKRU:
        s.vcpu_pkru[SRC] = 1
    put_guest_fpu(s, k, SRC, registers | (component & ~PKRU))
    s.vcpu_has_run = 1
    s.ghost_contents |= component
    s.ghost_any &= ~component


def guest_can_write(s: Moving, k: MoveConstants, component: int) -> bool:
    """The guest can name the component: x87 and SSE always, another one if it is enabled and XFD lets it."""
    if s.vcpu_has_cpuid[SRC] == 0:
        return False
    if component == FPSSE:
        return True
    if s.vcpu_cr4[SRC] & CR4_OSXSAVE == 0 or component & s.fp_xfd[SRC]:
        return False
    return component & ~(s.vcpu_xcr0[SRC] | s.vcpu_xss[SRC]) == 0


def write_xfd(s: Moving, k: MoveConstants, xfd: int) -> None:
    """Run the guest, which writes IA32_XFD; a disabled component need not survive."""
    registers = load_guest_fpu(s, k, SRC)
    s.fp_xfd[SRC] = xfd
    put_guest_fpu(s, k, SRC, registers)
    s.vcpu_has_run = 1
    s.ghost_any |= s.ghost_contents & xfd
    s.ghost_contents &= ~xfd


def guest_has_xfd(s: Moving, k: MoveConstants) -> bool:
    """The guest has tiles, and so IA32_XFD."""
    return s.vcpu_supported[SRC] & XTILEDATA != 0


def _event(
    name: str,
    actor: str,
    effect: Effect,
    when: Guard | None,
    source: str,
    **choose: Sequence[int],
) -> Event:
    return Event(
        name,
        actor,
        effect,
        when=when,
        source=source,
        interrupts=("vmm",),
        at=("source",),
        choose=choose,
    )


X86 = "linux:arch/x86/kvm/x86.c"
IMAGES = (0, FPSSE, FPSSE | PKRU, FPSSE | XTILEDATA)
XCR0_VALUES = (X87, FPSSE, BASE, BASE | PKRU, BASE | PKRU | TILES)
WRITES = (FPSSE, AVX, PKRU, CET_U, XTILEDATA)


def source_events() -> tuple[Event, ...]:
    """Return what may happen at the source, in any order that its conditions allow."""
    xstate = "linux:arch/x86/kernel/fpu/xstate.c"
    return (
        _event(
            "arch_prctl(ARCH_REQ_XCOMP_GUEST_PERM)",
            "vmm",
            request_permission,
            permission_missing,
            f"{xstate} xstate_request_perm()",
        ),
        _event(
            "KVM_CREATE_VCPU",
            "vmm",
            create,
            no_vcpu,
            "linux:arch/x86/kernel/fpu/core.c fpu_alloc_guest_fpstate()",
        ),
        _event(
            "KVM_GET_SUPPORTED_CPUID",
            "vmm",
            get_supported_cpuid,
            None,
            "linux:arch/x86/kvm/cpuid.c __do_cpuid_func()",
        ),
        _event(
            "KVM_SET_CPUID2",
            "vmm",
            give_cpuid,
            model_offered,
            "linux:arch/x86/kvm/cpuid.c kvm_set_cpuid()",
            cpuid=tuple(MODELS.values()),
        ),
        _event(
            "KVM_SET_SREGS",
            "vmm",
            give_sregs,
            has_cpuid,
            f"{X86} __set_sregs_common()",
            cr4=(CR4_OSXSAVE, CR4_OSXSAVE | CR4_PKE),
        ),
        _event(
            "KVM_SET_XCRS",
            "vmm",
            give_xcr0,
            has_cpuid,
            f"{X86} kvm_vcpu_ioctl_x86_set_xcrs()",
            xcr0=XCR0_VALUES,
        ),
        _event(
            "KVM_SET_MSRS IA32_XSS",
            "vmm",
            give_xss,
            has_cpuid,
            f"{X86} kvm_set_msr_common()",
            xss=(0, CET_U | CET_S),
        ),
        _event(
            "KVM_SET_XSAVE at the source",
            "vmm",
            give_image,
            image_is_the_guests,
            f"{X86} kvm_vcpu_ioctl_x86_set_xsave()",
            xstate_bv=IMAGES,
            mxcsr_legal=(0, 1),
        ),
        _event(
            "XSETBV (KVM_RUN)",
            "guest",
            give_xcr0,
            may_execute_xsetbv,
            f"{X86} __kvm_set_xcr()",
            xcr0=XCR0_VALUES,
        ),
        _event(
            "write registers (KVM_RUN)",
            "guest",
            write_registers,
            guest_can_write,
            'SDM "Saving and Restoring State"; linux:arch/x86/kernel/fpu/core.c fpu_swap_kvm_fpstate()',
            component=WRITES,
        ),
        _event(
            "WRMSR IA32_XFD (KVM_RUN)",
            "guest",
            write_xfd,
            guest_has_xfd,
            "linux:arch/x86/kernel/fpu/core.c fpu_update_guest_xfd()",
            xfd=(0, XTILEDATA),
        ),
    )
