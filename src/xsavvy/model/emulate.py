# SPDX-License-Identifier: Apache-2.0
"""What KVM does with an exit, once interrupts are on: XSETBV, CR4, the MSRs, #NM.

Every emulation runs preemptibly, with the host's XCR0, XSS and PKRU loaded and the guest's registers still in the
CPU unless somebody took them.
Source: arch/x86/kvm/x86.c kvm_emulate_xsetbv(), kvm_set_cr4(), kvm_set_msr_common(); seed 001 for the growth of the
fpstate on demand.
"""

from xsavvy.checker import Path, Step
from xsavvy.kvm.rules import needs_reallocation, set_xcr_ok, set_xfd_ok, set_xss_ok

from .constants import Constants, XfdAllocate, XfdHeader, XfdIntercept
from .fpu import nothing
from .machine import Machine
from .values import BH_OFF, TILE, Buffer, Exit, Realloc, Task, Value
from .xstate import xfd_update_state

__all__ = ["complete_userspace_io", "exit_handlers", "fpstate_realloc", "lose_disabled_tiles"]

X86 = "linux:arch/x86/kvm/x86.c"
UPDATE = "linux:arch/x86/kernel/fpu/core.c fpu_update_guest_xfd()"
SEED = "thread:seed 001"
GP = 1
"""The outcome of a write that is refused; a write that asks userspace for room has Exit.USERSPACE."""


def finish(s: Machine, k: Constants) -> None:
    """Forget the exit: it has been handled."""
    s.vcpu_exit = Exit.NONE
    s.vcpu_exit_value = 0


def dispatch(s: Machine, k: Constants) -> int:
    """Choose the handler by the exit reason; an interrupt needs none any more."""
    reason = s.vcpu_exit
    if (
        reason == Exit.INTERRUPT
        or reason == Exit.NMI
        or reason == Exit.DEVICE_NOT_AVAILABLE
        or reason == Exit.USERSPACE
    ):
        finish(s, k)
    return reason


def must_grow(s: Machine, k: Constants, xcr0: int, xfd: int) -> bool:
    """Say whether the fpstate lacks room for what the guest asks to enable."""
    if k.xfd_allocate != XfdAllocate.FIRST_ENABLE:
        return False
    return needs_reallocation(xcr0, xfd, s.fp_xfeatures[Buffer.GUEST]) != 0


def note_enabled_with_room(s: Machine, k: Constants, xcr0: int, xfd: int) -> None:
    """Option 3 of seed 001: stop intercepting when tiles are enabled and the fpstate has room already."""
    if k.xfd_intercept == XfdIntercept.OPTION_3 and xcr0 & TILE & ~xfd:
        s.vcpu_xfd_passthrough = 1


def set_xcr0(s: Machine, k: Constants) -> int:
    """Check and store XCR0; the register follows at the next entry.

    Where the fpstate grows on demand, XCR0 is stored before the request goes to userspace.
    """
    value = s.vcpu_exit_value
    if not set_xcr_ok(value, k.guest_xcr0):
        finish(s, k)
        return Exit.NONE
    s.vcpu_xcr0 = value
    if must_grow(s, k, value, s.fp_xfd[Buffer.GUEST]):
        s.vcpu_realloc = Realloc.REQUESTED
        return Exit.USERSPACE
    note_enabled_with_room(s, k, value, s.fp_xfd[Buffer.GUEST])
    finish(s, k)
    return Exit.NONE


def set_cr4(s: Machine, k: Constants) -> None:
    """Store CR4.OSXSAVE and CR4.PKE."""
    s.vcpu_cr4 = s.vcpu_exit_value
    finish(s, k)


def set_msr_xss(s: Machine, k: Constants) -> None:
    """Check and store IA32_XSS; a bit that KVM does not offer is a #GP for the guest."""
    if set_xss_ok(s.vcpu_exit_value, k.guest_xss):
        s.vcpu_xss = s.vcpu_exit_value
    finish(s, k)


def set_msr_xfd_err(s: Machine, k: Constants) -> None:
    """Store IA32_XFD_ERR: the write of the guest's #NM handler always exits."""
    if set_xfd_ok(s.vcpu_exit_value, k.guest_xcr0):
        s.vcpu_xfd_err = s.vcpu_exit_value
        s.ghost_xfd_err = s.vcpu_exit_value
    finish(s, k)


# WRMSR of IA32_XFD, step by step.


def check_xfd(s: Machine, k: Constants) -> int:
    """Refuse reserved bits; ask for a larger fpstate where it grows on demand."""
    value = s.vcpu_exit_value
    if not set_xfd_ok(value, k.guest_xcr0):
        finish(s, k)
        return GP
    if must_grow(s, k, s.vcpu_xcr0, value):
        s.vcpu_realloc = Realloc.REQUESTED
        if k.xfd_intercept == XfdIntercept.OPTION_1:
            s.vcpu_xfd_passthrough = 1
        return Exit.USERSPACE
    return 0


def clear_header(s: Machine, k: Constants) -> None:
    """Drop disabled components from the image in memory, if that is where the registers are.

    Source: arch/x86/kernel/fpu/core.c fpu_update_guest_xfd(); commit b45f72177594.
    """
    if k.xfd_header == XfdHeader.CLEARED and s.tif_need_fpu_load[Task.VMM]:
        s.fp_xstate_bv[Buffer.GUEST] &= ~s.vcpu_exit_value


