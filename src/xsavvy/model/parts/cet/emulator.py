# SPDX-License-Identifier: Apache-2.0
"""The emulator and CET: it knows no shadow stack and no branch tracking, so it must refuse what they would see.

An instruction that KVM emulates completes in the guest's eyes; what the processor would have done to SSP and to the
tracker, the ghosts know. The paths here are those of v5.17, when no guest had CET and nothing was refused.
Source: arch/x86/kvm/emulate.c x86_decode_insn(), em_jmp_far(); arch/x86/kvm/x86.c kvm_task_switch(); SDM "CALL",
"JMP", "Task Switches and Shadow Stacks"; commits 57c3db7e2e26, 82c0ec028258, d4c03f63957c.
"""

from collections.abc import Callable
from dataclasses import replace

from xsavvy.checker import Path, Program, Step
from xsavvy.kvm.cet import (
    ENDBR_EN,
    SHSTK_EN,
    emulation_refused,
    far_jump_faults,
    task_switch_refused,
)
from xsavvy.model.constants import Constants
from xsavvy.model.fpu import kvm_fpu_get
from xsavvy.model.values import Exit, Value

from .border import CetSwitch
from .component12 import EFFECTS
from .guest import bits
from .machine import CetMachine, Instruction

__all__ = [
    "check_far_jump",
    "extend_emulator",
    "far_jump",
    "refuse_branches",
    "refuse_task_switches",
]

EMULATE = "linux:arch/x86/kvm/emulate.c"
X86 = "linux:arch/x86/kvm/x86.c"
REFUSED = 1
TASK_SWITCH = 1
FAULTS = 1


def affects(instruction: int) -> int:
    """Say which of the two features sees an instruction."""
    if instruction == Instruction.CALL:
        return SHSTK_EN
    if instruction == Instruction.INDIRECT_JMP or instruction == Instruction.FAR_JMP:
        return ENDBR_EN
    if instruction == Instruction.FAR_CALL:
        return SHSTK_EN | ENDBR_EN
    return 0


def is_far(instruction: int) -> bool:
    """A far branch may change the privilege."""
    return instruction == Instruction.FAR_JMP or instruction == Instruction.FAR_CALL


# What the instruction would have done.


def processor_moves_ssp(s: CetMachine, k: Constants) -> None:
    """Let the ghost's SSP move, as the processor's would have."""
    s.ghost_ssp = Value.GUEST2 if s.ghost_ssp == Value.GUEST else Value.GUEST


def enabled_now(s: CetMachine, k: Constants) -> int:
    """Return the features that are on at the privilege of the instruction."""
    if s.vcpu_cr4_cet == 0:
        return 0
    return bits(s.ghost_cet_u) if s.vcpu_user else bits(s.ghost_s_cet)


def processor_executes(s: CetMachine, k: Constants) -> None:
    """Let the ghosts know what the processor would have done to SSP and the tracker."""
    seen = affects(s.vcpu_instruction) & enabled_now(s, k)
    if seen & SHSTK_EN:
        processor_moves_ssp(s, k)
    if seen & ENDBR_EN:
        s.ghost_wait_endbr = 1


# What KVM does.


def finish(s: CetMachine, k: Constants) -> None:
    """Forget the exit and the instruction."""
    s.vcpu_exit = Exit.NONE
    s.vcpu_instruction = Instruction.NONE
    s.vcpu_user = 0
    s.vcpu_emulator_u_cet = Value.INIT


def choose(s: CetMachine, k: Constants) -> int:
    """Send a task switch to its own function."""
    return TASK_SWITCH if s.vcpu_instruction == Instruction.TASK_SWITCH else 0


def far_jump(s: CetMachine, k: Constants) -> int:
    """Go to compatibility mode, if this is the jump that goes there."""
    if s.vcpu_instruction == Instruction.FAR_JMP:
        s.vcpu_compat = 1
    return 0


def execute(s: CetMachine, k: Constants) -> None:
    """Complete the instruction as a processor without CET would."""
    processor_executes(s, k)
    finish(s, k)


def switch_task(s: CetMachine, k: Constants) -> None:
    """Complete the task switch as a processor without CET would; one with CET changes SSP, too."""
    if enabled_now(s, k) & SHSTK_EN:
        processor_moves_ssp(s, k)
    finish(s, k)


