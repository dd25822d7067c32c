# SPDX-License-Identifier: Apache-2.0
"""What L1 and L2 do: enter, exit, write what has a field in the VMCS, and what one of them may intercept.

L1 writes its VMCS without an exit, as with a shadow VMCS.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from xsavvy.checker import Event
from xsavvy.isa.components import CET_U
from xsavvy.isa.nesting import device_not_available, xsaves_exits
from xsavvy.model.constants import Constants
from xsavvy.model.emulate import lose_disabled_tiles
from xsavvy.model.guest import can_xsave, guest_event
from xsavvy.model.values import CR4_OSXSAVE, CR4_PKE, TILE, Buffer, Exit

from .machine import NestedMachine
from .values import Field, FpuLoad, NestedExit
from .vmcs import set_bndcfgs, set_cet

__all__ = ["guest_events", "use_disabled_tiles", "wrmsr_xfd"]

FLAG = (0, 1)


def l1_runs(s: NestedMachine, k: Constants) -> bool:
    """L1 executes instructions."""
    return s.vcpu_exit == Exit.NONE and s.vcpu_l2 == 0


def l2_runs(s: NestedMachine, k: Constants) -> bool:
    """L2 executes instructions."""
    return s.vcpu_exit == Exit.NONE and s.vcpu_l2 != 0


def enter_l2(s: NestedMachine, k: Constants) -> None:
    """VMLAUNCH or VMRESUME."""
    s.vcpu_exit = NestedExit.VMLAUNCH


def exit_to_l1(s: NestedMachine, k: Constants) -> None:
    """CPUID, or another instruction that L1 intercepts."""
    s.vcpu_exit = NestedExit.L1_INTERCEPT


# What has a field in the VMCS.


def bndcfgs_changes(s: NestedMachine, k: Constants) -> bool:
    """IA32_BNDCFGS exists with MPX; each level writes one value."""
    own = Field.L2 if s.vcpu_l2 else Field.L1
    return s.vcpu_exit == Exit.NONE and k.nested_mpx != 0 and s.ghost_bndcfgs != own


def wrmsr_bndcfgs(s: NestedMachine, k: Constants) -> None:
    """WRMSR of IA32_BNDCFGS: KVM writes the VMCS in use."""
    own = Field.L2 if s.vcpu_l2 else Field.L1
    set_bndcfgs(s, k, own)
    s.ghost_bndcfgs = own


def cet_changes(s: NestedMachine, k: Constants) -> bool:
    """IA32_S_CET exists with CET; each level writes one value."""
    own = Field.L2 if s.vcpu_l2 else Field.L1
    return s.vcpu_exit == Exit.NONE and k.nested_cet != 0 and s.ghost_cet != own


def wrmsr_s_cet(s: NestedMachine, k: Constants) -> None:
    """WRMSR of IA32_S_CET: the exit stores it in the VMCS in use."""
    own = Field.L2 if s.vcpu_l2 else Field.L1
    set_cet(s, k, own)
    s.ghost_cet = own


def vmwrite_bndcfgs(s: NestedMachine, k: Constants, load: int) -> None:
    """L1 chooses whether an entry loads IA32_BNDCFGS; an exit clears it."""
    s.vmcs12_load_bndcfgs = load
    s.vmcs12_clear_bndcfgs = 1


def vmwrite_clear_bndcfgs(s: NestedMachine, k: Constants, clear: int) -> None:
    """L1 chooses whether an exit clears IA32_BNDCFGS."""
    s.vmcs12_clear_bndcfgs = clear


def vmwrite_cet(s: NestedMachine, k: Constants, load: int, exit_load: int) -> None:
    """L1 chooses whether an entry and an exit load CET state."""
    s.vmcs12_load_cet = load
    s.vmcs12_exit_load_cet = exit_load


def can_vmwrite_bndcfgs(s: NestedMachine, k: Constants) -> bool:
    """The controls are there with MPX."""
    return l1_runs(s, k) and k.nested_mpx != 0


def can_vmwrite_cet(s: NestedMachine, k: Constants) -> bool:
    """The controls are there with CET."""
    return l1_runs(s, k) and k.nested_cet != 0


def vmwrite_cet_values(s: NestedMachine, k: Constants, guest: int, host: int) -> None:
    """L1 writes the values that its entries and exits load."""
    s.vmcs12_cet = guest
    s.vmcs12_host_cet = host


def write_cr4(s: NestedMachine, k: Constants, value: int) -> None:
    """L1 writes CR4 for L2: two bits of it matter."""
    s.vmcs12_cr4 = value


def vmwrite_cr(s: NestedMachine, k: Constants, cr4_cet: int, cr0_wp: int) -> None:
    """L1 writes CR4.CET and CR0.WP for L2."""
    s.vmcs12_cr4_cet = cr4_cet
    s.vmcs12_cr0_wp = cr0_wp


# XSAVES.


def vmwrite_xsaves(s: NestedMachine, k: Constants, enable: int, bitmap: int) -> None:
    """L1 enables XSAVES for L2, or not, and writes its XSS-exiting bitmap."""
    s.vmcs12_xsaves = enable
    s.vmcs12_xss_bitmap = bitmap


def can_xsaves(s: NestedMachine, k: Constants) -> bool:
    """L2's XSAVES exits by vmcs02; one that is not enabled is an #UD, one that does not exit changes nothing."""
    exits = xsaves_exits(s.vmcs02_xsaves, CET_U, s.hw_xss[s.cpu], s.vmcs02_xss_bitmap)
    return l2_runs(s, k) and can_xsave(s, k) and exits != 0