def lose_disabled_tiles(s: Machine, k: Constants, xfd: int) -> None:
    """Let the ghost know that the guest disabled its tiles, which it may lose by that.

    Source: SDM "Extended Feature Disable (XFD)"; seed 001, its postscript.
    """
    if xfd & TILE and s.ghost_tile != Value.INIT:
        s.ghost_tile = Value.ANY
    s.ghost_xfd = xfd


def set_fpstate_xfd(s: Machine, k: Constants) -> None:
    """Store the value in the guest's fpstate and, as that is installed, in the register."""
    s.fp_xfd[Buffer.GUEST] = s.vcpu_exit_value
    if s.guest_fp_in_use:
        xfd_update_state(s, k, Buffer.GUEST)
    lose_disabled_tiles(s, k, s.vcpu_exit_value)


def disable_intercept(s: Machine, k: Constants) -> None:
    """Let later writes through, by the chosen rule."""
    value = s.vcpu_exit_value
    if k.xfd_intercept == XfdIntercept.FIRST_NONZERO and value:
        s.vcpu_xfd_passthrough = 1
    note_enabled_with_room(s, k, s.vcpu_xcr0, value)
    finish(s, k)


UPDATE_GUEST_XFD = (
    Step("fpregs_lock", nothing, enters=BH_OFF, source=UPDATE),
    Step("clear_header", clear_header, needs=BH_OFF, source=UPDATE),
    Step("set_fpstate_xfd", set_fpstate_xfd, needs=BH_OFF, source=UPDATE),
    Step("fpregs_unlock", nothing, leaves=BH_OFF, source=UPDATE),
    Step(
        "disable_intercept",
        disable_intercept,
        source="linux:arch/x86/kvm/vmx/vmx.c vmx_set_msr(); commit b5274b1b7ba8; seed 001",
    ),
)
"""What an accepted write of IA32_XFD does, by the guest or by its VMM: fpu_update_guest_xfd(), then vmx_set_msr()."""


# Growth on demand: in the kernel, after the guest's fpstate was taken out.


def fpstate_realloc(s: Machine, k: Constants) -> None:
    """Allocate the larger fpstate, copy the old one's contents, and enable the tiles in it.

    The write of IA32_XFD that asked for it is carried out by this, and by nothing else.
    Source: seed 001's series, fpu_swap_kvm_fpstate() with a request pending (arch/x86/kernel/fpu/core.c of v1).
    """
    if s.vcpu_realloc == Realloc.REQUESTED:
        s.fp_xfeatures[Buffer.GUEST] |= TILE
        s.fp_xfd[Buffer.GUEST] &= ~TILE
        s.vcpu_realloc = Realloc.DONE


def complete_userspace_io(s: Machine, k: Constants) -> None:
    """Skip the instruction that asked for the larger fpstate: for the guest it is done.

    Option 2 of seed 001 stops intercepting here, if the fpstate can serve what the guest asked for.
    """
    if s.vcpu_realloc != Realloc.NONE:
        if s.vcpu_exit == Exit.WRMSR_XFD:
            lose_disabled_tiles(s, k, s.vcpu_exit_value)
        if k.xfd_intercept == XfdIntercept.OPTION_2 and s.fp_xfeatures[Buffer.GUEST] & TILE:
            s.vcpu_xfd_passthrough = 1
        s.vcpu_realloc = Realloc.NONE
        finish(s, k)


def exit_handlers() -> tuple[Path, ...]:
    """Return the paths from the end of vcpu_enter_guest() back to the run loop or to userspace."""
    xfd_source = f"{X86} kvm_set_msr_common()"
    return (
        Path(
            "handle_exit",
            (
                Step(
                    "handle_exit",
                    dispatch,
                    to={
                        Exit.XSETBV: "kvm_emulate_xsetbv",
                        Exit.CR4: "kvm_set_cr4",
                        Exit.WRMSR_XSS: "set_msr_xss",
                        Exit.WRMSR_XFD: "set_msr_xfd",
                        Exit.WRMSR_XFD_ERR: "set_msr_xfd_err",
                        Exit.USERSPACE: "kvm_put_guest_fpu",
                    },
                    source="linux:arch/x86/kvm/vmx/vmx.c vmx_handle_exit()",
                ),
            ),
            then="vcpu_run",
        ),
        Path(
            "kvm_emulate_xsetbv",
            (
                Step(
                    "__kvm_set_xcr",
                    set_xcr0,
                    to={Exit.USERSPACE: "kvm_put_guest_fpu"},
                    source=f"{X86} __kvm_set_xcr()",
                ),
            ),
            then="vcpu_run",
        ),
        Path(
            "kvm_set_cr4",
            (Step("kvm_set_cr4", set_cr4, source=f"{X86} kvm_set_cr4()"),),
            then="vcpu_run",
        ),
        Path(
            "set_msr_xss", (Step("set_msr_xss", set_msr_xss, source=xfd_source),), then="vcpu_run"
        ),
        Path(
            "set_msr_xfd_err",
            (Step("set_msr_xfd_err", set_msr_xfd_err, source=xfd_source),),
            then="vcpu_run",
        ),
        Path(
            "set_msr_xfd",
            (
                Step(
                    "check_xfd",
                    check_xfd,
                    to={Exit.USERSPACE: "kvm_put_guest_fpu", GP: "vcpu_run"},
                    source=xfd_source,
                ),
                *UPDATE_GUEST_XFD,
            ),
            then="vcpu_run",
        ),
    )
