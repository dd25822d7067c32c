# SPDX-License-Identifier: Apache-2.0
"""What is known to be true on a way through a function.

Nodes speak of the state before the rule, which never changes; so a fact stays true.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from xsavvy.checker.export.forest import Forest
from xsavvy.checker.export.node import Node


class Facts:
    """Tests whose outcome is known, and integers whose value is."""

    def __init__(self, forest: Forest) -> None:
        self.forest = forest
        self.tests: dict[Node, bool] = {}
        self.values: dict[Node, int] = {}
        self.path = forest.true

    @contextmanager
    def given(self, test: Node, outcome: bool) -> Iterator[None]:
        """Take an outcome of a test as known, for a while; `path` says what is taken so."""
        before = self.tests, self.values, self.path
        self.tests, self.values = dict(self.tests), dict(self.values)
        self.path = self.forest.both(self.path, test if outcome else self.forest.inverse(test))
        self.learn(test, outcome)
        yield
        self.tests, self.values, self.path = before

    def learn(self, test: Node, outcome: bool) -> None:
        """Take an outcome of a test as known from now on."""
        opposite = self.forest.inverse(test)
        self.tests[test] = outcome
        self.tests[opposite] = not outcome
        if test.op == "not":
            self.learn(test.args[0], not outcome)
        elif test.op == ("and" if outcome else "or"):
            for arg in test.args:
                self.learn(arg, outcome)
        fact = test if outcome else opposite
        if fact.op == "==" and fact.args[1].const is not None:
            self.values[fact.args[0]] = fact.args[1].const

    def integer(self, node: Node) -> Node:
        """Put the value in the place of a node that is known."""
        value = self.values.get(node)
        return node if value is None else self.forest.constant(value)

    def decided(self, test: Node) -> Node:
        """Put the outcome in the place of a test that is known, or partly known."""
        outcome = self.tests.get(test)
        if outcome is not None:
            return self.forest.true if outcome else self.forest.false
        if test.op in ("and", "or"):
            join = self.forest.both if test.op == "and" else self.forest.either
            whole = self.forest.true if test.op == "and" else self.forest.false
            for arg in test.args:
                whole = join(whole, self.decided(arg))
            return whole
        return test
