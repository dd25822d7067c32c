# SPDX-License-Identifier: Apache-2.0
"""Put the part together: the run loop with a protected guest, for one vendor.

Where the kernel cannot launch such a guest, nothing of it ever runs: the VMM stays in user mode.
"""

from dataclasses import replace

from xsavvy.checker import Program
from xsavvy.isa.components import CET_S, CET_U, PKRU, XTILECFG, XTILEDATA
from xsavvy.model.constants import Constants
from xsavvy.model.kernels import guest_xss
from xsavvy.model.machine import Machine
from xsavvy.model.runpart import Start, run_constants, run_program, run_start
from xsavvy.model.values import CR4_OSXSAVE, CR4_PKE, XCR0_ALWAYS, Value
from xsavvy.model.world import World

from .choices import DEFAULTS
from .designs import FakeValues, FpuConfidential, ProtectedRestore, TdType, TdXfam
from .fpu import with_scratch_fpstate
from .guest import with_guest
from .ioctls import with_ioctls
from .kernels import DELTAS, can_launch, sev_type
from .launch import mark_launched, sev_es_launch
from .loading import with_loading
from .machine import ProtectedMachine, Vmsa
from .properties import PROPERTIES, WITNESSES
from .sev import host_save_area_at_boot, with_sev
from .tdx import with_tdx
from .userreturn import with_user_return
from .xfeatures import with_checks

__all__ = ["protected_constants", "protected_program", "protected_start"]

XSS = CET_U | CET_S
TILES = XTILECFG | XTILEDATA
UNLAUNCHED = ("sev-es-launch", "snp-launch")


def extend(program: Program, world: World) -> Program:
    """Extend the run loop by what every kernel has."""
    vmx = world.platform.vmx
    program = replace(program, record=ProtectedMachine)
    program = with_loading(with_scratch_fpstate(with_checks(program)))
    program = with_user_return(with_ioctls(with_guest(program, vmx)))
    program = with_tdx(program) if vmx else with_sev(program).with_event(sev_es_launch())
    return program.with_property(*PROPERTIES).with_witness(*WITNESSES)


def protected_program(world: World) -> Program:
    """Return the program of a world."""
    return run_program(world, extend, DELTAS)


def xfam(world: World, host: Constants, supported_xss: int) -> tuple[int, int]:
    """Return the XCR0 part and the IA32_XSS part of the TD's XFAM, which are within what KVM supports."""
    if world.choices["td_xfam"] == TdXfam.HOST:
        return host.host_xcr0, supported_xss
    if world.choices["td_xfam"] == TdXfam.WITHOUT_PKU:
        return host.host_xcr0 & ~TILES & ~PKRU, 0
    return host.host_xcr0 & ~TILES, supported_xss


def protected_constants(world: World) -> Constants:
    """Return what steps read as `k`: the run loop's, and what the guest may write without asking KVM."""
    plain = run_constants(world)
    vmx = world.platform.vmx
    offered = guest_xss(world.kernel, plain.host_xss)
    xcr0, xss = xfam(world, plain, offered)
    launched = can_launch(world) and (vmx or world.scenario.name not in UNLAUNCHED)
    constants = run_constants(
        world,
        {
            **{name: int(world.choices[name]) for name in DEFAULTS},
            "is_td": int(vmx),
            "sev_type": int(sev_type(world)),
            "starts_launched": int(launched),
            "xfam_xcr0": xcr0,
            "xfam_xss": xss,
            "own_xcr0": xcr0 if vmx else plain.host_xcr0,
            "own_xss": xss if vmx else plain.host_xss & XSS,
        },
    )
    return replace(constants, guest_xss=offered)


def protected_start(world: World) -> Start:
    """Return what sets up the start: a vCPU that was created, and one that was launched where the scenario says so."""
    return run_start(world, start)


def start(s: Machine, k: Constants) -> None:
    """Set up a vCPU after its reset, and what its launch did to it."""
    assert isinstance(s, ProtectedMachine)
    s.vcpu_xcr0 = XCR0_ALWAYS
    s.vmsa_xcr0 = XCR0_ALWAYS
    s.ghost_xcr0 = XCR0_ALWAYS
    if k.is_td:
        start_td(s, k)
        return
    if k.fpu_confidential == FpuConfidential.AT_CREATE:
        s.fp_confidential = 1
    host_save_area_at_boot(s, k)
    if k.starts_launched:
        mark_launched(s, k)
        s.vcpu_cr4 = CR4_OSXSAVE | CR4_PKE


def start_td(s: ProtectedMachine, k: Constants) -> None:
    """Set up a TD's vCPU: its fpstate is a scratch buffer from the start, its state protected unless it is debugged."""
    s.fp_confidential = 1
    s.vcpu_protected = 1 if k.td_type == TdType.PROTECTED else 0
    s.vcpu_xfd_passthrough = 1 if k.xfam_xcr0 & XTILEDATA else 0
    if k.starts_launched:
        s.vmsa_owner = Vmsa.GUEST
    if k.protected_restore == ProtectedRestore.FAKE_STATE:
        fake_state(s, k)


def fake_state(s: ProtectedMachine, k: Constants) -> None:
    """Put the chosen values into vcpu->arch, as tdx_vcpu_init() would."""
    s.vcpu_pkru = Value.INIT
    if k.fake_values == FakeValues.XFAM or k.fake_values == FakeValues.XFAM_WITHOUT_PKE:
        s.vcpu_cr4 = CR4_OSXSAVE
        s.vcpu_xcr0 = k.xfam_xcr0
        s.vcpu_xss = k.xfam_xss
    if k.fake_values == FakeValues.CPUID:
        s.vcpu_cr4 = CR4_OSXSAVE | CR4_PKE
        s.vcpu_xcr0 = k.host_xcr0
        s.vcpu_xss = k.guest_xss
    if k.fake_values == FakeValues.XFAM:
        s.vcpu_cr4 = CR4_OSXSAVE | CR4_PKE
