# SPDX-License-Identifier: Apache-2.0
"""What all languages share: names, comments, and expressions by a table of forms."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from xsavvy.checker.export.form import Action, Form, Law, Variable
from xsavvy.checker.export.node import ExportError, Node
from xsavvy.checker.field import Choice, Place

LARGEST = 20_000  # nodes of a guard or a property, which have to be written without names
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


class Names:
    """Identifiers of one language, each given once."""

    def __init__(self, reserved: Collection[str]) -> None:
        self.taken = {word.lower() for word in reserved}

    def new(self, wanted: str) -> str:
        """Give an identifier that reads like a name.

        >>> names = Names(["end"])
        >>> names.new("hw_sse[1]"), names.new("end"), names.new("end_")
        ('hw_sse_1', 'end_', 'end__')
        """
        name = "_".join(re.findall(r"[A-Za-z0-9]+", wanted)) or "x"
        if not _WORD.fullmatch(name):
            name = f"x_{name}"
        while name.lower() in self.taken:
            name += "_"
        self.taken.add(name.lower())
        return name


def plain(words: str) -> str:
    """Make text safe inside a comment or a quoted name of any of the languages.

    >>> plain('a "b" */ c\\n(*d')
    "a 'b' * / c ( *d"
    """
    line = " ".join(words.split()).replace('"', "'").replace("\\", "/")
    line = "".join(char if char.isprintable() and ord(char) < 127 else "?" for char in line)
    for mark in ("*/", "/*", "*)", "(*"):
        line = line.replace(mark, f"{mark[0]} {mark[1]}")
    return line


def meaning(variable: Variable) -> str:
    """Say what a variable is and which values have names."""
    words = f"{variable.name}: {variable.doc}" if variable.doc else variable.name
    if isinstance(variable.kind, Choice):
        values = (f"{value} {variable.kind.show(value)}" for value in variable.kind.values)
        words += f" ({', '.join(values)})"
    elif isinstance(variable.kind, Place):
        words += f" ({len(variable.kind.labels)} locations, 0 is rest)"
    return plain(words)


def heading(form: Form, run: Sequence[str], notes: Sequence[str] = ()) -> list[str]:
    """Write the comment that every export begins with, line by line, without comment marks."""
    values = [
        f"{name}={value if isinstance(value, tuple) else hex(value)}"
        for name, value in sorted(form.constants.items())
    ]
    lines = [
        plain(form.title),
        "Written by xsavvy export; every transition of the model is one rule here.",
        "",
        "To run it:",
        *(f"  {line}" for line in run),
        "",
        "Expected: the states, the transitions and the verdicts of xsavvy check.",
        *notes,
        "",
        "Constants (folded): " + (plain(", ".join(values)) or "none"),
        "Fields that never change: "
        + (plain(", ".join(f"{v.name}={v.kind.show(x)}" for v, x in form.fixed)) or "none"),
        "Not exported (no invariants): " + (plain(", ".join(form.left_out)) or "none"),
        "Rules that no state enables: " + (plain(", ".join(dict.fromkeys(form.never))) or "none"),
    ]
    return [line.rstrip() for line in lines]


def about(action: Action) -> str:
    """Say what an action is, for the comment above it."""
    parts = [action.name, action.summary, action.source]
    return plain("; ".join(part for part in parts if part and part != "-"))


def widest(form: Form) -> int:
    """Count the bits, with a sign, that every integer of a model fits."""
    most = 0
    roots = [law.test for law in (*form.laws, *form.demands)]
    for action in form.actions:
        roots += [action.guard, *action.updates.values(), *action.demands]
    seen: set[Node] = set()
    for root in roots:
        for node in root.walk() if root not in seen else ():
            seen.add(node)
            most = max(most, abs(node.low), abs(node.high), *map(abs, node.members))
    tops = [kind.top for kind in form.kinds]
    return max(most, *tops, 1).bit_length() + 1


class Printer:
    """Writes expressions: `forms` says how each operator looks, with its operands as {}.

    `names` are the identifiers of slots, `given` of expressions that have a name, `prefix`
    stands before a slot whose old value was saved.
    """

    forms: Mapping[str, str] = {}
    true, false = "true", "false"

    def __init__(self, names: Mapping[int, str]) -> None:
        self.names = names
        self.given: dict[Node, str] = {}
        self.saved: dict[int, str] = {}

    def test(self, what: Action | Law, node: Node) -> str:
        """Write a guard or a property, outermost parentheses left away."""
        if node.size > LARGEST:
            raise ExportError(f"{what.name}: its condition has {node.size} parts; too large")
        return self.outer(node)

    def outer(self, node: Node) -> str:
        """Write an expression where it stands alone."""
        text = self.expression(node)
        compound = node not in self.given and node.op != "if" and node.op in self.forms
        closed = text.startswith("(") and text.endswith(")") and _closes(text)
        return text[1:-1] if compound and closed else text

    def expression(self, node: Node) -> str:
        """Write an expression as an operand."""
        if node in self.given:
            return self.given[node]
        match node.op:
            case "const" if node.truth:
                return self.true if node.value else self.false
            case "const":
                return self.integer(node.value)
            case "read" | "raw":
                return self.saved.get(node.value) or self.names[node.value]
            case "and" | "or":
                inner = f" {self.forms[node.op]} ".join(map(self.expression, node.args))
                return f"({inner})"
            case "in":
                return self.among(self.expression(node.args[0]), node.members)
        return self.operation(node)

    def operation(self, node: Node) -> str:
        """Write an operator with its operands."""
        return self.forms[node.op].format(*map(self.expression, node.args))

    def integer(self, value: int) -> str:
        """Write a number."""
        return str(value) if value >= 0 else f"({value})"

    def among(self, value: str, members: Sequence[int]) -> str:
        """Write the test whether a value is one of some numbers, by ranges."""
        equal, least = self.forms["=="], self.forms["<="]
        parts = []
        for low, high in ranges(members):
            if low == high:
                parts.append(equal.format(value, low))
            else:
                bounds = least.format(low, value), least.format(value, high)
                parts.append(f"({bounds[0]} {self.forms['and']} {bounds[1]})")
        either = f" {self.forms['or']} "
        return parts[0] if len(parts) == 1 else f"({either.join(parts)})"


def ranges(members: Sequence[int]) -> list[tuple[int, int]]:
    """Join neighbouring numbers.

    >>> ranges((1, 2, 3, 7))
    [(1, 3), (7, 7)]
    """
    found: list[tuple[int, int]] = []
    for member in members:
        if found and found[-1][1] == member - 1:
            found[-1] = found[-1][0], member
        else:
            found.append((member, member))
    return found


def _closes(text: str) -> bool:
    """Tell whether the first parenthesis closes at the very end."""
    depth = 0
    for at, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if depth == 0:
            return at == len(text) - 1
    return False
