# SPDX-License-Identifier: Apache-2.0
"""Edits of a program that deltas and mutants are made of, each a function from a program to another."""

from collections.abc import Callable
from typing import Any

from xsavvy.checker import Program

__all__ = ["Change", "with_event", "with_step", "without_step"]

Change = Callable[[Program], Program]
Effect = Callable[..., object]


def with_step(label: str, effect: Effect, **more: Any) -> Change:
    """Let a step do something else; `more` are other attributes of the step."""
    return lambda program: program.replaced(label, effect=effect, **more)


def without_step(label: str) -> Change:
    """Take a step away."""
    return lambda program: program.removed(label)


def with_event(name: str, effect: Effect | None = None, **more: Any) -> Change:
    """Let an event do something else, or change other attributes of it."""
    changes = more if effect is None else {"effect": effect, **more}
    return lambda program: program.replaced_event(name, **changes)
