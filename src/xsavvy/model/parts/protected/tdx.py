# SPDX-License-Identifier: Apache-2.0
"""The world switch of TDX: the module loads and stores the guest's registers, or does not enter the guest at all.

A TD exit leaves XCR0 and IA32_XSS as XFAM allows them, PKRU zero if XFAM has it, the other registers in their initial
configuration and the user-return MSRs at fixed values. A TDH.VP.ENTER that never entered leaves everything alone, and
the module may call that a success.
Source: arch/x86/kvm/vmx/tdx.c tdx_vcpu_run(); commit c0711f8c610e for entries that never enter.
"""

from xsavvy.checker import Event, Path, Program, Step
from xsavvy.isa.components import SSE
from xsavvy.kvm.protected import td_exit_pkru_is_zeroed, td_restores_register
from xsavvy.model import constants as c
from xsavvy.model import xfeatures
from xsavvy.model.constants import Constants
from xsavvy.model.fpu import nothing
from xsavvy.model.pkru import sample_host_pkru_at_entry
from xsavvy.model.values import GUEST_MODE, IRQS_OFF, Value
from xsavvy.model.vendor import exit_is_due

from .designs import ProtectedRestore, TdUserReturn
from .machine import ProtectedMachine
from .sev import load_guest_registers, store_guest_registers
from .userreturn import kvm_set_user_return_msr
from .xfeatures import common_load_host_pkru

__all__ = ["note_guest_entered", "with_restore", "with_td_run", "with_tdx"]

TDX = "linux:arch/x86/kvm/vmx/tdx.c"
RUN = f"{TDX} tdx_vcpu_run()"
MODULE = "tdx:TDH.VP.ENTER, CPU state on return"
IS_TD = 1
NOT_ENTERED = 1
TD_EXIT_TSC_AUX = Value.INIT


def is_td_vcpu(s: ProtectedMachine, k: Constants) -> int:
    """Choose the run function by the kind of the VM: in this part it is always a TD."""
    return IS_TD if k.is_td else 0


def enter(s: ProtectedMachine, k: Constants) -> None:
    """Let the module load the guest's registers."""
    load_guest_registers(s, k)


def td_exit(s: ProtectedMachine, k: Constants) -> None:
    """Let the module store the guest's registers and leave what it leaves."""
    cpu = s.cpu
    store_guest_registers(s, k)
    s.hw_xcr0[cpu] = k.xfam_xcr0
    s.hw_xss[cpu] = k.xfam_xss
    if td_exit_pkru_is_zeroed(k.xfam_xcr0):
        s.hw_pkru[cpu] = Value.INIT
    s.hw_sse[cpu] = Value.INIT
    s.hw_xinuse[cpu] &= ~SSE
    s.hw_tsc_aux[cpu] = TD_EXIT_TSC_AUX


def do_not_enter(s: ProtectedMachine, k: Constants, failed: int) -> int:
    """Return to KVM without having entered the guest, with an error or with a synthesized EPT violation."""
    s.vcpu_td_failed = failed
    return NOT_ENTERED


# What KVM does about it.


def load_host_pkru(s: ProtectedMachine, k: Constants) -> None:
    """Write the host's PKRU unless it is zero, which is what the module leaves."""
    if k.protected_restore == ProtectedRestore.DEDICATED:
        if s.vcpu_host_pkru != Value.INIT:
            s.hw_pkru[s.cpu] = s.vcpu_host_pkru
    elif k.pkru_home == c.PkruHome.VENDOR_RUN:
        common_load_host_pkru(s, k)


def load_host_xcr0(s: ProtectedMachine, k: Constants) -> None:
    """Write the host's XCR0 unless it is what XFAM allows."""
    if k.protected_restore == ProtectedRestore.DEDICATED:
        if td_restores_register(k.host_xcr0, k.xfam_xcr0, k.host_xcr0):
            s.hw_xcr0[s.cpu] = k.host_xcr0
    elif k.xfeatures_home == c.XfeaturesHome.VENDOR_RUN:
        xfeatures.load_host_xcr0(s, k)


