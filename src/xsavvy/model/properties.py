# SPDX-License-Identifier: Apache-2.0
"""What must be true in every reachable state, as general sentences.

No sentence names a bug. Beside each stands its witness (a state that must be reachable, or the sentence says
nothing) and its mutant (`mutants`: a change of the model that must break it). The letters P1 to P29 are those of the
list that the upstream bugs led to.
"""

from xsavvy.checker import Property
from xsavvy.isa.components import CET_U, PKRU, SSE, XTILECFG
from xsavvy.isa.masks import xcr0_ok

from .constants import Constants
from .machine import Machine
from .values import (
    BH_OFF,
    CR4_OSXSAVE,
    CR4_PKE,
    GUEST_MODE,
    IRQS_OFF,
    PREEMPT_OFF,
    TILE,
    USER_MODE,
    Buffer,
    Exit,
    Fault,
    Task,
    Value,
)
from .xstate import installed_fpstate

__all__ = ["PROPERTIES"]

KVM = "linux:arch/x86/kvm/x86.c"
CORE = "linux:arch/x86/kernel/fpu/core.c"


def vcpu_has_control(s: Machine, k: Constants) -> bool:
    """The vCPU thread itself runs: nothing has interrupted it."""
    return s.current == Task.VMM and s.switch_at == 0 and s.softirq_at == 0 and s.nmi_at == 0


def task_has_control(s: Machine, k: Constants) -> bool:
    """The other task itself runs."""
    return s.current == Task.OTHER and s.switch_at == 0 and s.softirq_at == 0 and s.nmi_at == 0


def in_guest(s: Machine, k: Constants) -> bool:
    """The processor is in guest mode."""
    return s.current == Task.VMM and s.vcpu_context & GUEST_MODE != 0


def guest_has_xsave(s: Machine, k: Constants) -> bool:
    """The guest is in guest mode and may execute the XSAVE family."""
    return in_guest(s, k) and s.vcpu_cr4 & CR4_OSXSAVE != 0


def own_pkru(s: Machine, k: Constants) -> int:
    """The value that the current task gave PKRU."""
    if k.host_xcr0 & PKRU == 0:
        return Value.INIT
    if s.current == Task.VMM:
        return s.ghost_vmm_pkru
    return Value.OTHER


def host_is_interruptible(s: Machine, k: Constants) -> bool:
    """Interrupts are on in the host, or a softirq or the scheduler runs."""
    if s.softirq_at != 0 or s.switch_at != 0 or s.current == Task.OTHER:
        return True
    return s.vcpu_context & (IRQS_OFF | GUEST_MODE) == 0


def host_features(s: Machine, k: Constants) -> bool:
    """P2: while the host can be interrupted, XCR0 and IA32_XSS are the host's."""
    if not host_is_interruptible(s, k):
        return True
    return s.hw_xcr0[s.cpu] == k.host_xcr0 and s.hw_xss[s.cpu] == k.host_xss


def guest_features(s: Machine, k: Constants) -> bool:
    """P2, I3: a guest that can tell runs with its own XCR0 and IA32_XSS."""
    if not guest_has_xsave(s, k):
        return True
    return s.hw_xcr0[s.cpu] == s.vcpu_xcr0 and s.hw_xss[s.cpu] == s.vcpu_xss


def guest_pkru(s: Machine, k: Constants) -> bool:
    """P10, seed 002: where the guest can read or feel PKRU, it is the guest's.

    By CR4.PKE (RDPKRU, key checks), or by the XSAVE family with CR4.OSXSAVE and XCR0[9].
    """
    if not in_guest(s, k):
        return True
    by_xsave = s.vcpu_cr4 & CR4_OSXSAVE != 0 and s.hw_xcr0[s.cpu] & PKRU != 0
    if s.vcpu_cr4 & CR4_PKE == 0 and not by_xsave:
        return True
    return s.hw_pkru[s.cpu] == s.ghost_pkru


