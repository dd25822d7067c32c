# SPDX-License-Identifier: Apache-2.0
"""Changes of the model that must break a property or an eventuality: a sentence that nothing can break says nothing.

Each mutant names the world in which the property holds; the same world with the mutant violates it.
"""

from xsavvy.checker import Program

from .change import with_step, without_step
from .constants import Constants
from .emulate import finish, lose_disabled_tiles, set_fpstate_xfd, set_xcr0
from .fpu import nothing
from .machine import Machine
from .mutant import Mutant
from .values import TILE, Exit, Task
from .vendor import REENTER_GUEST

__all__ = ["MUTANTS", "PROGRESS_MUTANTS"]


def accept_any_xcr0(s: Machine, k: Constants) -> None:
    """Store XCR0 without a look at it."""
    s.vcpu_xcr0 = s.vcpu_exit_value
    finish(s, k)


def drop_xfd(s: Machine, k: Constants) -> None:
    """Tell the guest that IA32_XFD is written, and do not write it."""
    lose_disabled_tiles(s, k, s.vcpu_exit_value)


def only_disable(s: Machine, k: Constants) -> None:
    """Carry out a write of IA32_XFD that disables the tiles, and drop one that enables them."""
    if s.vcpu_exit_value & TILE:
        set_fpstate_xfd(s, k)
    else:
        drop_xfd(s, k)


def reenter_regardless(s: Machine, k: Constants) -> int:
    """Enter again after a fastpath exit, and leave the exit as it is."""
    return REENTER_GUEST if s.vcpu_exit == Exit.FASTPATH else 0


def do_not_skip_refused(s: Machine, k: Constants) -> int:
    """Check and store XCR0; after a value that is refused, let the guest execute XSETBV again."""
    if s.vcpu_exit_value & ~k.guest_xcr0:
        return Exit.NONE
    return set_xcr0(s, k)


def pick_only_the_other(s: Machine, k: Constants) -> None:
    """Switch to the other task, and never from it."""
    if s.next_task == Task.OTHER:
        s.current = Task.OTHER
    s.next_cpu = 0
    s.next_task = Task.NOBODY


def _keep_from_userspace(program: Program) -> Program:
    label = "handle_exit.handle_exit"
    handlers = dict(program.step(label).to)
    del handlers[Exit.USERSPACE]
    return program.replaced(label, to=handlers)


INTEL = "sapphire-rapids"

MUTANTS = (
    Mutant("guest XCR0 stays loaded", "xcr0", INTEL, without_step("vmx_vcpu_run.load_host_xcr0")),
    Mutant("guest XCR0 is not loaded", "xcr0", INTEL, without_step("vmx_vcpu_run.load_guest_xcr0")),
    Mutant(
        "XSETBV is not checked",
        "xcr0",
        INTEL,
        with_step("kvm_emulate_xsetbv.__kvm_set_xcr", accept_any_xcr0),
    ),
    Mutant(
        "guest PKRU is not loaded",
        "pkru",
        "genoa",
        without_step("svm_vcpu_run.kvm_load_guest_pkru"),
    ),
    Mutant(
        "host PKRU is not restored",
        "pkru",
        "genoa",
        without_step("svm_vcpu_run.kvm_load_host_pkru"),
    ),
    Mutant(
        "PKRU is written with WRPKRU",
        "pkru-xinuse",
        INTEL,
        changed={"pkru_write": "wrpkru"},
        choices={"pkru_write": "xrstor"},
    ),
    Mutant(
        "the swap does not restore",
        "fpu",
        INTEL,
        without_step("kvm_load_guest_fpu.restore_incoming"),
    ),
    Mutant(
        "the context switch does not save",
        "fpu",
        INTEL,
        with_step("context_switch.switch_fpu", nothing),
    ),
    Mutant(
        "the user's fpstate is not put back",
        "fpu",
        INTEL,
        with_step("kvm_put_guest_fpu.install_user", nothing),
    ),
    Mutant("XFD is not synchronized", "xfd-on-demand", INTEL, changed={"xfd_sync": "never"}),
    Mutant(
        "WRMSR of IA32_XFD is dropped",
        "xfd",
        INTEL,
        with_step("set_msr_xfd.set_fpstate_xfd", drop_xfd),
    ),
    Mutant("XFD_ERR is not cleared", "xfd-on-demand", INTEL, changed={"xfd_err": "not_cleared"}),
    Mutant(
        "XFD_ERR is not loaded",
        "xfd-on-demand",
        INTEL,
        without_step("vcpu_enter_guest.load_guest_xfd_err"),
    ),
    Mutant(
        "tiles are offered without room",
        "xfd-on-demand",
        INTEL,
        changed={
            "xfd_intercept": "option_1",
            "allocation": "may_fail",
            "after_failure": "reenters",
        },
    ),
)

PROGRESS_MUTANTS = (
    Mutant(
        "a fastpath exit is not finished",
        "progress",
        INTEL,
        with_step("vmx_vcpu_run.exit_fastpath", reenter_regardless),
    ),
    Mutant(
        "a refused XSETBV is executed again",
        "progress",
        INTEL,
        with_step("kvm_emulate_xsetbv.__kvm_set_xcr", do_not_skip_refused),
    ),
    Mutant("an exit to userspace is dropped", "progress", INTEL, _keep_from_userspace),
    Mutant(
        "the vCPU thread is never switched to",
        "progress",
        INTEL,
        with_step("context_switch.current_task", pick_only_the_other),
    ),
    Mutant(
        "XFD_ERR of a #NM is not saved", "progress-xfd", INTEL, changed={"xfd_err": "not_saved"}
    ),
    Mutant(
        "IA32_XFD is never cleared",
        "progress-xfd",
        INTEL,
        with_step("set_msr_xfd.set_fpstate_xfd", only_disable),
        choices={"xfd_intercept": "always"},
    ),
)
