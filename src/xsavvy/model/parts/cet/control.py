# SPDX-License-Identifier: Apache-2.0
"""CR0.WP and CR4.CET: every source that can change the pair.

CR4.CET needs CR0.WP. The guest's MOV is checked by the processor or by KVM; an SMI clears CR4, RSM brings the pair
back, INIT clears both, and KVM_SET_SREGS sets both.
Source: arch/x86/kvm/regs.c kvm_set_cr0(), kvm_set_cr4(), __set_sregs_common(); arch/x86/kvm/smm.c; commit 586ef9dcbb28.
"""

from xsavvy.checker import Path, Program, Step
from xsavvy.kvm.cet import CR0_WP, CR4_CET, SHSTK, cr_pair_ok
from xsavvy.model.constants import Constants
from xsavvy.model.values import Exit, Value
from xsavvy.model.vmm import vmm_event

from .machine import CetMachine

__all__ = [
    "extend_control",
    "load_ssp_from_smram",
    "save_ssp_to_smram",
    "set_checked_cr",
    "set_cr",
]

REGS = "linux:arch/x86/kvm/regs.c"
SMM = "linux:arch/x86/kvm/smm.c"


def finish_cr(s: CetMachine, k: Constants) -> None:
    """Forget the exit."""
    s.vcpu_cr0_operand = 0
    s.vcpu_cr4_operand = 0
    s.vcpu_exit = Exit.NONE


def set_cr(s: CetMachine, k: Constants) -> None:
    """Store CR0 and CR4."""
    s.vcpu_cr0 = s.vcpu_cr0_operand
    s.vcpu_cr4_cet = s.vcpu_cr4_operand
    finish_cr(s, k)


def set_checked_cr(s: CetMachine, k: Constants) -> None:
    """Store CR0 and CR4 if the pair is legal; else the guest gets #GP."""
    if cr_pair_ok(s.vcpu_cr0_operand, s.vcpu_cr4_operand):
        set_cr(s, k)
    else:
        finish_cr(s, k)


def sregs_change(s: CetMachine, k: Constants, cr0: int, cr4: int) -> bool:
    """Userspace sets legal pairs here; CR4.CET is refused for a vCPU without CET."""
    changed = cr0 != s.vcpu_cr0 or cr4 != s.vcpu_cr4_cet
    return changed and cr_pair_ok(cr0, cr4) != 0 and (cr4 == 0 or k.guest_cet != 0)


def set_sregs(s: CetMachine, k: Constants, cr0: int, cr4: int) -> None:
    """Set CR0 and CR4."""
    s.vcpu_cr0 = cr0
    s.vcpu_cr4_cet = cr4


# System management mode.


def enter_smm(s: CetMachine, k: Constants) -> None:
    """Save CR0 and CR4 to SMRAM and clear CR4; CR0.WP stays."""
    s.smram_cr0 = s.vcpu_cr0
    s.smram_cr4_cet = s.vcpu_cr4_cet
    s.vcpu_cr4_cet = 0
    s.ghost_smm_ssp = s.ghost_ssp
    s.vcpu_smm = 1
    s.vcpu_exit = Exit.NONE


def save_ssp_to_smram(s: CetMachine, k: Constants) -> None:
    """Save SSP, too, of a guest with shadow stacks."""
    if k.guest_cet & SHSTK:
        s.smram_ssp = s.vmcs_ssp
    enter_smm(s, k)


def leave_smm(s: CetMachine, k: Constants) -> None:
    """Load CR0 and CR4 from SMRAM; the interrupted code expects its SSP."""
    s.vcpu_cr0 = s.smram_cr0
    s.vcpu_cr4_cet = s.smram_cr4_cet
    s.smram_cr0 = 0
    s.smram_cr4_cet = 0
    s.ghost_ssp = s.ghost_smm_ssp
    s.ghost_smm_ssp = Value.INIT
    s.vcpu_smm = 0
    s.vcpu_exit = Exit.NONE


def load_ssp_from_smram(s: CetMachine, k: Constants) -> None:
    """Load SSP, too, of a guest with shadow stacks."""
    if k.guest_cet & SHSTK:
        s.vmcs_ssp = s.smram_ssp
        s.smram_ssp = Value.INIT
    leave_smm(s, k)


def _handler(name: str, effect: object, source: str) -> Path:
    return Path(name, (Step(name, effect, source=source),), then="vcpu_run")  # type: ignore[arg-type]


def extend_control(program: Program) -> Program:
    """Return the program with the handlers of MOV to CR0 and CR4, of an SMI and of RSM, and with KVM_SET_SREGS."""
    sregs = vmm_event(
        "KVM_SET_SREGS",
        set_sregs,
        when=sregs_change,
        choose={"cr0": (0, CR0_WP), "cr4": (0, CR4_CET)},
        source=f"{REGS} __set_sregs_common()",
    )
    return (
        program.with_path("vcpu", _handler("kvm_set_cr", set_cr, f"{REGS} kvm_set_cr4()"))
        .with_path("vcpu", _handler("enter_smm", enter_smm, f"{SMM} enter_smm()"))
        .with_path("vcpu", _handler("leave_smm", leave_smm, f"{SMM} emulator_leave_smm()"))
        .with_event(sregs)
    )