def guest_pkru_inuse(s: Machine, k: Constants) -> bool:
    """Seed 002: XINUSE[PKRU] is what the guest's own last access left; the architecture allows otherwise."""
    if not guest_has_xsave(s, k) or s.hw_xcr0[s.cpu] & PKRU == 0:
        return True
    if s.hw_pkru[s.cpu] != Value.INIT:
        return True
    return (s.hw_xinuse[s.cpu] & PKRU != 0) == (s.ghost_pkru_inuse != 0)


def nmi_pkru(s: Machine, k: Constants) -> bool:
    """P9, seed 002: an NMI handler that reads user memory does so under the task's own PKRU."""
    if s.nmi_at == 0:
        return True
    return s.hw_pkru[s.cpu] == own_pkru(s, k)


def host_pkru(s: Machine, k: Constants) -> bool:
    """P9: wherever the host may read user memory or runs a task, PKRU is the task's own."""
    if (
        vcpu_has_control(s, k)
        and s.vcpu_context & (IRQS_OFF | PREEMPT_OFF | BH_OFF | GUEST_MODE) == 0
    ):
        return s.hw_pkru[s.cpu] == own_pkru(s, k)
    if task_has_control(s, k):
        return s.hw_pkru[s.cpu] == own_pkru(s, k)
    return True


def guest_registers(s: Machine, k: Constants) -> bool:
    """P4, P10, I10: in guest mode the registers that the guest can reach hold what the guest put there."""
    if not in_guest(s, k):
        return True
    if s.hw_sse[s.cpu] != s.ghost_sse:
        return False
    if guest_has_xsave(s, k) and s.hw_xss[s.cpu] & CET_U and s.hw_cet_u[s.cpu] != s.ghost_cet_u:
        return False
    tiles = s.hw_xcr0[s.cpu] & TILE != 0 and s.hw_xfd[s.cpu] & TILE == 0
    if guest_has_xsave(s, k) and tiles:
        if s.ghost_tile == Value.ANY:
            kept = s.hw_tile[s.cpu]
            return kept == Value.INIT or kept == Value.GUEST or kept == Value.GUEST2
        return s.hw_tile[s.cpu] == s.ghost_tile
    return True


def task_registers(s: Machine, k: Constants) -> bool:
    """P4, P10: a task in user mode finds the registers that it left."""
    if vcpu_has_control(s, k) and s.vcpu_context & USER_MODE:
        return s.hw_sse[s.cpu] == Value.VMM and (
            s.hw_xfd[s.cpu] & TILE != 0 or s.hw_tile[s.cpu] == Value.INIT
        )
    if task_has_control(s, k) and s.task_context & USER_MODE:
        if s.hw_sse[s.cpu] != Value.OTHER:
            return False
        return k.xfd_capable == 0 or s.hw_tile[s.cpu] == Value.OTHER
    return True


def kernel_survives(s: Machine, k: Constants) -> bool:
    """P1, P3: no XRSTORS or XSETBV of the kernel faults, and no save passes its buffer's end."""
    return s.fault == Fault.NONE


def xfd_cache(s: Machine, k: Constants) -> bool:
    """P5, I5: where the kernel may trust its cache of IA32_XFD, the cache is right."""
    if not host_is_interruptible(s, k) or s.vcpu_context & BH_OFF:
        return True
    return s.cpu_xfd_state[s.cpu] == s.hw_xfd[s.cpu]


def xfd_of_current(s: Machine, k: Constants) -> bool:
    """P7, I5: while the registers are the current task's, IA32_XFD is that of its fpstate."""
    if (
        not host_is_interruptible(s, k)
        or s.switch_at != 0
        or k.xfd_capable == 0
        or s.vcpu_context & BH_OFF
    ):
        return True
    if s.tif_need_fpu_load[s.current]:
        return True
    return s.hw_xfd[s.cpu] == s.fp_xfd[installed_fpstate(s, k)]


