# SPDX-License-Identifier: Apache-2.0
"""Where lines go: a terminal of some width, or a pipe that takes lines as they are."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

__all__ = ["Screen", "note"]


class _Console(Console):
    """A console that leaves a closed pipe to the command line, which knows the exit status."""

    def on_broken_pipe(self) -> None:
        """Let the error pass; rich would exit with a status that means something else here."""
        raise  # noqa: PLE0704  # rich calls this while it handles the error


class Screen:
    """Standard output with colours where the terminal has them and `NO_COLOR` is not set.

    Attributes:
        width: columns that a line may use, or None where nothing limits it. `COLUMNS` decides if
            it is set, else the terminal; a pipe has no width.
    """

    def __init__(self) -> None:
        self._console = _Console(
            file=sys.stdout, highlight=False, markup=False, emoji=False, soft_wrap=True
        )
        columns = os.environ.get("COLUMNS", "")
        self.width: int | None = None
        if columns.isdigit() and int(columns):
            self.width = int(columns)
        elif self._console.is_terminal:
            self.width = self._console.width

    def show(self, lines: Iterable[Text]) -> None:
        """Print lines; none is cut, and none is broken except by the terminal itself."""
        for line in lines:
            self._console.print(line, soft_wrap=True)


def note(message: str) -> None:
    """Tell something on standard error, where it cannot get into anybody's data."""
    print(f"xsavvy: {message}", file=sys.stderr)  # noqa: T201  # the one place that may
