# SPDX-License-Identifier: Apache-2.0
"""What the VMM's thread does as a task, what happens to it, and what a signal handler may do to its frame.

Source: sigaction(2), sigreturn(2), execve(2), fork(2), ptrace(2); criu.org for a frame that comes from another host.
"""

from xsavvy.checker import Event
from xsavvy.isa.components import PKRU, SSE
from xsavvy.model.constants import Constants
from xsavvy.model.values import USER_MODE, Value
from xsavvy.model.vmm import vmm_event

from .lifecycle_events import lifecycle_events
from .machine import TaskMachine
from .pkru import kvm_set_pkru, set_pkru_of_task
from .pkru import xrstor_pkru as restore_pkru
from .values import FrameSize, Pages

__all__ = ["task_events"]

TAKEN = 1
USER = ("vmm",)


# In user mode.


def write_sse(s: TaskMachine, k: Constants, value: int) -> None:
    """Compute in XMM registers."""
    s.hw_sse[s.cpu] = value
    s.hw_xinuse[s.cpu] |= SSE
    s.ghost_vmm_sse = value


def sse_differs(s: TaskMachine, k: Constants, value: int) -> bool:
    """A write of the same value changes nothing."""
    return value != s.ghost_vmm_sse


def set_pkru(s: TaskMachine, k: Constants, value: int) -> None:
    """Execute WRPKRU."""
    set_pkru_of_task(s, k, value)


def pkru_differs(s: TaskMachine, k: Constants, value: int) -> bool:
    """WRPKRU needs CR4.PKE; a write of the same value changes nothing."""
    return k.host_pku != 0 and value != s.ghost_vmm_pkru


def xrstor_pkru(s: TaskMachine, k: Constants, xstate_bv: int) -> None:
    """Restore PKRU from an image of the task's own."""
    restore_pkru(s, k, xstate_bv, Value.VMM2)
    s.ghost_vmm_pkru = Value.VMM2 if xstate_bv else Value.INIT


def can_xrstor_pkru(s: TaskMachine, k: Constants) -> bool:
    """XRSTOR reaches PKRU by XCR0[9] alone; CR4.PKE does not matter."""
    return s.hw_xcr0[s.cpu] & PKRU != 0


def set_pkru_of_guest(s: TaskMachine, k: Constants, xstate_bv: int) -> None:
    """Store an image for the guest, with or without PKRU."""
    kvm_set_pkru(s, k, xstate_bv)


# Signals.


def signal_arrives(s: TaskMachine, k: Constants) -> int:
    """Find a signal with a handler."""
    return TAKEN


def not_in_handler(s: TaskMachine, k: Constants) -> bool:
    """One signal at a time: the handler blocks the others."""
    return s.vmm_handler == 0


def in_handler(s: TaskMachine, k: Constants) -> bool:
    """The VMM's thread is in its handler."""
    return s.vmm_handler != 0


def sigreturn(s: TaskMachine, k: Constants) -> int:
    """Return from the handler."""
    s.vmm_returning = 1
    return TAKEN


def frame_is_there(s: TaskMachine, k: Constants) -> bool:
    """A page can be taken away while it is there."""
    return s.uapi_frame_page == Pages.PRESENT


def take_page(s: TaskMachine, k: Constants) -> None:
    """Reclaim the page with the end of the frame; it comes back when it is faulted in."""
    s.uapi_frame_page = Pages.AWAY


def untouched_frame(s: TaskMachine, k: Constants) -> bool:
    """The handler is running, and its frame's layout is as the kernel wrote it."""
    return s.vmm_handler != 0 and s.uapi_frame_size == FrameSize.KERNEL


def unmap_page(s: TaskMachine, k: Constants) -> None:
    """Unmap the page with the end of the frame."""
    s.uapi_frame_page = Pages.UNMAPPED


def frame_can_be_unmapped(s: TaskMachine, k: Constants) -> bool:
    """The handler is running, and the page is still mapped."""
    return s.vmm_handler != 0 and s.uapi_frame_page != Pages.UNMAPPED


def understate(s: TaskMachine, k: Constants) -> None:
    """Write a smaller xstate_size than the frame's components need, with the second magic number there."""
    s.uapi_frame_size = FrameSize.UNDERSTATED


def move_to_larger_host(s: TaskMachine, k: Constants) -> None:
    """Go on after a checkpoint, on a host whose own frames are larger."""
    s.uapi_frame_size = FrameSize.SMALLER_HOST


def spoil_header(s: TaskMachine, k: Constants) -> None:
    """Write reserved bytes of the frame's header, which XRSTOR answers with #GP."""
    s.uapi_frame_bad = 1


