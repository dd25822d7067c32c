# SPDX-License-Identifier: Apache-2.0
"""`diff`: what two kernels do differently, step by step, by which commit."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from enum import IntEnum
from functools import cache, lru_cache

import msgspec

from xsavvy.checker import Program
from xsavvy.checker.dialect import footprint
from xsavvy.checker.difference import Change, difference
from xsavvy.kvm import COMMITS, Commit, Kernel, UnknownKernel, kernel
from xsavvy.model.build import World, assembled, constants_for, resolve
from xsavvy.model.choices import value_name
from xsavvy.model.part import Part
from xsavvy.model.platforms import preset
from xsavvy.model.registry import CHOICES, PARTS, kernel_choices
from xsavvy.model.scenario import Scenario

from .usage import UsageError

__all__ = ["CommitDiff", "StepDiff", "diff"]

VENDORS = {"sapphire-rapids": "VMX", "genoa": "SVM"}


class StepDiff(msgspec.Struct, frozen=True):
    """One difference. `kind` is added, removed, moved, changed, or answer (of a design question).

    `where` names the step, path, event, property or question; `detail` says what about it; `on` names the vendor
    if it is on one only; `part` the part of the model.
    """

    part: str
    kind: str
    what: str
    where: str
    detail: str
    source: str
    on: str = ""


class CommitDiff(msgspec.Struct, frozen=True):
    """What one commit makes different: added by the second kernel, or taken away by it.

    No changes mean that the commit touches nothing that is modelled; `effect` says what it does.
    """

    commit: str
    subject: str
    release: str
    direction: str
    effect: str
    changes: list[StepDiff]


def diff(before: str, after: str) -> list[CommitDiff]:
    """Return what a kernel does differently from another, commit by commit.

    The commits that the second lacks are taken away first, youngest first, then its own are added, oldest first.
    Raises UsageError.

    >>> [each.commit for each in diff("v6.18", "v6.18+b45f72177594")]
    ['b45f72177594']
    """
    old, new = _kernel(before), _kernel(after)
    found = []
    here = old
    for commit in reversed(COMMITS):
        if commit.id in old and commit.id not in new:
            found.append(_commit_diff(commit, here, _without(here, commit), "removed"))
            here = _without(here, commit)
    for commit in COMMITS:
        if commit.id in new and commit.id not in old:
            found.append(_commit_diff(commit, here, _with(here, commit), "added"))
            here = _with(here, commit)
    return found


def _kernel(text: str) -> Kernel:
    try:
        return kernel(text)
    except UnknownKernel as error:
        raise UsageError(str(error)) from None


def _with(one: Kernel, commit: Commit) -> Kernel:
    return Kernel(f"{one.name}+{commit.id}", one.commits | {commit.id})


def _without(one: Kernel, commit: Commit) -> Kernel:
    return Kernel(f"{one.name}-{commit.id}", one.commits - {commit.id})


def _commit_diff(commit: Commit, old: Kernel, new: Kernel, direction: str) -> CommitDiff:
    parts = [part for part in PARTS if commit.id in part.deltas]
    changes = [*_answers(old, new), *_constants(old, new), *_programs(parts, old, new)]
    return CommitDiff(commit.id, commit.subject, commit.release, direction, commit.effect, changes)


def _answers(old: Kernel, new: Kernel) -> Iterator[StepDiff]:
    """Give the design questions that are answered differently, and the steps that read them."""
    was, now = kernel_choices(old), kernel_choices(new)
    for part in PARTS:
        for choice in part.choices:
            one, other = was[choice.name], now[choice.name]
            if one != other:
                detail = f"{value_name(one)} -> {value_name(other)}: {choice.answers[other]}"
                readers = _readers(part, choice.name, new)
                if readers:
                    detail += f" (read by {', '.join(readers)})"
                yield StepDiff(part.name, "answer", "choice", choice.name, detail, choice.source)


def _readers(part: Part, name: str, target: Kernel) -> list[str]:
    """Name the steps and events whose function reads a choice."""
    found: dict[str, None] = {}
    for platform in VENDORS:
        program = _program(part, target, platform)
        for path in program.paths():
            for step in path.steps:
                if name in footprint(step.effect).constants:
                    found[f"{path.name}.{step.name}"] = None
        for event in program.events:
            if name in footprint(event.effect).constants:
                found[f"event {event.name}"] = None
    return list(found)


def _constants(old: Kernel, new: Kernel) -> Iterator[StepDiff]:
    """Give what a kernel makes of a platform (what the host enables, what a guest is offered), but for the choices."""
    for part in PARTS:
        told: dict[str, str] = {}
        for scenario in part.scenarios:
            platform = scenario.stand_in.get(True, "sapphire-rapids")
            was, now = (_values(_world(scenario, each, platform)) for each in (old, new))
            for name in was.keys() & now.keys() - _CHOSEN:
                if was[name] != now[name]:
                    told[name] = f"{was[name]:#x} -> {now[name]:#x} in scenario {scenario.name}"
        for name, detail in sorted(told.items()):
            yield StepDiff(part.name, "answer", "constant", name, detail, "")


_CHOSEN = frozenset(choice.name for choice in CHOICES)


def _values(world: World) -> dict[str, int]:
    constants = constants_for(world)
    names = [item.name for item in fields(constants) if item.name != "extra"]
    return {name: getattr(constants, name) for name in (*names, *getattr(constants, "extra", {}))}


def _programs(parts: Sequence[Part], old: Kernel, new: Kernel) -> Iterator[StepDiff]:
    """Give what differs in the parts that have a delta for the commit.

    A part that builds on the run loop repeats what differs there; it is told once, for the first part that has it.
    """
    rows: dict[Change, tuple[str, list[str]]] = {}
    for part in parts:
        for platform, vendor in VENDORS.items():
            one, other = (_program(part, each, platform) for each in (old, new))
            for change in difference(one, other):
                owner, vendors = rows.setdefault(change, (part.name, []))
                if owner == part.name:
                    vendors.append(vendor)
    for change, (name, vendors) in rows.items():
        on = "" if len(vendors) == len(VENDORS) else vendors[0]
        yield StepDiff(
            name, change.kind, change.what, change.name, change.detail, change.source, on
        )


def _world(scenario: Scenario, target: Kernel, platform: str) -> World:
    return World(scenario, target, _platform(platform), _answers_of(target), {})


_platform = cache(preset)


@lru_cache(maxsize=4)
def _answers_of(target: Kernel) -> Mapping[str, IntEnum]:
    """Return a kernel's answers, which every scenario of it asks for."""
    return resolve(target, {})


def _program(part: Part, target: Kernel, platform: str) -> Program:
    return assembled(_world(part.scenarios[0], target, platform))
