# SPDX-License-Identifier: Apache-2.0
"""Random small programs, written as source text so that both engines read real functions."""

from __future__ import annotations

import itertools
import linecache
from dataclasses import dataclass, field
from random import Random
from typing import Any

HEAD = """
from enum import IntEnum
from typing import Annotated
from xsavvy.checker import *

class Colour(IntEnum):
    RED = 0
    GREEN = 1
    BLUE = 2

class Odd(IntEnum):
    ONE = 1
    FOUR = 4
    SIX = 6

TUPLE = (0, 2, 3)
SEVEN = 7
A, B = 1, 2

class Constants:
    zero = 0
    yes = True
    three = 3
    some = (1, 2)

def low(a, b):
    return a & ~b | b & 1

def early(a, b):
    for i in range(3):
        if a >> i & 1 == b & 1:
            return i
    if a > b:
        return 7
    return a | b

def pick(s, k, a):
    if a > k.three:
        s.flag ^= 1
        return s.below
    if not s.flag:
        return a
    return k.three

def maybe(a):
    x = a + 1
    if x > 2:
        pass
    elif x == 1:
        x = 5
    else:
        return 0
    return x

"""

KINDS = {
    "flag": "Flag()",
    "below": "Below(8)",
    "five": "Below(5)",
    "colour": "Choice(Colour)",
    "odd": "Choice(Odd)",
    "mask": "Mask(0x2d)",
    "always": "Mask(0x116, always=0x10)",
    "fixed": "Below(4)",
    "one": "Below(1)",
    "none": "Mask(0, always=4)",
}
LISTS = {"pair": ("Below(4)", 2), "three": ("Choice(Odd)", 3)}
LEGAL = {
    "flag": "({}) & 1",
    "below": "({}) & 7",
    "five": "({0}) & 3 + (({0}) & 1)",
    "colour": "Colour.BLUE if ({}) & 2 else Colour.GREEN",
    "odd": "Odd.ONE if ({}) & 1 else Odd.SIX",
    "mask": "({}) & 0x2d",
    "always": "({}) & 0x106 | 16",
    "one": "({}) & 0",
    "none": "({}) & 0 | 4",
    "pair": "({}) & 3",
    "three": "Odd.FOUR if {} else Odd.SIX",
}


