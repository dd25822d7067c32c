# SPDX-License-Identifier: Apache-2.0
"""The instruction emulator touches the guest's registers where they are: in the CPU, if nobody took them.

An SSE instruction with an operand in emulated memory exits; the emulator reads or writes the register between
kvm_fpu_get() and kvm_fpu_put(), which lock the registers and load the guest's if TIF_NEED_FPU_LOAD is set.
Source: arch/x86/kvm/fpu.h kvm_fpu_get(), kvm_read_sse_reg(); commit emulator_fpu_lock; arch/x86/kvm/x86.c
emulator_get_fpu() of v4.14.
"""

from xsavvy.checker import Path, Program, Step
from xsavvy.isa.components import SSE
from xsavvy.model.constants import Constants
from xsavvy.model.emulate import finish
from xsavvy.model.fpu import kvm_fpu_get, nothing
from xsavvy.model.guest import guest_event, leave
from xsavvy.model.history.fields import KeepsXcr0, TsMachine, with_fields
from xsavvy.model.history.xcr0 import kvm_put_guest_xcr0
from xsavvy.model.values import PREEMPT_OFF, Buffer, Exit, Value
from xsavvy.model.xstate import xrstors, xsaves

from .machine import HistoryExit, HistoryMachine

__all__ = [
    "faults_first",
    "loads_guest_fpu",
    "puts_xcr0_first",
    "touches_registers_unlocked",
    "with_emulator",
]

FPU_H = "linux:arch/x86/kvm/fpu.h"
NAME = "x86_emulate_instruction"
EVENT = "SSE instruction on emulated memory"


def access(s: HistoryMachine, k: Constants) -> None:
    """Read the guest's XMM register from the CPU, or write it there."""
    if s.vcpu_exit == HistoryExit.EMULATED_READ:
        s.vcpu_operand = s.hw_sse[s.cpu]
    else:
        s.hw_sse[s.cpu] = Value.GUEST2
        s.hw_xinuse[s.cpu] |= SSE
        s.ghost_sse = Value.GUEST2


def complete(s: HistoryMachine, k: Constants) -> None:
    """Skip the instruction, with its operand written to where it belongs."""
    s.vcpu_operand = Value.ANY
    finish(s, k)


def with_emulator(program: Program, vmx: bool) -> Program:
    """Add the exit, the way to the emulator, and the emulator's access."""
    path = Path(
        NAME,
        (
            *kvm_fpu_get(Step("access", access, source=f"{FPU_H} _kvm_read_sse_reg()")),
            Step("writeback", complete, source="linux:arch/x86/kvm/emulate.c writeback()"),
        ),
        then="vcpu_run",
        source="linux:arch/x86/kvm/x86.c x86_emulate_instruction()",
    )
    exits: dict[int, str] = {HistoryExit.EMULATED_READ: NAME, HistoryExit.EMULATED_WRITE: NAME}
    event = guest_event(
        "vmx_vcpu_run" if vmx else "svm_vcpu_run",
        EVENT,
        leave,
        choose={"reason": (HistoryExit.EMULATED_READ, HistoryExit.EMULATED_WRITE)},
        source="sdm:MOVDQA with an operand in memory that has no backing",
    )
    handlers = dict(program.step("handle_exit.handle_exit").to)
    handlers.update(exits)
    program = program.replaced("handle_exit.handle_exit", to=handlers)
    return program.with_path("vcpu", path).with_event(event)


def touches_registers_unlocked(program: Program) -> Program:
    """Undo emulator_fpu_lock: the emulator touches what is in the CPU, with bottom halves and preemption on."""
    program = program.replaced(f"{NAME}.kvm_fpu_get", enters=0)
    program = program.replaced(f"{NAME}.switch_fpu_return", effect=nothing, needs=0)
    program = program.replaced(f"{NAME}.access", needs=0)
    return program.replaced(f"{NAME}.kvm_fpu_put", leaves=0)


def load_guest_fpu(s: HistoryMachine, k: Constants) -> None:
    """Load the guest's FPU, as an entry does, if it is not loaded."""
    if s.guest_fp_in_use == 0:
        xsaves(s, k, Buffer.VMM)
        s.guest_fp_in_use = 1
        xrstors(s, k, Buffer.GUEST)


def loads_guest_fpu(program: Program) -> Program:
    """Undo f775b13eedee: emulator_get_fpu() turns preemption off and loads the guest's FPU."""
    source = "linux:arch/x86/kvm/x86.c emulator_get_fpu() (up to v4.14)"
    program = program.replaced(f"{NAME}.kvm_fpu_get", enters=PREEMPT_OFF, source=source)
    program = program.replaced(
        f"{NAME}.switch_fpu_return", effect=load_guest_fpu, needs=PREEMPT_OFF, source=source
    )
    return program.replaced(f"{NAME}.kvm_fpu_put", leaves=PREEMPT_OFF, source=source)


def puts_xcr0_first(program: Program) -> Program:
    """Undo fc5b7f3b: whoever loads the guest's FPU puts the guest's XCR0 first."""
    program = with_fields(program, KeepsXcr0)
    put = Step(
        "kvm_put_guest_xcr0",
        kvm_put_guest_xcr0,
        source="linux:arch/x86/kvm/x86.c kvm_load_guest_fpu() (up to v4.5)",
    )
    return program.inserted(put, after=f"{NAME}.kvm_fpu_get")


def leave_or_fault(s: TsMachine, k: Constants, reason: int) -> None:
    """Exit for the emulator; with CR0.TS set the instruction is a #NM before."""
    s.vcpu_exit = reason if s.vcpu_fpu_active else Exit.DEVICE_NOT_AVAILABLE


def faults_first(program: Program) -> Program:
    """Undo 653f52c316a4: with CR0.TS set an SSE instruction never gets to its operand."""
    return program.replaced_event(EVENT, effect=leave_or_fault)
