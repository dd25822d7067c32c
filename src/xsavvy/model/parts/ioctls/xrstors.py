# SPDX-License-Identifier: Apache-2.0
"""XRSTORS of CET_U where the XSS-exiting bitmap names the component.

It exits, and KVM carries it out: it makes sure that the registers are the guest's, under fpregs_lock(), and writes
them. Upstream's bitmap is zero.
Source: seed 000, the alternative for Processor Trace; SDM "VM-Execution Control Fields", XSS-exiting bitmap;
arch/x86/kvm/fpu.h kvm_fpu_get() for the access.
"""

from xsavvy.checker import Path, Program, Step
from xsavvy.isa.components import CET_U
from xsavvy.model.constants import Constants
from xsavvy.model.emulate import finish
from xsavvy.model.fpu import kvm_fpu_get
from xsavvy.model.values import Value

from .machine import IoctlExit, IoctlMachine

__all__ = ["with_exiting_bitmap"]

SEED = "seed 000"


def xrstors(s: IoctlMachine, k: Constants, value: int) -> None:
    """Execute XRSTORS of CET_U: an exit, as the bitmap names the component."""
    s.vcpu_exit = IoctlExit.XRSTORS
    s.vcpu_operand = value


def write_cet_u(s: IoctlMachine, k: Constants) -> None:
    """Write the operand to the register, and forget the exit."""
    s.hw_cet_u[s.cpu] = s.vcpu_operand
    s.hw_xinuse[s.cpu] |= CET_U
    s.ghost_cet_u = s.vcpu_operand
    s.vcpu_operand = Value.INIT
    finish(s, k)


EMULATE = Path(
    "emulate_xrstors",
    kvm_fpu_get(Step("write_cet_u", write_cet_u, source=SEED)),
    then="vcpu_run",
    source=SEED,
)


def with_exiting_bitmap(program: Program) -> Program:
    """Let XRSTORS exit, and give the exit its handler."""
    dispatch = program.step("handle_exit.handle_exit")
    program = program.with_path("vcpu", EMULATE).replaced_event("XRSTORS CET_U", effect=xrstors)
    handlers = {**dispatch.to, IoctlExit.XRSTORS: EMULATE.name}
    return program.replaced("handle_exit.handle_exit", to=handlers)
