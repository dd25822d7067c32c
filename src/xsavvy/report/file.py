# SPDX-License-Identifier: Apache-2.0
"""Reports that go to files beside what is printed: JUnit, SARIF and pages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xsavvy.api.file import writing
from xsavvy.api.result import CheckResult, LeftOut

__all__ = ["write_file", "write_reports"]


def write_reports(
    results: Sequence[CheckResult],
    left_out: Sequence[LeftOut],
    *,
    junit: Path | None,
    sarif: Path | None,
) -> None:
    """Write the reports that were asked for. Raises UsageError for a file that cannot be written."""
    if junit is not None:
        from xsavvy.report.junit import junit as as_junit

        write_file(junit, as_junit(results, left_out))
    if sarif is not None:
        from xsavvy.report.sarif import sarif as as_sarif

        write_file(sarif, as_sarif(results, left_out))


def write_file(path: Path, text: str) -> None:
    """Write a file. Raises UsageError if it cannot be written."""
    with writing(path):
        path.write_text(text, encoding="utf-8")
