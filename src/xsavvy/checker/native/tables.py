# SPDX-License-Identifier: Apache-2.0
"""Lay a bound system out as the tables that `driver.py` reads."""

from __future__ import annotations

import ctypes
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from types import FunctionType
from typing import Any, cast

from xsavvy.checker.bind import System
from xsavvy.checker.native import driver
from xsavvy.checker.native.function import Unit, unit
from xsavvy.checker.native.jit import Jit
from xsavvy.checker.native.layout import Layout, Spot
from xsavvy.checker.native.lower import lower
from xsavvy.checker.native.primitive import WORD
from xsavvy.checker.rule import Rule

PREFIX = "driver_"
EXPAND, JUDGE = f"{PREFIX}expand_by_tables", f"{PREFIX}judge_by_tables"
Cell = tuple[int, int, int]
NONE: Cell = (0, 0, 0)


def add_driver(jit: Jit) -> None:
    """Add the driver's code: the functions EXPAND and JUDGE."""
    jit.add(f"driver {_digest()}", _text)


def _text() -> str:
    return lower([driver.expand_by_tables, driver.judge_by_tables], PREFIX)


@cache
def _digest() -> str:
    digest = hashlib.sha256()
    for name in ("driver", "lower", "primitive"):
        digest.update(files("xsavvy.checker.native").joinpath(f"{name}.py").read_bytes())
    return digest.hexdigest()


class Units:
    """The compiled functions of one system, and what each is called with."""

    def __init__(self, system: System, layout: Layout, jit: Jit) -> None:
        self.system = system
        self.layout = layout
        self.jit = jit
        self.known: dict[tuple[Any, int, bool], Unit] = {}
        self.vectors: dict[tuple[Any, int, bool], int] = {}
        self.arrays: list[ctypes.Array[ctypes.c_uint64]] = []
        self.contexts = {name: self.array(bits) for name, bits in layout.contexts().items()}

    def array(self, values: Iterable[int]) -> int:
        """Put numbers in memory; return the address."""
        numbers = [value & WORD for value in values] or [0]
        block = (ctypes.c_uint64 * len(numbers))(*numbers)
        self.arrays.append(block)
        return ctypes.addressof(block)

    def need(self, function: Callable[..., Any] | None, arguments: int, *, guard: bool) -> None:
        """Have a function compiled when the code is loaded."""
        key = (function, arguments, guard)
        if function is not None and key not in self.known:
            made = unit(
                cast(FunctionType, function),
                self.layout,
                self.system.values,
                arguments,
                guard=guard,
            )
            self.jit.add(made.key, made.text)
            self.known[key] = made

    def cell(
        self, function: Callable[..., Any] | None, arguments: Sequence[int], *, guard: bool
    ) -> Cell:
        """Make the cell of a function that was needed."""
        if function is None:
            return NONE
        key = (function, len(arguments), guard)
        made = self.known[key]
        if key not in self.vectors:
            self.vectors[key] = self.array(made.vector(self.system.values, self.contexts))
        return self.jit.address(made.name), self.vectors[key], self.array(arguments)


class Cold(Exception):
    """Raised when code would have to be compiled first."""


class Tables:
    """The tables of one system; `env` is the address of their head.

    Raises Cold when there is code to compile that must not be.
    """

    def __init__(self, system: System, layout: Layout, jit: Jit, *, may_compile: bool) -> None:
        self.system = system
        self.layout = layout
        self.units = Units(system, layout, jit)
        self._need()
        if not jit.fetch() and not may_compile:
            jit.waiting.clear()
            raise Cold
        self.rules = {rule.index: self._rule(rule) for rule in system.rules}
        self.env = self._head()

    def _need(self) -> None:
        need, program = self.units.need, self.system.program
        for rule in self.system.rules:
            need(rule.effect, len(rule.arguments), guard=False)
            need(rule.when, len(rule.when_values), guard=True)
            need(rule.runs, 0, guard=True)
        for item in program.properties:
            need(item.holds, 0, guard=True)
        for witness in program.witnesses:
            need(witness.seen, 0, guard=True)
        need(program.terminal, 0, guard=True)

    def _head(self) -> int:
        units, program = self.units, self.system.program
        actors = list(dict.fromkeys(r.slot for r in self.system.rules if r.slot is not None))
        free = [rule for rule in self.system.rules if rule.slot is None]
        judged = [units.cell(item.holds, (), guard=True) for item in program.properties]
        judged += [units.cell(item.seen, (), guard=True) for item in program.witnesses]
        expected = [0] * len(program.properties) + [1] * len(program.witnesses)
        return units.array(
            [
                8 * self.layout.words,
                *units.cell(program.terminal, (), guard=True),
                len(actors),
                units.array(n for slot in actors for n in self._actor(slot)),
                self._list(free),
                units.array(n for cell in judged for n in cell),
                units.array(expected),
            ]
        )

    def _list(self, rules: Sequence[Rule]) -> int:
        return self.units.array([len(rules), *(self.rules[rule.index] for rule in rules)])

    def _actor(self, slot: int) -> list[int]:
        spot = self.layout.spots[slot]
        mine = [rule for rule in self.system.rules if rule.slot == slot]
        lists: dict[int, list[Rule]] = {place: [] for place in range(1 << spot.bits)}
        for rule in mine:
            for place in rule.locations:
                lists[place].append(rule)
        empty = self._list([])
        runs = self.units.cell(mine[0].runs, (), guard=True)
        places = [self._list(rules) if rules else empty for rules in lists.values()]
        return [*runs, 8 * spot.word, spot.shift, spot.mask >> spot.shift, self.units.array(places)]

    def _rule(self, rule: Rule) -> int:
        units = self.units
        to = self._located(rule)
        moves = [n for move in rule.moves for n in self._move(move.slot, move.location)]
        home: Spot | None = None if rule.slot is None else self.layout.spots[rule.slot]
        stay = home is None or rule.otherwise is None
        return units.array(
            [
                rule.index,
                *units.cell(rule.when, rule.when_values, guard=True),
                *units.cell(rule.effect, rule.values, guard=False),
                8 * home.word if home else 0,
                ~home.mask if home else 0,
                driver.STAY if stay or home is None else home.pack(rule.otherwise or 0),
                len(to),
                units.array(n for pair in to.items() for n in pair),
                len(rule.moves),
                units.array(moves),
            ]
        )

    def _located(self, rule: Rule) -> Mapping[int, int]:
        if rule.slot is None:
            return {}
        home = self.layout.spots[rule.slot]
        return {outcome: home.pack(place) for outcome, place in rule.to.items()}

    def _move(self, slot: int, location: int) -> tuple[int, int, int]:
        spot = self.layout.spots[slot]
        return 8 * spot.word, ~spot.mask, spot.pack(location)
