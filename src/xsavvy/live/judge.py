# SPDX-License-Identifier: Apache-2.0
"""Ask the oracle and the model the same, and tell whether they agree.

XINUSE is the one thing that no single run decides: an interrupt between two instructions may turn
the bit of a component with initial data from 0 to 1. A case that differs is therefore asked up to
three more times before the difference counts, and the reruns are counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple, Protocol

from xsavvy.isa.layout import Layout
from xsavvy.live.answer import Answer, Difference, differences
from xsavvy.live.case import Case

__all__ = ["Model", "Oracle", "Verdict", "judge"]

RERUNS: Final = 3


class Oracle(Protocol):
    """Something that executes cases; raises ValueError where a setup image is not legal."""

    def ask(self, case: Case) -> Answer:
        """Execute a case."""
        ...


class Model(Protocol):
    """Something that predicts cases.

    `seen` is given because XINUSE of initial data is the processor's choice: the model takes the
    choice from there and predicts everything else.
    """

    def predict(self, case: Case, seen: Answer) -> Answer:
        """Predict a case."""
        ...

    def allowed(self, case: Case, seen: Answer) -> Iterator[tuple[str, Answer]]:
        """Give other answers that are right as well, each with the reason."""
        ...

    def layouts(self, case: Case) -> tuple[Layout, Layout]:
        """Give the layouts of the operand and of the state read back, to name bytes."""
        ...


class Verdict(NamedTuple):
    """What came of a case: agreement, a named explanation, or differences.

    Attributes:
        differences: what is predicted wrongly; empty where the answer is right.
        why: the reason for which another answer than the predicted one is right; else empty.
        reruns: how often the case was asked again.
        answer: what was seen in the end.
    """

    differences: tuple[Difference, ...]
    why: str
    reruns: int
    answer: Answer

    @property
    def agrees(self) -> bool:
        """Tell whether the answer is the predicted one."""
        return not self.differences and not self.why


def judge(oracle: Oracle, model: Model, case: Case) -> Verdict:
    """Ask a case until the answer is right, but at most four times.

    Raises:
        ValueError: the case's setup image is not legal here.
    """
    seen = oracle.ask(case)
    for reruns in range(RERUNS + 1):
        if reruns:
            seen = oracle.ask(case)
        predicted = model.predict(case, seen)
        if predicted == seen:
            return Verdict((), "", reruns, seen)
        for why, other in model.allowed(case, seen):
            if other == seen:
                return Verdict((), why, reruns, seen)
    operand, state = model.layouts(case)
    found = differences(predicted, seen, operand, case.offset, state)
    return Verdict(found, "", RERUNS, seen)
