# SPDX-License-Identifier: Apache-2.0
"""The neutral form of a bound system: variables, start states, guarded updates, properties.

It is made from the syntax trees of the step functions, like the packed engine's code, but by
other means: functions are run on expressions (`run.py`), not translated line by line. So a
model checker that counts the same states on an export judges the engines and the model both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xsavvy.checker.bind import System
from xsavvy.checker.export.bound import legal
from xsavvy.checker.export.forest import Forest
from xsavvy.checker.export.node import Node
from xsavvy.checker.export.run import Run
from xsavvy.checker.field import Kind
from xsavvy.checker.program import Guard
from xsavvy.checker.record import State, fields
from xsavvy.checker.rule import Rule


@dataclass(frozen=True)
class Variable:
    """One integer of the state: its slot, its name as in traces, its kind and meaning."""

    slot: int
    name: str
    kind: Kind
    doc: str


@dataclass(frozen=True)
class Action:
    """One rule, `index` of the system's: where `guard` is true, each slot of `updates` gets a value, all at once.

    `demands` are tests that must then be true, with what they say; else the model is wrong.
    """

    index: int
    name: str
    source: str
    summary: str
    guard: Node
    updates: Mapping[int, Node]
    demands: Mapping[Node, str]


@dataclass(frozen=True)
class Law:
    """A property: a test that must be true in every state."""

    name: str
    sentence: str
    source: str
    test: Node


@dataclass(frozen=True)
class Form:
    """A model that a language can be written from.

    `fixed` are the slots that never change, which the actions do not mention. `doubtful` are
    the slots whose new values are not obviously legal. `demands` must be true everywhere, or
    the model is wrong: values are legal, and every index is in range. `left_out` names what no
    safety check can judge, and witnesses. `never` names the rules that no state
    enables. `terminal` is true where nothing happens by design.
    """

    title: str
    kinds: tuple[Kind, ...]
    variables: tuple[Variable, ...]
    fixed: tuple[tuple[Variable, int], ...]
    constants: Mapping[str, int | tuple[int, ...]]
    starts: tuple[State, ...]
    actions: tuple[Action, ...]
    never: tuple[str, ...]
    laws: tuple[Law, ...]
    terminal: Node | None
    doubtful: frozenset[int]
    demands: tuple[Law, ...]
    left_out: tuple[str, ...]


def form(system: System, title: str = "model") -> Form:
    """Bring a system into the neutral form. Raises ExportError."""
    return _Former(system).form(title)


class _Former:
    def __init__(self, system: System) -> None:
        self.system = system
        self.kinds = tuple(slot.kind for slot in system.shape.slots)
        self.forest = Forest(self.kinds)
        self.demands: dict[Node, str] = {}

    def form(self, title: str) -> Form:
        program = self.system.program
        docs = {item.name: item.doc for item in fields(program.record)}
        every = [
            Variable(i, slot.name, slot.kind, docs[slot.field])
            for i, slot in enumerate(self.system.shape.slots)
        ]
        fixed = self.system.fixed
        names = [item.name for item in every]
        actions = [self.action(rule) for rule in self.system.rules]
        possible = tuple(action for action in actions if action.guard is not self.forest.false)
        terminal = self.terminal()
        laws = tuple(
            Law(item.name, item.sentence, item.source, self.guard(self.run(), item.holds))
            for item in program.properties
        )
        doubtful = self.doubtful(possible)
        for slot in sorted(doubtful):
            self.demands[self.forest.legal(slot)] = (
                f"{names[slot]} is {self.kinds[slot].describe()}"
            )
        return Form(
            title,
            self.kinds,
            tuple(item for item in every if item.slot not in fixed),
            tuple((item, fixed[item.slot]) for item in every if item.slot in fixed),
            self.system.values,
            self.system.starts,
            possible,
            tuple(action.name for action in actions if action.guard is self.forest.false),
            laws,
            None if terminal is self.forest.false else terminal,
            doubtful,
            tuple(Law(name, name, "", test) for test, name in self.demands.items()),
            (*(each.name for each in program.eventualities), *(w.name for w in program.witnesses)),
        )

    def doubtful(self, actions: Sequence[Action]) -> frozenset[int]:
        """Find the slots that an action may leave with an illegal value, for all we know."""
        return frozenset(
            slot
            for action in actions
            for slot, value in action.updates.items()
            if not legal(value, self.kinds[slot])
        )

    def run(self) -> Run:
        return Run(self.system, self.forest)

    def terminal(self) -> Node:
        guard = self.system.program.terminal
        return self.forest.false if guard is None else self.guard(self.run(), guard)

    def guard(
        self, run: Run, function: Guard, values: tuple[int, ...] = (), given: Node | None = None
    ) -> Node:
        """Run a guard that matters where `given` is true; what it demands must hold there."""
        test = run.guard(function, values)
        for demand, what in run.demands.items():
            unless = self.forest.false if given is None else self.forest.inverse(given)
            everywhere = self.forest.either(unless, demand)
            if everywhere is not self.forest.true:
                self.demands[everywhere] = what
        run.demands.clear()
        return test

    def action(self, rule: Rule) -> Action:
        run = self.run()
        guard = self.forest.inverse(self.terminal())
        run.facts.learn(guard, True)
        if rule.slot is not None:
            run.places[rule.slot] = rule.locations
            here = self.forest.among(run.before(rule.slot), rule.locations)
            run.facts.learn(here, True)
            guard = self.forest.both(guard, here)
        for function, values in ((rule.runs, ()), (rule.when, rule.when_values)):
            if function is not None:
                test = self.guard(run, function, values, guard)
                run.facts.learn(test, True)
                guard = self.forest.both(guard, test)
        updates = {} if guard is self.forest.false else self.updates(rule, run)
        chosen = ", ".join(f"{name}={value}" for name, value in rule.arguments)
        name = f"{rule.name}({chosen})" if chosen else rule.name
        name += f" upon {rule.interrupted}" if rule.interrupted else ""
        demands = dict(run.demands)
        return Action(rule.index, name, rule.source, rule.summary, guard, updates, demands)

    def updates(self, rule: Rule, run: Run) -> dict[int, Node]:
        """Find the new values of the slots that a rule changes."""
        env = run.function(rule.effect, rule.values)
        new = dict(env.slots)
        new.update({move.slot: self.forest.constant(move.location) for move in rule.moves})
        if rule.slot is not None:
            stays = new.get(rule.slot, self.forest.read(rule.slot))
            if rule.otherwise is not None:
                stays = self.forest.constant(rule.otherwise)
            new[rule.slot] = self.located(rule, env.result, stays)
        return {
            slot: value
            for slot, value in new.items()
            if slot not in self.system.fixed and value is not self.forest.read(slot)
        }

    def located(self, rule: Rule, outcome: Node, stays: Node) -> Node:
        """Find the location that an outcome leads to."""
        if outcome.op == "none" or not rule.to:
            return stays
        if outcome.const is not None:
            found = rule.to.get(outcome.const)
            return stays if found is None else self.forest.constant(found)
        if outcome.op == "if":
            test, yes, no = outcome.args
            return self.forest.choose(
                test, self.located(rule, yes, stays), self.located(rule, no, stays)
            )
        for value, location in rule.to.items():
            here = self.forest.compare("==", outcome, self.forest.constant(value))
            stays = self.forest.choose(here, self.forest.constant(location), stays)
        return stays
