# SPDX-License-Identifier: Apache-2.0
"""What surrounds code that is being written: the system's layout, and the function at hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from xsavvy.checker.source import Constant, Source
from xsavvy.checker.value import Value
from xsavvy.checker.word import Word

Env = dict[str, Value]


@dataclass(frozen=True)
class Setting:
    """What all rules of a system share: the layout and the constants."""

    word: Word
    constants: Mapping[str, Constant]
    spans: Mapping[str, tuple[int, int | None]]
    contexts: Mapping[str, tuple[int, tuple[int, ...]]]
    numbers: Iterator[int]


@dataclass
class Frame:
    """One function being inlined: its parameters, its variables' number, how it was left."""

    source: Source
    number: int
    roles: Mapping[str, str]
    bound: dict[str, Value] = field(default_factory=dict)
    exits: list[Env] = field(default_factory=list)

    @property
    def result(self) -> str:
        """Variable that an early return sets."""
        return f"r{self.number}"
