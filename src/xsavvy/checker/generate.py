# SPDX-License-Identifier: Apache-2.0
"""Write the Python of a bound system, piece by piece as states ask for it.

The locations of all actors, with the small fields that index list fields (such as the current
CPU), form the key of a state; what a key decides is folded. The pieces are

    at(w)           for keys of one plan: calls what can happen there; nothing else is tried
    step(w)         for one step (and one set of indexes)
    events(w)       for one set of events that are open together
    scan(states)    properties and witnesses in new states

`w` is a packed state, `seen` maps states to where they came from, `new` notes a new one. Each
piece but the last returns how many transitions it took.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from xsavvy.checker.bind import System
from xsavvy.checker.effect import ALWAYS, NEVER, Known, Parts, Test
from xsavvy.checker.line import Line, indented, loads, render, tidy
from xsavvy.checker.rule import Rule
from xsavvy.checker.word import Word


class Plan(NamedTuple):
    """What can happen in the states of a key.

    `terminal` tells where nothing does; `steps` are the step of each actor with the guard that
    it runs, `groups` the events that are open when an actor runs, `indexes` the known indexes.
    """

    terminal: Test
    steps: tuple[tuple[Test, str], ...]
    groups: tuple[tuple[Test, tuple[Rule, ...]], ...]
    indexes: Known


class Writer(Parts):
    """Writes the pieces of one system; `wanted` holds pieces that were named but not written."""

    def __init__(self, system: System, word: Word) -> None:
        super().__init__(system, word)
        self.actors = {rule.slot: rule.runs for rule in system.rules if rule.slot is not None}
        self.steps = {
            (rule.slot, location): rule
            for rule in system.rules
            if not rule.is_event
            for location in rule.locations
        }
        self.events = [rule for rule in system.rules if rule.is_event]
        self.free = tuple(rule for rule in self.events if rule.slot is None)
        self.opened: dict[tuple[int, int], tuple[Rule, ...]] = {}
        self.names: dict[object, str] = {}
        self.wanted: dict[str, Callable[[], str]] = {}

    # pieces

    def plan(self, key: int) -> Plan:
        """Find out what can happen in the states of one key."""
        known = tuple((slot, self.word.value(slot, key)) for slot in self.word.key_slots)
        indexes = tuple(item for item in known if item[0] not in self.actors)
        places = {**self.word.fixed, **dict(known)}
        steps: list[tuple[Test, str]] = []
        groups = [(ALWAYS, self.free)] if self.free else []
        for slot, runs in self.actors.items():
            test = self.guard(runs, (), known)
            if test.text == NEVER:
                continue
            rule = self.steps.get((slot, places[slot]))
            if rule is not None:
                steps.append((test, self.step_name(rule, indexes)))
            events = self.open_at(slot, places[slot])
            if events:
                groups.append((test, events))
        terminal = self.system.program.terminal
        over = Test((), NEVER) if terminal is None else self.guard(terminal, (), known)
        return Plan(over, tuple(steps), tuple(groups), indexes)

    def open_at(self, slot: int, location: int) -> tuple[Rule, ...]:
        """Events that can interrupt an actor at a location."""
        if (slot, location) not in self.opened:
            self.opened[slot, location] = tuple(
                rule for rule in self.events if rule.slot == slot and location in rule.locations
            )
        return self.opened[slot, location]

    def at(self, plan: Plan) -> str:
        """Write `at(w)` for the states whose keys have one plan."""
        lines: list[Line] = []
        if plan.terminal.text != NEVER:
            depth = _nest(lines, plan.terminal, 1)
            lines.append(Line(depth, "return 0"))
        lines.append(Line(1, "n = 0"))
        for test, name in plan.steps:
            lines.append(Line(_nest(lines, test, 1), f"n += {name}(w)"))
        lines += self._choose(plan)
        lines += [Line(1, "if not n: dead(w)"), Line(1, "return n")]
        return self.text("at(w)", lines)

    def step_name(self, rule: Rule, indexes: Known) -> str:
        """Name the piece of a step; it is written when it is first called."""
        assert rule.slot is not None
        (location,) = rule.locations
        used = set(self.relevant(rule.effect, indexes))
        if rule.when is not None:
            used |= set(self.relevant(rule.when, indexes))
        known = (*sorted(used), (rule.slot, location))
        return self._named(("step", rule.index, known), lambda: self.piece([rule], known))

    def events_name(self, rules: Sequence[Rule], indexes: Known) -> str:
        """Name the piece of a set of events; it is written when it is first called."""
        key = ("events", tuple(rule.index for rule in rules), indexes)
        return self._named(key, lambda: self.piece(rules, indexes))

    def _named(self, key: object, write: Callable[[], str]) -> str:
        if key not in self.names:
            name = self.names[key] = f"p{len(self.names)}"
            self.wanted[name] = write
        return self.names[key]

    def piece(self, rules: Sequence[Rule], known: Known) -> str:
        """Write the rules that are open, if their `when` holds; neighbours share guards."""
        lines = [Line(1, "n = 0")]
        standing: Test | None = None
        for rule in rules:
            test = self.guard(rule.when, rule.when_values, known)
            if test.text == NEVER:
                continue
            if test != standing:
                depth = _nest(lines, test, 1)
            standing = test
            lines += indented(self.effect(rule, known), depth)
            lines.append(Line(depth, "n += 1"))
        lines.append(Line(1, "return n"))
        return self.text("piece(w)", lines)

    def scan(self, properties: Sequence[int], witnesses: Sequence[int]) -> str:
        """Write `scan(states)`; it calls `bad(i, w)` and `shown(i, w)`."""
        program = self.system.program
        judged = [("bad", i, program.properties[i].holds) for i in properties]
        judged += [("shown", i, program.witnesses[i].seen) for i in witnesses]
        lines: list[Line] = []
        for call, index, guard in judged:
            test = self.guard(guard, (), ())
            lines += indented(test.lines, 2)
            text = f"not ({test.text})" if call == "bad" else test.text
            lines += [Line(2, f"if {text}:"), Line(3, f"{call}({index}, w)")]
        return render(
            [
                Line(0, "def scan(states):"),
                Line(1, "for w in states:"),
                *loads(tidy(lines), self.word, 2),
                Line(2, "pass"),
            ]
        )

    def text(self, head: str, lines: Sequence[Line]) -> str:
        """Put a function together."""
        return render([Line(0, f"def {head}:"), *loads(tidy(lines), self.word, 1)])

    def _choose(self, plan: Plan) -> list[Line]:
        """Call the piece of exactly those events that are open, in order of declaration.

        Where it is not certain that an actor runs, `e` says which of the pieces to call.
        """
        certain = [rule for test, rules in plan.groups if test.text == "True" for rule in rules]
        doubtful = [(test, rules) for test, rules in plan.groups if test.text != "True"]
        lines = [Line(1, "e = 0")] if doubtful else []
        for i, (test, _) in enumerate(doubtful):
            lines.append(Line(_nest(lines, test, 1), f"e |= {1 << i}"))
        names = []
        for choice in range(1 << len(doubtful)):
            rules = [*certain]
            for i, (_, more) in enumerate(doubtful):
                rules += more if choice >> i & 1 else []
            rules.sort(key=lambda rule: rule.index)
            names.append(self.events_name(rules, plan.indexes) if rules else "")
        for choice, name in enumerate(names):
            if name:
                call = Line(1, f"n += {name}(w)")
                if doubtful:
                    lines += [Line(1, f"if e == {choice}:"), call._replace(depth=2)]
                else:
                    lines.append(call)
        return lines


def _nest(lines: list[Line], test: Test, depth: int) -> int:
    """Open a block for what follows a guard; return its depth."""
    lines += indented(test.lines, depth)
    if test.text == "True":
        return depth
    lines.append(Line(depth, f"if {test.text}:"))
    return depth + 1
