# SPDX-License-Identifier: Apache-2.0
"""The move itself: the VMM stops the vCPU, saves it, restores it on another host, and runs it there.

The order of restoring is a choice; so is the list of MSRs, and what the VMM does when the destination refuses. QEMU
up to 10 and Firecracker restore SREGS, XSAVE, XCRS, MSRs; KVM's selftests SREGS, MSRs, XCRS, XSAVE.
Sources: qemu target/i386/kvm/kvm.c kvm_arch_put_registers(); firecracker src/vmm/src/arch/x86_64/vcpu.rs
restore_state(); linux tools/testing/selftests/kvm/lib/x86/processor.c vcpu_load_state().
"""

from collections.abc import Callable

from xsavvy.checker import REST, Path, Step
from xsavvy.isa.components import CET_U, PKRU, XTILEDATA
from xsavvy.kvm.migration import saved_xss

from .constants import MoveConstants
from .fpstate import create_vcpu, load_guest_fpu
from .image import get_xsave, set_xsave
from .machine import Moving
from .values import (
    SUPERVISOR,
    AfterRefusal,
    Fault,
    Host,
    Ioctl,
    Phase,
    RestoreOrder,
    SavedMsrs,
)
from .vcpu import (
    request_guest_permission,
    set_cpuid2,
    set_msr_u_cet,
    set_msr_xfd,
    set_msr_xss,
    set_sregs,
    set_xcrs,
    supported,
)

__all__ = ["journey", "move_is_over", "vmm_runs"]

SRC = Host.SOURCE
DST = Host.DESTINATION
GIVES_UP = 1
GOES_ON = 2


def vmm_runs(s: Moving, k: MoveConstants) -> bool:
    """The VMM goes on while nothing went wrong in a kernel."""
    return s.fault == Fault.NONE


def move_is_over(s: Moving, k: MoveConstants) -> bool:
    """The guest runs at the destination, or stays where it was, or a kernel failed."""
    return s.phase == Phase.MOVED or s.phase == Phase.REFUSED or s.fault != Fault.NONE


# Saving.


def stop_vcpu(s: Moving, k: MoveConstants) -> None:
    """Stop running the vCPU at the source."""
    s.phase = Phase.SAVING


def vcpu_is_worth_saving(s: Moving, k: MoveConstants) -> bool:
    """The guest has run since the VMM last set its registers."""
    return s.vcpu_has_run == 1


def save_sregs(s: Moving, k: MoveConstants) -> None:
    """Save CR4."""
    s.uapi_cr4 = s.vcpu_cr4[SRC]


def save_image(s: Moving, k: MoveConstants) -> None:
    """Save the image of the guest's registers."""
    get_xsave(s, k, SRC)


def save_xcrs(s: Moving, k: MoveConstants) -> None:
    """Save XCR0; a host without XSAVE has none to save."""
    s.uapi_xcr0 = s.vcpu_xcr0[SRC] if k.src_xsave else 0


def save_msrs(s: Moving, k: MoveConstants) -> None:
    """Save the MSRs: IA32_XSS if it is on the VMM's list, IA32_XFD and IA32_U_CET if the guest has them."""
    wanted = 1 if k.saved_msrs == SavedMsrs.ADVERTISED else 0
    s.uapi_has_xss = saved_xss(k.src_xss_to_be_saved, supported(k, SRC) & SUPERVISOR, wanted)
    s.uapi_xss = s.vcpu_xss[SRC] if s.uapi_has_xss else 0
    s.uapi_xfd = s.fp_xfd[SRC]
    s.uapi_cet_u = 1 if s.fp_xstate_bv[SRC] & CET_U else 0
    s.phase = Phase.RESTORING


# Restoring.


def refused(s: Moving, k: MoveConstants, errno: int, ioctl: int) -> int:
    """Note which call failed, and say what the VMM does about it: 0 where it succeeded."""
    if errno == 0:
        return 0
    s.uapi_refused = ioctl
    return GOES_ON if k.after_refusal == AfterRefusal.GOES_ON else GIVES_UP


def ask_permission(s: Moving, k: MoveConstants) -> int:
    """Ask for tiles if the guest has them."""
    if s.vcpu_cpuid[SRC] & XTILEDATA == 0:
        return 0
    return refused(s, k, request_guest_permission(s, k, DST), Ioctl.ARCH_PRCTL)


def create_at_destination(s: Moving, k: MoveConstants) -> None:
    """Create the vCPU."""
    create_vcpu(s, k, DST)


def restore_cpuid(s: Moving, k: MoveConstants) -> int:
    """Give the vCPU the CPUID that the guest knows."""
    return refused(s, k, set_cpuid2(s, k, DST, s.vcpu_cpuid[SRC]), Ioctl.SET_CPUID2)


def restore_sregs(s: Moving, k: MoveConstants) -> int:
    """Restore CR4."""
    return refused(s, k, set_sregs(s, k, DST, s.uapi_cr4), Ioctl.SET_SREGS)


