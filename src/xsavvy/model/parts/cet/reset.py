# SPDX-License-Identifier: Apache-2.0
"""INIT: it zeroes CET and MPX state, in memory, and so must take the guest's registers out of the CPU first.

KVM processes a pending INIT in KVM_RUN, where the guest's registers are swapped in, and in KVM_GET_MP_STATE, where
they are not. The paths here are those of v5.17: registers are taken out unconditionally, if MPX is supported, and
KVM_GET_MP_STATE swaps them in beforehand for that reason.
Source: arch/x86/kvm/x86.c kvm_vcpu_reset(), kvm_xstate_reset(), kvm_arch_vcpu_ioctl_get_mpstate();
arch/x86/kvm/lapic.c kvm_apic_accept_events(); commits a554d207dc46, f958bd2314d1, 8819a49f9ff8.
"""

from dataclasses import replace

from xsavvy.checker import Event, Path, Program, Step
from xsavvy.model.constants import Constants
from xsavvy.model.fpu import kvm_load_guest_fpu, kvm_put_guest_fpu
from xsavvy.model.values import USER_MODE, Buffer, Value
from xsavvy.model.vmm import vmm_event

from .access import vcpu_load
from .border import CetSwitch
from .machine import CetMachine, Ioctl

__all__ = [
    "INIT_EVENTS",
    "extend_reset",
    "reset_any_component",
    "reset_at_entry",
    "reset_if_in_use",
    "reset_nothing",
]

X86 = "linux:arch/x86/kvm/x86.c"
RESET = f"{X86} kvm_xstate_reset()"
ENTERED = 1
PENDING = 1
PUT = 1
NOTHING_TO_DO = 2
RELOAD = 1
BACK_TO_IOCTL = 1
LOAD_FIRST = 1


def no_init_pending(s: CetMachine, k: Constants) -> bool:
    """A second INIT adds nothing to a pending one."""
    return s.vcpu_pending_init == 0


def send_init(s: CetMachine, k: Constants) -> None:
    """Set INIT among the pending events: another vCPU's IPI, or userspace by KVM_SET_LAPIC or KVM_SET_IRQCHIP."""
    s.vcpu_pending_init = 1


def ask_mp_state(s: CetMachine, k: Constants) -> int:
    """Ask for the vCPU's state."""
    s.vcpu_ioctl = Ioctl.GET_MP_STATE
    return ENTERED


INIT_EVENTS = (
    Event(
        "INIT",
        "apic",
        send_init,
        when=no_init_pending,
        interrupts=("vcpu",),
        at=("vmm", "vcpu_run"),
        source="linux:arch/x86/kvm/lapic.c __apic_accept_irq()",
    ),
    vmm_event(
        "KVM_GET_MP_STATE",
        ask_mp_state,
        to={ENTERED: "kvm_get_mp_state"},
        leaves=USER_MODE,
        source=f"{X86} kvm_arch_vcpu_ioctl_get_mpstate()",
    ),
)


def accept_events(s: CetMachine, k: Constants) -> int:
    """Process a pending INIT."""
    if s.vcpu_pending_init:
        s.vcpu_pending_init = 0
        return PENDING
    return 0


def cleared_in_memory(k: Constants) -> bool:
    """INIT clears something in the guest's fpstate: CET there too, unless the design keeps it elsewhere."""
    cet = k.guest_xss != 0 and k.cet_switch == CetSwitch.VMCS_AND_FPU
    return cet or k.guest_mpx != 0


def reset_mpx(s: CetMachine, k: Constants) -> int:
    """Take the guest's registers out, if MPX is supported: whoever comes here has them in."""
    s.vcpu_init_in_use = 1
    return PUT if k.guest_mpx else NOTHING_TO_DO


def reset_any_component(s: CetMachine, k: Constants) -> int:
    """Take the guest's registers out, if any component is supported that INIT zeroes."""
    s.vcpu_init_in_use = 1
    return PUT if cleared_in_memory(k) else NOTHING_TO_DO


def reset_if_in_use(s: CetMachine, k: Constants) -> int:
    """Take the guest's registers out if they are in, and remember that."""
    s.vcpu_init_in_use = s.guest_fp_in_use
    if not cleared_in_memory(k):
        return NOTHING_TO_DO
    return PUT if s.guest_fp_in_use else 0


def reset_at_entry(s: CetMachine, k: Constants) -> int:
    """Take the guest's registers out if they are in; the next entry loads them."""
    s.vcpu_init_in_use = 0
    if not cleared_in_memory(k):
        return NOTHING_TO_DO
    return PUT if s.guest_fp_in_use else 0


def reset_nothing(s: CetMachine, k: Constants) -> int:
    """Leave the registers alone."""
    return NOTHING_TO_DO


