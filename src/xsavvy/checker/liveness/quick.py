# SPDX-License-Identifier: Apache-2.0
"""The graph of a system by generated code: the packed engine's pieces, noting every transition."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

from xsavvy.checker.bind import System
from xsavvy.checker.exploration import Meter
from xsavvy.checker.generate import Writer
from xsavvy.checker.line import Line, indented, loads, render, tidy
from xsavvy.checker.liveness.graph import Graph, holds
from xsavvy.checker.packed import FAILURES, SLICE, Machine
from xsavvy.checker.program import Guard
from xsavvy.checker.record import State
from xsavvy.checker.rule import Rule

Truth = Callable[[Sequence[int]], bytearray]


class _Writer(Writer):
    """Writes pieces that note where each rule leads, known states included."""

    def taken(self, rule: Rule, new: str) -> list[Line]:
        return [Line(0, f"to({new})"), Line(0, f"by({rule.index})")]

    def truth(self, guard: Guard | None) -> str:
        """Write `truth(states)`, which gives a byte for each state."""
        test = self.guard(guard, (), ())
        lines = [*indented(test.lines, 2), Line(2, f"note(1 if {test.text} else 0)")]
        return render(
            [
                Line(0, "def truth(states):"),
                Line(1, "found = bytearray()"),
                Line(1, "note = found.append"),
                Line(1, "for w in states:"),
                *loads(tidy(lines), self.word, 2),
                Line(1, "return found"),
            ]
        )


class Surveyor(Machine):
    """Generated code that draws a graph; good for one."""

    writer_class = _Writer
    writer: _Writer

    def __init__(self, system: System) -> None:
        super().__init__(system)
        self.graph = Graph(starts=len(system.starts))
        self.words = list(map(self.word.pack, system.starts))
        self.reached: list[int] = []
        self.space["to"] = self.reached.append
        self.space["by"] = self.graph.rule.append

    def draw(self, max_states: int | None, meter: Meter) -> bool:
        """Explore, and judge the eventualities; False if there are more than `max_states` states."""
        try:
            complete = self._walk(max_states, meter)
            if complete:
                self._judge()
        except FAILURES as failure:
            self.explain(failure)
        return complete

    def state(self, number: int) -> State:
        """Unpack a state by its number."""
        return self.word.unpack(self.words[number])

    def value(self, slot: int, number: int) -> int:
        """Read one slot of a state by its number."""
        return self.word.value(slot, self.words[number])

    def _walk(self, max_states: int | None, meter: Meter) -> bool:
        words, graph, reached = self.words, self.graph, self.reached
        first, target, pieces, mask = graph.first, graph.target, self.pieces, self.word.key_mask
        numbers = {word: i for i, word in enumerate(words)}
        at = 0
        while at < len(words):
            part = words[at : at + SLICE]
            at += len(part)
            known = len(target)
            reached.clear()
            for word in part:
                pieces[word & mask](word)
                first.append(known + len(reached))
            for word in reached:
                number = numbers.get(word)
                if number is None:
                    number = numbers[word] = len(words)
                    words.append(word)
                target.append(number)
            if max_states is not None and len(words) > max_states:
                return False
            meter.show(len(words), len(target), 0, len(words) - at)
        return True

    def _judge(self) -> None:
        program = self.system.program
        self.graph.terminal = self._truth(program.terminal, without=False)
        for item in program.eventualities:
            self.graph.when.append(self._truth(item.when, without=True))
            self.graph.goal.append(self._truth(item.goal, without=True))

    def _truth(self, guard: Guard | None, without: bool) -> bytearray:
        if guard is None:
            return bytearray([without]) * len(self.words)
        try:
            truth = cast(Truth, self.define(self.writer.truth(guard), "truth"))
            return truth(self.words)
        except FAILURES:
            for number in range(len(self.words)):
                holds(self.system, guard, self.state(number), without)  # says what is wrong
            raise
