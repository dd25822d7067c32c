# SPDX-License-Identifier: Apache-2.0
"""Write a model in Murphi, for rumur (which has the bit operators that Murphi lacks)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from xsavvy.checker.export.form import Action, Form
from xsavvy.checker.export.node import ExportError
from xsavvy.checker.export.order import Assign, Body, Statement, body
from xsavvy.checker.export.text import Names, Printer, about, heading, meaning, plain, widest
from xsavvy.checker.field import Kind

RESERVED = """
    alias array assert assume begin boolean by case clear const cover do else elsif end endalias
    endexists endfor endforall endfunction endif endprocedure endrecord endrule endruleset
    endstartstate endswitch endwhile enum error exists false for forall forward function if in
    interleaved invariant isundefined liveness map of procedure process program property put
    record return rule ruleset scalarset startstate switch then to true type undefine union var
    while x end_ ismember multiset choose
""".split()


class Murphi(Printer):
    """Expressions of Murphi."""

    forms: Mapping[str, str] = {
        **{op: f"({{}} {op} {{}})" for op in ("&", "|", "^", "+", "-", "*", "<<", ">>")},
        **{op: f"({{}} {op} {{}})" for op in ("!=", "<", "<=", ">", ">=")},
        "==": "({} = {})",
        "~": "(~{})",
        "neg": "(-{})",
        "not": "!{}",
        "and": "&",
        "or": "|",
        "if": "({} ? {} : {})",
    }


def murphi(form: Form, properties: bool = True) -> str:
    """Write a model as the text of a Murphi file. Raises ExportError."""
    return "\n".join(_Writer(form).lines(properties)) + "\n"


class _Writer:
    def __init__(self, form: Form) -> None:
        self.form = form
        self.identifiers = Names(RESERVED)
        self.names = {item.slot: self.identifiers.new(item.name) for item in form.variables}
        self.printer = Murphi(self.names)

    def lines(self, properties: bool) -> Iterator[str]:
        yield from (f"-- {line}".rstrip() for line in self.top())
        yield from ("", "var")
        for item in self.form.variables:
            yield f"  {self.names[item.slot]}: {_range(item.kind)};  -- {meaning(item)}"
        for number, state in enumerate(self.form.starts, 1):
            yield from ("", f'startstate "start {number}"', "begin")
            for item in self.form.variables:
                yield f"  {self.names[item.slot]} := {state[item.slot]};"
            yield "end;"
        for action in self.form.actions:
            yield from self.action(action)
        yield from self.laws(properties)

    def top(self) -> list[str]:
        bits = widest(self.form)
        if bits > 64:
            raise ExportError(f"{self.form.title}: an integer may take {bits} bits, rumur has 64")
        kind = "int32_t" if bits <= 32 else "int64_t"
        deadlock = "off" if self.form.terminal else "stuck"
        run = [
            f"rumur --deadlock-detection {deadlock} --value-type {kind} --output model.c model.m",
            "cc -std=c11 -O3 -march=native -mcx16 -o model model.c -lpthread && ./model",
        ]
        notes = [
            "'rules fired' are the transitions. rumur stops at the first error: export with",
            "--no-properties to count everything, and take --deadlock-detection off where",
            "the model may come to an end.",
        ]
        return heading(self.form, run, notes)

    def action(self, action: Action) -> Iterator[str]:
        printer = self.printer
        yield from ("", f"-- {about(action)}", f'rule "{plain(action.name)}"')
        yield f"  {printer.test(action, action.guard)}"
        yield "==>"
        order = body(action.updates)
        local = Names([*RESERVED, *self.names.values()])
        declared, before = self.prepared(order, local)
        if declared:
            yield "var"
            yield from declared
        yield "begin"
        for demand, what in action.demands.items():
            yield f'  assert {printer.expression(demand)} "{plain(what)}";'
        yield from before
        yield from self.statements(order.statements, "  ")
        yield "end;"
        printer.given, printer.saved = {}, {}

    def prepared(self, order: Body, local: Names) -> tuple[list[str], list[str]]:
        """Declare and fill the variables of one rule."""
        declared: list[str] = []
        before: list[str] = []
        for node in order.named:
            name = local.new(f"t{len(declared) + 1}")
            kind = "boolean" if node.truth else f"{node.low}..{node.high}"
            declared.append(f"  {name}: {kind};")
            before.append(f"  {name} := {self.printer.outer(node)};")
            self.printer.given[node] = name
        for slot in order.saved:
            name = local.new(f"old_{self.names[slot]}")
            declared.append(f"  {name}: {_range(self.form.kinds[slot])};")
            before.append(f"  {name} := {self.names[slot]};")
            self.printer.saved[slot] = name
        return declared, before

    def statements(self, statements: Sequence[Statement], indent: str) -> Iterator[str]:
        for item in statements:
            if isinstance(item, Assign):
                yield f"{indent}{self.names[item.slot]} := {self.printer.outer(item.value)};"
                continue
            test, yes, no = self.printer.outer(item.test), item.yes, item.no
            if not yes:
                test, yes, no = f"!{self.printer.expression(item.test)}", no, yes
            yield f"{indent}if {test} then"
            yield from self.statements(yes, indent + "  ")
            if no:
                yield f"{indent}else"
                yield from self.statements(no, indent + "  ")
            yield f"{indent}end;"

    def laws(self, properties: bool) -> Iterator[str]:
        for law in self.form.laws if properties else ():
            yield from ("", f"-- {plain(law.sentence)} ({plain(law.source)})")
            yield f'invariant "{plain(law.name)}"'
            yield f"  {self.printer.test(law, law.test)};"
        for law in self.form.demands:
            yield from ("", f'invariant "{plain(law.name)}"')
            yield f"  {self.printer.test(law, law.test)};"


def _range(kind: Kind) -> str:
    return f"0..{kind.top}"
