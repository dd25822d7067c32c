# SPDX-License-Identifier: Apache-2.0
"""Write a model in Promela, for SPIN: one process, one option of its loop for each rule.

A property is one more option, which is enabled where the property is violated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from xsavvy.checker.export.form import Action, Form, Variable
from xsavvy.checker.export.node import ExportError
from xsavvy.checker.export.order import Assign, Body, Statement, body
from xsavvy.checker.export.text import Names, Printer, about, heading, meaning, plain, widest

# Variables become C variables of the verifier, so C's words are taken as well.
RESERVED = """
    active assert atomic bit bool break byte c_code c_decl c_expr c_state c_track chan d_step
    d_proctype do else empty enabled eval false fi for full goto hidden if in init inline int len
    local ltl mtype nempty never nfull notrace np_ od of pc_value pid printf printm priority
    proctype provided return run select short show skip timeout trace true type typedef undef
    union unless unsigned xr xs auto case char const continue default double enum extern float
    goto long register signed sizeof static struct switch void volatile while restrict
    now trpt depth model pptr qptr settable setbit uerror
""".split()


class Promela(Printer):
    """Expressions of Promela."""

    forms: Mapping[str, str] = {
        **{op: f"({{}} {op} {{}})" for op in ("&", "|", "^", "+", "-", "*", "<<", ">>")},
        **{op: f"({{}} {op} {{}})" for op in ("==", "!=", "<", "<=", ">", ">=")},
        "~": "(~{})",
        "neg": "(-{})",
        "not": "!{}",
        "and": "&&",
        "or": "||",
        "if": "({} -> {} : {})",
    }


def promela(form: Form, properties: bool = True) -> str:
    """Write a model as the text of a Promela file. Raises ExportError."""
    bits = widest(form)
    if bits > 32:
        raise ExportError(f"{form.title}: an integer may take {bits} bits, Promela has 32")
    return "\n".join(_Writer(form).lines(properties)) + "\n"


class _Writer:
    def __init__(self, form: Form) -> None:
        self.form = form
        self.identifiers = Names(RESERVED)
        self.names = {item.slot: self.identifiers.new(item.name) for item in form.variables}
        self.printer = Promela(self.names)
        self.hidden: dict[str, str] = {}

    def lines(self, properties: bool) -> Iterator[str]:
        actions = [line for action in self.form.actions for line in self.action(action)]
        yield "/*"
        yield from (f" * {line}".rstrip() for line in self.top())
        yield from (" */", "")
        for item in self.form.variables:
            yield f"{self.declared(item)}  /* {meaning(item)} */"
        if self.hidden:
            yield from ("", "/* not part of the state: values within one step */")
            yield from (f"hidden int {name};" for name in self.hidden.values())
        yield from ("", "active proctype model()", "{")
        yield from self.starts()
        yield from ["end_:"] if self.form.terminal else []
        yield from ("  do", *actions, *self.laws(properties), "  od", "}")

    def top(self) -> list[str]:
        run = [
            "spin -a -o2 model.pml       (-o2: variables that are only written count, too)",
            "gcc -O2 -DSAFETY -DNOREDUCE -DMEMLIM=8000 -o pan pan.c",
            "./pan -m1000000 -w24        (-E where the model may come to an end)",
        ]
        notes = [
            "'states, stored' are the states; 'transitions' are one more, for the start.",
            "SPIN stops at the first error: export with --no-properties to count everything.",
        ]
        if len(self.form.starts) > 1:
            notes.append(f"Choosing one of {len(self.form.starts)} starts adds one state, too.")
        return heading(self.form, run, notes)

    def declared(self, item: Variable) -> str:
        first = self.form.starts[0][item.slot]
        size = "byte" if item.kind.top < 1 << 8 else "short" if item.kind.top < 1 << 15 else "int"
        if item.slot in self.form.doubtful:
            size = "int"  # an illegal value must not be cut off before it is seen
        return f"{size} {self.names[item.slot]} = {first};"

    def starts(self) -> Iterator[str]:
        if len(self.form.starts) == 1:
            return
        yield "  if"
        for state in self.form.starts:
            values = [f"{self.names[v.slot]} = {state[v.slot]};" for v in self.form.variables]
            yield f"  :: d_step {{ true -> {' '.join(values)} }}"
        yield "  fi;"

    def action(self, action: Action) -> Iterator[str]:
        printer = self.printer
        yield f"  /* {about(action)} */"
        order = body(action.updates)
        guard = printer.test(action, action.guard)
        inner = [f"    assert({printer.outer(test)});" for test in action.demands]
        inner += self.prepared(order)
        inner += self.statements(order.statements, "    ")
        printer.given, printer.saved = {}, {}
        yield f"  :: d_step {{ {guard} ->"
        yield from inner or ["    skip"]
        yield "  }"

    def prepared(self, order: Body) -> list[str]:
        """Fill the hidden variables that an action needs; actions share them."""
        before = []
        for number, node in enumerate(order.named, 1):
            name = self.scratch(f"t{number}")
            before.append(f"    {name} = {self.printer.outer(node)};")
            self.printer.given[node] = name
        for slot in order.saved:
            name = self.scratch(f"old_{self.names[slot]}")
            before.append(f"    {name} = {self.names[slot]};")
            self.printer.saved[slot] = name
        return before

    def scratch(self, wanted: str) -> str:
        if wanted not in self.hidden:
            self.hidden[wanted] = self.identifiers.new(wanted)
        return self.hidden[wanted]

    def statements(self, statements: Sequence[Statement], indent: str) -> Iterator[str]:
        for item in statements:
            if isinstance(item, Assign):
                yield f"{indent}{self.names[item.slot]} = {self.printer.outer(item.value)};"
                continue
            test, yes, no = self.printer.outer(item.test), item.yes, item.no
            if not yes:
                test, yes, no = f"!{self.printer.expression(item.test)}", no, yes
            yield f"{indent}if"
            yield f"{indent}:: {test} ->"
            yield from self.statements(yes, indent + "   ")
            yield f"{indent}:: else{' ->' if no else ''}"
            yield from self.statements(no, indent + "   ")
            yield f"{indent}fi;"

    def laws(self, properties: bool) -> Iterator[str]:
        """Write the options that only a wrong state enables."""
        for law in (*(self.form.laws if properties else ()), *self.form.demands):
            words = law.name if law.sentence == law.name else f"{law.name}: {law.sentence}"
            yield f"  /* {plain(words)} */"
            yield f"  :: d_step {{ !({self.printer.test(law, law.test)}) -> assert(false) }}"
        if self.form.terminal is not None and properties:
            yield "  /* a deadlock: nothing can happen, and that is not where the model ends */"
            ended = self.printer.expression(self.form.terminal)
            yield f"  :: d_step {{ timeout && !({ended}) -> assert(false) }}"
