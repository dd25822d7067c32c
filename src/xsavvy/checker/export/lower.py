# SPDX-License-Identifier: Apache-2.0
"""Read the expressions of step functions: each becomes a node over the state before the rule."""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field

from xsavvy.checker.bind import System
from xsavvy.checker.export.bound import MOST_SHIFT
from xsavvy.checker.export.fact import Facts
from xsavvy.checker.export.forest import Forest
from xsavvy.checker.export.node import ExportError, Node
from xsavvy.checker.reader import CONSTANTS, RECORD
from xsavvy.checker.source import Constant, Source, as_constant

ARITHMETIC: Mapping[type[ast.operator], str] = {
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.BitXor: "^",
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.LShift: "<<",
    ast.RShift: ">>",
}
COMPARISON: Mapping[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}


@dataclass
class Env:
    """Where the reading of a function has got to.

    `slots` holds what was written to the state, `names` the variables of the function at hand,
    `roles` which of its parameters are the record and the constants; `returned` is the test
    whether it has returned, `result` what it returned then.
    """

    source: Source
    roles: Mapping[str, str]
    returned: Node
    result: Node
    slots: dict[int, Node] = field(default_factory=dict)
    names: dict[str, Node] = field(default_factory=dict)

    def copy(self) -> Env:
        """Begin another way from here."""
        return Env(
            self.source,
            self.roles,
            self.returned,
            self.result,
            dict(self.slots),
            dict(self.names),
        )

    def become(self, other: Env) -> None:
        """Go on from where another way has got to."""
        self.returned, self.result = other.returned, other.result
        self.slots, self.names = other.slots, other.names


