# SPDX-License-Identifier: Apache-2.0
"""IA32_XFD and IA32_XFD_ERR: by ioctl, by the guest, and when a #NM of the guest is saved.

Source: arch/x86/kvm/x86.c kvm_set_msr_common(), __msr_io(); arch/x86/kernel/fpu/core.c fpu_update_guest_xfd();
arch/x86/kvm/vmx/vmx.c vmx_set_msr(), handle_nm_fault_irqoff().
"""

from xsavvy.checker import Event, Path
from xsavvy.kvm.ioctls import set_xfd_accepted
from xsavvy.model.constants import Constants
from xsavvy.model.emulate import GP, UPDATE_GUEST_XFD, finish
from xsavvy.model.run import handle_exit_irqoff
from xsavvy.model.values import TILE, USER_MODE, Buffer, Exit
from xsavvy.model.vmm import vmm_event
from xsavvy.model.xfeatures import clear_xfd_err
from xsavvy.model.xstate import installed_fpstate

from .choices import XfdErrSave
from .machine import Errno, IoctlMachine
from .process import drop_image
from .xfeatures import supported_xcr0

__all__ = [
    "SET_MSRS_XFD",
    "check_xfd",
    "clear_xfd_err_if_saved",
    "save_xfd_err",
    "save_xfd_err_late",
    "save_xfd_err_unless_ts",
    "xfd_events",
]

CONTINUES = 1
X86 = "linux:arch/x86/kvm/x86.c"


def check_xfd(s: IoctlMachine, k: Constants) -> int:
    """Refuse a guest's WRMSR of IA32_XFD that its CPUID does not cover: #GP."""
    has_xfd = 1 if supported_xcr0(s, k) & TILE else 0
    if not set_xfd_accepted(s.vcpu_exit_value, supported_xcr0(s, k), has_xfd, 0):
        finish(s, k)
        return GP
    return 0


def xfd_can_be_set(s: IoctlMachine, k: Constants) -> bool:
    """KVM_SET_MSRS of IA32_XFD, on a vCPU whose image in memory names no tiles.

    What happens to an image that does is not asked here.
    """
    return s.perm_locked != 0 and s.fp_xstate_bv[Buffer.GUEST] & TILE == 0 and k.xfd_capable != 0


def set_msrs_xfd(s: IoctlMachine, k: Constants, value: int) -> int:
    """KVM_SET_MSRS of IA32_XFD: refuse what the guest's CPUID does not cover."""
    drop_image(s, k)
    if not set_xfd_accepted(value, supported_xcr0(s, k), 0, 1):
        s.uapi_errno = Errno.EINVAL
        return 0
    s.uapi_errno = Errno.SUCCESS
    s.vcpu_exit_value = value
    return CONTINUES


def xfd_err_can_be_set(s: IoctlMachine, k: Constants) -> bool:
    """KVM_SET_MSRS of IA32_XFD_ERR, on a host that has XFD."""
    return s.perm_locked != 0 and k.xfd_capable != 0


def set_msrs_xfd_err(s: IoctlMachine, k: Constants, value: int) -> None:
    """KVM_SET_MSRS of IA32_XFD_ERR: store it; the register follows at the next entry."""
    if not set_xfd_accepted(value, supported_xcr0(s, k), 0, 1):
        s.uapi_errno = Errno.EINVAL
        return
    s.uapi_errno = Errno.SUCCESS
    s.vcpu_xfd_err = value
    s.ghost_xfd_err = value


# A guest's #NM.


def save_xfd_err(s: IoctlMachine, k: Constants) -> None:
    """Save IA32_XFD_ERR at any #NM of a guest that uses XFD, with interrupts off."""
    if k.xfd_err_save == XfdErrSave.IRQS_OFF:
        handle_exit_irqoff(s, k)


def save_xfd_err_unless_ts(s: IoctlMachine, k: Constants) -> None:
    """Save IA32_XFD_ERR at a #NM that is not CR0.TS's.

    Source: commit 3ef0df3f760f (KVM: VMX: Don't modify guest XFD_ERR if CR0.TS=1).
    """
    if s.vcpu_nm_of_ts == 0:
        save_xfd_err(s, k)


def clear_xfd_err_if_saved(s: IoctlMachine, k: Constants) -> None:
    """Zero IA32_XFD_ERR, unless its value is still wanted."""
    if k.xfd_err_save == XfdErrSave.IRQS_OFF:
        clear_xfd_err(s, k)


def save_xfd_err_late(s: IoctlMachine, k: Constants) -> None:
    """Save and zero IA32_XFD_ERR in the handler of the #NM, with interrupts on, where the design does it there."""
    if k.xfd_err_save == XfdErrSave.IRQS_ON:
        if s.vcpu_exit == Exit.DEVICE_NOT_AVAILABLE and s.fp_xfd[installed_fpstate(s, k)] & TILE:
            s.vcpu_xfd_err = s.hw_xfd_err[s.cpu]
        s.hw_xfd_err[s.cpu] = 0
    s.vcpu_nm_of_ts = 0


SET_MSRS_XFD = Path(
    "set_msrs_xfd",
    UPDATE_GUEST_XFD,
    then="exit_to_user",
    source=f"{X86} __msr_io(), kvm_set_msr_common()",
)


def xfd_events() -> tuple[Event, ...]:
    """Return KVM_SET_MSRS of both MSRs."""
    source = f"{X86} kvm_set_msr_common()"
    return (
        vmm_event(
            "KVM_SET_MSRS IA32_XFD",
            set_msrs_xfd,
            when=xfd_can_be_set,
            choose={"value": (0, TILE)},
            to={CONTINUES: "set_msrs_xfd"},
            leaves=USER_MODE,
            source=source,
        ),
        vmm_event(
            "KVM_SET_MSRS IA32_XFD_ERR",
            set_msrs_xfd_err,
            when=xfd_err_can_be_set,
            choose={"value": (0, TILE)},
            source=source,
        ),
    )
