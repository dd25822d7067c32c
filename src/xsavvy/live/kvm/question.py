# SPDX-License-Identifier: Apache-2.0
"""A question: calls on a fresh vCPU, and what a kernel's rules say that they return."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from xsavvy.kvm import Kernel

from .facts import Facts

__all__ = ["Claim", "Question"]


@dataclass(frozen=True)
class Claim:
    """One thing that is predicted, in words, and both values of it."""

    what: str
    predicted: object
    seen: object

    @property
    def agrees(self) -> bool:
        """Whether the prediction came true."""
        return self.predicted == self.seen


Judge = Callable[[Sequence[Any], Facts, Kernel], list[Claim]]


@dataclass(frozen=True)
class Question:
    """One case: its group, the calls, and a function from answers to claims under some kernel's rules."""

    group: str
    calls: list[list[Any]]
    judge: Judge
