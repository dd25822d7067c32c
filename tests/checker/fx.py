# SPDX-License-Identifier: Apache-2.0
"""The guest/host register-switch protocol that the engine prototypes were measured on.

The counts are known from four independent writings of it (Python, Murphi, Promela, TLA+):
27,616 states, 65,792 transitions, depth 36 with one component and no budget. The vCPU task is
an actor whose only location is a loop over its moves, so that every rule of the original is
one rule here: events without an actor to interrupt.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from tests.checker import fxstep as step
from tests.checker.fxstep import At
from xsavvy.checker import Below, Choice, Event, Flag, Init, Mask, Program, Property, Record


@dataclass(frozen=True)
class Size:
    """Run-time constants: components, and whether ptrace forgets to invalidate the owner."""

    components: int = 1
    bug: int = 0

    @property
    def full(self) -> int:
        return (1 << self.components) - 1


def machine(components: int) -> type[Record]:
    """Make the record for a number of components."""
    regs = Mask((1 << components) - 1)
    full = (1 << components) - 1
    kinds = {
        "pc": Choice(At),
        "cur": Flag(),
        "pc1": Below(4),
        "nl": Mask(3),
        "own": Below(3),
        "fpst": Flag(),
        "pend": Mask(3),
        "nmi": Flag(),
        "sirq": Below(3),
        "bud": Below(8),
        "regs": regs,
        "gimg": regs,
        "himg": regs,
        "oimg": regs,
        "hx": regs,
        "gx": regs,
        "gexp": regs,
        "hexp": regs,
        "oexp": regs,
    }
    init = {"own": 1, "nl": 2, "hx": full, "gx": 1}
    notes = {
        name: Annotated[int, kind, Init(init.get(name, 0)), name] for name, kind in kinds.items()
    }
    return type("Machine", (Record,), {"__annotations__": notes})


# --- properties


def guest_sees_guest(s, k):
    return not (s.cur == 0 and s.pc == At.GUEST) or s.regs == s.gexp


def user0_sees_user0(s, k):
    mine = s.cur == 0 and s.pc == At.USER and not s.nl & 1 and s.sirq == 0
    return not mine or s.regs == s.hexp


def user1_sees_user1(s, k):
    mine = s.cur == 1 and s.pc1 == 0 and not s.nl & 2 and s.sirq == 0
    return not mine or s.regs == s.oexp


def host_xcr0(s, k):
    return s.hx == k.full or At.READY <= s.pc <= At.EXIT


def guest_xcr0(s, k):
    return s.pc != At.GUEST or s.hx == s.gx


def fpstate_window(s, k):
    return (s.fpst == 1) == (s.pc >= At.LOADED)


PROPERTIES = (
    guest_sees_guest,
    user0_sees_user0,
    user1_sees_user1,
    host_xcr0,
    guest_xcr0,
    fpstate_window,
)


def program(components: int = 1) -> Program:
    """The protocol for a number of components."""
    every = tuple(range(components))
    rows = [
        (step.can_load, step.load, ()),
        (step.can_write, step.write, every),
        (step.in_user, step.run, ()),
        (step.can_set_xsave, step.set_xsave, every),
        (step.in_run, step.swap_in, ()),
        (step.in_loaded, step.irq_off, ()),
        (step.must_reload, step.reload, ()),
        (step.may_load_xcr, step.load_xcr, ()),
        (step.may_enter, step.enter, ()),
        (step.must_cancel, step.leave_guest, ()),
        (step.guest_can_write, step.guest_write, every),
        (step.can_xsetbv, step.xsetbv, every[1:] or None),
        (step.in_guest, step.leave_guest, ()),
        (step.in_exit, step.store_xcr, ()),
        (step.in_stored, step.irq_on, ()),
        (step.can_emulate, step.emulate, ()),
        (step.may_go_again, step.go_again, ()),
        (step.in_handle, step.put, ()),
        (step.in_put, step.swap_out, ()),
        (step.no_irq, step.raise_irq, ()),
        (step.no_tick, step.tick, ()),
        (step.can_softirq, step.softirq_in, ()),
        (step.in_softirq, step.softirq_use, ()),
        (step.softirq_used, step.softirq_out, ()),
        (step.can_nmi, step.nmi_in, ()),
        (step.in_nmi, step.nmi_out, ()),
        (step.can_schedule_out, step.schedule_out, ()),
        (step.can_schedule_in, step.schedule_in, ()),
        (step.other_can_load, step.other_load, ()),
        (step.other_can_write, step.other_write, every),
        (step.other_in_user, step.system_call, ()),
        (step.other_in_kernel, step.kernel_fpu, ()),
        (step.other_in_kernel, step.no_fpu, ()),
        (step.in_kernel_fpu, step.no_fpu, ()),
        (step.can_ptrace, step.ptrace, every),
        (step.in_return, step.return_to_user, ()),
    ]
    events = [
        Event(
            f"{when.__name__}:{effect.__name__}",
            "machine",
            effect,
            source="prototype",
            when=when,
            choose={"c": values} if values else {},
        )
        for when, effect, values in rows
        if values is not None
    ]
    return Program(
        record=machine(components),
        actors=(),
        events=tuple(events),
        properties=tuple(
            Property(f.__name__, f.__name__.replace("_", " "), f, source="prototype")
            for f in PROPERTIES
        ),
    )


def budget(amount: int):
    """Make a start with a budget of writes from outside."""

    def start(s, k):
        s.bud = amount

    return start
