# SPDX-License-Identifier: Apache-2.0
"""The ioctls as a part: the run loop's program with what a VMM may call between two KVM_RUNs."""

from collections.abc import Callable
from dataclasses import replace

from xsavvy.checker import Program, Step
from xsavvy.isa.components import XTILEDATA
from xsavvy.model.constants import Constants
from xsavvy.model.machine import Machine
from xsavvy.model.part import Part
from xsavvy.model.run import ioctl_allowed
from xsavvy.model.runpart import run_constants, run_program, run_start
from xsavvy.model.values import XCR0_ALWAYS, Buffer
from xsavvy.model.world import World

from .choices import CHOICES, DEFAULTS, XssAccess
from .control import MMU_RESET, control_events, control_paths, set_cr4
from .cpuid import FPSTATE_REALLOC, cpuid_event
from .exceptions import INJECT, exception_events, nm_of_tiles, queue_nm
from .image import check_mxcsr, image_events
from .kernels import DELTAS
from .machine import CET, CPUID_XSAVE, CPUID_XSAVES, IoctlMachine
from .msrloop import MSR_LOOP, msr_events
from .mutants import MUTANTS
from .process import process_events
from .properties import PROPERTIES
from .scenarios import SCENARIOS
from .switch import (
    enter_kernel,
    load_guest_xss,
    load_host_xss,
    note_entry,
    wrmsr_xss,
    xss_changes,
)
from .witnesses import WITNESSES
from .xfd import (
    SET_MSRS_XFD,
    check_xfd,
    clear_xfd_err_if_saved,
    save_xfd_err,
    xfd_events,
)
from .xfeatures import set_msr_xss, with_checked_xsetbv, xfeatures_events
from .xrstors import with_exiting_bitmap

__all__ = ["IOCTLS"]

SETS_UP = "KVM_SET_CPUID2"


INFERRED = (
    (
        "IA32_XSS before v6.18",
        "A write is checked against the guest's CPUID on every kernel; before v6.18 KVM itself supports no component.",
        "arch/x86/kvm/x86.c kvm_set_msr_common() of 6.1, 6.12 and 7.2",
    ),
    (
        "IA32_XSS on SVM before v5.5",
        "It is not switched at all; the model switches it by the guest's CPUID, which had no XSAVES there.",
        "the series of 312a1c87798e",
    ),
    (
        "CR0.PG",
        "The guest has paging on, so that INIT resets the MMU.",
        "arch/x86/kvm/x86.c kvm_vcpu_reset()",
    ),
)
"""What no source states in these words, or what stands for more than one case."""


def run_allowed(s: IoctlMachine, k: Constants) -> bool:
    """Let the VMM call KVM_RUN once there is a vCPU."""
    return s.perm_locked != 0 and ioctl_allowed(s, k)


def extend(program: Program, world: World) -> Program:
    """Return the run loop's program with the ioctls, and with the steps that they have a say in."""
    vendor_run = "vmx_vcpu_run" if world.platform.vmx else "svm_vcpu_run"
    k = constants(world)
    program = replace(program, record=IoctlMachine).without_event("KVM_SET_XSAVE")
    program = program.with_path("vcpu", FPSTATE_REALLOC, SET_MSRS_XFD, *MSR_LOOP, *control_paths())
    program = program.with_event(
        *process_events(),
        cpuid_event(k),
        *xfeatures_events(),
        *xfd_events(),
        *exception_events(vendor_run),
        *msr_events(),
        *control_events(vendor_run, k),
        *image_events(k),
    )
    program = program.with_property(*PROPERTIES).with_witness(*WITNESSES)
    program = program.replaced_event("WRMSR IA32_XSS", effect=wrmsr_xss, when=xss_changes)
    program = program.replaced_event("AMX instruction under XFD", effect=nm_of_tiles)
    program = with_checked_xsetbv(_with_own_steps(program, vendor_run))
    bitmap = world.choices["xss_access"] == XssAccess.EXITING_BITMAP
    return with_exiting_bitmap(program) if bitmap else program


