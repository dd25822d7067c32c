# SPDX-License-Identifier: Apache-2.0
"""Steps of a kernel, path by path: what each does, in which context, and where the kernel has it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from xsavvy import checker
from xsavvy.checker import Program
from xsavvy.kvm import NEWEST, kernel
from xsavvy.model.build import World, assembled, resolve
from xsavvy.model.part import Part
from xsavvy.model.platforms import preset
from xsavvy.model.registry import PARTS

from .markdown import code, plain, table, title

__all__ = ["parts_block", "program_of", "steps_block"]

HEAD = ("step", "what it does", "context", "source")
Location = checker.place.Location


def program_of(part: Part, version: str, platform: str) -> Program:
    """Return a part's whole program on a kernel and a platform."""
    found = kernel(NEWEST if version == "newest" else version)
    world = World(part.scenarios[0], found, preset(platform), resolve(found, {}), {})
    return assembled(world)


def steps_block(version: str, platform: str) -> str:
    """Return the run loop's paths, each a table of its steps in order."""
    run = next(part for part in PARTS if part.name == "run")
    return "\n".join(_paths(program_of(run, version, platform), "###", set()))


def parts_block() -> str:
    """Return the paths that the other parts add on the newest kernel, both vendors together."""
    run = next(part for part in PARTS if part.name == "run")
    told: set[str] = set()
    for platform in ("sapphire-rapids", "genoa"):
        told |= {row.label for row in checker.layout(program_of(run, "newest", platform))}
    lines: list[str] = []
    for part in PARTS:
        if part is run:
            continue
        seen = set(told) if part.builds_on_run else set()
        found: list[str] = []
        for platform in ("sapphire-rapids", "genoa"):
            found += _paths(program_of(part, "newest", platform), "###", seen)
        if found:
            lines += [f"## {part.name}", "", plain(part.summary), "", *found]
    return "\n".join(lines)


def _paths(program: Program, mark: str, seen: set[str]) -> Iterator[str]:
    """Yield the paths whose steps nobody has seen, and note them."""
    rows = [row for row in checker.layout(program) if row.step is not None]
    for (actor, path), group in groupby(rows, key=lambda row: (row.actor, _path(row.label))):
        new = [row for row in group if row.label not in seen]
        seen.update(row.label for row in new)
        if new:
            yield f"{mark} {title(path)} ({actor})"
            yield ""
            yield from table(HEAD, (_row(row) for row in new))
            yield ""


def _path(label: str) -> str:
    return label.partition(".")[0]


def _row(row: Location) -> tuple[str, str, str, str]:
    name = code(row.label.partition(".")[2]) + (" ?" if row.inferred else "")
    does = row.summary or _first_line(row)
    context = ", ".join(row.contexts) or "anything may come"
    return name, plain(does), context, plain(row.source.removeprefix("linux:"))


def _first_line(row: Location) -> str:
    effect = row.step.effect if row.step else None
    return (effect.__doc__ or "").strip().partition("\n")[0] if effect else ""
