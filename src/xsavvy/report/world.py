# SPDX-License-Identifier: Apache-2.0
"""What a result belongs to: a scenario on a kernel and a platform, with what was set."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from xsavvy.api import CheckResult, LeftOut

__all__ = ["World", "sorted_by_world", "world_name", "world_of"]

World = tuple[str, str, str, tuple[tuple[str, str], ...]]
T = TypeVar("T", "CheckResult", "LeftOut", "CheckResult | LeftOut")


def world_of(one: CheckResult | LeftOut) -> World:
    """Return scenario, kernel, platform, and the choices that were set."""
    return one.scenario, one.kernel, one.platform, tuple(sorted(one.set.items()))


def world_name(world: World) -> str:
    """Return a world in words, the same on every run.

    >>> world_name(("xfd", "v6.18", "genoa", (("xfd_err", "not_saved"),)))
    'xfd v6.18 genoa xfd_err=not_saved'
    """
    scenario, kernel, platform, chosen = world
    words = [scenario, kernel, platform, *(f"{name}={value}" for name, value in chosen)]
    return " ".join("-".join(word.split()) for word in words)


def sorted_by_world(items: Iterable[T]) -> list[T]:
    """Return results in the order of their worlds' names, and in a world of their properties'."""
    return sorted(items, key=lambda one: (world_of(one), getattr(one, "property", "")))
