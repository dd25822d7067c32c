# SPDX-License-Identifier: Apache-2.0
"""The public API by subject: a section for each of its modules, from the docstrings."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Iterator

from xsavvy import api

from .closure import INSIDE, inner_types
from .markdown import plain

__all__ = ["surface_block"]

HOME = "xsavvy.api"


def surface_block() -> str:
    """Return every public name of `xsavvy.api`, in the order of the modules that define them."""
    rooms: dict[str, list[str]] = {}
    for name in api.__all__:
        value = getattr(api, name)
        module = getattr(value, "__module__", "")
        home = module if module.startswith(HOME) else _defining(name)
        rooms.setdefault(home, []).append(name)
    lines: list[str] = []
    for home in sorted(rooms):
        lines += _section(home, sorted(rooms[home], key=str.lower))
    lines += ["## Types inside results", "", "```{eval-rst}", *_inner(), "```"]
    return "\n".join(lines)


def _inner() -> Iterator[str]:
    for each in inner_types():
        name = f"{each.__module__}.{each.__qualname__}"
        yield from ("", f".. autoclass:: {name}", "   :members:")


def _defining(name: str) -> str:
    """Return the module of a constant, which does not know its own: the one that lists it."""
    return next(
        found
        for found, module in sorted(sys.modules.items())
        if found.startswith(f"{HOME}.") and name in getattr(module, "__all__", ())
    )


def _section(home: str, names: list[str]) -> Iterator[str]:
    title = home.removeprefix(f"{HOME}.")
    about = (inspect.getdoc(importlib.import_module(home)) or "").partition("\n")[0]
    yield f"## {title}"
    yield ""
    yield plain(about)
    yield ""
    yield "```{eval-rst}"
    yield ".. currentmodule:: xsavvy.api"
    for name in sorted(names, key=lambda each: not inspect.isroutine(getattr(api, each))):
        yield ""
        yield from _directive(name)
    yield "```"
    yield ""


def _directive(name: str) -> Iterator[str]:
    value = getattr(api, name)
    if inspect.isroutine(value):
        yield f".. autofunction:: {name}"
    elif inspect.isclass(value):
        kind = "autoexception" if issubclass(value, BaseException) else "autoclass"
        yield f".. {kind}:: {name}"
        if kind == "autoclass":
            yield "   :members:"
            if value in INSIDE:
                yield f"   :exclude-members: {', '.join(INSIDE[value])}"
    else:
        yield f".. data:: {name}"
        yield ""
        yield f"   {', '.join(f'``{each}``' for each in value)}"
