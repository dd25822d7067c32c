# SPDX-License-Identifier: Apache-2.0
"""WRMSR of U_CET, PL0_SSP and S_CET where it exits: KVM writes the register for the guest, inside KVM_RUN.

The guest's registers are swapped in there, but may have been taken since the exit, so the write locks and reloads as
userspace's does. A kernel without commit 25f3840483e6 (on VMX) or 38c46bdbf998 (on SVM) intercepts all three, and so
does userspace by an MSR filter.
Source: arch/x86/kvm/msrs.c kvm_set_xstate_msr(); arch/x86/kvm/vmx/vmx.c vmx_recalc_msr_intercepts().
"""

from collections.abc import Callable, Mapping
from enum import IntEnum

from xsavvy.checker import Path, Program, Step
from xsavvy.isa.components import CET_U
from xsavvy.model.constants import Constants
from xsavvy.model.fpu import kvm_fpu_get
from xsavvy.model.values import Exit, Value

from .border import CetSwitch
from .component12 import carry_component_12
from .guest import write_pl0_ssp, write_s_cet, write_u_cet
from .machine import CetExit, CetMachine

__all__ = ["CetMsrs", "intercept", "pass_through"]

MSRS = "linux:arch/x86/kvm/msrs.c"
DISPATCH = "handle_exit.handle_exit"


class CetMsrs(IntEnum):
    """Whether a guest's accesses to its CET MSRs exit."""

    PASSED_THROUGH = 0
    INTERCEPTED = 1


def exit_for_u_cet(s: CetMachine, k: Constants, value: int) -> None:
    """Exit with a write of U_CET."""
    s.vcpu_exit = CetExit.WRMSR_U_CET
    s.vcpu_msr_operand = value


def exit_for_pl0_ssp(s: CetMachine, k: Constants, value: int) -> None:
    """Exit with a write of PL0_SSP."""
    s.vcpu_exit = CetExit.WRMSR_PL0_SSP
    s.vcpu_msr_operand = value


def exit_for_s_cet(s: CetMachine, k: Constants, value: int) -> None:
    """Exit with a write of S_CET."""
    s.vcpu_exit = CetExit.WRMSR_S_CET
    s.vcpu_msr_operand = value


def finish(s: CetMachine, k: Constants) -> None:
    """Forget the exit."""
    s.vcpu_msr_operand = Value.INIT
    s.vcpu_exit = Exit.NONE


def set_u_cet(s: CetMachine, k: Constants) -> None:
    """WRMSR of U_CET, for the guest."""
    s.ghost_cet_u = s.vcpu_msr_operand
    if k.cet_switch == CetSwitch.ALL_AT_ENTRY:
        s.vcpu_cet_u = s.vcpu_msr_operand
    else:
        s.hw_cet_u[s.cpu] = s.vcpu_msr_operand
        s.hw_xinuse[s.cpu] |= CET_U
    finish(s, k)


def set_pl0_ssp(s: CetMachine, k: Constants) -> None:
    """WRMSR of PL0_SSP, for the guest."""
    s.ghost_cet_s = s.vcpu_msr_operand
    if k.cet_switch == CetSwitch.ALL_AT_ENTRY:
        s.vcpu_cet_s = s.vcpu_msr_operand
    else:
        s.hw_cet_s[s.cpu] = s.vcpu_msr_operand
    finish(s, k)


def set_s_cet(s: CetMachine, k: Constants) -> None:
    """Write the field with S_CET, for the guest."""
    s.ghost_s_cet = s.vcpu_msr_operand
    s.vmcs_s_cet = s.vcpu_msr_operand
    finish(s, k)


EXITING: Mapping[str, Callable[..., object]] = {
    "WRMSR U_CET": exit_for_u_cet,
    "WRMSR PL0_SSP": exit_for_pl0_ssp,
    "WRMSR S_CET": exit_for_s_cet,
}
DIRECT: Mapping[str, Callable[..., object]] = {
    "WRMSR U_CET": write_u_cet,
    "WRMSR PL0_SSP": write_pl0_ssp,
    "WRMSR S_CET": write_s_cet,
}
HANDLERS: Mapping[int, str] = {
    CetExit.WRMSR_U_CET: "set_msr_u_cet",
    CetExit.WRMSR_PL0_SSP: "set_msr_pl0_ssp",
    CetExit.WRMSR_S_CET: "set_msr_s_cet",
}


def _paths() -> tuple[Path, ...]:
    xstate = f"{MSRS} kvm_set_xstate_msr()"
    field = f"{MSRS} __kvm_set_msr()"
    return (
        Path("set_msr_u_cet", kvm_fpu_get(Step("wrmsr", set_u_cet, source=xstate)), "vcpu_run"),
        Path("set_msr_pl0_ssp", kvm_fpu_get(Step("wrmsr", set_pl0_ssp, source=xstate)), "vcpu_run"),
        Path("set_msr_s_cet", (Step("write_field", set_s_cet, source=field),), "vcpu_run"),
    )


def _is_intercepted(program: Program) -> bool:
    return any(path.name == "set_msr_u_cet" for path in program.paths())


def intercept(program: Program) -> Program:
    """Return the program with exits for the three MSRs."""
    if _is_intercepted(program):
        return program
    for name, effect in EXITING.items():
        program = program.replaced_event(name, effect=effect)
    program = program.with_path("vcpu", *_paths())
    handlers = program.step(DISPATCH).to
    program = program.replaced(DISPATCH, to={**handlers, **HANDLERS})
    return carry_component_12(program, tuple(HANDLERS.values()))


def pass_through(program: Program) -> Program:
    """Return the program without exits for the three MSRs."""
    for name, effect in DIRECT.items():
        program = program.replaced_event(name, effect=effect)
    others = {
        reason: path for reason, path in program.step(DISPATCH).to.items() if reason not in HANDLERS
    }
    program = program.replaced(DISPATCH, to=others)
    for name in HANDLERS.values():
        program = program.without_path(name)
    return program
