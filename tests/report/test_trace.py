# SPDX-License-Identifier: Apache-2.0
"""A trace that repeats for ever tells where it begins to."""

from __future__ import annotations

from tests.cli.fake import TRACE, VIOLATED, result
from xsavvy.report.trace import trace_lines


def shown(loop: int | None) -> list[str]:
    """Print a violated eventuality of two steps, without the fields that changed."""
    found = result(
        property="goes_on",
        sentence="It goes on.",
        verdict="violated",
        trace=TRACE,
        kind="eventually",
        loop=loop,
    )
    return [line.plain.rstrip() for line in trace_lines(found, 60) if "->" not in line.plain]


def test_a_loop_is_set_off_from_its_stem() -> None:
    """A line stands before the first step that repeats, and the end counts both."""
    lines = shown(1)
    assert lines.index("  from here on, again and again:") == 1
    assert lines[2].startswith("  2  irq")
    assert lines[-2] == "  violated: goes_on after 1 step, and 1 step for ever"


def test_a_run_may_end() -> None:
    """Where nothing has to happen any more, nothing repeats."""
    lines = shown(2)
    assert not any("again" in line for line in lines)
    assert lines[-2].startswith("  violated: goes_on after 2 steps: there the run ends")


def test_an_ordinary_trace_has_no_loop() -> None:
    """A violated property's trace just ends."""
    lines = [line.plain for line in trace_lines(VIOLATED, 60)]
    assert not any("again" in line for line in lines)
    assert "  violated: no_fault after 2 steps" in lines
