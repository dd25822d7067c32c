# SPDX-License-Identifier: Apache-2.0
"""One run of a workload, counted: every step's events, and the turns of a loop that go on as they did before."""

from __future__ import annotations

from fractions import Fraction

from xsavvy.checker import System
from xsavvy.checker.record import State
from xsavvy.checker.rule import Rule
from xsavvy.cost.count import Meter
from xsavvy.cost.event import Event, Tally
from xsavvy.model.programs import GuestProgram, Statement
from xsavvy.model.world import World

from .stepping import Runner

__all__ = ["CountingRunner"]


class CountingRunner(Runner):
    """A run that keeps no steps but a tally; `each` is one turn of the last loop, once it turns steadily.

    A turn that begins in a state in which an earlier one began goes on as that did: so a loop of a million turns takes
    as long as one of three, and its counts are exact.
    """

    def __init__(self, system: System, text: GuestProgram, world: World) -> None:
        super().__init__(system, text)
        self.meter = Meter(system, world)
        self.tally = Tally()
        self.each: dict[Event, Fraction] = {}
        self.times = 0
        self._hosts: dict[State, tuple[Rule, State] | None] = {}

    def repeat(self, statement: Statement) -> None:
        """Do the lines below a `repeat` as often as it says."""
        times, turn = int(statement.value), 0
        begun: dict[State, tuple[int, Tally]] = {}
        while turn < times:
            if self.state in begun:
                earlier, tally = begun[self.state]
                length, cycle = turn - earlier, _minus(self.tally, tally)
                rounds = (times - turn) // length
                for event, count in cycle.items():
                    self.tally[event] += count * rounds
                self._steady(times, cycle, length)
                turn += rounds * length
                begun.clear()
                if turn >= times:
                    return
                times, turn = times - turn, 0
                self._turn(statement)
                turn += 1
                continue
            begun[self.state] = (turn, self.tally.copy())
            before = self.tally.copy()
            self._turn(statement)
            turn += 1
            self._steady(times, _minus(self.tally, before), 1)

    def _turn(self, statement: Statement) -> None:
        for each in statement.body:
            self.take(each)

    def _steady(self, times: int, cycle: Tally, length: int) -> None:
        self.times = times
        self.each = {event: Fraction(count, length) for event, count in cycle.items() if count}

    def _apply(self, rule: Rule, new: State) -> None:
        self.tally.update(self.meter.of(rule, self.state))
        self.state = new

    def _next_step(self) -> tuple[Rule, State] | None:
        if self.state not in self._hosts:
            self._hosts[self.state] = super()._next_step()
        return self._hosts[self.state]


def _minus(after: Tally, before: Tally) -> Tally:
    return Tally(
        {event: after[event] - before[event] for event in after if after[event] != before[event]}
    )