def header_is_good(s: TaskMachine, k: Constants) -> bool:
    """The handler is running, and its frame's header is legal."""
    return s.vmm_handler != 0 and s.uapi_frame_bad == 0


def edit_pkru(s: TaskMachine, k: Constants, xstate_bv: int) -> None:
    """Change PKRU in the frame, or take it out: sigreturn() must do what XRSTOR does with that."""
    s.uapi_frame_bv = (s.uapi_frame_bv & ~PKRU) | xstate_bv
    s.uapi_frame_pkru = Value.VMM2 if xstate_bv else Value.INIT
    s.ghost_frame_pkru = s.uapi_frame_pkru


def frame_has_pkru(s: TaskMachine, k: Constants) -> bool:
    """The handler is running on a host with protection keys."""
    return s.vmm_handler != 0 and k.host_pku != 0


def task_events() -> tuple[Event, ...]:
    """Return every event of this part."""
    return (*_user_mode(), *_signals(), *_frame(), *lifecycle_events())


def _user_mode() -> tuple[Event, ...]:
    pkru = {"value": (Value.INIT, Value.VMM)}
    return (
        vmm_event(
            "write XMM by VMM",
            write_sse,
            when=sse_differs,
            choose={"value": (Value.VMM, Value.VMM2)},
            source="sdm:any SSE instruction",
        ),
        vmm_event("WRPKRU by task", set_pkru, when=pkru_differs, choose=pkru, source="sdm:WRPKRU"),
        vmm_event(
            "XRSTOR PKRU by task",
            xrstor_pkru,
            when=can_xrstor_pkru,
            choose={"xstate_bv": (0, PKRU)},
            source="sdm:XRSTOR",
        ),
        vmm_event(
            "KVM_SET_XSAVE with PKRU",
            set_pkru_of_guest,
            choose={"xstate_bv": (0, PKRU)},
            source="linux:arch/x86/kernel/fpu/core.c fpu_copy_uabi_to_guest_fpstate()",
        ),
    )


def _signals() -> tuple[Event, ...]:
    source = "linux:arch/x86/kernel/signal.c"
    returns = {"when": in_handler, "interrupts": ("vcpu",), "at": USER, "leaves": USER_MODE}
    return (
        Event(
            "signal with a handler",
            "vmm",
            signal_arrives,
            when=not_in_handler,
            interrupts=("vcpu",),
            at=("exit_to_user",),
            to={TAKEN: "setup_rt_frame"},
            source=f"{source} arch_do_signal_or_restart()",
        ),
        Event(
            "signal in user mode",
            "vmm",
            signal_arrives,
            when=not_in_handler,
            interrupts=("vcpu",),
            at=USER,
            to={TAKEN: "setup_rt_frame"},
            leaves=USER_MODE,
            source=f"{source} arch_do_signal_or_restart()",
        ),
        Event(
            "sigreturn",
            "vmm",
            sigreturn,
            to={TAKEN: "fpu__restore_sig"},
            source="linux:arch/x86/kernel/signal_64.c rt_sigreturn()",
            **returns,  # type: ignore[arg-type]
        ),
        Event(
            "sigreturn of a 32-bit task",
            "vmm",
            sigreturn,
            to={TAKEN: "ia32_restore_sig"},
            source="linux:arch/x86/kernel/signal_32.c sigreturn()",
            **returns,  # type: ignore[arg-type]
        ),
    )


def _frame() -> tuple[Event, ...]:
    def event(name: str, actor: str, effect: object, when: object, **rest: object) -> Event:
        return Event(name, actor, effect, when=when, interrupts=("vcpu",), at=USER, **rest)  # type: ignore[arg-type]

    user = "userspace"
    return (
        event(
            "the frame's page is reclaimed",
            "mm",
            take_page,
            frame_is_there,
            source="linux:mm/vmscan.c shrink_folio_list()",
        ),
        event(
            "the frame's page is unmapped", "vmm", unmap_page, frame_can_be_unmapped, source=user
        ),
        event("the frame's size is understated", "vmm", understate, untouched_frame, source=user),
        event(
            "the task is moved to a larger host",
            "criu",
            move_to_larger_host,
            untouched_frame,
            source="commit 44eeff9bc467: checkpoint inside a signal handler, restore elsewhere",
        ),
        event("the frame's header is spoiled", "vmm", spoil_header, header_is_good, source=user),
        event(
            "the handler changes PKRU in its frame",
            "vmm",
            edit_pkru,
            frame_has_pkru,
            choose={"xstate_bv": (0, PKRU)},
            source="linux:tools/testing/selftests/mm/protection_keys.c",
        ),
    )
