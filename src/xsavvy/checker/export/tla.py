# SPDX-License-Identifier: Apache-2.0
"""Write a model in TLA+, for TLC.

TLA+ has no bit operators. An intersection with a constant is written with \\div and %, run of
bits by run of bits; the others are recursive operators over two's complement.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from xsavvy.checker.export.form import Action, Form
from xsavvy.checker.export.node import ExportError, Node
from xsavvy.checker.export.order import repeated
from xsavvy.checker.export.text import (
    Names,
    Printer,
    about,
    heading,
    meaning,
    plain,
    ranges,
    widest,
)
from xsavvy.checker.word import runs

RESERVED = """
    assume assumption axiom by case choose constant constants corollary def define domain else
    enabled except extends hide if in instance lambda lemma let local module new obvious omitted
    only other pick proof proposition prove qed recursive sf_ state step subset suffices take
    temporal then theorem unchanged union use variable variables wf_ with witness have pcal
    bitand bitor bitxor init next vars nat int boolean string assert true false spec
    print printt tlcget tlcset seq head tail append len
""".split()

LIBRARY = r"""
RECURSIVE BitAnd(_, _)
BitAnd(a, b) ==
  IF a = 0 \/ b = 0 THEN 0
  ELSE IF a = -1 THEN b
  ELSE IF b = -1 THEN a
  ELSE 2 * BitAnd(a \div 2, b \div 2) + (a % 2) * (b % 2)
