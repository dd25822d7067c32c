# SPDX-License-Identifier: Apache-2.0
"""What is judged beside the properties of single states: deadlock, and what must happen eventually."""

import time
from typing import Literal

from xsavvy.checker import Outcome, System, Verdict
from xsavvy.checker.exploration import Progress
from xsavvy.checker.liveness import Runs, incomplete, liveness

__all__ = ["DEADLOCK", "Kind", "beyond_safety", "kind_of"]

DEADLOCK = "something_can_happen"
"""The name under which a deadlock is reported."""

Kind = Literal["always", "eventually", "deadlock"]


def kind_of(system: System, name: str) -> Kind:
    """Say what kind of sentence a verdict is about."""
    if name == DEADLOCK:
        return "deadlock"
    names = (item.name for item in system.program.eventualities)
    return "eventually" if name in names else "always"


def beyond_safety(
    system: System, outcome: Outcome, engine: str, progress: Progress | None
) -> tuple[tuple[Verdict, ...], float]:
    """Judge deadlock and the eventualities of a system that was searched; and tell how long that took.

    A deadlock is a violation; without one there is nothing to report. The eventualities are open as long as the
    search is not complete.
    """
    began = time.perf_counter()
    found: list[Verdict] = []
    stuck = outcome.deadlocks
    if stuck.trace is not None:
        sentence = "In every state in which the model does not end, something can happen."
        found.append(
            Verdict(DEADLOCK, sentence, "model", "violated", len(stuck.trace), stuck.trace)
        )
    if outcome.complete:
        runs = liveness(system, engine, progress=progress)
    else:
        runs = Runs(tuple(map(incomplete, system.program.eventualities)))
    return (*found, *runs.verdicts), time.perf_counter() - began
