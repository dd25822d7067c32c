# SPDX-License-Identifier: Apache-2.0
"""Compute exported expressions in plain Python, with what they claim about themselves checked."""

from __future__ import annotations

import operator

from xsavvy.checker.export.form import Action
from xsavvy.checker.export.node import Node
from xsavvy.checker.export.order import Assign, body

OPERATORS = {
    "&": operator.and_,
    "|": operator.or_,
    "^": operator.xor,
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "<<": operator.lshift,
    ">>": operator.rshift,
    "~": operator.invert,
    "neg": operator.neg,
    "not": operator.not_,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def value(node: Node, state) -> int:
    """The value of a node in a state; its bounds must be true."""
    found = _value(node, state)
    if node.truth:
        assert found in (0, 1)
    elif node.op != "raw":
        assert node.low <= found <= node.high, node
        assert node.may is None or not found & ~node.may, node
        assert found & node.must == node.must, node
    return found


def _value(node: Node, state) -> int:
    match node.op:
        case "const":
            return node.value
        case "read" | "raw":
            return state[node.value]
        case "if":
            return value(node.args[1 if value(node.args[0], state) else 2], state)
        case "and":
            return int(all(value(arg, state) for arg in node.args))
        case "or":
            return int(any(value(arg, state) for arg in node.args))
        case "in":
            return int(value(node.args[0], state) in node.members)
    return int(OPERATORS[node.op](*(value(arg, state) for arg in node.args)))


def after(action: Action, state):
    """The state after an action at once, or None where it is not enabled."""
    if not value(action.guard, state):
        return None
    assert all(value(demand, state) for demand in action.demands)
    new = list(state)
    for slot, node in action.updates.items():
        new[slot] = value(node, state)
    return tuple(new)


def after_statements(action: Action, state):
    """The same state, by the statements that Murphi and Promela are written from."""
    order = body(action.updates)
    new = list(state)

    def run(statements) -> None:
        for item in statements:
            # What has a name, and slots that are saved, have their old values; others must too.
            if isinstance(item, Assign):
                fresh(item.value)
                new[item.slot] = value(item.value, state)
            else:
                fresh(item.test)
                run(item.yes if value(item.test, state) else item.no)

    def fresh(node: Node) -> None:
        if node in order.named:
            return
        if node.op == "read" and node.value not in order.saved:
            assert new[node.value] == state[node.value], "read after it was written"
        if node.op == "if":
            fresh(node.args[0])
            fresh(node.args[1 if value(node.args[0], state) else 2])
            return
        for arg in node.args:
            fresh(arg)

    run(order.statements)
    return tuple(new)
