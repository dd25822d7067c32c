# SPDX-License-Identifier: Apache-2.0
"""What `check` and `trace` return; the names are those of the JSON output."""

from typing import Literal

import msgspec

__all__ = [
    "CheckReport",
    "CheckResult",
    "LeftOut",
    "Opening",
    "Progress",
    "TraceStep",
    "VerdictName",
]

VerdictName = Literal["holds", "violated", "incomplete"]


class TraceStep(msgspec.Struct, frozen=True):
    """One step of a trace: who did what, by which source, and the fields that changed: [old, new].

    `arguments` holds the values that an event chose; `inferred` marks a step that rests on inference. `code` is where
    the step's function stands, `file:line` from the package's own folder on; empty for a patch. `rule` is the step's
    number in the bound model, which is what a path through it is made of.
    """

    actor: str
    step: str
    source: str
    summary: str
    changes: dict[str, tuple[str, str]]
    arguments: dict[str, str] = {}
    inferred: bool = False
    code: str = ""
    rule: int = -1


class Opening(msgspec.Struct, frozen=True):
    """The step of a trace, counted from 1, that opened the way to its end, and the field that it left so.

    It is the last change, before the final step, of what the violated property reads; of what the final step reads,
    if that step itself made the property false, as an instruction does that faults. A register goes before the rest.
    """

    step: int
    field: str


class CheckResult(msgspec.Struct, frozen=True):
    """What became of one property (or witness) in one scenario.

    `states`, `transitions` and `seconds` are those of the whole exploration; `depth` is the length of the trace where
    there is one, else that of the exploration. `choices` holds the answer to every design question that can matter in
    the scenario. `unreached` names steps and events of the scenario that were never taken, `deadlocks` counts states
    in which nothing can happen.
    `set` holds the choices that were asked for, `source` says where the property is from.

    More that the scenario did not exercise: `never_chosen`, values of events; `untaken`, outcomes of steps and events
    ("step -> label", known where eventualities were judged); `idle`, the other values of a design choice with which
    the exploration would have been the very same; `no_effect`, the choices in `set` that did not change it.

    Of kind "always" is what must be true in every state, "eventually" what must come true in every fair run,
    "deadlock" that something can happen. A run that never gets there is a lasso: after `loop` steps of the trace,
    which are then its `depth`, the others repeat for ever; if there are none, the run ends.

    `opening` names the step that opened the way to a violation, where that can be told.

    `ended` says how the exploration ended: complete, at a limit of states or memory, or stopped by the user; `engine`
    which engine explored.
    """

    scenario: str
    kernel: str
    platform: str
    choices: dict[str, str]
    property: str
    sentence: str
    verdict: VerdictName
    states: int
    transitions: int
    depth: int
    seconds: float
    trace: list[TraceStep]
    deadlocks: int
    unreached: list[str]
    set: dict[str, str] = {}
    source: str = ""
    never_chosen: list[str] = []
    untaken: list[str] = []
    idle: dict[str, list[str]] = {}
    no_effect: list[str] = []
    kind: Literal["always", "eventually", "deadlock"] = "always"
    loop: int | None = None
    ended: Literal["complete", "states", "memory", "stopped"] = "complete"
    engine: str = ""
    opening: Opening | None = None


class LeftOut(msgspec.Struct, frozen=True):
    """A world without results, and why: it is not applicable, or its search ended without an answer."""

    scenario: str
    kernel: str
    platform: str
    verdict: Literal["not applicable", "incomplete"]
    reason: str
    set: dict[str, str] = {}
    properties: list[str] = []


class CheckReport(msgspec.Struct, frozen=True):
    """All results, what was adapted to the machine, and which machine that was."""

    results: list[CheckResult]
    notes: list[str]
    machine: str


class Progress(msgspec.Struct, frozen=True):
    """How far a search is; seconds since it started.

    `frontier` counts the states that are found and not expanded; `left` estimates how many are still to be expanded,
    None while the levels grow.
    """

    states: int
    transitions: int
    depth: int
    frontier: int
    seconds: float
    left: int | None = None
