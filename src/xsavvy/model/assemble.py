# SPDX-License-Identifier: Apache-2.0
"""Put the model together: actors, events, properties, for one vendor and one set of design choices.

The order of steps is a base order with edits; `choices` and `kernels` say which edits.
"""

from xsavvy.checker import REST, Actor, Path, Program, Step

from .constants import AfterFailure, Constants
from .emulate import complete_userspace_io, exit_handlers, fpstate_realloc
from .fpu import KERNEL_FPU, exit_to_user, nothing
from .guest import guest_events
from .interrupts import PERF_NMI, interrupt_events
from .machine import Machine
from .progress import EVENTUALITIES
from .properties import PROPERTIES, task_has_control, vcpu_has_control
from .run import run_paths
from .switch import CONTEXT_SWITCH, SWITCH_CONTEXT
from .values import CONTEXT_NAMES, IRQS_OFF, NMI_OFF, PREEMPT_OFF, USER_MODE, Fault, Realloc
from .vendor import svm_vcpu_run, vmx_vcpu_run
from .vmm import vmm_events
from .witnesses import WITNESSES

__all__ = ["base_program", "grow_on_demand"]


def softirq_runs(s: Machine, k: Constants) -> bool:
    """A softirq goes on unless an NMI has interrupted it."""
    return s.nmi_at == 0


def switch_runs(s: Machine, k: Constants) -> bool:
    """The scheduler goes on unless a softirq or an NMI has interrupted it."""
    return s.nmi_at == 0 and s.softirq_at == 0


def nmi_runs(s: Machine, k: Constants) -> bool:
    """Nothing interrupts an NMI handler."""
    return s.nmi_at != 0


def run_is_over(s: Machine, k: Constants) -> bool:
    """Nothing is asked after a fault that the kernel does not survive, or when the VMM has given the guest up."""
    if s.vcpu_realloc == Realloc.FAILED and k.after_failure == AfterFailure.STOPS:
        return s.vcpu_context & USER_MODE != 0
    return s.fault != Fault.NONE


def base_program(vmx: bool, on_demand: bool = False) -> Program:
    """Return the program of v5.17: XCR0, XSS and PKRU switched inside the vendor's run function.

    `vmx` chooses the vendor; `on_demand` adds the growth of the fpstate at the first enabling write (seed 001).
    """
    vendor_run = vmx_vcpu_run() if vmx else svm_vcpu_run()
    user = (Step("syscall", nothing, leaves=USER_MODE, source="userspace"),)
    program = Program(
        record=Machine,
        actors=(
            Actor(
                "nmi",
                "nmi_at",
                nmi_runs,
                (PERF_NMI,),
                start=REST,
                context=NMI_OFF | IRQS_OFF | PREEMPT_OFF,
            ),
            Actor(
                "softirq",
                "softirq_at",
                softirq_runs,
                (KERNEL_FPU,),
                start=REST,
                context=PREEMPT_OFF,
            ),
            Actor(
                "switch",
                "switch_at",
                switch_runs,
                (CONTEXT_SWITCH,),
                start=REST,
                context=SWITCH_CONTEXT,
            ),
            Actor(
                "vcpu",
                "vcpu_at",
                vcpu_has_control,
                run_paths(vendor_run, exit_handlers()),
                start="vmm",
                context=USER_MODE,
            ),
            Actor(
                "task",
                "task_at",
                task_has_control,
                (
                    exit_to_user("task_exit_to_user", then="task"),
                    Path(
                        "task",
                        user,
                        then="task_exit_to_user",
                        source="another host task in user mode",
                    ),
                ),
                start="task_exit_to_user",
            ),
        ),
        events=(*guest_events(vendor_run.name), *interrupt_events(vmx), *vmm_events(on_demand)),
        properties=PROPERTIES,
        witnesses=WITNESSES,
        context_names=CONTEXT_NAMES,
        terminal=run_is_over,
        eventualities=EVENTUALITIES,
    )
    return grow_on_demand(program) if on_demand else program


def grow_on_demand(program: Program) -> Program:
    """Insert the steps that let the guest's fpstate grow: on the way out, and on the way back in."""
    source = "thread:seed 001, the flow in its text"
    grow = Path(
        "fpstate_realloc",
        (Step("fpstate_realloc", fpstate_realloc, source=source),),
        then="vcpu_put",
        source=source,
    )
    complete = Path(
        "complete_userspace_io",
        (Step("complete_userspace_io", complete_userspace_io, source=source),),
        then="vcpu_run",
        source=source,
    )
    return (
        program.with_path("vcpu", grow)
        .with_path("vcpu", complete)
        .replaced_path("kvm_put_guest_fpu", then="fpstate_realloc")
        .replaced_path("kvm_load_guest_fpu", then="complete_userspace_io")
    )