def xsaves(s: NestedMachine, k: Constants) -> None:
    """XSAVES or XRSTORS of CET_U, which exits."""
    s.vcpu_exit = NestedExit.XSAVES


# #NM.


def vmwrite_nm(s: NestedMachine, k: Constants, intercept: int) -> None:
    """L1 intercepts #NM, or not."""
    s.vmcs12_nm = intercept


def vmwrite_ts(s: NestedMachine, k: Constants, ts: int, shadow: int) -> None:
    """L1 owns CR0.TS and writes what L2 runs with and what it reads."""
    s.vmcs12_ts_owned = 1
    s.vmcs12_ts = ts
    s.vmcs12_ts_shadow = shadow


def vmwrite_ts_free(s: NestedMachine, k: Constants) -> None:
    """L1 leaves CR0.TS to L2."""
    s.vmcs12_ts_owned = 0
    s.vmcs12_ts_shadow = 0


def l2_has_ts(s: NestedMachine, k: Constants, ts: int) -> bool:
    """Only where L1 leaves CR0.TS to it can L2 write the bit without an exit to L1."""
    return l2_runs(s, k) and s.vmcs12_ts_owned == 0 and ts != s.vcpu_ts


def mov_cr0(s: NestedMachine, k: Constants, ts: int) -> None:
    """CLTS, or MOV to CR0."""
    s.vcpu_ts = ts


def use_fpu(s: NestedMachine, k: Constants) -> None:
    """Execute an SSE instruction: #NM if CR0.TS is set, by L2's own will or by L0's.

    It exits if one of the two hypervisors intercepts #NM; L0 does while it has not loaded the FPU.
    """
    own = s.vcpu_ts if s.vcpu_l2 else 0
    lazy = 1 if k.nested_fpu == FpuLoad.LAZY and s.vcpu_fpu_active == 0 else 0
    raised = device_not_available(own or lazy)
    intercepted = lazy or (s.vcpu_l2 and s.vmcs12_nm)
    if raised and intercepted:
        s.vcpu_exit = Exit.DEVICE_NOT_AVAILABLE
        s.ghost_own_nm = 1 if own else 0


def use_disabled_tiles(s: NestedMachine, k: Constants) -> None:
    """AMX under XFD: #NM with IA32_XFD_ERR set; it exits if L0 or L1 intercepts #NM."""
    s.hw_xfd_err[s.cpu] |= TILE
    s.ghost_xfd_err |= TILE
    by_l0 = s.vcpu_xfd_passthrough or s.fp_xfd[Buffer.GUEST]
    if by_l0 or (s.vcpu_l2 and s.vmcs12_nm):
        s.vcpu_exit = Exit.DEVICE_NOT_AVAILABLE
        s.ghost_own_nm = 1


