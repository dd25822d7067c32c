# SPDX-License-Identifier: Apache-2.0
"""How KVM itself reads and writes the guest's CET registers.

U_CET and the PLx_SSP are read from the registers and not from the image: KVM locks the FPU, reloads it if somebody
took it, and executes RDMSR or WRMSR. KVM_RUN has swapped the guest's registers in; KVM_GET_MSRS and KVM_SET_MSRS do
it at the first such index, and put the user's back after the last. S_CET, SSP and INT_SSP_TAB are fields of the VMCS.
Source: arch/x86/kvm/msrs.c __msr_io(), kvm_access_xstate_msr(), kvm_get_set_one_reg(); arch/x86/kvm/fpu.h
kvm_fpu_get(); commits e44eb58334bb, 9d6812d41535.
"""

from collections.abc import Callable
from dataclasses import replace

from xsavvy.checker import Event, Path, Program, Step
from xsavvy.isa.components import CET_U
from xsavvy.kvm.cet import SHSTK
from xsavvy.model.constants import Constants
from xsavvy.model.fpu import (
    kvm_fpu_get,
    kvm_load_guest_fpu,
    kvm_put_guest_fpu,
)
from xsavvy.model.pkru import sample_host_pkru
from xsavvy.model.run import vcpu_put
from xsavvy.model.values import USER_MODE, Exit, Value
from xsavvy.model.vmm import vmm_event

from .border import CetSwitch
from .guest import legal
from .machine import CetMachine, Ioctl

__all__ = [
    "MSR_EVENTS",
    "OWN_SWAPS",
    "extend_access",
    "finish_ssp_tab",
    "vcpu_load",
]

MSRS = "linux:arch/x86/kvm/msrs.c"
IO = f"{MSRS} __msr_io()"
ENTERED = 1
REFUSED = 1
OWN_SWAPS = ("msrs_put_guest_fpu", "reset_put_guest_fpu", "mp_put_guest_fpu")
"""The paths of this part that put the guest's registers away, as kvm_put_guest_fpu of the run loop does."""


def write_u_cet(s: CetMachine, k: Constants) -> None:
    """WRMSR of U_CET, for userspace."""
    s.ghost_cet_u = s.uapi_value
    if k.cet_switch == CetSwitch.ALL_AT_ENTRY:
        s.vcpu_cet_u = s.uapi_value
    else:
        s.hw_cet_u[s.cpu] = s.uapi_value
        s.hw_xinuse[s.cpu] |= CET_U


def check_value(s: CetMachine, k: Constants) -> int:
    """End the ioctl at a value that KVM refuses; what is loaded is put away all the same."""
    return REFUSED if s.vcpu_ioctl == Ioctl.SET_STATE and not legal(k, s.uapi_value) else 0


def access_u_cet(s: CetMachine, k: Constants) -> None:
    """RDMSR or WRMSR of U_CET, for userspace."""
    if s.vcpu_ioctl == Ioctl.SET_STATE:
        write_u_cet(s, k)
    elif k.cet_switch == CetSwitch.ALL_AT_ENTRY:
        s.uapi_cet_u = s.vcpu_cet_u
    else:
        s.uapi_cet_u = s.hw_cet_u[s.cpu]


def access_pl0_ssp(s: CetMachine, k: Constants) -> None:
    """RDMSR or WRMSR of PL0_SSP, for userspace."""
    if k.guest_cet & SHSTK == 0:
        return
    if s.vcpu_ioctl == Ioctl.SET_STATE:
        s.ghost_cet_s = s.uapi_value
        if k.cet_switch == CetSwitch.ALL_AT_ENTRY:
            s.vcpu_cet_s = s.uapi_value
        else:
            s.hw_cet_s[s.cpu] = s.uapi_value
    elif k.cet_switch == CetSwitch.ALL_AT_ENTRY:
        s.uapi_cet_s = s.vcpu_cet_s
    else:
        s.uapi_cet_s = s.hw_cet_s[s.cpu]


def access_s_cet(s: CetMachine, k: Constants) -> None:
    """Read or write the field with S_CET, for userspace."""
    if s.vcpu_ioctl == Ioctl.SET_STATE:
        s.vmcs_s_cet = s.uapi_value
        s.ghost_s_cet = s.uapi_value
    else:
        s.uapi_s_cet = s.vmcs_s_cet


def access_ssp(s: CetMachine, k: Constants) -> None:
    """Read or write the field with SSP, for userspace."""
    if s.vcpu_ioctl == Ioctl.SET_STATE:
        s.vmcs_ssp = s.uapi_value
        s.ghost_ssp = s.uapi_value
    else:
        s.uapi_ssp = s.vmcs_ssp


def set_msr_ssp_tab(s: CetMachine, k: Constants) -> None:
    """Write the field with INT_SSP_TAB, for the guest."""
    s.vmcs_ssp_tab = s.vcpu_msr_operand
    finish_ssp_tab(s, k)


