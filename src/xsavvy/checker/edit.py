# SPDX-License-Identifier: Apache-2.0
"""Edits of a program; each returns a new one, or raises EditError with the nearest names.

Users and kernel deltas call these through the methods of `Program`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from xsavvy.checker.error import EditError, nearest
from xsavvy.checker.record import fields as record_fields

if TYPE_CHECKING:
    from xsavvy.checker.program import (
        Collection,
        Event,
        Eventually,
        Path,
        Program,
        Property,
        Step,
        Witness,
    )

_SINGULAR = {
    "events": "event",
    "properties": "property",
    "witnesses": "witness",
    "eventualities": "eventuality",
}


def find(program: Program, label: str) -> tuple[Path, Step]:
    """Find the path and the step at a label "path.step"."""
    name, dot, step_name = label.partition(".")
    if not dot:
        raise EditError(f'{label!r} is not a step; write "path.step", {_near(program, label)}')
    for path in program.paths():
        for step in path.steps:
            if path.name == name and step.name == step_name:
                return path, step
    raise EditError(f"no step {label!r}; {_near(program, label)}")


def replace_step(program: Program, label: str, changes: Mapping[str, Any]) -> Program:
    """Change attributes of a step."""
    path, step = find(program, label)
    new = _changed(step, f"step {label!r}", changes)
    if new.name != step.name:
        _fresh_step(path, new)
    return _with_steps(program, path, [new if s is step else s for s in path.steps])


def insert_step(program: Program, step: Step, before: str | None, after: str | None) -> Program:
    """Add a step beside another one."""
    label, shift = _beside(f"insert {step.name!r}", before, after)
    path, other = find(program, label)
    _fresh_step(path, step)
    at = _position(path.steps, other) + shift
    return _with_steps(program, path, [*path.steps[:at], step, *path.steps[at:]])


def remove_step(program: Program, label: str) -> Program:
    """Take a step out of its path."""
    path, step = find(program, label)
    return _with_steps(program, path, [s for s in path.steps if s is not step])


def move_step(program: Program, label: str, before: str | None, after: str | None) -> Program:
    """Move a step beside another one."""
    _, step = find(program, label)
    target, _ = _beside(f"move {label!r}", before, after)
    if target == label:
        raise EditError(f"cannot move {label!r} beside itself")
    find(program, target)
    return insert_step(remove_step(program, label), step, before, after)


def add_fields(program: Program, annotations: Mapping[str, Any]) -> Program:
    """Extend the record by fields, each declared by its annotation."""
    known = {item.name for item in record_fields(program.record)}
    for name in annotations:
        if name in known:
            raise EditError(f"a field {name!r} is there already")
    body = {"__annotations__": dict(annotations), "__module__": program.record.__module__}
    return replace(program, record=type(program.record.__name__, (program.record,), body))


def add_paths(program: Program, actor: str, paths: Sequence[Path]) -> Program:
    """Give an actor more paths. Raises EditError for a name that is there already."""
    if actor not in (a.name for a in program.actors):
        raise EditError(f"no actor {actor!r}; {nearest(actor, (a.name for a in program.actors))}")
    names = {path.name for path in program.paths()}
    for path in paths:
        if path.name in names:
            raise EditError(f"a path {path.name!r} is there already")
        names.add(path.name)
    actors = [
        replace(a, paths=(*a.paths, *paths)) if a.name == actor else a for a in program.actors
    ]
    return replace(program, actors=tuple(actors))


def replace_path(program: Program, name: str, changes: Mapping[str, Any]) -> Program:
    """Change attributes of a path."""
    path = _path(program, name)
    return _with_path(program, path, (_changed(path, f"path {name!r}", changes),))


def remove_path(program: Program, name: str) -> Program:
    """Take a path away."""
    return _with_path(program, _path(program, name), ())


def add_items(
    program: Program, kind: Collection, more: Sequence[Event | Property | Witness | Eventually]
) -> Program:
    """Add events, properties, witnesses or eventualities. Raises EditError for a name that is there already."""
    items: tuple[Any, ...] = tuple(getattr(program, kind))
    for item in more:
        if item.name in (other.name for other in items):
            raise EditError(
                f"{_SINGULAR[kind]} {item.name!r} is there already; replace or remove it"
            )
        items = (*items, item)
    return _with_items(program, kind, items)


def replace_item(
    program: Program, kind: Collection, name: str, changes: Mapping[str, Any]
) -> Program:
    """Change attributes of an event, a property, a witness or an eventuality."""
    old = _item(program, kind, name)
    new = _changed(old, f"{_SINGULAR[kind]} {name!r}", changes)
    items: Sequence[Any] = getattr(program, kind)
    return _with_items(program, kind, tuple(new if item is old else item for item in items))


def remove_item(program: Program, kind: Collection, name: str) -> Program:
    """Take an event, a property, a witness or an eventuality away."""
    old = _item(program, kind, name)
    items: Sequence[Any] = getattr(program, kind)
    return _with_items(program, kind, tuple(item for item in items if item is not old))


def _near(program: Program, label: str) -> str:
    return nearest(label, (f"{p.name}.{s.name}" for p in program.paths() for s in p.steps))


def _changed(old: Any, what: str, changes: Mapping[str, Any]) -> Any:
    names = [item.name for item in fields(old)]
    for name in changes:
        if name not in names:
            raise EditError(f"{what} has no attribute {name!r}; {nearest(name, names)}")
    return replace(old, **changes)


def _beside(what: str, before: str | None, after: str | None) -> tuple[str, int]:
    if before is not None and after is None:
        return before, 0
    if after is not None and before is None:
        return after, 1
    raise EditError(f"{what}: say either before= or after=")


def _position(steps: Sequence[Step], step: Step) -> int:
    return next(i for i, other in enumerate(steps) if other is step)


def _fresh_step(path: Path, step: Step) -> None:
    if step.name in (other.name for other in path.steps):
        raise EditError(f"path {path.name!r} has a step {step.name!r} already")


def _path(program: Program, name: str) -> Path:
    for path in program.paths():
        if path.name == name:
            return path
    raise EditError(f"no path {name!r}; {nearest(name, (p.name for p in program.paths()))}")


def _with_steps(program: Program, path: Path, steps: Sequence[Step]) -> Program:
    return _with_path(program, path, (replace(path, steps=tuple(steps)),))


def _with_path(program: Program, old: Path, new: tuple[Path, ...]) -> Program:
    actors = []
    for actor in program.actors:
        paths: list[Path] = []
        for path in actor.paths:
            paths.extend(new if path is old else (path,))
        actors.append(replace(actor, paths=tuple(paths)))
    return replace(program, actors=tuple(actors))


def _item(program: Program, kind: Collection, name: str) -> Any:
    items: Sequence[Any] = getattr(program, kind)
    for item in items:
        if item.name == name:
            return item
    hint = nearest(name, (item.name for item in items))
    raise EditError(f"no {_SINGULAR[kind]} {name!r}; {hint}")


def _with_items(program: Program, kind: Collection, items: tuple[Any, ...]) -> Program:
    if kind == "events":
        return replace(program, events=items)
    if kind == "properties":
        return replace(program, properties=items)
    if kind == "eventualities":
        return replace(program, eventualities=items)
    return replace(program, witnesses=items)