def host_xfd_err(s: Machine, k: Constants) -> bool:
    """P25, I2: before the host can take a #NM of its own, IA32_XFD_ERR is zero."""
    if s.softirq_at != 0 or not host_is_interruptible(s, k):
        return True
    return s.hw_xfd_err[s.cpu] == 0 or s.fault != Fault.NONE


def guest_xfd_err(s: Machine, k: Constants) -> bool:
    """P25, I11: the guest reads from IA32_XFD_ERR what its own #NM left there."""
    if not in_guest(s, k) or s.vcpu_exit != Exit.NONE:
        return True
    return s.hw_xfd_err[s.cpu] == s.ghost_xfd_err


def guest_xfd(s: Machine, k: Constants) -> bool:
    """P26: the guest runs with the IA32_XFD that it wrote."""
    if not in_guest(s, k) or s.vcpu_exit != Exit.NONE or k.guest_xcr0 & TILE == 0:
        return True
    return s.hw_xfd[s.cpu] == s.ghost_xfd


def room_for_enabled(s: Machine, k: Constants) -> bool:
    """I8: a component that the guest can use has room in the guest's fpstate."""
    if not guest_has_xsave(s, k):
        return True
    usable = s.hw_xcr0[s.cpu] & ~s.hw_xfd[s.cpu] & (SSE | TILE)
    return usable & ~s.fp_xfeatures[Buffer.GUEST] == 0


def swap_is_balanced(s: Machine, k: Constants) -> bool:
    """P11, I13: in user mode and while another task's code runs no guest fpstate is installed by mistake."""
    if vcpu_has_control(s, k) and s.vcpu_context & USER_MODE:
        return s.guest_fp_in_use == 0
    return not in_guest(s, k) or s.guest_fp_in_use == 1


def legal_features(s: Machine, k: Constants) -> bool:
    """P16: the guest's XCR0 and IA32_XSS are legal and within what KVM offers."""
    tiles = s.vcpu_xcr0 & (XTILECFG | TILE)
    if tiles != 0 and tiles != (XTILECFG | TILE):
        return False
    return xcr0_ok(s.vcpu_xcr0, k.guest_xcr0) != 0 and s.vcpu_xss & ~k.guest_xss == 0


