# SPDX-License-Identifier: Apache-2.0
"""Changes of this part that must break its properties."""

from xsavvy.checker import Program
from xsavvy.kvm import NEWEST
from xsavvy.model.change import with_event, with_step
from xsavvy.model.constants import Constants
from xsavvy.model.emulate import finish
from xsavvy.model.fpu import nothing
from xsavvy.model.mutant import Mutant
from xsavvy.model.values import TILE, Buffer, Value

from .cpuid import GROWS, set_cpuid2, set_cpuid2_without_update
from .exceptions import forget_nm
from .image import get_xsave2_all, set_xsave
from .machine import Errno, IoctlMachine
from .process import advertise_all, advertise_permitted, advertise_sizes_of_all

__all__ = ["MUTANTS"]

INTEL = "sapphire-rapids"


def accept_any_xcrs(s: IoctlMachine, k: Constants, value: int) -> None:
    """Store XCR0 without a look at it."""
    s.vcpu_xcr0 = value


def refuse_xss(s: IoctlMachine, k: Constants) -> None:
    """Let a guest that has IA32_XSS take a #GP for writing it."""
    s.ghost_wrong_gp = 1
    finish(s, k)


def permit_late(s: IoctlMachine, k: Constants, requested: int) -> None:
    """Add the request, whether or not there is a vCPU."""
    s.perm_guest |= requested
    if s.perm_locked == 0:
        s.ghost_perm |= requested


def grow_in_name(s: IoctlMachine, k: Constants) -> None:
    """Enable the tiles in the guest's fpstate, and leave its size as it is."""
    s.fp_xfeatures[Buffer.GUEST] |= TILE


def keep_refused_cpuid(
    s: IoctlMachine, k: Constants, xcr0: int, xss: int, features: int, memory: int
) -> int:
    """Set the CPUID; keep it even if the fpstate cannot grow."""
    outcome = set_cpuid2(s, k, xcr0, xss, features, memory)
    if s.uapi_errno == Errno.EPERM:
        s.vcpu_cpuid_xcr0 = xcr0
    return GROWS if outcome == GROWS else 0


def copy_wrongly(s: IoctlMachine, k: Constants, xstate_bv: int, mxcsr_legal: int) -> None:
    """Copy the header of the image and none of its contents."""
    set_xsave(s, k, xstate_bv, mxcsr_legal)
    s.fp_sse[Buffer.GUEST] = Value.INIT


def _xss_stays_the_hosts(program: Program) -> Program:
    labels = [f"{path.name}.{step.name}" for path in program.paths() for step in path.steps]
    label = next(each for each in labels if each.endswith(".load_guest_xss"))
    return program.replaced(label, effect=nothing)


MUTANTS = (
    Mutant(
        "a new XCR0 is not noticed",
        "ioctls-cpuid",
        INTEL,
        with_step("kvm_emulate_xsetbv.update_cpuid", nothing),
        kernel=NEWEST,
    ),
    Mutant(
        "KVM_SET_SREGS does not reset the MMU",
        "ioctls-pkru",
        INTEL,
        with_step("set_sregs.kvm_mmu_reset_context", nothing),
        kernel=NEWEST,
    ),
    Mutant(
        "KVM_SET_XCRS is not checked",
        "ioctls-cpuid",
        INTEL,
        with_event("KVM_SET_XCRS", accept_any_xcrs),
        kernel=NEWEST,
    ),
    Mutant(
        "a guest's write of IA32_XSS is refused",
        "ioctls-xss",
        INTEL,
        with_step("set_msr_xss.set_msr_xss", refuse_xss),
        kernel=NEWEST,
    ),
    Mutant(
        "permissions are not locked",
        "ioctls-permissions",
        INTEL,
        with_event("ARCH_REQ_XCOMP_GUEST_PERM", permit_late),
        kernel=NEWEST,
    ),
    Mutant(
        "the fpstate keeps its size",
        "ioctls-permissions",
        INTEL,
        with_step("fpstate_grows.swap_fpstate", grow_in_name),
        kernel=NEWEST,
    ),
    Mutant(
        "TILECFG is advertised alone",
        "ioctls-permissions",
        INTEL,
        with_event("KVM_GET_SUPPORTED_CPUID", advertise_permitted),
        kernel=NEWEST,
    ),
    Mutant(
        "everything is advertised",
        "ioctls-permissions",
        INTEL,
        with_event("KVM_GET_SUPPORTED_CPUID", advertise_all),
        kernel=NEWEST,
    ),
    Mutant(
        "sizes of everything are advertised",
        "ioctls-permissions",
        INTEL,
        with_event("KVM_GET_SUPPORTED_CPUID", advertise_sizes_of_all),
        kernel=NEWEST,
    ),
    Mutant(
        "a refused CPUID is kept",
        "ioctls-permissions",
        INTEL,
        with_event("KVM_SET_CPUID2", keep_refused_cpuid),
        kernel=NEWEST,
    ),
    Mutant(
        "the old CPUID is not brought up to date",
        "ioctls-cpuid",
        INTEL,
        with_event("KVM_SET_CPUID2", set_cpuid2_without_update),
        kernel=NEWEST,
    ),
    Mutant(
        "KVM_SET_XSAVE copies the header alone",
        "ioctls-xsave",
        INTEL,
        with_event("KVM_SET_XSAVE", copy_wrongly),
        kernel=NEWEST,
    ),
    Mutant(
        "KVM_GET_XSAVE2 shows everything",
        "ioctls-xsave",
        INTEL,
        with_event("KVM_GET_XSAVE2", get_xsave2_all),
        kernel=NEWEST,
    ),
    Mutant(
        "a #NM is not queued",
        "ioctls-nm",
        INTEL,
        with_step("handle_exit.handle_exception_nmi", forget_nm),
        kernel=NEWEST,
    ),
    Mutant("IA32_XSS is not loaded", "ioctls-xss", INTEL, _xss_stays_the_hosts, kernel=NEWEST),
    Mutant(
        "IA32_XSS is not listed",
        "ioctls-xss",
        INTEL,
        changed={"xss_to_be_saved": "no"},
        kernel=NEWEST,
    ),
)
