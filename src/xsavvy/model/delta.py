# SPDX-License-Identifier: Apache-2.0
"""What a commit changes in the model: answers to design questions, or steps, or both.

Deltas, not copies. The base program is that of `BASE`: a commit that is younger has an `edit`, made where the kernel
has it; a commit that is in the base already has a `without`, made where the kernel lacks it. So any set of commits is
a program: first the undone ones, youngest first, then the added ones, oldest first.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from xsavvy.checker import Program
from xsavvy.kvm import COMMITS, Kernel

__all__ = ["BASE", "Delta", "answers", "apply_deltas"]

BASE = "v5.17"
"""The version whose order of steps is written out; every other one is told by deltas."""

Edit = Callable[[Program], Program]


@dataclass(frozen=True)
class Delta:
    """What one commit changes.

    `sets` and `edit` hold with the commit, `lacks` and `without` where it is missing. `summary` says in a few words
    what the edit does to which path.
    """

    sets: Mapping[str, IntEnum] = field(default_factory=dict)
    edit: Edit | None = None
    summary: str = ""
    lacks: Mapping[str, IntEnum] = field(default_factory=dict)
    without: Edit | None = None


def answers(
    kernel: Kernel, defaults: Mapping[str, IntEnum], deltas: Mapping[str, Delta]
) -> dict[str, IntEnum]:
    """Return the answer that a kernel gives to each question of `defaults`."""
    values = dict(defaults)
    for commit in reversed(COMMITS):
        if commit.id in deltas and commit.id not in kernel:
            values.update(deltas[commit.id].lacks)
    for commit in COMMITS:
        if commit.id in deltas and commit.id in kernel:
            values.update(deltas[commit.id].sets)
    return values


def apply_deltas(program: Program, kernel: Kernel, deltas: Mapping[str, Delta]) -> Program:
    """Return the program of a kernel: what it lacks undone, what it has added."""
    for commit in reversed(COMMITS):
        delta = deltas.get(commit.id)
        if delta is not None and delta.without is not None and commit.id not in kernel:
            program = delta.without(program)
    for commit in COMMITS:
        delta = deltas.get(commit.id)
        if delta is not None and delta.edit is not None and commit.id in kernel:
            program = delta.edit(program)
    return program
