# SPDX-License-Identifier: Apache-2.0
"""The command lines that lead to a story once more: to its trace, and into it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

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
    pairs = [("scenario", story.result.scenario), ("kernel", story.result.kernel)]
    if world.get("platform"):
        pairs.append(("platform", world["platform"]))
    pairs += [("set", f"{name}={value}") for name, value in (world.get("choices") or {}).items()]
    pairs += [("path", _path(story.path)), ("digest", story.digest)]
    return "#" + urlencode(pairs, quote_via=quote, safe="=")


def _path(path: Sequence[int]) -> str:
    """Write a path: numbers joined by dots, a run of consecutive ones by its ends.

    >>> _path([11, 12, 13, 86])
    '11-13.86'
    """
    runs = groupby(enumerate(path), lambda each: each[1] - each[0])
    ends = [[number for _, number in run] for _, run in runs]
    return ".".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in ends)
