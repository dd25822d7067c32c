# SPDX-License-Identifier: Apache-2.0
"""A guest that runs a guest: vmcs01, vmcs02, vmcs12, who gets an exit, and a restore of nested state.

Reading order: `values`, `machine`, `vmcs` (a nested entry and exit), `reflect` (whose exit it is), `guest`, `migrate`,
`properties`, then `choices` and `scenarios`. `vmcb` has what SVM does otherwise: CET state goes with the VMCB, and
nothing of it is L1's choice.
"""

from dataclasses import replace

from xsavvy.checker import Program, Step
from xsavvy.isa.components import BNDREGS, CET_U
from xsavvy.model.assemble import run_is_over
from xsavvy.model.constants import Constants
from xsavvy.model.part import Part
from xsavvy.model.runpart import run_constants, run_program, run_start
from xsavvy.model.world import World

from .choices import CHOICES, DEFAULTS, DELTAS
from .guest import guest_events, use_disabled_tiles, wrmsr_xfd
from .machine import NestedMachine
from .migrate import VMM_EVENTS, vcpu_is_complete
from .mutants import MUTANTS
from .properties import PROPERTIES, WITNESSES
from .reflect import SVM_REFLECT, VMX_REFLECT
from .scenarios import SCENARIOS
from .values import FpuLoad, NestedExit, NestedFault
from .vmcb import SVM_PATHS, enter_vmcb
from .vmcs import NESTED_PATHS, enter_guest

__all__ = ["NESTED"]

VMX_CET = "625884996bff"
SVM_CET = "c5ba49458513"


def run_with_l2_is_over(s: NestedMachine, k: Constants) -> bool:
    """Nothing is asked after a VM entry that failed."""
    return run_is_over(s, k) or s.nested_fault != NestedFault.NONE


def put_lazy_fpu(s: NestedMachine, k: Constants) -> None:
    """Give a lazily loaded FPU up on the way to userspace: L0 sets CR0.TS again.

    Source: arch/x86/kvm/x86.c kvm_put_guest_fpu(), before commit bd7e5b0899a4.
    """
    s.vcpu_fpu_active = 0


PUT_LAZY_FPU = Step(
    "put_lazy_fpu", put_lazy_fpu, source="linux:arch/x86/kvm/x86.c kvm_put_guest_fpu()"
)


def _paths(program: Program, vmx: bool) -> Program:
    label = "handle_exit.handle_exit"
    entry = "nested_vmx_run" if vmx else "nested_svm_vmrun"
    handlers = {**program.step(label).to, NestedExit.VMLAUNCH: entry}
    program = program.replaced(label, to=handlers)
    program = program.inserted(VMX_REFLECT if vmx else SVM_REFLECT, before=label)
    if vmx:
        program = program.replaced("vmx_vcpu_run.vmenter", effect=enter_guest)
    else:
        program = program.replaced("svm_vcpu_run.vmrun", effect=enter_vmcb)
    program = program.replaced("vmm.ioctl_KVM_RUN", when=vcpu_is_complete)
    return program.with_path("vcpu", *(NESTED_PATHS if vmx else SVM_PATHS))


def _events(program: Program, vmx: bool) -> Program:
    program = program.with_event(*guest_events(vmx), *VMM_EVENTS)
    program = program.replaced_event("AMX instruction under XFD", effect=use_disabled_tiles)
    return program.replaced_event("WRMSR IA32_XFD", effect=wrmsr_xfd)


def extend(program: Program, world: World) -> Program:
    """Add nesting to the run loop."""
    vmx = world.platform.vmx
    program = replace(program, record=NestedMachine, terminal=run_with_l2_is_over)
    program = _events(_paths(program, vmx), vmx)
    if world.choices["nested_fpu"] == FpuLoad.LAZY:
        program = program.inserted(PUT_LAZY_FPU, before="vcpu_put.vcpu_put")
    return program.with_property(*PROPERTIES).with_witness(*WITNESSES)


def constants(world: World) -> Constants:
    """Return the run loop's constants, and whether L1 has MPX and CET."""
    cpu, vmx = world.platform.processor, world.platform.vmx
    has_cet = (VMX_CET if vmx else SVM_CET) in world.kernel and cpu.xss_supported & CET_U != 0
    has_mpx = vmx and cpu.xcr0_supported & BNDREGS != 0
    more = {"nested_mpx": int(has_mpx), "nested_cet": int(has_cet), "nested_svm": int(not vmx)}
    return run_constants(world, more)


def start(s: NestedMachine, k: Constants) -> None:
    """Load the FPU at the start, unless L0 does it lazily."""
    s.vcpu_fpu_active = int(k.nested_fpu == FpuLoad.EAGER)


NESTED = Part(
    name="nested",
    summary="A guest that runs a guest: its VMCSs, whose exit it is, a restore of nested state.",
    source=(
        "linux:arch/x86/kvm/vmx/nested.c prepare_vmcs02(), load_vmcs12_host_state(); "
        "commits fa578398a0ba, 19e6e083f3f9, 8060b2bd2dd0, 1b385cbdd74a"
    ),
    program=lambda world: run_program(world, extend, DELTAS),
    constants=constants,
    start=lambda world: run_start(world, start),  # type: ignore[arg-type]
    scenarios=SCENARIOS,
    choices=CHOICES,
    defaults=DEFAULTS,
    deltas=DELTAS,
    mutants=MUTANTS,
    leads_to={
        "VMLAUNCH": ("nested_vmx_run", "nested_vmx_vmexit"),
        "VMRUN": ("nested_svm_vmrun", "nested_svm_vmexit"),
        "VMWRITE of CR4.CET and CR0.WP": ("vmentry_fail_vmexit",),
    },
    inferred=(
        (
            "vmcs-field-is-the-register",
            "IA32_BNDCFGS and CET state of the level that runs are those of the VMCS in use.",
            "KVM runs with the load controls wherever it has the feature, and exits store the fields",
        ),
        (
            "l1-intercepts-xsetbv-on-svm",
            "On SVM, L1 intercepts XSETBV.",
            "a hypervisor that does not gives XCR0 away; on VMX the exit is not its choice",
        ),
    ),
)