PROPERTIES = (
    Property(
        "kernel_survives",
        "No XRSTORS of the kernel faults, no pointer it follows is NULL, no save passes the end of its buffer.",
        kernel_survives,
        source=f"P1, P3; {CORE} restore_fpregs_from_fpstate()",
        witness="vcpu_is_preempted",
        mutant="guest XCR0 stays loaded",
    ),
    Property(
        "host_runs_on_host_features",
        "While the host can be interrupted, XCR0 and IA32_XSS hold the host's values.",
        host_features,
        source=f"P2; {KVM} vcpu_enter_guest(); commit 1811d979c716",
        witness="guest_has_its_own_xcr0",
        mutant="guest XCR0 stays loaded",
    ),
    Property(
        "guest_runs_on_guest_features",
        "A guest with CR4.OSXSAVE runs with its own XCR0 and IA32_XSS.",
        guest_features,
        source=f"{KVM} kvm_load_guest_xsave_state()",
        witness="guest_has_its_own_xcr0",
        mutant="guest XCR0 is not loaded",
    ),
    Property(
        "guest_features_are_legal",
        "The guest's XCR0 and IA32_XSS are legal and within what KVM offers it.",
        legal_features,
        source=f"P16; {KVM} __kvm_set_xcr()",
        witness="guest_has_its_own_xcr0",
        mutant="XSETBV is not checked",
    ),
    Property(
        "guest_sees_its_own_pkru",
        "Where the guest can read or feel PKRU, the register holds the guest's value, never the host's.",
        guest_pkru,
        source='seed 002; SDM "Protection Keys"',
        witness="guest_has_its_own_pkru",
        mutant="guest PKRU is not loaded",
    ),
    Property(
        "guest_sees_its_own_pkru_inuse",
        "XINUSE[PKRU] is as the guest's own last access left it (the architecture does not promise that).",
        guest_pkru_inuse,
        source='seed 002; SDM "Processor Tracking of XSAVE-Managed State"',
        witness="guest_has_its_own_pkru",
        mutant="PKRU is written with WRPKRU",
    ),
    Property(
        "nmi_reads_user_memory_under_host_pkru",
        "An NMI handler that reads the current task's memory does so under that task's own PKRU.",
        nmi_pkru,
        source="seed 002; P9; linux:arch/x86/events/core.c perf_callchain_user()",
        witness="nmi_hits_the_run_loop",
        mutant="host PKRU is not restored",
    ),
    Property(
        "host_runs_on_host_pkru",
        "Wherever the host may touch user memory or return to it, PKRU is the current task's own.",
        host_pkru,
        source="seed 002; P9; commit 1be0e61c1f25",
        witness="guest_has_its_own_pkru",
        mutant="host PKRU is not restored",
    ),
    Property(
        "guest_finds_its_registers",
        "In guest mode, every register that the guest can reach holds what the guest put there.",
        guest_registers,
        source=f"P4, P10; {CORE} fpu_swap_kvm_fpstate(), switch_fpu_return()",
        witness="registers_reloaded_for_guest",
        mutant="the swap does not restore",
    ),
    Property(
        "tasks_find_their_registers",
        "A host task in user mode finds the registers that it left.",
        task_registers,
        source=f"P4, P6, P10; {CORE} fpu_swap_kvm_fpstate(); commit ec269475cba7",
        witness="other_task_runs",
        mutant="the context switch does not save",
    ),
    Property(
        "guest_fpstate_is_swapped_in_pairs",
        "The guest's fpstate is installed in guest mode and not in user mode.",
        swap_is_balanced,
        source=f"P11; {CORE} fpu_swap_kvm_fpstate(); commit 8819a49f9ff8",
        witness="registers_reloaded_for_guest",
        mutant="the user's fpstate is not put back",
    ),
    Property(
        "xfd_cache_is_right",
        "Where the kernel may trust its cache of IA32_XFD, the cache equals the register.",
        xfd_cache,
        source="P5; linux:arch/x86/kernel/fpu/xstate.h xfd_update_state()",
        witness="guest_disabled_its_tiles",
        mutant="XFD is not synchronized",
    ),
    Property(
        "xfd_belongs_to_the_registers",
        "While the registers are the current task's, IA32_XFD is that of its fpstate.",
        xfd_of_current,
        source="P7; linux:arch/x86/kernel/fpu/xstate.c xfd_validate_state(); commit 388eff894d6b",
        witness="guest_disabled_its_tiles",
        mutant="XFD is not synchronized",
    ),
    Property(
        "guest_runs_on_its_own_xfd",
        "The guest runs with the IA32_XFD that it wrote.",
        guest_xfd,
        source="P26; commit 820a6ee944e7",
        witness="guest_disabled_its_tiles",
        mutant="WRMSR of IA32_XFD is dropped",
    ),
    Property(
        "host_runs_without_guest_xfd_err",
        "Before the host can take a #NM of its own, IA32_XFD_ERR is zero.",
        host_xfd_err,
        source=f"P25; {KVM} vcpu_enter_guest()",
        witness="guest_has_xfd_err",
        mutant="XFD_ERR is not cleared",
    ),
    Property(
        "guest_reads_its_own_xfd_err",
        "The guest reads from IA32_XFD_ERR what its own #NM left there.",
        guest_xfd_err,
        source="P25; commit ec5be88ab29f",
        witness="guest_has_xfd_err",
        mutant="XFD_ERR is not loaded",
    ),
    Property(
        "enabled_state_has_room",
        "A component that the guest can use has room in the guest's fpstate.",
        room_for_enabled,
        source=f"seed 001; {CORE} fpu_enable_guest_xfd_features()",
        witness="guest_uses_tiles",
        mutant="tiles are offered without room",
    ),
)
