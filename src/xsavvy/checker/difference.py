# SPDX-License-Identifier: Apache-2.0
"""What differs between two programs: steps, events, properties, and what the order of steps does to contexts.

A step keeps its name wherever it goes, so a step that leaves one place and appears in another has moved.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from difflib import SequenceMatcher
from typing import Any, Literal

from xsavvy.checker.place import layout
from xsavvy.checker.program import Event, Program, Step

__all__ = ["Change", "difference"]

Kind = Literal["added", "removed", "moved", "changed"]
TEXTS = frozenset({"source", "summary", "inferred"})


@dataclass(frozen=True)
class Change:
    """One difference: of a step (`path.step`), a path, an event or a property, and what about it."""

    kind: Kind
    what: Literal["step", "path", "event", "property"]
    name: str
    detail: str = ""
    source: str = ""


def difference(old: Program, new: Program) -> tuple[Change, ...]:
    """Return what differs from one program to another, in the order of the newer one's paths.

    A step's context counts too: it is computed from the order of steps, so a moved step may change that of others.
    """
    return (*_paths(old, new), *_steps(old, new), *_items(old, new))


def _paths(old: Program, new: Program) -> Iterator[Change]:
    before = {path.name: path for path in old.paths()}
    after = {path.name: path for path in new.paths()}
    for name, path in after.items():
        if name not in before:
            steps = ", ".join(step.name for step in path.steps)
            yield Change("added", "path", name, f"steps: {steps}; then {path.then}", path.source)
        elif before[name].then != path.then:
            yield Change("changed", "path", name, f"then {before[name].then} -> {path.then}")
    for name, path in before.items():
        if name not in after:
            yield Change("removed", "path", name, "", path.source)


def _steps(old: Program, new: Program) -> Iterator[Change]:
    before, after = _shared(old, new), _shared(new, old)
    gone = dict.fromkeys(label for label in before if label not in after)
    for label, step in after.items():
        if label in before:
            detail = _detail(before[label], step)
            if detail:
                yield Change("changed", "step", label, detail, step.source)
            continue
        origin = next((each for each in gone if before[each].name == step.name), None)
        if origin is None:
            yield Change("added", "step", label, "", step.source)
        else:
            del gone[origin]
            yield Change("moved", "step", label, f"from {origin}", step.source)
    yield from _reordered(old, new)
    for label in gone:
        yield Change("removed", "step", label, "", before[label].source)
    yield from _contexts(old, new)


def _shared(program: Program, other: Program) -> dict[str, Step]:
    """Return the steps of paths that both programs have, by label."""
    names = {path.name for path in other.paths()}
    return {
        f"{path.name}.{step.name}": step
        for path in program.paths()
        if path.name in names
        for step in path.steps
    }


def _reordered(old: Program, new: Program) -> Iterator[Change]:
    before = {path.name: [step.name for step in path.steps] for path in old.paths()}
    for path in new.paths():
        mine = [step.name for step in path.steps if step.name in before.get(path.name, ())]
        theirs = [name for name in before.get(path.name, ()) if name in mine]
        for name in _out_of_order(theirs, mine):
            place = mine.index(name)
            beside = f"after {mine[place - 1]}" if place else "to the front"
            yield Change("moved", "step", f"{path.name}.{name}", beside)


def _out_of_order(old: Sequence[str], new: Sequence[str]) -> list[str]:
    blocks = SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()
    kept = {name for block in blocks for name in new[block.b : block.b + block.size]}
    return [name for name in new if name not in kept]


def _contexts(old: Program, new: Program) -> Iterator[Change]:
    before = {row.label: row.contexts for row in layout(old) if row.step is not None}
    for row in layout(new):
        if row.step is not None and before.get(row.label, row.contexts) != row.contexts:
            held = " and ".join(row.contexts) or "anything may come"
            was = " and ".join(before[row.label]) or "anything may come"
            yield Change("changed", "step", row.label, f"context: {was} -> {held}")


def _items(old: Program, new: Program) -> Iterator[Change]:
    for what, one, other in (
        ("event", old.events, new.events),
        ("property", old.properties, new.properties),
    ):
        before: Mapping[str, Any] = {each.name: each for each in one}
        after: Mapping[str, Any] = {each.name: each for each in other}
        for name, item in after.items():
            if name not in before:
                yield Change("added", what, name, "", item.source)  # type: ignore[arg-type]
            else:
                detail = _detail(before[name], item)
                if detail:
                    yield Change("changed", what, name, detail, item.source)  # type: ignore[arg-type]
        for name, item in before.items():
            if name not in after:
                yield Change("removed", what, name, "", item.source)  # type: ignore[arg-type]


def _detail(one: Step | Event | Any, other: Step | Event | Any) -> str:
    """Say which attributes differ; the texts of a step are not what it does."""
    told = []
    for item in fields(one):
        was, now = getattr(one, item.name), getattr(other, item.name)
        if item.name not in TEXTS and was != now:
            told.append(_attribute(item.name, was, now))
    return "; ".join(told)


def _attribute(name: str, was: object, now: object) -> str:
    if callable(was) or callable(now):
        return f"{name}: {_function(was)} -> {_function(now)}"
    return name


def _function(value: object) -> str:
    return f"{getattr(value, '__name__', value)}()" if value is not None else "none"