def read_u_cet(s: CetMachine, k: Constants) -> None:
    """Read U_CET, from the register."""
    s.vcpu_emulator_u_cet = s.hw_cet_u[s.cpu]
    if k.cet_switch == CetSwitch.ALL_AT_ENTRY:
        s.vcpu_emulator_u_cet = s.vcpu_cet_u


def refuse_branch(s: CetMachine, k: Constants) -> int:
    """Give a branch that CET would see to userspace, as an emulation that failed."""
    if s.vcpu_cr4_cet:
        affected = affects(s.vcpu_instruction)
        far = is_far(s.vcpu_instruction)
        u_cet = bits(s.vcpu_emulator_u_cet)
        s_cet = bits(s.vmcs_s_cet)
        if emulation_refused(affected, far, s.vcpu_user, u_cet, s_cet):
            finish(s, k)
            return REFUSED
    return 0


def refuse_task_switch(s: CetMachine, k: Constants) -> int:
    """Give a task switch to userspace while CET is on at any privilege."""
    if s.vcpu_cr4_cet and task_switch_refused(bits(s.vcpu_emulator_u_cet), bits(s.vmcs_s_cet)):
        finish(s, k)
        return REFUSED
    return 0


def checked_far_jump(s: CetMachine, k: Constants) -> int:
    """Go to compatibility mode, or fault if SSP does not fit there."""
    if s.vcpu_instruction != Instruction.FAR_JMP:
        return 0
    value = s.vcpu_emulator_u_cet if s.vcpu_user else s.vmcs_s_cet
    if s.vcpu_cr4_cet and far_jump_faults(bits(value), s.vmcs_ssp == Value.GUEST2):
        finish(s, k)
        return FAULTS
    s.vcpu_compat = 1
    return 0


def _read(program: Program, before: str) -> Program:
    """Insert the steps that read U_CET."""
    source = f"{EMULATE} x86_decode_insn(), ctxt->ops->get_msr()"
    for step in kvm_fpu_get(Step("read_u_cet", read_u_cet, source=source)):
        own = EFFECTS.get(step.name)
        program = program.inserted(replace(step, effect=own or step.effect), before=before)
    return program


def refuse_branches(program: Program) -> Program:
    """Return the program with an emulator that refuses branches which CET would see."""
    program = _read(program, "x86_emulate_instruction.far_jump")
    refuse = Step(
        "refuse_branch",
        refuse_branch,
        to={REFUSED: "kvm_put_guest_fpu"},
        source=f"{EMULATE} x86_decode_insn()",
    )
    return program.inserted(refuse, before="x86_emulate_instruction.far_jump")


def refuse_task_switches(program: Program) -> Program:
    """Return the program with an emulator that refuses task switches while CET is on."""
    program = _read(program, "kvm_task_switch.switch_task")
    refuse = Step(
        "refuse_task_switch",
        refuse_task_switch,
        to={REFUSED: "kvm_put_guest_fpu"},
        source=f"{X86} kvm_task_switch()",
    )
    return program.inserted(refuse, before="kvm_task_switch.switch_task")


def check_far_jump(program: Program) -> Program:
    """Return the program with an emulator that looks at SSP before it leaves 64-bit mode."""
    return program.replaced("x86_emulate_instruction.far_jump", effect=checked_far_jump)


def extend_emulator(program: Program) -> Program:
    """Return the program with the emulator."""

    def step(name: str, effect: Callable[..., object], to: dict[int, str], source: str) -> Step:
        return Step(name, effect, to=to, source=source)

    insn, task = f"{X86} x86_emulate_instruction()", f"{X86} kvm_task_switch()"
    emulate = Path(
        "x86_emulate_instruction",
        (
            step("choose", choose, {TASK_SWITCH: "kvm_task_switch"}, insn),
            step("far_jump", far_jump, {FAULTS: "vcpu_run"}, f"{EMULATE} em_jmp_far()"),
            step("execute", execute, {}, f"{EMULATE} x86_emulate_insn()"),
        ),
        "vcpu_run",
        insn,
    )
    switch = Path(
        "kvm_task_switch", (step("switch_task", switch_task, {}, task),), "vcpu_run", task
    )
    return program.with_path("vcpu", emulate).with_path("vcpu", switch)
