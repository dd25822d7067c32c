# SPDX-License-Identifier: Apache-2.0
"""Text of LLVM's intermediate representation, one function at a time.

A value is a Python integer when it is known, else the name of an i64; a test is a Python bool
when it is known, else the name of an i1.
"""

from __future__ import annotations

from collections.abc import Sequence

Number = int | str
Test = bool | str


def signed(value: int) -> int:
    """Bring an integer into the range of an i64 of the same bits."""
    return (value + (1 << 63)) % (1 << 64) - (1 << 63)


class Text:
    """The body of one function, growing."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.slots: dict[str, None] = {}
        self.count = 0
        self.open = True

    def name(self, hint: str = "t") -> str:
        """Make a new name."""
        self.count += 1
        return f"{hint}{self.count}"

    def line(self, text: str) -> None:
        """Write a line, unless control cannot get here."""
        if self.open:
            self.lines.append("  " + text)

    def value(self, text: str) -> str:
        """Write a line that makes a value; return its name."""
        name = f"%{self.name()}"
        self.line(f"{name} = {text}")
        return name

    # blocks

    def label(self, name: str) -> None:
        """Begin a block; the one before falls into it."""
        if self.open:
            self.lines.append(f"  br label %{name}")
        self.lines.append(f"{name}:")
        self.open = True

    def jump(self, name: str) -> None:
        """End the block with a jump."""
        self.line(f"br label %{name}")
        self.open = False

    def branch(self, test: Test, yes: str, no: str) -> None:
        """End the block with a branch."""
        if isinstance(test, bool):
            self.jump(yes if test else no)
            return
        self.line(f"br i1 {test}, label %{yes}, label %{no}")
        self.open = False

    def leave(self, value: Number) -> None:
        """End the block with a return."""
        self.line(f"ret i64 {value}")
        self.open = False

    # variables

    def slot(self, name: str) -> str:
        """Name the stack slot of a variable."""
        self.slots[name] = None
        return f"%v.{name}"

    def keep(self, name: str, value: Number) -> None:
        """Assign a variable."""
        self.line(f"store i64 {value}, ptr {self.slot(name)}")

    def kept(self, name: str) -> str:
        """Read a variable."""
        return self.value(f"load i64, ptr {self.slot(name)}")

    # memory

    def word(self, base: str, index: int) -> str:
        """Load a word of an array."""
        return self.value(f"load i64, ptr {self.at(base, index)}")

    def set_word(self, base: str, index: int, value: Number) -> None:
        """Store a word of an array."""
        self.line(f"store i64 {value}, ptr {self.at(base, index)}")

    def at(self, base: str, index: Number) -> str:
        """Address of a word of an array."""
        return self.value(f"getelementptr i64, ptr {base}, i64 {index}") if index != 0 else base

    # arithmetic

    def both(self, op: str, left: Number, right: Number) -> str:
        """Write an operation on two numbers."""
        return self.value(f"{op} i64 {_shown(left)}, {_shown(right)}")

    def compare(self, op: str, left: Number, right: Number) -> str:
        """Write a comparison."""
        return self.value(f"icmp {op} i64 {_shown(left)}, {_shown(right)}")

    def widen(self, test: Test) -> Number:
        """Make a number of a test."""
        return int(test) if isinstance(test, bool) else self.value(f"zext i1 {test} to i64")

    def function(self, name: str, parameters: Sequence[str], manner: str = "") -> str:
        """Put the function together; it is private to its module."""
        slots = [f"  %v.{slot} = alloca i64" for slot in self.slots]
        head = f"define internal i64 @{name}({', '.join(parameters)}) {manner} {{"
        return "\n".join([head, *slots, *self.lines, "}", ""])


def _shown(value: Number) -> str:
    return str(signed(value)) if isinstance(value, int) else value
