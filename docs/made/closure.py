# SPDX-License-Identifier: Apache-2.0
"""Which types of the package the results of the public API contain, found by their annotations."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Iterator
from typing import Any

from xsavvy import api

__all__ = ["INSIDE", "inner_types"]

INSIDE: dict[type, tuple[str, ...]] = {api.Explorer: ("place", "platform_argument")}
"""Methods that the package itself calls, from another module; no caller needs them, nor the types that they return."""


def inner_types() -> list[type]:
    """Return the classes that are reached from what `xsavvy.api` exports and are not exported, by their full names."""
    public = {getattr(api, name) for name in api.__all__ if inspect.isclass(getattr(api, name))}
    todo = [getattr(api, name) for name in api.__all__ if callable(getattr(api, name))]
    seen: set[Any] = set()
    while todo:
        here = todo.pop()
        if here in seen:
            continue
        seen.add(here)
        todo += [each for each in _mentioned(here) if each not in seen]
    inner = {each for each in seen if inspect.isclass(each)} - public
    return sorted(inner, key=lambda each: f"{each.__module__}.{each.__qualname__}")


def _mentioned(item: Any) -> Iterator[type]:
    """Give the package's own classes in the annotations of a function, or of a class' fields and methods."""
    hints = list(_hints(item))
    if inspect.isclass(item):
        for name, member in vars(item).items():
            method = member.fget if isinstance(member, property) else member
            if name in INSIDE.get(item, ()):
                continue
            if inspect.isfunction(method) and not name.startswith("_"):
                hints += _hints(method)
    for hint in hints:
        yield from _classes(hint)


def _hints(item: Any) -> Iterator[Any]:
    try:
        # What a module imports for the type checker only is a public name of the API.
        yield from typing.get_type_hints(item, localns=vars(api)).values()
    except (NameError, TypeError):  # another such name, or no annotations at all
        return


def _classes(hint: Any) -> Iterator[type]:
    for inner in typing.get_args(hint):
        yield from _classes(inner)
    if inspect.isclass(hint) and hint.__module__.startswith("xsavvy."):
        yield hint