@dataclass
class Writer:
    """Writes one random module."""

    random: Random
    lines: list[str] = field(default_factory=list)
    serial: Any = field(default_factory=lambda: itertools.count(1))
    locals: list[str] = field(default_factory=list)
    bits: bool = False

    def chance(self, percent: int) -> bool:
        return self.random.randrange(100) < percent

    def pick(self, *items: str) -> str:
        return self.random.choice(items)

    def atom(self) -> str:
        names = [f"s.{name}" for name in KINDS]
        return self.pick(
            *names,
            *self.locals,
            "s.pair[1]",
            "s.pair[s.flag]",
            "s.three[2]",
            "s.three[s.pair[0] & 1]",
            "s.context",
            "s.spot",
            "k.three",
            "k.zero",
            "SEVEN",
            "Odd.FOUR",
            "1",
            "0",
            "2",
        )

    def expr(self, depth: int = 2, calls: bool = True) -> str:
        if depth == 0 or self.chance(25):
            return self.atom()
        a, b = self.expr(depth - 1, calls), self.expr(depth - 1, calls)
        forms = [
            "({a} & {b})",
            "({a} | {b})",
            "({a} ^ {b})",
            "({a} + {b})",
            "({a} - {b})",
            "({a} << ({b} & 3))",
            "({a} >> ({b} & 3))",
            "({a} & ~{b})",
            "({a} * {b})",
            "({a} if {c} else {b})",
            "(-{a})",
            "({a} & 6)",
            "({a} << 2)",
            "({a} >> 1)",
        ]
        if calls:
            forms += ["low({a}, {b})", "early({a}, {b})", "pick(s, k, {a})", "maybe({a})"]
        return self.pick(*forms).format(a=a, b=b, c=self.test(depth - 1, calls))

    def pure(self, depth: int = 2) -> str:
        return self.expr(depth, calls=False)

    def test(self, depth: int = 1, calls: bool = True) -> str:
        if depth <= 0 or self.chance(30):
            return self.pick(
                "s.flag",
                "s.below > 3",
                "s.colour == Colour.RED",
                "not s.flag",
                "s.mask & 4",
                "s.odd == 4",
                "s.always == 16",
                "s.always != 3",
                "s.mask & 0x21",
                "s.five",
                "k.yes",
                "k.zero",
                "s.odd != Odd.SIX",
                "s.below & 6 == 2",
                "s.always & 6",
                "s.always & 16",
                "1 < s.below <= 6",
                "s.pair[0] < s.pair[1]",
                "s.context == 0",
            )
        a, b = self.test(depth - 1, calls), self.test(depth - 1, calls)
        x, y = self.expr(1, calls), self.expr(1, calls)
        return self.pick(
            "({a} and {b})",
            "({a} or {b})",
            "(not {a})",
            "({x} == {y})",
            "({x} != {y})",
            "({x} < {y})",
            "({x} >= {y})",
            "{x}",
            "({a} and {x} or {b})",
        ).format(a=a, b=b, x=x, y=y)

    def block(self, depth: int, indent: str, returns: bool) -> None:
        for _ in range(self.random.randrange(1, 4)):
            self.statement(depth, indent, returns)

    def statement(self, depth: int, indent: str, returns: bool) -> None:
        add = self.lines.append
        kind = self.random.randrange(10 if depth else 6)
        if kind < 3:
            name = self.pick(*(n for n in LEGAL if n not in LISTS))
            add(f"{indent}s.{name} = {LEGAL[name].format(self.expr())}")
        elif kind == 3:
            name = self.pick("pair", "three")
            at = self.pick("0", "1", "s.flag", "s.pair[0] & 1", "k.yes", "s.one")
            add(f"{indent}s.{name}[{at}] = {LEGAL[name].format(self.expr())}")
        elif kind == 4:
            add(
                indent
                + self.pick(
                    "s.flag ^= 1",
                    "s.mask &= 9",
                    "s.mask |= 8",
                    "s.always |= 2",
                    "s.below ^= s.flag",
                    "s.mask ^= s.mask & 5",
                    "s.pair[s.flag] ^= 1",
                    "s.below = s.five",
                    "pass",
                    "pick(s, k, s.below)",
                )
            )
        elif kind == 5:
            name = f"v{len(self.locals)}"
            add(f"{indent}{name} = {self.expr()}")
            self.locals.append(name)
        elif kind < 9:
            self.branch(depth, indent, returns)
        else:
            add(
                f"{indent}for i{depth} in {self.pick('TUPLE', 'range(2)', 'k.some', '(1, SEVEN)')}:"
            )
            self.locals.append(f"i{depth}")
            self.inner(depth, indent, returns)

    def branch(self, depth: int, indent: str, returns: bool) -> None:
        self.lines.append(f"{indent}if {self.test()}:")
        self.inner(depth, indent, returns)
        if returns and self.chance(30):
            self.lines.append(f"{indent}    return {self.pick('1', '2', 'None', 's.flag')}")
        if self.chance(50):
            self.lines.append(f"{indent}else:")
            self.inner(depth, indent, returns)

    def inner(self, depth: int, indent: str, returns: bool) -> None:
        known = list(self.locals)
        self.block(depth - 1, indent + "    ", returns)
        self.locals = known

    def effect(self, extra: str = "") -> str:
        name = f"effect{next(self.serial)}"
        self.lines.append(f"def {name}(s, k{extra}):")
        self.locals = ["value"] if extra else []
        self.block(2, "    ", True)
        if self.chance(10):
            self.lines.append(f"    s.five = {self.pure(1)} & 7")
        self.lines.append("")
        return name

    def guard(self, extra: str = "", easy: int = 0) -> str:
        name = f"guard{next(self.serial)}"
        if self.chance(easy):
            always = self.pick("1", "s.below < 9", "k.yes", "s.below != 7 or s.five")
            self.lines += [f"def {name}(s, k{extra}):", f"    return {always}", ""]
            return name
        self.locals = ["value"] if extra else []
        self.lines.append(f"def {name}(s, k{extra}):")
        if self.chance(20):
            self.lines.append(f"    if {self.test(1, False)}:")
            self.lines.append(f"        return {self.pick('0', '1')}")
        self.lines.append(f"    return {self.test(2, False)}")
        self.lines.append("")
        return name

    def module(self) -> str:
        self.bits = self.chance(25)
        self.lines.append("class Machine(Record):")
        for name, kind in KINDS.items():
            self.lines.append(f'    {name}: Annotated[int, {kind}, "a {name}"]')
        for name, (kind, count) in LISTS.items():
            self.lines.append(f"    {name}: Annotated[list[int], Each({count}, {kind})]")
        self.lines.append('    spot: Annotated[int, Location("one")]')
        self.lines.append('    other_spot: Annotated[int, Location("two")]')
        self.lines.append('    context: Annotated[int, Context("one")]')
        self.lines.append("")
        parts = [self.actor("one", "spot")]
        if self.chance(60):
            parts.append(self.actor("two", "other_spot"))
        names = [name for name, _ in zip(("one", "two"), parts, strict=False)]
        events = [self.event(i, names) for i in range(self.random.randrange(4))]
        props = [f'Property("p{i}", "p", {self.guard()}, source="-")' for i in range(2)]
        sights = [f'Witness("w{i}", "w", {self.guard()})' for i in range(2)]
        terminal = self.guard() if self.chance(10) else "None"
        starts = [self.start() for _ in range(self.random.randrange(3))]
        self.lines.append(
            f"PROGRAM = Program(Machine, [{', '.join(parts)}], [{', '.join(events)}],\n"
            f"    [{', '.join(props)}], [{', '.join(sights)}], {{1: 'a', 2: 'b'}}, {terminal})\n"
            f"STARTS = [{', '.join(starts)}]"
        )
        return HEAD + "\n".join(self.lines) + "\n"

    def start(self) -> str:
        name = f"start{next(self.serial)}"
        self.lines += [
            f"def {name}(s, k):",
            f"    s.below = {self.random.randrange(8)}",
            f"    s.fixed = {self.random.randrange(2)}",
            "",
        ]
        return name

    def actor(self, name: str, spot: str) -> str:
        count = self.random.randrange(1, 3)
        labels = [f"{name}{i}" for i in range(count)] + ["REST"]
        paths = []
        for i in range(count):
            steps = []
            for j in range(self.random.randrange(1, 4)):
                when = f", when={self.guard(easy=40)}" if self.chance(20) else ""
                to = f", to={{1: {self.label(labels)}}}" if self.chance(40) else ""
                bits = self.pick("", ", enters=1", ", leaves=1", ", enters=2, leaves=1")
                bits = bits if self.bits else ""
                steps.append(f'Step("s{j}", {self.effect()}, source="-"{when}{to}{bits})')
            paths.append(f'Path("{name}{i}", [{", ".join(steps)}], then={self.label(labels)})')
        runs = self.guard(easy=80)
        return (
            f'Actor("{name}", "{spot}", {runs}, [{", ".join(paths)}], start={self.label(labels)})'
        )

    def label(self, labels: list[str]) -> str:
        name = "REST" if self.chance(8) else self.pick(*labels[:-1])
        return name if name == "REST" else f'"{name}"'

    def event(self, number: int, actors: list[str]) -> str:
        chosen = self.chance(40)
        effect = self.effect(", value" if chosen else "")
        text = f'Event("e{number}", "nature", {effect}, source="-"'
        if chosen:
            text += ', choose={"value": (0, 1, 5)}'
        if self.chance(60):
            takes = ", value" if chosen and self.chance(50) else ""
            text += f", when={self.guard(takes, 50)}"
        if self.chance(70):
            hit = self.pick(
                *(f'"{name}",' for name in actors),
                *(", ".join(f'"{name}"' for name in actors) + ",",),
            )
            text += f", interrupts=({hit})"
            if hit == '"one",':
                at = self.pick("", "at=('*',)", "at=(REST, 'one0')", "at=('one0.*',)")
                text += f", {at}" if at else ""
                if self.chance(40):
                    text += f", to={{{self.pick('1', '2')}: {self.label(['one0', ''])}}}"
            text += self.pick("", ", masked_by=1", ", masked_by=2")
        if self.chance(25):
            text += f", moves={{'{actors[-1]}': '{actors[-1]}0'}}"
        return text + ")"


_serial = itertools.count(1)


def load(random: Random) -> tuple[str, dict[str, Any]]:
    """Write a random module and run it; its text stays readable for `inspect`."""
    text = Writer(random).module()
    name = f"<chance {next(_serial)}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    space: dict[str, Any] = {"__name__": "xsavvy.checker"}
    exec(compile(text, name, "exec", dont_inherit=True), space)
    return text, space
