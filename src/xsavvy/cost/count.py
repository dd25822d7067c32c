# SPDX-License-Identifier: Apache-2.0
"""Count what one step executes, by carrying it out once more on a record that notes who touches which register.

So nothing is written twice: a step that skips a write because the values are equal is counted as one that skips it.
What the accesses stand for is in `account`; VM entry, VM exit and the way to userspace follow from the contexts that
a step enters and leaves.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any, NamedTuple

from xsavvy.checker import System
from xsavvy.checker.program import Event as Happening
from xsavvy.checker.program import Step
from xsavvy.checker.record import Record, State
from xsavvy.checker.rule import Rule
from xsavvy.cpuid.presets import PRESETS
from xsavvy.isa.components import CET_S, CET_U, PKRU, PT, SSE, XTILECFG, indices
from xsavvy.isa.layout import EXTENDED_OFFSET, LEGACY_COMPONENTS
from xsavvy.isa.processor import Processor
from xsavvy.model.constants import PkruWrite
from xsavvy.model.values import GUEST_MODE, TILE, USER_MODE
from xsavvy.model.world import World

from .account import (
    CONTENTS,
    HAPPENINGS,
    INSIDE_KVM_RUN,
    PLACES,
    REGISTERS,
    SYSTEM_CALLS,
)
from .event import Event, Kind, Tally
from .exceptions import Instead, instead_of

__all__ = ["Meter", "bytes_moved"]

FPSTATE = "fp_xstate_bv"
ROOM = "fp_xfeatures"
TWO_RANGES = 2
PT_LEAF = 0x14
XSTATE = "xsavvy.model.xstate"
HARD_INTERRUPTS = {"softirq": Kind.IRQ, "nmi": Kind.NMI}
GUEST = "guest"
VCPU, VMM = "vcpu", "vmm"
RUN = "KVM_RUN"


class _Touch(NamedTuple):
    """Somebody read or wrote a list field; the frame is kept so that two calls of a function stay two.

    `value` is the one read or written, `old` the one before a write, `caller` the function that called.
    """

    field: str
    mode: str
    value: int
    old: int
    frame: FrameType
    caller: str

    @property
    def module(self) -> str:
        return str(self.frame.f_globals["__name__"])

    @property
    def function(self) -> str:
        return self.frame.f_code.co_name


class _Noted(list[int]):
    """A field of the record that notes who touches it."""

    def __init__(self, values: list[int], field: str, notes: list[_Touch]) -> None:
        super().__init__(values)
        self.field = field
        self.notes = notes

    def __getitem__(self, index: Any) -> Any:
        value = super().__getitem__(index)
        self._note("read", value, value)
        return value

    def __setitem__(self, index: Any, value: Any) -> None:
        self._note("write", value, super().__getitem__(index))
        super().__setitem__(index, value)

    def _note(self, mode: str, value: int, old: int) -> None:
        frame = sys._getframe(2)
        caller = frame.f_back.f_code.co_name if frame.f_back else ""
        self.notes.append(_Touch(self.field, mode, value, old, frame, caller))


def bytes_moved(processor: Processor, xstate_bv: int) -> int:
    """Return how many bytes XSAVES writes, or XRSTORS reads, for components in the model's words.

    The legacy region and the header are moved in any case; SSE stands for every component of XCR0 without a rule of
    its own, as it does in the model, and TILEDATA brings TILECFG. Source: model.values.IMAGE; SDM "XSAVES".

    >>> bytes_moved(Processor(), 0)
    576
    """
    own = LEGACY_COMPONENTS | PKRU | XTILECFG | TILE
    moved = xstate_bv & (PKRU | CET_U | CET_S | PT)
    if xstate_bv & SSE:
        moved |= processor.xcr0_supported & ~own
    if xstate_bv & TILE:
        moved |= XTILECFG | TILE
    leaves = processor.subleaves
    return EXTENDED_OFFSET + sum(leaves[each].size for each in indices(moved) if each in leaves)


class Meter:
    """Counts the steps of one bound model, each of its rules and states once."""

    def __init__(self, system: System, world: World) -> None:
        self.system = system
        self.processor = world.platform.processor
        self.steps = _steps(system)
        self.watched = tuple(
            name
            for name in system.shape.names
            if name in REGISTERS or name in CONTENTS or name in (FPSTATE, ROOM)
        )
        self.happenings = {(each.actor, each.name): each for each in system.program.events}
        self.ranges = _address_ranges(world.platform.name)
        self.by_xrstor = _writes_by_xrstor(system)
        self._known: dict[tuple[int, State], Tally] = {}

    def of(self, rule: Rule, state: State) -> Tally:
        """Return what a rule executes in a state in which it is enabled."""
        known = self._known.get((rule.index, state))
        if known is None:
            known = self._known[rule.index, state] = Tally(self._events(rule, state))
        return known

    def _events(self, rule: Rule, state: State) -> Iterator[Event]:
        record = self.system.shape.thaw(state)
        step = self.steps.get((rule.interrupted or rule.actor, rule.name))
        if rule.is_event:
            yield from _around_event(rule, self.happenings[rule.actor, rule.name])
        elif step is not None:
            yield from self._around_step(rule, step, record)
        by = GUEST if rule.is_event and rule.actor == GUEST else "host"
        for event in self._accesses(rule, record):
            yield event._replace(by=by)

    def _around_step(self, rule: Rule, step: Step, record: Record) -> Iterator[Event]:
        if step.leaves & GUEST_MODE:
            slot = next(each for each in self.system.shape.slots if each.field == "vcpu_exit")
            yield Event(Kind.VMEXIT, slot.kind.show(record.vcpu_exit))  # type: ignore[attr-defined]
        if step.enters & GUEST_MODE:
            yield Event(Kind.VMENTRY)
        if rule.actor == VCPU and step.leaves & USER_MODE:
            yield Event(Kind.ENTER_KERNEL)
        if rule.actor == VCPU and step.enters & USER_MODE:
            yield Event(Kind.EXIT_TO_USERSPACE)
        if rule.actor == VMM:
            yield from _whole_call(step.name)
        if step.name in PLACES:
            kind, detail, times = PLACES[step.name]
            yield from (Event(kind, detail) for _ in range(times))

    def _accesses(self, rule: Rule, record: Record) -> Iterator[Event]:
        notes: list[_Touch] = []
        for name in self.watched:
            setattr(record, name, _Noted(getattr(record, name), name, notes))
        rule.effect(record, self.system.constants, *rule.values)
        seen: set[tuple[int, str, str]] = set()
        for touch in tuple(notes):
            instead = None
            if touch.field in REGISTERS or touch.field in CONTENTS:
                instead = instead_of(
                    touch.module, touch.function, touch.field, touch.mode, touch.caller
                )
            what = touch.field if instead is None else str(id(instead))
            key = (id(touch.frame), what, touch.mode)
            if key not in seen:
                seen.add(key)
                yield from self._events_of(touch, instead, record)

    def _events_of(self, touch: _Touch, instead: Instead | None, record: Record) -> Iterator[Event]:
        if touch.field in (FPSTATE, ROOM):
            yield from self._buffers(touch)
        elif instead is None:
            yield from self._instructions(touch)
        elif instead.msrs:
            kind = REGISTERS[touch.field].read if touch.mode == "read" else Kind.WRMSR
            yield from (Event(kind, name) for name in instead.msrs)
        elif instead.reads and touch.mode == "write":
            yield from (Event(Kind.RDPKRU) for _ in range(instead.reads))
            yield from [Event(Kind.WRPKRU)] if touch.value != touch.old else []
        elif instead.kind is not None and touch.mode == instead.on:
            image = getattr(record, instead.image) if instead.image else instead.components
            yield self._moves(instead.kind, instead.components & image)

    def _instructions(self, touch: _Touch) -> Iterator[Event]:
        if touch.field in CONTENTS:
            return
        if touch.field == "hw_pkru" and touch.function == "write_pkru" and touch.mode == "write":
            if self.by_xrstor:
                yield self._moves(Kind.XRSTOR, PKRU)
                return
        register = REGISTERS[touch.field]
        kind = register.read if touch.mode == "read" else register.write
        for name in (*register.msrs, *(self.ranges if touch.field == "hw_trace" else ())):
            yield Event(kind, name)

    def _buffers(self, touch: _Touch) -> Iterator[Event]:
        function = touch.function
        if touch.module == XSTATE and touch.field == FPSTATE:
            if function == "xsaves" and touch.mode == "write":
                yield self._moves(Kind.XSAVES, touch.value)
            if function == "xrstors" and touch.mode == "read":
                yield self._moves(Kind.XRSTORS, touch.value)
        elif function == "fpstate_realloc" and touch.mode == "write":
            yield self._moves(Kind.ALLOCATION, SSE | TILE)

    def _moves(self, kind: Kind, components: int) -> Event:
        return Event(kind, str(bytes_moved(self.processor, components)))


def _around_event(rule: Rule, happening: Happening) -> Iterator[Event]:
    if rule.actor in HARD_INTERRUPTS:
        yield Event(HARD_INTERRUPTS[rule.actor])
    by = GUEST if rule.actor == GUEST else "host"
    yield from (Event(kind, detail, by) for kind, detail in HAPPENINGS.get(rule.name, ()))
    call = _call(rule.name) if rule.actor == VMM else ""
    if rule.interrupted == VCPU and happening.leaves & USER_MODE:
        yield Event(Kind.ENTER_KERNEL, call or "interrupt")
    elif call:
        yield from _whole_call(rule.name)


def _call(name: str) -> str:
    """Return the system call that an event or a step is named after, empty if none."""
    word = name.split(maxsplit=1)[0].partition("(")[0]
    return word if name.startswith(SYSTEM_CALLS) and word not in INSIDE_KVM_RUN else ""


def _whole_call(name: str) -> Iterator[Event]:
    """Give a system call that the model has in one step; KVM_RUN goes on to the guest."""
    if call := _call(name):
        yield Event(Kind.ENTER_KERNEL, "" if call == RUN else call)
        yield from () if call == RUN else [Event(Kind.EXIT_TO_USERSPACE, call)]


def _writes_by_xrstor(system: System) -> bool:
    """Whether PKRU is written with XRSTOR; a part without a run loop (`parts.moves`) has no such question."""
    constants = system.constants
    chosen = getattr(constants, "pkru_write", PkruWrite.WRPKRU) == PkruWrite.XRSTOR
    return chosen and bool(getattr(constants, "pkru_inuse_tracked", 0))


def _steps(system: System) -> dict[tuple[str, str], Step]:
    return {
        (actor.name, f"{path.name}.{step.name}"): step
        for actor in system.program.actors
        for path in actor.paths
        for step in path.steps
    }


def _address_ranges(platform: str) -> tuple[str, ...]:
    """Name the MSRs of the address filters: as many as CPUID (0x14, 1) EAX[2:0] of a preset says, else two."""
    count = TWO_RANGES
    if platform in PRESETS:
        count = PRESETS[platform].table.read(PT_LEAF, 1).eax & 7 or TWO_RANGES
    return tuple(f"IA32_RTIT_ADDR{each}_{end}" for each in range(count) for end in "AB")
