# SPDX-License-Identifier: Apache-2.0
"""Run a step function on nodes instead of integers: what it leaves in each slot is a node.

Both ways of an `if` are run and joined. After a return that only some ways have taken, the
rest is run for the others. Loops are over constants, so they are unrolled; calls are run in
place.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import FunctionType

from xsavvy.checker.export.lower import ARITHMETIC, Env, Lowering
from xsavvy.checker.export.node import Node
from xsavvy.checker.program import Guard
from xsavvy.checker.reader import CONSTANTS, RECORD
from xsavvy.checker.source import Constant, Source, as_constant, source


@dataclass(frozen=True)
class Turn:
    """The beginning of one turn of a loop: its variable has a value."""

    name: str
    value: int


Item = ast.stmt | Turn


class Run(Lowering):
    """Runs functions of one rule."""

    def guard(self, function: Guard, values: Sequence[int] = ()) -> Node:
        """Run a guard; hand back the test that it is true."""
        test = self.forest.truth(self.function(function, values).result)
        return self.facts.decided(test)

    def function(self, function: Guard, values: Sequence[int] = ()) -> Env:
        """Run a step function or guard with its chosen values."""
        src = source(function)
        names = src.parameters
        chosen = zip(names[2:], map(self.forest.constant, values), strict=True)
        env = self.entered(src, {names[0]: RECORD, names[1]: CONSTANTS})
        env.names.update(chosen)
        self.body(env)
        return env

    def entered(self, src: Source, roles: dict[str, str]) -> Env:
        """Begin a function."""
        return Env(src, roles, self.forest.false, self.forest.unset)

    def body(self, env: Env) -> None:
        """Run the statements of a function; at its end it returns nothing."""
        self.block(env.source.statements, env)
        env.result = self.forest.choose(env.returned, env.result, self.forest.none)

    def call(self, node: ast.Call, env: Env) -> Node:
        """Run a call in place."""
        called = env.source.look_up(node.func)
        assert isinstance(called, FunctionType)
        src = source(called)
        inner = self.entered(src, {})
        roles: dict[str, str] = {}
        for name, arg in zip(src.parameters, node.args, strict=True):
            if isinstance(arg, ast.Name) and arg.id in env.roles:
                roles[name] = env.roles[arg.id]
            else:
                inner.names[name] = self.value(arg, env)
        inner.roles = roles
        inner.slots = dict(env.slots)
        self.body(inner)
        env.slots = inner.slots
        return inner.result

    # statements

    def block(self, items: Sequence[Item], env: Env) -> None:
        """Run statements one after another."""
        if items and not self.item(items[0], items[1:], env):
            self.follow(items[1:], env)

    def follow(self, items: Sequence[Item], env: Env) -> None:
        """Run statements on the ways that have not returned."""
        if env.returned.const is not None:
            if not env.returned.const:
                self.block(items, env)
            return
        returned, tail = env.returned, env.copy()
        tail.returned = self.forest.false
        with self.facts.given(returned, False):
            self.block(items, tail)
        env.become(self.merged(returned, env, tail))

    def item(self, item: Item, rest: Sequence[Item], env: Env) -> bool:
        """Run one statement; tell whether the rest was run along with it."""
        match item:
            case Turn():
                env.names[item.name] = self.forest.constant(item.value)
            case ast.Expr(value=ast.Call() as call):
                self.call(call, env)
            case ast.Return():
                env.result = (
                    self.forest.none if item.value is None else self.result(item.value, env)
                )
                env.returned = self.forest.true
            case ast.Assign(targets=[target]):
                self.store(target, self.value(item.value, env), env)
            case ast.AugAssign():
                self.augment(item, env)
            case ast.If():
                return self.branch(item, rest, env)
            case ast.For():
                self.block([*self.turns(item, env), *rest], env)
                return True
        return False

    def result(self, node: ast.expr, env: Env) -> Node:
        """Read what a return gives: an integer or nothing."""
        if isinstance(node, ast.Constant) and node.value is None:
            return self.forest.none
        if isinstance(node, ast.IfExp):
            test = self.test(node.test, env)
            return self.forest.choose(
                test, self.result(node.body, env), self.result(node.orelse, env)
            )
        return self.value(node, env)

    def branch(self, node: ast.If, rest: Sequence[Item], env: Env) -> bool:
        """Run both ways of an if; a way that surely returns leaves the rest to the other."""
        test = self.test(node.test, env)
        if test.const is not None:
            self.block(node.body if test.const else node.orelse, env)
            return False
        yes, no = env.copy(), env.copy()
        with self.facts.given(test, True):
            self.block(node.body, yes)
        with self.facts.given(test, False):
            self.block(node.orelse, no)
        ended = yes.returned.const == 1, no.returned.const == 1
        if ended[0] != ended[1]:
            with self.facts.given(test, ended[1]):
                self.follow(rest, no if ended[0] else yes)
        env.become(self.merged(test, yes, no))
        return ended[0] != ended[1]

    def turns(self, node: ast.For, env: Env) -> Iterator[Item]:
        """Unroll a loop."""
        assert isinstance(node.target, ast.Name)
        for value in self.values(node.iter, env):
            yield Turn(node.target.id, value)
            yield from node.body

    def values(self, node: ast.expr, env: Env) -> Sequence[int]:
        """Find the constants that a loop runs over."""
        if isinstance(node, ast.Tuple):
            return [self.value(item, env).value for item in node.elts]
        if isinstance(node, ast.Call):
            return range(*(self.value(item, env).value for item in node.args))
        found: Constant | None
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if env.roles.get(node.value.id) == CONSTANTS:
                found = self.system.values[node.attr]
                assert isinstance(found, tuple)
                return found
        found = as_constant(env.source.look_up(node))
        assert isinstance(found, tuple)
        return found

    def augment(self, node: ast.AugAssign, env: Env) -> None:
        """Run `target op= value`."""
        target = node.target
        old = self.value(_loaded(target), env)
        new = self.arithmetic(ARITHMETIC[type(node.op)], old, self.value(node.value, env), env)
        self.store(target, new, env)

    def store(self, target: ast.expr, value: Node, env: Env) -> None:
        """Run an assignment."""
        match target:
            case ast.Name():
                env.names[target.id] = value
            case ast.Attribute():
                env.slots[self.spans[target.attr][0]] = value
            case ast.Subscript(value=ast.Attribute() as array):
                index = self.value(target.slice, env)
                for number, slot in self.elements(array.attr, index, env).items():
                    here = self.forest.compare("==", index, self.forest.constant(number))
                    old = self.slot(slot, env)
                    env.slots[slot] = self.forest.choose(self.facts.decided(here), value, old)

    # joining

    def merged(self, test: Node, yes: Env, no: Env) -> Env:
        """Join two ways: what they left behind is chosen by the test."""
        choose = self.forest.choose
        slots = {
            slot: choose(test, self.slot(slot, yes), self.slot(slot, no))
            for slot in dict.fromkeys((*yes.slots, *no.slots))
        }
        # A variable that only one way has set is read on that way only, or the model is wrong.
        names = dict(no.names)
        for name, value in yes.names.items():
            names[name] = choose(test, value, no.names[name]) if name in no.names else value
        returned = choose(test, yes.returned, no.returned)
        result = choose(test, yes.result, no.result)
        return Env(yes.source, yes.roles, returned, result, slots, names)


def _loaded(target: ast.expr) -> ast.expr:
    """Read the target of an augmented assignment."""
    match target:
        case ast.Name():
            return ast.copy_location(ast.Name(target.id, ast.Load()), target)
        case ast.Attribute():
            return ast.copy_location(ast.Attribute(target.value, target.attr, ast.Load()), target)
    assert isinstance(target, ast.Subscript)
    return ast.copy_location(ast.Subscript(target.value, target.slice, ast.Load()), target)
