# SPDX-License-Identifier: Apache-2.0
"""What opened the way to a violation: the last step before it that touched what the property is about."""

from collections.abc import Callable, Iterable
from inspect import unwrap
from typing import Any

from xsavvy.checker import System, Verdict, reads

from .result import Opening

__all__ = ["opening_of"]

REGISTER, BOOKKEEPING = "hw_", "hw_xinuse"
"""A register's value is what an opening is about; XINUSE only says whether the value is the initial one."""


def opening_of(system: System, verdict: Verdict) -> Opening | None:
    """Return what opened the way to a violation; None for any other verdict, and where no step did.

    What a function reads is known from its text, by the reader that the engines use.
    """
    holds = {each.name: each.holds for each in system.program.properties}.get(verdict.name)
    if verdict.verdict != "violated" or verdict.trace is None or holds is None:
        return None
    *before, last = verdict.trace.hops
    watched = _reads(holds)
    if watched & _fields(last.changes):
        effects = {rule.name: rule.effect for rule in system.rules}
        watched = _reads(effects[last.step])
    found = [
        (step, field)
        for step, hop in enumerate(before, 1)
        for field in hop.changes
        if field.partition("[")[0] in watched
    ]
    registers = [each for each in found if _is_register(each[1])]
    return Opening(*(registers or found)[-1]) if found else None


def _is_register(field: str) -> bool:
    return field.startswith(REGISTER) and not field.startswith(BOOKKEEPING)


def _reads(function: Callable[..., Any]) -> frozenset[str]:
    """Return the fields that a function reads, without those that only say where an actor is or what should be."""
    return frozenset(
        name
        for name in reads(unwrap(function))
        if not name.endswith("_at") and "ghost_" not in name
    )


def _fields(changes: Iterable[str]) -> set[str]:
    return {field.partition("[")[0] for field in changes}
