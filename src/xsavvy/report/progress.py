# SPDX-License-Identifier: Apache-2.0
"""One line that says how far a search is, rewritten in place, on a terminal only."""

from __future__ import annotations

import shutil
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from rich.cells import set_cell_size

from xsavvy.report.text import duration, escape, number

if TYPE_CHECKING:
    from xsavvy.api import Progress

__all__ = ["ProgressLine", "progress_text"]

INTERVAL = 0.1


def progress_text(progress: Progress) -> str:
    """Return how far a search is: states, transitions, depth, rate, what may be left."""
    rate = progress.states / progress.seconds if progress.seconds > 0 else 0
    text = (
        f"{number(progress.states)} states  {number(progress.transitions)} transitions  "
        f"depth {number(progress.depth)}  frontier {number(progress.frontier)}  "
        f"{number(round(rate))} states/s  {duration(progress.seconds)}"
    )
    if progress.left is not None and rate > 0:
        text += f"  about {duration(progress.left / rate)} left"
    return text


class ProgressLine:
    """A callback that writes at most ten times a second; as a context it leaves a clean line."""

    def __init__(self, stream: TextIO | None = None, columns: int | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._on = self._stream.isatty()
        self._columns = columns or shutil.get_terminal_size().columns
        self._label = ""
        self._next = 0.0
        self._shown = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.clear()

    def start(self, label: str) -> None:
        """Name what is searched now."""
        self._label = escape(label)
        self._next = 0.0

    def clear(self) -> None:
        """Empty the line, so that something else can be written."""
        if self._shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
            self._shown = False

    def __call__(self, progress: Progress) -> None:
        """Show how far a search is."""
        self._show(progress_text(progress))

    def count(self, done: int, total: int) -> None:
        """Show how many of a known number are done."""
        self._show(f"{number(done)} of {number(total)}")

    def _show(self, text: str) -> None:
        now = time.monotonic()
        if not self._on or now < self._next:
            return
        self._next = now + INTERVAL
        line = set_cell_size(f"{self._label}  {text}", self._columns - 1).rstrip()
        self._stream.write(f"\r\x1b[K{line}")
        self._shown = True
        self._stream.flush()