def wrmsr_xfd(s: NestedMachine, k: Constants, value: int) -> None:
    """WRMSR of IA32_XFD: exits from L2 always, as the MSR bitmap of vmcs02 keeps it intercepted."""
    if s.vcpu_xfd_passthrough and s.vcpu_l2 == 0:
        s.hw_xfd[s.cpu] = value
        lose_disabled_tiles(s, k, value)
    else:
        s.vcpu_exit = Exit.WRMSR_XFD
        s.vcpu_exit_value = value


def guest_events(vmx: bool) -> tuple[Event, ...]:
    """Return what L1 and L2 do, for one vendor: SVM has no MPX, no load controls, and cannot intercept XSAVES."""
    nested = f"linux:arch/x86/kvm/{'vmx' if vmx else 'svm'}/nested.c"
    vendor_run = "vmx_vcpu_run" if vmx else "svm_vcpu_run"

    event = partial(guest_event, vendor_run)

    def vmwrite(what: str, effect: Callable[..., None], **rest: Any) -> Event:
        rest.setdefault("when", l1_runs)
        return event(f"VMWRITE of {what}", effect, source=f"{nested} handle_vmwrite()", **rest)

    common = (
        event(
            "L1 writes CR4 for L2",
            write_cr4,
            when=l1_runs,
            choose={"value": (0, CR4_PKE, CR4_OSXSAVE | CR4_PKE)},
            source=nested,
        ),
        event("L1's intercept", exit_to_l1, when=l2_runs, source="sdm:VM exits; apm:#VMEXIT"),
        event(
            "WRMSR IA32_S_CET",
            wrmsr_s_cet,
            when=cet_changes,
            source="linux:arch/x86/kvm/vmx/vmx.c, svm/svm.c (passed through)",
        ),
    )
    if not vmx:
        vmrun = event("VMRUN", enter_l2, when=l1_runs, source=f"{nested} nested_svm_vmrun()")
        return (vmrun, *common)
    return (
        event("VMLAUNCH", enter_l2, when=l1_runs, source=f"{nested} handle_vmlaunch()"),
        *common,
        event(
            "WRMSR IA32_BNDCFGS",
            wrmsr_bndcfgs,
            when=bndcfgs_changes,
            source="linux:arch/x86/kvm/vmx/vmx.c vmx_set_msr()",
        ),
        vmwrite(
            "the BNDCFGS load control",
            vmwrite_bndcfgs,
            when=can_vmwrite_bndcfgs,
            choose={"load": FLAG},
        ),
        vmwrite(
            "the BNDCFGS clear control",
            vmwrite_clear_bndcfgs,
            when=can_vmwrite_bndcfgs,
            choose={"clear": FLAG},
        ),
        vmwrite(
            "the CET controls",
            vmwrite_cet,
            when=can_vmwrite_cet,
            choose={"load": FLAG, "exit_load": FLAG},
        ),
        vmwrite(
            "CET values",
            vmwrite_cet_values,
            when=can_vmwrite_cet,
            choose={
                "guest": (Field.L1_FOR_L2, Field.REFUSED),
                "host": (Field.L1_HOST, Field.REFUSED),
            },
        ),
        vmwrite(
            "CR4.CET and CR0.WP",
            vmwrite_cr,
            when=can_vmwrite_cet,
            choose={"cr4_cet": FLAG, "cr0_wp": FLAG},
        ),
        vmwrite(
            "the XSAVES controls", vmwrite_xsaves, choose={"enable": FLAG, "bitmap": (0, CET_U)}
        ),
        event(
            "XSAVES by L2",
            xsaves,
            when=can_xsaves,
            source="sdm:Instructions That Cause VM Exits Conditionally",
        ),
        vmwrite("the exception bitmap", vmwrite_nm, choose={"intercept": FLAG}),
        vmwrite("CR0.TS, which L1 owns", vmwrite_ts, choose={"ts": FLAG, "shadow": FLAG}),
        vmwrite("the CR0 mask, so that L2 has CR0.TS", vmwrite_ts_free),
        event(
            "MOV CR0 by L2",
            mov_cr0,
            when=l2_has_ts,
            choose={"ts": FLAG},
            source="sdm:Guest/Host Masks and Read Shadows for CR0 and CR4",
        ),
        event(
            "SSE instruction under CR0.TS",
            use_fpu,
            source="sdm:Interrupt 7: Device Not Available Exception (#NM)",
        ),
    )
