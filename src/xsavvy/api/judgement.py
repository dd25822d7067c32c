# SPDX-License-Identifier: Apache-2.0
"""What is judged beside the properties of single states: deadlock, and what must happen eventually."""

import time
from dataclasses import dataclass
from typing import Literal

from xsavvy.checker import Outcome, System, Verdict
from xsavvy.checker.exploration import Ended, Progress
from xsavvy.checker.liveness import Runs, incomplete, liveness

__all__ = ["DEADLOCK", "Beyond", "Kind", "beyond_safety", "how_ended", "kind_of"]

DEADLOCK = "something_can_happen"
"""The name under which a deadlock is reported."""

MOST = 4_000_000
"""States of which all transitions are kept in memory: about 200 bytes for each state."""

Kind = Literal["always", "eventually", "deadlock"]


@dataclass(frozen=True)
class Beyond:
    """Verdicts, outcomes of steps that never come (known where eventualities were judged), and the seconds it took."""

    verdicts: tuple[Verdict, ...]
    untaken: tuple[str, ...]
    seconds: float


def kind_of(system: System, name: str) -> Kind:
    """Say what kind of sentence a verdict is about."""
    if name == DEADLOCK:
        return "deadlock"
    names = (item.name for item in system.program.eventualities)
    return "eventually" if name in names else "always"


def how_ended(outcome: Outcome, verdict: Verdict) -> Ended:
    """Say how that ended which a verdict rests on: the search, or the look at its runs after it.

    An open eventuality of a complete search met its own limit, or the user ended it.
    """
    if verdict.verdict != "incomplete" or not outcome.complete:
        return outcome.ended
    return "states" if outcome.states > MOST else "stopped"


def beyond_safety(
    system: System, outcome: Outcome, engine: str, progress: Progress | None
) -> Beyond:
    """Judge deadlock and the eventualities of a system that was searched.

    A deadlock is a violation; without one there is nothing to report. The eventualities are open as long as the
    search is not complete, and where it found more than MOST states.
    """
    began = time.perf_counter()
    found: list[Verdict] = []
    stuck = outcome.deadlocks
    if stuck.trace is not None:
        sentence = "In every state in which the model does not end, something can happen."
        found.append(
            Verdict(DEADLOCK, sentence, "model", "violated", len(stuck.trace), stuck.trace)
        )
    if outcome.complete and outcome.states <= MOST:
        runs = liveness(system, engine, progress=progress)
    else:
        runs = Runs(tuple(map(incomplete, system.program.eventualities)))
    return Beyond((*found, *runs.verdicts), runs.untaken, time.perf_counter() - began)