def _with_own_steps(program: Program, vendor_run: str) -> Program:
    program = program.replaced("vmm.ioctl_KVM_RUN", effect=enter_kernel, when=run_allowed)
    for label, effect in (
        (f"{vendor_run}.load_guest_xss", load_guest_xss),
        (f"{vendor_run}.load_host_xss", load_host_xss),
        ("vcpu_exit_guest.handle_exit_irqoff", save_xfd_err),
        ("vcpu_exit_guest.clear_xfd_err", clear_xfd_err_if_saved),
        ("kvm_set_cr4.kvm_set_cr4", set_cr4),
        ("set_msr_xss.set_msr_xss", set_msr_xss),
        ("set_msr_xfd.check_xfd", check_xfd),
    ):
        program = program.replaced(label, effect=effect)
    enter = "linux:arch/x86/kvm/x86.c vcpu_enter_guest()"
    entry = "vmenter" if vendor_run == "vmx_vcpu_run" else "vmrun"
    entered = Step("last_vmentry_cpu", note_entry, source=enter)
    exception = Step(
        "handle_exception_nmi",
        queue_nm,
        source="linux:arch/x86/kvm/vmx/vmx.c handle_exception_nmi(); seed 001",
    )
    mxcsr = Step("xrstor_checks_mxcsr", check_mxcsr, source="sdm:XRSTOR; XRSTORS, #GP for MXCSR")
    program = program.inserted(INJECT, before=f"{vendor_run}.{entry}")
    program = program.inserted(mxcsr, before="kvm_load_guest_fpu.restore_incoming")
    program = program.inserted(entered, before="vcpu_exit_guest.sync_xfd")
    program = program.inserted(exception, before="handle_exit.handle_exit")
    return program.inserted(MMU_RESET, after="kvm_set_cr4.kvm_set_cr4")


def constants(world: World) -> Constants:
    """Return what the steps read as `k`."""
    varies = "guest_executes_xsaves_under_its_own_xss" in world.scenario.properties
    return run_constants(world, {"is_vmx": int(world.platform.vmx), "features_vary": int(varies)})


def start(world: World) -> Callable[[Machine, Constants], None]:
    """Return what sets up the start: no vCPU yet, or one that the VMM has given its CPUID."""
    made = SETS_UP not in world.scenario.events

    def more(s: IoctlMachine, k: Constants) -> None:
        default = (k.host_xcr0 | k.host_xss) & ~XTILEDATA
        s.fp_xfeatures[Buffer.GUEST] = s.fp_room = default
        s.perm_guest = s.perm_size = s.ghost_perm = default
        s.vcpu_xcr0 = s.ghost_xcr0 = s.cpuid_size = s.cpuid_compacted = XCR0_ALWAYS
        if made:
            _set_up(s, k)

    return run_start(world, more)  # type: ignore[arg-type]


def _set_up(s: IoctlMachine, k: Constants) -> None:
    """Let the VMM have done what comes first: permission, vCPU, CPUID."""
    tiles = k.guest_xcr0 & XTILEDATA
    s.fp_xfeatures[Buffer.GUEST] |= tiles
    s.fp_room |= tiles
    s.perm_guest |= tiles
    s.perm_size |= tiles
    s.ghost_perm |= tiles
    s.perm_locked = 1
    s.vcpu_xcr0 = s.ghost_xcr0 = k.guest_xcr0
    s.vcpu_cpuid_xcr0 = s.ghost_cpuid_xcr0 = k.guest_xcr0
    s.vcpu_cpuid_xss = s.ghost_cpuid_xss = CET & k.guest_xss
    s.vcpu_cpuid_features = CPUID_XSAVE | CPUID_XSAVES
    s.cpuid_size = s.cpuid_compacted = k.guest_xcr0


IOCTLS = Part(
    name="ioctls",
    summary="Every ioctl of one vCPU in any order, with any legal value, and what KVM derives from what they set.",
    source=(
        "linux:arch/x86/kvm/x86.c kvm_arch_vcpu_ioctl(); linux:arch/x86/kvm/cpuid.c kvm_set_cpuid(); "
        "linux:arch/x86/kernel/fpu/xstate.c fpu_xstate_prctl(), fpstate_realloc()"
    ),
    program=lambda world: run_program(world, extend, DELTAS),
    constants=constants,
    start=start,
    scenarios=SCENARIOS,
    choices=CHOICES,
    defaults=DEFAULTS,
    deltas=DELTAS,
    mutants=MUTANTS,
    inferred=INFERRED,
    leads_to={
        "ARCH_REQ_XCOMP_GUEST_PERM": ("fpstate_grows",),
        "KVM_SET_SREGS": ("set_sregs",),
        "KVM_SET_MSRS IA32_XFD": ("set_msrs_xfd",),
        "KVM_SET_MSRS IA32_U_CET, IA32_XFD": ("msr_io_load", "msr_io", "msr_io_put"),
        "INIT": ("kvm_vcpu_reset",),
    },
)
