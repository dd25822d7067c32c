# SPDX-License-Identifier: Apache-2.0
"""Put the part together: the run loop, extended by CET; what its steps read as `k`; its start."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

from xsavvy.checker import Program
from xsavvy.isa.components import BNDCSR, BNDREGS, CET_S, CET_U
from xsavvy.kvm.cet import CR0_WP, CR4_CET, IBT, SHSTK, caps_with_components, svm_caps
from xsavvy.model.constants import Constants
from xsavvy.model.kernels import guest_xss, host_xss
from xsavvy.model.runpart import run_constants, run_program, run_start
from xsavvy.model.values import Buffer, Value
from xsavvy.model.world import World

from .access import extend_access
from .border import CetSwitch, HostSCet, extend_border, switch_everything
from .component12 import carry_component_12
from .control import extend_control
from .deltas import DELTAS
from .emulator import extend_emulator
from .guest import cet_guest_events
from .intercept import CetMsrs, intercept
from .machine import CetExit, CetMachine
from .properties import PROPERTIES, WITNESSES
from .reset import extend_reset

__all__ = ["constants", "program", "start"]

HANDLERS = {
    CetExit.WRMSR_INT_SSP_TAB: "set_msr_ssp_tab",
    CetExit.MOV_CR: "kvm_set_cr",
    CetExit.EMULATE: "x86_emulate_instruction",
    CetExit.SMI: "enter_smm",
    CetExit.RSM: "leave_smm",
}
OFFERED_ON = {True: "e140467bbdaf", False: "8db428fd5229"}
HOST_TRACKS_BRANCHES = "991625f3dd2c"
MPX = BNDREGS | BNDCSR


def program(world: World) -> Program:
    """Return the whole program of a world. Raises edits.ImpossibleDesign."""
    whole = run_program(world, extend, DELTAS)
    if world.choices["cet_msrs"] == CetMsrs.INTERCEPTED:
        whole = intercept(whole)
    if world.choices["cet_switch"] == CetSwitch.ALL_AT_ENTRY:
        whole = switch_everything(whole, world.platform.vmx)
    return whole


def extend(base: Program, world: World) -> Program:
    """Return the run loop with CET: the border, the accesses, INIT, the control registers, the emulator."""
    whole = replace(base, record=CetMachine)
    whole = extend_border(whole, world.platform.vmx)
    whole = extend_access(whole)
    whole = extend_reset(whole)
    whole = extend_control(whole)
    whole = extend_emulator(whole)
    whole = carry_component_12(whole)
    vendor_run = "vmx_vcpu_run" if world.platform.vmx else "svm_vcpu_run"
    whole = whole.with_event(*cet_guest_events(vendor_run))
    handlers = whole.step("handle_exit.handle_exit").to
    whole = whole.replaced("handle_exit.handle_exit", to={**handlers, **HANDLERS})
    return intercept(whole).with_property(*PROPERTIES).with_witness(*WITNESSES)


def guest_cet(world: World, supported_xss: int) -> int:
    """Return the features that a vCPU has, on a host with nothing turned off; `capabilities` has every other host."""
    processor = world.platform.processor
    caps = (SHSTK if processor.cet_ss else 0) | (IBT if processor.cet_ibt else 0)
    caps = caps if world.platform.vmx else svm_caps(caps)
    if OFFERED_ON[world.platform.vmx] not in world.kernel:
        return 0
    return caps_with_components(caps, supported_xss)


def constants(world: World) -> Constants:
    """Return what steps read as `k`.

    The host's S_CET is not zero where Linux tracks its own indirect branches. MPX needs VMX here.
    """
    processor = world.platform.processor
    supported = processor.xss_supported if processor.xsaves else 0
    offered = guest_xss(world.kernel, host_xss(world.kernel, supported))
    tracks = processor.cet_ibt and HOST_TRACKS_BRANCHES in world.kernel
    mpx = world.platform.vmx and processor.xcr0_supported & MPX == MPX
    more = {
        "vmx": int(world.platform.vmx),
        "guest_cet": guest_cet(world, offered),
        "guest_mpx": int(mpx),
        "host_s_cet": int(Value.KERNEL if tracks else Value.INIT),
    }
    return replace(run_constants(world, more), guest_xss=offered)


def start(world: World) -> Callable[[Any, Any], None]:
    """Return what sets up the start: tasks with shadow stacks where the host has them, a guest with CET turned on."""
    return run_start(world, cast(Callable[[Any, Any], None], set_up))


def set_up(s: CetMachine, k: Constants) -> None:
    """Give every register of this part its value at the start."""
    s.hw_s_cet = [k.host_s_cet] * 2
    constant = k.vmx and k.cet_host == HostSCet.CONSTANT
    s.vmcs_host_s_cet = k.host_s_cet if constant else Value.INIT
    s.fp_xfeatures[Buffer.VMM] &= ~CET_S
    s.fp_xfeatures[Buffer.OTHER] &= ~CET_S
    s.uapi_value = Value.INIT
    if k.guest_cet:
        s.vcpu_cr0 = CR0_WP
        s.vcpu_cr4_cet = CR4_CET
    if k.host_xss & CET_U:
        s.hw_cet_u[s.cpu] = Value.VMM
        s.hw_xinuse[s.cpu] |= CET_U
        s.fp_cet_u[Buffer.OTHER] = Value.OTHER
        s.fp_xstate_bv[Buffer.OTHER] |= CET_U
