# SPDX-License-Identifier: Apache-2.0
"""Width and colour follow the terminal, `COLUMNS` and `NO_COLOR`; progress is for terminals."""

from __future__ import annotations

import io

import pytest
from rich.text import Text

from tests.cli.fake import PROGRESS, VIOLATED, result
from xsavvy.api import TraceStep
from xsavvy.report.check import check_lines
from xsavvy.report.progress import ProgressLine, progress_text
from xsavvy.report.screen import Screen
from xsavvy.report.trace import trace_lines


class Terminal(io.StringIO):
    """A terminal of which only its output matters."""

    def isatty(self) -> bool:
        return True


def terminal(monkeypatch: pytest.MonkeyPatch, **environment: str) -> Terminal:
    """Make standard output a terminal of 80 columns with colours."""
    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"COLUMNS": "80", "TERM": "xterm-256color", **environment}.items():
        monkeypatch.setenv(name, value)
    stream = Terminal()
    monkeypatch.setattr("sys.stdout", stream)
    return stream


def test_a_terminal_gets_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    """A verdict is coloured on a terminal."""
    stream = terminal(monkeypatch)
    Screen().show([Text("violated", "red")])
    assert stream.getvalue() == "\x1b[31mviolated\x1b[0m\n"


def test_no_color_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """`NO_COLOR` takes the colours away."""
    stream = terminal(monkeypatch, NO_COLOR="1")
    Screen().show([Text("violated", "red")])
    assert stream.getvalue().count("violated") == 1
    assert "31m" not in stream.getvalue()


def test_a_pipe_has_no_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe takes lines of any length, and `COLUMNS` gives it a width."""
    monkeypatch.setattr("sys.stdout", io.StringIO())
    monkeypatch.delenv("COLUMNS", raising=False)
    assert Screen().width is None
    monkeypatch.setenv("COLUMNS", "72")
    assert Screen().width == 72


def test_a_long_line_is_not_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is longer than the width is left to the terminal, so that it can be copied whole."""
    stream = io.StringIO()
    monkeypatch.setattr("sys.stdout", stream)
    monkeypatch.setenv("COLUMNS", "20")
    Screen().show([Text("x " * 40)])
    assert stream.getvalue().count("\n") == 1


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_a_block_fits_its_width(width: int) -> None:
    """At every usual width the lines of a trace fit, the source going below its step if it must."""
    for line in trace_lines(VIOLATED, width):
        assert line.cell_len <= width


def test_a_source_goes_below_when_there_is_no_room() -> None:
    """A source that does not fit beside its step stands whole on the next line."""
    lines = [line.plain for line in check_lines([VIOLATED], 44)]
    assert "  1  vcpu  enter.load_pkru" in lines
    assert "             arch/x86/kvm/x86.c load()" in lines


def test_names_from_files_are_harmless() -> None:
    """A step that a patch named with an escape sequence is printed spelled out."""
    hostile = TraceStep("vcpu", "a\x1b[2Jb", "c\rd", "", {})
    shown = [line.plain for line in trace_lines(result(trace=[hostile]), None)]
    assert shown[0].split() == ["1", "vcpu", "a\\x1b[2Jb", "c\\x0dd"]


def test_progress_is_for_terminals() -> None:
    """On a terminal the line is rewritten and taken away; a file gets nothing."""
    terminal, file = Terminal(), io.StringIO()
    for stream in (terminal, file):
        with ProgressLine(stream) as line:
            line.start("window")
            line(PROGRESS)
    assert file.getvalue() == ""
    assert terminal.getvalue().startswith("\r\x1b[Kwindow  1,000 states")
    assert terminal.getvalue().endswith("\r\x1b[K")


def test_progress_fits_its_line() -> None:
    """A progress line never reaches the last column, where a terminal would wrap it."""
    terminal = Terminal()
    with ProgressLine(terminal, columns=30) as line:
        line(PROGRESS)
    assert all(len(part) < 30 for part in terminal.getvalue().split("\r\x1b[K"))


def test_progress_says_the_rate() -> None:
    """Progress names states, transitions, depth, frontier, rate and time."""
    assert progress_text(PROGRESS) == (
        "1,000 states  5,000 transitions  depth 9  frontier 100  2,000 states/s  0.50 s"
    )
