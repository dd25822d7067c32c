# SPDX-License-Identifier: Apache-2.0
"""The command lines that lead to a story once more: to its trace, and into it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xsavvy.api import Story

__all__ = ["commands", "settings"]


def commands(story: Story, world: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return pairs of a title and a command line; `world` holds the options that the story was made with."""
    result = story.result
    witness = result.verdict == "holds" and bool(result.trace)
    asked = ["--witness" if witness else "--property", result.property]
    where = settings(result.kernel, world)
    found = [("Again", _line("trace", result.scenario, *asked, *where))]
    if story.path and not world.get("patch") and not world.get("liveness"):
        found.append(("Walk it", _line("explore", _link(story, world))))
    return found


def _line(*words: str) -> str:
    return shlex.join(["xsavvy", *words])


def settings(kernel: str, world: Mapping[str, Any]) -> Iterator[str]:
    """Give the options that name a world, spelled out."""
    yield from ("--kernel", kernel)
    if world.get("platform"):
        yield from ("--platform", world["platform"])
    for name, value in (world.get("choices") or {}).items():
        yield from ("--set", f"{name}={value}")
    if world.get("patch"):
        yield from ("--patch", str(world["patch"]))
    if world.get("liveness"):
        yield "--liveness"


def _link(story: Story, world: Mapping[str, Any]) -> str:
    """Return the story's end as the explorer's address has it, from the '#' on."""
    from xsavvy.api import Link, WorldAddress, link_text

    place = WorldAddress(
        scenario=story.result.scenario,
        kernel=story.result.kernel,
        platform=world.get("platform") or "",
        set=dict(world.get("choices") or {}),
    )
    return link_text(Link(place, story.path, digest=story.digest))
