# SPDX-License-Identifier: Apache-2.0
"""KVM_SET_MSRS with a list: an MSR that lives in the guest's registers, and IA32_XFD after it.

At the first such MSR the guest's fpstate is swapped in; each access then makes sure, under fpregs_lock(), that the
registers are the guest's; after the list it is swapped out. Between any two of these the thread can be interrupted.
Source: arch/x86/kvm/x86.c __msr_io(), kvm_access_xstate_msr(); arch/x86/kvm/fpu.h kvm_fpu_get().
"""

from dataclasses import replace

from xsavvy.checker import Event, Path, Step
from xsavvy.isa.components import CET_U
from xsavvy.kvm.ioctls import set_xfd_accepted
from xsavvy.model.constants import Constants
from xsavvy.model.fpu import (
    kvm_fpu_get,
    kvm_load_guest_fpu,
    kvm_put_guest_fpu,
)
from xsavvy.model.values import TILE, USER_MODE, Value
from xsavvy.model.vmm import vmm_event

from .machine import Errno, IoctlMachine
from .process import drop_image
from .xfd import SET_MSRS_XFD
from .xfeatures import supported_xcr0

__all__ = ["MSR_LOOP", "msr_events"]

CONTINUES = 1
STOPS = 1
X86 = "linux:arch/x86/kvm/x86.c"
ACCESS = f"{X86} kvm_access_xstate_msr()"


def guest_has_cet(s: IoctlMachine, k: Constants) -> bool:
    """The guest has U_CET and tiles, so that both MSRs can be in one list."""
    return s.perm_locked != 0 and k.guest_xss & CET_U != 0


def set_msrs(s: IoctlMachine, k: Constants, xfd: int) -> int:
    """KVM_SET_MSRS of IA32_U_CET and IA32_XFD: the first needs the guest's registers."""
    drop_image(s, k)
    s.uapi_errno = Errno.SUCCESS
    s.vcpu_exit_value = xfd
    return CONTINUES


def wrmsr_u_cet(s: IoctlMachine, k: Constants) -> None:
    """Write IA32_U_CET; the register is the guest's now."""
    s.hw_cet_u[s.cpu] = Value.GUEST2
    s.hw_xinuse[s.cpu] |= CET_U
    s.ghost_cet_u = Value.GUEST2


def check_xfd_entry(s: IoctlMachine, k: Constants) -> int:
    """Go on to the list's next entry, or stop at one that is not accepted."""
    if set_xfd_accepted(s.vcpu_exit_value, supported_xcr0(s, k), 0, 1):
        return 0
    s.vcpu_exit_value = 0
    s.uapi_errno = Errno.EINVAL
    return STOPS


MSR_LOOP = (
    replace(kvm_load_guest_fpu(then="msr_io"), name="msr_io_load"),
    Path(
        "msr_io",
        (
            *kvm_fpu_get(Step("wrmsr_u_cet", wrmsr_u_cet, source=ACCESS)),
            Step(
                "check_xfd",
                check_xfd_entry,
                to={STOPS: "msr_io_put"},
                source=f"{X86} kvm_set_msr_common()",
            ),
            *SET_MSRS_XFD.steps,
        ),
        then="msr_io_put",
        source=f"{X86} __msr_io()",
    ),
    replace(kvm_put_guest_fpu(then="exit_to_user"), name="msr_io_put"),
)


def msr_events() -> tuple[Event, ...]:
    """Return KVM_SET_MSRS with two entries."""
    return (
        vmm_event(
            "KVM_SET_MSRS IA32_U_CET, IA32_XFD",
            set_msrs,
            when=guest_has_cet,
            choose={"xfd": (0, TILE)},
            to={CONTINUES: "msr_io_load"},
            leaves=USER_MODE,
            source=f"{X86} __msr_io()",
        ),
    )
