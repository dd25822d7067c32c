# SPDX-License-Identifier: Apache-2.0
"""Write the Python of a bound system: one function for each location, one for the events.

    def step(w): ...        the rule of one location: counts it, notes a new state
    def expand(frontier):   for each word: the steps of all actors, then the events
    def scan(states):       properties and witnesses in new states

`w` is a packed state, `seen` maps states to where they came from, `new` notes a new one.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from types import FunctionType
from typing import NamedTuple, cast

from xsavvy.checker.bind import System
from xsavvy.checker.inline import Inliner, Line, Setting, Value, loads, tidy
from xsavvy.checker.program import Guard
from xsavvy.checker.rule import Rule
from xsavvy.checker.word import Word


class Test(NamedTuple):
    """A guard: the lines it needs before it, and the text to test ("" is always true)."""

    lines: tuple[Line, ...]
    text: str


class Writer:
    """Writes the functions of one system."""

    def __init__(self, system: System, word: Word) -> None:
        self.system = system
        self.word = word
        shape = system.shape
        spans = {name: (start, length) for name, start, length in shape.spans}
        self.setting = Setting(word, system.values, spans, shape.contexts, itertools.count(1))
        self.guards: dict[object, Test] = {}
        self.events = [rule for rule in system.rules if rule.is_event]
        self.slots = [slot for slot in dict.fromkeys(rule.slot for rule in system.rules)
                      if slot is not None]
        self.groups = self._groups()

    def tables(self) -> dict[str, object]:
        """Tables that the written code names."""
        found = self.word.tables()
        for slot, bits in self.system.shape.contexts.values():
            found[f"C{slot}"] = bits
        for slot in self.slots:
            found[f"E{slot}"] = self._open(slot)
        return found

    # functions

    def step(self, rule: Rule) -> str:
        """Write `step(w)` for the rule of one location; it returns how often it fired."""
        assert rule.slot is not None
        (location,) = rule.locations
        located = {rule.slot: location}
        lines: list[Line] = []
        depth = 1
        for test in (self.guard(rule.runs, (), located), self.guard(rule.when, (), located)):
            depth = _nest(lines, test, depth)
        lines += self.effect(rule, located, depth)
        lines.append(Line(depth, "return 1"))
        lines.append(Line(1, "return 0"))
        return _text([Line(0, "def step(w):"), *loads(tidy(lines), self.word, 1)])

    def expand(self) -> str:
        """Write `expand(frontier)`; it returns the number of transitions."""
        lines: list[Line] = []
        if self.system.program.terminal is not None:
            test = self.guard(self.system.program.terminal, (), {})
            _nest(lines, test._replace(text=test.text or "True"), 2)
            lines.append(Line(3, "continue"))
        calls = [f"S{slot}[{self.word.read(slot)}](w)" for slot in self.slots if self._walks(slot)]
        lines.append(Line(2, f"n = {' + '.join(calls) or '0'}"))
        lines += self._interrupts()
        lines += self._events(self.events)
        body = tidy(lines)
        return _text([
            Line(0, "def expand(frontier):"), Line(1, "total = 0"), Line(1, "for w in frontier:"),
            *loads(body, self.word, 2),
            Line(2, "if n: total += n"), Line(2, "else: dead(w)"), Line(1, "return total"),
        ])

    def scan(self, properties: Sequence[int], witnesses: Sequence[int]) -> str:
        """Write `scan(states)`; it calls `bad(i, w)` and `shown(i, w)`."""
        program = self.system.program
        lines: list[Line] = []
        for kind, indexes in (("bad", properties), ("shown", witnesses)):
            for index in indexes:
                bad = kind == "bad"
                guard = program.properties[index].holds if bad else program.witnesses[index].seen
                test = self.guard(guard, (), {})
                lines += [line._replace(depth=line.depth + 2) for line in test.lines]
                text = test.text or "True"
                lines.append(Line(2, f"if not {text}:" if bad else f"if {text}:"))
                lines.append(Line(3, f"{kind}({index}, w)"))
        return _text([
            Line(0, "def scan(states):"), Line(1, "for w in states:"),
            *loads(tidy(lines), self.word, 2), Line(2, "pass"),
        ])

    # parts

    def guard(self, function: Guard | None, values: tuple[int, ...], located: dict[int, int]
              ) -> Test:
        """Compile a guard once for each place it stands in; lines start at depth 0."""
        if function is None:
            return Test((), "")
        key = (function, values, tuple(located.items()))
        if key not in self.guards:
            inliner = Inliner(self.setting, located)
            value = inliner.run(cast(FunctionType, function), values)
            text = value.truth
            if value.const is not None:
                text = "" if value.const else "False"
            self.guards[key] = Test(tuple(inliner.lines), text)
        return self.guards[key]

    def effect(self, rule: Rule, located: dict[int, int], depth: int) -> list[Line]:
        """Write the effect of a rule that is enabled, and note the state it leads to."""
        inliner = Inliner(self.setting, located)
        inliner.depth = depth
        outcome = inliner.run(cast(FunctionType, rule.effect), rule.values)
        new = self._new_word(inliner, rule, outcome)
        first = [Line(depth, f"f{slot} = @{slot}@", f"f{slot}") for slot in inliner.initial]
        lines = [*first, *inliner.lines, Line(depth, f"fired[{rule.index}] = 1")]
        if new != "w":
            lines.append(Line(depth, f"t = {new}"))
            lines.append(Line(depth, "if t not in seen: seen[t] = w; new(t)"))
        return lines

    def _new_word(self, inliner: Inliner, rule: Rule, outcome: Value) -> str:
        """Check the written values; return the text of the new packed state."""
        word = self.word
        touched, known, parts = 0, 0, []
        for slot in inliner.written:
            value = inliner.env[f"f{slot}"]
            touched |= word.mask(slot)
            if isinstance(value.const, int):
                if word.kinds[slot].legal(value.const):
                    known |= word.place(slot, value.const)
                else:
                    inliner.emit("raise Illegal")
                continue
            wrong = word.illegal(slot, value.text, value.kind, value.most)
            if wrong is not None:
                inliner.emit(f"if {wrong}: raise Illegal")
            parts.append(word.store(slot, value.text))
        for slot, location in self._located(rule, outcome).items():
            touched |= word.mask(slot)
            if isinstance(location, int):
                known |= word.place(slot, location)
            else:
                parts.append(location)
        keep = word.full & ~touched
        base = ["w"] if not touched else [f"w & {keep}"] if keep else []
        return " | ".join([*base, *([str(known)] if known else []), *parts]) or "0"

    def _located(self, rule: Rule, outcome: Value) -> dict[int, int | str]:
        """Location, or text of its packed bits, for each actor that a rule moves."""
        found: dict[int, int | str] = {move.slot: move.location for move in rule.moves}
        slot = rule.slot
        if slot is None:
            return found
        otherwise = rule.otherwise if rule.otherwise is not None else found.get(slot)
        known = outcome.text == "None" or outcome.const is not None or not rule.to
        if known:
            target = otherwise
            if isinstance(outcome.const, int):
                target = rule.to.get(outcome.const, otherwise)
            if target is not None:
                found[slot] = target
            return found
        rest = f"w & {self.word.mask(slot)}"
        if isinstance(otherwise, int):
            rest = str(self.word.place(slot, otherwise))
        text = rest
        for value, location in reversed(list(rule.to.items())):
            text = f"{self.word.place(slot, location)} if {outcome.text} == {value} else {text}"
        found[slot] = f"({text})"
        return found

    # events

    def _groups(self) -> dict[tuple[int, frozenset[int]], int]:
        """Number the sets of locations at which events can interrupt an actor."""
        groups: dict[tuple[int, frozenset[int]], int] = {}
        for rule in self.events:
            if rule.slot is not None:
                groups.setdefault((rule.slot, rule.locations), len(groups))
        return groups

    def _open(self, slot: int) -> tuple[int, ...]:
        """For each location of an actor, the groups of events that it is open to."""
        kind = self.word.kinds[slot]
        return tuple(
            sum(1 << number for (at, where), number in self.groups.items()
                if at == slot and location in where)
            for location in range(kind.top + 1)
        )

    def _walks(self, slot: int) -> bool:
        return any(rule.slot == slot and not rule.is_event for rule in self.system.rules)

    def _interrupts(self) -> list[Line]:
        """Write `e`, the groups of events that the actors are open to now."""
        lines: list[Line] = []
        runs = {rule.slot: rule.runs for rule in self.events if rule.slot is not None}
        for i, (slot, function) in enumerate(runs.items()):
            test = self.guard(function, (), {})
            lines += [line._replace(depth=line.depth + 2) for line in test.lines]
            text = f"E{slot}[@{slot}@]"
            if test.text:
                text = f"({text} if {test.text} else 0)"
            lines.append(Line(2, f"e = {text}" if i == 0 else f"e |= {text}"))
        return lines

    def _events(self, rules: Sequence[Rule]) -> list[Line]:
        """Write the events; neighbours with the same guards share them."""
        lines: list[Line] = []
        standing: list[Test] = []
        for rule in rules:
            tests = [test for test in self._tests(rule) if test.text]
            shared = 0
            while shared < len(standing) and shared < len(tests) \
                    and standing[shared] == tests[shared]:
                shared += 1
            depth = 2 + shared
            for test in tests[shared:]:
                depth = _nest(lines, test, depth)
            standing = tests
            lines += self.effect(rule, {}, depth)
            lines.append(Line(depth, "n += 1"))
        return lines

    def _tests(self, rule: Rule) -> list[Test]:
        tests = []
        if rule.slot is not None:
            bit = 1 << self.groups[rule.slot, rule.locations]
            tests.append(Test((), f"e & {bit}"))
        tests.append(self.guard(rule.when, rule.values if rule.when_takes_values else (), {}))
        return tests


def _nest(lines: list[Line], test: Test, depth: int) -> int:
    """Open a block for what follows a guard; return its depth."""
    lines += [line._replace(depth=line.depth + depth) for line in test.lines]
    if not test.text:
        return depth
    lines.append(Line(depth, f"if {test.text}:"))
    return depth + 1


def _text(lines: Sequence[Line]) -> str:
    return "\n".join(" " * line.depth + line.text for line in lines) + "\n"