def load_host_xss(s: ProtectedMachine, k: Constants) -> None:
    """Write the host's IA32_XSS unless it is what XFAM allows."""
    if k.protected_restore == ProtectedRestore.DEDICATED:
        if td_restores_register(k.host_xss, k.xfam_xss, k.guest_xss):
            s.hw_xss[s.cpu] = k.host_xss
    elif k.xfeatures_home == c.XfeaturesHome.VENDOR_RUN:
        xfeatures.load_host_xss(s, k)


def prepare_switch_to_guest(s: ProtectedMachine, k: Constants) -> None:
    """Write what a TD exit leaves in the user-return MSRs, where the design says so, once while the vCPU is loaded."""
    sample_host_pkru_at_entry(s, k)
    if s.vcpu_guest_loaded == 0:
        if k.td_user_return == TdUserReturn.WRITE_BEFORE:
            kvm_set_user_return_msr(s, k, TD_EXIT_TSC_AUX)
        s.vcpu_guest_loaded = 1


def note_guest_entered(s: ProtectedMachine, k: Constants) -> None:
    """Remember that the cache must be corrected when the vCPU is put, in the designs that correct it."""
    if k.td_user_return == TdUserReturn.CACHE_AFTER_RUN:
        s.vcpu_td_entered = 1
    if k.td_user_return == TdUserReturn.CACHE_AFTER_SUCCESS and s.vcpu_td_failed == 0:
        s.vcpu_td_entered = 1
    s.vcpu_td_failed = 0


def with_tdx(program: Program) -> Program:
    """Make prepare_switch_to_guest() that of TDX."""
    return program.replaced(
        "vcpu_enter_guest.prepare_switch_to_guest",
        effect=prepare_switch_to_guest,
        source=f"{TDX} tdx_prepare_switch_to_guest()",
    )


def with_td_run(program: Program) -> Program:
    """Add tdx_vcpu_run(), and let the vendor's entry point choose it."""
    run = Path(
        "tdx_vcpu_run",
        (
            Step("tdh_vp_enter", enter, enters=GUEST_MODE, needs=IRQS_OFF, source=MODULE),
            Step("vmexit", td_exit, when=exit_is_due, leaves=GUEST_MODE, source=MODULE),
            Step("update_debugctl", nothing, needs=IRQS_OFF, source=RUN),
        ),
        then="vcpu_exit_guest",
        source=RUN,
    )
    choose = Step(
        "is_td_vcpu",
        is_td_vcpu,
        to={IS_TD: "tdx_vcpu_run"},
        needs=IRQS_OFF,
        source="linux:arch/x86/kvm/vmx/main.c vt_vcpu_run()",
    )
    fails = Event(
        "TDH.VP.ENTER does not enter",
        "tdx module",
        do_not_enter,
        interrupts=("vcpu",),
        at=("tdx_vcpu_run.tdh_vp_enter",),
        choose={"failed": (0, 1)},
        to={NOT_ENTERED: "tdx_vcpu_run.update_debugctl"},
        source="commit c0711f8c610e: a synthesized EPT violation, TDX_OPERAND_BUSY",
    )
    return (
        program.with_path("vcpu", run)
        .inserted(choose, before="vmx_vcpu_run.load_guest_xcr0")
        .with_event(fails)
    )


def with_restore(program: Program) -> Program:
    """Restore PKRU, XCR0 and IA32_XSS after each return of TDH.VP.ENTER."""
    source = f"{TDX} tdx_load_host_xsave_state()"
    after = "tdx_vcpu_run.update_debugctl"
    for name, effect in (
        ("tdx_load_host_pkru", load_host_pkru),
        ("tdx_load_host_xcr0", load_host_xcr0),
        ("tdx_load_host_xss", load_host_xss),
    ):
        step = Step(name, effect, needs=IRQS_OFF, source=source)
        program = program.inserted(step, after=after)
        after = f"tdx_vcpu_run.{name}"
    return program