class Lowering(ABC):
    """The expression half of `Run`.

    `places` are the only locations, by slot, that matter to what is read. `demands` are tests
    that must be true wherever what is read is computed, such as that an index is in range.
    """

    def __init__(self, system: System, forest: Forest) -> None:
        self.system = system
        self.forest = forest
        self.facts = Facts(forest)
        self.places: dict[int, frozenset[int]] = {}
        self.demands: dict[Node, str] = {}
        self.spans = {name: (start, length) for name, start, length in system.shape.spans}

    @abstractmethod
    def call(self, node: ast.Call, env: Env) -> Node:
        """Run a call; its writes are in `env` afterwards."""

    @abstractmethod
    def merged(self, test: Node, yes: Env, no: Env) -> Env:
        """Join two ways."""

    # state

    def slot(self, slot: int, env: Env) -> Node:
        """Value of a slot now."""
        return env.slots.get(slot) or self.before(slot)

    def before(self, slot: int) -> Node:
        """Value of a slot before the rule."""
        if slot in self.system.fixed:
            return self.forest.constant(self.system.fixed[slot])
        return self.facts.integer(self.forest.read(slot))

    def context(self, name: str) -> Node:
        """Context bits of an actor, by where it is."""
        slot, bits = self.system.shape.contexts[name]
        here = self.before(slot)
        if here.const is not None:
            return self.forest.constant(bits[here.const])
        places: dict[int, list[int]] = {}
        for location, held in enumerate(bits):
            if location not in self.places.get(slot, (location,)):
                continue
            places.setdefault(held, []).append(location)
        (usual, _), *others = sorted(places.items(), key=lambda item: -len(item[1]))
        found = self.forest.constant(usual)
        for held, locations in others:
            there = self.forest.among(here, locations)
            found = self.forest.choose(there, self.forest.constant(held), found)
        return found

    def elements(self, name: str, index: Node, env: Env) -> dict[int, int]:
        """Slots that `list[index]` can mean, by index."""
        start, length = self.spans[name]
        assert length is not None
        self.demand(index, -length, length - 1, f"an index of {name}", env)
        span = range(max(index.low, -length), min(index.high, length - 1) + 1)
        found = {i: start + i % length for i in span if index.may is None or not i & ~index.may}
        return found or {0: start}

    def demand(self, value: Node, low: int, high: int, what: str, env: Env) -> None:
        """Note that a value must be in a range, if it is not so anyway."""
        for op, bad, bound in ((">=", value.low < low, low), ("<=", value.high > high, high)):
            if bad:
                within = self.forest.compare(op, value, self.forest.constant(bound))
                unless = self.forest.inverse(self.facts.path)
                test = self.forest.either(unless, self.facts.decided(within))
                if test is not self.forest.true:
                    self.demands[test] = f"{env.source.name}(): {what} is {op} {bound}"

    # expressions

    def value(self, node: ast.expr, env: Env) -> Node:
        """Read an expression as an integer."""
        match node:
            case ast.Constant(value=int() as number):
                return self.forest.constant(number)
            case ast.Name():
                return env.names[node.id] if node.id in env.names else self.outside(node, env)
            case ast.Attribute():
                return self.attribute(node, env)
            case ast.Subscript(value=ast.Attribute() as array):
                return self.element(array.attr, self.value(node.slice, env), env)
            case ast.BinOp():
                left = self.value(node.left, env)
                right = self.value(node.right, env)
                return self.arithmetic(ARITHMETIC[type(node.op)], left, right, env)
            case ast.UnaryOp(op=ast.Invert()):
                return self.forest.complement(self.value(node.operand, env))
            case ast.UnaryOp(op=ast.USub()):
                return self.forest.negative(self.value(node.operand, env))
            case ast.UnaryOp() | ast.Compare():
                return self.forest.number(self.test(node, env))
            case ast.BoolOp():
                return self.operand(node, env)
            case ast.IfExp():
                test = self.test(node.test, env)
                return self.branches(test, node.body, node.orelse, env)
            case ast.Call():
                return self.call(node, env)
        raise ExportError(f"{env.source.file}:{node.lineno}: cannot export {ast.unparse(node)}")

    def outside(self, node: ast.expr, env: Env) -> Node:
        """Read a constant of a module or an enum."""
        value = as_constant(env.source.look_up(node))
        assert isinstance(value, int)
        return self.forest.constant(value)

    def attribute(self, node: ast.Attribute, env: Env) -> Node:
        """Read `s.field`, `k.name`, or a constant from outside."""
        role = env.roles.get(node.value.id) if isinstance(node.value, ast.Name) else None
        if role == RECORD:
            if node.attr in self.system.shape.contexts:
                return self.context(node.attr)
            return self.slot(self.spans[node.attr][0], env)
        if role == CONSTANTS:
            value: Constant = self.system.values[node.attr]
            assert isinstance(value, int)
            return self.forest.constant(value)
        return self.outside(node, env)

    def element(self, name: str, index: Node, env: Env) -> Node:
        """Read an element of a list field."""
        (_, first), *others = self.elements(name, index, env).items()
        found = self.slot(first, env)
        for number, slot in others:
            here = self.forest.compare("==", index, self.forest.constant(number))
            found = self.forest.choose(here, self.slot(slot, env), found)
        return found

    def arithmetic(self, op: str, left: Node, right: Node, env: Env) -> Node:
        """Make an operation; a shift must be by a sensible number of bits."""
        if op in ("<<", ">>"):
            self.demand(right, 0, MOST_SHIFT, "a number of bits to shift by", env)
        return self.facts.integer(self.forest.binary(op, left, right))

    def operand(self, node: ast.BoolOp, env: Env) -> Node:
        """Read `and`, `or` as the operand that it gives."""
        conjunction = isinstance(node.op, ast.And)
        result = self.value(node.values[0], env)
        for operand in node.values[1:]:
            test = self.facts.decided(self.forest.truth(result))
            if test.const is not None and bool(test.const) != conjunction:
                return result
            with self.facts.given(test, conjunction):
                side = env.copy()
                value = self.value(operand, side)
            ways = (side, env) if conjunction else (env, side)
            env.become(self.merged(test, *ways))
            # What is false is 0; what is true is itself, which is 1 if it can be nothing else.
            sure = self.forest.constant(1) if result.may == 1 else result
            both = (value, self.forest.constant(0)) if conjunction else (sure, value)
            result = self.forest.choose(test, *both)
        return result

    def branches(self, test: Node, body: ast.expr, orelse: ast.expr, env: Env) -> Node:
        """Read a conditional expression."""
        if test.const is not None:
            return self.value(body if test.const else orelse, env)
        yes, no = env.copy(), env.copy()
        with self.facts.given(test, True):
            one = self.value(body, yes)
        with self.facts.given(test, False):
            other = self.value(orelse, no)
        env.become(self.merged(test, yes, no))
        return self.forest.choose(test, one, other)

    # tests

    def test(self, node: ast.expr, env: Env) -> Node:
        """Read an expression as a truth value."""
        match node:
            case ast.UnaryOp(op=ast.Not()):
                return self.forest.inverse(self.test(node.operand, env))
            case ast.BoolOp():
                return self.joined(node, env)
            case ast.Compare():
                return self.comparison(node, env)
        return self.facts.decided(self.forest.truth(self.value(node, env)))

    def joined(self, node: ast.BoolOp, env: Env) -> Node:
        """Read `and`, `or` as a truth value; a later operand is only read if it matters."""
        conjunction = isinstance(node.op, ast.And)
        join = self.forest.both if conjunction else self.forest.either
        result = self.test(node.values[0], env)
        for operand in node.values[1:]:
            if result.const is not None and bool(result.const) != conjunction:
                return result
            with self.facts.given(result, conjunction):
                side = env.copy()
                test = self.test(operand, side)
            ways = (side, env) if conjunction else (env, side)
            env.become(self.merged(result, *ways))
            result = join(result, test)
        return result

    def comparison(self, node: ast.Compare, env: Env) -> Node:
        """Read a comparison, or a chain of them."""
        values = [self.value(operand, env) for operand in (node.left, *node.comparators)]
        result = self.forest.true
        for op, left, right in zip(node.ops, values[:-1], values[1:], strict=True):
            part = self.forest.compare(COMPARISON[type(op)], left, right)
            result = self.forest.both(result, self.facts.decided(part))
        return result