def clear_components(s: CetMachine, k: Constants) -> int:
    """Zero components 11 and 12 in the guest's fpstate; the bits of its header stay."""
    if k.guest_xss:
        s.fp_cet_u[Buffer.GUEST] = Value.INIT
        s.fp_cet_s = Value.INIT
    return RELOAD if s.vcpu_init_in_use else 0


def vcpu_reset(s: CetMachine, k: Constants) -> int:
    """Zero what the VMCS and KVM's own copies hold, and go back to who asked.

    The guest finds zeros: SDM "Processor State Following Power-up, Reset, or INIT". On SVM nothing writes the fields
    of the VMCB, and no source at hand says what INIT should do with them; there nothing is asked.
    Source: arch/x86/kvm/vmx/vmx.c vmx_vcpu_reset(); arch/x86/kvm/svm/svm.c init_vmcb().
    """
    s.vcpu_init_in_use = 0
    s.vcpu_cr0 = 0
    s.vcpu_cr4_cet = 0
    s.vcpu_cet_u = Value.INIT
    s.vcpu_cet_s = Value.INIT
    if k.guest_cet:
        s.ghost_cet_u = Value.INIT
        s.ghost_cet_s = Value.INIT
    if k.guest_cet and k.vmx:
        s.vmcs_s_cet = Value.INIT
        s.vmcs_ssp = Value.INIT
        s.vmcs_ssp_tab = Value.INIT
        s.ghost_s_cet = Value.INIT
        s.ghost_ssp = Value.INIT
        s.ghost_ssp_tab = Value.INIT
    return BACK_TO_IOCTL if s.vcpu_ioctl == Ioctl.GET_MP_STATE else 0


def get_mp_state(s: CetMachine, k: Constants) -> int:
    """Begin; with MPX the guest's registers are swapped in, as INIT may take them out."""
    vcpu_load(s, k)
    return LOAD_FIRST if k.guest_mpx else 0


def mp_state_done(s: CetMachine, k: Constants) -> int:
    """End; with MPX the guest's registers are put away again."""
    return LOAD_FIRST if k.guest_mpx else 0


def reset_paths() -> tuple[Path, ...]:
    """Return INIT, as KVM_RUN and KVM_GET_MP_STATE meet it."""
    mp = f"{X86} kvm_arch_vcpu_ioctl_get_mpstate()"
    accept = "linux:arch/x86/kvm/lapic.c kvm_apic_accept_events()"
    reset = Step(
        "kvm_xstate_reset",
        reset_mpx,
        to={PUT: "reset_put_guest_fpu", NOTHING_TO_DO: "vcpu_reset"},
        source=RESET,
    )
    clear = Step(
        "fpstate_clear_xstate_component",
        clear_components,
        to={RELOAD: "reset_load_guest_fpu"},
        source=RESET,
    )
    fields = Step(
        "vcpu_reset",
        vcpu_reset,
        to={BACK_TO_IOCTL: "mp_state_done"},
        source=f"{X86} kvm_vcpu_reset()",
    )
    return (
        Path("kvm_vcpu_reset", (reset,), "clear_components", RESET),
        replace(kvm_put_guest_fpu(then="clear_components"), name="reset_put_guest_fpu"),
        Path("clear_components", (clear,), "vcpu_reset", RESET),
        replace(kvm_load_guest_fpu(then="vcpu_reset"), name="reset_load_guest_fpu"),
        Path("vcpu_reset", (fields,), "vcpu_run"),
        Path(
            "kvm_get_mp_state",
            (Step("vcpu_load", get_mp_state, to={LOAD_FIRST: "mp_load_guest_fpu"}, source=mp),),
            "mp_accept_events",
            mp,
        ),
        replace(kvm_load_guest_fpu(then="mp_accept_events"), name="mp_load_guest_fpu"),
        Path(
            "mp_accept_events",
            (
                Step(
                    "kvm_apic_accept_events",
                    accept_events,
                    to={PENDING: "kvm_vcpu_reset"},
                    source=accept,
                ),
            ),
            "mp_state_done",
            mp,
        ),
        Path(
            "mp_state_done",
            (Step("done", mp_state_done, to={LOAD_FIRST: "mp_put_guest_fpu"}, source=mp),),
            "ioctl_done",
            mp,
        ),
        replace(kvm_put_guest_fpu(then="ioctl_done"), name="mp_put_guest_fpu"),
    )


def extend_reset(program: Program) -> Program:
    """Return the program with INIT: in KVM_RUN before every entry, in KVM_GET_MP_STATE, and who sends it."""
    in_run = Step(
        "kvm_apic_accept_events",
        accept_events,
        to={PENDING: "kvm_vcpu_reset"},
        source="linux:arch/x86/kvm/lapic.c kvm_apic_accept_events()",
    )
    program = program.with_path("vcpu", *reset_paths()).with_event(*INIT_EVENTS)
    return program.inserted(in_run, before="vcpu_enter_guest.preempt_disable")
