# SPDX-License-Identifier: Apache-2.0
"""A case of a maintainers' suite: what is done, as data, and what is asserted of it.

The steps are instructions of a guest and calls of a VMM. The rules answer them (`vcpu`), and a machine does
(`xsavvy.live.kvm.survey.maintainers`). Behaviour is transcribed, never text: the suites are GPL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from .features import Features

__all__ = ["FAILS", "GP", "NM", "OK", "PF", "UD", "Case", "Explored", "OneOf", "Step", "Table"]

OK, GP, UD, PF, NM = "ok", "#GP", "#UD", "#PF", "#NM"
FAILS = "fails"
"""Any errno."""


@dataclass(frozen=True)
class OneOf:
    """Several results, any of which a test accepts."""

    results: tuple[Any, ...]


@dataclass(frozen=True)
class Step:
    """An instruction or a call, its operands, and what is asserted of its result; None: nothing."""

    name: str
    operands: tuple[Any, ...] = ()
    asserts: Any = None

    def accepts(self, result: Any) -> bool:
        """Say whether a result is what the test asserts."""
        if self.asserts is None:
            return True
        if isinstance(self.asserts, OneOf):
            return result in self.asserts.results
        if self.asserts == FAILS:
            return isinstance(result, int) and result < 0
        return bool(result == self.asserts)

    def __str__(self) -> str:
        words = ", ".join(
            hex(each) if isinstance(each, int) else str(each) for each in self.operands
        )
        return f"{self.name} {words}".strip()


@dataclass(frozen=True)
class Case:
    """Steps on one fresh vCPU; `what` is the assertion in words of ours.

    `without` are features that the guest's CPUID withholds; `cpuid` is False if none is set at all, `entries` is
    False if an empty one is.
    """

    what: str
    steps: tuple[Step, ...]
    without: tuple[str, ...] = ()
    cpuid: bool = True
    entries: bool = True

    @property
    def asserted(self) -> int:
        """Count the assertions."""
        return sum(step.asserts is not None for step in self.steps)


@dataclass(frozen=True)
class Explored:
    """An assertion about what happens over time: a property of a scenario, which holds on a kernel.

    `before` is a kernel on which the test fails, and the property is violated; empty if there is none.
    """

    what: str
    scenario: str
    property: str
    kernel: str
    platform: str
    before: str = ""


@dataclass(frozen=True)
class Table:
    """One file of a suite.

    `needs` are the features without which the test skips itself; `left_out` says what no rule of ours answers, and
    why; `rules` names the functions and scenarios that answer.
    """

    project: str
    file: str
    revision: str
    cases: Callable[[Features], Iterator[Case]]
    rules: tuple[str, ...]
    needs: tuple[str, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()
    explored: tuple[Explored, ...] = ()

    @property
    def name(self) -> str:
        """The file without its folder and ending."""
        return self.file.rsplit("/", 1)[-1].removesuffix(".c")

    def lacks(self, features: Features) -> tuple[str, ...]:
        """Return the features that the test asks for in vain."""
        return tuple(name for name in self.needs if not features.has(name))
