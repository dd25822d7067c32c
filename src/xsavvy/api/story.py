# SPDX-License-Identifier: Apache-2.0
"""A trace as a story: where it plays, every step with its context, and where a property is at risk.

A result of `check` says what changed. A story walks its path once more through the model, so that it also knows where
every actor stands, what masks what, what each step breaks or mends, and in which states the property hangs on nothing
more than when something comes.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from xsavvy.checker import System, fields
from xsavvy.checker.field import Context, Location
from xsavvy.checker.record import State

from .checking import OnProgress, bound_system, patch_of, trace
from .groups import group_of
from .result import CheckResult
from .usage import UsageError
from .walking import Moment, Standing, Taken, Walk
from .window import Window, window_of
from .world import find_scenario, setting, world

__all__ = ["FieldNote", "Story", "StoryStep", "field_notes", "stories", "story", "told"]


class FieldNote(msgspec.Struct, frozen=True):
    """A field of the machine: what it is, which values it may have, and the group in which pictures show it."""

    name: str
    doc: str
    group: str
    legal: str


class StoryStep(msgspec.Struct, frozen=True):
    """One step, the actors that stand elsewhere after it, and whether the property is at risk after it."""

    taken: Taken
    standing: list[Standing]
    at_risk: bool


class Story(msgspec.Struct, frozen=True):
    """A result with its trace, as it is told.

    `path` leads there by the numbers of rules, `digest` names the model in which it does. Until a property breaks,
    `at_risk` of a state says that one move breaks it, or an interruption that comes now, before it is over, or one that
    came and leads there; `risk_at_start` is that of the first state. It is false throughout for what must come true
    sooner or later. `window` tells how long the risk would have lasted without the interruption that ends the trace.
    """

    result: CheckResult
    question: str
    leaves_out: str
    digest: str
    path: list[int]
    fields: list[FieldNote]
    start: Moment
    risk_at_start: bool
    steps: list[StoryStep]
    window: Window | None = None

    @property
    def risk(self) -> list[bool]:
        """Whether the property is at risk at each state, the start first."""
        return [self.risk_at_start, *(step.at_risk for step in self.steps)]


def story(
    scenario: str,
    *,
    property: str | None = None,  # noqa: A002 (the option's name)
    witness: str | None = None,
    kernel: str | None = None,
    platform: str | None = None,
    choices: Mapping[str, str] | None = None,
    patch: Path | None = None,
    liveness: bool = False,
    engine: str = "auto",
    threads: int | None = None,
    memory: int | None = None,
    max_states: int | None = None,
    progress: OnProgress | None = None,
) -> Story:
    """Tell the story of one trace; the parameters are those of `trace`. Raises UsageError.

    >>> told = story("pkru-xinuse", witness="guest_has_its_own_pkru", kernel="v6.18", platform="genoa")
    >>> told.steps[-1].taken.move.step, told.steps[-1].taken.move.lane
    ('WRPKRU by guest', 'guest')
    """
    result = trace(
        scenario,
        property=property,
        witness=witness,
        kernel=kernel,
        platform=platform,
        choices=choices,
        patch=patch,
        liveness=liveness,
        engine=engine,
        threads=threads,
        memory=memory,
        max_states=max_states,
        progress=progress,
    )
    found = stories(
        [result],
        kernel=kernel,
        platform=platform,
        choices=choices,
        patch=patch,
        liveness=liveness,
    )
    return found[0]


def stories(
    results: Sequence[CheckResult],
    *,
    kernel: str | None = None,
    platform: str | None = None,
    choices: Mapping[str, str] | None = None,
    patch: Path | None = None,
    liveness: bool = False,
) -> list[Story]:
    """Tell the stories of results of `check`; the parameters are those that it was given. Raises UsageError."""
    loaded = patch_of(patch)
    shared = setting(kernel, platform, choices or {}, loaded.choices if loaded else ())
    walks: dict[str, Walk] = {}
    found = []
    for result in results:
        scenario = find_scenario(result.scenario)
        if result.scenario not in walks:
            target, note = world(scenario, shared)
            if target is None:
                raise UsageError(note)
            walks[result.scenario] = Walk(bound_system(target, loaded, liveness))
        walk = walks[result.scenario]
        path = [step.rule for step in result.trace]
        found.append(told(result, walk, path, scenario.question, scenario.leaves_out))
    return found


def told(
    result: CheckResult, walk: Walk, path: Sequence[int], question: str, leaves_out: str
) -> Story:
    """Tell the story of a path, which must be one of the walk's model."""
    states = walk.states(path)
    assert len(states) == len(path) + 1, "a trace leads through its own model"
    judged = {each.name for each in walk.system.program.properties}
    name = result.property if result.property in judged else ""
    risk = _risk(walk, states, name)
    window = window_of(walk, path, states, risk, name)
    if window is not None:
        # What came in leads to where the trace ends: the property hangs on nothing else any more.
        risk[window.at :] = [True] * (len(risk) - window.at)
    return Story(
        result=result,
        question=question,
        leaves_out=leaves_out,
        digest=walk.digest,
        path=list(path),
        fields=field_notes(walk.system),
        start=walk.moment(states[0]),
        risk_at_start=risk[0],
        steps=list(_steps(walk, path, states, risk)),
        window=window,
    )


def field_notes(system: System) -> list[FieldNote]:
    """Describe the fields that a picture shows: all but the places of actors and what these mask."""
    known = {each.name: each for each in fields(system.program.record)}
    return [
        FieldNote(slot.name, known[slot.field].doc, group_of(slot.field), slot.kind.describe())
        for slot in system.shape.slots
        if not isinstance(known[slot.field].kind, Location | Context)
    ]


def _steps(
    walk: Walk, path: Sequence[int], states: Sequence[State], risk: Sequence[bool]
) -> Iterable[StoryStep]:
    before = walk.standing(states[0])
    for at, index in enumerate(path):
        after = walk.standing(states[at + 1])
        moved = [new for old, new in zip(before, after, strict=True) if old != new]
        taken = walk.taken(states[at], walk.system.rules[index], states[at + 1])
        yield StoryStep(taken, moved, risk[at + 1])
        before = after


def _risk(walk: Walk, states: Sequence[State], name: str) -> list[bool]:
    if not name:
        return [False] * len(states)
    return [walk.at_risk(state, name) for state in states]