BitOr(a, b) == a + b - BitAnd(a, b)
BitXor(a, b) == a + b - 2 * BitAnd(a, b)
"""


class Tla(Printer):
    """Expressions of TLA+."""

    forms: Mapping[str, str] = {
        **{op: f"({{}} {op} {{}})" for op in ("+", "-", "*", "<", "<=", ">", ">=")},
        "==": "({} = {})",
        "!=": "({} # {})",
        "&": "BitAnd({}, {})",
        "|": "BitOr({}, {})",
        "^": "BitXor({}, {})",
        "<<": "({} * 2^({}))",
        ">>": "({} \\div 2^({}))",
        "~": "(-1 - {})",
        "neg": "(-{})",
        "not": "~{}",
        "and": "/\\",
        "or": "\\/",
        "if": "(IF {} THEN {} ELSE {})",
    }
    true, false = "TRUE", "FALSE"

    def operation(self, node: Node) -> str:
        """Write an operator; with a constant, bit operators and shifts are plain arithmetic."""
        constant = node.args[1].const if len(node.args) == 2 else None
        if constant is not None and constant > 0:
            value = self.expression(node.args[0])
            match node.op:
                case "&":
                    return self.selected(value, constant)
                case "|":
                    return f"({value} + {constant} - {self.selected(value, constant)})"
                case "^":
                    return f"({value} + {constant} - 2 * {self.selected(value, constant)})"
                case "<<":
                    return f"({value} * {1 << constant})"
                case ">>":
                    return f"({value} \\div {1 << constant})"
        return super().operation(node)

    def selected(self, value: str, mask: int) -> str:
        """Write `value & mask`: of each run of bits, what is left after a division."""
        parts = []
        for run in runs(mask, 0):
            shifted = f"({value} \\div {1 << run.low})" if run.low else value
            part = f"({shifted} % {1 << run.length})"
            parts.append(f"({part} * {1 << run.low})" if run.low else part)
        return parts[0] if len(parts) == 1 else f"({' + '.join(parts)})"

    def among(self, value: str, members: Sequence[int]) -> str:
        """Write the test whether a value is in a set."""
        spans = [f"{low}..{high}" if low != high else f"{{{low}}}" for low, high in ranges(members)]
        both = " \\cup ".join(spans)
        return f"({value} \\in ({both}))"


def tla(form: Form, properties: bool = True, module: str = "model") -> tuple[str, str]:
    """Write a model as the texts of a TLA+ module and of its TLC configuration.

    Raises ExportError.
    """
    bits = widest(form)
    if bits > 32:
        raise ExportError(f"{form.title}: an integer may take {bits} bits, TLC has 32")
    writer = _Writer(form, module)
    text = "\n".join(writer.lines(properties)) + "\n"
    invariants = [f"INVARIANT {name}" for name in writer.invariants]
    return text, "\n".join(["INIT Init", "NEXT Next", *invariants]) + "\n"


class _Writer:
    def __init__(self, form: Form, module: str) -> None:
        self.form = form
        self.module = module
        self.identifiers = Names([*RESERVED, module])
        self.names = {item.slot: self.identifiers.new(item.name) for item in form.variables}
        self.printer = Tla(self.names)
        self.actions: list[str] = []
        self.invariants: list[str] = []

    def lines(self, properties: bool) -> Iterator[str]:
        yield f"---- MODULE {self.module} ----"
        yield from (f"\\* {line}".rstrip() for line in self.top())
        yield from ("EXTENDS Integers, TLC", "", "VARIABLES")
        last = self.form.variables[-1]
        for item in self.form.variables:
            comma = "" if item is last else ","
            yield f"  {self.names[item.slot]}{comma}  \\* {meaning(item)}"
        yield from ("", *self.wrapped("vars == <<", self.names.values(), ">>"))
        yield LIBRARY
        yield "Init =="
        for state in self.form.starts:
            values = [f"{self.names[v.slot]} = {state[v.slot]}" for v in self.form.variables]
            yield from self.wrapped("  \\/ (", values, ")", " /\\ ")
        for action in self.form.actions:
            yield from self.action(action)
        yield from ("", "Next ==", *(f"  \\/ {name}" for name in self.following()))
        yield from self.laws(properties)
        yield "===="

    def top(self) -> list[str]:
        name = self.module
        run = [
            f"java -cp tla2tools.jar tlc2.TLC -config {name}.cfg {name}.tla",
            "(-deadlock where the model may come to an end; -workers 2 for two threads)",
        ]
        notes = [
            "'distinct states found' are the states, 'states generated' the transitions and the",
            "starts. TLC stops at the first error; export with --no-properties to count all.",
        ]
        if self.form.terminal is not None:
            notes.append("Where the model ends on purpose one stuttering step is generated.")
        return heading(self.form, run, notes)

    def wrapped(
        self, start: str, parts: Iterable[str], end: str, between: str = ", "
    ) -> Iterator[str]:
        """Write a long list on lines of at most about 100 characters."""
        line = start
        items = list(parts)
        for number, part in enumerate(items):
            if len(line) + len(part) > 98:
                yield line.rstrip()
                line = "        "
            line += part + (between if number + 1 < len(items) else "")
        yield line + end

    def action(self, action: Action) -> Iterator[str]:
        printer = self.printer
        name = self.identifiers.new(f"rule_{len(self.actions) + 1}")
        self.actions.append(name)
        yield from ("", f"\\* {about(action)}", f"{name} ==")
        yield f"  IF {printer.test(action, action.guard)}"
        yield "  THEN"
        local = Names([*RESERVED, *self.identifiers.taken])
        named = repeated(action.updates.values(), grouped=False)
        for number, node in enumerate(named, 1):
            given = local.new(f"t{number}")
            start = "    LET" if number == 1 else "       "
            yield f"{start} {given} == {printer.outer(node)}"
            printer.given[node] = given
        if named:
            yield "    IN"
        for test, words in action.demands.items():
            yield f'    /\\ Assert({printer.outer(test)}, "{plain(words)}")'
        for slot, value in action.updates.items():
            yield f"    /\\ {self.names[slot]}' = {printer.outer(value)}"
        same = [each for slot, each in self.names.items() if slot not in action.updates]
        if same:
            yield from self.wrapped("    /\\ UNCHANGED <<", same, ">>")
        yield "  ELSE FALSE"
        printer.given = {}

    def following(self) -> list[str]:
        """Name what can happen; where the model ends on purpose, nothing is not a deadlock."""
        if self.form.terminal is None:
            return self.actions
        ended = self.printer.expression(self.form.terminal)
        return [*self.actions, f"IF {ended} THEN UNCHANGED vars ELSE FALSE"]

    def laws(self, properties: bool) -> Iterator[str]:
        for law in (*(self.form.laws if properties else ()), *self.form.demands):
            name = self.identifiers.new(law.name)
            self.invariants.append(name)
            yield from ("", f"\\* {plain(law.sentence)} {plain(law.source)}".rstrip())
            yield f"{name} == {self.printer.test(law, law.test)}"