def finish_ssp_tab(s: CetMachine, k: Constants) -> None:
    """Tell the guest that INT_SSP_TAB is written."""
    s.ghost_ssp_tab = s.vcpu_msr_operand
    s.vcpu_msr_operand = Value.INIT
    s.vcpu_exit = Exit.NONE


def vcpu_load(s: CetMachine, k: Constants) -> None:
    """Begin the period in which the vCPU belongs to this thread's CPU."""
    sample_host_pkru(s, k)


def put_and_return(s: CetMachine, k: Constants) -> None:
    """Give the vCPU back; userspace has its answer, and the buffers of the ioctl are gone."""
    vcpu_put(s, k)
    s.vcpu_ioctl = Ioctl.RUN
    s.uapi_value = Value.INIT
    s.uapi_cet_u = Value.ANY
    s.uapi_cet_s = Value.ANY
    s.uapi_s_cet = Value.ANY
    s.uapi_ssp = Value.ANY


# The VMM's ioctls.


def has_cet(s: CetMachine, k: Constants) -> bool:
    """The MSRs exist for a vCPU with CET."""
    return k.guest_cet != 0


def has_shadow_stacks(s: CetMachine, k: Constants) -> bool:
    """SSP exists for a vCPU with shadow stacks."""
    return k.guest_cet & SHSTK != 0


def get_state(s: CetMachine, k: Constants) -> int:
    """Ask for the guest's registers."""
    s.vcpu_ioctl = Ioctl.GET_STATE
    return ENTERED


def set_state(s: CetMachine, k: Constants) -> int:
    """Set the guest's registers, to the guest's first value."""
    s.vcpu_ioctl = Ioctl.SET_STATE
    s.uapi_value = Value.GUEST
    return ENTERED


def set_illegal_state(s: CetMachine, k: Constants) -> int:
    """Try to set reserved bits."""
    s.vcpu_ioctl = Ioctl.SET_STATE
    s.uapi_value = Value.OTHER
    return ENTERED


def _ioctl(name: str, effect: Callable[..., int], path: str, when: Callable[..., bool]) -> Event:
    return vmm_event(
        name,
        effect,
        when=when,
        to={ENTERED: path},
        leaves=USER_MODE,
        source=f"{MSRS} {path}()",
    )


MSR_EVENTS = (
    _ioctl("KVM_GET_MSRS", get_state, "kvm_msrs", has_cet),
    _ioctl("KVM_SET_MSRS", set_state, "kvm_msrs", has_cet),
    _ioctl("KVM_SET_MSRS of reserved bits", set_illegal_state, "kvm_msrs", has_cet),
    _ioctl("KVM_GET_ONE_REG", get_state, "kvm_get_set_one_reg", has_shadow_stacks),
    _ioctl("KVM_SET_ONE_REG", set_state, "kvm_get_set_one_reg", has_shadow_stacks),
)


# The paths.


def _access(name: str, effect: Callable[..., object], then: str) -> Path:
    source = f"{MSRS} kvm_access_xstate_msr()"
    return Path(name, kvm_fpu_get(Step("access", effect, source=source)), then, source)


def msr_paths() -> tuple[Path, ...]:
    """Return KVM_GET_MSRS and KVM_SET_MSRS of three MSRs, and the two ioctls for SSP."""
    one_reg = f"{MSRS} kvm_get_set_one_reg()"
    done = "linux:virt/kvm/kvm_main.c vcpu_put()"
    return (
        Path("kvm_msrs", (Step("vcpu_load", vcpu_load, source=IO),), "msrs_load_guest_fpu", IO),
        replace(kvm_load_guest_fpu(then="__kvm_set_msr"), name="msrs_load_guest_fpu"),
        Path(
            "__kvm_set_msr",
            (
                Step(
                    "check",
                    check_value,
                    to={REFUSED: "msrs_put_guest_fpu"},
                    source=f"{MSRS} __kvm_set_msr()",
                ),
            ),
            "access_u_cet",
        ),
        _access("access_u_cet", access_u_cet, "access_pl0_ssp"),
        _access("access_pl0_ssp", access_pl0_ssp, "access_s_cet"),
        Path(
            "access_s_cet",
            (Step("access", access_s_cet, source=f"{MSRS} __kvm_set_msr()"),),
            "msrs_put_guest_fpu",
        ),
        replace(kvm_put_guest_fpu(then="ioctl_done"), name="msrs_put_guest_fpu"),
        Path(
            "kvm_get_set_one_reg",
            (
                Step("vcpu_load", vcpu_load, source=one_reg),
                Step("access_ssp", access_ssp, source=one_reg),
            ),
            "ioctl_done",
            one_reg,
        ),
        Path("ioctl_done", (Step("vcpu_put", put_and_return, source=done),), "exit_to_user", done),
        Path(
            "set_msr_ssp_tab",
            (Step("set_msr_ssp_tab", set_msr_ssp_tab, source=f"{MSRS} __kvm_set_msr()"),),
            "vcpu_run",
        ),
    )


def extend_access(program: Program) -> Program:
    """Return the program with the MSR ioctls and the intercepted MSR."""
    return program.with_path("vcpu", *msr_paths()).with_event(*MSR_EVENTS)
