# SPDX-License-Identifier: Apache-2.0
"""One function for all rules of a system, with its constants folded.

The driver's tables are quick to lay out, but each guard is a call. For a long search it pays to
write the same `expand` and `judge` out: guards become a few instructions on words in registers,
locations a jump. Both can be exchanged in the middle of a search.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import cached_property
from types import FunctionType
from typing import cast

from xsavvy.checker.bind import System
from xsavvy.checker.native.driver import FAILED, OVER
from xsavvy.checker.native.emit import Roles, Surroundings, function_name
from xsavvy.checker.native.function import module
from xsavvy.checker.native.identity import described, identity
from xsavvy.checker.native.layout import Layout
from xsavvy.checker.native.numbers import DECLARED
from xsavvy.checker.native.text import Number, Text, signed
from xsavvy.checker.program import Effect
from xsavvy.checker.reader import CONSTANTS, INTEGER, RECORD
from xsavvy.checker.rule import Rule

VERSION = 3
GROUP = 63  # events whose openness at a location is kept in one word


class Fused:
    """The text of a system's own `expand` and `judge`; `key` tells it from others."""

    def __init__(self, system: System, layout: Layout) -> None:
        self.system = system
        self.layout = layout
        self.arrays = {name: f'@"context.{name}"' for name in system.shape.contexts}
        self.around = Surroundings(layout, {}, {}, system.values, self.arrays)
        self.globals: list[str] = []

    @cached_property
    def key(self) -> str:
        """Digest what the text depends on."""
        system = self.system
        program = system.program
        over = program.terminal and identity(cast(FunctionType, program.terminal))
        judged = [("violated", identity(cast(FunctionType, p.holds))) for p in program.properties]
        judged += [("seen", identity(cast(FunctionType, w.seen))) for w in program.witnesses]
        contexts = sorted(system.shape.contexts.items())
        values = sorted(system.values.items())
        rules = list(map(described, system.rules))
        parts = (VERSION, over, judged, rules, contexts, self.layout.key(), values)
        return hashlib.sha256(repr(parts).encode()).hexdigest()

    @property
    def expand(self) -> str:
        """Name of the function that expands."""
        return f"expand.{self.key[:32]}"

    @property
    def judge(self) -> str:
        """Name of the function that judges."""
        return f"judge.{self.key[:32]}"

    # what is called

    def _guards(self) -> Iterator[tuple[FunctionType, Roles]]:
        program = self.system.program
        found: list[tuple[Effect | None, int]] = [(program.terminal, 0)]
        for rule in self.system.rules:
            found += [(rule.runs, 0), (rule.when, len(rule.when_values))]
        found += [(item.holds, 0) for item in program.properties]
        found += [(item.seen, 0) for item in program.witnesses]
        for function, count in found:
            if function is not None:
                yield cast(FunctionType, function), _roles(count)

    def _effects(self) -> Iterator[tuple[FunctionType, Roles]]:
        for rule in self.system.rules:
            yield cast(FunctionType, rule.effect), _roles(len(rule.arguments))

    # text

    def text(self) -> str:
        """Write the module."""
        seen: set[tuple[FunctionType, Roles]] = set()
        parts = [DECLARED]
        for name, bits in self.layout.contexts().items():
            parts.append(f"{self.arrays[name]} = {_array(bits)}\n")
        parts.append(module(self._guards(), self.around, seen, "alwaysinline"))
        parts.append(module(self._effects(), self.around, seen))
        expand, judge = self._expand(), self._judge()
        return "".join([*parts, *self.globals, expand, judge, "!0 = !{}\n"])

    def _expand(self) -> str:
        text = Text()
        for name in ("i", "n"):
            text.keep(name, 0)
        text.label("next")
        i = text.kept("i")
        text.branch(text.compare("ult", i, "%count"), "state", "done")
        text.label("state")
        self._load(text, "%first", i)
        over = self.system.program.terminal
        if over is not None:
            text.branch(self._asked(text, over, ()), "over", "going")
            text.label("over")
            self._end(text, i, OVER)
            text.label("going")
        for rule in self.system.rules:
            if rule.slot is None:
                self._take(text, rule)
        for slot in dict.fromkeys(r.slot for r in self.system.rules if r.slot is not None):
            self._actor(text, slot)
        self._end(text, i, 0)
        text.label("fail")
        text.leave(text.both("or", text.kept("i"), FAILED))
        text.label("done")
        text.leave(text.kept("n"))
        parameters = "i64 %env, i64 %first, i64 %count, i64 %out, i64 %ends, i64 %fired"
        return _function(self.expand, parameters, text, self.layout.words)

    def _load(self, text: Text, base: str, index: Number) -> None:
        """Put a state where the guards find it."""
        words = self.layout.words
        offset = text.both("mul", index, 8 * words)
        state = text.value(f"inttoptr i64 {text.both('add', base, offset)} to ptr")
        for j in range(words):
            text.set_word("%g", j, text.word(state, j))
        text.set_word("%g", words, 0)

    def _asked(self, text: Text, guard: Effect, values: Sequence[int]) -> str:
        """Ask a guard about the state at hand."""
        name = function_name(cast(FunctionType, guard), _roles(len(values)))
        shown = "".join(f", i64 {signed(value)}" for value in values)
        return text.compare("ne", text.value(f"call i64 @{name}(ptr %g, ptr null{shown})"), 0)

    def _end(self, text: Text, i: str, mark: int) -> None:
        """Write where the successors of a state end, and go to the next one."""
        raised = text.word("%g", self.layout.words)
        fine = text.name("fine")
        text.branch(text.compare("eq", raised, 0), fine, "fail")
        text.label(fine)
        base = text.value("inttoptr i64 %ends to ptr")
        place = text.value(f"getelementptr i32, ptr {base}, i64 {i}")
        count = text.both("or", text.kept("n"), mark)
        text.line(f"store i32 {text.value(f'trunc i64 {count} to i32')}, ptr {place}")
        text.keep("i", text.both("add", i, 1))
        text.jump("next")

    def _actor(self, text: Text, slot: int) -> None:
        """Take the step of an actor, and the events that can interrupt it."""
        mine = [rule for rule in self.system.rules if rule.slot == slot]
        end = text.name("idle")
        runs = mine[0].runs
        if runs is not None:
            go = text.name("runs")
            text.branch(self._asked(text, runs, ()), go, end)
            text.label(go)
        spot = self.layout.spots[slot]
        low = text.both("lshr", text.word("%g", spot.word), spot.shift)
        place = text.both("and", low, (1 << spot.bits) - 1)
        self._steps(text, place, [rule for rule in mine if not rule.is_event])
        events = [rule for rule in mine if rule.is_event]
        for at in range(0, len(events), GROUP):
            self._events(text, place, events[at : at + GROUP], 1 << spot.bits)
        text.label(end)

    def _steps(self, text: Text, place: str, steps: Sequence[Rule]) -> None:
        by_place = {place: rule for rule in steps for place in rule.locations}
        after, names = text.name("stepped"), {at: text.name("at") for at in by_place}
        cases = " ".join(f"i64 {at}, label %{name}" for at, name in names.items())
        text.line(f"switch i64 {place}, label %{after} [ {cases} ]")
        text.open = False
        for at, rule in by_place.items():
            text.label(names[at])
            self._take(text, rule)
            text.jump(after)
        text.label(after)

    def _events(self, text: Text, place: str, events: Sequence[Rule], places: int) -> None:
        if not events:
            return
        masks = [
            sum((at in rule.locations) << i for i, rule in enumerate(events))
            for at in range(places)
        ]
        name = f"@open.{len(self.globals)}"
        self.globals.append(f"{name} = {_array(masks)}\n")
        mask = text.value(f"load i64, ptr {text.at(name, place)}")
        for i, rule in enumerate(events):
            is_open, closed = text.name("open"), text.name("closed")
            bit = text.both("and", mask, 1 << i)
            text.branch(text.compare("ne", bit, 0), is_open, closed)
            text.label(is_open)
            self._take(text, rule)
            text.label(closed)

    def _take(self, text: Text, rule: Rule) -> None:
        """Write what a rule leads to, if it is enabled."""
        skip = text.name("skip")
        if rule.when is not None:
            take = text.name("take")
            text.branch(self._asked(text, rule.when, rule.when_values), take, skip)
            text.label(take)
        words = self.layout.words
        n = text.kept("n")
        offset = text.both("mul", n, 8 * words)
        new = text.value(f"inttoptr i64 {text.both('add', '%out', offset)} to ptr")
        for j in range(words):
            text.set_word(new, j, text.word("%g", j))
        text.set_word(new, words, 0)
        name = function_name(cast(FunctionType, rule.effect), _roles(len(rule.arguments)))
        shown = "".join(f", i64 {signed(value)}" for value in rule.values)
        outcome = text.value(f"call i64 @{name}(ptr {new}, ptr null{shown})")
        fine = text.name("fine")
        raised = text.word(new, words)
        text.branch(text.compare("eq", raised, 0), fine, "fail")
        text.label(fine)
        self._settle(text, rule, new, outcome)
        base = text.value("inttoptr i64 %fired to ptr")
        mark = text.value(f"getelementptr i8, ptr {base}, i64 {rule.index}")
        text.line(f"store i8 1, ptr {mark}")
        text.keep("n", text.both("add", n, 1))
        text.label(skip)

    def _settle(self, text: Text, rule: Rule, new: str, outcome: str) -> None:
        """Set the locations that a rule moves actors to."""
        for move in rule.moves:
            self._put(text, new, move.slot, self.layout.spots[move.slot].pack(move.location))
        if rule.slot is None or (rule.otherwise is None and not rule.to):
            return
        spot = self.layout.spots[rule.slot]
        if rule.otherwise is not None:
            bits: Number = spot.pack(rule.otherwise)
        else:
            bits = text.both("and", text.word(new, spot.word), spot.mask)
        for value, location in rule.to.items():
            test = text.compare("eq", outcome, value)
            bits = text.value(f"select i1 {test}, i64 {spot.pack(location)}, i64 {bits}")
        self._put(text, new, rule.slot, bits)

    def _put(self, text: Text, new: str, slot: int, bits: Number) -> None:
        spot = self.layout.spots[slot]
        kept = text.both("and", text.word(new, spot.word), ~spot.mask)
        text.set_word(new, spot.word, text.both("or", kept, bits))

    def _judge(self) -> str:
        program = self.system.program
        text = Text()
        self._load(text, "%state", 0)
        text.keep("shown", 0)
        judged = [(item.holds, 0) for item in program.properties]
        judged += [(item.seen, 1) for item in program.witnesses]
        for bit, (guard, expected) in enumerate(judged):
            ask, skip = text.name("ask"), text.name("skip")
            wanted = text.both("and", "%wanted", 1 << bit)
            text.branch(text.compare("ne", wanted, 0), ask, skip)
            text.label(ask)
            found = text.widen(self._asked(text, guard, ()))
            mark = text.both("shl", text.both("xor", found, 1 - expected), bit)
            text.keep("shown", text.both("or", text.kept("shown"), mark))
            text.label(skip)
        raised = text.compare("ne", text.word("%g", self.layout.words), 0)
        shown = text.kept("shown")
        text.leave(text.value(f"select i1 {raised}, i64 {signed(FAILED)}, i64 {shown}"))
        parameters = "i64 %env, i64 %state, i64 %wanted"
        return _function(self.judge, parameters, text, self.layout.words)


def _roles(count: int) -> Roles:
    return (RECORD, CONSTANTS) + (INTEGER,) * count


def _array(values: Sequence[int]) -> str:
    shown = ", ".join(f"i64 {signed(value)}" for value in values)
    return f"private constant [{len(values)} x i64] [{shown}]"


def _function(name: str, parameters: str, text: Text, words: int) -> str:
    slots = [f"  %v.{slot} = alloca i64" for slot in text.slots]
    head = [f'define i64 @"{name}"({parameters}) {{', f"  %g = alloca [{words + 1} x i64]", *slots]
    return "\n".join([*head, *text.lines, "}", ""])
