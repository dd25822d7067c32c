# SPDX-License-Identifier: Apache-2.0
"""Patches: a user's Python file that changes the model through the names that the model itself uses.

The file defines `patch(program)`, which returns an edited `xsavvy.checker.Program`, and may define `CHOICES`, a tuple
of `xsavvy.model.choices.Choice`; the value of such a choice is read in steps as `k.NAME` and set with `--set`. `PART`
names the part of the model that it is about: by default "run", the run loop and every part that builds on it.
A patch is code that its user trusts: it runs as it is.
"""

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any

from xsavvy.checker import Program

from .choices import Choice
from .registry import PARTS, choice_named, part_of
from .scenario import Scenario

__all__ = ["BrokenPatch", "Patch", "load_patch"]

LIMIT = 1 << 20


class BrokenPatch(ValueError):
    """A patch that cannot be used; the message is one line: file, line, what, what was expected."""


@dataclass(frozen=True)
class Patch:
    """A loaded patch: how to edit the program, and the choices that it adds."""

    path: str
    edit: Callable[[Program], Program]
    choices: tuple[Choice, ...]
    part: str = "run"

    def fits(self, scenario: Scenario) -> bool:
        """Say whether a scenario plays in the part that the patch is about."""
        part = part_of(scenario)
        return self.part == part.name or (self.part == "run" and part.builds_on_run)


def load_patch(path: Path) -> Patch:
    """Read, compile and run a patch file. Raises BrokenPatch."""
    code = _compiled(path)
    names: dict[str, Any] = {"__name__": "xsavvy_patch", "__file__": str(path)}
    try:
        exec(code, names)  # noqa: S102 (a patch is the user's own code)
    except (Exception, SystemExit) as error:
        raise BrokenPatch(f"{_where(path, error)}: {type(error).__name__}: {error}") from None
    edit = names.get("patch")
    if not callable(edit):
        raise BrokenPatch(f"{path}: expected a function patch(program), found none")
    choices = _choices(path, names.get("CHOICES", ()))
    return Patch(str(path), _guarded(path, edit), choices, _part(path, names.get("PART", "run")))


def _compiled(path: Path) -> CodeType:
    try:
        with path.open("rb") as file:
            data = file.read(LIMIT + 1)
    except OSError as error:
        raise BrokenPatch(f"{path}: cannot be read: {error.strerror}") from None
    if len(data) > LIMIT:
        raise BrokenPatch(f"{path}: more than {LIMIT} bytes, expected a Python file")
    try:
        return compile(data, str(path), "exec")
    except SyntaxError as error:
        raise BrokenPatch(f"{path}:{error.lineno}: not Python: {error.msg}") from None
    except ValueError as error:
        raise BrokenPatch(f"{path}: not Python: {error}") from None


def _guarded(path: Path, edit: Callable[[Program], Any]) -> Callable[[Program], Program]:
    def run(program: Program) -> Program:
        try:
            result = edit(program)
        except (Exception, SystemExit) as error:
            raise BrokenPatch(f"{_where(path, error)}: {type(error).__name__}: {error}") from None
        if not isinstance(result, Program):
            raise BrokenPatch(
                f"{path}: patch() returned {type(result).__name__}, expected the edited Program"
            )
        return result

    return run


def _choices(path: Path, found: object) -> tuple[Choice, ...]:
    if not isinstance(found, tuple | list) or not all(isinstance(each, Choice) for each in found):
        raise BrokenPatch(f"{path}: CHOICES: expected a tuple of xsavvy.model.choices.Choice")
    for choice in found:
        if choice_named(choice.name) is not None:
            raise BrokenPatch(f"{path}: CHOICES: {choice.name!r} is a choice of the model already")
    return tuple(found)


def _part(path: Path, found: object) -> str:
    names = [part.name for part in PARTS]
    if found not in names:
        raise BrokenPatch(f"{path}: PART: expected one of {', '.join(names)}, found {found!r}")
    return str(found)


def _where(path: Path, error: BaseException) -> str:
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == str(path)
    ]
    return f"{path}:{lines[-1]}" if lines else str(path)
