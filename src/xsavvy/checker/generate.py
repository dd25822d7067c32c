# SPDX-License-Identifier: Apache-2.0
"""Write the Python of a bound system, piece by piece as states ask for it.

The locations of all actors, with the small fields that index list fields (such as the current
CPU), form the key of a state; what a key decides is folded. The pieces are

    at(w)           for one key: calls what can happen there; nothing else is tried
    step(w)         for one step (and one set of indexes)
    events(w)       for one set of events that are open together
    scan(states)    properties and witnesses in new states

`w` is a packed state, `seen` maps states to where they came from, `new` notes a new one. Each
piece but the last returns how many transitions it took.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from types import FunctionType
from typing import NamedTuple, cast

from xsavvy.checker.bind import System
from xsavvy.checker.expression import Setting
from xsavvy.checker.field import Place
from xsavvy.checker.inline import Inliner
from xsavvy.checker.line import Line, indented, loads, render, tidy
from xsavvy.checker.program import Guard
from xsavvy.checker.rule import Rule
from xsavvy.checker.value import Value
from xsavvy.checker.word import Word

Known = tuple[tuple[int, int], ...]


class Test(NamedTuple):
    """A guard: the lines it needs before it, and the text to test."""

    lines: tuple[Line, ...]
    text: str


ALWAYS, NEVER = Test((), "True"), "False"


class Writer:
    """Writes the pieces of one system; `wanted` holds pieces that were named but not written."""

    def __init__(self, system: System, word: Word) -> None:
        self.system = system
        self.word = word
        shape = system.shape
        spans = {name: (start, length) for name, start, length in shape.spans}
        self.setting = Setting(word, system.values, spans, shape.contexts, itertools.count(1))
        self.actors = {rule.slot: rule.runs for rule in system.rules if rule.slot is not None}
        self.steps = {
            (rule.slot, location): rule
            for rule in system.rules
            if not rule.is_event
            for location in rule.locations
        }
        self.events = [rule for rule in system.rules if rule.is_event]
        self.guards: dict[object, Test] = {}
        self.effects: dict[object, list[Line]] = {}
        self.names: dict[object, str] = {}
        self.wanted: dict[str, Callable[[], str]] = {}

    def tables(self) -> dict[str, object]:
        """Tables that the written code names."""
        found = self.word.tables()
        for slot, bits in self.system.shape.contexts.values():
            found[f"C{slot}"] = bits
        return found

    # pieces

    def at(self, key: int) -> str:
        """Write `at(w)` for the states of one key."""
        known = tuple((slot, self.word.value(slot, key)) for slot in self.word.key_slots)
        indexes = tuple(item for item in known if not isinstance(self.word.kinds[item[0]], Place))
        places = {**self.word.fixed, **dict(known)}
        lines: list[Line] = []
        terminal = self.system.program.terminal
        if terminal is not None:
            depth = _nest(lines, self.guard(terminal, (), known), 1)
            lines.append(Line(depth, "return 0"))
        lines.append(Line(1, "n = 0"))
        open_now: list[tuple[Test, list[Rule]]] = [
            (ALWAYS, [rule for rule in self.events if rule.slot is None])
        ]
        for slot, runs in self.actors.items():
            test = self.guard(runs, (), known)
            rule = self.steps.get((slot, places[slot]))
            if rule is not None and test.text != NEVER:
                depth = _nest(lines, test, 1)
                lines.append(Line(depth, f"n += {self.step_name(rule, indexes)}(w)"))
            here = [e for e in self.events if e.slot == slot and places[slot] in e.locations]
            open_now.append((test, here))
        lines += self._choose(open_now, indexes)
        lines += [Line(1, "if not n: dead(w)"), Line(1, "return n")]
        return self.text("at(w)", lines)

    def step_name(self, rule: Rule, indexes: Known) -> str:
        """Name the piece of a step; it is written when it is first called."""
        assert rule.slot is not None
        (location,) = rule.locations
        known = (*indexes, (rule.slot, location))
        return self._named(("step", rule.index, indexes), lambda: self.piece([rule], known))

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
            values = rule.values if rule.when_takes_values else ()
            test = self.guard(rule.when, values, known)
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
        return render([
            Line(0, "def scan(states):"),
            Line(1, "for w in states:"),
            *loads(tidy(lines), self.word, 2),
            Line(2, "pass"),
        ])

    def text(self, head: str, lines: Sequence[Line]) -> str:
        """Put a function together."""
        return render([Line(0, f"def {head}:"), *loads(tidy(lines), self.word, 1)])

    # parts

    def _choose(self, groups: Sequence[tuple[Test, list[Rule]]], indexes: Known) -> list[Line]:
        """Call the piece of exactly those events that are open, in order of declaration.

        Where it is not certain that an actor runs, `e` says which of the pieces to call.
        """
        groups = [(test, rules) for test, rules in groups if rules and test.text != NEVER]
        certain = [rule for test, rules in groups if test.text == "True" for rule in rules]
        doubtful = [(test, rules) for test, rules in groups if test.text != "True"]
        lines = [Line(1, "e = 0")] if doubtful else []
        for i, (test, _) in enumerate(doubtful):
            lines.append(Line(_nest(lines, test, 1), f"e |= {1 << i}"))
        names = []
        for choice in range(1 << len(doubtful)):
            rules = [*certain]
            for i, (_, more) in enumerate(doubtful):
                rules += more if choice >> i & 1 else []
            rules.sort(key=lambda rule: rule.index)
            names.append(self.events_name(rules, indexes) if rules else "")
        for choice, name in enumerate(names):
            if name:
                call = Line(1, f"n += {name}(w)")
                if doubtful:
                    lines += [Line(1, f"if e == {choice}:"), call._replace(depth=2)]
                else:
                    lines.append(call)
        return lines

    def guard(self, function: Guard | None, values: tuple[int, ...], known: Known) -> Test:
        """Compile a guard once for each set of known slots; its lines start at depth 0."""
        if function is None:
            return ALWAYS
        key = (function, values, known)
        if key not in self.guards:
            inliner = Inliner(self.setting, dict(known))
            value = inliner.run(cast(FunctionType, function), values)
            self.guards[key] = Test(tuple(inliner.lines), value.truth)
        return self.guards[key]

    def effect(self, rule: Rule, known: Known) -> list[Line]:
        """Write the effect of an enabled rule, and note the state it leads to; from depth 0."""
        key = (rule.index, known)
        if key not in self.effects:
            inliner = Inliner(self.setting, dict(known))
            outcome = inliner.run(cast(FunctionType, rule.effect), rule.values)
            new = self._new_word(inliner, rule, outcome)
            first = [
                Line(0, f"f{slot} = {inliner.before(slot).text}", f"f{slot}")
                for slot in inliner.initial
            ]
            lines = [*first, *inliner.lines, Line(0, f"fired[{rule.index}] = 1")]
            if new != "w":
                lines.append(Line(0, f"t = {new}"))
                lines.append(Line(0, "if t not in seen: seen[t] = w; new(t)"))
            self.effects[key] = loads(tidy(lines), self.word, 0, f"b{next(self.setting.numbers)}_")
        return self.effects[key]

    def _new_word(self, inliner: Inliner, rule: Rule, outcome: Value) -> str:
        """Check the written values; return the text of the new packed state."""
        word = self.word
        touched, known, parts = 0, 0, []
        for slot in inliner.written:
            value = inliner.env[f"f{slot}"]
            if value.slot == slot:
                continue
            touched |= word.mask(slot)
            if isinstance(value.const, int):
                if word.kinds[slot].legal(value.const):
                    known |= word.place(slot, value.const)
                else:
                    inliner.emit("raise Illegal")
                continue
            if value.slot is not None and value.kind == word.kinds[slot]:
                parts.append(word.copy(slot, value.slot))
                continue
            wrong = word.illegal(slot, value.text, value.kind, value.most)
            if wrong is not None:
                inliner.emit(f"if {wrong}: raise Illegal")
            parts.append(word.store(slot, value.text))
        for slot, location in self._located(inliner, rule, outcome).items():
            touched |= word.mask(slot)
            if isinstance(location, int):
                known |= word.place(slot, location)
            else:
                parts.append(location)
        keep = word.full & ~touched
        base = ["w"] if not touched else [f"w & {keep}"] if keep else []
        return " | ".join([*base, *([str(known)] if known else []), *parts]) or "0"

    def _located(self, inliner: Inliner, rule: Rule, outcome: Value) -> Mapping[int, int | str]:
        """Location, or text of its packed bits, for each actor that a rule moves."""
        found: dict[int, int | str] = {move.slot: move.location for move in rule.moves}
        slot = rule.slot
        if slot is None:
            return found
        otherwise = rule.otherwise if rule.otherwise is not None else found.get(slot)
        if isinstance(outcome.const, int) or outcome.text == "None" or not rule.to:
            target = otherwise
            if isinstance(outcome.const, int):
                target = rule.to.get(outcome.const, otherwise)
            if target is not None:
                found[slot] = target
            return found
        result = inliner.fresh()
        inliner.emit(f"{result} = {outcome.text}", result)
        text = f"w & {self.word.mask(slot)}"
        if isinstance(otherwise, int):
            text = str(self.word.place(slot, otherwise))
        for value, location in reversed(list(rule.to.items())):
            text = f"{self.word.place(slot, location)} if {result} == {value} else {text}"
        found[slot] = f"({text})"
        return found


def _nest(lines: list[Line], test: Test, depth: int) -> int:
    """Open a block for what follows a guard; return its depth."""
    lines += indented(test.lines, depth)
    if test.text == "True":
        return depth
    lines.append(Line(depth, f"if {test.text}:"))
    return depth + 1
