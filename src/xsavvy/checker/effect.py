# SPDX-License-Identifier: Apache-2.0
"""Write guards, and the effects of rules: from the functions of a model to a new packed state."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from types import FunctionType
from typing import NamedTuple, cast

from xsavvy.checker.bind import System
from xsavvy.checker.dialect import reads, writes
from xsavvy.checker.inline import Inliner
from xsavvy.checker.line import Line, loads, tidy
from xsavvy.checker.program import Effect, Guard
from xsavvy.checker.rule import Rule
from xsavvy.checker.setting import Setting
from xsavvy.checker.value import Value
from xsavvy.checker.word import Word

Known = tuple[tuple[int, int], ...]


class Test(NamedTuple):
    """A guard: the lines it needs before it, and the text to test."""

    lines: tuple[Line, ...]
    text: str


ALWAYS, NEVER = Test((), "True"), "False"


class Parts:
    """Writes guards and effects of one system, each only once for what is known of a state."""

    def __init__(self, system: System, word: Word) -> None:
        self.system = system
        self.word = word
        shape = system.shape
        spans = {name: (start, length) for name, start, length in shape.spans}
        self.setting = Setting(word, system.values, spans, shape.contexts, itertools.count(1))
        self.touched: dict[Effect, set[int]] = {}
        self.guards: dict[object, Test] = {}
        self.effects: dict[object, list[Line]] = {}

    def tables(self) -> dict[str, object]:
        """Tables that the written code names."""
        found = self.word.tables()
        for slot, bits in self.system.shape.contexts.values():
            found[f"C{slot}"] = bits
        return found

    def guard(self, function: Guard | None, values: tuple[int, ...], known: Known) -> Test:
        """Compile a guard once for the known slots that it reads; its lines start at depth 0."""
        if function is None:
            return ALWAYS
        known = self.relevant(function, known)
        key = (function, values, known)
        if key not in self.guards:
            inliner = Inliner(self.setting, dict(known))
            value = inliner.run(cast(FunctionType, function), values)
            self.guards[key] = Test(tuple(inliner.lines), value.truth)
        return self.guards[key]

    def relevant(self, function: Effect, known: Known) -> Known:
        """Of the known slots, those that a function reads or writes."""
        slots = self.touched.get(function)
        if slots is None:
            shape, names = self.system.shape, reads(function) | writes(function)
            slots = {i for i, slot in enumerate(shape.slots) if slot.field in names}
            slots |= {at for name, (at, _) in shape.contexts.items() if name in names}
            self.touched[function] = slots
        return tuple(item for item in known if item[0] in slots)

    def effect(self, rule: Rule, known: Known) -> list[Line]:
        """Write the effect of an enabled rule, and note the state it leads to; from depth 0."""
        known = self.relevant(rule.effect, known)
        key = (rule.index, known)
        if key not in self.effects:
            inliner = Inliner(self.setting, dict(known))
            outcome = inliner.run(cast(FunctionType, rule.effect), rule.values)
            new = self._new_word(inliner, rule, outcome)
            first = [
                Line(0, f"f{slot} = {inliner.before(slot).text}", f"f{slot}")
                for slot in inliner.initial
            ]
            lines = [*first, *inliner.lines, *self.taken(rule, new)]
            self.effects[key] = loads(tidy(lines), self.word, 0, f"b{next(self.setting.numbers)}_")
        return self.effects[key]

    def taken(self, rule: Rule, new: str) -> list[Line]:
        """Write what is noted of a rule that was taken; `new` is the text of the new state."""
        lines = [Line(0, f"fired[{rule.index}] = 1")]
        if new != "w":
            lines.append(Line(0, f"t = {new}"))
            lines.append(Line(0, "if t not in seen: seen[t] = w; new(t)"))
        return lines

    def _new_word(self, inliner: Inliner, rule: Rule, outcome: Value) -> str:
        """Check the written values; return the text of the new packed state."""
        word = self.word
        touched, known, parts = 0, 0, []
        for slot in inliner.written:
            value = inliner.env[f"f{slot}"]
            if value.slot == slot:
                continue
            edit = word.edit(slot, value.edit)
            if edit is not None:
                touched |= edit[0]
                known |= edit[1]
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
