# SPDX-License-Identifier: Apache-2.0
"""Options that several commands share, so that they are spelled and explained once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

__all__ = [
    "as_json",
    "page",
    "readable_file",
    "reports",
    "size",
    "which_world",
    "world",
    "world_of",
]

Command = TypeVar("Command", bound=Callable[..., Any])

readable_file = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)
as_json = click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
page = click.option(
    "--html",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE",
    help="Write a page for a browser too.",
)


_REPORTS = (
    click.option(
        "--junit",
        type=click.Path(dir_okay=False, writable=True, path_type=Path),
        metavar="FILE",
        help="Write JUnit XML too.",
    ),
    click.option(
        "--sarif",
        type=click.Path(dir_okay=False, writable=True, path_type=Path),
        metavar="FILE",
        help="Write SARIF 2.1.0 too.",
    ),
)


def reports(command: Command) -> Command:
    """Add the options that write what a continuous integration reads."""
    for option in reversed(_REPORTS):
        command = option(command)
    return command


def _choices(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, str]:
    """Turn CHOICE=VALUE arguments into a mapping."""
    chosen: dict[str, str] = {}
    for value in values:
        name, equals, setting = (part.strip() for part in value.partition("="))
        if not (name and equals and setting):
            message = f"{value!r}: expected CHOICE=VALUE ('xsavvy list choices' names them)"
            raise click.BadParameter(message, context, parameter)
        if chosen.get(name, setting) != setting:
            message = f"{name!r} is set twice, to {chosen[name]!r} and to {setting!r}"
            raise click.BadParameter(message, context, parameter)
        chosen[name] = setting
    return chosen


_SIZE = re.compile(r"(\d{1,24})\s*([KMGT]?)(i?B)?", re.IGNORECASE)
_UNITS = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}


def size(context: click.Context, parameter: click.Parameter, text: str | None) -> int | None:
    """Turn a size such as 8G into bytes; K, M, G and T are powers of 1024."""
    if text is None:
        return None
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        message = f"{text!r}: expected a number of bytes, with K, M, G or T behind it if you like"
        raise click.BadParameter(message, context, parameter)
    return int(found[1]) << _UNITS[found[2].upper()]


_WHICH = (
    click.option("--kernel", metavar="K", help="Kernel version. [default: the newest modelled]"),
    click.option(
        "--platform", metavar="P", help="Preset or CPUID dump. [default: this machine's CPUID]"
    ),
    click.option(
        "--set",
        "choices",
        metavar="CHOICE=VALUE",
        multiple=True,
        callback=_choices,
        help="Take another design than the kernel's; may be repeated.",
    ),
    click.option("--patch", type=readable_file, help="Python file that changes the model."),
)
_LIVENESS = click.option(
    "--liveness",
    is_flag=True,
    help="Ask every scenario for all that must happen sooner or later.",
)
_HOW = (
    click.option(
        "--engine",
        type=click.Choice(["auto", "reference", "packed", "compiled"]),
        default="auto",
        show_default=True,
        help="How to search; the numbers are the same.",
    ),
    click.option(
        "--threads",
        type=click.IntRange(min=1),
        metavar="N",
        help="Threads of a compiled search. [default: one for each CPU]",
    ),
    click.option(
        "--memory",
        metavar="SIZE",
        callback=size,
        help="Memory that this process may take, such as 8G. [default: most of what is free]",
    ),
    click.option(
        "--max-states", type=click.IntRange(min=1), metavar="N", help="Stop after N states."
    ),
)


def which_world(command: Command) -> Command:
    """Add the options that say which world a command is about."""
    for option in reversed(_WHICH):
        command = option(command)
    return command


def world(command: Command) -> Command:
    """Add the options that say what is checked, and how hard."""
    for option in reversed((*_WHICH, _LIVENESS, *_HOW)):
        command = option(command)
    return command


def world_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of a command's options that say which world it is about, and what is asked of it."""
    names = ("kernel", "platform", "choices", "patch", "liveness")
    return {name: options[name] for name in names if name in options}