def restore_image(s: Moving, k: MoveConstants) -> int:
    """Restore the image of the guest's registers."""
    errno = set_xsave(s, k, DST, s.uapi_xstate_bv, s.uapi_compacted, s.uapi_pkru, 1)
    return refused(s, k, errno, Ioctl.SET_XSAVE)


def restore_xcrs(s: Moving, k: MoveConstants) -> int:
    """Restore XCR0, on a host that has it."""
    if s.uapi_xcr0 == 0 or not k.dst_xsave:
        return 0
    return refused(s, k, set_xcrs(s, k, DST, s.uapi_xcr0), Ioctl.SET_XCRS)


def restore_msrs(s: Moving, k: MoveConstants) -> int:
    """Restore the MSRs; the first that is refused ends the call."""
    errno = 0
    if s.uapi_has_xss:
        errno = set_msr_xss(s, k, DST, s.uapi_xss)
    if errno == 0 and s.vcpu_cpuid[SRC] & XTILEDATA:
        errno = set_msr_xfd(s, k, DST, s.uapi_xfd)
    if errno == 0 and s.uapi_cet_u:
        errno = set_msr_u_cet(s, k, DST)
    return refused(s, k, errno, Ioctl.SET_MSRS)


def run_at_destination(s: Moving, k: MoveConstants) -> None:
    """Run the guest, which finds its registers, unless the kernel faults on them."""
    s.hw_contents = load_guest_fpu(s, k, DST) | (PKRU if s.vcpu_pkru[DST] else 0)
    if s.fault == Fault.NONE:
        s.phase = Phase.MOVED


def give_up(s: Moving, k: MoveConstants) -> None:
    """Report the failure and leave the guest where it was."""
    s.phase = Phase.REFUSED


X86 = "linux:arch/x86/kvm/x86.c"
REFUSED = {GIVES_UP: "give_up", GOES_ON: "resume"}


def _restoring(name: str, effect: Callable[..., int], source: str) -> Step:
    return Step(name, effect, source=source, to=REFUSED)


def _restore_steps(order: int) -> tuple[Step, ...]:
    sregs = _restoring("KVM_SET_SREGS", restore_sregs, f"{X86} __set_sregs_common()")
    image = _restoring("KVM_SET_XSAVE", restore_image, f"{X86} kvm_vcpu_ioctl_x86_set_xsave()")
    xcrs = _restoring("KVM_SET_XCRS", restore_xcrs, f"{X86} kvm_vcpu_ioctl_x86_set_xcrs()")
    msrs = _restoring("KVM_SET_MSRS", restore_msrs, f"{X86} kvm_set_msr_common()")
    if order == RestoreOrder.SELFTESTS:
        return (sregs, msrs, xcrs, image)
    return (sregs, image, xcrs, msrs)


def journey(order: int) -> tuple[Path, ...]:
    """Return the VMM's paths, restoring in the given order."""
    prctl = "linux:arch/x86/kernel/fpu/xstate.c xstate_request_perm()"
    alloc = "linux:arch/x86/kernel/fpu/core.c fpu_alloc_guest_fpstate()"
    cpuid = "linux:arch/x86/kvm/cpuid.c kvm_set_cpuid()"
    run = "linux:arch/x86/kernel/fpu/core.c fpu_swap_kvm_fpstate()"
    return (
        Path(
            "source",
            (Step("stop_vcpu", stop_vcpu, when=vcpu_is_worth_saving, source="userspace"),),
            then="save",
            source="userspace: the guest runs until the VMM stops it",
        ),
        Path(
            "save",
            (
                Step("KVM_GET_SREGS", save_sregs, source=f"{X86} __get_sregs_common()"),
                Step("KVM_GET_XSAVE2", save_image, source=f"{X86} kvm_vcpu_ioctl_x86_get_xsave2()"),
                Step("KVM_GET_XCRS", save_xcrs, source=f"{X86} kvm_vcpu_ioctl_x86_get_xcrs()"),
                Step("KVM_GET_MSRS", save_msrs, source=f"{X86} kvm_get_msr_common()"),
            ),
            then="restore",
            source="qemu target/i386/kvm/kvm.c kvm_arch_get_registers()",
        ),
        Path(
            "restore",
            (
                _restoring("arch_prctl", ask_permission, prctl),
                Step("KVM_CREATE_VCPU", create_at_destination, source=alloc),
                _restoring("KVM_SET_CPUID2", restore_cpuid, cpuid),
                *_restore_steps(order),
            ),
            then="resume",
            source="qemu target/i386/kvm/kvm.c kvm_arch_put_registers()",
        ),
        Path(
            "resume",
            (Step("KVM_RUN", run_at_destination, source=run),),
            then=REST,
            source="userspace",
        ),
        Path(
            "give_up",
            (Step("report", give_up, source="userspace"),),
            then=REST,
            source="userspace",
        ),
    )
