# SPDX-License-Identifier: Apache-2.0
"""CPU hotplug: a CPU that nobody runs on goes offline and comes back as bring-up leaves it.

Its registers are what a reset and CPU bring-up make of them; per-CPU variables are ordinary memory and survive, unless
somebody writes them. The owner of the registers is one that somebody writes.
Source: arch/x86/kernel/fpu/xstate.c fpu__init_cpu_xstate(), arch/x86/kernel/smpboot.c (the owner is set to NULL);
commits 672365477ae8, xfd_state_in_sync.
"""

from xsavvy.checker import Event, Program
from xsavvy.model.constants import Constants
from xsavvy.model.values import Fault, Task, Value

from .machine import HistoryMachine

__all__ = ["HOTPLUG", "bring_up", "bring_up_in_sync", "synchronizes_xfd_state"]

NAME = "CPU goes offline and comes back"


def nobody_is_there(s: HistoryMachine, k: Constants) -> bool:
    """Take the CPU on which no task is; a switch to it must not be under way."""
    return k.cpus > 1 and s.switch_at == 0 and s.fault == Fault.NONE


def bring_up(s: HistoryMachine, k: Constants) -> None:
    """Reset the other CPU and bring it up: the host's XCR0 and IA32_XSS, IA32_XFD as a new task has it, no owner."""
    other = 1 - s.cpu
    s.hw_sse[other] = Value.INIT
    s.hw_pkru[other] = Value.INIT
    s.hw_cet_u[other] = Value.INIT
    s.hw_tile[other] = Value.INIT
    s.hw_xinuse[other] = 0
    s.hw_xcr0[other] = k.host_xcr0
    s.hw_xss[other] = k.host_xss
    s.hw_xfd[other] = k.xfd_capable
    s.hw_xfd_err[other] = 0
    s.cpu_fpregs_owner[other] = Task.NOBODY


def bring_up_in_sync(s: HistoryMachine, k: Constants) -> None:
    """Reset the other CPU and bring it up, and write the cache of IA32_XFD with the register."""
    bring_up(s, k)
    s.cpu_xfd_state[1 - s.cpu] = k.xfd_capable


HOTPLUG = Event(
    NAME,
    "host",
    bring_up,
    when=nobody_is_there,
    source="linux:arch/x86/kernel/fpu/xstate.c fpu__init_cpu_xstate()",
)


def synchronizes_xfd_state(program: Program) -> Program:
    """Apply xfd_state_in_sync: bring-up writes the cache of IA32_XFD too."""
    source = "linux:arch/x86/kernel/fpu/xstate.c fpu__init_cpu_xstate(), xfd_set_state()"
    return program.replaced_event(NAME, effect=bring_up_in_sync, source=source)
